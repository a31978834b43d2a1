package loader_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"interdict/lists"
	"interdict/loader"
)

// stuck makes a source send a few bytes, and then nothing until it is released.
func (p *publisher) stuck(t *testing.T, path string) (asked chan struct{}, release func()) {
	asked, free := make(chan struct{}, 100), make(chan struct{})
	release = sync.OnceFunc(func() { close(free) })
	t.Cleanup(release)
	p.fail(path, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("address,network,entity\n"))
		_ = http.NewResponseController(w).Flush()
		asked <- struct{}{}
		<-free
		_, _ = w.Write([]byte(evmA + ",ethereum,Slow\n"))
	})
	return asked, release
}

// While a source is stuck, the lists of others are refreshed: those that are due at the same time, and those that become due in the meantime.
func TestAStuckSourceDelaysNoOtherList(t *testing.T) {
	noLeaks(t)
	b, p := newBench(t), publish(t)
	ids := []string{"a", "b", "c", "d", "e"}
	for _, id := range ids {
		p.set("/"+id, csvOf(evmA+",ethereum,"+id))
		b.follow(t, id, p.URL+"/"+id)
	}
	asked, release := p.stuck(t, "/a")
	var ahead atomic.Int64
	now := func() time.Time { return b.now.Add(time.Duration(ahead.Load())) }
	l := loader.New(b.store, b.ledger, slog.New(slog.DiscardHandler), t.TempDir(), now)
	r := loader.NewRefresher(l, loader.RefreshOptions{Owner: "test", By: "refresh", Fetch: fetching(), Poll: 5 * time.Millisecond, LeaseTTL: 1000 * time.Hour})
	running, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.Run(running)
	}()
	reaches := func(what string, version int, ids ...string) {
		t.Helper()
		for _, id := range ids {
			for end := time.Now().Add(time.Minute); b.active(t, id) != version; time.Sleep(5 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("%s: version %d of %s is active instead of %d", what, b.active(t, id), id, version)
				}
			}
		}
	}
	<-asked
	reaches("while a is stuck", 1, ids[1:]...)
	for _, id := range ids[1:] {
		p.set("/"+id, csvOf(evmA+",ethereum,"+id, evmB+",ethereum,"+id))
	}
	ahead.Add(int64(7 * time.Hour))
	reaches("7 hours later", 2, ids[1:]...)
	if b.active(t, "a") != 0 || len(asked) != 0 {
		t.Fatal("a was not stuck: this test tests nothing")
	}
	release()
	reaches("released", 1, "a")
	stop()
	<-ended
}

// Each list has its own time. What takes longer has failed, and says so; it is no end of the work as a whole.
func TestAListThatTakesTooLongHasFailed(t *testing.T) {
	noLeaks(t)
	b, p := newBench(t), publish(t)
	for _, id := range []string{"a", "b"} {
		p.set("/"+id, csvOf(evmA+",ethereum,"+id))
		b.follow(t, id, p.URL+"/"+id)
	}
	_, release := p.stuck(t, "/a")
	defer release()
	r := loader.NewRefresher(b.Loader, loader.RefreshOptions{Owner: "test", By: "refresh", Fetch: fetching(), Timeout: 300 * time.Millisecond})
	var got []loader.Refreshed
	if err := r.Refresh(ctx, nil, false, func(x loader.Refreshed) { got = append(got, x) }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].List != "b" || got[0].Outcome != lists.RefreshActivated || got[1].List != "a" || got[1].Outcome != lists.RefreshFailed ||
		!strings.HasPrefix(got[1].Error, "not finished after 300ms: download from ") {
		t.Errorf("%+v", got)
	}
	s := b.status(t, "a")
	if s.Running || s.Failures != 1 || !s.LastAttempt.Equal(b.now) || s.LastError != got[1].Error {
		t.Errorf("%+v", s)
	}
	want(t, b.refresh(t, false), "a not_due 0", "b not_due 0")
}
