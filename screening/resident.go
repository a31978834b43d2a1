package screening

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// Layers whose records fit into the memory budget are held in the process: what they say is told in full while the store is away, and
// faster while it is there.

// records are all entries and attributions of one layer. They never change.
type records struct {
	entries []byte // key length(1) key, refs length(4) refs; in the order of the layer
	table   []uint32
	keys    int

	attributions []byte
	spans        []span // by number; the zero span is none
}

type span struct{ from, to uint32 }

// promptKeys is up to how many keys a layer is read before a new generation is answered from; larger ones are read afterwards.
const promptKeys = 200_000

// estimate is how many bytes a layer with so many keys will take, about.
func estimate(keys int) int64 { return int64(keys) * 80 }

func (r *records) size() int64 {
	return int64(cap(r.entries)) + 4*int64(cap(r.table)) + int64(cap(r.attributions)) + 8*int64(cap(r.spans))
}

// readRecords reads a layer. It is fault.TooLarge when more than limit bytes would be needed.
func readRecords(ctx context.Context, store lists.Store, layer *lists.Layer, limit int64) (*records, error) {
	limit = min(limit, math.MaxUint32)
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
			return nil, fault.E(fault.TooLarge, "layer %s needs more than %d bytes", layer.ID, limit)
		}
	}
	if r.keys != layer.Keys {
		return nil, fault.E(fault.Unavailable, "layer %s has %d keys instead of %d", layer.ID, r.keys, layer.Keys)
	}
	r.entries = slices.Clip(r.entries)
	r.hash()
	numbers := make([]uint32, 0, len(wanted))
	for n := range wanted {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	const batch = 1000
	for ; len(numbers) > 0; numbers = numbers[min(batch, len(numbers)):] {
		some := numbers[:min(batch, len(numbers))]
		all, err := store.Attributions(ctx, layer.ID, some)
		if err != nil {
			return nil, err
		}
		for i, b := range all {
			for len(r.spans) <= int(some[i]) {
				r.spans = append(r.spans, span{})
			}
			r.spans[some[i]] = span{uint32(len(r.attributions)), uint32(len(r.attributions) + len(b))}
			r.attributions = append(r.attributions, b...)
		}
		if r.size() > limit {
			return nil, fault.E(fault.TooLarge, "layer %s needs more than %d bytes", layer.ID, limit)
		}
	}
	return r, nil
}

// hash builds the table: open addressing, half full at the most; a slot holds the place of an entry, plus one.
func (r *records) hash() {
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

// entry reads the entry at a place, and tells where the next one is.
func (r *records) entry(at int) (key address.Key, refs []byte, next int) {
	from := at + 1 + int(r.entries[at])
	key = address.Key(r.entries[at+1 : from])
	n := int(r.entries[from])<<24 | int(r.entries[from+1])<<16 | int(r.entries[from+2])<<8 | int(r.entries[from+3])
	from += 4
	return key, r.entries[from : from+n : from+n], from + n
}

// lookup gives the references under a key, nil when the layer does not have it.
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

// attribution reads one; an error when the layer does not have it, which no reference should meet.
func (r *records) attribution(n uint32) (*lists.Attribution, error) {
	if int(n) >= len(r.spans) || r.spans[n] == (span{}) {
		return nil, fault.E(fault.Unavailable, "attribution %d is missing", n)
	}
	return lists.DecodeAttribution(r.attributions[r.spans[n].from:r.spans[n].to])
}

// copyTo writes the records as a layer of another store.
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

// hold reads the records of layers that are not held yet, the small ones first, while the budget lasts. With prompt it leaves those for
// later that take their time. A layer that cannot be read is asked of the store as before.
func (s *Screener) hold(ctx context.Context, store lists.Store, snap *snapshot, prompt bool) {
	left := s.local.ResidentBytes
	var missing []*layer
	for _, k := range snap.stacks {
		for _, l := range k.layers {
			if r := l.records.Load(); r != nil {
				left -= r.size()
			} else if !prompt || l.Keys <= promptKeys {
				missing = append(missing, l)
			}
		}
	}
	slices.SortStableFunc(missing, func(a, b *layer) int { return cmp.Compare(a.Keys, b.Keys) })
	for _, l := range missing {
		if estimate(l.Keys) > left || ctx.Err() != nil {
			return
		}
		r, err := readRecords(ctx, store, &l.Layer, left)
		if err != nil {
			if !fault.Is(err, fault.TooLarge) {
				s.log.Warn("a layer is not held in memory yet", "layer", l.ID, "because", err)
			}
			continue
		}
		left -= r.size()
		l.records.Store(r)
	}
}

// held says how many of the generation's layers are in memory, and how many bytes they take.
func (s *snapshot) held() (layers, all int, bytes int64) {
	for _, k := range s.stacks {
		for _, l := range k.layers {
			all++
			if r := l.records.Load(); r != nil {
				layers++
				bytes += r.size()
			}
		}
	}
	return layers, all, bytes
}
