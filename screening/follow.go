package screening

import (
	"context"
	"time"

	"interdict/lists"
	"interdict/lists/address"
)

const (
	pollEvery   = 500 * time.Millisecond // a notification can be lost: the store is asked as well
	reportEvery = lists.ReplicaTTL / 4
	// storeTimeout bounds one round of asking; a store that hangs must not stop the next round from being tried.
	storeTimeout = 30 * time.Second
)

// Follow keeps the snapshot at the store's current generation until ctx ends, and reports under the replica's id
// what is served. On its way out it takes the report away.
func (s *Screener) Follow(ctx context.Context, replica string) {
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		s.keep(ctx)
	}()
	defer func() { <-kept }()
	ticks := s.store.Watch(ctx)
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	var reported lists.Replica
	for {
		if err := s.timed(ctx, s.Refresh); err != nil && ctx.Err() == nil {
			s.log.Debug("refresh", "error", err)
		}
		now := s.now().UTC()
		st := s.Status()
		next := lists.Replica{ID: replica, Generation: st.Served.Generation, GenerationID: st.Served.ID, Since: reported.Since, Seen: now, Lost: st.Lost, Rules: address.Rules}
		moved := next.Generation != reported.Generation || next.GenerationID != reported.GenerationID
		if moved || reported.ID == "" {
			next.Since = now
		}
		if moved || next.Lost != reported.Lost || now.Sub(reported.Seen) >= reportEvery {
			if s.timed(ctx, func(ctx context.Context) error { return s.report(ctx, next) }) == nil {
				reported = next
			}
		}
		select {
		case <-ctx.Done():
			done, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			if err := s.store.Commit(done, lists.Change{Key: lists.DocReplica(replica), Expect: lists.AnyRevision}); err != nil {
				s.log.Debug("sign off", "error", err)
			}
			return
		case _, ok := <-ticks:
			if !ok {
				ticks = nil
			}
		case <-poll.C:
		}
	}
}

func (s *Screener) timed(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return f(ctx)
}

func (s *Screener) report(ctx context.Context, r lists.Replica) error {
	return s.store.Commit(ctx, lists.Put(lists.DocReplica(r.ID), r, lists.AnyRevision))
}
