package lists

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"interdict/lists/fault"
)

// DamagedError reports that a store has lost or altered a part of a layer: the layer is missing or incomplete, or a part of it is
// missing or fails its checksum. It is never the error of a store that cannot be reached.
type DamagedError struct {
	Layer  string
	Reason string
}

func (e *DamagedError) Error() string { return "layer " + e.Layer + " is damaged: " + e.Reason }

// readBatch is the number of entries that ReadLayer reads at once.
const readBatch = 1000

// ReadLayer reads a layer in batches of entries, in order. A batch comes with the attributions that no earlier batch referred to, by
// ascending number. The slices are valid until f returns.
func ReadLayer(ctx context.Context, s Store, layer string, f func(entries []Entry, numbers []uint32, records [][]byte) error) error {
	var (
		seen    = numberSet{}
		batch   = make([]Entry, 0, readBatch)
		numbers []uint32
		refs    []Ref
	)
	flush := func() (err error) {
		numbers = numbers[:0]
		for _, e := range batch {
			if refs, err = DecodeRefs(refs[:0], e.Refs); err != nil {
				return fault.E(fault.Unavailable, "%w", &DamagedError{layer, err.Error()})
			}
			for i := range refs {
				if n := refs[i].Attribution; !refs[i].Removed && seen.add(n) {
					numbers = append(numbers, n)
				}
			}
		}
		slices.Sort(numbers)
		records, err := s.Attributions(ctx, layer, numbers)
		if err == nil {
			err = f(batch, numbers, records)
		}
		batch = batch[:0]
		return err
	}
	for e, err := range s.Walk(ctx, layer) {
		if err != nil {
			return err
		}
		if batch = append(batch, Entry{Key: e.Key, Refs: slices.Clone(e.Refs)}); len(batch) == readBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// numberSet is a set of numbers, which are dense: 64 of them share a word.
type numberSet map[uint32]uint64

// add adds a number and returns whether it was not in the set before.
func (s numberSet) add(n uint32) bool {
	word, bit := s[n/64], uint64(1)<<(n%64)
	s[n/64] = word | bit
	return word&bit == 0
}

// Complete reports whether a store has all of a layer, as far as it can see without reading the layer: VerifyLayer reads it.
// An error means that the store could not be asked.
func Complete(ctx context.Context, s Store, layer string) (bool, error) {
	all, err := s.Layers(ctx)
	if err != nil {
		return false, err
	}
	if _, ok := all[layer]; !ok {
		return false, nil
	}
	if _, err := s.Lookup(ctx, []LayerKey{{Layer: layer, Key: "\x00"}}); err != nil {
		return false, s.Ping(ctx) // a store that answers has a part of the layer only
	}
	return true, nil
}

// VerifyLayer reads all entries and attributions of a layer. The error is, or wraps, a *DamagedError if the layer is not as it was
// written; every other error means that the store could not be read.
func VerifyLayer(ctx context.Context, s Store, layer Layer) error {
	keys := 0
	err := ReadLayer(ctx, s, layer.ID, func(entries []Entry, _ []uint32, _ [][]byte) error {
		keys += len(entries)
		return nil
	})
	if err == nil && keys != layer.Keys {
		err = fault.E(fault.Unavailable, "%w", &DamagedError{layer.ID, fmt.Sprintf("it has %d keys instead of %d", keys, layer.Keys)})
	}
	return err
}

// CopyLayer copies a layer from one store to another in batches, so that memory use does not depend on its size. It replaces an
// incomplete or older copy.
func CopyLayer(ctx context.Context, from, to Store, layer Layer) error {
	if err := to.DropLayer(ctx, layer.ID); err != nil {
		return err
	}
	w, err := to.CreateLayer(ctx, layer.ID, layer.Keys)
	if err != nil {
		return err
	}
	err = ReadLayer(ctx, from, layer.ID, func(entries []Entry, numbers []uint32, records [][]byte) error {
		for i, b := range records {
			if err := w.PutAttribution(numbers[i], b); err != nil {
				return err
			}
		}
		for _, e := range entries {
			if err := w.Put(e); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = w.Commit()
	}
	if err != nil {
		return errors.Join(err, w.Abort())
	}
	return nil
}
