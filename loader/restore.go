package loader

import (
	"context"
	"io"
	"slices"
	"strings"

	"interdict/lists"
	"interdict/lists/fault"
)

// A failover of Redis can lose a commit that was acknowledged. Replicas go on serving what they have, and nothing is activated on top of
// the gap (nextGeneration refuses) until what was lost has been put back from the cache of one of them.

// Restored says what Restore has done.
type Restored struct {
	Generation int      `json:"generation"` // that holds both sides; 0: nothing was lost
	Lost       int      `json:"lost"`       // number of the generation that was put back
	Lists      []string `json:"lists"`      // that were put back
	Layers     int      `json:"layers"`     // that had to be copied
}

// Restore puts back what the generation in from holds and the store does not, as a new generation that descends from both. For a list
// that both sides have, the version that was activated later stays; a list that one side only has stays, whichever side retired it: nothing is taken out
// of the answers. What cannot be put back in full is an error, and then nothing changes.
func (l *Loader) Restore(ctx context.Context, from lists.Store, by, reason string) (*Restored, error) {
	if _, _, err := lists.Current(ctx, l.store); err != nil {
		return nil, err
	}
	lost, _, err := lists.Current(ctx, from)
	if err != nil {
		return nil, err
	}
	if lost.Number == 0 {
		return nil, fault.E(fault.Conflict, "the cache holds no generation")
	}
	c := &Change{Action: "restore", By: by, Generation: lost.Number, Reason: cut(strings.TrimSpace(reason), maxField)}
	var out *Restored
	err = l.recorded(c, func() error {
		return retry(ctx, func() (err error) {
			out, err = l.restore(ctx, from, &lost, by, c.Reason)
			return err
		})
	})
	return out, err
}

func (l *Loader) restore(ctx context.Context, from lists.Store, lost *lists.Generation, by, reason string) (*Restored, error) {
	g, head, err := lists.Current(ctx, l.store)
	if err != nil {
		return nil, err
	}
	out := &Restored{Lost: lost.Number, Lists: []string{}}
	contains, err := lists.Descends(ctx, l.store, &g, lost)
	if err != nil || contains {
		return out, err
	}
	changes := []lists.Change{lists.Put(lists.DocLost(lost.ID, lost.Number), lost, lists.AnyRevision)}
	if _, err := l.store.Get(ctx, lists.DocGeneration(lost.Number)); fault.Is(err, fault.NotFound) {
		changes = append(changes, lists.Put(lists.DocGeneration(lost.Number), lost, 0))
	} else if err != nil {
		return nil, err
	}
	// What belongs to no generation, and is gone altogether: keys, the secret they are hashed with, agreed exceptions.
	for _, prefix := range []string{lists.DocPepper, lists.DocKey(""), "suppression/"} {
		docs, err := from.Scan(ctx, prefix)
		if err != nil {
			return nil, err
		}
		for _, d := range docs {
			if _, err := l.store.Get(ctx, d.Key); fault.Is(err, fault.NotFound) {
				changes = append(changes, lists.Change{Key: d.Key, Value: d.Value})
			} else if err != nil {
				return nil, err
			}
		}
	}
	next := g
	next.Number = max(g.Number, lost.Number) + 1
	next.ID, next.Parent, next.Merged = newGenerationID(), g.ID, lost.ID
	next.At, next.By, next.Action, next.List, next.Reason = l.now().UTC(), by, "restore", "", reason
	next.Lists = slices.Clone(g.Lists)
	for i := range lost.Lists {
		more, copied, err := l.restoreList(ctx, from, &next, lost.Lists[i])
		if err != nil {
			return nil, err
		}
		if len(more) > 0 {
			out.Lists = append(out.Lists, lost.Lists[i].List.ID)
		}
		out.Layers += copied
		changes = append(changes, more...)
	}
	slices.SortFunc(next.Lists, func(a, b lists.Active) int { return strings.Compare(a.List.ID, b.List.ID) })
	out.Generation = next.Number
	return out, commit(ctx, l.store, append(changes, generationChanges(next, head)...)...)
}

