package loader_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/loader/fetch"
)

// publisher publishes files by path, with ETags unless it is told not to, and can fail.
type publisher struct {
	*httptest.Server
	mu     sync.Mutex
	files  map[string]string
	fails  map[string]http.HandlerFunc
	plain  bool     // knows no conditional requests
	log    []string // "/deny.csv 200"
	before func()   // before it answers
}

func publish(t *testing.T) *publisher {
	t.Helper()
	p := &publisher{files: map[string]string{}, fails: map[string]http.HandlerFunc{}}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	file, fail, before, plain := p.files[r.URL.Path], p.fails[r.URL.Path], p.before, p.plain
	p.mu.Unlock()
	if before != nil {
		before()
	}
	etag, status := `"`+digestOf(file)+`"`, http.StatusOK
	switch {
	case fail != nil:
		status = 0
		fail(w, r)
	case !plain && r.Header.Get("If-None-Match") == etag:
		status = http.StatusNotModified
		w.WriteHeader(status)
	default:
		if !plain {
			w.Header().Set("ETag", etag)
		}
		_, _ = io.WriteString(w, file)
	}
	p.mu.Lock()
	p.log = append(p.log, fmt.Sprintf("%s %d", r.URL.Path, status))
	p.mu.Unlock()
}

func (p *publisher) set(path, content string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.files[path] = content
}

func (p *publisher) fail(path string, how http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fails[path] = how
}

// asked gives what was asked for since it was last called.
func (p *publisher) asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	log := p.log
	p.log = nil
	return log
}

func digestOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func fetching() fetch.Options {
	return fetch.Options{AllowHTTP: true, AllowInternal: true, Sleep: func(context.Context, time.Duration) error { return nil }}
}

func (b *bench) refresher(owner string) *loader.Refresher {
	return loader.NewRefresher(b.Loader, loader.RefreshOptions{Owner: owner, By: "refresh", Fetch: fetching(), LeaseTTL: time.Second, Poll: 10 * time.Millisecond})
}

// follow makes a list that follows a URL, and that goes live by itself.
func (b *bench) follow(t testing.TB, id, url string, change ...func(*lists.List)) {
	t.Helper()
	l := b.settings(id)
	l.Source = &lists.Source{URL: url, Format: "csv", Every: 6 * time.Hour}
	for _, c := range change {
		c(l)
	}
	if _, _, err := b.PutList(ctx, l.ID, by("ad", ""), settle(*l)); err != nil {
		t.Fatal(err)
	}
}

