package webhook

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"interdict/lists"
)

const (
	pruneEvery = time.Hour
	// pruneAfter is how many deliveries end before old ones are deleted: pruning leaves room for as many.
	pruneAfter   = 500
	deleteAtOnce = 200
)

// prune deletes finished deliveries that are old or too many, and what deleted endpoints have left behind.
func (d *Deliverer) prune(ctx context.Context) error {
	endpoints, err := lists.ReadAll[Endpoint](ctx, d.o.Store, lists.DocWebhooks)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for i := range endpoints {
		there[endpoints[i].ID] = true
	}
	finished, err := d.o.Store.Scan(ctx, lists.DocFinished)
	if err != nil {
		return err
	}
	var drop []string
	type ended struct {
		key string
		at  time.Time
	}
	var keep []ended
	old := d.o.Now().Add(-FinishedTTL)
	for _, doc := range finished {
		x, err := lists.Decode[Delivery](doc)
		if err != nil {
			return err
		}
		if !there[x.Endpoint] || x.Finished == nil || x.Finished.Before(old) {
			drop = append(drop, doc.Key)
		} else {
			keep = append(keep, ended{doc.Key, *x.Finished})
		}
	}
	slices.SortFunc(keep, func(a, b ended) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.key, b.key)) })
	for _, x := range keep[:max(0, len(keep)-(MaxFinished-pruneAfter))] {
		drop = append(drop, x.key)
	}
	for _, prefix := range []string{lists.DocWaiting, lists.DocWebhookQueues} {
		docs, err := d.o.Store.Scan(ctx, prefix)
		if err != nil {
			return err
		}
		for _, doc := range docs {
			endpoint, _, _ := strings.Cut(doc.Key[len(prefix):], "/")
			if !there[endpoint] {
				drop = append(drop, doc.Key)
			}
		}
	}
	return deleteAll(ctx, d.o.Store, drop)
}

// deleteAll deletes documents, some at a time.
func deleteAll(ctx context.Context, s lists.Store, keys []string) error {
	for part := range slices.Chunk(keys, deleteAtOnce) {
		changes := make([]lists.Change, len(part))
		for i, key := range part {
			changes[i] = lists.Change{Key: key, Expect: lists.AnyRevision}
		}
		if err := s.Commit(ctx, changes...); err != nil {
			return err
		}
	}
	return nil
}
