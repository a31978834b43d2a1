package loader_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/loader/formats"
)

func TestEverySourceMakesAListThatIsTaken(t *testing.T) {
	b := newBench(t)
	seen := map[string]bool{}
	for _, s := range loader.Sources() {
		if seen[s.ID] {
			t.Errorf("%s stands there twice", s.ID)
		}
		seen[s.ID] = true
		if s.Name == "" || s.Authority == "" || s.Licence == "" || strings.Contains(s.URL, "opensanctions.org") != strings.Contains(s.Licence, "BY-NC") {
			t.Errorf("%s does not say what one must know: %+v", s.ID, s)
		}
		if l := loader.NewList(s.ID, b.now); l.Name != s.Name || l.Category != s.Category || l.Confidence != s.Confidence || l.Source != nil || l.Approvals != 1 {
			t.Errorf("a list of that id is %+v", l)
		}
		if s.URL == "" {
			if _, err := b.Follow(ctx, s.ID, loader.FollowOptions{By: "op"}); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), s.Note) {
				t.Errorf("%s cannot be followed, and that is not said: %v", s.ID, err)
			}
			continue
		}
		if !strings.HasPrefix(s.URL, "https://") || !slices.Contains(formats.Names(), s.Format) || s.Every < time.Hour {
			t.Errorf("%s is asked for at %s as %s every %s", s.ID, s.URL, s.Format, s.Every)
		}
		l, err := b.Follow(ctx, s.ID, loader.FollowOptions{By: "op", List: "l-" + s.ID})
		if err != nil {
			t.Error(err)
			continue
		}
		if *l.Source != (lists.Source{URL: s.URL, Format: s.Format, Every: s.Every}) || l.Name != s.Name || l.Approvals != 0 || l.MaxAge == 0 || l.UpdatedBy != "op" {
			t.Errorf("the list is %+v", l)
		}
	}
	if l, err := b.Follow(ctx, "ofac-sdn-xml", loader.FollowOptions{By: "op"}); err != nil || l.ID != "ofac-sdn" {
		t.Errorf("the same list in other bytes is %+v, %v", l, err)
	}
	if _, err := b.Follow(ctx, "nonsense", loader.FollowOptions{By: "op"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
}

func TestAListThatIsThereKeepsItsSettingsWhenItFollows(t *testing.T) {
	b := newBench(t)
	l := b.settings("ours")
	l.Approvals, l.MaxAge, l.Name = 2, time.Hour, "Ours"
	if _, err := b.PutList(ctx, *l, "ad"); err != nil {
		t.Fatal(err)
	}
	got, err := b.Follow(ctx, "ofac-sdn", loader.FollowOptions{By: "op", List: "ours", URL: "https://mirror.example.org/sdn.zip", Every: time.Hour})
	if err != nil || got.Approvals != 2 || got.MaxAge != time.Hour || got.Name != "Ours" || got.Source.URL != "https://mirror.example.org/sdn.zip" || got.Source.Every != time.Hour {
		t.Fatalf("%+v, %v", got, err)
	}
	none := 0
	if got, err = b.Follow(ctx, "ofac-sdn", loader.FollowOptions{By: "op", List: "ours", Approvals: &none}); err != nil || got.Approvals != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	if got, err = b.Unfollow(ctx, "ours", "op"); err != nil || got.Source != nil {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err = b.Unfollow(ctx, "ours", "op"); !fault.Is(err, fault.Conflict) {
		t.Errorf("%v", err)
	}
}

func TestASourceThatCannotBeFollowedIsRefusedWithoutItsURL(t *testing.T) {
	b := newBench(t)
	good := lists.Source{URL: "https://u:geheim@example.org/l.csv?token=geheim", Format: "csv", Every: time.Hour}
	put := func(s lists.Source) error {
		l := b.settings("ours")
		l.Source = &s
		_, err := b.PutList(ctx, *l, "ad")
		return err
	}
	if err := put(good); err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*lists.Source){
		"source.url: ":       func(s *lists.Source) { s.URL = "ftp://u:geheim@example.org/" },
		"source.url:":        func(s *lists.Source) { s.URL = "" },
		"source.url":         func(s *lists.Source) { s.URL = "https://u:geheim@/" },
		"source.format":      func(s *lists.Source) { s.Format = "nonsense" },
		"source.every":       func(s *lists.Source) { s.Every = time.Second },
		"source.every: must": func(s *lists.Source) { s.Every = -time.Hour },
		"source.sha256:":     func(s *lists.Source) { s.SHA256 = "abc" },
		"source.sha256_url":  func(s *lists.Source) { s.SHA256URL = "geheim" },
		"sha256 and sha256_url": func(s *lists.Source) {
			s.SHA256, s.SHA256URL = strings.Repeat("a", 64), "https://example.org/"
		},
	} {
		s := good
		change(&s)
		if err := put(s); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), field) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v", field, err)
		}
	}
}
