package webhook

import (
	"context"
	"math/rand/v2"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// attempt makes one request and stores what came of it. next is when to try again; zero: the delivery has ended, or is gone.
func (d *Deliverer) attempt(ctx context.Context, t task) (next time.Time, err error) {
	later := d.o.Now().Add(minWait) // if the store fails
	x, revision, err := lists.Read[Delivery](ctx, d.o.Store, docWaiting(t.endpoint, t.id))
	if fault.Is(err, fault.NotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return later, err
	}
	e, _, err := lists.Read[Endpoint](ctx, d.o.Store, lists.DocWebhook(t.endpoint))
	if fault.Is(err, fault.NotFound) {
		return time.Time{}, nil // it was deleted just now; prune deletes its deliveries
	}
	if err != nil {
		return later, err
	}
	a, after := Attempt{At: d.o.Now().UTC(), Error: "the webhook is disabled"}, time.Duration(0)
	if e.DisabledAt == nil {
		begun := d.o.Now()
		a, after = d.poster.post(ctx, &e, &x)
		if ctx.Err() != nil && a.Status == 0 {
			return later, nil // the process ends: another one tries
		}
		d.receivers.note(e.ID, begun, &a)
	}
	x.Attempts++
	x.Log = append(x.Log[max(0, len(x.Log)-maxAttempts+1):], a)
	deadline, now := x.Created.Add(RetryFor), d.o.Now().UTC()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	switch {
	case a.Error == "":
		x.State = Delivered
	case e.DisabledAt != nil || a.Status == gone || !now.Before(deadline):
		x.State = Failed
	default:
		x.Next = now.Add(max(backoff(x.Attempts), after))
		if x.Next.After(deadline) {
			x.Next = deadline
		}
		d.o.Metrics.Attempted("retry")
		err := d.o.Store.Commit(ctx, lists.Put(docWaiting(t.endpoint, t.id), x, revision))
		if fault.Is(err, fault.Conflict) {
			err = nil // another process has made the delivery, after this one has lost the lease
		}
		return x.Next, err
	}
	x.Finished, x.Next, x.Payload = &now, time.Time{}, nil
	if a.Status == gone {
		err = d.disable(ctx, &e, &x)
	} else {
		err = d.finish(ctx, &x, nil)
	}
	if err != nil {
		return later, err
	}
	d.o.Metrics.Attempted(string(x.State))
	return time.Time{}, nil
}

// gone is the status of a receiver that wants no further deliveries.
const gone = 410

// backoff returns the wait after the n-th attempt. Half of it is random, so that deliveries that failed together are not repeated together.
func backoff(n int) time.Duration {
	w := maxWait
	if n < 20 {
		w = min(minWait<<(n-1), maxWait)
	}
	return w/2 + rand.N(w/2+1) //nolint:gosec // not a secret
}

// finish stores the end of a delivery, with more.
func (d *Deliverer) finish(ctx context.Context, x *Delivery, more func() ([]lists.Change, error)) error {
	return lists.Retry(ctx, func() error {
		waits, err := d.o.Store.Get(ctx, docWaiting(x.Endpoint, x.ID))
		if fault.Is(err, fault.NotFound) {
			return nil // another process has finished it, or the endpoint was deleted
		}
		if err != nil {
			return err
		}
		q, revision, err := readQueue(ctx, d.o.Store, x.Endpoint)
		if err != nil {
			return err
		}
		q.Waiting = max(0, q.Waiting-1)
		changes := []lists.Change{{Key: waits.Key, Expect: waits.Revision}, lists.Put(docFinished(x.Endpoint, x.ID), x, lists.AnyRevision),
			lists.Put(lists.DocWebhookQueue(x.Endpoint), q, revision)}
		if more != nil {
			further, err := more()
			if err != nil {
				return err
			}
			changes = append(changes, further...)
		}
		return lists.TryCommit(ctx, d.o.Store, changes...)
	})
}

// disable finishes a delivery that was answered 410, and disables its endpoint.
func (d *Deliverer) disable(ctx context.Context, e *Endpoint, x *Delivery) error {
	now := d.o.Now().UTC()
	after := *e
	after.DisabledAt = &now
	event := changeEvent("webhook-disable", lists.Person(lists.Webhooks), "it answered 410 Gone", e, &after)
	err := d.o.Ledger.Do(event, func() error {
		return d.finish(ctx, x, func() ([]lists.Change, error) {
			held, revision, err := lists.Read[Endpoint](ctx, d.o.Store, lists.DocWebhook(e.ID))
			if fault.Is(err, fault.NotFound) || err == nil && held.DisabledAt != nil {
				return nil, nil
			}
			held.DisabledAt = &now
			return []lists.Change{lists.Put(lists.DocWebhook(e.ID), held, revision)}, err
		})
	})
	if err == nil {
		d.o.Log.Warn("a webhook is disabled: it answered 410 Gone", "webhook", e.ID)
	}
	return err
}
