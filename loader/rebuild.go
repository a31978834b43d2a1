package loader

import (
	"context"
	"fmt"
	"slices"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/lists/lease"
	"interdict/loader/build"
	"interdict/loader/formats"
)

// A layer stores an upload under the identity rules of the program that read it (Layer.Rules). A newer program screens under newer rules, and
// could look a listing up under another key than it is stored under. So the stored bytes of every upload are read again:
//
//	version ── its uploads: a whole list, then additions and removals ── each read again ── new layers
//	   └─ one Commit: the version and the next generation name the new layers; until then answers come from the old ones

// rebuildRetry is how long after its first failure a rebuild is tried again; every further failure doubles that, up to rebuildRetryMax.
const (
	rebuildRetry    = time.Minute
	rebuildRetryMax = time.Hour
	rebuildEvery    = 10 * time.Second
)

// Rebuild reads the active version of a list again if its layers were built under older identity rules, or if Verify found one of them
// damaged. Its number, its suppressions and its report stay. done is false when there was nothing to do.
func (l *Loader) Rebuild(ctx context.Context, list, by string) (done bool, err error) {
	settings, _, err := lists.Read[lists.List](ctx, l.store, lists.DocList(list))
	if err != nil {
		return false, notFound(err, "list %s", address.Quote(list))
	}
	v, err := l.activeVersion(ctx, &settings)
	if err != nil || v == nil || !l.needsRebuild(v.Layers) {
		return false, err
	}
	c := &lists.Event{Action: "rebuild", By: by, List: list, Version: v.Number, SHA256: v.SHA256}
	err = l.ledger.Do(c, func() error {
		return l.rebuild(ctx, &settings, v, func(now *lists.Version) ([]lists.Change, error) {
			if now.State != lists.Activated {
				return nil, fault.E(fault.Conflict, "%s is no longer active", describe(now))
			}
			g, head, err := l.nextGeneration(ctx, "rebuild", list, by, fmt.Sprintf("identity rules %d", address.Rules))
			if err != nil {
				return nil, err
			}
			for i := range g.Lists {
				if a := &g.Lists[i]; a.List.ID == list {
					a.Layers, a.Addresses, a.Listings = now.Layers, now.Addresses, now.Listings
				}
			}
			c.Generation = g.Number
			return generationChanges(g, head), nil
		})
	})
	return err == nil, err
}

// rebuildBefore does the same for a version that is about to be activated.
func (l *Loader) rebuildBefore(ctx context.Context, list string, number int) error {
	settings, v, _, err := l.versionForChange(ctx, list, number)
	if err != nil || v.State == lists.Activated || !lists.Outdated(v.Layers) {
		return err
	}
	return l.rebuild(ctx, settings, v, func(*lists.Version) ([]lists.Change, error) { return nil, nil })
}

// rebuild reads a version again and commits it on its new layers, with further changes.
func (l *Loader) rebuild(ctx context.Context, settings *lists.List, v *lists.Version, further func(*lists.Version) ([]lists.Change, error)) error {
	built, err := l.rebuilt(ctx, settings, v)
	if err != nil {
		return fault.E(fault.KindOf(err), "rebuild %s: %w; load list %s again", describe(v), err, v.List)
	}
	if l.anyDamaged(v.Layers) {
		err = sameCounts(v, built)
	} else {
		err = l.holdsAll(ctx, settings, v, built)
	}
	if err == nil {
		err = lists.Retry(ctx, func() error {
			_, now, revs, err := l.versionForChange(ctx, v.List, v.Number)
			if err != nil {
				return err
			}
			if !slices.Equal(layerIDs(now.Layers), layerIDs(v.Layers)) {
				return fault.E(fault.Conflict, "%s has changed while it was rebuilt", describe(v))
			}
			now.Layers, now.Addresses, now.Listings, now.Raw = built.Layers, built.Addresses, built.Listings, built.Raw
			changes, err := further(now)
			if err != nil {
				return err
			}
			return lists.TryCommit(ctx, l.store, append(changes, lists.Put(lists.DocVersion(v.List, v.Number), now, revs.version))...)
		})
	}
	if err != nil {
		l.dropAll(context.WithoutCancel(ctx), built.Layers)
	}
	return err
}