// refresh refreshes what is due, and tells what came of it, by list: "deny activated 1: version 1 is …".
func (b *bench) refresh(t testing.TB, force bool, ids ...string) (out []string) {
	t.Helper()
	if err := b.refresher("test").Refresh(ctx, ids, force, func(x loader.Refreshed) {
		text := fmt.Sprintf("%s %s %d", x.List, x.Outcome, x.Version)
		for _, s := range []string{x.Detail, x.Error} {
			if s != "" {
				text += ": " + s
			}
		}
		out = append(out, text)
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func (b *bench) status(t testing.TB, id string) lists.Refresh {
	t.Helper()
	s, _, err := lists.Read[lists.Refresh](ctx, b.store, lists.DocRefresh(id))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (b *bench) fresh(t testing.TB, id string) time.Time {
	t.Helper()
	_, at, err := b.List(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func (b *bench) active(t testing.TB, id string) int {
	t.Helper()
	l, _, err := b.List(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return l.Active
}

func want(t testing.TB, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%q, want %q", got, want)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Fatalf("%q, want %q", got, want)
		}
	}
}

func noLeaks(t *testing.T) {
	t.Helper()
	running := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, running) })
}

func TestAListIsFetchedWhenDueAndGoesLive(t *testing.T) {
	noLeaks(t)
	b, p := newBench(t), publish(t)
	p.set("/deny.csv", csvOf(evmA+",ethereum,A"))
	b.follow(t, "deny", p.URL+"/deny.csv")
	b.mustStage(t, loader.StageOptions{Create: b.settings("other")}, csvOf(evmC+",ethereum,C"))

	want(t, b.refresh(t, false), "deny activated 1: version 1 is active as generation 1")
	v, err := b.Version(ctx, "deny", 1)
	if err != nil || v.File != "deny.csv" || v.UploadedBy != "refresh" || v.State != lists.Activated || v.SHA256 != digestOf(csvOf(evmA+",ethereum,A")) {
		t.Errorf("%+v, %v", v, err)
	}
	b.now = b.now.Add(6*time.Hour - time.Second)
	want(t, b.refresh(t, false), "deny not_due 0: last attempt: activated")
	want(t, p.asked(), "/deny.csv 200")

	b.now = b.now.Add(time.Second)
	want(t, b.refresh(t, false), "deny unchanged 1: version 1 is what the publisher has")
	want(t, p.asked(), "/deny.csv 304")
	if got := b.fresh(t, "deny"); !got.Equal(b.now) {
		t.Errorf("what is unchanged is fresh as of %v, not %v", got, b.now)
	}
	want(t, b.refresh(t, true), "deny unchanged")
	want(t, p.asked(), "/deny.csv 304")

	p.set("/deny.csv", csvOf(evmA+",ethereum,A", evmB+",ethereum,B"))
	b.now = b.now.Add(6 * time.Hour)
	want(t, b.refresh(t, false, "deny"), "deny activated 2: version 2 is active as generation 2")
	if d := cmp.Diff([]string{evmB + " B 2", evmA + " A 1"}, b.content(t, "deny", 2)); d != "" {
		t.Error(d)
	}
	s := b.status(t, "deny")
	if d := cmp.Diff(lists.Refresh{LastAttempt: b.now, LastSuccess: b.now, Outcome: lists.RefreshActivated, Detail: "version 2 is active as generation 2",
		URLSHA256: digestOf(p.URL + "/deny.csv"), ETag: `"` + digestOf(p.files["/deny.csv"]) + `"`, SHA256: digestOf(p.files["/deny.csv"]), Version: 2}, s); d != "" {
		t.Error(d)
	}
}

func TestAServerWithoutConditionalRequestsIsKnownByItsBytes(t *testing.T) {
	b, p := newBench(t), publish(t)
	p.plain = true
	p.set("/deny.csv", csvOf(evmA+",ethereum,A"))
	b.follow(t, "deny", p.URL+"/deny.csv")
	want(t, b.refresh(t, false), "deny activated 1")
	b.now = b.now.Add(6 * time.Hour)
	want(t, b.refresh(t, false), "deny unchanged 1")
	want(t, p.asked(), "/deny.csv 200", "/deny.csv 200")
	if versions, err := b.Versions(ctx, "deny"); err != nil || len(versions) != 1 || !b.fresh(t, "deny").Equal(b.now) {
		t.Errorf("%d versions, fresh %v, %v", len(versions), b.fresh(t, "deny"), err)
	}
}

// Every failure leaves the last good list, is on record, and does not make the list any fresher.
func TestAFailureLeavesTheLastGoodListAndIsOnRecord(t *testing.T) {
	cut := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\naddress,network,entity\n"+evmB+",ethereum,B\n")
		conn.Close()
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	body := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
	}
	for name, c := range map[string]struct {
		how  http.HandlerFunc
		says string
	}{
		"403":                  {status(403), "status 403"},
		"503":                  {status(503), "4 attempts: status 503"},
		"a web page":           {body("<html><body>moved</body></html>"), "web page"},
		"0 bytes":              {body(""), "0 bytes"},
		"truncated":            {cut, "interrupted"},
		"nonsense":             {body("\x00\x01\x02\x03"), ""},
		"a directory":          {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/no/such/", http.StatusFound) }, "0 bytes"},
		"no answer":            {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
		"base58 in lower case": {body(csvOf(strings.ToLower(strings.Repeat(btcA+",bitcoin,A\n", 12)))), "lower case"},
	} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			b, p := newBench(t), publish(t)
			p.set("/deny.csv", csvOf(evmA+",ethereum,A"))
			b.follow(t, "deny", p.URL+"/deny.csv?token=geheim")
			want(t, b.refresh(t, false), "deny activated 1")
			good := b.now
			b.ledger.changes = nil

			p.fail("/deny.csv", c.how)
			for n := 1; n <= 3; n++ {
				b.now = b.now.Add(7 * time.Hour)
				got := b.refresh(t, false)
				want(t, got, "deny failed 0: ")
				s := b.status(t, "deny")
				if s.Failures != n || s.Outcome != lists.RefreshFailed || s.LastError == "" || !strings.Contains(s.LastError, c.says) || !strings.Contains(got[0], s.LastError) ||
					!s.LastAttempt.Equal(b.now) || !s.LastSuccess.Equal(good) || s.Running || strings.Contains(s.LastError, "geheim") {
					t.Errorf("%+v", s)
				}
			}
			if b.active(t, "deny") != 1 || !b.fresh(t, "deny").Equal(good) {
				t.Errorf("active is version %d, fresh as of %v", b.active(t, "deny"), b.fresh(t, "deny"))
			}
			recorded := 0
			for _, x := range b.ledger.changes {
				if x.Action == "refresh" {
					recorded++
					if x.Outcome != "failed" || x.Error != b.status(t, "deny").LastError || x.By != "refresh" || x.List != "deny" {
						t.Errorf("recorded as %+v", x)
					}
				}
			}
			if recorded != 3 {
				t.Errorf("%d failures of 3 are recorded", recorded)
			}

			p.fail("/deny.csv", nil)
			b.now = b.now.Add(7 * time.Hour)
			want(t, b.refresh(t, false), "deny unchanged 1")
			if s := b.status(t, "deny"); s.Failures != 0 || s.LastError != "" || !s.LastSuccess.Equal(b.now) || !b.fresh(t, "deny").Equal(b.now) {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestOneOfThreeListsFailsAndTheOthersAreRefreshed(t *testing.T) {
	b, p := newBench(t), publish(t)
	for _, id := range []string{"a", "b", "c"} {
		p.set("/"+id, csvOf(evmA+",ethereum,"+id))
		b.follow(t, id, p.URL+"/"+id)
	}
	p.fail("/b", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	want(t, b.refresh(t, false), "a activated 1", "b failed 0", "c activated 1")
	if g, err := b.Generation(ctx, 0); err != nil || g.Number != 2 || len(g.Lists) != 2 {
		t.Errorf("%+v, %v", g, err)
	}
	want(t, b.refresh(t, false, "c", "nonsense", "b"), "b not_due 0", "c not_due 0", "nonsense failed 0: no such list")
}

func TestAfterAFailureAListIsTriedSoonerThanItsInterval(t *testing.T) {
	b, p := newBench(t), publish(t)
	b.follow(t, "deny", p.URL+"/deny.csv") // 0 bytes
	var waits []time.Duration
	for range 8 {
		want(t, b.refresh(t, true), "deny failed")
		l, _, err := b.List(ctx, "deny")
		if err != nil {
			t.Fatal(err)
		}
		_, next, err := b.RefreshStatus(ctx, l)
		if err != nil {
			t.Fatal(err)
		}
		waits = append(waits, next.Sub(b.now))
		b.now = next.Add(-time.Second)
		want(t, b.refresh(t, false), "deny not_due")
	}
	if d := cmp.Diff([]time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour, 6 * time.Hour, 6 * time.Hour}, waits); d != "" {
		t.Error(d)
	}
	p.fail("/deny.csv", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "36000")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	want(t, b.refresh(t, true), "deny failed")
	p.fail("/deny.csv", nil)
	p.set("/deny.csv", csvOf(evmA+",ethereum,A"))
	p.asked()
	b.now = b.now.Add(10*time.Hour - time.Second)
	want(t, b.refresh(t, false), "deny not_due") // it asked for ten hours
	b.now = b.now.Add(time.Second)
	want(t, b.refresh(t, false), "deny activated 1")

	// Another URL is tried at once.
	p.set("/new.csv", csvOf(evmB+",ethereum,B"))
	b.follow(t, "deny", p.URL+"/new.csv", func(l *lists.List) { l.Active, l.MaxShrink = 1, 1 })
	want(t, b.refresh(t, false), "deny activated 2")
}

func TestWhatNeedsAPersonStaysStaged(t *testing.T) {
	full := csvOf(evmA+",ethereum,A", evmB+",ethereum,B", evmC+",ethereum,C")
	t.Run("approvals", func(t *testing.T) {
		b, p := newBench(t), publish(t)
		p.set("/deny.csv", full)
		b.follow(t, "deny", p.URL+"/deny.csv", func(l *lists.List) { l.Approvals = 1 })
		want(t, b.refresh(t, false), "deny staged 1: version 1 waits: it has 0 of 1 approvals")
		staged := b.now
		b.now = b.now.Add(6 * time.Hour)
		want(t, b.refresh(t, false), "deny waiting 1: version 1 waits")
		want(t, p.asked(), "/deny.csv 200", "/deny.csv 304")
		if s := b.status(t, "deny"); s.Failures != 0 || !s.LastSuccess.Equal(b.now) || !b.fresh(t, "deny").IsZero() {
			t.Errorf("%+v, fresh %v", s, b.fresh(t, "deny"))
		}
		if _, err := b.Approve(ctx, "deny", 1, by("bo", "")); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Activate(ctx, "deny", 1, loader.ActivateOptions{By: lists.Person("bo")}); err != nil {
			t.Fatal(err)
		}
		if got := b.fresh(t, "deny"); !got.Equal(staged) {
			t.Errorf("it is as fresh as its download, %v, not %v", staged, got)
		}
		b.now = b.now.Add(6 * time.Hour)
		want(t, b.refresh(t, false), "deny unchanged 1")
	})
	t.Run("a guard", func(t *testing.T) {
		b, p := newBench(t), publish(t)
		p.set("/deny.csv", full)
		b.follow(t, "deny", p.URL+"/deny.csv")
		want(t, b.refresh(t, false), "deny activated 1")
		good := b.now
		p.set("/deny.csv", csvOf(evmA+",ethereum,A"))
		b.ledger.changes = nil
		for range 2 {
			b.now = b.now.Add(6 * time.Hour)
			if got := b.refresh(t, false); !strings.Contains(got[0], "version 2 waits: its guard asks for a reason: shrink") {
				t.Errorf("%q", got)
			}
		}
		if b.active(t, "deny") != 1 || !b.fresh(t, "deny").Equal(good) {
			t.Errorf("active is version %d, fresh as of %v", b.active(t, "deny"), b.fresh(t, "deny"))
		}
		if slices.ContainsFunc(b.ledger.changes, func(c lists.Event) bool { return c.Action == "activate" }) {
			t.Errorf("each look tries to activate: %v", b.ledger.changes)
		}
		// The publisher puts it right.
		p.set("/deny.csv", csvOf(evmA+",ethereum,A", evmB+",ethereum,B", evmC+",ethereum,C", btcA+",bitcoin,D"))
		b.now = b.now.Add(6 * time.Hour)
		want(t, b.refresh(t, false), "deny activated 3")
	})
	t.Run("a person was faster", func(t *testing.T) {
		b, p := newBench(t), publish(t)
		p.set("/deny.csv", full)
		b.follow(t, "deny", p.URL+"/deny.csv", func(l *lists.List) { l.Approvals = 1 })
		want(t, b.refresh(t, false), "deny staged 1")
		v := b.mustStage(t, loader.StageOptions{}, csvOf(evmB+",ethereum,B"))
		if _, err := b.Activate(ctx, "deny", v.Number, loader.ActivateOptions{By: lists.Person("bo"), Warrant: lists.Warrant{Alone: lists.AloneOperator}, Override: "it is so"}); err != nil {
			t.Fatal(err)
		}
		b.follow(t, "deny", p.URL+"/deny.csv")
		b.now = b.now.Add(6 * time.Hour)
		want(t, b.refresh(t, false), "deny waiting 1: version 1 waits: something else has become active since it was staged")
	})
}

func TestWhatAPersonTookBackDoesNotComeBackByItself(t *testing.T) {
	for name, takeBack := range map[string]func(*bench) error{
		"rolled back": func(b *bench) error { _, err := b.Rollback(ctx, "deny", by("bo", "wrong")); return err },
		"replaced by hand": func(b *bench) error {
			v, err := b.Stage(ctx, "deny", []loader.Upload{{Name: "x", Body: strings.NewReader(csvOf(evmC+",ethereum,C", evmB+",ethereum,B"))}}, loader.StageOptions{Format: "csv", By: lists.Person("ana")})
			if err == nil {
				_, err = b.Activate(ctx, "deny", v.Number, loader.ActivateOptions{By: lists.Person("bo"), Override: "yes"})
			}
			return err
		},
		"retired": func(b *bench) error { _, err := b.Retire(ctx, "deny", by("bo", "no")); return err },
	} {
		for _, plain := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, conditional requests %t", name, !plain), func(t *testing.T) {
				b, p := newBench(t), publish(t)
				p.plain = plain
				p.set("/deny.csv", csvOf(evmA+",ethereum,A"))
				b.follow(t, "deny", p.URL+"/deny.csv")
				want(t, b.refresh(t, false), "deny activated 1")
				p.set("/deny.csv", csvOf(evmA+",ethereum,A", evmB+",ethereum,B"))
				b.now = b.now.Add(6 * time.Hour)
				want(t, b.refresh(t, false), "deny activated 2")
				if err := takeBack(b); err != nil {
					t.Fatal(err)
				}
				was := b.active(t, "deny")
				// A failure in between does not make it forget.
				b.now = b.now.Add(6 * time.Hour)
				p.fail("/deny.csv", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "\x00\x01\x02") })
				want(t, b.refresh(t, false), "deny failed")
				p.fail("/deny.csv", nil)
				b.now = b.now.Add(6 * time.Hour)
				want(t, b.refresh(t, false), "deny waiting 2: version 2 is no longer active, and the publisher has nothing newer")
				if got := b.active(t, "deny"); got != was {
					t.Errorf("version %d is active instead of %d", got, was)
				}
				// The publisher's next word counts again.
				p.set("/deny.csv", csvOf(evmA+",ethereum,A", evmB+",ethereum,B", evmC+",ethereum,C"))
				b.now = b.now.Add(6 * time.Hour)
				if name == "retired" {
					want(t, b.refresh(t, false), "deny staged 4: version 4 waits: the list was retired")
					return
				}
				want(t, b.refresh(t, false), "deny activated")
			})
		}
	}
	t.Run("rejected", func(t *testing.T) {
		b, p := newBench(t), publish(t)
		p.set("/deny.csv", csvOf(evmA+",ethereum,A"))
		b.follow(t, "deny", p.URL+"/deny.csv", func(l *lists.List) { l.Approvals = 1 })
		want(t, b.refresh(t, false), "deny staged 1")
		if _, err := b.Reject(ctx, "deny", 1, by("bo", "no")); err != nil {
			t.Fatal(err)
		}
		b.now = b.now.Add(6 * time.Hour)
		want(t, b.refresh(t, false), "deny waiting 1: version 1 was rejected")
	})
}

