package webhook

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"time"

	"interdict/lists"
	"interdict/lists/egress"
	"interdict/lists/fault"
	"interdict/lists/lease"
)

// Metrics is told how deliveries go.
type Metrics interface {
	// Attempted is called after each attempt of this process: "delivered", "retry" or "failed".
	Attempted(outcome string)
	// Queue is called now and then with what waits for all endpoints, how many events were dropped, and when the oldest delivery that waits was
	// made (zero: none). In a process that does not deliver at the moment all are zero.
	Queue(waiting, dropped int, oldest time.Time)
}

// Options describe how webhooks are delivered.
type Options struct {
	Store  lists.Store
	Ledger lists.Ledger // records that an endpoint is disabled
	Log    *slog.Logger
	Now    func() time.Time
	Owner  string // name of this process for the lease; unique
	Guard  egress.Guard
	// Metrics may be nil.
	Metrics  Metrics
	Poll     time.Duration // how often the store is asked; 0 for a second
	LeaseTTL time.Duration // how long after its death another server takes over; 0 for 15 s
	Timeout  time.Duration // of one request; 0 for 10 s
	Parallel int           // requests at the same time; 0 for 16

	Resolver *net.Resolver // nil: the system's
	TLS      *tls.Config   // nil: the system's authorities
}

const (
	// perEndpoint is how many requests one endpoint gets at the same time: a slow one leaves room for the others.
	perEndpoint = 4
	minWait     = 5 * time.Second // after the first failure; it doubles up to maxWait
	maxWait     = 4 * time.Hour
	logEvery    = 30 * time.Second
	// storeTime bounds storing the result of an attempt when the process is ending.
	storeTime = 5 * time.Second
)

// Deliverer makes the deliveries that wait in a store. Of many processes on one store one does it at a time.
type Deliverer struct {
	o      Options
	outbox Outbox
	lease  *lease.Lease
	poster *poster
	logged time.Time // when an error was last logged

	finished int       // deliveries that have ended since the last prune
	pruned   time.Time // zero: not by this process
	looked   time.Time // when lists were last looked at
}

// NewDeliverer makes a deliverer.
func NewDeliverer(o Options) *Deliverer {
	o.Poll, o.LeaseTTL, o.Timeout, o.Parallel = cmp.Or(o.Poll, time.Second), cmp.Or(o.LeaseTTL, 15*time.Second), cmp.Or(o.Timeout, 10*time.Second), cmp.Or(o.Parallel, 16)
	if o.Metrics == nil {
		o.Metrics = unmeasured{}
	}
	return &Deliverer{o: o, outbox: Outbox{o.Store, o.Log, o.Now}, lease: lease.New(o.Store, "webhook", o.Owner, o.LeaseTTL, time.Now),
		poster: newPoster(o.Guard, o.Timeout, o.Now, o.Resolver, o.TLS)}
}

type unmeasured struct{}

func (unmeasured) Attempted(string)          {}
func (unmeasured) Queue(int, int, time.Time) {}

