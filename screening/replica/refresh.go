package replica

import (
	"context"
	"errors"
	"maps"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// Refresh asks the store for a newer generation or fresher lists and, if there are any, swaps the snapshot. It never
// moves to an older generation. On an error the old snapshot stays and continues to age. If the store has lost the generation that is
// served, Refresh returns an error too, and checks are answered from both sides.
func (r *Replica) Refresh(ctx context.Context) error {
	r.refreshing.Lock()
	defer r.refreshing.Unlock()
	err := r.refresh(ctx)
	if fault.Is(err, fault.Unavailable) && !errors.Is(ctx.Err(), context.Canceled) {
		err = r.withoutStore(ctx, err)
	}
	r.setRefreshErr(err)
	return err
}

// withoutStore does what is possible while the store cannot be read because of err: the first snapshot comes from the cache.
func (r *Replica) withoutStore(ctx context.Context, err error) error {
	switch snap := r.current.Load(); {
	case snap == nil && r.Cache() != nil:
		cached, cacheErr := r.loadFromCache(ctx)
		if errors.Is(cacheErr, errLost) {
			return fault.E(fault.Lost, "%w: %w", cacheErr, err)
		}
		if cacheErr != nil {
			return fault.E(fault.Unavailable, "%w; the cache cannot be used either: %w", err, cacheErr)
		}
		r.current.Store(cached)
		r.log.Warn("the store cannot be read: serving the snapshot in the cache", "generation", cached.Generation.Number,
			"saved_at", cached.savedAt, "error", err)
	case snap != nil && snap.sides != nil && snap.sides.err == nil:
		r.current.Store(snap.sides.own.withUnreadableStore(snap.sides.store, err))
	}
	return err
}

func (r *Replica) refresh(ctx context.Context) error {
	head, _, err := lists.Read[lists.Head](ctx, r.store, lists.DocHead)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err := r.identifyStore(ctx); err != nil {
		return err
	}
	own := r.current.Load().ownSide()
	if own != nil && head.Generation == own.Generation.Number && (head.ID == own.Generation.ID || head.ID == "" || own.Generation.ID == "") {
		return r.updateFreshness(ctx, own)
	}
	last := r.lastServed(ctx)
	r.newest = head.Generation
	if current := r.current.Load(); own != nil && current.sides == nil && head.Generation > own.Generation.Number {
		r.markBehind(head.Generation)
	}
	var g lists.Generation
	if head.Generation > 0 {
		if g, _, err = lists.Read[lists.Generation](ctx, r.store, lists.DocGeneration(head.Generation)); err != nil {
			return fault.E(fault.Unavailable, "read generation %d: %w", head.Generation, err)
		}
	}
	// The generation served last was acknowledged. A store that went on without it would report misses for listed addresses.
	if descends, err := lists.Descends(ctx, r.store, &g, last); err != nil {
		return err
	} else if !descends {
		return r.serveBothSides(ctx, last, g)
	}
	if head.Generation == 0 {
		return fault.E(fault.NotLoaded, "nothing has been activated yet")
	}
	r.markBehind(g.Number)
	return r.load(ctx, g)
}

// updateFreshness reads how fresh the lists are; the store's generation is the one that is served already.
func (r *Replica) updateFreshness(ctx context.Context, own *Snapshot) error {
	fresh, err := readFreshness(ctx, r.store)
	if err != nil {
		return err
	}
	elsewhere, err := r.lostElsewhere(ctx, &own.Generation)
	if err != nil {
		return err
	}
	current := r.current.Load()
	if current != own || current.lag != nil || !current.savedAt.IsZero() || !own.fresh.equal(fresh) || !own.elsewhere.equal(elsewhere) {
		r.saveServed(own.Generation.Head(), false)
		next := *own
		next.lag, next.savedAt, next.elsewhere = nil, time.Time{}, elsewhere // the store has confirmed the generation
		next.setFreshness(fresh)
		r.current.Store(&next)
	}
	return nil
}

// load swaps the snapshot for one of a newer generation.
func (r *Replica) load(ctx context.Context, g lists.Generation) error {
	fresh, err := readFreshness(ctx, r.store)
	if err != nil {
		return err
	}
	elsewhere, err := r.lostElsewhere(ctx, &g)
	if err != nil {
		return err
	}
	next, err := r.build(ctx, r.store, g, r.current.Load())
	if err != nil {
		return err
	}
	r.loadResident(ctx, r.store, next, true)
	if r.Cache() != nil {
		if next.docs, err = r.readGenerationDocs(ctx, r.store, g); err != nil {
			return err
		}
	}
	next.elsewhere = elsewhere
	next.setFreshness(fresh)
	r.saveServed(g.Head(), false)
	r.current.Store(next)
	if unbound := next.unbound(r.now()); len(unbound) > 0 {
		r.log.Warn("suppressions without a listing have no effect; propose them again", "suppressions", unbound)
	}
	select {
	case r.swapped <- struct{}{}:
	default: // a value is waiting already
	}
	r.log.Info("generation loaded", "generation", g.Number, "lists", len(g.Lists), "listings", next.Listings)
	return nil
}

// freshness says how long the lists of a snapshot may be answered from.
type freshness struct {
	lists    map[string]time.Time // when each list was last known to be current
	followed *lists.Followed      // nil: the lists are not those of another server
}

func (f freshness) equal(o freshness) bool {
	if !maps.EqualFunc(f.lists, o.lists, time.Time.Equal) || (f.followed == nil) != (o.followed == nil) {
		return false
	}
	return f.followed == nil || f.followed.Created.Equal(o.followed.Created) && f.followed.NotAfter.Equal(o.followed.NotAfter) &&
		f.followed.Generation == o.followed.Generation
}

func readFreshness(ctx context.Context, store lists.Store) (f freshness, err error) {
	docs, err := store.Scan(ctx, lists.DocFresh(""))
	if err != nil {
		return f, err
	}
	f.lists = make(map[string]time.Time, len(docs))
	for _, d := range docs {
		if d.Key == lists.DocFollowed {
			x, err := lists.Decode[lists.Followed](d)
			if err != nil {
				return f, err
			}
			f.followed = &x
			continue
		}
		x, err := lists.Decode[lists.Fresh](d)
		if err != nil {
			return f, err
		}
		f.lists[d.Key[len(lists.DocFresh("")):]] = x.At
	}
	return f, nil
}
