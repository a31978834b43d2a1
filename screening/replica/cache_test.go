package replica_test

import (
	"errors"
	"strings"
	"testing"

	"interdict/lists/fault"
)

// A server that was killed before its cache followed does not go back to what the cache has.
func TestACacheThatLagsIsNotAnsweredFrom(t *testing.T) {
	s := newSite(t)
	mustAdd(t, s.store, evmBase)
	if err := errors.Join(s.Refresh(ctx), s.SaveCache(ctx)); err != nil {
		t.Fatal(err)
	}
	before := copyOf(t, s.dir)
	mustAdd(t, s.store, evmX)
	if err := s.Refresh(ctx); err != nil || s.says(evmX) != "h" {
		t.Fatal(err)
	}
	there := s.store.Store
	s.store.Store = away(t)
	s.start(t)
	_ = s.Refresh(ctx)
	if got := s.says(evmBase, evmX); got != "(not loaded)(not loaded)" {
		t.Errorf("the store is away: %s", got)
	}
	s.store.Store = before
	if err := s.Refresh(ctx); !fault.Is(err, fault.Lost) || s.says(evmX) != "(lost)" || !s.Status().Lost || s.Status().Served.Generation != 2 {
		t.Errorf("the store has lost it: %v, %s", err, s.says(evmX))
	}
	l := newLoader(t, before)
	if _, err := l.Restore(ctx, s.cache, s.Status().Served, "tester", ""); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "generation 2") {
		t.Errorf("restore from a cache that lags: %v", err)
	}
	s.store.Store = there
	if err := s.Refresh(ctx); err != nil || s.says(evmBase, evmX) != "hh" {
		t.Errorf("the store is back: %v, %s", err, s.says(evmBase, evmX))
	}
}

// The cache of another store is set aside, and never answered from. A store that was renamed keeps its cache; one that was emptied has lost
// what the cache holds.
func TestACacheBelongsToItsStore(t *testing.T) {
	s := newSite(t)
	mustAdd(t, s.store, evmBase)
	if err := errors.Join(s.Refresh(ctx), s.SaveCache(ctx)); err != nil {
		t.Fatal(err)
	}
	one := s.store.Store
	s.store.Store, s.store.name = away(t), "redis two"
	s.start(t)
	_ = s.Refresh(ctx)
	if got := s.says(evmBase, evmX); got != "(not loaded)(not loaded)" {
		t.Errorf("another address, and the store is away: %s", got)
	}
	s.store.Store = one
	if err := s.Refresh(ctx); err != nil || s.aside {
		t.Errorf("the same store at another address: %v, set aside: %t", err, s.aside)
	}
	s.store.Store = away(t)
	s.start(t)
	_ = s.Refresh(ctx)
	if got := s.says(evmBase, evmX); got != "hm" {
		t.Errorf("its new address is known: %s", got)
	}
	empty := disk(t, t.TempDir())
	s.store.Store = empty
	if err := s.Refresh(ctx); !fault.Is(err, fault.Lost) || s.aside || s.says(evmBase, evmX) != "hm" {
		t.Errorf("the store was emptied: %v, set aside: %t, %s", err, s.aside, s.says(evmBase, evmX))
	}
	another := disk(t, t.TempDir())
	mustAdd(t, another, evmX)
	s.store.Store, s.store.name = another, "redis three"
	s.start(t)
	if err := s.Refresh(ctx); err != nil || !s.aside {
		t.Errorf("another store: %v, set aside: %t", err, s.aside)
	}
	if got := s.says(evmBase, evmX); got != "mh" {
		t.Errorf("another store: %s", got)
	}
}
