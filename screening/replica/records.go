package replica

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// records are all entries and attributions of one layer in memory. Layers in memory are faster, and hits in them are answered while the
// store is unreachable. Records never change.
type records struct {
	entries []byte // key length(1) key, refs length(4) refs; in the order of the layer
	table   []uint32
	keys    int

	attributions []byte
	spans        []span // by number; the zero value: no such attribution
}

// span is where an attribution is in the bytes of all attributions.
type span struct{ from, to uint32 }

func (r *records) size() int64 {
	return int64(cap(r.entries)) + 4*int64(cap(r.table)) + int64(cap(r.attributions)) + 8*int64(cap(r.spans))
}

// readRecords reads a layer. It returns fault.TooLarge if the layer needs more than limit bytes.
func readRecords(ctx context.Context, store lists.Store, layer *lists.Layer, limit int64) (*records, error) {
	limit = min(limit, math.MaxUint32)
	tooLarge := fault.E(fault.TooLarge, "layer %s needs more than %d bytes", layer.ID, limit)
	r := &records{}
	var refs []lists.Ref
	wanted := map[uint32]bool{}
	for e, err := range store.Walk(ctx, layer.ID) {
		if err != nil {
			return nil, err
		}
		if refs, err = lists.DecodeRefs(refs[:0], e.Refs); err != nil {
			return nil, fault.E(fault.Unavailable, "layer %s: %w", layer.ID, err)
		}
		for i := range refs {
			if !refs[i].Removed {
				wanted[refs[i].Attribution] = true
			}
		}
		r.entries = append(append(r.entries, byte(len(e.Key))), e.Key...)
		n := len(e.Refs)
		r.entries = append(append(r.entries, byte(n>>24), byte(n>>16), byte(n>>8), byte(n)), e.Refs...)
		r.keys++
		if int64(len(r.entries)) > limit {
			return nil, tooLarge
		}
	}
	if r.keys != layer.Keys {
		return nil, fault.E(fault.Unavailable, "layer %s has %d keys instead of %d", layer.ID, r.keys, layer.Keys)
	}
	r.entries = slices.Clip(r.entries)
	r.buildTable()
	err := lists.EachAttribution(ctx, store, layer.ID, slices.Collect(maps.Keys(wanted)), func(number uint32, record []byte) error {
		for len(r.spans) <= int(number) {
			r.spans = append(r.spans, span{})
		}
		r.spans[number] = span{uint32(len(r.attributions)), uint32(len(r.attributions) + len(record))}
		r.attributions = append(r.attributions, record...)
		if r.size() > limit {
			return tooLarge
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// buildTable builds the hash table: open addressing, at most half full. A slot is the offset of an entry plus one; 0 is an empty slot.
func (r *records) buildTable() {
	size := 4
	for size < 2*r.keys {
		size *= 2
	}
	r.table = make([]uint32, size)
	for at := 0; at < len(r.entries); {
		key, _, next := r.entry(at)
		slot := int(lists.Hash(key)) & (size - 1)
		for r.table[slot] != 0 {
			slot = (slot + 1) & (size - 1)
		}
		r.table[slot] = uint32(at) + 1
		at = next
	}
}

// entry reads the entry at an offset and returns the offset of the next one.
func (r *records) entry(at int) (key address.Key, refs []byte, next int) {
	from := at + 1 + int(r.entries[at])
	key = address.Key(r.entries[at+1 : from])
	n := int(r.entries[from])<<24 | int(r.entries[from+1])<<16 | int(r.entries[from+2])<<8 | int(r.entries[from+3])
	from += 4
	return key, r.entries[from : from+n : from+n], from + n
}

// lookup returns the references under a key, nil if the layer does not have it.
func (r *records) lookup(key address.Key, hash uint64) []byte {
	for slot := int(hash) & (len(r.table) - 1); r.table[slot] != 0; slot = (slot + 1) & (len(r.table) - 1) {
		at := int(r.table[slot] - 1)
		from := at + 1
		to := from + int(r.entries[at])
		if string(r.entries[from:to]) == string(key) {
			_, refs, _ := r.entry(at)
			return refs
		}
	}
	return nil
}

// attribution decodes an attribution. It is an error if the layer does not have it.
func (r *records) attribution(n uint32) (*lists.Attribution, error) {
	if int(n) >= len(r.spans) || r.spans[n] == (span{}) {
		return nil, fault.E(fault.Unavailable, "attribution %d is missing", n)
	}
	return lists.DecodeAttribution(r.attributions[r.spans[n].from:r.spans[n].to])
}

// copyTo writes the records as a layer of a store.
func (r *records) copyTo(ctx context.Context, store lists.Store, id string) error {
	w, err := store.CreateLayer(ctx, id, r.keys)
	if err != nil {
		return err
	}
	err = func() error {
		for n, s := range r.spans {
			if s != (span{}) {
				if err := w.PutAttribution(uint32(n), r.attributions[s.from:s.to]); err != nil {
					return err
				}
			}
		}
		for at := 0; at < len(r.entries); {
			key, refs, next := r.entry(at)
			if err := w.Put(lists.Entry{Key: key, Refs: refs}); err != nil {
				return err
			}
			at = next
		}
		return w.Commit()
	}()
	if err != nil {
		return errors.Join(err, w.Abort())
	}
	return nil
}
