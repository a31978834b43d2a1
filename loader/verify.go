package loader

import (
	"context"
	"errors"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/lists/lease"
)

// verifyEvery is how often the layers of the current generation are read whole to find damage. Ten million addresses in Redis take
// five seconds.
const verifyEvery = time.Hour

// Verify reads all layers of the current generation. Rebuild then also rebuilds a list with a damaged layer. The error is that of a
// store that cannot be read.
func (l *Loader) Verify(ctx context.Context) error {
	g, _, err := lists.Current(ctx, l.store)
	if err != nil {
		return err
	}
	found := map[string]bool{}
	for i := range g.Lists {
		for _, layer := range g.Lists[i].Layers {
			err := lists.VerifyLayer(ctx, l.store, layer)
			var damaged *lists.DamagedError
			switch {
			case errors.As(err, &damaged):
				found[layer.ID] = true
				l.log.Error("a layer is damaged", "list", g.Lists[i].List.ID, "layer", layer.ID, "error", err)
			case err != nil:
				return err
			}
		}
	}
	l.damaged.Store(&found)
	return nil
}

// verifyDue verifies the layers if no process has done so for verifyEvery. turn keeps two processes from doing it at once.
func (l *Loader) verifyDue(ctx context.Context, turn *lease.Lease) error {
	last, revision, err := lists.Read[lists.Verified](ctx, l.store, lists.DocVerified)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if l.now().Sub(last.At) < verifyEvery {
		return nil
	}
	taken, err := turn.Take(ctx)
	if err != nil || !taken {
		return err
	}
	turn.While(ctx, func(ctx context.Context) {
		if err = l.Verify(ctx); err == nil {
			err = l.store.Commit(ctx, lists.Put(lists.DocVerified, lists.Verified{At: l.now().UTC()}, revision))
		}
	})
	return err
}

// anyDamaged reports whether the last Verify found one of the layers damaged.
func (l *Loader) anyDamaged(layers []lists.Layer) bool {
	found := l.damaged.Load()
	if found == nil {
		return false
	}
	for _, layer := range layers {
		if (*found)[layer.ID] {
			return true
		}
	}
	return false
}

// needsRebuild reports whether a version with these layers is to be read again from its kept source.
func (l *Loader) needsRebuild(layers []lists.Layer) bool {
	return lists.Outdated(layers) || l.anyDamaged(layers)
}

// sameCounts compares a version that was read again with its report. It replaces holdsAll where the old layers cannot be read.
func sameCounts(v, built *lists.Version) error {
	if built.Addresses == v.Addresses && built.Listings == v.Listings {
		return nil
	}
	return fault.E(fault.Conflict, "read again, %s would have %d addresses and %d listings instead of %d and %d: load list %s again",
		describe(v), built.Addresses, built.Listings, v.Addresses, v.Listings, v.List)
}

// layersBefore returns the layers of the version that u replaced. They date the listings that both have. It returns none if they are
// gone or damaged: then all listings of u count as new in it.
func (l *Loader) layersBefore(ctx context.Context, u *lists.Version) ([]lists.Layer, error) {
	if u.Diff.Against == 0 {
		return nil, nil
	}
	old, _, err := lists.Read[lists.Version](ctx, l.store, lists.DocVersion(u.List, u.Diff.Against))
	if fault.Is(err, fault.NotFound) || err == nil && old.Forgotten {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, layer := range old.Layers {
		var damaged *lists.DamagedError
		if err := lists.VerifyLayer(ctx, l.store, layer); errors.As(err, &damaged) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
	}
	return old.Layers, nil
}
