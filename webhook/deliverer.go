package webhook

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"time"

	"interdict/lists"
	"interdict/lists/egress"
	"interdict/lists/lease"
	"interdict/lists/logs"
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

	receivers receivers
	logged    time.Time // when an error was last logged

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
		poster: newPoster(o.Guard, o.Timeout, o.Now, o.Resolver, o.TLS), receivers: receivers{log: o.Log, now: o.Now, known: map[string]*logs.Dependency{}}}
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
