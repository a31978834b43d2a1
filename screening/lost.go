package screening

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// A store can lose a generation that was acknowledged (a failover of Redis does), and then go on without it. Neither side holds all
// listings, so a replica that serves a lost generation answers from both: from the lists of both sides together. If it cannot, it does not
// answer. It reports that it is lost, and nothing is activated until the two have been brought together (loader.Restore).

// sides are the two sides of a snapshot that is answered from both.
type sides struct {
	own   *snapshot
	store *snapshot // its generation is the zero value when the store holds none
	// err is why one of the sides cannot be answered from now; nil when both can.
	err error
}

// errLost marks that the store has lost what is served here.
var errLost = errors.New("lost generation")

func lost(format string, args ...any) error {
	return fault.E(fault.Lost, "%w: "+format, append([]any{errLost}, args...)...)
}

// own is the snapshot of the one generation that this replica serves.
func (s *snapshot) own() *snapshot {
	if s == nil || s.lost == nil {
		return s
	}
	return s.lost.own
}

// diverged answers from both sides from now on, as far as that is possible. The error says that the store has lost what is served here.
// current is the store's generation, the zero value if it holds none.
func (s *Screener) diverged(ctx context.Context, from lists.Head, current lists.Generation) error {
	why := lost("the store's generation %d does not descend from generation %d that was answered from here: interdict restore brings both together", current.Number, from.Generation)
	if current.Number == 0 {
		why = lost("the store has lost generation %d that was answered from here: interdict restore brings it back", from.Generation)
	}
	s.noteServed(from, true)
	snap := s.current.Load()
	if snap == nil {
		own, err := s.fromCache(ctx, from)
		if err != nil {
			return fault.E(fault.Lost, "%w; the cache does not hold that generation, so no address can be cleared here "+
				"(restore from another server, or move the cache folder away to accept the loss): %w", why, err)
		}
		snap = own
	}
	own, store := snap.own(), (*snapshot)(nil)
	if snap.lost != nil && snap.lost.store != nil && snap.lost.store.generation.Head() == current.Head() {
		store = snap.lost.store
	}
	fresh, err := readFresh(ctx, s.store)
	if err == nil && store == nil {
		if store, err = s.build(ctx, s.store, current, snap); err == nil {
			s.hold(ctx, s.store, store, true)
		}
	}
	switch {
	case err != nil:
		s.current.Store(own.unreadable(store, err))
		return fault.E(fault.Lost, "%w; the store's generation %d cannot be loaded: %w", why, current.Number, err)
	case snap.lost == nil || snap.lost.err != nil || snap.lost.store != store || !sameTimes(store.fresh, fresh):
		known := *store
		known.age(fresh)
		s.current.Store(both(own, &known))
	}
	return why
}

// unreadable is a lost snapshot that cannot be answered from.
func (s *snapshot) unreadable(store *snapshot, err error) *snapshot {
	next := *s
	next.lost = &sides{own: s, store: store, err: err}
	return &next
}

// both makes the snapshot that is answered from both sides: the lists of the store come beside those of the replica's own generation,
// except where they are the same.
func both(own, store *snapshot) *snapshot {
	next := *own
	next.lost = &sides{own: own, store: store}
	next.behind, next.docs = nil, nil
	next.stacks = slices.Clone(own.stacks)
	next.suppressions = own.suppressions || store.suppressions
	next.hasRaw = own.hasRaw || store.hasRaw
	listings := map[string]int{}
	for _, k := range own.stacks {
		listings[k.active.List.ID] = k.active.Listings
	}
	for _, k := range store.stacks {
		if !slices.ContainsFunc(own.stacks, func(o *stack) bool { return reflect.DeepEqual(o.active, k.active) }) {
			next.stacks = append(next.stacks, k)
		}
		listings[k.active.List.ID] = max(listings[k.active.List.ID], k.active.Listings)
	}
	next.listings = 0
	for _, n := range listings {
		next.listings += n
	}
	fresh := map[string]time.Time{}
	for _, times := range []map[string]time.Time{own.fresh, store.fresh} {
		for id, t := range times {
			if t.After(fresh[id]) {
				fresh[id] = t
			}
		}
	}
	next.age(fresh)
	b := appendScreened(nil, &own.generation, len(listings), next.listings)
	b = append(b[:len(b)-1], `,"lost":true,"store_generation":`...)
	next.screened = append(strconv.AppendInt(b, int64(store.generation.Number), 10), '}')
	return &next
}

// sameListing reports whether two matches are one listing that both sides have, in layers of their own.
func sameListing(a, b *Match) bool {
	x, y := *a.Attribution, *b.Attribution
	x.File, x.SHA256, x.LocatorPrefix, y.File, y.SHA256, y.LocatorPrefix = "", "", "", "", "", ""
	return a.stack.active.List.ID == b.stack.active.List.ID && a.Class == b.Class && a.Listed == b.Listed && a.own == b.own && reflect.DeepEqual(x, y)
}

// merged leaves out listings of the store's side that the replica's own side has, too.
func merged(matches []Match) []Match {
	kept := matches[:0]
	for i := range matches {
		if !slices.ContainsFunc(kept, func(o Match) bool { return o.stack != matches[i].stack && sameListing(&o, &matches[i]) }) {
			kept = append(kept, matches[i])
		}
	}
	return kept
}

// lag says that the store has a newer generation than the one that is served.
type lag struct {
	generation int // the newer one
	since      time.Time
	until      time.Time // no miss is reported after it
}

// DefaultMaxLag is for how long misses are reported while a newer generation cannot be loaded.
const DefaultMaxLag = time.Minute

// Lagging is the error of a check that would be a miss in the generation that is served, when the store has had a newer one for too long.
type Lagging struct{ detail string }

func (l *Lagging) Error() string         { return l.detail }
func (l *Lagging) FaultKind() fault.Kind { return fault.Stale }

// refuses is the error instead of a miss, or nil.
func (l *lag) refuses(served int, now time.Time) error {
	if l == nil || now.Before(l.until) {
		return nil
	}
	return &Lagging{"generation " + strconv.Itoa(l.generation) + " is active since " + l.since.UTC().Format(time.RFC3339) +
		" or earlier and could not be loaded here: no miss is reported from generation " + strconv.Itoa(served)}
}

// fallBehind notes that the store has a newer generation than the one that is served.
func (s *Screener) fallBehind(generation int) {
	snap := s.current.Load()
	if snap == nil || snap.behind != nil && snap.behind.generation == generation {
		return
	}
	next, now := *snap, s.now()
	next.behind = &lag{generation: generation, since: now, until: now.Add(s.local.MaxLag)}
	if snap.behind != nil {
		next.behind.since, next.behind.until = snap.behind.since, snap.behind.until
	}
	s.current.Store(&next)
}
