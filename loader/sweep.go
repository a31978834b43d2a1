package loader

import (
	"context"
	"maps"
	"slices"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// What uploads leave behind is deleted after each of them, and by every server now and then. What cannot be deleted is tried again later.

const (
	// abandoned is the age from which a layer that no version names is deleted: the upload of a younger one may still be running.
	abandoned = 24 * time.Hour
	// grace is how long the layers of an older generation stay: a replica may still answer from it.
	grace      = 10 * time.Minute
	sweepEvery = time.Minute
)

func (l *Loader) sweep(ctx context.Context) {
	if err := l.sweepAll(ctx); err != nil && ctx.Err() == nil {
		l.log.Warn("what old uploads left was not deleted; it is tried again", "error", err)
	}
}

func (l *Loader) sweepAll(ctx context.Context) error {
	docs, err := l.store.Scan(ctx, lists.DocAllVersions)
	if err != nil {
		return err
	}
	versions := make([]lists.Version, len(docs))
	for i, d := range docs {
		if versions[i], err = lists.Decode[lists.Version](d); err != nil {
			return err
		}
		if err := l.failInterrupted(ctx, &versions[i], d.Revision); err != nil {
			return err
		}
	}
	if err := l.dropOld(ctx, versions, docs); err != nil {
		return err
	}
	layers, err := l.store.Layers(ctx)
	if err != nil {
		return err
	}
	old := l.now().Add(-abandoned)
	maps.DeleteFunc(layers, func(_ string, created time.Time) bool { return created.After(old) })
	for _, v := range versions {
		for _, layer := range v.Layers {
			delete(layers, layer.ID)
		}
	}
	for id := range layers {
		l.drop(ctx, id)
	}
	return nil
}

// failInterrupted marks an upload as failed if its process has ended before it was read.
func (l *Loader) failInterrupted(ctx context.Context, v *lists.Version, revision uint64) error {
	last := v.UploadedAt
	if v.Progress != nil {
		last = v.Progress.At
	}
	if v.State != lists.Loading || l.now().Sub(last) < interrupted {
		return nil
	}
	c := &lists.Event{Action: "stage", By: v.UploadedBy, List: v.List, Version: v.Number, SHA256: v.SHA256}
	v.State, v.Progress, v.Error = lists.Failed, nil, "the process that read the upload ended; upload the file again"
	err := l.store.Commit(ctx, lists.Put(lists.DocVersion(v.List, v.Number), v, revision))
	if fault.Is(err, fault.Conflict) {
		return nil // it goes on, or another process has marked it
	}
	if err == nil {
		l.ledger.End(c, fault.E(fault.Unavailable, "%s", v.Error))
	}
	return err
}

// dropOld drops the layers of versions that a list no longer keeps. Their reports and their uploaded bytes stay.
func (l *Loader) dropOld(ctx context.Context, versions []lists.Version, docs []lists.Doc) error {
	all, err := lists.ReadAll[lists.List](ctx, l.store, lists.DocLists)
	if err != nil {
		return err
	}
	needed, err := l.inUse(ctx)
	if err != nil {
		return err
	}
	keep := map[string]int{}
	rollback := map[string]int{}
	for _, x := range all {
		keep[x.ID] = x.KeepVersions()
		for _, v := range versions {
			if v.List == x.ID && v.Number == x.Active {
				rollback[x.ID] = v.Previous
			}
		}
	}
	var gone []int
	for i := len(versions) - 1; i >= 0; i-- { // the newest first
		v := &versions[i]
		if len(v.Layers) == 0 {
			continue
		}
		over := v.State == lists.Rejected
		if v.State == lists.Superseded && v.Number != rollback[v.List] {
			keep[v.List]--
			over = keep[v.List] < 0
		}
		if over && !slices.ContainsFunc(v.Layers, func(x lists.Layer) bool { return needed[x.ID] == inGeneration }) {
			gone = append(gone, i)
			continue
		}
		for _, x := range v.Layers {
			needed[x.ID] = max(needed[x.ID], inVersion)
		}
	}
	for _, i := range gone {
		v := &versions[i]
		layers := v.Layers
		v.Layers, v.Forgotten = []lists.Layer{}, true
		if err := l.store.Commit(ctx, lists.Put(docs[i].Key, v, docs[i].Revision)); err != nil {
			if fault.Is(err, fault.Conflict) {
				continue
			}
			return err
		}
		for _, x := range layers {
			if needed[x.ID] == 0 {
				l.drop(ctx, x.ID)
			}
		}
	}
	return nil
}

const (
	inVersion    = 1 + iota // a version that is kept needs the layer
	inGeneration            // answers come from it, or did within the grace
)

// inUse returns the layers of the current generation, and of those that were current within the grace.
func (l *Loader) inUse(ctx context.Context) (map[string]int, error) {
	needed := map[string]int{}
	g, _, err := lists.Current(ctx, l.store)
	for err == nil && g.Number > 0 {
		for _, a := range g.Lists {
			for _, x := range a.Layers {
				needed[x.ID] = inGeneration
			}
		}
		if l.now().Sub(g.At) > grace { // the one before was replaced longer ago than that
			break
		}
		g, _, err = lists.Read[lists.Generation](ctx, l.store, lists.DocGeneration(g.Number-1))
		if fault.Is(err, fault.NotFound) {
			return needed, nil
		}
	}
	return needed, err
}
