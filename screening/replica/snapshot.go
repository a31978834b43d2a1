package replica

import (
	"context"
	"encoding/json"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/lists/filter"
)

// Snapshot is all that a check is answered from: one generation, or two while the store has lost the one that is served. Once it
// is served nobody changes it; readers must not either.
type Snapshot struct {
	Generation      lists.Generation
	Stacks          []*Stack
	Listings        int
	HasRaw          bool // a layer has raw texts
	HasSuppressions bool // a list has suppressions
	Screened        Screened
	ScreenedJSON    []byte // the answer's "screened" object

	fresh freshness
	// staleAt is when the first list with on_stale "stop" becomes too old; zero: never.
	staleAt   time.Time
	staleList string
	loadedAt  time.Time
	// docs are the documents of the generation as they were when it was loaded: the store may lose them.
	docs    []lists.Doc
	savedAt time.Time // of a snapshot from the cache: when the store last confirmed it
	sides   *sides    // not nil while the store has lost this generation
	lag     *lag      // not nil while the store has a newer generation
	// elsewhere is why no miss is reported while another replica serves a generation that is lost here; nil otherwise.
	elsewhere *Lagging
}

// Stack is one list of a generation with its layers, base first.
type Stack struct {
	Active   *lists.Active
	Layers   []*Layer
	ListJSON []byte // the match's "list" object
}

// Layer is one layer with its filter, and with its records if they are in memory.
type Layer struct {
	lists.Layer
	filter  *filter.Filter
	records atomic.Pointer[records] // nil: they are read from the store

	mu           sync.RWMutex
	attributions map[uint32]*lists.Attribution // decoded already
}

// MayContain asks the filter: false means that the layer does not have the key with this hash.
func (l *Layer) MayContain(hash uint64) bool { return l.filter.MayContain(hash) }

// Lookup returns the references under a key, nil if the layer does not have it. resident is false if the records are not in memory: then
// the store has to be asked.
func (l *Layer) Lookup(key address.Key) (refs []byte, resident bool) {
	r := l.records.Load()
	if r == nil {
		return nil, false
	}
	return r.lookup(key, lists.Hash(key)), true
}

// maxAttributions is how many decoded attributions of a layer are remembered.
const maxAttributions = 50_000

// Attribution returns an attribution that is in memory, or nil.
func (l *Layer) Attribution(number uint32) *lists.Attribution {
	l.mu.RLock()
	a := l.attributions[number]
	l.mu.RUnlock()
	if r := l.records.Load(); a == nil && r != nil {
		if a, err := r.attribution(number); err == nil {
			l.remember(number, a)
			return a
		}
	}
	return a
}

func (l *Layer) remember(number uint32, a *lists.Attribution) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.attributions == nil || len(l.attributions) >= maxAttributions {
		l.attributions = map[uint32]*lists.Attribution{}
	}
	l.attributions[number] = a
}

// build makes the snapshot of a generation from a store. It reuses the layers of old, which may be nil.
func (r *Replica) build(ctx context.Context, store lists.Store, g lists.Generation, old *Snapshot) (*Snapshot, error) {
	loaded := map[string]*Layer{}
	for l := range old.layers() {
		loaded[l.ID] = l
	}
	next := &Snapshot{Generation: g, loadedAt: r.now()}
	for i := range g.Lists {
		active := &g.Lists[i]
		if err := lists.CheckRules(active.Layers); err != nil {
			return nil, fault.E(fault.KindOf(err), "list %s: %w", active.List.ID, err)
		}
		stack := &Stack{Active: active, ListJSON: encodeList(active)}
		for _, meta := range active.Layers {
			l := loaded[meta.ID]
			if l == nil {
				f, err := r.loadFilter(ctx, store, meta)
				if err != nil {
					return nil, fault.E(fault.KindOf(err), "layer %s: %w", meta.ID, err)
				}
				l = &Layer{Layer: meta, filter: f}
			}
			stack.Layers = append(stack.Layers, l)
			next.HasRaw = next.HasRaw || meta.Raw > 0
		}
		next.HasSuppressions = next.HasSuppressions || len(active.Suppressions) > 0
		next.Stacks = append(next.Stacks, stack)
		next.Listings += active.Listings
	}
	next.setScreened(Screened{Generation: g.Number, AsOf: g.At, Lists: len(next.Stacks), Listings: next.Listings, Sandbox: r.local.Sandbox})
	return next, nil
}

// loadFilter reads the filter of a layer. A missing or damaged one is built again from the layer.
func (r *Replica) loadFilter(ctx context.Context, store lists.Store, meta lists.Layer) (*filter.Filter, error) {
	f, err := filter.Load(ctx, store, meta.ID, meta.Keys)
	if err == nil {
		return f, nil
	}
	r.log.Warn("the filter of a layer cannot be read and is built again from the layer", "layer", meta.ID, "error", err)
	f = filter.New(meta.ID, meta.Keys, filter.Rate)
	n := 0
	for e, err := range store.Walk(ctx, meta.ID) {
		if err != nil {
			return nil, err
		}
		f.Add(lists.Hash(e.Key))
		n++
	}
	if n != meta.Keys {
		return nil, fault.E(fault.Unavailable, "the layer has %d keys instead of %d", n, meta.Keys)
	}
	if err := filter.Save(ctx, store, f); err != nil {
		r.log.Warn("a filter that was built again could not be stored", "layer", meta.ID, "error", err)
	}
	return f, nil
}