// Run delivers until ctx ends.
func (d *Deliverer) Run(ctx context.Context) {
	tick := time.NewTicker(d.o.Poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		taken, err := d.lease.Take(ctx)
		if taken {
			d.pruned = time.Time{}
			d.lease.While(ctx, d.deliver)
			d.o.Metrics.Queue(0, 0, time.Time{})
		}
		d.report(ctx, err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// report logs an error, unless one was logged a moment ago.
func (d *Deliverer) report(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil && time.Since(d.logged) >= logEvery {
		d.o.Log.Warn("a part of the work on webhooks has failed; it is tried again", "error", err)
		d.logged = time.Now()
	}
}

// due is a delivery that waits.
type due struct{ next, created time.Time }

// task names a delivery.
type task struct{ endpoint, id string }

// schedule is what waits, as far as is known. A queue is read again when it has changed.
type schedule struct {
	waiting   map[string]map[string]due // by endpoint and id
	revisions map[string]uint64         // of the queues, as they were read
	running   map[task]bool
	requests  map[string]int // running, by endpoint
	dropped   int
}

// outcome is what came of an attempt. next is when the following one is due; zero: none is.
type outcome struct {
	task
	next time.Time
	err  error
}

// deliver makes deliveries until ctx ends.
func (d *Deliverer) deliver(ctx context.Context) {
	s := &schedule{waiting: map[string]map[string]due{}, revisions: map[string]uint64{}, running: map[task]bool{}, requests: map[string]int{}}
	done := make(chan outcome)
	tick := time.NewTicker(d.o.Poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		err := d.look(ctx, s)
		d.report(ctx, err)
		for polled := false; !polled && ctx.Err() == nil; {
			for _, t := range s.ready(d.o.Now(), d.o.Parallel) {
				s.running[t] = true
				s.requests[t.endpoint]++
				go func() {
					next, err := d.attempt(ctx, t)
					done <- outcome{t, next, err}
				}()
			}
			select {
			case <-ctx.Done():
			case <-tick.C:
				polled = true
			case x := <-done:
				d.ended(ctx, s, x)
			}
		}
	}
	for len(s.running) > 0 {
		d.ended(ctx, s, <-done)
	}
}

// ended takes note of the end of an attempt.
func (d *Deliverer) ended(ctx context.Context, s *schedule, x outcome) {
	delete(s.running, x.task)
	s.requests[x.endpoint]--
	d.report(ctx, x.err)
	if x.next.IsZero() {
		delete(s.waiting[x.endpoint], x.id)
		d.finished++
	} else if w, ok := s.waiting[x.endpoint][x.id]; ok {
		s.waiting[x.endpoint][x.id] = due{x.next, w.created}
	}
}

// ready returns the deliveries to begin now, so that not more than parallel are under way. Endpoints with fewer requests under way come first:
// those that do not answer cannot take all the room. Of one endpoint those that are due longest come first.
func (s *schedule) ready(now time.Time, parallel int) (out []task) {
	all := map[string][]task{}
	for endpoint, waiting := range s.waiting {
		for id, w := range waiting {
			if t := (task{endpoint, id}); !w.next.After(now) && !s.running[t] {
				all[endpoint] = append(all[endpoint], t)
			}
		}
		slices.SortFunc(all[endpoint], func(a, b task) int {
			return cmp.Or(waiting[a.id].next.Compare(waiting[b.id].next), waiting[a.id].created.Compare(waiting[b.id].created), cmp.Compare(a.id, b.id))
		})
	}
	begun := map[string]int{}
	for level := range perEndpoint {
		for endpoint, tasks := range all {
			if n := begun[endpoint]; len(s.running)+len(out) < parallel && n < len(tasks) && s.requests[endpoint]+n <= level {
				begun[endpoint]++
				out = append(out, tasks[n])
			}
		}
	}
	return out
}

// look makes deliveries of what has happened, reads what waits, and deletes what is old. A failure of one keeps none of the others from working.
func (d *Deliverer) look(ctx context.Context, s *schedule) error {
	err := errors.Join(d.watch(ctx), d.load(ctx, s))
	if d.finished >= pruneAfter || d.o.Now().Sub(d.pruned) >= pruneEvery {
		failed := d.prune(ctx)
		if failed == nil {
			d.finished, d.pruned = 0, d.o.Now()
		}
		err = errors.Join(err, failed)
	}
	return err
}

// load reads the queues that have changed.
func (d *Deliverer) load(ctx context.Context, s *schedule) error {
	docs, err := d.o.Store.Scan(ctx, lists.DocWebhookQueues)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	s.dropped = 0
	var failed error
	for _, doc := range docs {
		q, err := lists.Decode[Queue](doc)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		endpoint := doc.Key[len(lists.DocWebhookQueues):]
		there[endpoint] = true
		s.dropped += q.Dropped
		if s.revisions[endpoint] == doc.Revision {
			continue
		}
		waiting, err := d.waiting(ctx, endpoint)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		s.waiting[endpoint], s.revisions[endpoint] = waiting, doc.Revision
	}
	n, oldest := 0, time.Time{}
	for endpoint, waiting := range s.waiting {
		if !there[endpoint] {
			delete(s.waiting, endpoint)
			delete(s.revisions, endpoint)
			continue
		}
		n += len(waiting)
		for _, w := range waiting {
			if oldest.IsZero() || w.created.Before(oldest) {
				oldest = w.created
			}
		}
	}
	d.o.Metrics.Queue(n, s.dropped, oldest)
	return failed
}

// waiting reads the deliveries that wait for an endpoint. New ones are due at once, whatever clock they were made by, and so are those for a
// disabled endpoint, which fail without a request.
func (d *Deliverer) waiting(ctx context.Context, endpoint string) (map[string]due, error) {
	e, _, err := lists.Read[Endpoint](ctx, d.o.Store, lists.DocWebhook(endpoint))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	all, err := lists.ReadAll[Delivery](ctx, d.o.Store, lists.DocsWaiting(endpoint))
	if err != nil {
		return nil, err
	}
	out := make(map[string]due, len(all))
	for i := range all {
		x := due{all[i].Next, all[i].Created}
		if e.DisabledAt != nil || all[i].Attempts == 0 {
			x.next = time.Time{}
		}
		out[all[i].ID] = x
	}
	return out, nil
}

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
		a, after = d.poster.post(ctx, &e, &x)
		if ctx.Err() != nil && a.Status == 0 {
			return later, nil // the process ends: another one tries
		}
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
