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
			if s.Note == "" {
				t.Errorf("%s cannot be followed, and nothing says why", s.ID)
			}
			continue
		}
		if !strings.HasPrefix(s.URL, "https://") || !slices.Contains(formats.Names(), s.Format) || s.Every < time.Hour {
			t.Errorf("%s is asked for at %s as %s every %s", s.ID, s.URL, s.Format, s.Every)
		}
		l := loader.NewList("l-"+s.ID, b.now)
		l.Source = &lists.Source{URL: s.URL, Format: s.Format, Every: s.Every}
		if _, _, err := b.PutList(ctx, l.ID, by("op", ""), settle(*l)); err != nil {
			t.Error(err)
		}
	}
	if s, err := loader.SourceNamed("ofac-sdn-xml"); err != nil || s.List != "ofac-sdn" {
		t.Errorf("the same list in other bytes is %+v, %v", s, err)
	}
	if _, err := loader.SourceNamed("nonsense"); !fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
}

func TestASourceThatCannotBeFollowedIsRefusedWithoutItsURL(t *testing.T) {
	b := newBench(t)
	good := lists.Source{URL: "https://u:geheim@example.org/l.csv?token=geheim", Format: "csv", Every: time.Hour}
	put := func(s lists.Source) error {
		l := b.settings("ours")
		l.Source = &s
		_, _, err := b.PutList(ctx, l.ID, by("ad", ""), settle(*l))
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
		"not both": func(s *lists.Source) {
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
