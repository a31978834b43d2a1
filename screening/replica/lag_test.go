package replica_test

import (
	"errors"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// While a newer generation cannot be loaded, misses are reported for Local.MaxLag; hits are not affected.
func TestMissesEndWhileANewerGenerationCannotBeLoaded(t *testing.T) {
	s := newSite(t)
	mustAdd(t, s.store, evmBase)
	if err := errors.Join(s.Refresh(ctx), s.SaveCache(ctx)); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, s.store, evmX)
	g, _, err := lists.Current(ctx, s.store)
	if err != nil {
		t.Fatal(err)
	}
	layer := g.Lists[0].Layers[1].ID
	if err := errors.Join(s.store.DropLayer(ctx, layer), s.store.DropBlob(ctx, lists.BlobFilter(layer))); err != nil {
		t.Fatal(err)
	}
	if err := s.Refresh(ctx); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("refresh: %v", err)
	}
	if st := s.Status(); st.Newest != 2 || st.RefreshError == "" || st.Unready != nil || s.check(evmBase, evmClean) != "hm" {
		t.Errorf("at once: %+v, %s", st, s.check(evmBase, evmClean))
	}
	s.now = s.now.Add(50 * time.Second)
	_ = s.Refresh(ctx)
	s.now = s.now.Add(11 * time.Second)
	if got := s.check(evmBase, evmX, evmClean); got != "h(stale)(stale)" || !fault.Is(s.Status().Unready, fault.Stale) {
		t.Errorf("after a minute: %s, %v", got, s.Status().Unready)
	}
	s.start(t)
	_ = s.Refresh(ctx)
	if got := s.check(evmBase, evmX); got != "h(stale)" {
		t.Errorf("after a restart: %s", got)
	}
}
