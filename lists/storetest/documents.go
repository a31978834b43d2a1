package storetest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"interdict/lists"
	"interdict/lists/fault"
)

func (k Kit) documents(t *testing.T) {
	ctx := context.Background()

	t.Run("absence is NotFound", func(t *testing.T) {
		s := k.Open(t)
		_, err := s.Get(ctx, "list/none")
		wantKind(t, "in an empty store", err, fault.NotFound)
		put(t, s, "list/some", "{}")
		_, err = s.Get(ctx, "list/none")
		wantKind(t, "beside another", err, fault.NotFound)
		commit(t, s, lists.Change{Key: "list/some", Expect: lists.AnyRevision})
		_, err = s.Get(ctx, "list/some")
		wantKind(t, "after its deletion", err, fault.NotFound)
	})

	t.Run("every change gives another revision, and it survives", func(t *testing.T) {
		s := k.Open(t)
		seen := map[uint64]bool{0: true}
		for i := range 20 {
			if i%5 == 4 {
				commit(t, s, lists.Change{Key: "list/a", Expect: lists.AnyRevision})
			}
			revision := put(t, s, "list/a", fmt.Sprint(i/2))
			if seen[revision] {
				t.Fatalf("change %d has revision %d again", i, revision)
			}
			seen[revision] = true
			if get(t, s, "list/a").Revision != revision {
				t.Fatal("the revision changes without a change")
			}
		}
		want := get(t, s, "list/a")
		s = k.Reopen(t, s)
		wantSame(t, "after opening again", get(t, s, "list/a"), want)
		if seen[put(t, s, "list/a", "x")] {
			t.Fatal("a revision is used again after opening again")
		}
	})

	t.Run("the delta files of many years fit into one document", func(t *testing.T) {
		s := k.Open(t)
		want := lists.DeltaArchive{URLSHA256: strings.Repeat("a", 64), Years: map[int]bool{2023: true, 2024: false}, Read: []lists.Publication{},
			Unread: []lists.UnreadPublication{{ID: "9", Date: "2024-01-01", Tries: 2, Error: "x"}}}
		for len(want.Read) < 3000 { // 20 years, with some 10,000 addresses
			at := lists.DeltaAddress{Entity: fmt.Sprint(len(want.Read)), Asset: "ETH", Address: strings.Repeat("x", 120)}
			want.Read = append(want.Read, lists.Publication{ID: at.Entity, Date: "2024-01-01", Added: []lists.DeltaAddress{at, at}, Removed: []lists.DeltaAddress{at},
				Named: []lists.DeltaAddress{at}, Ended: []string{"1", "2"}})
		}
		if n := len(lists.JSON(want)); n > lists.MaxDeltaArchive {
			t.Fatalf("%d bytes", n)
		}
		commit(t, s, lists.Put(lists.DocDeltas("sdn"), want, 0))
		s = k.Reopen(t, s)
		got, _, err := lists.Read[lists.DeltaArchive](ctx, s, lists.DocDeltas("sdn"))
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, "the archive", got, want)
	})

	t.Run("a change of another revision is a Conflict and changes nothing", func(t *testing.T) {
		s := k.Open(t)
		a, b := put(t, s, "list/a", "a1"), put(t, s, "list/b", "b1")
		before, err := s.Scan(ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		fine := lists.Change{Key: "list/a", Value: []byte("a2"), Expect: a}
		for what, c := range map[string]lists.Change{
			"an older revision":             {Key: "list/b", Value: []byte("b2"), Expect: b - 1},
			"must not exist, but does":      {Key: "list/b", Value: []byte("b2"), Expect: 0},
			"must exist, but does not":      {Key: "list/c", Value: []byte("c2"), Expect: b},
			"deletion of an older revision": {Key: "list/b", Expect: b - 1},
			"deletion of what is not there": {Key: "list/c", Expect: b},
			"deletion of what must not be":  {Key: "list/b", Expect: 0},
		} {
			for _, changes := range [][]lists.Change{{fine, c}, {c, fine}} {
				err := s.Commit(ctx, changes...)
				wantKind(t, what, err, fault.Conflict)
				if err != nil && !strings.Contains(err.Error(), c.Key) {
					t.Errorf("%s: %q does not name %s", what, err, c.Key)
				}
			}
		}
		after, err := s.Scan(ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, "documents", after, before)
	})

	t.Run("many documents change together", func(t *testing.T) {
		s := k.Open(t)
		a := put(t, s, "list/a", "a1")
		put(t, s, "list/b", "b1")
		commit(t, s,
			lists.Change{Key: "list/a", Value: []byte("a2"), Expect: a},
			lists.Change{Key: "list/b", Expect: lists.AnyRevision},
			lists.Change{Key: "list/c", Value: []byte("c2")},
			lists.Change{Key: "list/d"},
			lists.Change{Key: "list/e", Expect: lists.AnyRevision},
			lists.Change{Key: lists.DocHead, Value: []byte("h2"), Expect: lists.AnyRevision})
		wantSame(t, "documents", values(t, s, ""), map[string]string{"list/a": "a2", "list/c": "c2", "head": "h2"})
		if err := s.Commit(ctx); err != nil {
			t.Errorf("a commit of nothing: %v", err)
		}
	})

	t.Run("an empty value is a document", func(t *testing.T) {
		s := k.Open(t)
		commit(t, s, lists.Change{Key: "list/a", Value: []byte{}})
		if d := get(t, s, "list/a"); d.Value == nil || len(d.Value) != 0 {
			t.Errorf("value %#v", d.Value)
		}
	})

	t.Run("bytes come back as they were", func(t *testing.T) {
		s := k.Open(t)
		all := make([]byte, 1024)
		for i := range all {
			all[i] = byte(i)
		}
		put(t, s, "list/a", string(all))
		wantSame(t, "value", get(t, s, "list/a").Value, all)
	})

	t.Run("what the contract does not allow is Invalid", func(t *testing.T) {
		s := k.Open(t)
		for _, key := range []string{"", "List/a", "list a", "list/ä", "list:a", "list{a}", "list\x00", "list\n", "a.b", "*", strings.Repeat("a", 201)} {
			wantKind(t, "Commit "+key, s.Commit(ctx, lists.Change{Key: key, Value: []byte("x")}), fault.Invalid)
			_, err := s.Get(ctx, key)
			wantKind(t, "Get "+key, err, fault.Invalid)
		}
		c := lists.Change{Key: "list/a", Value: []byte("x")}
		wantKind(t, "one key twice", s.Commit(ctx, c, c), fault.Invalid)
		c.Value = make([]byte, 8<<20+1)
		wantKind(t, "too large a document", s.Commit(ctx, c), fault.TooLarge)
		wantSame(t, "documents", values(t, s, ""), map[string]string{})
		long := strings.Repeat("a", 200)
		put(t, s, long, "x")
		put(t, s, "a_-/9", "x")
	})

	t.Run("Scan gives a prefix in order, and only it", func(t *testing.T) {
		s := k.Open(t)
		keys := []string{"head", "list/a", "list/a-b", "list/a/b", "list/a_", "list/b", "listing", "version/a/00000001",
			"version/a/00000002", "version/a/00000010", "version/a-b/00000001", "z", "zz"}
		for _, key := range keys {
			put(t, s, key, "v "+key)
		}
		slices.Sort(keys)
		for _, prefix := range []string{"", "list", "list/", "list/a", "list/a/", "version/a/", "none", "z", "zz", "zzz", "head"} {
			var want []lists.Doc
			for _, key := range keys {
				if strings.HasPrefix(key, prefix) {
					want = append(want, get(t, s, key))
				}
			}
			got, err := s.Scan(ctx, prefix)
			if err != nil {
				t.Fatal(err)
			}
			if len(got)+len(want) > 0 {
				wantSame(t, "Scan "+prefix, got, want)
			}
		}
		for _, prefix := range []string{"list*", "[l]", "LIST", "list\xff"} {
			if got, err := s.Scan(ctx, prefix); err == nil && len(got) > 0 {
				t.Errorf("Scan %q gives %d documents", prefix, len(got))
			}
		}
	})

	t.Run("Scan gives thousands of documents", func(t *testing.T) {
		s := k.Open(t)
		var changes []lists.Change
		for i := range 3000 {
			changes = append(changes, lists.Change{Key: lists.DocVersion("big", i), Value: fmt.Append(nil, i)})
		}
		commit(t, s, changes...)
		docs, err := s.Scan(ctx, lists.DocVersions("big"))
		if err != nil || len(docs) != len(changes) {
			t.Fatalf("%d documents, %v", len(docs), err)
		}
		for i, d := range docs {
			if d.Key != changes[i].Key || !bytes.Equal(d.Value, changes[i].Value) {
				t.Fatalf("document %d is %s", i, d.Key)
			}
		}
	})

	t.Run("large documents are kept and scanned", func(t *testing.T) {
		s := k.Open(t)
		big := bytes.Repeat([]byte("0123456789abcdef"), 8<<20/16)
		commit(t, s, lists.Change{Key: "list/a", Value: big}, lists.Change{Key: "list/b", Value: big}, lists.Change{Key: "list/c", Value: big})
		docs, err := s.Scan(ctx, "list/")
		if err != nil || len(docs) != 3 {
			t.Fatalf("%d documents, %v", len(docs), err)
		}
		for _, d := range docs {
			if !bytes.Equal(d.Value, big) {
				t.Errorf("document %s has other bytes", d.Key)
			}
		}
	})

	t.Run("of fifty who race for one revision exactly one wins", func(t *testing.T) {
		s := k.Open(t)
		revision := put(t, s, lists.DocHead, "0")
		for round := range 5 {
			var won atomic.Int32
			var wg sync.WaitGroup
			for i := range 50 {
				wg.Go(func() {
					err := s.Commit(ctx,
						lists.Change{Key: lists.DocHead, Value: fmt.Append(nil, i), Expect: revision},
						lists.Change{Key: lists.DocGeneration(round), Value: fmt.Append(nil, i)})
					switch {
					case err == nil:
						won.Add(1)
					case !fault.Is(err, fault.Conflict):
						t.Errorf("a loser got %v", err)
					}
				})
			}
			wg.Wait()
			if won.Load() != 1 {
				t.Fatalf("%d won", won.Load())
			}
			head, generation := get(t, s, lists.DocHead), get(t, s, lists.DocGeneration(round))
			if string(head.Value) != string(generation.Value) {
				t.Fatalf("head says %s, generation says %s", head.Value, generation.Value)
			}
			revision = head.Revision
		}
	})

	t.Run("documents follow a model", func(t *testing.T) {
		s := k.Open(t)
		rapid.Check(t, func(rt *rapid.T) { model(rt, s) })
	})
}