// The urgent fifty addresses that were added by hand stay, until a person decides about a newer list.
func TestWhatWasAddedByHandIsNotUndone(t *testing.T) {
	b, p := newBench(t), publish(t)
	p.set("/deny.csv", csvOf(evmA+",ethereum,A"))
	b.follow(t, "deny", p.URL+"/deny.csv")
	want(t, b.refresh(t, false), "deny activated 1")
	b.mustStage(t, loader.StageOptions{Mode: lists.Add}, csvOf(evmB+",ethereum,FBI"))
	b.activate(t, "deny", 2)
	b.now = b.now.Add(6 * time.Hour)
	want(t, b.refresh(t, false), "deny unchanged 1: version 2 is what the publisher has")
	if !b.fresh(t, "deny").Equal(b.now) {
		t.Error("the publisher has nothing newer, and the list is not fresh")
	}
	p.set("/deny.csv", csvOf(evmA+",ethereum,A", evmC+",ethereum,C"))
	b.now = b.now.Add(6 * time.Hour)
	want(t, b.refresh(t, false), "deny staged 3: version 3 waits: it would undo what was added or removed by hand")
	if b.active(t, "deny") != 2 {
		t.Error("it is undone")
	}
	if _, err := b.Activate(ctx, "deny", 3, loader.ActivateOptions{By: lists.Person("bo"), Warrant: lists.Warrant{Alone: lists.AloneOperator}, Override: "the publisher knows better"}); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(6 * time.Hour)
	want(t, b.refresh(t, false), "deny unchanged 3")
}

