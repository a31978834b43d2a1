package loader_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
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

// twin is a store of which a copy can be taken, as a failover or a cache is one.
type twin struct {
	*loader.Loader
	store lists.Store
	dir   string
}

func openTwin(t *testing.T, dir string) *twin {
	t.Helper()
	store, err := diskstore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return &twin{loader.New(store, &ledger{}, slog.New(slog.NewTextHandler(io.Discard, nil)), t.TempDir(), time.Now), store, dir}
}

func (w *twin) copy(t *testing.T) *twin {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(w.dir)); err != nil {
		t.Fatal(err)
	}
	return openTwin(t, dir)
}

// put activates addresses of list l; a mode is add, remove or replace.
func (w *twin) put(t *testing.T, list string, mode lists.Mode, addresses ...string) {
	t.Helper()
	text := "address,network,entity\n"
	for _, a := range addresses {
		text += a + ",ethereum,E\n"
	}
	settings := loader.NewList(list, time.Now())
	settings.Approvals = 0
	v, err := w.Stage(ctx, list, []loader.Upload{{Name: list + ".csv", Body: strings.NewReader(text)}},
		loader.StageOptions{Format: "csv", Mode: mode, By: lists.Person("ana"), Create: settings})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Activate(ctx, list, v.Number, loader.ActivateOptions{By: lists.Person("ana"), Warrant: lists.Warrant{Alone: lists.AloneOperator}, Override: "test"}); err != nil {
		t.Fatal(err)
	}
}

// holds gives the addresses of every list of the current generation, and makes sure that the counts are right.
func (w *twin) holds(t *testing.T) map[string][]string {
	t.Helper()
	g, _, err := lists.Current(ctx, w.store)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, a := range g.Lists {
		all := []string{}
		for k, err := range lists.WalkStack(ctx, w.store, a.Layers) {
			if err != nil {
				t.Fatal(err)
			}
			for i := range k.Refs {
				if k.Refs[i].Counts() {
					all = append(all, name(k.Refs[i].ListedText(k.Key)))
				}
			}
		}
		slices.Sort(all)
		out[a.List.ID] = all
		v, _, err := lists.Read[lists.Version](ctx, w.store, lists.DocVersion(a.List.ID, a.Version))
		if err != nil {
			t.Fatal(err)
		}
		if a.Listings != len(all) || v.Listings != len(all) || v.Addresses != len(slices.Compact(slices.Clone(all))) || v.State != lists.Activated || a.List.Active != a.Version {
			t.Errorf("%s: %d listings, the generation says %d, version %d (%s): %d and %d addresses", a.List.ID, len(all), a.Listings, v.Number, v.State, v.Listings, v.Addresses)
		}
	}
	return out
}

// addr is the address of one letter, name the other way round.
func addr(letter string) string { return "0x" + strings.Repeat(letter, 40) }
func name(address string) string {
	return strings.ToLower(address[2:3])
}

