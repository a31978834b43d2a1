package screening

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/lists/filter"
)

// snapshot is everything an answer is given from. It is built aside and never changed once readers have it.
type snapshot struct {
	generation lists.Generation
	stacks     []*stack
	listings   int
	hasRaw     bool
	// suppressions tells whether any list has one.
	suppressions bool
	fresh        map[string]time.Time
	// staleAt is when the first list that wants to stop answers becomes too old; zero: never.
	staleAt   time.Time
	staleList string
	screened  []byte // the answer's "screened" member, encoded once
	loadedAt  time.Time
	// docs are the documents that belong to the generation, as they were when it was loaded: the store may lose them.
	docs    []lists.Doc
	savedAt time.Time // of a snapshot from the cache: when that was last what the store had
	lost    *sides    // the store has lost this generation; nil otherwise
	behind  *lag      // the store has a newer generation; nil otherwise
}

// stack is one list of a generation with its layers, base first.
type stack struct {
	active  *lists.Active
	layers  []*layer
	encoded []byte // the match's "list" member, encoded once
}

// suppression is the one in force that covers a listing under one of its readings, or nil. What a mandatory list says is never set aside,
// whatever was agreed before it became one.
func (k *stack) suppression(m *Match, r *reading, now time.Time) *lists.Suppression {
	if k.active.List.Mandatory {
		return nil
	}
	for i := range k.active.Suppressions {
		s := &k.active.Suppressions[i]
		if s.AppliesTo(r.own, r.ref.Variant, now) && s.Covers(k.active.List.Digest(m.Attribution, m.Listed)) {
			return s
		}
	}
	return nil
}

// layer is one layer with its filter, and what has been read of its attributions.
type layer struct {
	lists.Layer
	filter  *filter.Filter
	records atomic.Pointer[records] // nil: the store is asked

	mu           sync.RWMutex
	attributions map[uint32]*lists.Attribution
}

// maxAttributions is how many attributions of a layer are remembered.
const maxAttributions = 50_000

func (l *layer) attribution(n uint32) *lists.Attribution {
	l.mu.RLock()
	a := l.attributions[n]
	l.mu.RUnlock()
	if r := l.records.Load(); a == nil && r != nil {
		if a, err := r.attribution(n); err == nil {
			l.remember(n, a)
			return a
		}
	}
	return a
}

func (l *layer) remember(n uint32, a *lists.Attribution) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.attributions == nil || len(l.attributions) >= maxAttributions {
		l.attributions = map[uint32]*lists.Attribution{}
	}
	l.attributions[n] = a
}

// Refresh looks whether the store has a newer generation or fresher lists, and if so swaps the snapshot. It never
// goes back to a lower generation. On an error the old snapshot stays and goes on ageing. A store that has lost what is served
// is an error, too; then the answers come from both sides.
func (s *Screener) Refresh(ctx context.Context) error {
	s.refreshing.Lock()
	defer s.refreshing.Unlock()
	err := s.refresh(ctx)
	if fault.Is(err, fault.Unavailable) && !errors.Is(ctx.Err(), context.Canceled) {
		err = s.withoutStore(ctx, err)
	}
	s.noteRefresh(err)
	return err
}

// withoutStore does what can be done while the store cannot be read, because of err.
func (s *Screener) withoutStore(ctx context.Context, err error) error {
	switch snap := s.current.Load(); {
	case snap == nil && s.cache.Load().store != nil:
		recalled, cerr := s.recall(ctx)
		if errors.Is(cerr, errLost) {
			return fault.E(fault.Lost, "%w: %w", cerr, err)
		}
		if cerr != nil {
			return fault.E(fault.Unavailable, "%w; the cache cannot be answered from either: %w", err, cerr)
		}
		s.current.Store(recalled)
		s.log.Warn("the store cannot be read: the last snapshot of the cache is served", "generation", recalled.generation.Number,
			"saved_at", recalled.savedAt, "because", err)
	case snap != nil && snap.lost != nil && snap.lost.err == nil:
		s.current.Store(snap.lost.own.unreadable(snap.lost.store, err))
	}
	return err
}

