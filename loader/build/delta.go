package build

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader/formats"
)

// A delta (OpenSanctions: ADD, MOD, DEL of an entity) names what it removes by the id of an entity. That id is the locator of the listings
// that came from the entity, and not their key. So the active version is walked once: what stays is carried over into the new version with
// its own source, and the rows of the delta are added. The result is a whole version, which is compared and guarded like any other.

const (
	// maxRemoved is how many entities one delta may remove. Beyond that the whole list is the smaller file.
	maxRemoved = 1_000_000
	// maxPartial is how many partial rows one delta may have: they are kept in memory until the active version has been read.
	maxPartial = 100_000
)

// delta collects what the rows of a delta remove and change.
type delta struct {
	removed  map[string]int  // locators that are removed, and by how many rows
	found    map[string]bool // those of them that the active version has
	notFound int             // rows that remove what the active version does not have
	partial  []partialRow
	replaced map[string]*lists.Attribution // by locator, what partial rows replace; nil: not found so far
}

// partialRow is a row that does not have all fields of its entity, and its number.
type partialRow struct {
	formats.Row
	n int
}

// markRemoved notes that a row removes the listings of one entity.
func (d *delta) markRemoved(r *formats.Row) error {
	if d.removed == nil {
		d.removed, d.found = map[string]int{}, map[string]bool{}
	}
	if len(d.removed) >= maxRemoved {
		return fault.E(fault.TooLarge, "the delta removes more than %d entities: load the whole list instead", maxRemoved)
	}
	d.removed[lists.Truncate(r.Locator, MaxField)]++
	return nil
}

// postpone keeps a partial row until the listing that it replaces is known.
func (d *delta) postpone(r *formats.Row, n int) error {
	if len(d.partial) >= maxPartial {
		return fault.E(fault.TooLarge, "the delta changes more than %d wallets: load the whole list instead", maxPartial)
	}
	if d.replaced == nil {
		d.replaced = map[string]*lists.Attribution{}
	}
	d.partial = append(d.partial, partialRow{*r, n})
	d.replaced[lists.Truncate(r.Locator, MaxField)] = nil
	return nil
}

// markReplaced notes a listing that the delta removes, for the partial row that replaces it. Of several, the one that ends last counts.
func (d *delta) markReplaced(locator string, a lists.Attribution) {
	old, awaited := d.replaced[locator]
	switch {
	case !awaited:
	case old == nil:
		d.replaced[locator] = &a
	case a.ValidUntil == "" || old.ValidUntil != "" && a.ValidUntil > old.ValidUntil:
		old.ValidUntil = a.ValidUntil
	}
}

// applyDelta adds what a delta leaves of the active version to its rows, and counts the rows that removed something. A row that removes
// nothing is a duplicate. orders are the new ends of listings, by the id of the wallet or of its holder.
func (in *intake) applyDelta(ctx context.Context, store lists.Store, active *lists.Version, orders map[string]string) error {
	if active != nil {
		s := newStack(in.list, active.Layers)
		for k, err := range s.walk(ctx, store) {
			if err != nil {
				return err
			}
			for i := range k.Refs {
				if err := in.carryOver(s, k.Key, &k.Refs[i], orders); err != nil {
					return err
				}
			}
		}
	}
	for locator, rows := range in.delta.removed {
		if in.delta.found[locator] {
			in.rows.Accepted += rows
		} else {
			in.rows.Duplicate += rows
			in.delta.notFound += rows
		}
	}
	return in.addPartial(orders)
}

// carryOver adds one stored reference, unless its entity is removed.
func (in *intake) carryOver(s *stack, key address.Key, r *lists.StackRef, orders map[string]string) error {
	a, ref := s.own(r)
	locator := r.FullLocator(&a)
	if in.delta.removed[locator] > 0 {
		in.delta.found[locator] = true
		in.delta.markReplaced(locator, *s.of(r))
		return nil
	}
	a.ValidUntil = extended(a.ValidUntil, orders, locator, a.Entity.ID)
	var digest uint64
	var err error
	if ref.Attribution, digest, err = in.attribution(&a); err != nil {
		return err
	}
	return in.put(&record{digest: digest}, key, &ref)
}

// addPartial adds the partial rows, completed with the listings that they replace.
func (in *intake) addPartial(orders map[string]string) error {
	for i := range in.delta.partial {
		r := &in.delta.partial[i].Row
		old := in.delta.replaced[lists.Truncate(r.Locator, MaxField)]
		switch {
		case old == nil && r.Problem != "":
			r.Address = ""
		case old != nil:
			if r.Address != "" {
				r.Problem = ""
			}
			r.EntityName, r.EntityType = cmp.Or(r.EntityName, old.Entity.Name), cmp.Or(r.EntityType, old.Entity.Type)
			r.Category, r.ListedOn = cmp.Or(r.Category, string(old.Category)), cmp.Or(r.ListedOn, old.Dated())
			for _, p := range old.Programs {
				if !slices.Contains(r.Programs, p) {
					r.Programs = append(slices.Clip(r.Programs), p)
				}
			}
			r.ValidUntil = extended(old.ValidUntil, orders, r.Locator, r.EntityID)
		}
		if err := in.addListing(r, in.delta.partial[i].n); err != nil {
			return err
		}
	}
	return nil
}

// extended returns the end of a listing after the orders of a delta for its wallet or its holder.
func extended(until string, orders map[string]string, locator, holder string) string {
	for _, id := range []string{strings.TrimPrefix(locator, "entity "), holder} {
		if end, ok := orders[id]; ok && until != "" {
			if until = max(until, end); end == "" {
				return ""
			}
		}
	}
	return until
}