// What was lost comes back on top of what was activated since; nothing that either side lists goes.
func TestRestoreTakesNothingOutOfTheAnswers(t *testing.T) {
	add, remove, replace := lists.Add, lists.Remove, lists.Replace
	type change struct {
		list string
		mode lists.Mode
		of   string // letters
	}
	for _, c := range []struct {
		title       string
		lost, since []change
		want        map[string][]string
		notes       int
	}{
		{"a delta, and nothing since", []change{{"l", add, "b"}}, nil, map[string][]string{"l": {"a", "b", "f"}}, 0},
		{"deltas on both sides", []change{{"l", add, "b"}, {"l", add, "c"}}, []change{{"l", add, "d"}, {"l", add, "e"}}, map[string][]string{"l": {"a", "b", "c", "d", "e", "f"}}, 0},
		{"the same delta again since", []change{{"l", add, "b"}}, []change{{"l", add, "b"}, {"l", add, "c"}}, map[string][]string{"l": {"a", "b", "c", "f"}}, 0},
		{"whole lists on both sides", []change{{"l", replace, "ab"}}, []change{{"l", replace, "ac"}}, map[string][]string{"l": {"a", "b", "c"}}, 0},
		{"a whole list was lost", []change{{"l", replace, "bc"}, {"o", replace, "e"}}, nil, map[string][]string{"l": {"b", "c"}, "o": {"e"}}, 0},
		{"another list since", []change{{"l", replace, "bc"}}, []change{{"o", replace, "e"}, {"o", add, "d"}}, map[string][]string{"l": {"b", "c"}, "o": {"d", "e"}}, 0},
		{"another list was lost", []change{{"o", replace, "e"}}, []change{{"l", remove, "f"}}, map[string][]string{"l": {"a"}, "o": {"e"}}, 0},
		{"a removal was lost, and something since", []change{{"l", remove, "f"}}, []change{{"l", add, "b"}}, map[string][]string{"l": {"a", "b", "f"}}, 1},
		{"a removal since", []change{{"l", add, "b"}}, []change{{"l", remove, "f"}}, map[string][]string{"l": {"a", "b"}}, 0},
	} {
		t.Run(c.title, func(t *testing.T) {
			w := openTwin(t, t.TempDir())
			w.put(t, "l", replace, addr("a"), addr("f"))
			store := w.copy(t)
			do := func(w *twin, all []change) {
				for _, x := range all {
					var addresses []string
					for _, letter := range strings.Split(x.of, "") {
						addresses = append(addresses, addr(letter))
					}
					w.put(t, x.list, x.mode, addresses...)
				}
			}
			do(w, c.lost)
			do(store, c.since)
			g, _, err := lists.Current(ctx, w.store)
			if err != nil {
				t.Fatal(err)
			}
			out, err := store.Restore(ctx, w.store, g.Head(), "ana", "test")
			if err != nil || out.Generation <= g.Number {
				t.Fatalf("%+v %v", out, err)
			}
			if d := cmp.Diff(c.want, store.holds(t)); d != "" {
				t.Error(d)
			}
			if len(out.Notes) != c.notes {
				t.Errorf("notes: %q", out.Notes)
			}
			if again, err := store.Restore(ctx, w.store, g.Head(), "ana", "test"); err != nil || again.Generation != 0 {
				t.Errorf("a second time: %+v %v", again, err)
			}
			store.put(t, "l", add, addr("9"))
		})
	}
}

// What cannot be brought back is named, and nothing changes.
func TestRestoreNamesWhatItCannotBringBack(t *testing.T) {
	w := openTwin(t, t.TempDir())
	w.put(t, "l", lists.Replace, addr("a"))
	store := w.copy(t)
	w.put(t, "l", lists.Add, addr("b"))
	g, _, err := lists.Current(ctx, w.store)
	if err != nil {
		t.Fatal(err)
	}
	layer := g.Lists[0].Layers[1].ID
	if err := w.store.DropLayer(ctx, layer); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Restore(ctx, w.store, g.Head(), "ana", ""); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), layer) || !strings.Contains(err.Error(), "list l ") {
		t.Errorf("%v", err)
	}
	if now, _, err := lists.Current(ctx, store.store); err != nil || now.Number != 1 {
		t.Errorf("%d %v", now.Number, err)
	}
	if _, err := store.Restore(ctx, store.copy(t).store, lists.Head{Generation: g.Number, ID: g.ID}, "ana", ""); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "generation 2") {
		t.Errorf("a cache that holds less than was answered from: %v", err)
	}
}

