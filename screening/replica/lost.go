package replica

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// A store can lose a generation that was acknowledged (Redis does in a failover) and continue without it. Then neither side has all
// listings, so a replica that serves the lost generation answers from the lists of both sides together. If it cannot, it answers no check.
// Its report says that it is lost. Nothing is activated until a restore has merged the two sides, and replicas that do not have what it serves
// report no miss.

// sides are the two sides of a snapshot whose generation the store has lost.
type sides struct {
	own   *Snapshot
	store *Snapshot // its generation is the zero value if the store has none
	// err is why one of the sides cannot be read; nil if both can.
	err error
}

// errLost marks the errors that say that the store has lost the generation that is served.
var errLost = errors.New("lost generation")

func lostError(format string, args ...any) error {
	return fault.E(fault.Lost, "%w: "+format, append([]any{errLost}, args...)...)
}

// ownSide returns the snapshot of the one generation that this replica serves; nil for a nil snapshot.
func (s *Snapshot) ownSide() *Snapshot {
	if s == nil || s.sides == nil {
		return s
	}
	return s.sides.own
}

// serveBothSides swaps the snapshot for one of both sides, if both can be read. It always returns an error: that the store has lost the
// generation that was served last. current is the store's generation, the zero value if it has none.
func (r *Replica) serveBothSides(ctx context.Context, last lists.Head, current lists.Generation) error {
	lost := lostError("generation %d of the store does not descend from generation %d, which this replica has served: run interdict restore to merge them",
		current.Number, last.Generation)
	if current.Number == 0 {
		lost = lostError("the store has lost generation %d, which this replica has served: run interdict restore to bring it back", last.Generation)
	}
	r.saveServed(last, true)
	snap := r.current.Load()
	if snap == nil {
		own, err := r.readCache(ctx, last)
		if err != nil {
			return fault.E(fault.Lost, "%w; the cache does not hold that generation, so no miss can be reported here "+
				"(restore from another server, or move the cache folder away to accept the loss): %w", lost, err)
		}
		snap = own
	}
	own, store := snap.ownSide(), (*Snapshot)(nil)
	if snap.sides != nil && snap.sides.store != nil && snap.sides.store.Generation.Head() == current.Head() {
		store = snap.sides.store
	}
	fresh, err := readFreshness(ctx, r.store)
	if err == nil && store == nil {
		if store, err = r.build(ctx, r.store, current, snap); err == nil {
			r.loadResident(ctx, r.store, store, true)
		}
	}
	var elsewhere *Lagging
	if err == nil {
		elsewhere, err = r.lostElsewhere(ctx, &current, &own.Generation)
	}
	switch {
	case err != nil:
		r.current.Store(own.withUnreadableStore(store, err))
		return fault.E(fault.Lost, "%w; the store's generation %d cannot be loaded: %w", lost, current.Number, err)
	case snap.sides == nil || snap.sides.err != nil || snap.sides.store != store || !store.fresh.equal(fresh) || !snap.elsewhere.equal(elsewhere):
		refreshed := *store
		refreshed.setFreshness(fresh)
		next := combine(own, &refreshed)
		next.elsewhere = elsewhere
		r.current.Store(next)
	}
	return lost
}

// lostElsewhere returns the error for misses while another replica serves a generation that neither the current one of the store nor own descends from; nil
// if there is none.
func (r *Replica) lostElsewhere(ctx context.Context, current *lists.Generation, own ...*lists.Generation) (*Lagging, error) {
	before := r.elsewhere()
	other, err := lists.ServesLost(ctx, r.store, r.now(), current, own...)
	if fault.Is(err, fault.Raced) {
		return before, nil // the next refresh will tell
	}
	if err != nil {
		return nil, err
	}
	if other == nil {
		if before != nil {
			r.log.Info("no other replica serves a lost generation any more")
		}
		return nil, nil
	}
	next := &Lagging{fault.Lost, fmt.Sprintf("replica %s serves generation %d, which the store has lost: no miss is reported here until interdict restore --server URL of that replica "+
		"has brought it back", other.ID, other.Generation)}
	if !next.equal(before) {
		r.log.Error("another replica serves a generation that the store has lost", "replica", other.ID, "generation", other.Generation)
	}
	return next, nil
}

// elsewhere returns what lostElsewhere has found out last.
func (r *Replica) elsewhere() *Lagging {
	if snap := r.current.Load(); snap != nil {
		return snap.elsewhere
	}
	return nil
}

// withUnreadableStore returns the snapshot of a lost generation from which no check can be answered, because of err. store may be nil.
func (s *Snapshot) withUnreadableStore(store *Snapshot, err error) *Snapshot {
	next := *s
	next.sides = &sides{own: s, store: store, err: err}
	return &next
}

// combine makes the snapshot of both sides: the lists of the replica's own generation, and those of the store that differ.
func combine(own, store *Snapshot) *Snapshot {
	next := *own
	next.sides = &sides{own: own, store: store}
	next.lag, next.docs = nil, nil
	next.Stacks = slices.Clone(own.Stacks)
	next.HasSuppressions = own.HasSuppressions || store.HasSuppressions
	next.HasRaw = own.HasRaw || store.HasRaw
	listings := map[string]int{}
	for _, k := range own.Stacks {
		listings[k.Active.List.ID] = k.Active.Listings
	}
	for _, k := range store.Stacks {
		if !slices.ContainsFunc(own.Stacks, func(o *Stack) bool { return reflect.DeepEqual(o.Active, k.Active) }) {
			next.Stacks = append(next.Stacks, k)
		}
		listings[k.Active.List.ID] = max(listings[k.Active.List.ID], k.Active.Listings)
	}
	next.Listings = 0
	for _, n := range listings {
		next.Listings += n
	}
	fresh := map[string]time.Time{}
	for _, times := range []map[string]time.Time{own.fresh.lists, store.fresh.lists} {
		for id, t := range times {
			if t.After(fresh[id]) {
				fresh[id] = t
			}
		}
	}
	next.setFreshness(freshness{lists: fresh, followed: cmp.Or(store.fresh.followed, own.fresh.followed)})
	next.setScreened(Screened{own.Generation.Number, own.Generation.At, len(listings), next.Listings, true, store.Generation.Number, own.Screened.Sandbox})
	return &next
}
