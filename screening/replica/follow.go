package replica

import (
	"context"
	"time"

	"interdict/lists"
	"interdict/lists/address"
)

const (
	pollInterval   = 500 * time.Millisecond // a notification can be lost, so the store is polled as well
	reportInterval = lists.ReplicaTTL / 4
	// refreshTimeout ends a refresh of a store that does not respond, so that the next one is tried.
	refreshTimeout = 30 * time.Second
	// saveInterval is how often the cache is compared with what is served, and written if they differ.
	saveInterval = time.Second
)

// Follow keeps the snapshot at the store's current generation until ctx ends. It reports under id which generation is served, and
// deletes the report before it returns.
func (r *Replica) Follow(ctx context.Context, id string) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.maintainCache(ctx)
	}()
	defer func() { <-done }()
	notifications := r.store.Watch(ctx)
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	var reported lists.Replica
	var noted lists.Head // generation that was noted as served by all replicas
	for {
		if err := withTimeout(ctx, r.Refresh); err != nil && ctx.Err() == nil {
			r.log.Debug("refresh", "error", err)
		}
		before := reported.Seen
		if reported = r.report(ctx, id, reported); !reported.Seen.Equal(before) {
			noted = r.noteServedByAll(ctx, &reported, noted)
		}
		select {
		case <-ctx.Done():
			r.deleteReport(ctx, id)
			return
		case _, ok := <-notifications:
			if !ok {
				notifications = nil
			}
		case <-poll.C:
		}
	}
}

func withTimeout(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	return f(ctx)
}

// report writes to the store which generation is served, if that has changed or the last report is about to expire.
// It returns what the store has.
func (r *Replica) report(ctx context.Context, id string, last lists.Replica) lists.Replica {
	now, st := r.now().UTC(), r.Status()
	next := lists.Replica{ID: id, Generation: st.Served.Generation, GenerationID: st.Served.ID, Since: last.Since, Seen: now, Lost: st.Lost, Rules: address.Rules}
	changed := next.Generation != last.Generation || next.GenerationID != last.GenerationID
	if changed || last.ID == "" {
		next.Since = now
	}
	if !changed && next.Lost == last.Lost && now.Sub(last.Seen) < reportInterval {
		return last
	}
	err := withTimeout(ctx, func(ctx context.Context) error {
		return r.store.Commit(ctx, lists.Put(lists.DocReplica(id), next, lists.AnyRevision))
	})
	if err != nil { // tried again in the next round
		return last
	}
	return next
}

// noteServedByAll notes in the store that every replica serves the generation that this one has just reported, once that is so. It returns the
// generation that has been noted. The last replica that loads a generation notes it at once; where one ends without having loaded it, the next
// report of another one does.
func (r *Replica) noteServedByAll(ctx context.Context, reported *lists.Replica, noted lists.Head) lists.Head {
	g := lists.Head{Generation: reported.Generation, ID: reported.GenerationID}
	if g == noted || g.Generation == 0 || reported.Lost {
		return noted
	}
	known := false
	err := withTimeout(ctx, func(ctx context.Context) (err error) {
		known, err = lists.NoteServedByAll(ctx, r.store, g, r.now())
		return err
	})
	if err != nil && ctx.Err() == nil {
		r.log.Debug("note that all replicas serve a generation", "generation", g.Generation, "error", err)
	}
	if !known {
		return noted
	}
	return g
}

func (r *Replica) deleteReport(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := r.store.Commit(ctx, lists.Change{Key: lists.DocReplica(id), Expect: lists.AnyRevision}); err != nil {
		r.log.Debug("the report of this replica could not be deleted", "error", err)
	}
}

// maintainCache reads layers into memory and saves the cache until ctx ends.
func (r *Replica) maintainCache(ctx context.Context) {
	tick := time.NewTicker(saveInterval)
	defer tick.Stop()
	for {
		if snap := r.current.Load(); snap != nil && r.local.ResidentBytes > 0 && r.storeReachable() {
			r.loadResident(ctx, r.store, snap, false)
		}
		if err := r.SaveCache(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("the cache could not be brought up to date", "error", err)
		}
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			if err := r.SaveCache(last); err != nil {
				r.log.Debug("the cache could not be brought up to date", "error", err)
			}
			return
		case <-r.swapped:
		case <-tick.C:
		}
	}
}
