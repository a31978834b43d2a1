package replica

import (
	"context"
	"time"

	"interdict/lists"
)

// At returns a replica that answers from an earlier generation, or from two as this program does while a generation is lost. It is never
// refreshed. Layers that this replica has loaded are shared; the records of others are read from the store with each look-up, so that they
// take no memory. How fresh the lists were then is not known, so no list is too old.
func (r *Replica) At(ctx context.Context, store lists.Store, generations ...lists.Generation) (*Replica, error) {
	past := New(store, Local{}, r.log, r.now)
	var snap *Snapshot
	for _, g := range generations {
		next, err := past.build(ctx, store, g, r.current.Load())
		switch {
		case err != nil:
			return nil, err
		case snap == nil:
			snap = next
		default:
			snap = combine(snap, next)
			snap.staleAt = time.Time{}
		}
	}
	past.current.Store(snap)
	return past, nil
}
