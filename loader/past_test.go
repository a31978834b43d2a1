package loader_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists"
	"interdict/lists/diskstore"
	"interdict/lists/fault"
	"interdict/loader"
)

// heldBy lists what the lists of a generation hold: "list address entity category place added_in".
func heldBy(t *testing.T, store lists.Store, g lists.Generation) []string {
	t.Helper()
	out := []string{}
	for _, a := range g.Lists {
		for k, err := range lists.WalkStack(ctx, store, a.Layers) {
			if err != nil {
				t.Fatal(err)
			}
			for i := range k.Refs {
				r := &k.Refs[i]
				if !r.Counts() {
					continue
				}
				layer := a.Layers[r.Layer]
				read, err := lists.ReadAttributions(ctx, store, layer.ID, []uint32{r.Attribution})
				if err != nil {
					t.Fatal(err)
				}
				added, x := r.AddedIn, read[r.Attribution]
				if added == 0 {
					added = layer.Version
				}
				out = append(out, fmt.Sprint(a.List.ID, " ", r.ListedText(k.Key), " ", x.Network, " ", x.Entity.Name, " ", x.Category, " ", r.FullLocator(x), " ", added))
			}
		}
	}
	slices.Sort(out)
	return out
}

// Every generation is read again from the uploads alone: whole lists, additions, removals, and defaults that have changed since.
func TestEveryGenerationIsReadAgainFromItsUploads(t *testing.T) {
	onBothStores(t, func(t *testing.T, b *bench) {
		then := map[int][]string{}
		note := func() {
			t.Helper()
			g, _, err := lists.Current(ctx, b.store)
			if err != nil {
				t.Fatal(err)
			}
			then[g.Number] = heldBy(t, b.store, g)
		}
		load := func(list string, mode lists.Mode, rows ...string) {
			t.Helper()
			v := b.mustStage(t, loader.StageOptions{Create: b.settings(list), Mode: mode}, csvOf(rows...))
			if _, err := b.Activate(ctx, list, v.Number, loader.ActivateOptions{By: lists.Person("bo"), Warrant: lists.Warrant{Alone: lists.AloneOperator}, Override: "test"}); err != nil {
				t.Fatal(err)
			}
			note()
		}
		load("deny", lists.Replace, evmA+",ethereum,A", btcA+",bitcoin,B", "odd text,bitcoin,D")
		load("deny", lists.Add, evmB+",ethereum,E")
		load("other", lists.Replace, btcB+",bitcoin,F")
		load("deny", lists.Remove, btcA+",bitcoin,")
		load("deny", lists.Replace, evmA+",ethereum,A", evmB+",ethereum,changed", evmC+",ethereum,G")
		if _, err := b.Retire(ctx, "other", loader.ChangeOptions{By: lists.Person("bo"), Warrant: lists.Warrant{Alone: lists.AloneOperator}}); err != nil {
			t.Fatal(err)
		}
		note()
		if _, _, err := b.PutList(ctx, "deny", by("bo", lists.AloneOperator), func(l *lists.List, _ bool) error {
			l.Category = "scam"
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		note()
		load("deny", lists.Replace, evmA+",ethereum,A", btcA+",bitcoin,B")

		// All layers but those of the newest generation go.
		current, _, err := lists.Current(ctx, b.store)
		if err != nil {
			t.Fatal(err)
		}
		used := map[string]bool{}
		for _, a := range current.Lists {
			for _, layer := range a.Layers {
				used[layer.ID] = true
			}
		}
		all, err := b.store.Layers(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for id := range all {
			if !used[id] {
				if err := b.store.DropLayer(ctx, id); err != nil {
					t.Fatal(err)
				}
			}
		}
		held := heldBy(t, b.store, current)
		// undated leaves out when a listing first appeared if it is not listed any more: nothing says that then.
		undated := func(all []string) []string {
			out := slices.Clone(all)
			for i, x := range out {
				address := strings.Fields(x)[1]
				if !slices.ContainsFunc(held, func(h string) bool { return strings.Fields(h)[1] == address }) {
					out[i] = x[:strings.LastIndex(x, " ")]
				}
			}
			return out
		}
		docs, err := b.store.Scan(ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		for number, want := range then {
			scratch, err := diskstore.OpenTemp(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			g, err := b.Generation(ctx, number)
			if err != nil {
				t.Fatal(err)
			}
			before := heldLayers(g)
			past, store, err := b.Past(ctx, *g, func() (lists.Store, error) { return scratch, nil })
			if err != nil {
				t.Fatalf("generation %d: %v", number, err)
			}
			got := heldBy(t, store, past)
			if d := cmp.Diff(undated(want), undated(got)); d != "" {
				t.Errorf("generation %d (-then +now):\n%s", number, d)
			}
			if d := cmp.Diff(before, heldLayers(g)); d != "" {
				t.Errorf("Past has changed its argument:\n%s", d)
			}
			if err := scratch.Close(); err != nil {
				t.Error(err)
			}
		}
		left, err := b.store.Layers(ctx)
		if err != nil || len(left) != len(used) {
			t.Errorf("%d layers in the store instead of %d, %v", len(left), len(used), err)
		}
		after, err := b.store.Scan(ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(docs, after); d != "" {
			t.Errorf("documents have changed:\n%s", d)
		}
	})
}

func heldLayers(g *lists.Generation) (ids []string) {
	for _, a := range g.Lists {
		for _, layer := range a.Layers {
			ids = append(ids, layer.ID)
		}
	}
	return ids
}

// The generation of a time is the newest that had been made then, also where numbers are missing after a loss.
func TestTheGenerationOfATime(t *testing.T) {
	b := newBench(t)
	start := b.now
	if _, err := b.GenerationAt(ctx, start); !fault.Is(err, fault.NotLoaded) {
		t.Error(err)
	}
	for n := range 7 {
		b.now = start.Add(time.Duration(n+1) * time.Minute)
		b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,"+strings.Repeat("A", n+1)))
		b.activate(t, "deny", n+1)
	}
	d, err := b.store.Get(ctx, lists.DocGeneration(4))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.Commit(ctx, lists.Change{Key: d.Key, Expect: d.Revision}); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Duration]int{0: 0, 59 * time.Second: 0, time.Minute: 1, 90 * time.Second: 1, 3 * time.Minute: 3, 4*time.Minute + time.Second: 3, 5 * time.Minute: 5,
		6*time.Minute + 30*time.Second: 6, 7 * time.Minute: 7, time.Hour: 7} {
		g, err := b.GenerationAt(ctx, start.Add(at))
		got := 0
		if err == nil {
			got = g.Number
		} else if !fault.Is(err, fault.NotLoaded) {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("after %s: generation %d instead of %d", at, got, want)
		}
	}
	g, err := b.GenerationOf(ctx, 3, start.Add(3*time.Minute))
	if err != nil || g.Number != 3 {
		t.Error(g, err)
	}
	if _, err := b.GenerationOf(ctx, 3, start.Add(time.Minute)); !fault.Is(err, fault.Conflict) {
		t.Errorf("another generation of the same number: %v", err)
	}
	lost := *g
	lost.ID, lost.At = "lost", start.Add(time.Minute)
	if err := b.store.Commit(ctx, lists.Put(lists.DocLost("lost", 3), lost, 0)); err != nil {
		t.Fatal(err)
	}
	if g, err := b.GenerationOf(ctx, 3, start.Add(time.Minute)); err != nil || g.ID != "lost" {
		t.Error(g, err)
	}
}
