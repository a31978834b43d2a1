// Package screening answers one question: is this address listed, by whom, since when, and what is the proof?
//
//	text ── address.Parse (not parseable: an error, never a miss) ── one snapshot (none, empty or too old: an error)
//	  └─ the filter of each layer; all say no ── miss
//	      └─ a filter says maybe ── the records of that same generation (not readable: an error) ── policy ── hit or miss
//	          └─ the encoded answer ── the journal ── the caller
//
// The snapshot is that of package replica, which keeps it current. A check loads it once and uses it to the end.
package screening

import (
	"context"
	"log/slog"
	"time"

	"interdict/lists"
	"interdict/screening/journal"
	"interdict/screening/replica"
)

// Journal records every decision before the caller gets it; a *journal.Journal.
type Journal interface {
	// AppendBatch returns once the records survive a crash of the process and, if durable, a crash of the machine.
	AppendBatch(entries []journal.Entry, durable bool) error
}

// Metrics counts checks. Every method is called on the hot path, and keeps nothing of what it is given.
type Metrics interface {
	Checked(a *Answer)
	Refused(reason string)
	FilterPositive(found bool)
}

// Screener answers checks from the snapshot of its replica.
type Screener struct {
	*replica.Replica
	journal Journal
	metrics Metrics
	now     func() time.Time
}

// New returns a screener that has nothing to answer from until Refresh succeeds. It keeps nothing on local disk or in memory.
func New(store lists.Store, journal Journal, metrics Metrics, log *slog.Logger, now func() time.Time) *Screener {
	return NewReplica(store, replica.Local{}, journal, metrics, log, now)
}

// NewReplica is New for one of several servers with one store.
func NewReplica(store lists.Store, local replica.Local, journal Journal, metrics Metrics, log *slog.Logger, now func() time.Time) *Screener {
	return &Screener{replica.New(store, local, log, now), journal, metrics, now}
}

// Check answers one request into a, whose buffers are reused. After an error the contents of a are undefined.
// Errors: *Refused, *Undecided, fault.UnsupportedNetwork, fault.NotLoaded, fault.Lost and fault.Stale (a *replica.Lagging if
// only a miss is refused), fault.Unavailable (the journal).
func (s *Screener) Check(ctx context.Context, r *Request, a *Answer) error {
	w := newWork()
	defer w.release()
	w.add(r, a)
	s.run(ctx, w)
	return w.checks[0].err
}

// CheckAll answers many requests; element i of answers and errs is for requests[i]. Requests whose element of errs is not
// nil are skipped. All answers come from one generation.
func (s *Screener) CheckAll(ctx context.Context, requests []Request, answers []Answer, errs []error) {
	s.all(ctx, requests, answers, errs, false)
}

// WouldAnswer is CheckAll without a record: no answer may be decided on.
func (s *Screener) WouldAnswer(ctx context.Context, requests []Request, answers []Answer, errs []error) {
	s.all(ctx, requests, answers, errs, true)
}

func (s *Screener) all(ctx context.Context, requests []Request, answers []Answer, errs []error, unrecorded bool) {
	w := newWork()
	defer w.release()
	w.unrecorded = unrecorded
	for i := range requests {
		if errs[i] == nil {
			w.add(&requests[i], &answers[i])
		}
	}
	s.run(ctx, w)
	done := 0
	for i := range errs {
		if errs[i] == nil {
			errs[i] = w.checks[done].err
			done++
		}
	}
}
