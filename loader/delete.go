package loader

import (
	"context"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// DeleteList removes a list that never was active, with its versions. A list that once was active is part of the record: it can be
// retired.
func (l *Loader) DeleteList(ctx context.Context, list string, o ChangeOptions) error {
	c := o.event("delete", list)
	var gone []lists.Version
	err := l.ledger.Do(c, func() error {
		return lists.Retry(ctx, func() error {
			settings, revision, err := lists.Read[lists.List](ctx, l.store, lists.DocList(list))
			if err != nil {
				return notFound(err, "list %s", address.Quote(list))
			}
			docs, err := l.store.Scan(ctx, lists.DocVersions(list))
			if err != nil {
				return err
			}
			gone = gone[:0]
			c.Before, _ = lists.Difference(settings.Shown(), struct{}{})
			changes := []lists.Change{{Key: lists.DocList(list), Expect: revision}}
			if _, kept, err := l.keptDeltas(ctx, list); err != nil {
				return err
			} else if kept != 0 {
				changes = append(changes, lists.Change{Key: lists.DocDeltas(list), Expect: kept})
			}
			for _, d := range docs {
				v, revision, err := lists.Read[lists.Version](ctx, l.store, d.Key)
				if err != nil {
					return err
				}
				if v.Activated != nil || settings.Active != 0 {
					return fault.E(fault.Conflict, "list %s has been active, and stays for the record: retire it instead", list)
				}
				if v.State == lists.Loading {
					return fault.E(fault.Conflict, "version %d of list %s is still being read: wait until it is staged", v.Number, list)
				}
				gone = append(gone, v)
				changes = append(changes, lists.Change{Key: d.Key, Expect: revision})
			}
			return lists.TryCommit(ctx, l.store, changes...)
		})
	})
	if err != nil {
		return err
	}
	for _, v := range gone {
		l.dropContent(ctx, &v)
	}
	return nil
}

// dropContent drops the layers and the files of a version that is gone. What cannot be dropped takes up space and does no harm.
func (l *Loader) dropContent(ctx context.Context, v *lists.Version) {
	for _, layer := range v.Layers {
		l.drop(ctx, layer.ID)
	}
	for _, blob := range append(v.Sources, lists.BlobQuarantine(v.List, v.Number)) {
		if err := l.store.DropBlob(ctx, blob); err != nil {
			l.log.Warn("a file of a deleted list could not be dropped", "list", v.List, "file", blob, "error", err)
		}
	}
}
