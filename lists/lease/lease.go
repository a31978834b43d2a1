// Package lease lets one process at a time do a task, on the document lists.Lease of a store.
package lease

import (
	"context"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// TTL is how long a lease usually lasts that is not renewed.
const TTL = time.Minute

// Lease is one process's hold on a task, or its wait for one. A process decides by its own clock alone whether another owner is still alive: a lease is free
// when the process has seen it unchanged for its whole duration. So clocks may differ, but must run at the same speed.
type Lease struct {
	store lists.Store
	key   string
	owner string // unique to this process
	ttl   time.Duration
	now   func() time.Time

	seen   uint64    // revision of a lease that another process holds
	seenAt time.Time // when this revision was first seen
}

// New returns a lease, not taken yet, on a task. owner is unique to the process.
func New(store lists.Store, task, owner string, ttl time.Duration, now func() time.Time) *Lease {
	return &Lease{store: store, key: lists.DocLease(task), owner: owner, ttl: ttl, now: now}
}

// Take takes the lease, if it is free.
func (l *Lease) Take(ctx context.Context) (bool, error) {
	now := l.now().UTC()
	held, revision, err := lists.Read[lists.Lease](ctx, l.store, l.key)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return false, err
	}
	if held.Owner != "" && held.Owner != l.owner {
		if revision != l.seen {
			l.seen, l.seenAt = revision, now
		}
		if now.Sub(l.seenAt) < l.ttl {
			return false, nil
		}
	}
	err = l.store.Commit(ctx, lists.Put(l.key, lists.Lease{Owner: l.owner, Taken: now, Renewed: now, Expires: now.Add(l.ttl)}, revision))
	if fault.Is(err, fault.Conflict) {
		return false, nil // another process was faster
	}
	return err == nil, err
}

// renew extends the lease. It returns fault.Conflict if another process has it.
func (l *Lease) renew(ctx context.Context) error {
	return l.change(ctx, func(held *lists.Lease) {
		held.Renewed = l.now().UTC()
		held.Expires = held.Renewed.Add(l.ttl)
	})
}

// release ends the lease.
func (l *Lease) release(ctx context.Context) error {
	return l.change(ctx, func(held *lists.Lease) { *held = lists.Lease{} })
}

func (l *Lease) change(ctx context.Context, change func(*lists.Lease)) error {
	held, revision, err := lists.Read[lists.Lease](ctx, l.store, l.key)
	if err == nil && held.Owner != l.owner {
		err = fault.E(fault.Conflict, "another process has taken the lease %s", l.key)
	}
	if err != nil {
		return err
	}
	change(&held)
	return l.store.Commit(ctx, lists.Put(l.key, held, revision))
}

// While calls work and renews the lease, which must have been taken, in the meantime. The context of work ends when the lease is lost, before
// another process can take it. At the end the lease is released.
func (l *Lease) While(ctx context.Context, work func(context.Context)) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer cancel()
		tick := time.NewTicker(l.ttl / 6)
		defer tick.Stop()
		for renewed := l.now(); l.now().Sub(renewed) < l.ttl/2; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			limited, stop := context.WithTimeout(ctx, l.ttl/6)
			begun := l.now()
			err := l.renew(limited)
			stop()
			if fault.Is(err, fault.Conflict) {
				return
			}
			if err == nil {
				renewed = begun
			}
		}
	}()
	work(ctx)
	cancel()
	<-ended
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), l.ttl/6)
	defer stop()
	_ = l.release(last) // best effort: it expires
}
