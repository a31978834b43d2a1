package lists

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strconv"
	"strings"

	"interdict/lists/address"
	"interdict/lists/fault"
)

// StackRef is a reference with the layer that holds it.
type StackRef struct {
	Ref
	Layer int // index in the stack
}

// Resolve returns the references of a stack of layers under one key. found[i] is the stored entry of layer i (base first), nil for
// none. A removal in an upper layer hides the references of lower layers with the same identity.
func Resolve(found [][]byte) ([]StackRef, error) {
	out, _, err := resolve(found)
	return out, err
}

// resolve returns the result of Resolve, and the removals of the stack, which apply to layers below it.
func resolve(found [][]byte) (out []StackRef, removed []Ref, err error) {
	var refs []Ref
	for i := len(found) - 1; i >= 0; i-- {
		if found[i] == nil {
			continue
		}
		if refs, err = DecodeRefs(refs[:0], found[i]); err != nil {
			return nil, nil, fault.E(fault.Unavailable, "read a listing: %w", err)
		}
	next:
		for _, r := range refs {
			if r.Removed {
				continue
			}
			for j := range removed {
				if removed[j].Same(&r) {
					continue next
				}
			}
			out = append(out, StackRef{r, i})
		}
		for _, r := range refs {
			if r.Removed && !slices.ContainsFunc(removed, func(o Ref) bool { return o.Same(&r) }) {
				removed = append(removed, r)
			}
		}
	}
	return out, removed, nil
}

// StackEntry is one key of a stack of layers with its references.
type StackEntry struct {
	Key  address.Key
	Refs []StackRef // empty if all references under the key were removed
	// Removed are the removals of the stack. They apply to layers below it.
	Removed []Ref
}

// WalkStack yields every key of a stack of layers once, ordered by (Hash(Key), Key).
func WalkStack(ctx context.Context, s Store, layers []Layer) iter.Seq2[StackEntry, error] {
	return func(yield func(StackEntry, error) bool) {
		type cursor struct {
			entry Entry
			hash  uint64
			ok    bool
			next  func() (Entry, error, bool)
		}
		cursors := make([]cursor, len(layers))
		advance := func(c *cursor) error {
			e, err, ok := c.next()
			if err != nil {
				return err
			}
			c.entry, c.ok = e, ok
			if ok {
				c.hash = Hash(e.Key)
			}
			return nil
		}
		for i, l := range layers {
			next, stop := iter.Pull2(s.Walk(ctx, l.ID))
			defer stop()
			cursors[i].next = next
			if err := advance(&cursors[i]); err != nil {
				yield(StackEntry{}, err)
				return
			}
		}
		found := make([][]byte, len(layers))
		for {
			least := -1
			for i := range cursors {
				c := &cursors[i]
				if c.ok && (least < 0 || c.hash < cursors[least].hash ||
					c.hash == cursors[least].hash && c.entry.Key < cursors[least].entry.Key) {
					least = i
				}
			}
			if least < 0 {
				return
			}
			key := cursors[least].entry.Key
			for i := range cursors {
				found[i] = nil
				if cursors[i].ok && cursors[i].entry.Key == key {
					found[i] = cursors[i].entry.Refs
				}
			}
			refs, removed, err := resolve(found)
			if !yield(StackEntry{key, refs, removed}, err) || err != nil {
				return
			}
			for i := range cursors {
				if found[i] != nil {
					if err := advance(&cursors[i]); err != nil {
						yield(StackEntry{}, err)
						return
					}
				}
			}
		}
	}
}

// LookupStack returns the references of a stack of layers under each key, with one Lookup.
func LookupStack(ctx context.Context, s Store, layers []Layer, keys []address.Key) ([][]StackRef, error) {
	asked := make([]LayerKey, 0, len(keys)*len(layers))
	for _, k := range keys {
		for _, l := range layers {
			asked = append(asked, LayerKey{l.ID, k})
		}
	}
	found, err := s.Lookup(ctx, asked)
	if err != nil {
		return nil, err
	}
	out := make([][]StackRef, len(keys))
	for i := range keys {
		if out[i], err = Resolve(found[i*len(layers) : (i+1)*len(layers)]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// DecodeAttribution decodes the stored form of an attribution, which is JSON.
func DecodeAttribution(b []byte) (*Attribution, error) {
	a := new(Attribution)
	if err := json.Unmarshal(b, a); err != nil {
		return nil, fault.E(fault.Unavailable, "a stored attribution is damaged: %w", err)
	}
	return a, nil
}

// ListedText returns the address as the list published it, for a reference under key k.
func (r *Ref) ListedText(k address.Key) string {
	if r.Text != "" {
		return r.Text
	}
	if r.Role != 0 {
		k = r.Own
	}
	_, text, _ := address.Render(k, r.Variant)
	if r.Lower {
		return strings.ToLower(text)
	}
	return text
}

// FullLocator returns the place of the listing in its source file.
func (r *Ref) FullLocator(a *Attribution) string {
	if !r.HasLocator {
		return a.LocatorPrefix
	}
	return a.LocatorPrefix + strconv.FormatUint(r.Locator, 10)
}
