// Package storetest is what every lists.Store must do, as tests, and the real servers to do it on.
//
//	Run       the contract: documents, layers, blobs, watching, closing
//	Crash     a process that commits generations is killed at random points; what it promised must stand
//	NewRedis  a real redis-server of the test's own, to be killed, stopped and started again
package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// Kit is a store under test.
type Kit struct {
	// Open gives a store that is empty, and is closed when the test ends.
	Open func(t *testing.T) lists.Store
	// Reopen gives another store on the same data, as another process would have it; an embedded store is closed before.
	Reopen func(t *testing.T, s lists.Store) lists.Store
	// Tamper changes what is stored of a blob: CutBlob makes it shorter, AlterBlob changes a byte.
	CutBlob, AlterBlob func(t *testing.T, s lists.Store, name string)
	// LoseEntry holds the ways in which a store can lose what it has under one key of a layer, and nothing else.
	LoseEntry map[string]func(t *testing.T, s lists.Store, layer string, key address.Key)
}

// Run holds a store against the contract.
func Run(t *testing.T, k Kit) {
	t.Run("documents", k.documents)
	t.Run("layers", k.layers)
	t.Run("blobs", k.blobs)
	t.Run("watch", k.watch)
	t.Run("ends", k.ends)
}

// Entries makes n entries of a layer, in its order: keys as an EVM address has them, of
// 21 bytes, and references with an attribution and the number of a locator. Other seeds give other keys.
func Entries(n int, seed uint64) []lists.Entry {
	entries := make([]lists.Entry, n)
	var in [16]byte
	binary.BigEndian.PutUint64(in[8:], seed)
	for i := range entries {
		binary.BigEndian.PutUint64(in[:], uint64(i))
		sum := sha256.Sum256(in[:])
		sum[0] = 2
		entries[i] = lists.Entry{Key: address.Key(sum[:21]), Refs: refs(uint64(i))}
	}
	Order(entries)
	return entries
}

func refs(i uint64) []byte {
	return lists.AppendRef(nil, &lists.Ref{Variant: 7, Attribution: uint32(i % 700), Locator: 36_000 + i, HasLocator: true})
}

// Order sorts entries as a layer wants them.
func Order(entries []lists.Entry) {
	slices.SortFunc(entries, func(a, b lists.Entry) int {
		ha, hb := lists.Hash(a.Key), lists.Hash(b.Key)
		switch {
		case ha < hb:
			return -1
		case ha > hb:
			return 1
		}
		return cmpString(a.Key, b.Key)
	})
}

func cmpString(a, b address.Key) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// WriteLayer writes a whole layer, without attributions.
func WriteLayer(t testing.TB, s lists.Store, id string, entries []lists.Entry) {
	t.Helper()
	w, err := s.CreateLayer(context.Background(), id, len(entries))
	if err != nil {
		t.Fatalf("CreateLayer: %v", err)
	}
	for _, e := range entries {
		if err := w.Put(e); err != nil {
			t.Fatalf("Put: %v", err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatalf("Commit of the layer: %v", err)
	}
}

// walk gathers a layer.
func walk(ctx context.Context, s lists.Store, id string) (entries []lists.Entry, err error) {
	for e, err := range s.Walk(ctx, id) {
		if err != nil {
			return entries, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// CheckLayer holds a complete layer against the entries that it was given, and against
// keys that it was not given.
func CheckLayer(t testing.TB, s lists.Store, id string, entries []lists.Entry) {
	t.Helper()
	ctx := context.Background()
	got, err := walk(ctx, s, id)
	if err != nil {
		t.Fatalf("Walk of %s: %v", id, err)
	}
	if len(got) != len(entries) {
		t.Fatalf("Walk of %s: %d entries instead of %d", id, len(got), len(entries))
	}
	for i := range got {
		if got[i].Key != entries[i].Key || string(got[i].Refs) != string(entries[i].Refs) {
			t.Fatalf("Walk of %s: entry %d is %x → %x instead of %x → %x", id, i, got[i].Key, got[i].Refs, entries[i].Key, entries[i].Refs)
		}
	}
	for chunk := range slices.Chunk(entries, 1000) {
		var asked []lists.LayerKey
		for _, e := range chunk {
			asked = append(asked, lists.LayerKey{Layer: id, Key: e.Key}, lists.LayerKey{Layer: id, Key: "\x02 not listed " + e.Key[:1]})
		}
		found, err := s.Lookup(ctx, asked)
		if err != nil {
			t.Fatalf("Lookup in %s: %v", id, err)
		}
		for i, e := range chunk {
			if string(found[2*i]) != string(e.Refs) {
				t.Fatalf("Lookup in %s: %x → %x instead of %x", id, e.Key, found[2*i], e.Refs)
			}
			if found[2*i+1] != nil {
				t.Fatalf("Lookup in %s: a key that is not there → %x", id, found[2*i+1])
			}
		}
	}
}

// put commits one document without a condition and gives its revision.
func put(t testing.TB, s lists.Store, key, value string) uint64 {
	t.Helper()
	commit(t, s, lists.Change{Key: key, Value: []byte(value), Expect: lists.AnyRevision})
	return get(t, s, key).Revision
}

func commit(t testing.TB, s lists.Store, changes ...lists.Change) {
	t.Helper()
	if err := s.Commit(context.Background(), changes...); err != nil {
		t.Fatalf("Commit: %v", err)
	}
}

func get(t testing.TB, s lists.Store, key string) lists.Doc {
	t.Helper()
	d, err := s.Get(context.Background(), key)
	if err != nil {
		t.Fatalf("Get %s: %v", key, err)
	}
	return d
}

func wantKind(t testing.TB, what string, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Errorf("%s: %v error %v, want %v", what, fault.KindOf(err), err, kind)
	}
}

// wantDamaged checks that err is a *lists.DamagedError of a layer, fault.Unavailable.
func wantDamaged(t testing.TB, what string, err error, layer string) {
	t.Helper()
	wantKind(t, what, err, fault.Unavailable)
	var damaged *lists.DamagedError
	if !errors.As(err, &damaged) || damaged.Layer != layer {
		t.Errorf("%s: error %v, want a DamagedError of layer %s", what, err, layer)
	}
}

func wantSame(t testing.TB, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func id(prefix string, n int) string { return fmt.Sprintf("%s-%d", prefix, n) }