// model commits at random and holds the store against a map.
func model(t *rapid.T, s lists.Store) {
	ctx := context.Background()
	keys := []string{"list/a", "list/b", "version/a/1", lists.DocHead}
	var reset []lists.Change
	for _, key := range keys {
		reset = append(reset, lists.Change{Key: key, Expect: lists.AnyRevision})
	}
	if err := s.Commit(ctx, reset...); err != nil {
		t.Fatal(err)
	}
	docs := map[string]lists.Doc{}
	for range rapid.IntRange(1, 8).Draw(t, "commits") {
		next := maps.Clone(docs)
		var changes []lists.Change
		fits := true
		for _, key := range rapid.SliceOfDistinct(rapid.SampledFrom(keys), rapid.ID[string]).Draw(t, "keys") {
			c := lists.Change{Key: key, Expect: docs[key].Revision}
			switch rapid.IntRange(0, 5).Draw(t, "expect") {
			case 0:
				c.Expect = lists.AnyRevision
			case 1:
				c.Expect++
				fits = false
			}
			if rapid.Bool().Draw(t, "write") {
				c.Value = []byte(rapid.StringN(0, 8, -1).Draw(t, "value"))
				next[key] = lists.Doc{Key: key, Value: c.Value}
			} else {
				delete(next, key)
			}
			changes = append(changes, c)
		}
		err := s.Commit(ctx, changes...)
		switch {
		case fits && err != nil:
			t.Fatalf("a commit that fits failed: %v", err)
		case !fits && !fault.Is(err, fault.Conflict):
			t.Fatalf("a commit that does not fit: %v", err)
		case !fits:
			next = docs
		}
		got, err := s.Scan(ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(next) {
			t.Fatalf("%d documents instead of %d", len(got), len(next))
		}
		for _, d := range got {
			if string(next[d.Key].Value) != string(d.Value) {
				t.Fatalf("%s holds %q instead of %q", d.Key, d.Value, next[d.Key].Value)
			}
			next[d.Key] = d
		}
		docs = next
	}
}

func values(t testing.TB, s lists.Store, prefix string) map[string]string {
	t.Helper()
	docs, err := s.Scan(context.Background(), prefix)
	if err != nil {
		t.Fatalf("Scan: %v", err)
	}
	all := map[string]string{}
	for _, d := range docs {
		all[d.Key] = string(d.Value)
	}
	return all
}
