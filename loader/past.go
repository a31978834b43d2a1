package loader

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"sort"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// An earlier generation can be read as long as the uploads of its versions are kept:
//
//	a list of it ─┬─ its layers are still in the store ── they are used
//	              ├─ its version has others now, since it was compacted or rebuilt ── those are used
//	              └─ its layers were dropped (the list's setting keep) ── its uploads are read again into a scratch store

// Past returns an earlier generation with layers that can be read from the store that it also returns. Nothing is written to the loader's
// own store: layers that were dropped are built again in the store that scratch opens, which is not called if there are none. The caller
// closes what scratch returned. fault.Conflict: the uploads of a version are not kept any more, or do not give the same listings again.
func (l *Loader) Past(ctx context.Context, g lists.Generation, scratch func() (lists.Store, error)) (lists.Generation, lists.Store, error) {
	stored, err := l.store.Layers(ctx)
	if err != nil {
		return g, nil, err
	}
	var past *Loader // writes to the scratch store
	g.Lists = slices.Clone(g.Lists)
	for i := range g.Lists {
		a := &g.Lists[i]
		if areIn(stored, a.Layers) {
			continue
		}
		v, _, err := lists.Read[lists.Version](ctx, l.store, lists.DocVersion(a.List.ID, a.Version))
		switch {
		case fault.Is(err, fault.NotFound) || err == nil && v.SHA256 != a.SHA256:
			return g, nil, fault.E(fault.Conflict, "generation %d cannot be read any more: version %d of list %s is not kept", g.Number, a.Version, a.List.ID)
		case err != nil:
			return g, nil, err
		case len(v.Layers) > 0 && areIn(stored, v.Layers):
			a.Layers = v.Layers
			continue
		}
		if past == nil {
			s, err := scratch()
			if err != nil {
				return g, nil, err
			}
			past = New(&overlay{l.store, s}, nil, l.log, l.builder.Dir, l.now)
			past.builds = l.builds
		}
		built, err := past.readPast(ctx, a, &v)
		if err != nil {
			return g, nil, fault.E(fault.KindOf(err), "generation %d cannot be read: the layers of version %d of list %s were dropped: %w", g.Number, a.Version, a.List.ID, err)
		}
		a.Layers = built
	}
	if past == nil {
		return g, l.store, nil
	}
	return g, past.store, nil
}

// readPast reads the uploads of a version again and returns its layers.
func (l *Loader) readPast(ctx context.Context, a *lists.Active, v *lists.Version) ([]lists.Layer, error) {
	settings := a.List
	if r := v.Reading; r != nil {
		settings.Category, settings.Confidence, settings.Authority = r.Category, r.Confidence, r.Authority
	}
	v.Layers = nil
	built, err := l.rebuilt(ctx, &settings, v)
	if err != nil {
		return nil, err
	}
	// Newer rules can find more addresses in the same bytes, but never fewer.
	sameRules := v.Reading != nil && v.Reading.Formats == readingOf(&settings, &StageOptions{}).Formats && v.Reading.Address == address.Rules
	if built.Addresses < a.Addresses || built.Listings < a.Listings || sameRules && (built.Addresses != a.Addresses || built.Listings != a.Listings) {
		return nil, fault.E(fault.Conflict, "read again, %s has %d addresses and %d listings instead of %d and %d", describe(v), built.Addresses, built.Listings, a.Addresses, a.Listings)
	}
	return built.Layers, nil
}

// layersToDate returns layers that say in which version the listings of an upload first appeared: those of the version itself, else of the
// version that it replaced, else of the first later one that has any.
func (l *Loader) layersToDate(ctx context.Context, v, u *lists.Version) ([]lists.Layer, error) {
	if len(v.Layers) > 0 && !l.anyDamaged(v.Layers) {
		return v.Layers, nil
	}
	before, err := l.layersBefore(ctx, u)
	if err != nil || len(before) > 0 || len(v.Layers) > 0 {
		return before, err
	}
	all, err := lists.ReadAll[lists.Version](ctx, l.store, lists.DocVersions(u.List))
	if err != nil {
		return nil, err
	}
	stored, err := l.store.Layers(ctx)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if x := &all[i]; x.Number > u.Number && x.Activated != nil && len(x.Layers) > 0 && areIn(stored, x.Layers) {
			return x.Layers, nil
		}
	}
	return nil, nil
}

// areIn reports whether a store with these layers has all of some.
func areIn(stored map[string]time.Time, some []lists.Layer) bool {
	return !slices.ContainsFunc(some, func(x lists.Layer) bool { _, ok := stored[x.ID]; return !ok })
}

// GenerationAt returns the generation that was active at a time. fault.NotLoaded: nothing had been activated yet.
func (r *Reader) GenerationAt(ctx context.Context, at time.Time) (*lists.Generation, error) {
	g, _, err := lists.Current(ctx, r.store)
	if err != nil || g.Number > 0 && !g.At.After(at) {
		return &g, err
	}
	var failed error
	// before returns the newest generation with a number of at most n; numbers can be missing after a loss.
	before := func(n int) (found lists.Generation) {
		for ; n > 0 && failed == nil; n-- {
			found, _, err = lists.Read[lists.Generation](ctx, r.store, lists.DocGeneration(n))
			if err == nil {
				return found
			}
			if !fault.Is(err, fault.NotFound) {
				failed = err
			}
		}
		return lists.Generation{}
	}
	next := sort.Search(g.Number, func(n int) bool { return failed == nil && before(n+1).At.After(at) })
	past := before(next)
	if failed != nil {
		return nil, failed
	}
	if past.Number == 0 {
		return nil, fault.E(fault.NotLoaded, "nothing had been activated at %s", at.UTC().Format(time.RFC3339))
	}
	return &past, nil
}

