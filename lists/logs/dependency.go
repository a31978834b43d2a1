package logs

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Dependency is something outside the process that it needs, such as a store. It logs one line when that goes away, and one when it is back.
type Dependency struct {
	name, means string
	patience    time.Duration
	log         *slog.Logger
	now         func() time.Time

	mu     sync.Mutex // guards the rest
	since  time.Time  // since when it has failed; zero: it works
	works  time.Time  // since when it works again, while that is not told yet
	away   bool       // it is told that it is away
	backAt time.Time  // when it was last told that it is back
}

const (
	// unsteady is the time after its return within which a dependency that goes away again is unsteady.
	unsteady = time.Minute
	// steady is how long an unsteady dependency must work until it is told that it is back: it would fill the log otherwise.
	steady = 30 * time.Second
)

// NewDependency returns a dependency that works. means says what callers get while it is away. Failures that end within patience are not logged.
func NewDependency(name, means string, patience time.Duration, log *slog.Logger, now func() time.Time) *Dependency {
	return &Dependency{name: name, means: means, patience: patience, log: log, now: now}
}

// Note says how the last use of the dependency went, which has begun at a time.
func (d *Dependency) Note(begun time.Time, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if err != nil {
		d.works = time.Time{}
		if d.since.IsZero() {
			d.since = begun
		}
		if !d.away && now.Sub(d.since) >= d.patience {
			d.away = true
			d.log.Error("a dependency is away", keyDependency, d.name, "since", d.since.UTC(), "means", d.means, "error", err)
		}
		return
	}
	if !d.away {
		d.since = time.Time{}
		return
	}
	if d.works.IsZero() {
		d.works = now
	}
	if !d.backAt.IsZero() && d.since.Sub(d.backAt) < unsteady && now.Sub(d.works) < steady {
		return
	}
	d.log.Info("a dependency is back", keyDependency, d.name, "since", d.works.UTC(), "was_away", d.works.Sub(d.since).Round(100*time.Millisecond).String())
	d.since, d.works, d.away, d.backAt = time.Time{}, time.Time{}, false, now
}

// Watch probes a dependency until ctx ends. A probe that takes longer than limit has failed; the next one begins when it has ended.
func (d *Dependency) Watch(ctx context.Context, every, limit time.Duration, probe func(context.Context) error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil {
		d.probe(ctx, limit, probe)
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func (d *Dependency) probe(ctx context.Context, limit time.Duration, probe func(context.Context) error) {
	begun := d.now()
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- probe(within) }()
	late := time.NewTicker(limit)
	defer late.Stop()
	for {
		select {
		case err := <-done:
			if ctx.Err() == nil { // else it may have failed because of that
				d.Note(begun, err)
			}
			return
		case <-late.C: // also a probe that does not heed its context
			if ctx.Err() == nil {
				d.Note(begun, fmt.Errorf("no answer within %v", limit))
			}
		}
	}
}
