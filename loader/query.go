package loader

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"iter"
	"slices"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

func (l *Loader) tick() *time.Ticker { return time.NewTicker(20 * time.Millisecond) }

// DiffRow is one listing that differs between two versions.
type DiffRow struct {
	Change  string         `json:"change"` // added, removed, changed
	Listing lists.Listing  `json:"listing"`
	Before  *lists.Listing `json:"before,omitempty"` // of a changed one
}

// Diff compares version number of a list with another one (0: with nothing), yields the rows that differ and gives the counts at the end.
func (l *Loader) Diff(ctx context.Context, list string, against, number int, yield func(DiffRow) error) (lists.DiffCounts, error) {
	settings, v, _, err := l.versionForChange(ctx, list, number)
	if err != nil {
		return lists.DiffCounts{}, err
	}
	var old *lists.Version
	if against != 0 {
		if _, old, _, err = l.versionForChange(ctx, list, against); err != nil {
			return lists.DiffCounts{}, err
		}
	}
	for _, x := range []*lists.Version{v, old} {
		if x != nil && len(x.Layers) == 0 {
			return lists.DiffCounts{}, holdsNothing(x)
		}
	}
	c, err := l.compare(ctx, settings, old, v, yield)
	return c.DiffCounts, err
}

// holdsNothing is the error for a version without layers.
func holdsNothing(v *lists.Version) error {
	if v.Forgotten {
		return fault.E(fault.Conflict, "%s is kept as published only (the list's setting keep): export it so and load it again", describe(v))
	}
	return fault.E(fault.Conflict, "%s is %s and holds nothing", describe(v), v.State)
}

// side is one side of a comparison: a stack and what its attributions say.
type side struct {
	list   lists.List // with its defaults
	layers []lists.Layer
	known  []map[uint32]*lists.Attribution // by layer
}

func newSide(settings *lists.List, v *lists.Version) *side {
	if v == nil {
		return &side{}
	}
	s := &side{list: settings.WithDefaults(), layers: v.Layers, known: make([]map[uint32]*lists.Attribution, len(v.Layers))}
	for i := range s.known {
		s.known[i] = map[uint32]*lists.Attribution{}
	}
	return s
}

// fetch learns the attributions of a batch of references.
func (s *side) fetch(ctx context.Context, store lists.Store, batch []lists.StackEntry) error {
	wanted := make([][]uint32, len(s.layers))
	for i := range s.known {
		if len(s.known[i]) > maxAttributions {
			clear(s.known[i])
		}
	}
	for _, k := range batch {
		for _, r := range k.Refs {
			if _, ok := s.known[r.Layer][r.Attribution]; !ok {
				wanted[r.Layer] = append(wanted[r.Layer], r.Attribution)
			}
		}
	}
	for i, numbers := range wanted {
		if len(numbers) == 0 {
			continue
		}
		slices.Sort(numbers)
		numbers = slices.Compact(numbers)
		records, err := store.Attributions(ctx, s.layers[i].ID, numbers)
		if err != nil {
			return err
		}
		for j, b := range records {
			if s.known[i][numbers[j]], err = lists.DecodeAttribution(b); err != nil {
				return err
			}
		}
	}
	return nil
}

// digest is that of what a listing says today.
func (s *side) digest(r *lists.StackRef) uint64 {
	return contentDigest(&s.list, s.known[r.Layer][r.Attribution]) &^ openBits
}

func (s *side) listing(key address.Key, r *lists.StackRef) lists.Listing {
	a := *s.known[r.Layer][r.Attribution]
	s.list.ApplyDefaults(&a) // with the defaults of the list for what it leaves open
	out := lists.Listing{Address: r.ListedText(key), Attribution: a, Locator: r.FullLocator(&a), AddedIn: r.AddedIn}
	if out.AddedIn == 0 {
		out.AddedIn = s.layers[r.Layer].Version
	}
	return out
}

// listings walks the listings of a version (its own keys only), in batches with their attributions known.
func (s *side) listings(ctx context.Context, store lists.Store) iter.Seq2[lists.StackEntry, error] {
	return s.walk(ctx, store, func(r *lists.StackRef) bool { return r.Counts() })
}