func TestAPublishedDigestIsHeldAgainstTheDownload(t *testing.T) {
	content := csvOf(evmA + ",ethereum,A")
	b, p := newBench(t), publish(t)
	p.set("/deny.csv", content)
	p.set("/deny.csv.sha256", digestOf("something else")+"  deny.csv\n")
	b.follow(t, "deny", p.URL+"/deny.csv", func(l *lists.List) { l.Source.SHA256URL = p.URL + "/deny.csv.sha256" })
	if got := b.refresh(t, false); !strings.Contains(got[0], "is not the one that was published") {
		t.Errorf("%q", got)
	}
	if versions, err := b.Versions(ctx, "deny"); err != nil || len(versions) != 0 {
		t.Errorf("it was staged: %v, %v", versions, err)
	}
	p.set("/deny.csv.sha256", "")
	if got := b.refresh(t, true); !strings.Contains(got[0], "0 bytes") {
		t.Errorf("%q", got)
	}
	p.set("/deny.csv.sha256", digestOf("other")+"  other.csv\n"+digestOf(content)+"  deny.csv\n")
	want(t, b.refresh(t, true), "deny activated 1")

	b.follow(t, "fixed", p.URL+"/deny.csv", func(l *lists.List) { l.Source.SHA256 = strings.ToUpper(digestOf(content)) })
	want(t, b.refresh(t, false, "fixed"), "fixed activated 1")
	p.set("/deny.csv", content+" ")
	want(t, b.refresh(t, true, "fixed"), "fixed failed 0: the file's SHA-256 is")
}