// Screened is what an answer was screened against.
type Screened struct {
	Generation      int
	AsOf            time.Time
	Lists, Listings int
	Lost            bool
	StoreGeneration int // while lost
	Sandbox         bool
}

// setScreened sets what an answer's "screened" object has.
func (s *Snapshot) setScreened(x Screened) {
	object := struct {
		Generation      int    `json:"generation"`
		AsOf            string `json:"as_of"`
		Lists           int    `json:"lists"`
		Listings        int    `json:"listings"`
		Lost            bool   `json:"lost,omitempty"`
		StoreGeneration *int   `json:"store_generation,omitempty"` // while lost
		Sandbox         bool   `json:"sandbox,omitempty"`
	}{x.Generation, x.AsOf.UTC().Format("2006-01-02T15:04:05.000Z"), x.Lists, x.Listings, x.Lost, nil, x.Sandbox}
	if x.Lost {
		object.StoreGeneration = &x.StoreGeneration
	}
	s.Screened, s.ScreenedJSON = x, encode(object)
}

// encodeList encodes the match's "list" object.
func encodeList(a *lists.Active) []byte {
	return encode(struct {
		ID        string `json:"id"`
		Name      string `json:"name"`
		Authority string `json:"authority"`
		Version   int    `json:"version"`
		Published string `json:"published"`
	}{a.List.ID, a.List.Name, a.List.Authority, a.Version, a.Published})
}

// encode encodes a struct of strings and numbers, which cannot fail.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// layers yields the layers of all lists; none of a nil snapshot.
func (s *Snapshot) layers() iter.Seq[*Layer] {
	return func(yield func(*Layer) bool) {
		if s == nil {
			return
		}
		for _, stack := range s.Stacks {
			for _, l := range stack.Layers {
				if !yield(l) {
					return
				}
			}
		}
	}
}

// FreshAt returns when a list was last known to be current.
func (s *Snapshot) FreshAt(list string) time.Time { return s.fresh.lists[list] }

// Lost reports whether the store has lost the generation: then the stacks are those of both sides, and one listing can be in two of them.
func (s *Snapshot) Lost() bool { return s.sides != nil }

// setFreshness sets how fresh the lists are, and from when on that forbids an answer.
func (s *Snapshot) setFreshness(fresh freshness) {
	s.fresh, s.staleAt, s.staleList = fresh, time.Time{}, ""
	for _, stack := range s.Stacks {
		l := &stack.Active.List
		if l.MaxAge == 0 || l.OnStale != lists.Stop {
			continue
		}
		if at := fresh.lists[l.ID].Add(l.MaxAge); s.staleAt.IsZero() || at.Before(s.staleAt) {
			s.staleAt, s.staleList = at, l.ID
		}
	}
}

// unbound returns the suppressions in force that name no listing, which earlier versions of Interdict stored: "list/id".
func (s *Snapshot) unbound(now time.Time) (ids []string) {
	for _, stack := range s.Stacks {
		for i := range stack.Active.Suppressions {
			if x := &stack.Active.Suppressions[i]; len(x.Listings) == 0 && x.StateAt(now) == lists.InForce {
				ids = append(ids, x.List+"/"+x.ID)
			}
		}
	}
	return ids
}

// outdated returns the lists with layers that were built under older identity rules than this program's.
func (s *Snapshot) outdated() (ids []string) {
	for _, stack := range s.Stacks {
		if lists.Outdated(stack.Active.Layers) {
			ids = append(ids, stack.Active.List.ID)
		}
	}
	return ids
}

// unready returns the error why no check may be answered from the snapshot now, or nil. Without a listing every address would be a miss.
func (s *Snapshot) unready(now time.Time) error {
	switch {
	case s.sides != nil && s.sides.err != nil:
		return fault.E(fault.Lost, "the store has lost generation %d, which is served here, and the store's own generation cannot be read: %w",
			s.Generation.Number, s.sides.err)
	case len(s.Stacks) == 0:
		return fault.E(fault.NotLoaded, "generation %d has no active list: load and activate one", s.Generation.Number)
	case s.Listings == 0:
		return fault.E(fault.NotLoaded, "no list of generation %d has a listing: load and activate one that does", s.Generation.Number)
	case !s.staleAt.IsZero() && !now.Before(s.staleAt):
		return fault.E(fault.Stale, "list %s is older than its max_age allows (last fresh %s)", s.staleList, s.fresh.lists[s.staleList].UTC().Format(time.RFC3339))
	}
	return nil
}
