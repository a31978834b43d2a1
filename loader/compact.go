package loader

import (
	"bufio"
	"context"
	"encoding/json"
	"slices"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// maxLayers is how many layers a version may stand on before they are made one. Each layer costs a check one test of
// a filter, some 20 ns.
const maxLayers = 8

// mergeFrom tells which layers are made one: from the top down, those that are not small next to what lies on them. So a base of
// millions is not written anew for a few additions, and each listing is written again a few times only, however long additions go on.
func mergeFrom(layers []lists.Layer) (from int) {
	from = len(layers) - 1
	keys := layers[from].Keys
	for from > 0 && (layers[from-1].Keys <= 4*keys || from > maxLayers/2) {
		from--
		keys += layers[from].Keys
	}
	return from
}

// Compact makes one layer of the upper layers of a list's active version, if there are many of them. What the version holds stays
// the same, and so does its number: a new generation names the new layer, and answers go on from the old ones until then. The old layers
// stay as long as a version stands on them. done is false when there was nothing to do.
func (l *Loader) Compact(ctx context.Context, list, by string) (done bool, err error) {
	settings, _, err := lists.Read[lists.List](ctx, l.store, lists.DocList(list))
	if err != nil {
		return false, named(err, "list %.80q", list)
	}
	v, err := l.activeVersion(ctx, &settings)
	if err != nil || v == nil || len(v.Layers) <= maxLayers {
		return false, err
	}
	c := &Change{Action: "compact", By: by, List: list, Version: v.Number, SHA256: v.SHA256}
	err = l.recorded(c, func() error {
		from := mergeFrom(v.Layers)
		layer, err := l.merge(ctx, v, from)
		if err != nil {
			return err
		}
		err = retry(ctx, func() error {
			current, _, err := lists.Read[lists.List](ctx, l.store, lists.DocList(list))
			if err != nil {
				return err
			}
			_, now, revs, err := l.versionForChange(ctx, list, current.Active)
			if err != nil {
				return err
			}
			// Additions may have come on top of it meanwhile.
			if len(now.Layers) < len(v.Layers) || !slices.Equal(now.Layers[:len(v.Layers)], v.Layers) {
				return fault.E(fault.Conflict, "version %d of %s is no longer what was compacted", v.Number, list)
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
			return commit(ctx, l.store, append(generationChanges(g, head), lists.Put(lists.DocVersion(list, now.Number), now, revs.version))...)
		})
		if err != nil {
			l.drop(context.WithoutCancel(ctx), layer.ID)
		}
		return err
	})
	return err == nil, err
}

// Tend compacts lists after their activations and clears up after old uploads, in the background, until ctx ends.
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
				l.log.Warn("a list could not be compacted; it will be tried after its next activation", "list", list, "error", err)
			}
		}
	}
}

// drop takes away a layer and its filter that nothing names. It is best effort: what stays is swept another time.
func (l *Loader) drop(ctx context.Context, layer string) {
	if err := l.store.DropLayer(ctx, layer); err != nil {
		l.log.Warn("a layer could not be dropped", "layer", layer, "error", err)
		return
	}
	if err := l.store.DropBlob(ctx, lists.BlobFilter(layer)); err != nil {
		l.log.Warn("a filter could not be dropped", "layer", layer, "error", err)
	}
}

// merge writes everything that a version's layers say together, from one of them on, into one new layer.
func (l *Loader) merge(ctx context.Context, v *lists.Version, from int) (lists.Layer, error) {
	layer := newLayer(v)
	upper := *v
	upper.Layers = v.Layers[from:]
	for _, x := range upper.Layers {
		layer.Rules = min(layer.Rules, x.Rules)
	}
	attributions, err := newRun(l.spoolDir)
	if err != nil {
		return layer, err
	}
	defer attributions.Close()
	out, err := newEntryFile(l.spoolDir)
	if err != nil {
		return layer, err
	}
	defer out.close()
	m := &merger{side: newSide(&lists.List{}, &upper), onBase: from > 0, layer: &layer, out: out, w: bufio.NewWriterSize(attributions, 256<<10), numbers: map[origin]uint32{}}
	batch := make([]lists.StackEntry, 0, joinBatch)
	flush := func() error {
		if err := m.side.fetch(ctx, l.store, batch); err != nil {
			return err
		}
		for _, k := range batch {
			if err := m.put(k); err != nil {
				return err
			}
		}
		batch = batch[:0]
		return nil
	}
	for k, err := range lists.WalkStack(ctx, l.store, upper.Layers) {
		if err != nil {
			return layer, err
		}
		if batch = append(batch, k); len(batch) == cap(batch) {
			if err := flush(); err != nil {
				return layer, err
			}
		}
	}
	if err := flush(); err != nil {
		return layer, err
	}
	if err := flushAll(m.w); err != nil {
		return layer, err
	}
	layer.Keys = out.keys
	return layer, l.writeLayer(ctx, layer, out, attributions, uint32(len(m.numbers)))
}

// origin is an attribution of one of the layers that are merged.
type origin struct {
	layer  int
	number uint32
}

type merger struct {
	side    *side
	layer   *lists.Layer
	out     *entryFile
	w       *bufio.Writer
	numbers map[origin]uint32
	buf     []byte
	onBase  bool // there are layers below, from which something may be taken away
}

func (m *merger) put(k lists.StackEntry) error {
	m.buf = m.buf[:0]
	raw := false
	for i := range k.Refs {
		r := k.Refs[i].Ref
		from := &m.side.layers[k.Refs[i].Layer]
		at := origin{k.Refs[i].Layer, r.Attribution}
		number, known := m.numbers[at]
		if !known {
			number = uint32(len(m.numbers))
			m.numbers[at] = number
			a := *m.side.known[at.layer][at.number]
			if a.File == "" && from.SHA256 != m.layer.SHA256 {
				a.File, a.SHA256 = from.File, from.SHA256
			}
			b, err := json.Marshal(a)
			if err != nil {
				return err
			}
			if err := writeFrame(m.w, b); err != nil {
				return diskError(err)
			}
		}
		r.Attribution = number
		if r.AddedIn == 0 {
			r.AddedIn = from.Version
		}
		if r.AddedIn == m.layer.Version {
			r.AddedIn = 0
		}
		if r.Counts() {
			m.layer.Listings++
			raw = raw || r.Variant == address.VariantRaw
		}
		m.buf = lists.AppendRef(m.buf, &r)
	}
	if m.onBase {
		for i := range k.Removed {
			m.layer.Removals++
			m.buf = lists.AppendRef(m.buf, &k.Removed[i])
		}
		raw = raw || len(k.Removed) > 0 && k.Key.Space() == address.SpaceRaw
	}
	if len(m.buf) == 0 {
		return nil
	}
	if err := roomFor(k.Key, m.buf, 0); err != nil {
		return err
	}
	if raw {
		m.layer.Raw++
	}
	return m.out.put(k.Key, m.buf)
}
