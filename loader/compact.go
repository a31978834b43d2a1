package loader

import (
	"context"
	"slices"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// maxLayers is how many layers a version may have before the upper ones are merged. Each layer costs a check one test of a filter, about 20 ns.
const maxLayers = 8

// mergeFrom returns the lowest layer that is merged with those above it: from the top down, a layer is included unless it is large compared with
// those above. So a base of millions is not rewritten for a few additions, and each listing is rewritten only a few times.
func mergeFrom(layers []lists.Layer) (from int) {
	from = len(layers) - 1
	keys := layers[from].Keys
	for from > 0 && (layers[from-1].Keys <= 4*keys || from > maxLayers/2) {
		from--
		keys += layers[from].Keys
	}
	return from
}

// Compact merges the upper layers of a list's active version into one, if there are many. The version keeps its listings and its number. A new
// generation names the new layer; until then answers come from the old ones, which stay as long as a version needs them. done is false if
// there was nothing to do.
func (l *Loader) Compact(ctx context.Context, list, by string) (done bool, err error) {
	settings, _, err := lists.Read[lists.List](ctx, l.store, lists.DocList(list))
	if err != nil {
		return false, notFound(err, "list %s", address.Quote(list))
	}
	v, err := l.activeVersion(ctx, &settings)
	if err != nil || v == nil || len(v.Layers) <= maxLayers {
		return false, err
	}
	c := &lists.Event{Action: "compact", By: by, List: list, Version: v.Number, SHA256: v.SHA256}
	err = l.ledger.Do(c, func() error {
		from := mergeFrom(v.Layers)
		layer, err := l.builder.Merge(ctx, v, from)
		if err != nil {
			return err
		}
		err = lists.Retry(ctx, func() error {
			current, _, err := lists.Read[lists.List](ctx, l.store, lists.DocList(list))
			if err != nil {
				return err
			}
			_, now, revs, err := l.versionForChange(ctx, list, current.Active)
			if err != nil {
				return err
			}
			// Additions may have been activated in the meantime.
			if len(now.Layers) < len(v.Layers) || !slices.Equal(now.Layers[:len(v.Layers)], v.Layers) {
				return fault.E(fault.Conflict, "version %d of %s changed while it was compacted", v.Number, list)
			}
			now.Layers = slices.Concat(v.Layers[:from], []lists.Layer{layer}, now.Layers[len(v.Layers):])
			g, head, err := l.nextGeneration(ctx, "compact", list, by, "")
			if err != nil {
				return err
			}
			for i := range g.Lists {
				if g.Lists[i].List.ID == list {
					g.Lists[i].Layers = now.Layers
				}
			}
			c.Generation = g.Number
			return lists.TryCommit(ctx, l.store, append(generationChanges(g, head), lists.Put(lists.DocVersion(list, now.Number), now, revs.version))...)
		})
		if err != nil {
			l.drop(context.WithoutCancel(ctx), layer.ID)
		}
		return err
	})
	return err == nil, err
}

// Tend compacts lists after their activations and deletes what old uploads left, in the background, until ctx ends.
func (l *Loader) Tend(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			l.sweep(ctx)
		case list := <-l.grown:
			if _, err := l.Compact(ctx, list, "system"); err != nil && ctx.Err() == nil {
				l.log.Warn("a list was not compacted; its next activation tries again", "list", list, "error", err)
			}
		}
	}
}

// drop deletes a layer and its filter that no version names. If it fails a later sweep deletes them.
func (l *Loader) drop(ctx context.Context, layer string) {
	if err := l.store.DropLayer(ctx, layer); err != nil {
		l.log.Warn("a layer was not dropped; it will be dropped later", "layer", layer, "error", err)
		return
	}
	if err := l.store.DropBlob(ctx, lists.BlobFilter(layer)); err != nil {
		l.log.Warn("a filter was not dropped", "layer", layer, "error", err)
	}
}
