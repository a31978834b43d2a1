package replica_test

import (
	"errors"
	"strings"
	"testing"

	"interdict/lists/fault"
)

// A replica that was killed before it wrote its cache does not serve the older generation in the cache.
func TestOutdatedCacheIsNotServed(t *testing.T) {
	s := newSite(t)
	mustAdd(t, s.store, evmBase)
	if err := errors.Join(s.Refresh(ctx), s.SaveCache(ctx)); err != nil {
		t.Fatal(err)
	}
	before := copyOf(t, s.dir)
	mustAdd(t, s.store, evmX)
	if err := s.Refresh(ctx); err != nil || s.check(evmX) != "h" {
		t.Fatal(err)
	}
	there := s.store.Store
	s.store.Store = away(t)
	s.start(t)
	_ = s.Refresh(ctx)
	if got := s.check(evmBase, evmX); got != "(not loaded)(not loaded)" {
		t.Errorf("the store cannot be read: %s", got)
	}
	s.store.Store = before
	if err := s.Refresh(ctx); !fault.Is(err, fault.Lost) || s.check(evmX) != "(lost)" || !s.Status().Lost || s.Status().Served.Generation != 2 {
		t.Errorf("the store has lost it: %v, %s", err, s.check(evmX))
	}
	l := newLoader(t, before)
	if _, err := l.Restore(ctx, s.cache, s.Status().Served, "tester", ""); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "generation 2") {
		t.Errorf("restore from an outdated cache: %v", err)
	}
	s.store.Store = there
	if err := s.Refresh(ctx); err != nil || s.check(evmBase, evmX) != "hh" {
		t.Errorf("the store is back: %v, %s", err, s.check(evmBase, evmX))
	}
}

// The cache of another store is set aside and never served. A store at a new address keeps its cache. If the store was emptied, what the
// cache has is lost, and checks are answered from both.
func TestCacheOfAnotherStoreIsSetAside(t *testing.T) {
	s := newSite(t)
	mustAdd(t, s.store, evmBase)
	if err := errors.Join(s.Refresh(ctx), s.SaveCache(ctx)); err != nil {
		t.Fatal(err)
	}
	one := s.store.Store
	s.store.Store, s.store.name = away(t), "redis two"
	s.start(t)
	_ = s.Refresh(ctx)
	if got := s.check(evmBase, evmX); got != "(not loaded)(not loaded)" {
		t.Errorf("another address, and the store cannot be read: %s", got)
	}
	s.store.Store = one
	if err := s.Refresh(ctx); err != nil || s.aside {
		t.Errorf("the same store at another address: %v, set aside: %t", err, s.aside)
	}
	s.store.Store = away(t)
	s.start(t)
	_ = s.Refresh(ctx)
	if got := s.check(evmBase, evmX); got != "hm" {
		t.Errorf("its new address is known: %s", got)
	}
	empty := disk(t, t.TempDir())
	s.store.Store = empty
	if err := s.Refresh(ctx); !fault.Is(err, fault.Lost) || s.aside || s.check(evmBase, evmX) != "hm" {
		t.Errorf("the store was emptied: %v, set aside: %t, %s", err, s.aside, s.check(evmBase, evmX))
	}
	another := disk(t, t.TempDir())
	mustAdd(t, another, evmX)
	s.store.Store, s.store.name = another, "redis three"
	s.start(t)
	if err := s.Refresh(ctx); err != nil || !s.aside {
		t.Errorf("another store: %v, set aside: %t", err, s.aside)
	}
	if got := s.check(evmBase, evmX); got != "mh" {
		t.Errorf("another store: %s", got)
	}
}