func (s *Screener) refresh(ctx context.Context) error {
	head, _, err := lists.Read[lists.Head](ctx, s.store, lists.DocHead)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err := s.bind(ctx); err != nil {
		return err
	}
	own := s.current.Load().own()
	if own != nil && head.Generation == own.generation.Number && (head.ID == own.generation.ID || head.ID == "" || own.generation.ID == "") {
		return s.renew(ctx, own)
	}
	from := s.servedBefore(ctx)
	s.newest = head.Generation
	if current := s.current.Load(); own != nil && current.lost == nil && head.Generation > own.generation.Number {
		s.fallBehind(head.Generation)
	}
	var g lists.Generation
	if head.Generation > 0 {
		if g, _, err = lists.Read[lists.Generation](ctx, s.store, lists.DocGeneration(head.Generation)); err != nil {
			return fault.E(fault.Unavailable, "read generation %d: %w", head.Generation, err)
		}
	}
	// What was answered from here was acknowledged. A store that has gone on without it would clear addresses that are listed.
	if held, err := lists.Descends(ctx, s.store, &g, from); err != nil {
		return err
	} else if !held {
		return s.diverged(ctx, from, g)
	}
	if head.Generation == 0 {
		return fault.E(fault.NotLoaded, "nothing has been activated yet")
	}
	s.fallBehind(g.Number)
	return s.load(ctx, g)
}

// renew takes over how fresh the lists are; the generation is the one that is served already.
func (s *Screener) renew(ctx context.Context, own *snapshot) error {
	fresh, err := readFresh(ctx, s.store)
	if err != nil {
		return err
	}
	current := s.current.Load()
	if current != own || current.behind != nil || !current.savedAt.IsZero() || !sameTimes(own.fresh, fresh) {
		s.noteServed(own.generation.Head(), false)
		next := *own
		next.behind, next.savedAt = nil, time.Time{} // the store says the same
		next.age(fresh)
		s.current.Store(&next)
	}
	return nil
}

// load swaps the snapshot for one of a newer generation.
func (s *Screener) load(ctx context.Context, g lists.Generation) error {
	fresh, err := readFresh(ctx, s.store)
	if err != nil {
		return err
	}
	next, err := s.build(ctx, s.store, g, s.current.Load())
	if err != nil {
		return err
	}
	s.hold(ctx, s.store, next, true)
	if s.cache.Load().store != nil {
		if next.docs, err = s.docsOf(ctx, s.store, g); err != nil {
			return err
		}
	}
	next.age(fresh)
	s.noteServed(g.Head(), false)
	s.current.Store(next)
	if unbound := next.unbound(s.now()); len(unbound) > 0 {
		s.log.Warn("suppressions cover nothing: they do not say for which listing they were given; propose them again", "suppressions", unbound)
	}
	select {
	case s.swapped <- struct{}{}:
	default: // it is said already
	}
	s.log.Info("generation loaded", "generation", g.Number, "lists", len(g.Lists), "listings", next.listings)
	return nil
}

func readFresh(ctx context.Context, store lists.Store) (map[string]time.Time, error) {
	docs, err := store.Scan(ctx, lists.DocFresh(""))
	if err != nil {
		return nil, err
	}
	fresh := make(map[string]time.Time, len(docs))
	for _, d := range docs {
		f, err := lists.Decode[lists.Fresh](d)
		if err != nil {
			return nil, err
		}
		fresh[d.Key[len(lists.DocFresh("")):]] = f.At
	}
	return fresh, nil
}

func sameTimes(a, b map[string]time.Time) bool {
	if len(a) != len(b) {
		return false
	}
	for k, t := range a {
		if u, ok := b[k]; !ok || !u.Equal(t) {
			return false
		}
	}
	return true
}

// age notes how fresh the lists are, and from when on that forbids an answer.
func (s *snapshot) age(fresh map[string]time.Time) {
	s.fresh, s.staleAt, s.staleList = fresh, time.Time{}, ""
	for _, k := range s.stacks {
		l := &k.active.List
		if l.MaxAge == 0 || l.OnStale != lists.Stop {
			continue
		}
		if at := fresh[l.ID].Add(l.MaxAge); s.staleAt.IsZero() || at.Before(s.staleAt) {
			s.staleAt, s.staleList = at, l.ID
		}
	}
}