func TestAServersSourcesAreOutsideAndEncrypted(t *testing.T) {
	b, p := newBench(t), publish(t)
	p.set("/deny.csv", csvOf(evmA+",ethereum,A"))
	b.follow(t, "deny", p.URL+"/deny.csv")
	for _, c := range []struct {
		o    fetch.Options
		says string
	}{{fetch.Options{}, "plain http is not allowed"}, {fetch.Options{AllowHTTP: true}, "127.0.0.1 is an internal address"}} {
		r := loader.NewRefresher(b.Loader, loader.RefreshOptions{Owner: "test", By: "refresh", Fetch: c.o})
		var got loader.Refreshed
		if err := r.Refresh(ctx, nil, true, func(x loader.Refreshed) { got = x }); err != nil || got.Outcome != lists.RefreshFailed || !strings.Contains(got.Error, c.says) {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if asked := p.asked(); len(asked) != 0 {
		t.Errorf("asked: %v", asked)
	}
}

func TestAnAttemptThatDiedCountsAsAFailure(t *testing.T) {
	b, p := newBench(t), publish(t)
	p.set("/deny.csv", csvOf(evmA+",ethereum,A"))
	b.follow(t, "deny", p.URL+"/deny.csv")
	died := lists.Refresh{LastAttempt: b.now, Running: true}
	if err := b.store.Commit(ctx, lists.Put(lists.DocRefresh("deny"), died, 0),
		lists.Put(lists.DocLease("refresh"), lists.Lease{Owner: "dead", Taken: b.now, Renewed: b.now, Expires: b.now.Add(time.Minute)}, 0)); err != nil {
		t.Fatal(err)
	}
	want(t, b.refresh(t, false), "deny not_due") // it may be what killed the process
	b.now = b.now.Add(15 * time.Minute)

	// The dead one's lease is waited for: a second, by the option. The clock of this bench stands still, so it is moved.
	var moved atomic.Bool
	go func() {
		time.Sleep(300 * time.Millisecond)
		moved.Store(true)
	}()
	base := b.now
	r := loader.NewRefresher(loader.New(b.store, b.ledger, slog.New(slog.DiscardHandler), t.TempDir(), func() time.Time {
		if moved.Load() {
			return base.Add(time.Second)
		}
		return base
	}), loader.RefreshOptions{Owner: "alive", By: "refresh", Fetch: fetching(), LeaseTTL: time.Second})
	p.before = func() {
		if s := b.status(t, "deny"); s.Failures != 1 || !s.Running || !strings.Contains(s.LastError, "interrupted") {
			t.Errorf("while it is tried again: %+v", s)
		}
	}
	var got loader.Refreshed
	if err := r.Refresh(ctx, nil, false, func(x loader.Refreshed) { got = x }); err != nil || got.Outcome != lists.RefreshActivated || !moved.Load() {
		t.Fatalf("%+v, %v", got, err)
	}
	if s := b.status(t, "deny"); s.Failures != 0 || s.Running {
		t.Errorf("%+v", s)
	}
}

func TestARefreshThatIsGivenUpLeavesTheListDue(t *testing.T) {
	noLeaks(t)
	b, p := newBench(t), publish(t)
	p.set("/deny.csv", csvOf(evmA+",ethereum,A"))
	b.follow(t, "deny", p.URL+"/deny.csv")
	stopped, stop := context.WithCancel(ctx)
	p.before = stop
	var got loader.Refreshed
	if err := b.refresher("test").Refresh(stopped, nil, false, func(x loader.Refreshed) { got = x }); err != nil || got.Outcome != lists.RefreshFailed || got.Error != "given up" {
		t.Errorf("%+v, %v", got, err)
	}
	if l, _, err := b.List(ctx, "deny"); err != nil {
		t.Fatal(err)
	} else if s, _, err := b.RefreshStatus(ctx, l); s != nil || err != nil {
		t.Errorf("on record: %+v, %v", s, err)
	}
	if held, _, err := lists.Read[lists.Lease](ctx, b.store, lists.DocLease("refresh")); err != nil || held.Owner != "" {
		t.Errorf("the lease is kept: %+v, %v", held, err)
	}
	p.before = nil
	want(t, b.refresh(t, false), "deny activated 1")
}

func TestAListOutOfTimeIsFetchedWhenItIsNamed(t *testing.T) {
	b, p := newBench(t), publish(t)
	p.set("/deny.csv", csvOf(evmA+",ethereum,A"))
	b.follow(t, "deny", p.URL+"/deny.csv", func(l *lists.List) { l.Source.Every = 0 })
	want(t, b.refresh(t, false), "deny not_due")
	want(t, b.refresh(t, false, "deny"), "deny activated 1")
	b.mustStage(t, loader.StageOptions{Create: b.settings("other")}, csvOf(evmC+",ethereum,C"))
	want(t, b.refresh(t, true, "other"), "other failed 0: the list follows no source")
	want(t, b.refresh(t, true), "deny unchanged 1")
}

// counter is a RefreshMetrics.
type counter struct {
	mu    sync.Mutex
	count map[string]int
	known map[string]lists.Refresh
}

func (c *counter) Refreshed(list string, outcome lists.RefreshOutcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count[list+" "+string(outcome)]++
}

func (c *counter) Known(known map[string]lists.Refresh) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = known
}

func TestOfManyServersOneRefreshesAtATime(t *testing.T) {
	noLeaks(t)
	b, p := newBench(t), publish(t)
	var inside, most atomic.Int32
	p.before = func() {
		if n := inside.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(5 * time.Millisecond)
		inside.Add(-1)
	}
	ids := []string{"a", "b", "c"}
	for _, id := range ids {
		p.set("/"+id, csvOf(evmA+",ethereum,"+id))
		b.follow(t, id, p.URL+"/"+id)
	}
	p.fail("/b", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	running, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	counters := make([]*counter, 6)
	for i := range counters {
		counters[i] = &counter{count: map[string]int{}}
		l := loader.New(b.store, b.ledger, slog.New(slog.DiscardHandler), t.TempDir(), time.Now) // leases live by a real clock
		r := loader.NewRefresher(l, loader.RefreshOptions{Owner: fmt.Sprint("server ", i), By: "refresh", Fetch: fetching(), Metrics: counters[i],
			LeaseTTL: 5 * time.Second, Poll: 10 * time.Millisecond, Parallel: 1})
		wg.Go(func() { r.Run(running) })
	}
	seen := func(c *counter) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.known["a"].Outcome == lists.RefreshActivated && c.known["b"].Failures == 1 && c.known["c"].Outcome == lists.RefreshActivated
	}
	for end := time.Now().Add(20 * time.Second); !func() bool {
		for _, c := range counters {
			if !seen(c) {
				return false
			}
		}
		return true
	}(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not every server knows what came of it")
		}
	}
	stop()
	wg.Wait()
	total := map[string]int{}
	for _, c := range counters {
		for what, n := range c.count {
			total[what] += n
		}
	}
	if d := cmp.Diff(map[string]int{"a activated": 1, "b failed": 1, "c activated": 1}, total); d != "" || most.Load() != 1 {
		t.Errorf("%d at once; %s", most.Load(), d)
	}
}