// holdsAll returns an error if an address of a version is not found in the version that was read again. That happens if the bytes were first
// read with a mapping that was not recorded.
func (l *Loader) holdsAll(ctx context.Context, settings *lists.List, v, built *lists.Version) error {
	var keys []address.Key
	var texts []string
	check := func() error {
		found, err := lists.LookupStack(ctx, l.store, built.Layers, keys)
		if err != nil {
			return err
		}
		missing := map[string]bool{}
		for _, text := range texts {
			missing[text] = true
		}
		for i := range found {
			if slices.ContainsFunc(found[i], func(r lists.StackRef) bool { return r.Role == 0 }) {
				delete(missing, texts[i])
			}
		}
		for text := range missing {
			return fault.E(fault.Conflict, "read again, %s would not hold %s: load list %s again", describe(v), address.Quote(text), v.List)
		}
		keys, texts = keys[:0], texts[:0]
		return nil
	}
	_, err := build.Compare(ctx, l.store, settings, v, built, func(row build.DiffRow) error {
		if row.Change != "removed" {
			return nil
		}
		for _, text := range textsOf(&row.Listing) {
			readings, _, err := address.ParseListed(nil, text, row.Listing.Network, row.Listing.Asset)
			if build.IsSecret(text, err) {
				continue // it is not kept any more
			}
			if err != nil {
				readings = []address.Address{{Key: address.RawKey(text)}}
			}
			for i := range readings {
				keys, texts = append(keys, readings[i].Key), append(texts, text)
			}
		}
		if len(keys) < 1000 {
			return nil
		}
		return check()
	})
	if err == nil {
		err = check()
	}
	return err
}

// textsOf returns what the rebuilt version must hold in place of a listing that it does not hold: the address, or, for a text that did not
// read and is cut into addresses now ("T…; 0x…"), each of them.
func textsOf(x *lists.Listing) []string {
	if _, _, err := address.ParseListed(nil, x.Address, x.Network, x.Asset); err != nil {
		if held := formats.Addresses(x.Address); len(held) > 0 {
			return held
		}
	}
	return []string{x.Address}
}

// rebuilt reads the uploads of a version again and returns the version with new layers, which no document names yet.
func (l *Loader) rebuilt(ctx context.Context, settings *lists.List, v *lists.Version) (*lists.Version, error) {
	uploads, err := l.uploadsOf(ctx, v)
	if err != nil {
		return nil, err
	}
	var made []lists.Layer
	err = func() error {
		var below *lists.Version
		for i := range uploads {
			u := &uploads[i]
			before := u.Layers
			if i == 0 {
				if before, err = l.layersToDate(ctx, v, u); err != nil {
					return err
				}
			}
			if err := l.readAgain(ctx, settings, below, u, before); err != nil {
				return err
			}
			made = append(made, u.Layers[len(u.Layers)-1])
			below = u
		}
		if len(below.Layers) > maxLayers {
			layer, err := l.builder.Merge(ctx, below, 0)
			if err != nil {
				return err
			}
			made, below.Layers = append(made, layer), []lists.Layer{layer}
		}
		return nil
	}()
	last := &uploads[len(uploads)-1]
	unused := slices.DeleteFunc(made, func(x lists.Layer) bool { return err == nil && slices.Contains(layerIDs(last.Layers), x.ID) })
	l.dropAll(context.WithoutCancel(ctx), unused)
	if err != nil {
		return nil, err
	}
	return last, nil
}

// uploadsOf returns the versions whose uploads a version consists of: a whole list, then what was added to it and removed from it.
func (r *Reader) uploadsOf(ctx context.Context, v *lists.Version) ([]lists.Version, error) {
	kept, err := r.store.Blobs(ctx)
	if err != nil {
		return nil, err
	}
	var uploads []lists.Version
	for u := *v; ; {
		for _, source := range u.Sources {
			if !slices.Contains(kept, source) {
				return nil, fault.E(fault.Conflict, "the bytes of version %d (%s) are not kept", u.Number, u.File)
			}
		}
		uploads = append(uploads, u)
		below := u.BuiltOn()
		if below == 0 {
			slices.Reverse(uploads)
			return uploads, nil
		}
		if u, _, err = lists.Read[lists.Version](ctx, r.store, lists.DocVersion(v.List, below)); err != nil {
			return nil, fault.E(fault.KindOf(err), "read version %d, which it is based on: %w", below, err)
		}
	}
}

