package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

func (k Kit) layers(t *testing.T) {
	ctx := context.Background()

	t.Run("what was put is found, what was not is nil", func(t *testing.T) {
		s := k.Open(t)
		sizes := []int{0, 1, 2, 3, 57, 95, 96, 97, 128, 129, 1000, 20_000}
		for _, n := range sizes {
			WriteLayer(t, s, id("l", n), Entries(n, uint64(n)))
		}
		for range 2 {
			for _, n := range sizes {
				CheckLayer(t, s, id("l", n), Entries(n, uint64(n)))
			}
			s = k.Reopen(t, s)
		}
	})

	t.Run("a hundred thousand entries, asked by sixteen at once", func(t *testing.T) {
		s := k.Open(t)
		entries := Entries(100_000, 1)
		WriteLayer(t, s, "big", entries)
		var wg sync.WaitGroup
		for g := range 16 {
			wg.Go(func() {
				for i := g; i < len(entries); i += 16 * 97 {
					found, err := s.Lookup(ctx, []lists.LayerKey{{Layer: "big", Key: entries[i].Key}, {Layer: "big", Key: "\x02none"}})
					if err != nil {
						t.Errorf("Lookup: %v", err)
						return
					}
					if !bytes.Equal(found[0], entries[i].Refs) || found[1] != nil {
						t.Errorf("Lookup: %x → %x", entries[i].Key, found)
						return
					}
				}
			})
		}
		wg.Wait()
		CheckLayer(t, s, "big", entries)
	})

	t.Run("keys of all lengths and references of all sizes", func(t *testing.T) {
		s := k.Open(t)
		var entries []lists.Entry
		for n := 1; n <= address.MaxKey; n++ {
			entries = append(entries, lists.Entry{Key: address.Key(strings.Repeat("\x00", n-1) + "\xff"), Refs: bytes.Repeat([]byte{byte(n)}, n)})
		}
		entries = append(entries, lists.Entry{Key: "\x01big", Refs: bytes.Repeat([]byte("refs"), 1<<18)},
			lists.Entry{Key: "\x01middle", Refs: bytes.Repeat([]byte("refs"), 5000)})
		Order(entries)
		WriteLayer(t, s, "l", entries)
		CheckLayer(t, s, "l", entries)
	})

	t.Run("keys of one hash are told apart", func(t *testing.T) {
		s := k.Open(t)
		entries := Colliding(300)
		if h := lists.Hash(entries[0].Key); h != lists.Hash(entries[299].Key) {
			t.Fatal("the keys do not collide")
		}
		WriteLayer(t, s, "alone", entries)
		CheckLayer(t, s, "alone", entries)
		others := Entries(300, 1)
		for _, e := range others { // most are where the layer has nothing at all
			if found, err := s.Lookup(ctx, []lists.LayerKey{{Layer: "alone", Key: e.Key}}); err != nil || found[0] != nil {
				t.Fatalf("Lookup of what is not there: %x, %v", found, err)
			}
		}
		entries = append(entries, others...)
		Order(entries)
		WriteLayer(t, s, "l", entries)
		CheckLayer(t, s, "l", entries)
	})

	t.Run("one question spans layers and keeps its order", func(t *testing.T) {
		s := k.Open(t)
		a, b := Entries(500, 1), Entries(500, 2)
		WriteLayer(t, s, "a", a)
		WriteLayer(t, s, "b", b)
		var asked []lists.LayerKey
		var want [][]byte
		for i := range a {
			asked = append(asked, lists.LayerKey{Layer: "a", Key: a[i].Key}, lists.LayerKey{Layer: "b", Key: a[i].Key},
				lists.LayerKey{Layer: "b", Key: b[i].Key}, lists.LayerKey{Layer: "a", Key: a[0].Key})
			want = append(want, a[i].Refs, nil, b[i].Refs, a[0].Refs)
		}
		got, err := s.Lookup(ctx, asked)
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, "Lookup", got, want)
		if got, err := s.Lookup(ctx, nil); err != nil || len(got) != 0 {
			t.Errorf("Lookup of nothing: %v, %v", got, err)
		}
		_, err = s.Lookup(ctx, append(asked, lists.LayerKey{Layer: "c", Key: a[0].Key}))
		wantKind(t, "with one layer that is not there", err, fault.Unavailable)
	})

	t.Run("a layer that is not there or not complete is Unavailable, never absence", func(t *testing.T) {
		s := k.Open(t)
		unavailable := func(what, id string) {
			t.Helper()
			_, err := s.Lookup(ctx, []lists.LayerKey{{Layer: id, Key: "\x02k"}})
			wantDamaged(t, what+": Lookup", err, id)
			_, err = s.Attributions(ctx, id, []uint32{1})
			wantDamaged(t, what+": Attributions", err, id)
			_, err = walk(ctx, s, id)
			wantDamaged(t, what+": Walk", err, id)
		}
		unavailable("never made", "none")

		entries := Entries(5000, 1)
		w, err := s.CreateLayer(ctx, "part", len(entries))
		if err != nil {
			t.Fatal(err)
		}
		unavailable("just begun", "part")
		for _, e := range entries {
			if err := w.Put(e); err != nil {
				t.Fatal(err)
			}
		}
		unavailable("put, not committed", "part")
		if err := w.Abort(); err != nil {
			t.Fatal(err)
		}
		unavailable("aborted", "part")

		WriteLayer(t, s, "whole", entries)
		CheckLayer(t, s, "whole", entries)
		if err := s.DropLayer(ctx, "whole"); err != nil {
			t.Fatal(err)
		}
		unavailable("dropped", "whole")
		if err := s.DropLayer(ctx, "whole"); err != nil {
			t.Errorf("dropped again: %v", err)
		}
		WriteLayer(t, s, "whole", Entries(10, 2))
		CheckLayer(t, s, "whole", Entries(10, 2))
	})

	for what, lose := range k.LoseEntry {
		t.Run("an entry that was lost is Unavailable, never absence: "+what, func(t *testing.T) {
			s := k.Open(t)
			entries := Entries(5000, 1)
			WriteLayer(t, s, "l", entries)
			CheckLayer(t, s, "l", entries)
			lost := entries[2345].Key
			lose(t, s, "l", lost)
			for range 2 {
				_, err := s.Lookup(ctx, []lists.LayerKey{{Layer: "l", Key: entries[0].Key}, {Layer: "l", Key: lost}})
				wantKind(t, "Lookup", err, fault.Unavailable)
				if err != nil && !strings.Contains(err.Error(), "layer l") {
					t.Errorf("the error does not name the layer: %v", err)
				}
				got, err := walk(ctx, s, "l")
				wantKind(t, "Walk", err, fault.Unavailable)
				if len(got) == len(entries) {
					t.Error("Walk yields as many entries as were written")
				}
				for _, e := range entries[2200:2500] { // its neighbours
					found, err := s.Lookup(ctx, []lists.LayerKey{{Layer: "l", Key: e.Key}})
					if err == nil && !bytes.Equal(found[0], e.Refs) {
						t.Fatalf("Lookup of %x: %x instead of %x", e.Key, found[0], e.Refs)
					}
				}
				s = k.Reopen(t, s)
			}
		})
	}

	t.Run("a layer that takes many steps to write is not readable before the last", func(t *testing.T) {
		s := k.Open(t)
		entries := Entries(300, 1)
		for i := range entries {
			entries[i].Refs = bytes.Repeat(entries[i].Refs, 64<<10/len(entries[i].Refs))
		}
		w, err := s.CreateLayer(ctx, "l", len(entries))
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range entries {
			if err := errors.Join(w.Put(e), w.PutAttribution(uint32(i), e.Refs)); err != nil {
				t.Fatal(err)
			}
		}
		for _, key := range []address.Key{entries[0].Key, "\x02not listed"} {
			_, err = s.Lookup(ctx, []lists.LayerKey{{Layer: "l", Key: key}})
			wantKind(t, "Lookup", err, fault.Unavailable)
		}
		_, err = s.Attributions(ctx, "l", []uint32{0})
		wantKind(t, "Attributions", err, fault.Unavailable)
		got, err := walk(ctx, s, "l")
		wantKind(t, "Walk", err, fault.Unavailable)
		if len(got) > 0 {
			t.Error("Walk yields entries of an incomplete layer")
		}
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
		CheckLayer(t, s, "l", entries)
		for i, e := range entries {
			if got, err := s.Attributions(ctx, "l", []uint32{uint32(i)}); err != nil || !bytes.Equal(got[0], e.Refs) {
				t.Fatalf("attribution %d: %v", i, err)
			}
		}
	})

	t.Run("Layers lists incomplete ones too, since when", func(t *testing.T) {
		s := k.Open(t)
		start := time.Now()
		WriteLayer(t, s, "whole", Entries(10, 1))
		part, err := s.CreateLayer(ctx, "part", 3)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.CreateLayer(ctx, "lost", 3); err != nil {
			t.Fatal(err)
		}
		listed := func() []string {
			layers, err := s.Layers(ctx)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for id, created := range layers {
				ids = append(ids, id)
				if d := created.Sub(start); d < -time.Second || d > time.Minute {
					t.Errorf("layer %s was created at %v", id, created)
				}
			}
			slices.Sort(ids)
			return ids
		}
		wantSame(t, "layers", listed(), []string{"lost", "part", "whole"})
		if err := part.Abort(); err != nil {
			t.Fatal(err)
		}
		s = k.Reopen(t, s)
		wantSame(t, "after Abort", listed(), []string{"lost", "whole"})
		for _, id := range []string{"whole", "lost"} {
			if err := s.DropLayer(ctx, id); err != nil {
				t.Fatal(err)
			}
		}
		if len(listed()) != 0 {
			t.Errorf("after all were dropped: %v", listed())
		}
	})

	t.Run("an id is given once", func(t *testing.T) {
		s := k.Open(t)
		entries := Entries(10, 1)
		WriteLayer(t, s, "l", entries)
		_, err := s.CreateLayer(ctx, "l", 1)
		wantKind(t, "of a complete layer", err, fault.Conflict)
		CheckLayer(t, s, "l", entries)
		w, err := s.CreateLayer(ctx, "m", 10)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.CreateLayer(ctx, "m", 10)
		wantKind(t, "of an incomplete layer", err, fault.Conflict)
		for _, e := range entries {
			if err := w.Put(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
		CheckLayer(t, s, "m", entries)
	})

	t.Run("a writer whose layer was dropped does not complete it", func(t *testing.T) {
		s := k.Open(t)
		entries := Entries(10, 1)
		w, err := s.CreateLayer(ctx, "l", 10)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.DropLayer(ctx, "l"); err != nil {
			t.Fatal(err)
		}
		other, err := s.CreateLayer(ctx, "l", 5)
		if err != nil {
			t.Fatal(err)
		}
		failed := false
		for _, e := range entries {
			failed = failed || w.Put(e) != nil
		}
		if err := w.Commit(); err == nil && !failed {
			t.Fatal("it was completed")
		}
		if err := w.Abort(); err != nil {
			t.Errorf("Abort: %v", err)
		}
		for _, e := range entries[:5] {
			if err := other.Put(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := other.Commit(); err != nil {
			t.Fatal(err)
		}
		CheckLayer(t, s, "l", entries[:5])
	})

	t.Run("a layer that is not as announced is never complete", func(t *testing.T) {
		entries := Entries(300, 1)
		other := entries[299]
		for what, test := range map[string]struct {
			announced int
			entries   []lists.Entry
		}{
			"too few":                 {300, entries[:299]},
			"none":                    {300, nil},
			"too many":                {299, entries},
			"more than none":          {0, entries[:1]},
			"one twice":               {3, []lists.Entry{entries[0], entries[1], entries[1]}},
			"out of order":            {3, []lists.Entry{entries[0], entries[2], entries[1]}},
			"an empty key":            {1, []lists.Entry{{Key: "", Refs: other.Refs}}},
			"too long a key":          {1, []lists.Entry{{Key: address.Key(strings.Repeat("k", address.MaxKey+1)), Refs: other.Refs}}},
			"no references":           {1, []lists.Entry{{Key: other.Key}}},
			"far too many references": {1, []lists.Entry{{Key: other.Key, Refs: make([]byte, 1<<20+1)}}},
		} {
			t.Run(what, func(t *testing.T) {
				s := k.Open(t)
				w, err := s.CreateLayer(ctx, "l", test.announced)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range test.entries {
					if err := w.Put(e); err != nil {
						wantKind(t, "Put", err, fault.Invalid)
						break
					}
				}
				wantKind(t, "Commit", w.Commit(), fault.Invalid)
				_, err = s.Lookup(ctx, []lists.LayerKey{{Layer: "l", Key: other.Key}})
				wantKind(t, "Lookup", err, fault.Unavailable)
				if err := w.Abort(); err != nil {
					t.Errorf("Abort after a failed Commit: %v", err)
				}
				if layers, err := s.Layers(ctx); err != nil || len(layers) != 0 {
					t.Errorf("layers %v, %v", layers, err)
				}
			})
		}
	})

	t.Run("a writer ends once", func(t *testing.T) {
		s := k.Open(t)
		entries := Entries(3, 1)
		for _, end := range []func(lists.LayerWriter) error{lists.LayerWriter.Commit, lists.LayerWriter.Abort} {
			w, err := s.CreateLayer(ctx, "l", 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := end(w); err != nil {
				t.Fatal(err)
			}
			for what, err := range map[string]error{"Put": w.Put(entries[0]), "PutAttribution": w.PutAttribution(1, nil), "Commit": w.Commit(), "Abort": w.Abort()} {
				if err == nil {
					t.Errorf("%s after the end is no error", what)
				}
			}
			layers, err := s.Layers(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if len(layers) == 1 {
				CheckLayer(t, s, "l", nil)
				if err := s.DropLayer(ctx, "l"); err != nil {
					t.Fatal(err)
				}
			}
		}
	})

	t.Run("bad ids and counts are Invalid", func(t *testing.T) {
		s := k.Open(t)
		for _, id := range []string{"", "A", "a/b", "a b", "a_b", "{a}", "a:b", strings.Repeat("a", 121)} {
			_, err := s.CreateLayer(ctx, id, 1)
			wantKind(t, "CreateLayer "+id, err, fault.Invalid)
		}
		_, err := s.CreateLayer(ctx, "l", -1)
		wantKind(t, "negative count", err, fault.Invalid)
		WriteLayer(t, s, strings.Repeat("a", 120), Entries(3, 1))
		CheckLayer(t, s, strings.Repeat("a", 120), Entries(3, 1))
	})

	t.Run("attributions come in any order and are read by number", func(t *testing.T) {
		s := k.Open(t)
		entries := Entries(2000, 1)
		w, err := s.CreateLayer(ctx, "l", len(entries))
		if err != nil {
			t.Fatal(err)
		}
		record := func(n uint32) []byte {
			return fmt.Appendf(nil, `{"entity":{"name":"%d"}}%s`, n, strings.Repeat("x", int(n%200)))
		}
		numbers := []uint32{5, 0, 1<<32 - 1, 127, 128, 129, 63, 64, 1 << 20, 255, 256}
		for n := range uint32(1000) {
			numbers = append(numbers, 2000-n)
		}
		for _, n := range numbers[:3] {
			if err := w.PutAttribution(n, record(n)); err != nil {
				t.Fatal(err)
			}
		}
		rest := numbers[3:]
		for i, e := range entries {
			if err := w.Put(e); err != nil {
				t.Fatal(err)
			}
			if i < len(rest) {
				if err := w.PutAttribution(rest[i], record(rest[i])); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.PutAttribution(7, []byte{}); err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
		CheckLayer(t, s, "l", entries)
		asked := append(slices.Clone(numbers), 5, 5)
		got, err := s.Attributions(ctx, "l", asked)
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range asked {
			if !bytes.Equal(got[i], record(n)) {
				t.Fatalf("attribution %d is %s", n, got[i])
			}
		}
		if got, err := s.Attributions(ctx, "l", []uint32{7}); err != nil || got[0] == nil || len(got[0]) != 0 {
			t.Errorf("an empty record: %v, %v", got, err)
		}
		if got, err := s.Attributions(ctx, "l", nil); err != nil || len(got) != 0 {
			t.Errorf("no numbers: %v, %v", got, err)
		}
		for _, n := range []uint32{6, 1 << 31, 2001} {
			_, err = s.Attributions(ctx, "l", []uint32{5, n})
			wantKind(t, "one that is missing", err, fault.Unavailable)
		}
		if err := s.DropLayer(ctx, "l"); err != nil {
			t.Fatal(err)
		}
		WriteLayer(t, s, "l", entries[:10])
		_, err = s.Attributions(ctx, "l", []uint32{5})
		wantKind(t, "one of a dropped layer of the same id", err, fault.Unavailable)
	})

	t.Run("one layer can be written while others are walked, asked and dropped", func(t *testing.T) {
		s := k.Open(t)
		base := Entries(60_000, 1)
		WriteLayer(t, s, "base", base)
		WriteLayer(t, s, "old", base[:20_000])
		done := make(chan struct{})
		go func() {
			defer close(done)
			w, err := s.CreateLayer(ctx, "copy", len(base))
			if err != nil {
				t.Errorf("CreateLayer: %v", err)
				return
			}
			n := 0
			for e, err := range s.Walk(ctx, "base") {
				if err == nil {
					err = w.Put(e)
				}
				if n++; err == nil && n == 30_000 {
					err = s.DropLayer(ctx, "old")
				}
				if err == nil && n%10_000 == 0 {
					_, err = s.Lookup(ctx, []lists.LayerKey{{Layer: "base", Key: e.Key}})
				}
				if err == nil && n%10_000 == 1 {
					err = s.Commit(ctx, lists.Change{Key: lists.DocHead, Value: e.Refs, Expect: lists.AnyRevision})
				}
				if err != nil {
					t.Errorf("entry %d: %v", n, err)
					return
				}
			}
			if err := w.Commit(); err != nil {
				t.Errorf("Commit: %v", err)
			}
		}()
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Fatal("they wait for each other")
		}
		CheckLayer(t, s, "copy", base)
	})

	t.Run("many may drop one layer", func(t *testing.T) {
		s := k.Open(t)
		WriteLayer(t, s, "l", Entries(20_000, 1))
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := s.DropLayer(ctx, "l"); err != nil {
					t.Errorf("DropLayer: %v", err)
				}
			})
		}
		wg.Wait()
		if layers, err := s.Layers(ctx); err != nil || len(layers) != 0 {
			t.Errorf("layers %v, %v", layers, err)
		}
	})

	t.Run("a walk that loses its layer ends in an error", func(t *testing.T) {
		s := k.Open(t)
		WriteLayer(t, s, "l", Entries(60_000, 1))
		n := 0
		var last error
		for _, err := range s.Walk(ctx, "l") {
			last = err
			if n++; n == 1 {
				if err := s.DropLayer(ctx, "l"); err != nil {
					t.Fatal(err)
				}
			}
		}
		wantKind(t, "Walk", last, fault.Unavailable)
	})

	t.Run("a walk does not go on in another layer of the same id", func(t *testing.T) {
		s := k.Open(t)
		entries := Entries(60_000, 1)
		WriteLayer(t, s, "l", entries)
		n := 0
		var last error
		for _, err := range s.Walk(ctx, "l") {
			last = err
			if n++; n == 1 {
				if err := s.DropLayer(ctx, "l"); err != nil {
					t.Fatal(err)
				}
				for i := range entries { // the same keys, and no reference of another length
					entries[i].Refs = bytes.Repeat([]byte{1}, len(entries[i].Refs))
				}
				WriteLayer(t, s, "l", entries)
			}
		}
		wantKind(t, "Walk", last, fault.Unavailable)
	})

	t.Run("a walk can be left early", func(t *testing.T) {
		s := k.Open(t)
		WriteLayer(t, s, "l", Entries(60_000, 1))
		for _, err := range s.Walk(ctx, "l") {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		if err := s.DropLayer(ctx, "l"); err != nil {
			t.Fatal(err)
		}
	})

	t.Run("a context that ends, ends what it was for", func(t *testing.T) {
		s := k.Open(t)
		entries := Entries(60_000, 1)
		WriteLayer(t, s, "l", entries)
		gone, cancel := context.WithCancel(ctx)
		defer cancel()
		w, err := s.CreateLayer(gone, "m", len(entries))
		if err != nil {
			t.Fatal(err)
		}
		var last error
		n := 0
		for _, err := range s.Walk(gone, "l") {
			last = err
			if n++; n == 1 {
				cancel()
			}
		}
		canceled := func(what string, err error) {
			t.Helper()
			wantKind(t, what, err, fault.Unavailable)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v does not say that it was cancelled", what, err)
			}
		}
		canceled("Walk", last)
		_, err = s.Lookup(gone, []lists.LayerKey{{Layer: "l", Key: entries[0].Key}})
		canceled("Lookup", err)
		_, err = s.Attributions(gone, "l", []uint32{1})
		canceled("Attributions", err)
		_, err = s.Get(gone, "list/none")
		canceled("Get", err)
		_, err = s.Scan(gone, "")
		canceled("Scan", err)
		canceled("Commit", s.Commit(gone, lists.Change{Key: "list/a", Value: []byte("x")}))
		canceled("Ping", s.Ping(gone))
		_, err = s.Layers(gone)
		canceled("Layers", err)
		_, err = s.Blobs(gone)
		canceled("Blobs", err)
		_, err = s.OpenBlob(gone, "none")
		canceled("OpenBlob", err)
		canceled("PutBlob", s.PutBlob(gone, "b", strings.NewReader("x")))
		err = nil
		for _, e := range entries {
			if err = w.Put(e); err != nil {
				break
			}
		}
		if err == nil {
			err = w.Commit()
		}
		canceled("the layer's writer", err)
		if err := w.Abort(); err != nil {
			t.Errorf("Abort after the context's end: %v", err)
		}
		layers, err := s.Layers(ctx)
		if err != nil || len(layers) != 1 {
			t.Errorf("layers %v, %v", layers, err)
		}
		if _, err := s.Get(ctx, "list/a"); !fault.Is(err, fault.NotFound) {
			t.Errorf("a commit that was called off: %v", err)
		}
	})
}