// walk walks the references of a version that are asked for, in batches with their attributions known.
func (s *side) walk(ctx context.Context, store lists.Store, want func(*lists.StackRef) bool) iter.Seq2[lists.StackEntry, error] {
	return func(yield func(lists.StackEntry, error) bool) {
		batch := make([]lists.StackEntry, 0, joinBatch)
		flush := func() bool {
			if err := s.fetch(ctx, store, batch); err != nil {
				yield(lists.StackEntry{}, err)
				return false
			}
			for _, k := range batch {
				if !yield(k, nil) {
					return false
				}
			}
			batch = batch[:0]
			return true
		}
		for k, err := range lists.WalkStack(ctx, store, s.layers) {
			if err != nil {
				yield(lists.StackEntry{}, err)
				return
			}
			k.Refs = slices.DeleteFunc(k.Refs, func(r lists.StackRef) bool { return !want(&r) })
			if len(k.Refs) == 0 {
				continue
			}
			if batch = append(batch, k); len(batch) == cap(batch) && !flush() {
				return
			}
		}
		flush()
	}
}

// comparison is what comparing two versions finds.
type comparison struct {
	lists.DiffCounts
	gone  int      // identities that are screened no longer
	known []string // well-known addresses that are new
}

// compare walks two versions side by side. yield may be nil.
func (l *Loader) compare(ctx context.Context, settings *lists.List, old, v *lists.Version, yield func(DiffRow) error) (counts comparison, err error) {
	if old != nil {
		counts.Against = old.Number
	}
	was, is := newSide(settings, old), newSide(settings, v)
	nextOld, stopOld := iter.Pull2(was.listings(ctx, l.store))
	defer stopOld()
	// Further readings are walked, too: an identity that was a listing and is one of them now is still screened.
	nextNew, stopNew := iter.Pull2(is.walk(ctx, l.store, func(r *lists.StackRef) bool { return r.Role == 0 && !r.Removed }))
	defer stopNew()
	o, err, okOld := nextOld()
	if err != nil {
		return counts, err
	}
	n, err, okNew := nextNew()
	if err != nil {
		return counts, err
	}
	emit := func(row DiffRow) error {
		switch row.Change {
		case "added":
			counts.Added++
		case "removed":
			counts.Removed++
		case "changed":
			counts.Changed++
		}
		if yield == nil {
			return nil
		}
		return yield(row)
	}
	for okOld || okNew {
		var oldRefs, newRefs []lists.StackRef
		key := n.Key
		takeOld := okOld && (!okNew || n.Key == o.Key || before(lists.Hash(o.Key), o.Key, lists.Hash(n.Key), n.Key))
		takeNew := okNew && (!okOld || n.Key == o.Key || !takeOld)
		if takeOld {
			key, oldRefs = o.Key, o.Refs
		}
		if takeNew {
			key, newRefs = n.Key, n.Refs
		}
		counts.gone += gone(oldRefs, func(r *lists.Ref) bool {
			return slices.ContainsFunc(newRefs, func(k lists.StackRef) bool { return k.Same(r) })
		})
		newRefs = slices.DeleteFunc(newRefs, func(r lists.StackRef) bool { return !r.Counts() })
		if name := wellKnown[key]; name != "" && len(newRefs) > 0 && len(oldRefs) == 0 {
			counts.known = append(counts.known, name)
		}
		taken := make([]bool, len(oldRefs))
		paired := make([]bool, len(newRefs))
		for pass := range 2 {
			for i := range newRefs {
				for j := range oldRefs {
					if paired[i] || taken[j] || !newRefs[i].Same(&oldRefs[j].Ref) {
						continue
					}
					same := is.digest(&newRefs[i]) == was.digest(&oldRefs[j])
					if pass == 0 && !same {
						continue
					}
					paired[i], taken[j] = true, true
					if same {
						counts.Unchanged++
						continue
					}
					before := was.listing(key, &oldRefs[j])
					if err := emit(DiffRow{"changed", is.listing(key, &newRefs[i]), &before}); err != nil {
						return counts, err
					}
				}
			}
		}
		for j := range oldRefs {
			if !taken[j] {
				if err := emit(DiffRow{"removed", was.listing(key, &oldRefs[j]), nil}); err != nil {
					return counts, err
				}
			}
		}
		for i := range newRefs {
			if !paired[i] {
				if err := emit(DiffRow{"added", is.listing(key, &newRefs[i]), nil}); err != nil {
					return counts, err
				}
			}
		}
		if takeOld {
			if o, err, okOld = nextOld(); err != nil {
				return counts, err
			}
		}
		if takeNew {
			if n, err, okNew = nextNew(); err != nil {
				return counts, err
			}
		}
	}
	return counts, nil
}

