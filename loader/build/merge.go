package build

import (
	"context"
	"encoding/json"
	"slices"

	"interdict/lists"
	"interdict/lists/address"
)

// Merge writes what the layers of a version say together, beginning with one of them, into one new layer.
func (b *Builder) Merge(ctx context.Context, v *lists.Version, from int) (lists.Layer, error) {
	d, err := newDraft(b.Dir, v)
	if err != nil {
		return lists.Layer{}, err
	}
	defer d.close()
	m := newMerger(newStack(&lists.List{}, v.Layers[from:]), d)
	m.onBase = from > 0
	for _, x := range m.stack.layers {
		d.Rules = min(d.Rules, x.Rules)
	}
	for k, err := range m.stack.walk(ctx, b.Store) {
		if err == nil {
			err = m.put(&k)
		}
		if err != nil {
			return d.Layer, err
		}
	}
	return d.Layer, b.write(ctx, d)
}

// Addition writes a layer of the listings that version from has and the layers below have not, and counts them in v, the version that the layer
// is for. removals is how many listings of the layers below the version from had removed. Layers that both have are left out: a listing of
// theirs that the layers below do not show was removed there. If there are no such listings no layer is written, and layer.Keys is 0.
func (b *Builder) Addition(ctx context.Context, settings *lists.List, below []lists.Layer, from, v *lists.Version) (layer lists.Layer, removals int, err error) {
	d, err := newDraft(b.Dir, v)
	if err != nil {
		return layer, 0, err
	}
	defer d.close()
	only := slices.DeleteFunc(slices.Clone(from.Layers), func(l lists.Layer) bool {
		return slices.ContainsFunc(below, func(o lists.Layer) bool { return o.ID == l.ID })
	})
	j := &joiner{store: b.Store, below: below}
	ours, theirs := newStack(settings, below), newStack(settings, only)
	m := newMerger(theirs, d)
	for batch, err := range inBatches(lists.WalkStack(ctx, b.Store, only)) {
		if err != nil {
			return layer, 0, err
		}
		groups := make([]keyGroup, len(batch))
		for i := range batch {
			groups[i].key = batch[i].Key
		}
		if err := j.lookUp(ctx, groups); err != nil {
			return layer, 0, err
		}
		if err := ours.load(ctx, b.Store, groupRefs(groups)); err != nil {
			return layer, 0, err
		}
		if err := theirs.load(ctx, b.Store, keyedRefs(batch)); err != nil {
			return layer, 0, err
		}
		for i := range batch {
			k, there := &batch[i], groups[i].old
			removals += countRemoved(k, there)
			k.Refs = slices.DeleteFunc(k.Refs, func(s lists.StackRef) bool {
				return slices.ContainsFunc(there, func(o lists.StackRef) bool {
					return o.Same(&s.Ref) && contentDigest(&ours.list, ours.of(&o)) == contentDigest(&theirs.list, theirs.of(&s))
				})
			})
			countAdded(v, k.Refs, there)
			if err := m.put(k); err != nil {
				return layer, 0, err
			}
		}
	}
	if d.Keys == 0 {
		return d.Layer, removals, nil
	}
	return d.Layer, removals, b.write(ctx, d)
}

// countRemoved counts the listings that are there and that a key removes.
func countRemoved(k *lists.StackEntry, there []lists.StackRef) (n int) {
	for i := range there {
		same := func(o lists.Ref) bool { return o.Same(&there[i].Ref) }
		if there[i].Counts() && slices.ContainsFunc(k.Removed, same) && !slices.ContainsFunc(k.Refs, func(o lists.StackRef) bool { return same(o.Ref) }) {
			n++
		}
	}
	return n
}

// countAdded adds references that are put on top of others to the counts of a version.
func countAdded(v *lists.Version, added, there []lists.StackRef) {
	for i := range added {
		r := &added[i]
		if !r.Counts() {
			continue
		}
		v.Listings++
		v.Diff.Added++
		if r.Variant == address.VariantRaw {
			v.Raw++
		}
		same := func(o lists.StackRef) bool { return o.Counts() && o.Same(&r.Ref) }
		if !slices.ContainsFunc(added[:i], same) && !slices.ContainsFunc(there, same) {
			v.Addresses++
		}
	}
}

// merger puts what a stack of layers says into a new layer.
type merger struct {
	stack   *stack
	draft   *draft
	numbers map[attributionID]uint32 // in the new layer
	buf     []byte
	onBase  bool // there are layers below, whose listings may be removed
}

// attributionID is an attribution of one of the layers that are merged.
type attributionID struct {
	layer  int
	number uint32
}

func newMerger(s *stack, d *draft) *merger {
	return &merger{stack: s, draft: d, numbers: map[attributionID]uint32{}}
}

// put writes what the stack says under one key.
func (m *merger) put(k *lists.StackEntry) error {
	m.buf = m.buf[:0]
	raw := false
	for i := range k.Refs {
		_, r := m.stack.own(&k.Refs[i])
		var err error
		if r.Attribution, err = m.number(&k.Refs[i]); err != nil {
			return err
		}
		if r.AddedIn == m.draft.Version {
			r.AddedIn = 0
		}
		if r.Counts() {
			m.draft.Listings++
			raw = raw || r.Variant == address.VariantRaw
		}
		m.buf = lists.AppendRef(m.buf, &r)
	}
	if m.onBase {
		for i := range k.Removed {
			m.draft.Removals++
			m.buf = lists.AppendRef(m.buf, &k.Removed[i])
		}
		raw = raw || len(k.Removed) > 0 && k.Key.Space() == address.SpaceRaw
	}
	return m.draft.put(k.Key, m.buf, raw)
}

// number returns the number that the attribution of a reference has in the new layer.
func (m *merger) number(r *lists.StackRef) (number uint32, err error) {
	id := attributionID{r.Layer, r.Attribution}
	number, known := m.numbers[id]
	if known {
		return number, nil
	}
	a, from := *m.stack.of(r), &m.stack.layers[r.Layer]
	if a.File == "" && from.SHA256 != m.draft.SHA256 {
		a.File, a.SHA256 = from.File, from.SHA256
	}
	b, err := json.Marshal(a)
	if err != nil {
		return 0, err
	}
	number, err = m.draft.attribution(b)
	m.numbers[id] = number
	return number, err
}
