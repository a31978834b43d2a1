package replica

import (
	"cmp"
	"context"
	"slices"

	"interdict/lists"
	"interdict/lists/fault"
)

// maxImmediateKeys is the largest layer whose records are read before its generation is served; larger ones are read afterwards.
const maxImmediateKeys = 200_000

// estimatedBytes is about how much memory the records of a layer take.
func estimatedBytes(keys int) int64 { return int64(keys) * 80 }

// loadResident reads the records of layers into memory, small layers first, while the budget lasts. If immediate is true it skips
// large layers. A layer that cannot be read stays in the store.
func (r *Replica) loadResident(ctx context.Context, store lists.Store, snap *Snapshot, immediate bool) {
	left := r.local.ResidentBytes
	var missing []*Layer
	for l := range snap.layers() {
		if have := l.records.Load(); have != nil {
			left -= have.size()
		} else if !immediate || l.Keys <= maxImmediateKeys {
			missing = append(missing, l)
		}
	}
	slices.SortStableFunc(missing, func(a, b *Layer) int { return cmp.Compare(a.Keys, b.Keys) })
	for _, l := range missing {
		if estimatedBytes(l.Keys) > left || ctx.Err() != nil {
			return
		}
		read, err := readRecords(ctx, store, &l.Layer, left)
		if err != nil {
			if !fault.Is(err, fault.TooLarge) {
				r.log.Warn("a layer could not be read into memory", "layer", l.ID, "error", err)
			}
			continue
		}
		left -= read.size()
		l.records.Store(read)
	}
}

// resident returns how many layers the snapshot has, how many of them are in memory, and how many bytes they take.
func (s *Snapshot) resident() (layers, all int, bytes int64) {
	for l := range s.layers() {
		all++
		if r := l.records.Load(); r != nil {
			layers++
			bytes += r.size()
		}
	}
	return layers, all, bytes
}
