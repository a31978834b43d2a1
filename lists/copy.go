package lists

import (
	"context"
	"errors"
	"slices"

	"interdict/lists/fault"
)

// Complete tells whether a store has a layer, whole. An error says that it could not be asked.
func Complete(ctx context.Context, s Store, layer string) (bool, error) {
	all, err := s.Layers(ctx)
	if err != nil {
		return false, err
	}
	if _, there := all[layer]; !there {
		return false, nil
	}
	if _, err := s.Lookup(ctx, []LayerKey{{Layer: layer, Key: "\x00"}}); err != nil {
		return false, s.Ping(ctx) // a store that answers has the layer in part only
	}
	return true, nil
}

// CopyLayer copies a layer from one store to another, without holding it in memory. What an interrupted copy has left is replaced.
func CopyLayer(ctx context.Context, from, to Store, layer Layer) error {
	if err := to.DropLayer(ctx, layer.ID); err != nil {
		return err
	}
	w, err := to.CreateLayer(ctx, layer.ID, layer.Keys)
	if err != nil {
		return err
	}
	seen := map[uint32]bool{}
	batch := make([]Entry, 0, 1000)
	var refs []Ref
	flush := func() error {
		var numbers []uint32
		for _, e := range batch {
			if refs, err = DecodeRefs(refs[:0], e.Refs); err != nil {
				return fault.E(fault.Unavailable, "layer %s: %w", layer.ID, err)
			}
			for i := range refs {
				if n := refs[i].Attribution; !refs[i].Removed && !seen[n] {
					seen[n] = true
					numbers = append(numbers, n)
				}
			}
		}
		if err := EachAttribution(ctx, from, layer.ID, numbers, w.PutAttribution); err != nil {
			return err
		}
		for _, e := range batch {
			if err := w.Put(e); err != nil {
				return err
			}
		}
		batch = batch[:0]
		return nil
	}
	err = func() error {
		for e, err := range from.Walk(ctx, layer.ID) {
			if err != nil {
				return err
			}
			if batch = append(batch, Entry{Key: e.Key, Refs: slices.Clone(e.Refs)}); len(batch) == cap(batch) {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		if err := flush(); err != nil {
			return err
		}
		return w.Commit()
	}()
	if err != nil {
		return errors.Join(err, w.Abort())
	}
	return nil
}
