package loader_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/lists/filter"
	"interdict/loader"
)

// antiquate replaces the layers of a version by what a program with older identity rules could have left: keys for which lose is true are not
// there. A generation that holds the version gets the same layers.
func (b *bench) antiquate(t *testing.T, list string, number int, lose func(address.Key) bool) {
	t.Helper()
	b.antiquateAs(t, list, number, func(entries []lists.Entry) []lists.Entry {
		return slices.DeleteFunc(entries, func(e lists.Entry) bool { return lose(e.Key) })
	})
}

// antiquateAs does the same with what an older program stored in place of the entries of a layer.
func (b *bench) antiquateAs(t *testing.T, list string, number int, change func([]lists.Entry) []lists.Entry) {
	t.Helper()
	doc, err := b.store.Get(ctx, lists.DocVersion(list, number))
	if err != nil {
		t.Fatal(err)
	}
	v, err := lists.Decode[lists.Version](doc)
	if err != nil {
		t.Fatal(err)
	}
	for i := range v.Layers {
		v.Layers[i] = b.changed(t, v.Layers[i], change)
	}
	changes := []lists.Change{lists.Put(doc.Key, v, doc.Revision)}
	g, head, err := lists.Current(ctx, b.store)
	if err != nil {
		t.Fatal(err)
	}
	for i := range g.Lists {
		if g.Lists[i].List.ID == list && g.Lists[i].Version == number {
			g.Lists[i].Layers = v.Layers
			g.Number++
			g.ID, g.Parent = fmt.Sprint("old-", g.Number), g.ID
			changes = append(changes, lists.Put(lists.DocGeneration(g.Number), g, 0), lists.Put(lists.DocHead, lists.Head{Generation: g.Number, ID: g.ID}, head))
		}
	}
	if err := b.store.Commit(ctx, changes...); err != nil {
		t.Fatal(err)
	}
}