// restoreList puts one list of the lost generation into the next one, if that is what was activated last.
func (l *Loader) restoreList(ctx context.Context, from lists.Store, next *lists.Generation, was lists.Active) (changes []lists.Change, copied int, err error) {
	id := was.List.ID
	v, _, err := lists.Read[lists.Version](ctx, from, lists.DocVersion(id, was.Version))
	if err != nil {
		return nil, 0, fault.E(fault.KindOf(err), "version %d of %s is not in the cache: %w", was.Version, id, err)
	}
	at := slices.IndexFunc(next.Lists, func(a lists.Active) bool { return a.List.ID == id })
	var now lists.Version
	var nowRevision uint64
	if at >= 0 {
		if now, nowRevision, err = lists.Read[lists.Version](ctx, l.store, lists.DocVersion(id, next.Lists[at].Version)); err != nil {
			return nil, 0, err
		}
		if now.Number == v.Number && now.SHA256 == v.SHA256 && now.UploadedAt.Equal(v.UploadedAt) && slices.Equal(layerIDs(next.Lists[at].Layers), layerIDs(was.Layers)) {
			return nil, 0, nil
		}
		if now.Activated != nil && v.Activated != nil && now.Activated.After(*v.Activated) {
			return nil, 0, nil // something newer is active there
		}
	}
	for _, layer := range was.Layers {
		there, err := lists.Complete(ctx, l.store, layer.ID)
		if err != nil {
			return nil, copied, err
		}
		if there {
			continue
		}
		if here, err := lists.Complete(ctx, from, layer.ID); err != nil || !here {
			return nil, copied, fault.E(fault.Conflict, "list %s cannot be put back: layer %s is in neither the store nor the cache (it is larger than what --resident holds); "+
				"load %s again", id, layer.ID, was.File)
		}
		if err := lists.CopyLayer(ctx, from, l.store, layer); err != nil {
			return nil, copied, err
		}
		copied++
		if err := copyBlob(ctx, from, l.store, lists.BlobFilter(layer.ID)); err != nil && !fault.Is(err, fault.NotFound) { // a missing one is built again
			return nil, copied, err
		}
	}
	settings, settingsRevision, err := lists.Read[lists.List](ctx, l.store, lists.DocList(id))
	if fault.Is(err, fault.NotFound) {
		settings, settingsRevision, err = was.List, 0, nil
	}
	if err != nil {
		return nil, copied, err
	}
	stored, revision, err := lists.Read[lists.Version](ctx, l.store, lists.DocVersion(id, v.Number))
	switch {
	case fault.Is(err, fault.NotFound):
		revision = 0
	case err != nil:
		return nil, copied, err
	case stored.SHA256 != v.SHA256 || !stored.UploadedAt.Equal(v.UploadedAt):
		v.Number, revision = max(settings.Latest, was.List.Latest)+1, 0 // its number was given out again
	}
	v.State, v.Layers = lists.Activated, was.Layers
	if at >= 0 {
		v.Previous = now.Number
		if now.Number != v.Number {
			now.State = lists.Superseded
			changes = append(changes, lists.Put(lists.DocVersion(id, now.Number), now, nowRevision))
		}
	}
	settings.Active, settings.Latest = v.Number, max(settings.Latest, was.List.Latest, v.Number)
	was.List, was.Version = settings, v.Number
	if at >= 0 {
		was.Suppressions = next.Lists[at].Suppressions // those that both sides know: fewer of them make answers stricter
		next.Lists[at] = was
	} else {
		next.Lists = append(next.Lists, was)
	}
	changes = append(changes, lists.Put(lists.DocVersion(id, v.Number), v, revision), lists.Put(lists.DocList(id), settings, settingsRevision))
	if _, err := l.store.Get(ctx, lists.DocFresh(id)); fault.Is(err, fault.NotFound) {
		fresh, _, err := lists.Read[lists.Fresh](ctx, from, lists.DocFresh(id))
		if err == nil {
			changes = append(changes, lists.Put(lists.DocFresh(id), fresh, 0))
		}
	}
	return changes, copied, nil
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