// build makes the snapshot of a generation from a store, taking over the layers that the old one has.
func (s *Screener) build(ctx context.Context, store lists.Store, g lists.Generation, old *snapshot) (*snapshot, error) {
	have := map[string]*layer{}
	if old != nil {
		for _, k := range old.stacks {
			for _, l := range k.layers {
				have[l.ID] = l
			}
		}
	}
	next := &snapshot{generation: g, loadedAt: s.now()}
	for i := range g.Lists {
		active := &g.Lists[i]
		k := &stack{active: active}
		for _, meta := range active.Layers {
			l := have[meta.ID]
			if l == nil {
				f, err := s.loadFilter(ctx, store, meta)
				if err != nil {
					return nil, fault.E(fault.KindOf(err), "layer %s: %w", meta.ID, err)
				}
				l = &layer{Layer: meta, filter: f}
			}
			k.layers = append(k.layers, l)
			next.hasRaw = next.hasRaw || meta.Raw > 0
		}
		k.encoded = appendList(nil, active)
		next.suppressions = next.suppressions || len(active.Suppressions) > 0
		next.stacks = append(next.stacks, k)
		next.listings += active.Listings
	}
	next.screened = appendScreened(nil, &g, len(next.stacks), next.listings)
	return next, nil
}

// appendScreened encodes the answer's "screened" member.
func appendScreened(b []byte, g *lists.Generation, lists, listings int) []byte {
	b = append(b, `"screened":{"generation":`...)
	b = strconv.AppendInt(b, int64(g.Number), 10)
	b = append(b, `,"as_of":"`...)
	b = appendTime(b, g.At)
	b = append(b, `","lists":`...)
	b = strconv.AppendInt(b, int64(lists), 10)
	b = append(b, `,"listings":`...)
	b = strconv.AppendInt(b, int64(listings), 10)
	return append(b, '}')
}

// loadFilter reads the filter that stands beside a layer; one that is missing or damaged is built again from the layer.
func (s *Screener) loadFilter(ctx context.Context, store lists.Store, meta lists.Layer) (*filter.Filter, error) {
	f, err := storedFilter(ctx, store, meta)
	if err == nil {
		return f, nil
	}
	s.log.Warn("the filter of a layer is built again from the layer", "layer", meta.ID, "because", err)
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
	pr, pw := io.Pipe()
	go func() {
		_, err := f.WriteTo(pw)
		pw.CloseWithError(err)
	}()
	if err := store.PutBlob(ctx, lists.BlobFilter(meta.ID), pr); err != nil {
		pr.CloseWithError(err)
		s.log.Warn("a filter that was built again could not be stored", "layer", meta.ID, "error", err)
	}
	return f, nil
}

func storedFilter(ctx context.Context, store lists.Store, meta lists.Layer) (*filter.Filter, error) {
	b, err := store.OpenBlob(ctx, lists.BlobFilter(meta.ID))
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return filter.Read(b, meta.ID, meta.Keys)
}

// appendList encodes the "list" member of a match.
func appendList(b []byte, a *lists.Active) []byte {
	b = append(b, `"list":{"id":`...)
	b = appendString(b, a.List.ID)
	b = append(b, `,"name":`...)
	b = appendString(b, a.List.Name)
	b = append(b, `,"authority":`...)
	b = appendString(b, a.List.Authority)
	b = append(b, `,"version":`...)
	b = strconv.AppendInt(b, int64(a.Version), 10)
	b = append(b, `,"published":`...)
	b = appendString(b, a.Published)
	return append(b, '}')
}

// ListStatus is how one list of the served generation stands.
type ListStatus struct {
	ID      string    `json:"id"`
	Version int       `json:"version"`
	FreshAt time.Time `json:"fresh_at"`
	MaxAge  string    `json:"max_age,omitempty"`
	Stale   bool      `json:"stale"`
	Stops   bool      `json:"stops"`
}

// Status says what is served, for probes and metrics.
type Status struct {
	Generation   int          `json:"generation"`
	LoadedAt     time.Time    `json:"loaded_at"`
	Lists        []ListStatus `json:"lists"`
	Listings     int          `json:"listings"`
	RefreshedAt  time.Time    `json:"refreshed_at"` // the last time the store could be asked
	RefreshError string       `json:"refresh_error,omitempty"`
	// SavedAt is set while the snapshot is that of the cache: when it was last what the store had.
	SavedAt time.Time  `json:"saved_at,omitzero"`
	Lost    bool       `json:"lost"`   // the store has lost what is served here
	Served  lists.Head `json:"served"` // what a report of this replica names: the generation it serves, or has served and cannot load
	// Store is the store's generation while this replica is lost, as far as it is answered from, too.
	Store int `json:"store_generation,omitempty"`
	// Newest is a generation that the store has and that could not be loaded here yet; 0 for none. Behind is since when.
	Newest int       `json:"newest,omitempty"`
	Behind time.Time `json:"behind_since,omitzero"`
	// Note says why the generation that is served could not be noted on disk; nil when it could.
	Note               error `json:"-"`
	Layers, HeldLayers int   // of the generation, and those whose records are in memory
	HeldBytes          int64
	// Unbound names suppressions in force that do not say for which listing they were given, and cover nothing: "list/id".
	Unbound []string
	// Outdated names lists with layers that were built under older rules of identity.
	Outdated []string
	// Unready says why checks cannot be answered now; nil when they can.
	Unready error `json:"-"`
}

