package replica_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/screening/replica"
)

// noWalk is a store whose layers cannot be walked.
type noWalk struct{ lists.Store }

func (noWalk) Walk(context.Context, string) iter.Seq2[lists.Entry, error] {
	return func(yield func(lists.Entry, error) bool) {
		yield(lists.Entry{}, fault.E(fault.Unavailable, "the store cannot be read"))
	}
}

// flipBit changes one bit of a blob.
func flipBit(t *testing.T, store lists.Store, blob string) {
	t.Helper()
	r, err := store.OpenBlob(ctx, blob)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	r.Close()
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := store.PutBlob(ctx, blob, strings.NewReader(string(b))); err != nil {
		t.Fatal(err)
	}
}

// filterOf returns the name of the only filter of a store.
func filterOf(t *testing.T, store lists.Store) string {
	t.Helper()
	g, _, err := lists.Current(ctx, store)
	if err != nil {
		t.Fatal(err)
	}
	return lists.BlobFilter(g.Lists[0].Layers[0].ID)
}

func TestDamagedFilterIsRebuilt(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, store lists.Store, blob string){
		"missing": func(t *testing.T, store lists.Store, blob string) {
			if err := store.DropBlob(ctx, blob); err != nil {
				t.Fatal(err)
			}
		},
		"all zero": func(t *testing.T, store lists.Store, blob string) {
			if err := store.PutBlob(ctx, blob, strings.NewReader(strings.Repeat("\x00", 4096))); err != nil {
				t.Fatal(err)
			}
		},
		"one bit flipped": flipBit,
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			mustAdd(t, s.store, evmBase, evmX)
			damage(t, s.store, filterOf(t, s.store))
			if err := s.Refresh(ctx); err != nil {
				t.Fatal(err)
			}
			if got := s.check(evmBase, evmX); got != "hh" {
				t.Error(got)
			}
			// The rebuilt filter was stored: another replica does not read the layer.
			if err := replica.New(noWalk{s.store}, replica.Local{}, quiet, time.Now).Refresh(ctx); err != nil {
				t.Error("the filter was not stored again:", err)
			}
		})
	}
	t.Run("and the layer cannot be read", func(t *testing.T) {
		s := newSite(t)
		mustAdd(t, s.store, evmBase)
		if err := s.store.DropBlob(ctx, filterOf(t, s.store)); err != nil {
			t.Fatal(err)
		}
		s.store.Store = noWalk{s.store.Store}
		if err := s.Refresh(ctx); !fault.Is(err, fault.Unavailable) {
			t.Errorf("refresh: %v", err)
		}
		if got := s.check(evmClean); got != "(not loaded)" {
			t.Errorf("a check without filters: %s", got)
		}
	})
}

func TestReplicaNeverServesAnOlderGeneration(t *testing.T) {
	s := newSite(t)
	mustAdd(t, s.store, evmBase)
	mustAdd(t, s.store, evmX)
	if err := s.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	// The store loses its last commit, as Redis can in a failover.
	if err := s.store.Commit(ctx, lists.Put(lists.DocHead, lists.Head{Generation: 1}, lists.AnyRevision)); err != nil {
		t.Fatal(err)
	}
	if err := s.Refresh(ctx); !fault.Is(err, fault.Lost) {
		t.Errorf("refresh: %v", err)
	}
	if got := s.check(evmX); got != "h" {
		t.Errorf("a listing of generation 2: %s", got)
	}
	if st := s.Status(); st.Generation != 2 || st.RefreshError == "" {
		t.Errorf("status: %+v", st)
	}
}

// A layer is in memory only if it fits into the budget.
func TestMemoryBudget(t *testing.T) {
	s := newSite(t)
	addresses := make([]string, 3000)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("0x%040x", i*7919)
	}
	mustAdd(t, s.store, addresses...)
	for budget, want := range map[int64]int{100_000: 0, 1 << 20: 1} {
		r := replica.New(s.store, replica.Local{ResidentBytes: budget}, quiet, time.Now)
		if err := r.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		if st := r.Status(); st.Layers != 1 || st.HeldLayers != want || st.HeldBytes > budget || (st.HeldBytes > 0) != (want == 1) {
			t.Errorf("%d bytes: %d of %d layers in %d bytes", budget, st.HeldLayers, st.Layers, st.HeldBytes)
		}
	}
}
