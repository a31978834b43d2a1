package replica_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A damaged served file is not treated as a missing one.
func TestDamagedServedFileIsNotIgnored(t *testing.T) {
	s := newSite(t)
	mustAdd(t, s.store, evmBase)
	if err := errors.Join(s.Refresh(ctx), s.SaveCache(ctx)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.cacheDir, "served")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	there := s.store.Store
	for _, b := range [][]byte{nil, whole[:100], append([]byte("0"), whole[1:]...), append([]byte("x"), whole...)} {
		if string(b) == string(whole) {
			continue
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s.store.Store = away(t)
		s.start(t)
		_ = s.Refresh(ctx)
		if got := s.check(evmX); got != "(not loaded)" {
			t.Errorf("%d bytes: %s", len(b), got)
		}
		s.store.Store = there
		if err := s.Refresh(ctx); err != nil || s.check(evmBase, evmX) != "hm" {
			t.Errorf("with the store: %v %s", err, s.check(evmBase, evmX))
		}
	}
}