func TestTheScheduleOutlivesItsStore(t *testing.T) {
	b, p := newBench(t), publish(t)
	p.set("/deny.csv", csvOf(evmA+",ethereum,A"))
	b.follow(t, "deny", p.URL+"/deny.csv")
	s := &flaky{Store: b.store}
	s.away.Store(true)
	running, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		loader.NewRefresher(loader.New(s, b.ledger, slog.New(slog.DiscardHandler), t.TempDir(), time.Now), loader.RefreshOptions{Owner: "test", By: "refresh", Fetch: fetching(),
			Poll: 5 * time.Millisecond}).Run(running)
	}()
	time.Sleep(50 * time.Millisecond)
	s.away.Store(false)
	for end := time.Now().Add(time.Minute); b.active(t, "deny") != 1; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is not refreshed when the store is back")
		}
	}
	stop()
	<-ended
}

// flaky is a store that can be away.
type flaky struct {
	lists.Store
	away atomic.Bool
}

func (f *flaky) Scan(ctx context.Context, prefix string) ([]lists.Doc, error) {
	if f.away.Load() {
		return nil, fault.E(fault.Unavailable, "away")
	}
	return f.Store.Scan(ctx, prefix)
}

// rotten is a store that trips over what it is given.
type rotten struct{ lists.Store }

func (rotten) PutBlob(context.Context, string, io.Reader) error { panic("rotten") }

func TestAPanicIsAFailedRefreshAndNotMore(t *testing.T) {
	b, p := newBench(t), publish(t)
	for _, id := range []string{"a", "b"} {
		p.set("/"+id, csvOf(evmA+",ethereum,"+id))
		b.follow(t, id, p.URL+"/"+id)
	}
	b.Loader = loader.New(rotten{b.store}, b.ledger, slog.New(slog.DiscardHandler), t.TempDir(), func() time.Time { return b.now })
	want(t, b.refresh(t, false), "a failed 0: the refresh failed", "b failed 0: the refresh failed")
	if s := b.status(t, "a"); s.Failures != 1 || s.Running {
		t.Errorf("%+v", s)
	}
}
