package replica

import (
	"strconv"
	"time"

	"interdict/lists/fault"
)

// DefaultMaxLag is how long misses are reported while a newer generation cannot be loaded.
const DefaultMaxLag = time.Minute

// lag is set while the store has a newer generation than the one that is served.
type lag struct {
	generation int // the newer one
	since      time.Time
	until      time.Time // no miss is reported after it
}

// Lagging is the error of a check that would be a miss in the generation that is served, if the store has had a newer one for longer
// than Local.MaxLag, the manifest that the generation comes from is not valid any more, or another replica serves a generation that the
// store has lost.
type Lagging struct {
	kind   fault.Kind
	detail string
}

func (l *Lagging) Error() string         { return l.detail }
func (l *Lagging) FaultKind() fault.Kind { return l.kind }

func (l *Lagging) equal(o *Lagging) bool { return l == o || l != nil && o != nil && *l == *o }

// MissError returns the error that a check gets instead of a miss, a *Lagging, or nil if a miss may be reported.
func (s *Snapshot) MissError(now time.Time) error {
	if s.elsewhere != nil {
		return s.elsewhere
	}
	if f := s.fresh.followed; f != nil {
		if err := f.Usable(now); err != nil {
			return &Lagging{fault.Stale, err.Error()}
		}
	}
	l := s.lag
	if l == nil || now.Before(l.until) {
		return nil
	}
	return &Lagging{fault.Stale, "generation " + strconv.Itoa(l.generation) + " is active since " + l.since.UTC().Format(time.RFC3339) +
		" or earlier and could not be loaded here: no miss is reported from generation " + strconv.Itoa(s.Generation.Number)}
}

// markBehind records in the snapshot that the store has a newer generation.
func (r *Replica) markBehind(generation int) {
	snap := r.current.Load()
	if snap == nil || snap.lag != nil && snap.lag.generation == generation {
		return
	}
	next, now := *snap, r.now()
	next.lag = &lag{generation: generation, since: now, until: now.Add(r.local.MaxLag)}
	if snap.lag != nil {
		next.lag.since, next.lag.until = snap.lag.since, snap.lag.until
	}
	r.current.Store(&next)
}
