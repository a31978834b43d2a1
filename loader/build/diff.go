package build

import (
	"context"
	"iter"
	"slices"

	"interdict/lists"
	"interdict/lists/address"
)

// DiffRow is one listing that differs between two versions.
type DiffRow struct {
	Change  string         `json:"change"` // added, removed, changed
	Listing lists.Listing  `json:"listing"`
	Before  *lists.Listing `json:"before,omitempty"` // of a changed one
	Key     address.Key    `json:"-"`                // of the address
	// ID and BeforeID, of Changes only, are the ids of Listing and of Before.
	ID       string `json:"-"`
	BeforeID string `json:"-"`
}

// Comparison is the difference between two versions.
type Comparison struct {
	lists.DiffCounts
	Gone      int      // identities that are screened no longer
	WellKnown []string // well-known addresses that are new
}

// Compare compares version v with an older one (nil: with nothing). It calls yield, unless that is nil, for each listing that differs.
func Compare(ctx context.Context, store lists.Store, settings *lists.List, old, v *lists.Version, yield func(DiffRow) error) (Comparison, error) {
	c := comparer{was: newStack(settings, layersOf(old)), is: newStack(settings, v.Layers), yield: yield}
	if old != nil {
		c.Against = old.Number
	}
	err := c.run(ctx, store)
	return c.Comparison, err
}

// run compares the two stacks in the order of (Hash(Key), Key).
func (c *comparer) run(ctx context.Context, store lists.Store) error {
	nextOld, stopOld := iter.Pull2(c.was.walk(ctx, store))
	defer stopOld()
	nextNew, stopNew := iter.Pull2(c.is.walk(ctx, store))
	defer stopNew()
	o, err, okOld := nextOld()
	if err != nil {
		return err
	}
	n, err, okNew := nextNew()
	if err != nil {
		return err
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
			newRefs = n.Refs
		}
		if err := c.compare(key, oldRefs, newRefs); err != nil {
			return err
		}
		if takeOld {
			if o, err, okOld = nextOld(); err != nil {
				return err
			}
		}
		if takeNew {
			if n, err, okNew = nextNew(); err != nil {
				return err
			}
		}
	}
	return nil
}

// comparer compares two stacks key by key.
type comparer struct {
	Comparison
	was, is *stack
	yield   func(DiffRow) error
	// ids gives rows their ids, and counts listings of one id under one key as one.
	ids bool
}

// compare compares what both sides say under one key.
func (c *comparer) compare(key address.Key, oldRefs, newRefs []lists.StackRef) error {
	notListed := func(r lists.StackRef) bool { return !r.Counts() }
	oldRefs = slices.DeleteFunc(oldRefs, notListed)
	// An identity that was a listing and is now a further reading of another one is still screened.
	c.Gone += countGone(oldRefs, func(r *lists.Ref) bool {
		return slices.ContainsFunc(newRefs, func(k lists.StackRef) bool { return k.Same(r) })
	})
	newRefs = slices.DeleteFunc(newRefs, notListed)
	if c.ids {
		oldRefs, newRefs = c.was.distinct(oldRefs), c.is.distinct(newRefs)
	}
	if name := wellKnown[key]; name != "" && len(newRefs) > 0 && len(oldRefs) == 0 {
		c.WellKnown = append(c.WellKnown, name)
	}
	pairedOld, pairedNew := make([]bool, len(oldRefs)), make([]bool, len(newRefs))
	for _, wantSame := range []bool{true, false} { // pair by content first, then by identity alone
		for i := range newRefs {
			for j := range oldRefs {
				if pairedNew[i] || pairedOld[j] || !newRefs[i].Same(&oldRefs[j].Ref) {
					continue
				}
				same := c.is.digest(&newRefs[i]) == c.was.digest(&oldRefs[j])
				if wantSame && !same {
					continue
				}
				pairedNew[i], pairedOld[j] = true, true
				if same {
					c.Unchanged++
					continue
				}
				old := c.was.listing(key, &oldRefs[j])
				row := DiffRow{Change: "changed", Listing: c.is.listing(key, &newRefs[i]), Before: &old, Key: key}
				if c.ids {
					row.ID, row.BeforeID = c.is.id(key, &newRefs[i]), c.was.id(key, &oldRefs[j])
				}
				if err := c.emit(&c.Changed, row); err != nil {
					return err
				}
			}
		}
	}
	for j := range oldRefs {
		if !pairedOld[j] {
			if err := c.emit(&c.Removed, c.row("removed", c.was, key, &oldRefs[j])); err != nil {
				return err
			}
		}
	}
	for i := range newRefs {
		if !pairedNew[i] {
			if err := c.emit(&c.Added, c.row("added", c.is, key, &newRefs[i])); err != nil {
				return err
			}
		}
	}
	return nil
}

// row returns the row of a listing that only one of the stacks has.
func (c *comparer) row(change string, of *stack, key address.Key, r *lists.StackRef) DiffRow {
	row := DiffRow{Change: change, Listing: of.listing(key, r), Key: key}
	if c.ids {
		row.ID = of.id(key, r)
	}
	return row
}

// emit counts a row that differs and passes it on.
func (c *comparer) emit(count *int, row DiffRow) error {
	*count++
	if c.yield == nil {
		return nil
	}
	return c.yield(row)
}