// Status tells what is served and whether it may be.
func (s *Screener) Status() Status {
	st := Status{}
	s.noteMu.Lock()
	st.RefreshedAt = s.refreshedAt
	if s.refreshErr != nil {
		st.RefreshError, st.Lost = s.refreshErr.Error(), errors.Is(s.refreshErr, errLost)
	}
	st.Note = s.servedErr
	s.noteMu.Unlock()
	snap := s.current.Load()
	if snap == nil {
		st.Unready = s.notLoaded()
		if st.Lost {
			last, _ := s.cache.Load().last()
			st.Served = last.Head
		}
		return st
	}
	st.Served = snap.generation.Head()
	if snap.lost != nil {
		st.Lost = true
		if snap.lost.err == nil {
			st.Store = snap.lost.store.generation.Number
		}
	}
	if snap.behind != nil {
		st.Newest, st.Behind = snap.behind.generation, snap.behind.since
	}
	now := s.now()
	st.SavedAt = snap.savedAt
	st.HeldLayers, st.Layers, st.HeldBytes = snap.held()
	st.Generation, st.LoadedAt, st.Listings = snap.generation.Number, snap.loadedAt, snap.listings
	for _, k := range snap.stacks {
		l := &k.active.List
		if slices.ContainsFunc(st.Lists, func(o ListStatus) bool { return o.ID == l.ID }) {
			continue // the store's side of a lost generation
		}
		x := ListStatus{ID: l.ID, Version: k.active.Version, FreshAt: snap.fresh[l.ID], Stops: l.OnStale == lists.Stop}
		if l.MaxAge > 0 {
			x.MaxAge = l.MaxAge.String()
			x.Stale = now.After(x.FreshAt.Add(l.MaxAge))
		}
		st.Lists = append(st.Lists, x)
	}
	slices.SortFunc(st.Lists, func(a, b ListStatus) int { return int(a.FreshAt.Sub(b.FreshAt)) })
	st.Unbound, st.Outdated = snap.unbound(now), snap.outdated()
	if st.Unready = snap.unfit(now); st.Unready == nil {
		st.Unready = snap.behind.refuses(st.Generation, now)
	}
	return st
}

// unbound names the suppressions in force that are bound to no listing, as programs before that rule stored them.
func (s *snapshot) unbound(now time.Time) (ids []string) {
	for _, k := range s.stacks {
		for i := range k.active.Suppressions {
			if x := &k.active.Suppressions[i]; len(x.Listings) == 0 && x.StateAt(now) == lists.InForce {
				ids = append(ids, x.List+"/"+x.ID)
			}
		}
	}
	return ids
}

// outdated names the lists with layers that were built under older rules of identity than this program's.
func (s *snapshot) outdated() (ids []string) {
	for _, k := range s.stacks {
		if lists.Outdated(k.active.Layers) {
			ids = append(ids, k.active.List.ID)
		}
	}
	return ids
}

// unfit returns why no check may be answered from the snapshot now, or nil. A snapshot without a listing would clear every address.
func (s *snapshot) unfit(now time.Time) error {
	switch {
	case s.lost != nil && s.lost.err != nil:
		return fault.E(fault.Lost, "the store has lost generation %d, which is served here, and what the store has instead cannot be read: %w",
			s.generation.Number, s.lost.err)
	case len(s.stacks) == 0:
		return fault.E(fault.NotLoaded, "generation %d has no active list: load and activate one", s.generation.Number)
	case s.listings == 0:
		return fault.E(fault.NotLoaded, "no list of generation %d holds a listing: load and activate one that does", s.generation.Number)
	}
	return s.stale(now)
}

// stale is the error of a snapshot that is too old to answer from, or nil.
func (s *snapshot) stale(now time.Time) error {
	if s.staleAt.IsZero() || now.Before(s.staleAt) {
		return nil
	}
	return fault.E(fault.Stale, "list %s is older than its max_age allows (last fresh %s)", s.staleList, s.fresh[s.staleList].UTC().Format(time.RFC3339))
}
