package loader

import (
	"context"

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

// carry puts what a delta leaves of the active version among its rows, and counts the rows that took something away: one that
// meets nothing says nothing new.
func (l *Loader) carry(ctx context.Context, in *intake, active *lists.Version) error {
	if active != nil {
		s := newSide(in.list, active)
		batch := make([]lists.Keyed, 0, joinBatch)
		flush := func() error {
			if err := s.fetch(ctx, l.store, batch); err != nil {
				return err
			}
			for _, k := range batch {
				for i := range k.Refs {
					if err := in.keep(s, k, &k.Refs[i]); err != nil {
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
	return nil
}

// keep carries one stored reference over, unless its entity is gone.
func (in *intake) keep(s *side, k lists.Keyed, r *lists.Stored) error {
	a := *s.known[r.Layer][r.Attribution]
	if locator := r.At(&a); in.gone[locator] > 0 {
		in.met[locator] = true
		return nil
	}
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