// readAgain builds the layer of one upload on top of another version, which was read again before; nil for none.
func (l *Loader) readAgain(ctx context.Context, settings *lists.List, below, u *lists.Version, before []lists.Layer) error {
	report := *u
	u.Diff, u.Guards, u.Warnings = lists.DiffCounts{}, nil, nil
	u.Addresses, u.Listings, u.Raw = 0, 0, 0
	in := &build.Input{List: settings, Active: below, Last: below, Format: report.Format, Published: u.Published, Again: true, Earlier: before}
	if u.Reading != nil {
		in.Mapping = u.Reading.Mapping
	}
	var err error
	if in.Dates, err = l.deltaDatesOf(ctx, u.List, u.Reading); err != nil {
		return err
	}
	err = l.inTurn(ctx, func() (err error) {
		if in.Files, err = l.builder.Reopen(ctx, u); err != nil {
			return err
		}
		defer in.Files.Close()
		result, err := l.builder.Layer(ctx, in, u)
		if err == nil {
			result.Close()
		}
		return err
	})
	if err != nil {
		return fault.E(fault.KindOf(err), "read %s again: %w", report.File, err)
	}
	layers, addresses, listings, raw := u.Layers, u.Addresses, u.Listings, u.Raw
	*u = report
	u.Layers, u.Addresses, u.Listings, u.Raw = layers, addresses, listings, raw
	return nil
}

func (l *Loader) dropAll(ctx context.Context, layers []lists.Layer) {
	for _, x := range layers {
		l.drop(ctx, x.ID)
	}
}

// Rebuilds rebuilds the lists of the current generation that need it, in the background, until ctx ends. One of the processes on a store does
// it; owner names this one. A list that cannot be rebuilt stays on its old layers and is tried again later.
func (l *Loader) Rebuilds(ctx context.Context, owner string) {
	turn := lease.New(l.store, "rebuild", owner, lease.TTL, l.now)
	tries := map[string]attempt{}
	tick := time.NewTicker(rebuildEvery)
	defer tick.Stop()
	for {
		err := l.verifyDue(ctx, turn)
		if err == nil {
			err = l.rebuildAll(ctx, turn, tries)
		}
		if ctx.Err() != nil {
			return
		}
		l.rebuildFailed(err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// attempt is how often rebuilding a list has failed, and when it is tried again.
type attempt struct {
	failures int
	next     time.Time
	err      error
}

// rebuildAll rebuilds what is due. The error is that of a list that cannot be rebuilt.
func (l *Loader) rebuildAll(ctx context.Context, turn *lease.Lease, tries map[string]attempt) (failed error) {
	due, err := l.outdated(ctx)
	if err != nil || len(due) == 0 {
		return err
	}
	for _, list := range due {
		if failed == nil {
			failed = tries[list].err
		}
	}
	due = slices.DeleteFunc(due, func(list string) bool { return l.now().Before(tries[list].next) })
	if len(due) == 0 {
		return failed
	}
	// A server with an older program would not find listings under newer rules: it must be stopped first.
	if err := l.checkReplicaRules(ctx); err != nil {
		return err
	}
	taken, err := turn.Take(ctx)
	if err != nil || !taken {
		return err
	}
	failed = nil
	turn.While(ctx, func(ctx context.Context) {
		for _, list := range due {
			start := time.Now()
			done, err := l.Rebuild(ctx, list, "system")
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				t := tries[list]
				wait := min(rebuildRetry<<min(t.failures, 10), rebuildRetryMax)
				tries[list] = attempt{t.failures + 1, l.now().Add(wait), err}
				l.log.Error("a list could not be rebuilt; answers come from its old layers", "list", list, "error", err, "again_in", wait)
				failed = err
			default:
				delete(tries, list)
				if done {
					l.log.Info("a list was rebuilt", "list", list, "rules", address.Rules, "took", time.Since(start).Round(time.Millisecond))
				}
			}
		}
	})
	return failed
}

// outdated returns the lists of the current generation with layers of older rules, or with damaged ones.
func (l *Loader) outdated(ctx context.Context) (due []string, err error) {
	g, _, err := lists.Current(ctx, l.store)
	if err != nil {
		return nil, err
	}
	for i := range g.Lists {
		if l.needsRebuild(g.Lists[i].Layers) {
			due = append(due, g.Lists[i].List.ID)
		}
	}
	return due, nil
}

// checkReplicaRules returns an error while a live replica runs a program with older identity rules.
func (l *Loader) checkReplicaRules(ctx context.Context) error {
	live, err := lists.Replicas(ctx, l.store, l.now())
	if err != nil {
		return err
	}
	for _, r := range live {
		if r.Rules < address.Rules {
			return fault.E(fault.Conflict, "replica %s runs an older program, with identity rules %d: upgrade it first", r.ID, r.Rules)
		}
	}
	return nil
}

// RebuildError returns why a list cannot be rebuilt, as far as this process knows; nil if none failed.
func (l *Loader) RebuildError() error {
	if p := l.rebuildError.Load(); p != nil {
		return *p
	}
	return nil
}

func (l *Loader) rebuildFailed(err error) {
	if err == nil {
		l.rebuildError.Store(nil)
		return
	}
	l.rebuildError.Store(&err)
}