// Lists from a server that follows another one end with its manifest. Restored, they would have no end, so that listings made since would be missed for ever.
func TestTheFolderOfAFollowerIsNotRestored(t *testing.T) {
	for name, end := range map[string]time.Duration{"its manifest is valid": time.Hour, "its manifest has expired": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			w := openTwin(t, t.TempDir())
			w.put(t, "l", lists.Replace, addr("a"))
			store := w.copy(t)
			w.put(t, "l", lists.Add, addr("b"))
			g, _, err := lists.Current(ctx, w.store)
			if err != nil {
				t.Fatal(err)
			}
			followed := lists.Followed{Origin: "another", StoreID: "s", Generation: g.Number, ID: g.ID, Created: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(end)}
			if err := w.store.Commit(ctx, lists.Put(lists.DocFollowed, followed, 0)); err != nil {
				t.Fatal(err)
			}
			for _, to := range []*twin{store, openTwin(t, t.TempDir())} {
				before, _, err := lists.Current(ctx, to.store)
				if err != nil && !fault.Is(err, fault.NotFound) {
					t.Fatal(err)
				}
				if out, err := to.Restore(ctx, w.store, g.Head(), "ana", ""); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "follows another") {
					t.Errorf("%+v %v", out, err)
				}
				if after, _, _ := lists.Current(ctx, to.store); after.Head() != before.Head() {
					t.Errorf("generation %d became %d", before.Number, after.Number)
				}
			}
		})
	}
}

// A replica of a generation with a lower number than the store's is as lost as one with a higher number.
func TestNothingIsBuiltOverALostReplicaBehind(t *testing.T) {
	w := openTwin(t, t.TempDir())
	w.put(t, "l", lists.Replace, addr("a"))
	store := w.copy(t)
	w.put(t, "l", lists.Add, addr("b"))
	store.put(t, "l", lists.Add, addr("c"))
	store.put(t, "l", lists.Add, addr("d"))
	g, _, err := lists.Current(ctx, w.store)
	if err != nil {
		t.Fatal(err)
	}
	report := func(r lists.Replica) {
		r.ID, r.Seen = "r1", time.Now()
		if err := store.store.Commit(context.Background(), lists.Put(lists.DocReplica(r.ID), r, lists.AnyRevision)); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range []lists.Replica{{Generation: g.Number, GenerationID: g.ID}, {Generation: g.Number, GenerationID: g.ID, Lost: true}, {Lost: true}} {
		report(r)
		if _, err := store.Retire(ctx, "l", by("ana", "")); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "interdict restore") {
			t.Errorf("%+v: %v", r, err)
		}
	}
	before, _, err := lists.Read[lists.Generation](ctx, store.store, lists.DocGeneration(2))
	if err != nil {
		t.Fatal(err)
	}
	report(lists.Replica{Generation: 2, GenerationID: before.ID})
	if _, err := store.Retire(ctx, "l", by("ana", "")); err != nil {
		t.Errorf("a replica that is only behind: %v", err)
	}
}

// Keys that are put back work only with the pepper that they were hashed with, also where the emptied store has made one of its own.
func TestRestorePutsThePepperOfLostKeysBesideANewOne(t *testing.T) {
	was := openTwin(t, filepath.Join(t.TempDir(), "was"))
	was.put(t, "l", lists.Replace, addr("a"))
	old := []byte("the pepper of before")
	if err := was.store.Commit(ctx, lists.Change{Key: lists.DocPepper, Value: old}, lists.Put(lists.DocKey("k"), "key", 0)); err != nil {
		t.Fatal(err)
	}
	g, _, err := lists.Current(ctx, was.store)
	if err != nil {
		t.Fatal(err)
	}
	for name, made := range map[string]string{"none": "", "the same": string(old), "another": "a new one"} {
		t.Run(name, func(t *testing.T) {
			now := openTwin(t, filepath.Join(t.TempDir(), "now"))
			want := map[string]string{lists.DocPepper: string(old)}
			if made != "" {
				if err := now.store.Commit(ctx, lists.Change{Key: lists.DocPepper, Value: []byte(made)}); err != nil {
					t.Fatal(err)
				}
				want = map[string]string{lists.DocPepper: made}
			}
			if name == "another" {
				want[lists.DocOtherPepper(old)] = string(old)
			}
			for range 2 { // the second one finds nothing to do
				if _, err := now.Restore(ctx, was.store, g.Head(), "ana", "test"); err != nil {
					t.Fatal(err)
				}
				docs, err := now.store.Scan(ctx, lists.DocPepper)
				if err != nil {
					t.Fatal(err)
				}
				got := map[string]string{}
				for _, d := range docs {
					got[d.Key] = string(d.Value)
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Error(d)
				}
			}
		})
	}
}