// GenerationOf returns the generation with a number that was made at a time, in milliseconds. After a loss there can be two of one number; the
// lost one is found if it was restored.
func (r *Reader) GenerationOf(ctx context.Context, number int, made time.Time) (*lists.Generation, error) {
	same := func(g *lists.Generation) bool {
		return g.Number == number && g.At.UTC().Truncate(time.Millisecond).Equal(made.UTC().Truncate(time.Millisecond))
	}
	g, _, err := lists.Read[lists.Generation](ctx, r.store, lists.DocGeneration(number))
	if err != nil && !fault.Is(err, fault.NotFound) || err == nil && same(&g) {
		return &g, err
	}
	lost, err := lists.ReadAll[lists.Generation](ctx, r.store, lists.DocLost("", number))
	if err != nil {
		return nil, err
	}
	for i := range lost {
		if same(&lost[i]) {
			return &lost[i], nil
		}
	}
	return nil, fault.E(fault.Conflict, "generation %d of %s is not in the store: a loss of the store has replaced it", number, made.UTC().Format(time.RFC3339))
}

// overlay is a store with a second one that takes what is written. Layers and blobs are read from the one that has them. Documents are those
// of the first, and cannot be changed.
type overlay struct {
	lists.Store
	scratch lists.Store
}

var errOverlay = fault.E(fault.Internal, "an earlier generation cannot be changed")

func (o *overlay) Commit(context.Context, ...lists.Change) error { return errOverlay }

func (o *overlay) CreateLayer(ctx context.Context, id string, keys int) (lists.LayerWriter, error) {
	return o.scratch.CreateLayer(ctx, id, keys)
}

func (o *overlay) DropLayer(ctx context.Context, id string) error {
	return o.scratch.DropLayer(ctx, id)
}

func (o *overlay) PutBlob(ctx context.Context, name string, r io.Reader) error {
	return o.scratch.PutBlob(ctx, name, r)
}

func (o *overlay) DropBlob(ctx context.Context, name string) error {
	return o.scratch.DropBlob(ctx, name)
}

func (o *overlay) OpenBlob(ctx context.Context, name string) (io.ReadCloser, error) {
	b, err := o.scratch.OpenBlob(ctx, name)
	if fault.Is(err, fault.NotFound) {
		return o.Store.OpenBlob(ctx, name)
	}
	return b, err
}

func (o *overlay) Blobs(ctx context.Context) ([]string, error) {
	base, err := o.Store.Blobs(ctx)
	if err != nil {
		return nil, err
	}
	more, err := o.scratch.Blobs(ctx)
	return append(base, more...), err
}

func (o *overlay) Layers(ctx context.Context) (map[string]time.Time, error) {
	all, err := o.Store.Layers(ctx)
	if err != nil {
		return nil, err
	}
	more, err := o.scratch.Layers(ctx)
	for id, at := range more {
		all[id] = at
	}
	return all, err
}

// of returns the store that has a layer: the first one, unless the scratch store has it.
func (o *overlay) of(ctx context.Context, layer string) (lists.Store, error) {
	written, err := o.scratch.Layers(ctx)
	if err != nil {
		return nil, err
	}
	if _, ok := written[layer]; ok {
		return o.scratch, nil
	}
	return o.Store, nil
}

func (o *overlay) Attributions(ctx context.Context, layer string, numbers []uint32) ([][]byte, error) {
	s, err := o.of(ctx, layer)
	if err != nil {
		return nil, err
	}
	return s.Attributions(ctx, layer, numbers)
}

func (o *overlay) Walk(ctx context.Context, layer string) iter.Seq2[lists.Entry, error] {
	s, err := o.of(ctx, layer)
	if err != nil {
		return func(yield func(lists.Entry, error) bool) { yield(lists.Entry{}, err) }
	}
	return s.Walk(ctx, layer)
}

func (o *overlay) Lookup(ctx context.Context, asked []lists.LayerKey) ([][]byte, error) {
	written, err := o.scratch.Layers(ctx)
	if err != nil {
		return nil, err
	}
	found := make([][]byte, len(asked))
	for _, s := range []lists.Store{o.Store, o.scratch} {
		var some []lists.LayerKey
		var at []int
		for i, k := range asked {
			if _, ok := written[k.Layer]; ok == (s == o.scratch) {
				some, at = append(some, k), append(at, i)
			}
		}
		if len(some) == 0 {
			continue
		}
		refs, err := s.Lookup(ctx, some)
		if err != nil {
			return nil, err
		}
		for i := range refs {
			found[at[i]] = refs[i]
		}
	}
	return found, nil
}

func (o *overlay) Close() error { return errors.New("the owners of both stores close them") }