// changed copies a layer as of rules 1, with other entries.
func (b *bench) changed(t *testing.T, layer lists.Layer, change func([]lists.Entry) []lists.Entry) lists.Layer {
	t.Helper()
	var entries []lists.Entry
	numbers := map[uint32]bool{}
	for e, err := range b.store.Walk(ctx, layer.ID) {
		if err != nil {
			t.Fatal(err)
		}
		refs, err := lists.DecodeRefs(nil, e.Refs)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range refs {
			if !r.Removed {
				numbers[r.Attribution] = true
			}
		}
		entries = append(entries, lists.Entry{Key: e.Key, Refs: slices.Clone(e.Refs)})
	}
	entries = change(entries)
	from := layer.ID
	layer.ID, layer.Keys, layer.Rules = "old-"+layer.ID, len(entries), 1
	w, err := b.store.CreateLayer(ctx, layer.ID, len(entries))
	if err != nil {
		t.Fatal(err)
	}
	for n := range numbers {
		records, err := b.store.Attributions(ctx, from, []uint32{n})
		if err == nil {
			err = w.PutAttribution(n, records[0])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	f := filter.New(layer.ID, len(entries), filter.Rate)
	for _, e := range entries {
		f.Add(lists.Hash(e.Key))
		if err := w.Put(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	var stored strings.Builder
	if _, err := f.WriteTo(&stored); err != nil {
		t.Fatal(err)
	}
	if err := b.store.PutBlob(ctx, lists.BlobFilter(layer.ID), strings.NewReader(stored.String())); err != nil {
		t.Fatal(err)
	}
	return layer
}

func keyOf(t testing.TB, text, network string) address.Key {
	t.Helper()
	a, err := address.Parse(nil, text, network)
	if err != nil {
		t.Fatal(err)
	}
	return a[0].Key
}

// screens tells whether the current generation holds an address.
func (b *bench) screens(t testing.TB, text, network string) bool {
	t.Helper()
	g, _, err := lists.Current(ctx, b.store)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range g.Lists {
		found, err := lists.LookupStack(ctx, b.store, a.Layers, []address.Key{keyOf(t, text, network)})
		if err != nil {
			t.Fatal(err)
		}
		if len(found[0]) > 0 {
			return true
		}
	}
	return false
}

// stacked makes a list of four versions: a whole one, an addition, a removal, an addition.
func (b *bench) stacked(t testing.TB) *lists.Version {
	t.Helper()
	b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A", btcA+",bitcoin,B", shared+",,C", "odd text,bitcoin,D"))
	b.activate(t, "deny", 1)
	for i, content := range []string{csvOf(evmB + ",ethereum,E"), csvOf(btcA+",bitcoin,", shared+",verge,"), csvOf(btcB + ",bitcoin,F")} {
		v := b.mustStage(t, loader.StageOptions{Mode: []lists.Mode{lists.Add, lists.Remove, lists.Add}[i]}, content)
		if _, err := b.Activate(ctx, "deny", v.Number, loader.ActivateOptions{By: lists.Person("bo"), Warrant: lists.Warrant{Alone: lists.AloneOperator}, Override: "test"}); err != nil {
			t.Fatal(err)
		}
	}
	v, err := b.Version(ctx, "deny", 4)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (b *bench) proof(t testing.TB, list string, number int) (out []string) {
	t.Helper()
	if err := b.Listings(ctx, list, number, func(l lists.Listing) error {
		out = append(out, fmt.Sprint(l.Address, " ", l.Network, " ", l.Entity.Name, " ", l.Locator, " ", l.AddedIn))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func TestAListOfOlderRulesIsRebuiltFromItsBytes(t *testing.T) {
	onBothStores(t, func(t *testing.T, b *bench) {
		before := b.stacked(t)
		whole := b.proof(t, "deny", 4)
		b.antiquate(t, "deny", 4, func(k address.Key) bool { return k == keyOf(t, evmA, "ethereum") })
		if b.screens(t, evmA, "ethereum") {
			t.Fatal("the test takes nothing away")
		}
		old, err := b.Version(ctx, "deny", 4)
		if err != nil || !lists.Outdated(old.Layers) {
			t.Fatal(err)
		}
		s, err := b.ProposeSuppression(ctx, "deny", evmB, "", b.now.Add(time.Hour), by("ana", "wrong"))
		if err == nil {
			_, err = b.ApproveSuppression(ctx, "deny", s.ID, by("bo", ""))
		}
		if err != nil {
			t.Fatal(err)
		}
		done, err := b.Rebuild(ctx, "deny", "system")
		if err != nil || !done {
			t.Fatal(done, err)
		}
		if !b.screens(t, evmA, "ethereum") || b.screens(t, btcA, "bitcoin") {
			t.Error("the rebuilt list does not screen what its uploads say")
		}
		if d := cmp.Diff(whole, b.proof(t, "deny", 4)); d != "" {
			t.Errorf("the listings and their proof: %s", d)
		}
		after, err := b.Version(ctx, "deny", 4)
		if err != nil {
			t.Fatal(err)
		}
		if lists.Outdated(after.Layers) || after.Addresses != before.Addresses || after.Listings != before.Listings || after.Raw != before.Raw {
			t.Errorf("the version is %+v", after)
		}
		after.Layers, before.Layers = nil, nil
		if d := cmp.Diff(before, after); d != "" {
			t.Errorf("the report has changed: %s", d)
		}
		g, err := b.Generation(ctx, 0)
		if err != nil || g.Action != "rebuild" || g.Lists[0].Version != 4 || lists.Outdated(g.Lists[0].Layers) || g.Lists[0].Listings != before.Listings || len(g.Lists[0].Suppressions) != 1 {
			t.Errorf("the generation is %+v (%v)", g, err)
		}
		last := b.ledger.changes[len(b.ledger.changes)-1]
		if last.Action != "rebuild" || last.Outcome != "done" || last.Generation != g.Number || last.Version != 4 {
			t.Errorf("the record is %+v", last)
		}
		if done, err := b.Rebuild(ctx, "deny", "system"); done || err != nil {
			t.Error("rebuilt twice", err)
		}
	})
}

// TestARebuildReadsTextsOfSeveralAddresses: an older program kept a cell of two addresses as one raw text, which no check asks for.
func TestARebuildReadsTextsOfSeveralAddresses(t *testing.T) {
	for name, cell := range map[string]string{
		"two addresses":            evmA + "; " + evmB,
		"words beside the address": evmA + " (main wallet) / " + evmB,
		"line ends":                evmA + "\n" + evmB,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.mustStage(t, loader.StageOptions{}, csvOf("\""+cell+"\",,A"))
			b.activate(t, "deny", 1)
			b.antiquateAs(t, "deny", 1, func(entries []lists.Entry) []lists.Entry {
				refs, err := lists.DecodeRefs(nil, entries[0].Refs)
				if err != nil {
					t.Fatal(err)
				}
				refs[0].Variant, refs[0].Text = address.VariantRaw, cell
				return []lists.Entry{{Key: address.RawKey(cell), Refs: lists.AppendRef(nil, &refs[0])}}
			})
			if b.screens(t, evmA, "ethereum") {
				t.Fatal("the older program read the cell")
			}
			if done, err := b.Rebuild(ctx, "deny", "system"); err != nil || !done {
				t.Fatal(done, err)
			}
			if !b.screens(t, evmA, "ethereum") || !b.screens(t, evmB, "ethereum") {
				t.Error("the addresses of the cell are not screened")
			}
		})
	}
}

func TestAnOlderVersionIsRebuiltBeforeItGoesLive(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A", evmB+",ethereum,B"))
	b.activate(t, "deny", 1)
	b.mustStage(t, loader.StageOptions{}, csvOf(evmB+",ethereum,B", evmC+",ethereum,C"))
	if _, err := b.Activate(ctx, "deny", 2, loader.ActivateOptions{By: lists.Person("bo"), Warrant: lists.Warrant{Alone: lists.AloneOperator}, Override: "test"}); err != nil {
		t.Fatal(err)
	}
	b.mustStage(t, loader.StageOptions{Mode: lists.Add}, csvOf(btcB+",bitcoin,F"))
	lost := func(k address.Key) bool { return k == keyOf(t, evmA, "ethereum") || k == keyOf(t, evmC, "ethereum") }
	b.antiquate(t, "deny", 1, lost)
	b.antiquate(t, "deny", 3, lost)
	b.activate(t, "deny", 3) // a staged one
	if !b.screens(t, evmC, "ethereum") || !b.screens(t, btcB, "bitcoin") {
		t.Error("the staged version went live on its old layers")
	}
	for _, n := range []int{2, 1} {
		if _, err := b.Rollback(ctx, "deny", by("bo", "test")); err != nil {
			t.Fatal(err)
		}
		if n == 1 && !b.screens(t, evmA, "ethereum") {
			t.Error("the superseded version went live on its old layers")
		}
	}
}

func TestWhatCannotBeRebuiltStaysAsItIs(t *testing.T) {
	mapped := "wallet,owner wallet\n" + evmA + "," + evmB + "\n"
	for name, c := range map[string]struct {
		prepare func(t *testing.T, b *bench)
		says    string
	}{
		"bytes that are not kept": {func(t *testing.T, b *bench) {
			v := b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A"))
			b.activate(t, "deny", 1)
			if err := b.store.DropBlob(ctx, v.Sources[0]); err != nil {
				t.Fatal(err)
			}
		}, "load list deny again"},
		"bytes that read otherwise": {func(t *testing.T, b *bench) {
			v := b.mustStage(t, loader.StageOptions{Mapping: map[string]string{"address": "owner wallet"}}, mapped)
			// A program that did not record the mapping.
			doc, err := b.store.Get(ctx, lists.DocVersion("deny", 1))
			if err != nil {
				t.Fatal(err)
			}
			other := b.mustStage(t, loader.StageOptions{Create: b.settings("other"), Mapping: map[string]string{"address": "owner wallet"}}, "wallet,owner wallet\n"+evmB+","+evmC+"\n")
			v.Sources = other.Sources
			if err := b.store.Commit(ctx, lists.Put(doc.Key, v, doc.Revision)); err != nil {
				t.Fatal(err)
			}
			b.activate(t, "deny", 1)
		}, "would not hold"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			c.prepare(t, b)
			b.antiquate(t, "deny", 1, func(address.Key) bool { return false })
			before, err := b.Generation(ctx, 0)
			if err != nil {
				t.Fatal(err)
			}
			layers, err := b.store.Layers(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.Rebuild(ctx, "deny", "system"); !fault.Is(err, fault.Conflict) || !strings.Contains(fmt.Sprint(err), c.says) {
				t.Errorf("the error is %v", err)
			}
			after, err := b.Generation(ctx, 0)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(before, after); d != "" {
				t.Error(d)
			}
			if left, err := b.store.Layers(ctx); err != nil || len(left) != len(layers) {
				t.Errorf("%d layers became %d (%v)", len(layers), len(left), err)
			}
		})
	}
}

func TestOfManyServersOneRebuildsWhenAllAreNew(t *testing.T) {
	b := newBench(t)
	b.stacked(t)
	b.antiquate(t, "deny", 4, func(k address.Key) bool { return k == keyOf(t, evmA, "ethereum") })
	old := lists.Replica{ID: "r1", Generation: 1, Seen: b.now, Rules: address.Rules - 1}
	put := func() {
		if err := b.store.Commit(ctx, lists.Put(lists.DocReplica("r1"), old, lists.AnyRevision)); err != nil {
			t.Fatal(err)
		}
	}
	put()
	run := func() {
		limited, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		done := make(chan struct{})
		for i := range 3 {
			go func() {
				b.Rebuilds(limited, fmt.Sprint("owner-", i))
				done <- struct{}{}
			}()
		}
		for range 3 {
			<-done
		}
	}
	run()
	if b.screens(t, evmA, "ethereum") || b.RebuildError() == nil {
		t.Errorf("rebuilt while an older program is live: %v", b.RebuildError())
	}
	old.Rules = address.Rules
	put()
	run()
	rebuilds := 0
	for _, c := range b.ledger.changes {
		if c.Action == "rebuild" && c.Outcome == "done" {
			rebuilds++
		}
	}
	if !b.screens(t, evmA, "ethereum") || rebuilds != 1 {
		t.Errorf("rebuilt %d times: %v", rebuilds, b.RebuildError())
	}
}
