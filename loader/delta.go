package loader

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader/formats"
)

// A delta (OpenSanctions: ADD, MOD, DEL of an entity) says by the entity's id what goes, and that id is the locator of the listings
// that came from it, not their key. So the active version is walked once: what stays is carried into the new version with its own
// source, and the rows of the delta come on top. The result is a whole version, compared and guarded like any other.

// maxGone is how many entities one delta may take away; beyond it the whole list is the smaller file.
const maxGone = 1_000_000

// leave notes that a row takes away what came from one entity.
func (in *intake) leave(r *formats.Row) error {
	if in.gone == nil {
		in.gone, in.met = map[string]int{}, map[string]bool{}
	}
	if len(in.gone) >= maxGone {
		return fault.E(fault.TooLarge, "the delta takes away more than %d entities: load the whole list instead", maxGone)
	}
	in.gone[long(r.Locator)]++
	return nil
}

// partialRow is a row of a delta that does not say everything about its entity, and its place among the rows.
type partialRow struct {
	formats.Row
	n int
}

// maxPartial is how many such rows one delta may have; they are kept until the active version has been read.
const maxPartial = 100_000

// wait keeps a partial row until the listing that it replaces is known.
func (in *intake) wait(r *formats.Row) error {
	if len(in.partial) >= maxPartial {
		return fault.E(fault.TooLarge, "the delta changes more than %d wallets: load the whole list instead", maxPartial)
	}
	if in.replaced == nil {
		in.replaced = map[string]*lists.Attribution{}
	}
	in.partial = append(in.partial, partialRow{*r, in.rows.Read})
	in.replaced[long(r.Locator)] = nil
	return nil
}

// replace notes a listing that a delta takes away, for the partial row that comes in its place.
func (in *intake) replace(locator string, a lists.Attribution) {
	was, waited := in.replaced[locator]
	switch {
	case !waited:
	case was == nil:
		in.replaced[locator] = &a
	case a.ValidUntil == "" || was.ValidUntil != "" && a.ValidUntil > was.ValidUntil: // the one that ends later
		was.ValidUntil = a.ValidUntil
	}
}

// complete takes the partial rows, each with what the listing that it replaces said.
func (in *intake) complete(orders map[string]string) error {
	for i := range in.partial {
		r := &in.partial[i].Row
		was := in.replaced[long(r.Locator)]
		switch {
		case was == nil && r.Problem != "":
			r.Address = ""
		case was != nil:
			if r.Address != "" {
				r.Problem = ""
			}
			r.EntityName, r.EntityType = cmp.Or(r.EntityName, was.Entity.Name), cmp.Or(r.EntityType, was.Entity.Type)
			r.Category, r.ListedOn = cmp.Or(r.Category, string(was.Category)), cmp.Or(r.ListedOn, was.ListedOn)
			for _, p := range was.Programs {
				if !slices.Contains(r.Programs, p) {
					r.Programs = append(slices.Clip(r.Programs), p)
				}
			}
			r.ValidUntil = prolonged(was.ValidUntil, orders, r.Locator, r.EntityID)
		}
		if err := in.take(r, in.partial[i].n); err != nil {
			return err
		}
	}
	return nil
}

// prolonged gives the end of a listing after the orders of a delta on its wallet or holder.
func prolonged(until string, orders map[string]string, locator, holder string) string {
	for _, id := range []string{strings.TrimPrefix(locator, "entity "), holder} {
		if end, ok := orders[id]; ok && until != "" {
			if until = max(until, end); end == "" {
				return ""
			}
		}
	}
	return until
}

// carry puts what a delta leaves of the active version among its rows, and counts the rows that took something away: one that
// meets nothing says nothing new.
func (l *Loader) carry(ctx context.Context, in *intake, active *lists.Version, orders map[string]string) error {
	if active != nil {
		s := newSide(in.list, active)
		batch := make([]lists.StackEntry, 0, joinBatch)
		flush := func() error {
			if err := s.fetch(ctx, l.store, batch); err != nil {
				return err
			}
			for _, k := range batch {
				for i := range k.Refs {
					if err := in.keep(s, k, &k.Refs[i], orders); err != nil {
						return err
					}
				}
			}
			batch = batch[:0]
			return nil
		}
		for k, err := range lists.WalkStack(ctx, l.store, active.Layers) {
			if err != nil {
				return err
			}
			if batch = append(batch, k); len(batch) == cap(batch) {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		if err := flush(); err != nil {
			return err
		}
	}
	for locator, rows := range in.gone {
		if in.met[locator] {
			in.rows.Accepted += rows
		} else {
			in.rows.Duplicate += rows
			in.unmet += rows
		}
	}
	return in.complete(orders)
}

// keep carries one stored reference over, unless its entity is gone.
func (in *intake) keep(s *side, k lists.StackEntry, r *lists.StackRef, orders map[string]string) error {
	a := *s.known[r.Layer][r.Attribution]
	locator := r.FullLocator(&a)
	if in.gone[locator] > 0 {
		in.met[locator] = true
		in.replace(locator, a)
		return nil
	}
	a.ValidUntil = prolonged(a.ValidUntil, orders, locator, a.Entity.ID)
	from := &s.layers[r.Layer]
	if a.File == "" {
		a.File, a.SHA256 = from.File, from.SHA256
	}
	ref := r.Ref
	if ref.AddedIn == 0 {
		ref.AddedIn = from.Version
	}
	var digest uint64
	var err error
	if ref.Attribution, digest, err = in.attribution(&a); err != nil {
		return err
	}
	return in.put(&record{digest: digest}, k.Key, &ref)
}
