package loader

import (
	"context"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader/build"
)

// Reader reads lists, their versions and generations from a store. It changes nothing.
type Reader struct{ store lists.Store }

// Diff compares a version of a list with another one (0: with nothing). It yields the listings that differ and returns the counts.
func (r *Reader) Diff(ctx context.Context, list string, against, number int, yield func(build.DiffRow) error) (lists.DiffCounts, error) {
	settings, v, _, err := r.versionForChange(ctx, list, number)
	if err != nil {
		return lists.DiffCounts{}, err
	}
	var old *lists.Version
	if against != 0 {
		if _, old, _, err = r.versionForChange(ctx, list, against); err != nil {
			return lists.DiffCounts{}, err
		}
	}
	for _, x := range []*lists.Version{v, old} {
		if x != nil && len(x.Layers) == 0 {
			return lists.DiffCounts{}, noLayersError(x)
		}
	}
	c, err := build.Compare(ctx, r.store, settings, old, v, yield)
	return c.DiffCounts, err
}

// noLayersError is the error for a version without layers.
func noLayersError(v *lists.Version) error {
	if v.Forgotten {
		return fault.E(fault.Conflict, "only the published file of %s is kept (the list's setting keep): export it as published and load it again", describe(v))
	}
	return fault.E(fault.Conflict, "%s is %s and has no listings", describe(v), v.State)
}

// Listings yields all listings of a version, in the order of their keys.
func (r *Reader) Listings(ctx context.Context, list string, number int, yield func(lists.Listing) error) error {
	settings, v, _, err := r.versionForChange(ctx, list, number)
	if err != nil {
		return err
	}
	if len(v.Layers) == 0 {
		return noLayersError(v)
	}
	return build.Listings(ctx, r.store, settings, v, yield)
}

// Quarantine yields the rows of a version's upload that could not be read, in the order of the file.
func (r *Reader) Quarantine(ctx context.Context, list string, number int, yield func(lists.Quarantined) error) error {
	_, v, _, err := r.versionForChange(ctx, list, number)
	if err != nil {
		return err
	}
	if v.Rows.Quarantined == 0 {
		return nil
	}
	b, err := r.store.OpenBlob(ctx, lists.BlobQuarantine(list, number))
	if err != nil {
		return err
	}
	defer b.Close()
	return build.ReadQuarantine(b, yield)
}

// Lists reads all lists with the time they were last known to be fresh.
func (r *Reader) Lists(ctx context.Context) ([]lists.List, map[string]time.Time, error) {
	all, err := lists.ReadAll[lists.List](ctx, r.store, lists.DocLists)
	if err != nil {
		return nil, nil, err
	}
	fresh := map[string]time.Time{}
	for _, x := range all {
		f, _, err := lists.Read[lists.Fresh](ctx, r.store, lists.DocFresh(x.ID))
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, nil, err
		}
		fresh[x.ID] = f.At
	}
	return all, fresh, nil
}

// List reads one list with the time it was last known to be fresh.
func (r *Reader) List(ctx context.Context, id string) (*lists.List, time.Time, error) {
	x, _, err := lists.Read[lists.List](ctx, r.store, lists.DocList(id))
	if err != nil {
		return nil, time.Time{}, notFound(err, "list %s", address.Quote(id))
	}
	f, _, err := lists.Read[lists.Fresh](ctx, r.store, lists.DocFresh(id))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, time.Time{}, err
	}
	return &x, f.At, nil
}

// Revision returns the revision of a list's settings, for ChangeOptions.Match.
func (r *Reader) Revision(ctx context.Context, id string) (uint64, error) {
	d, err := r.store.Get(ctx, lists.DocList(id))
	return d.Revision, notFound(err, "list %s", address.Quote(id))
}

// Version reads one version.
func (r *Reader) Version(ctx context.Context, list string, number int) (*lists.Version, error) {
	settings, v, _, err := r.versionForChange(ctx, list, number)
	if err != nil {
		return nil, err
	}
	setMeans(settings, v)
	return v, nil
}

// Versions reads all versions of a list, the oldest first.
func (r *Reader) Versions(ctx context.Context, list string) ([]lists.Version, error) {
	settings, _, err := lists.Read[lists.List](ctx, r.store, lists.DocList(list))
	if err != nil {
		return nil, notFound(err, "list %s", address.Quote(list))
	}
	all, err := lists.ReadAll[lists.Version](ctx, r.store, lists.DocVersions(list))
	for i := range all {
		setMeans(&settings, &all[i])
	}
	return all, err
}

// Generation reads one generation; number 0 is the current one.
func (r *Reader) Generation(ctx context.Context, number int) (*lists.Generation, error) {
	if number == 0 {
		g, _, err := lists.Current(ctx, r.store)
		if err == nil && g.Number == 0 {
			err = fault.E(fault.NotLoaded, "no version has been activated yet")
		}
		return &g, err
	}
	g, _, err := lists.Read[lists.Generation](ctx, r.store, lists.DocGeneration(number))
	return &g, notFound(err, "generation %d", number)
}

// Generations reads all generations, the oldest first.
func (r *Reader) Generations(ctx context.Context) ([]lists.Generation, error) {
	return lists.ReadAll[lists.Generation](ctx, r.store, lists.DocGenerations)
}
