package loader_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
)

// damage replaces a layer by one of the same id that lacks its entries.
func (b *bench) damage(t *testing.T, id string) {
	t.Helper()
	if err := b.store.DropLayer(ctx, id); err != nil {
		t.Fatal(err)
	}
	if _, err := b.store.CreateLayer(ctx, id, 1); err != nil {
		t.Fatal(err)
	}
}

func wantDamaged(t *testing.T, err error, layer string) {
	t.Helper()
	var damaged *lists.DamagedError
	if !errors.As(err, &damaged) || damaged.Layer != layer || !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v, want a DamagedError of layer %s, Unavailable", err, layer)
	}
}

func TestDamagedLayerIsRebuiltFromItsSource(t *testing.T) {
	onBothStores(t, func(t *testing.T, b *bench) {
		v := b.stacked(t)
		want := b.proof(t, "deny", 4)
		for i := range v.Layers {
			now, err := b.Version(ctx, "deny", 4)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Verify(ctx); err != nil {
				t.Fatal(err)
			}
			if done, err := b.Rebuild(ctx, "deny", "system"); done || err != nil {
				t.Fatal("rebuilt a list without damage", err)
			}
			lost := now.Layers[i]
			b.damage(t, lost.ID)
			wantDamaged(t, lists.VerifyLayer(ctx, b.store, lost), lost.ID)
			_, err = b.stage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A"))
			wantDamaged(t, err, lost.ID)
			if err := b.Verify(ctx); err != nil {
				t.Fatal(err)
			}
			if done, err := b.Rebuild(ctx, "deny", "system"); !done || err != nil {
				t.Fatal(done, err)
			}
			if d := cmp.Diff(want, b.proof(t, "deny", 4)); d != "" {
				t.Errorf("the listings and their proof: %s", d)
			}
		}
		b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A"))
	})
}

func TestRebuildOfADamagedLayerKeepsAddedIn(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A"))
	b.activate(t, "deny", 1)
	v := b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A", evmB+",ethereum,B"))
	b.activate(t, "deny", 2)
	want := b.proof(t, "deny", 2)
	b.damage(t, v.Layers[0].ID)
	if err := b.Verify(ctx); err != nil {
		t.Fatal(err)
	}
	if done, err := b.Rebuild(ctx, "deny", "system"); !done || err != nil {
		t.Fatal(done, err)
	}
	if d := cmp.Diff(want, b.proof(t, "deny", 2)); d != "" {
		t.Error(d)
	}
}

func TestDamagedListIsNotRebuiltFromAnotherSource(t *testing.T) {
	b := newBench(t)
	v := b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A", evmB+",ethereum,B"))
	b.activate(t, "deny", 1)
	other := b.mustStage(t, loader.StageOptions{Create: b.settings("other")}, csvOf(evmA+",ethereum,A"))
	stored, revision, err := lists.Read[lists.Version](ctx, b.store, lists.DocVersion("deny", 1))
	if err != nil {
		t.Fatal(err)
	}
	stored.Sources = other.Sources
	if err := b.store.Commit(ctx, lists.Put(lists.DocVersion("deny", 1), stored, revision)); err != nil {
		t.Fatal(err)
	}
	b.damage(t, v.Layers[0].ID)
	if err := b.Verify(ctx); err != nil {
		t.Fatal(err)
	}
	done, err := b.Rebuild(ctx, "deny", "system")
	if done || !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "load list deny again") {
		t.Error(done, err)
	}
}

func TestBackgroundRebuildsADamagedLayer(t *testing.T) {
	b := newBench(t)
	v := b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A"))
	b.activate(t, "deny", 1)
	run := func() {
		limited, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		b.Rebuilds(limited, "owner")
	}
	run()
	b.damage(t, v.Layers[0].ID)
	run() // not due: the layers were read a moment ago
	if err := lists.VerifyLayer(ctx, b.store, v.Layers[0]); err == nil {
		t.Fatal("the test damages nothing")
	}
	if now, err := b.Version(ctx, "deny", 1); err != nil || now.Layers[0].ID != v.Layers[0].ID {
		t.Fatal(now, err)
	}
	b.now = b.now.Add(2 * time.Hour)
	run()
	if !b.screens(t, evmA, "ethereum") {
		t.Error("the list is still damaged")
	}
}