// Listings yields all listings of a version, in the order of their keys.
func (l *Loader) Listings(ctx context.Context, list string, number int, yield func(lists.Listing) error) error {
	settings, v, _, err := l.versionForChange(ctx, list, number)
	if err != nil {
		return err
	}
	if len(v.Layers) == 0 {
		return holdsNothing(v)
	}
	s := newSide(settings, v)
	for k, err := range s.listings(ctx, l.store) {
		if err != nil {
			return err
		}
		for i := range k.Refs {
			if err := yield(s.listing(k.Key, &k.Refs[i])); err != nil {
				return err
			}
		}
	}
	return nil
}

// Quarantine yields the rows of a version's upload that did not parse, in the order of the file.
func (l *Loader) Quarantine(ctx context.Context, list string, number int, yield func(Quarantined) error) error {
	_, v, _, err := l.versionForChange(ctx, list, number)
	if err != nil {
		return err
	}
	if v.Rows.Quarantined == 0 {
		return nil
	}
	b, err := l.store.OpenBlob(ctx, lists.BlobQuarantine(list, number))
	if err != nil {
		return err
	}
	defer b.Close()
	return readQuarantine(b, yield)
}

// readQuarantine yields the quarantined rows of a record.
func readQuarantine(record io.Reader, yield func(Quarantined) error) error {
	scanner := bufio.NewScanner(record)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var q Quarantined
		if err := json.Unmarshal(scanner.Bytes(), &q); err != nil {
			return fault.E(fault.Unavailable, "the record of quarantined rows is damaged: %w", err)
		}
		if err := yield(q); err != nil {
			return err
		}
	}
	return scanner.Err()
}

// Lists reads all lists with the time they were last known to be fresh.
func (l *Loader) Lists(ctx context.Context) ([]lists.List, map[string]time.Time, error) {
	all, err := lists.ReadAll[lists.List](ctx, l.store, "list/")
	if err != nil {
		return nil, nil, err
	}
	fresh := map[string]time.Time{}
	for _, x := range all {
		f, _, err := lists.Read[lists.Fresh](ctx, l.store, lists.DocFresh(x.ID))
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, nil, err
		}
		fresh[x.ID] = f.At
	}
	return all, fresh, nil
}

// List reads one list with the time it was last known to be fresh.
func (l *Loader) List(ctx context.Context, id string) (*lists.List, time.Time, error) {
	x, _, err := lists.Read[lists.List](ctx, l.store, lists.DocList(id))
	if err != nil {
		return nil, time.Time{}, named(err, "list %.80q", id)
	}
	f, _, err := lists.Read[lists.Fresh](ctx, l.store, lists.DocFresh(id))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, time.Time{}, err
	}
	return &x, f.At, nil
}

// Version reads one version.
func (l *Loader) Version(ctx context.Context, list string, number int) (*lists.Version, error) {
	settings, v, _, err := l.versionForChange(ctx, list, number)
	if err != nil {
		return nil, err
	}
	mean(settings, v)
	return v, nil
}

// Versions reads all versions of a list, the oldest first.
func (l *Loader) Versions(ctx context.Context, list string) ([]lists.Version, error) {
	settings, _, err := lists.Read[lists.List](ctx, l.store, lists.DocList(list))
	if err != nil {
		return nil, named(err, "list %.80q", list)
	}
	all, err := lists.ReadAll[lists.Version](ctx, l.store, lists.DocVersions(list))
	for i := range all {
		mean(&settings, &all[i])
	}
	return all, err
}

// mean fills in what a hit of a version leads to.
func mean(settings *lists.List, v *lists.Version) {
	settled := settle(settings, v)
	means := settled.Means()
	v.Means = &means
}

// Generation reads one generation; number 0 is the current one.
func (l *Loader) Generation(ctx context.Context, number int) (*lists.Generation, error) {
	if number == 0 {
		g, _, err := lists.Current(ctx, l.store)
		if err == nil && g.Number == 0 {
			err = fault.E(fault.NotLoaded, "nothing has been activated yet")
		}
		return &g, err
	}
	g, _, err := lists.Read[lists.Generation](ctx, l.store, lists.DocGeneration(number))
	return &g, named(err, "generation %d", number)
}

// Generations reads all generations, the oldest first.
func (l *Loader) Generations(ctx context.Context) ([]lists.Generation, error) {
	return lists.ReadAll[lists.Generation](ctx, l.store, "generation/")
}
