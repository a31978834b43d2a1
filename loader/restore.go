package loader

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"interdict/lists"
	"interdict/lists/fault"
)

// A failover of Redis can lose a commit that was acknowledged. Replicas go on serving what they have, and no version is activated
// (checkNothingLost) until the lost generation is restored from the cache of one of them.
//
//	a list ─┬─ not changed in the store since the loss ── the lost version, as it was
//	        ├─ not changed by the lost generation ── as it is in the store
//	        └─ changed by both ── the store's version, and a layer of the listings that only the lost one has

func note(r *lists.Restored, format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// restoring is a restore in progress.
type restoring struct {
	*Loader
	from lists.Store
	lost *lists.Generation
	// ancestor is the last generation that both sides have; the zero value if none is known.
	ancestor lists.Generation
	next     lists.Generation
	changes  []lists.Change
	by       string
	out      *lists.Restored
	layers   []string // that were written for unions
}

// Restore restores what the generation in from has and the store does not, as a new generation that descends from both. No listing is removed:
// listings that only the lost generation has are restored, and what was activated since stays. If something cannot be restored completely,
// Restore returns an error that names it, and changes nothing. served is the generation that the owner of the cache answered from last; the
// zero value if that is not known.
func (l *Loader) Restore(ctx context.Context, from lists.Store, served lists.Head, by, reason string) (*lists.Restored, error) {
	current, _, err := lists.Current(ctx, l.store)
	if err != nil {
		return nil, err
	}
	lost, _, err := lists.Current(ctx, from)
	if err != nil {
		return nil, err
	}
	followed, err := lists.ReadFollowed(ctx, from)
	if err != nil {
		return nil, err
	}
	if followed != nil { // without the end of its manifest, what it has would be answered from for ever
		return nil, fault.E(fault.Conflict, "the folder is that of a server that follows %s, and its lists are valid only as long as its manifest: restore from a server that does not follow", followed.Origin)
	}
	if lost.Number == 0 {
		return nil, fault.E(fault.Conflict, "the cache holds no generation")
	}
	if lost.Head() != served {
		held, err := lists.Descends(ctx, l.store, &current, served)
		if err != nil {
			return nil, err
		}
		if !held {
			return nil, fault.E(fault.Conflict, "the store has lost generation %d, which gave the last answers, and the cache has only generation %d: "+
				"restore from another server that served it, or load again what was activated in generation %d", served.Generation, lost.Number, served.Generation)
		}
	}
	c := &lists.Event{Action: "restore", By: by, Generation: lost.Number, Reason: lists.Reason(reason)}
	var out *lists.Restored
	err = l.ledger.Do(c, func() error {
		return lists.Retry(ctx, func() (err error) {
			out, err = l.restore(ctx, from, &lost, by, c.Reason)
			return err
		})
	})
	return out, err
}

func (l *Loader) restore(ctx context.Context, from lists.Store, lost *lists.Generation, by, reason string) (*lists.Restored, error) {
	g, head, err := lists.Current(ctx, l.store)
	if err != nil {
		return nil, err
	}
	r := &restoring{Loader: l, from: from, lost: lost, next: g, by: by, out: &lists.Restored{Lost: lost.Number, Lists: []string{}, Notes: []string{}}}
	contains, err := lists.Descends(ctx, l.store, &g, lost.Head())
	if err != nil {
		return nil, err
	}
	if contains {
		if err := r.made(ctx); err != nil || len(r.changes) == 0 {
			return r.out, err
		}
		return r.out, lists.TryCommit(ctx, l.store, r.changes...)
	}
	if err := r.findAncestor(ctx, &g); err != nil {
		return nil, err
	}
	if err := r.documents(ctx); err != nil {
		return nil, err
	}
	makeNext(&r.next, max(g.Number, lost.Number)+1)
	r.next.Merged, r.next.At, r.next.By, r.next.Action, r.next.List, r.next.Reason = lost.ID, l.now().UTC(), by, "restore", "", reason
	r.next.Lists = slices.Clone(g.Lists)
	for i := range lost.Lists {
		if err := r.list(ctx, lost.Lists[i]); err != nil {
			return nil, err
		}
	}
	for _, a := range g.Lists {
		if activeOf(lost.Lists, a.List.ID) == nil && activeOf(r.ancestor.Lists, a.List.ID) != nil {
			note(r.out, "list %s stays active: the lost generation had retired it", a.List.ID)
		}
	}
	slices.SortFunc(r.next.Lists, func(a, b lists.Active) int { return strings.Compare(a.List.ID, b.List.ID) })
	r.out.Generation = r.next.Number
	err = lists.TryCommit(ctx, l.store, append(r.changes, generationChanges(r.next, head)...)...)
	if fault.Is(err, fault.Raced) {
		for _, id := range r.layers {
			l.drop(ctx, id)
		}
	}
	return r.out, err
}

func activeOf(all []lists.Active, id string) *lists.Active {
	for i := range all {
		if all[i].List.ID == id {
			return &all[i]
		}
	}
	return nil
}

// findAncestor finds the newest generation before the lost one that the store still has.
func (r *restoring) findAncestor(ctx context.Context, g *lists.Generation) error {
	parent := lists.Head{Generation: r.lost.Number - 1, ID: r.lost.Parent}
	for _, h := range append([]lists.Head{parent}, r.lost.Recent...) {
		if h.ID == "" || h.Generation > g.Number {
			continue
		}
		held, _, err := lists.Read[lists.Generation](ctx, r.store, lists.DocGeneration(h.Generation))
		if err == nil && held.ID == h.ID {
			r.ancestor = held
			return nil
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return nil
}

// documents restores the document of the lost generation, and what people made.
func (r *restoring) documents(ctx context.Context) error {
	r.changes = append(r.changes, lists.Put(lists.DocLost(r.lost.ID, r.lost.Number), r.lost, lists.AnyRevision))
	lost := lists.Put(lists.DocGeneration(r.lost.Number), r.lost, 0)
	if there, err := r.has(ctx, lost.Key); err != nil {
		return err
	} else if !there {
		r.changes = append(r.changes, lost)
	}
	return r.made(ctx)
}

// made restores what people made and the store does not have: API keys and the secret that they are hashed with, accounts, suppressions, proposals,
// legal holds, webhooks, cases.
func (r *restoring) made(ctx context.Context) error {
	for _, prefix := range slices.Concat(lists.DocsKept, lists.DocsDeleted) {
		docs, err := r.from.Scan(ctx, prefix)
		if err != nil {
			return err
		}
		n := 0
		for _, d := range docs {
			if d.Key == lists.DocPepper {
				if d.Key, err = r.pepperKey(ctx, d.Value); err != nil {
					return err
				}
			}
			there, err := r.has(ctx, d.Key)
			if err == nil && !there && prefix == lists.DocCases {
				there, err = r.has(ctx, lists.DocClosedCases+d.Key[len(prefix):])
			}
			if err != nil {
				return err
			}
			if !there {
				r.changes = append(r.changes, lists.Change{Key: d.Key, Value: d.Value})
				n++
			}
		}
		if n > 0 && prefix != lists.DocPepper {
			note(r.out, "put back: %d of the kind %q", n, strings.Trim(prefix, "/"))
		}
		if n > 0 && prefix == lists.DocWebhooks {
			note(r.out, "look at the webhooks: one that was deleted since the cache was written is there again")
		}
	}
	return nil
}

// pepperKey returns where a pepper belongs. The store may have another one: a server without a cache that starts on an emptied store makes it.
// Keys were hashed with either.
func (r *restoring) pepperKey(ctx context.Context, pepper []byte) (string, error) {
	d, err := r.store.Get(ctx, lists.DocPepper)
	switch {
	case fault.Is(err, fault.NotFound):
		return lists.DocPepper, nil
	case err != nil || bytes.Equal(d.Value, pepper):
		return lists.DocPepper, err
	}
	return lists.DocOtherPepper(pepper), nil
}

func (r *restoring) has(ctx context.Context, key string) (bool, error) {
	_, err := r.store.Get(ctx, key)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// restoredList is one list of the lost generation on its way into the next one.
type restoredList struct {
	lost        lists.Active
	now, before *lists.Active // in the next generation and in the common ancestor; nil: not there
	settings    lists.List
	revision    uint64 // of the document of the list
	changed     bool   // the settings of the lost generation replace those of the store
}

// list adds one list of the lost generation to the next one.
func (r *restoring) list(ctx context.Context, lost lists.Active) error {
	id := lost.List.ID
	v, _, err := lists.Read[lists.Version](ctx, r.from, lists.DocVersion(id, lost.Version))
	if err != nil {
		return fault.E(fault.KindOf(err), "list %s cannot be restored: version %d is not in the cache: %w", id, lost.Version, err)
	}
	x := &restoredList{lost: lost, now: activeOf(r.next.Lists, id), before: activeOf(r.ancestor.Lists, id)}
	x.settings, x.revision, err = lists.Read[lists.List](ctx, r.store, lists.DocList(id))
	if fault.Is(err, fault.NotFound) {
		x.settings, x.revision, err = lost.List, 0, nil
	}
	if err != nil {
		return err
	}
	x.changed = r.settings(&x.settings, &lost.List, x.before)
	if x.now != nil && (sameContent(x.now, &lost) || x.before != nil && sameContent(x.before, &lost)) {
		r.settingsOnly(x)
		return nil
	}
	if err := r.copyLayers(ctx, &lost); err != nil {
		return err
	}
	return r.version(ctx, x, &v)
}

// settingsOnly restores the settings of a list whose listings the store has.
func (r *restoring) settingsOnly(x *restoredList) {
	if !x.changed {
		return
	}
	id := x.settings.ID
	x.now.List = x.settings
	r.changes = append(r.changes, lists.Put(lists.DocList(id), x.settings, x.revision))
	r.out.Lists = append(r.out.Lists, id)
}

// version restores the lost version of a list: as it was, or if the store has changed the list too, as a union with the store's version.
func (r *restoring) version(ctx context.Context, x *restoredList, v *lists.Version) error {
	id, latest := x.settings.ID, x.settings.Latest
	revision, err := r.findNumber(ctx, v, max(latest, x.lost.List.Latest))
	if err != nil {
		return err
	}
	x.settings.Latest = max(latest, x.lost.List.Latest, v.Number)
	v.Layers = x.lost.Layers
	var replaced lists.Version
	var replacedRevision uint64
	if x.now != nil {
		if replaced, replacedRevision, err = lists.Read[lists.Version](ctx, r.store, lists.DocVersion(id, x.now.Version)); err != nil {
			return err
		}
	}
	next, entry := v, x.lost
	switch {
	case x.now == nil, x.before != nil && sameContent(x.before, x.now):
		v.State = lists.Activated
		entry.Version = v.Number
	default: // changed on both sides
		u, err := r.union(ctx, x.now, v, &replaced, x.settings.Latest+1)
		if err != nil {
			return err
		}
		if u == nil { // the store has all of it
			x.settings.Latest = latest
			r.settingsOnly(x)
			return nil
		}
		v.State = lists.Superseded
		r.changes = append(r.changes, lists.Put(lists.DocVersion(id, v.Number), v, revision))
		next, revision, x.settings.Latest = u, 0, u.Number
		entry = *x.now
		entry.Version, entry.Layers, entry.Addresses, entry.Listings = u.Number, u.Layers, u.Addresses, u.Listings
	}
	x.settings.Active = next.Number
	entry.List = x.settings
	if x.now == nil {
		r.next.Lists = append(r.next.Lists, entry)
	} else {
		next.Previous = replaced.Number
		if replaced.Number != next.Number {
			replaced.State = lists.Superseded
			r.changes = append(r.changes, lists.Put(lists.DocVersion(id, replaced.Number), replaced, replacedRevision))
		}
		entry.Suppressions = x.now.Suppressions // those of the lost generation are left out: that makes answers stricter
		*x.now = entry
	}
	r.changes = append(r.changes, lists.Put(lists.DocVersion(id, next.Number), next, revision), lists.Put(lists.DocList(id), x.settings, x.revision))
	r.out.Lists = append(r.out.Lists, id)
	return r.fresh(ctx, id)
}

// fresh restores how fresh a list is, if the store does not have it.
func (r *restoring) fresh(ctx context.Context, id string) error {
	if _, err := r.store.Get(ctx, lists.DocFresh(id)); !fault.Is(err, fault.NotFound) {
		return err
	}
	if fresh, _, err := lists.Read[lists.Fresh](ctx, r.from, lists.DocFresh(id)); err == nil {
		r.changes = append(r.changes, lists.Put(lists.DocFresh(id), fresh, 0))
	}
	return nil
}

// settings restores settings that the lost generation changed and that were not changed since.
func (r *restoring) settings(now, was *lists.List, before *lists.Active) (changed bool) {
	same := func(a, b lists.List) bool {
		a.Active, a.Latest, b.Active, b.Latest = 0, 0, 0, 0
		return string(lists.Put("", a, 0).Value) == string(lists.Put("", b, 0).Value)
	}
	if same(*now, *was) || before != nil && same(before.List, *was) {
		return false
	}
	if before == nil || !same(before.List, *now) {
		note(r.out, "list %s keeps the settings of the store: those of the lost generation differ, compare them", now.ID)
		return false
	}
	active, latest := now.Active, now.Latest
	*now = *was
	now.Active, now.Latest = active, latest
	return true
}

// sameContent reports whether two entries have the same listings.
func sameContent(a, b *lists.Active) bool {
	return a.Version == b.Version && slices.Equal(layerIDs(a.Layers), layerIDs(b.Layers))
}

// copyLayers writes the layers of a lost list that the store does not have.
func (r *restoring) copyLayers(ctx context.Context, was *lists.Active) error {
	for _, layer := range was.Layers {
		there, err := lists.Complete(ctx, r.store, layer.ID)
		if err != nil {
			return err
		}
		if there {
			continue
		}
		if here, err := lists.Complete(ctx, r.from, layer.ID); err != nil || !here {
			return fault.E(fault.Conflict, "list %s cannot be restored: layer %s with %d listings of file %q is in neither the store nor the cache "+
				"(it is larger than what --resident holds); load %s again", was.List.ID, layer.ID, layer.Listings, layer.File, was.File)
		}
		if err := lists.CopyLayer(ctx, r.from, r.store, layer); err != nil {
			return err
		}
		r.out.Layers++
		if err := copyBlob(ctx, r.from, r.store, lists.BlobFilter(layer.ID)); err != nil && !fault.Is(err, fault.NotFound) { // a missing filter is built again
			return err
		}
	}
	return nil
}

// findNumber gives a lost version a new number if another version has its number now, and returns the revision of its document.
func (r *restoring) findNumber(ctx context.Context, v *lists.Version, latest int) (revision uint64, err error) {
	stored, revision, err := lists.Read[lists.Version](ctx, r.store, lists.DocVersion(v.List, v.Number))
	switch {
	case fault.Is(err, fault.NotFound):
		return 0, nil
	case err != nil:
		return 0, err
	case stored.SHA256 != v.SHA256 || !stored.UploadedAt.Equal(v.UploadedAt):
		v.Number = latest + 1
		return 0, nil
	}
	return revision, nil
}

// union makes a version of the listings of the store and those that only the lost version has. It returns nil if there are none of the latter.
func (r *restoring) union(ctx context.Context, now *lists.Active, lost, stored *lists.Version, number int) (*lists.Version, error) {
	u := *stored
	u.Number, u.Mode, u.State = number, lists.Add, lists.Activated
	u.File, u.SHA256, u.SizeBytes, u.Rows, u.Diff = lost.File, lost.SHA256, lost.SizeBytes, lists.Rows{}, lists.DiffCounts{Against: stored.Number}
	u.UploadedBy, u.UploadedAt, u.Approvals, u.Override = r.by, r.now().UTC(), []lists.Approval{}, nil
	u.Warnings, u.Guards, u.Sources = []lists.Finding{}, []lists.Finding{}, []string{}
	at := u.UploadedAt
	u.Activated = &at
	u.Note = fmt.Sprintf("restored: what version %d of lost generation %d had and version %d does not have", lost.Number, r.lost.Number, stored.Number)
	layer, removals, err := r.builder.Addition(ctx, &now.List, now.Layers, lost, &u)
	if err != nil {
		return nil, err
	}
	if removals > 0 {
		note(r.out, "list %s: %d listings that the lost generation had removed stay listed", now.List.ID, removals)
	}
	if layer.Keys == 0 {
		return nil, nil
	}
	u.Layers = append(slices.Clone(now.Layers), layer)
	r.out.Layers++
	r.layers = append(r.layers, layer.ID)
	return &u, nil
}

func layerIDs(layers []lists.Layer) []string {
	out := make([]string, len(layers))
	for i := range layers {
		out[i] = layers[i].ID
	}
	return out
}

func copyBlob(ctx context.Context, from, to lists.Store, name string) error {
	b, err := from.OpenBlob(ctx, name)
	if err != nil {
		return err
	}
	defer b.Close()
	return to.PutBlob(ctx, name, io.Reader(b))
}
