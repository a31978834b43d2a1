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
	for {
		if err := withTimeout(ctx, r.Refresh); err != nil && ctx.Err() == nil {
			r.log.Debug("refresh", "error", err)
		}
		reported = r.report(ctx, id, reported)
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
