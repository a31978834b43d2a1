package auth

import (
	"context"
	"sync/atomic"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// use is when a key was last used on this server, in Unix seconds.
type use struct{ at, stored atomic.Int64 }

// lastUse is the document with the time of a key's last use.
type lastUse struct {
	At time.Time `json:"at"`
}

// useInterval is how often the last use of a key is stored.
const useInterval = time.Minute

// StoreUses stores when keys were last used, at most once a minute for each key.
func (k *Keys) StoreUses(ctx context.Context) error {
	r := k.current.Load()
	if r == nil {
		return nil
	}
	for id, p := range r.byID {
		at, stored := p.used.at.Load(), p.used.stored.Load()
		if at == 0 || at-stored < int64(useInterval/time.Second) {
			continue
		}
		if err := k.store.Commit(ctx, lists.Put(lists.DocUse(id), lastUse{time.Unix(at, 0).UTC()}, lists.AnyRevision)); err != nil {
			return err
		}
		p.used.stored.Store(at)
	}
	return nil
}

// LastUses returns when each key was last used, as far as the servers have stored it.
func LastUses(ctx context.Context, store lists.Store, keys []lists.Key) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	for _, k := range keys {
		u, _, err := lists.Read[lastUse](ctx, store, lists.DocUse(k.ID))
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		if err == nil {
			out[k.ID] = u.At
		}
	}
	return out, nil
}
