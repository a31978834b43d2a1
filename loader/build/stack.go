package build

import (
	"context"
	"iter"
	"slices"

	"interdict/lists"
	"interdict/lists/address"
)

// batchSize is how many keys are looked up, or their attributions read, at once.
const batchSize = 1024

// inBatches yields the values of a sequence in batches. A batch is valid until the next one.
func inBatches[T any](values iter.Seq2[T, error]) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		batch := make([]T, 0, batchSize)
		for v, err := range values {
			if err != nil {
				yield(nil, err)
				return
			}
			if batch = append(batch, v); len(batch) < batchSize {
				continue
			}
			if !yield(batch, nil) {
				return
			}
			batch = batch[:0]
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}

// attributions holds what is needed of the attributions of a stack of layers.
type attributions[T any] struct {
	layers []lists.Layer
	needed func(*lists.Attribution) T
	known  []map[uint32]T // by layer and number
}

func newAttributions[T any](layers []lists.Layer, needed func(*lists.Attribution) T) attributions[T] {
	a := attributions[T]{layers, needed, make([]map[uint32]T, len(layers))}
	for i := range a.known {
		a.known[i] = map[uint32]T{}
	}
	return a
}

// load reads the attributions that references name. Those of earlier references may be forgotten.
func (a *attributions[T]) load(ctx context.Context, store lists.Store, refs iter.Seq[[]lists.StackRef]) error {
	missing := make([][]uint32, len(a.layers))
	for i := range a.known {
		if len(a.known[i]) > maxAttributions {
			clear(a.known[i])
		}
	}
	for some := range refs {
		for _, r := range some {
			if _, ok := a.known[r.Layer][r.Attribution]; !ok {
				missing[r.Layer] = append(missing[r.Layer], r.Attribution)
			}
		}
	}
	for i, numbers := range missing {
		if err := lists.EachAttribution(ctx, store, a.layers[i].ID, numbers, func(number uint32, record []byte) error {
			x, err := lists.DecodeAttribution(record)
			if err == nil {
				a.known[i][number] = a.needed(x)
			}
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// of returns what is known of the attribution of a reference that was loaded.
func (a *attributions[T]) of(r *lists.StackRef) T { return a.known[r.Layer][r.Attribution] }

// stack is a stack of layers of one list, with their attributions.
type stack struct {
	attributions[*lists.Attribution]
	list lists.List // with its defaults
}

func newStack(settings *lists.List, layers []lists.Layer) *stack {
	return &stack{newAttributions(layers, func(a *lists.Attribution) *lists.Attribution { return a }), settings.WithDefaults()}
}

// layersOf returns the layers of a version; nil may be given for none.
func layersOf(v *lists.Version) []lists.Layer {
	if v == nil {
		return nil
	}
	return v.Layers
}

// keyedRefs yields the references of each key of a batch.
func keyedRefs(batch []lists.StackEntry) iter.Seq[[]lists.StackRef] {
	return func(yield func([]lists.StackRef) bool) {
		for i := range batch {
			if !yield(batch[i].Refs) {
				return
			}
		}
	}
}

// walk yields what the stack says under each key, with the attributions loaded.
func (s *stack) walk(ctx context.Context, store lists.Store) iter.Seq2[lists.StackEntry, error] {
	return func(yield func(lists.StackEntry, error) bool) {
		for batch, err := range inBatches(lists.WalkStack(ctx, store, s.layers)) {
			if err == nil {
				err = s.load(ctx, store, keyedRefs(batch))
			}
			if err != nil {
				yield(lists.StackEntry{}, err)
				return
			}
			for _, k := range batch {
				if !yield(k, nil) {
					return
				}
			}
		}
	}
}

// own returns the attribution and the reference of a listing as another layer says them: with the file and the version that they came from.
func (s *stack) own(r *lists.StackRef) (lists.Attribution, lists.Ref) {
	a, ref, from := *s.of(r), r.Ref, &s.layers[r.Layer]
	if a.File == "" {
		a.File, a.SHA256 = from.File, from.SHA256
	}
	if ref.AddedIn == 0 {
		ref.AddedIn = from.Version
	}
	return a, ref
}

// digest returns the digest of what a listing says today.
func (s *stack) digest(r *lists.StackRef) uint64 {
	return contentDigest(&s.list, s.of(r)) &^ defaultBits
}

// listing returns a stored listing, with the defaults of the list.
func (s *stack) listing(key address.Key, r *lists.StackRef) lists.Listing {
	a := *s.of(r)
	s.list.ApplyDefaults(&a)
	out := lists.Listing{Address: r.ListedText(key), Attribution: a, Locator: r.FullLocator(&a), AddedIn: r.AddedIn}
	if out.AddedIn == 0 {
		out.AddedIn = s.layers[r.Layer].Version
	}
	return out
}

// Listings yields the listings of a version in the order of their keys.
func Listings(ctx context.Context, store lists.Store, settings *lists.List, v *lists.Version, yield func(lists.Listing) error) error {
	s := newStack(settings, v.Layers)
	for k, err := range s.walk(ctx, store) {
		if err != nil {
			return err
		}
		for i := range k.Refs {
			if r := &k.Refs[i]; r.Counts() {
				if err := yield(s.listing(k.Key, r)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// ListingsOf returns the listings that a version has of some identities. Listings that are found by a link only are left out.
func ListingsOf(ctx context.Context, store lists.Store, settings *lists.List, v *lists.Version, identities []lists.Identity) ([]lists.Listing, error) {
	keys := make([]address.Key, len(identities))
	for i := range keys {
		keys[i] = address.Key(identities[i].Key)
	}
	found, err := lists.LookupStack(ctx, store, v.Layers, keys)
	if err != nil {
		return nil, err
	}
	for i := range found {
		found[i] = slices.DeleteFunc(found[i], func(r lists.StackRef) bool { return r.Role != 0 || r.Variant != identities[i].Variant })
	}
	s := newStack(settings, v.Layers)
	if err := s.load(ctx, store, slices.Values(found)); err != nil {
		return nil, err
	}
	var out []lists.Listing
	for i := range found {
		for r := range found[i] {
			out = append(out, s.listing(keys[i], &found[i][r]))
		}
	}
	return out, nil
}
