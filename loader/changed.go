package loader

import (
	"context"
	"encoding/json"
	"reflect"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader/build"
)

// ChangedBetween yields the keys of every address whose answer may differ between two generations: those that were added, removed or changed, all of
// a list whose settings have changed, and those of suppressions that began or ended. from may be nil: then everything that is active is new. An address may be yielded
// several times. Versions of which only the published file is kept cannot be compared: fault.Conflict.
func (r *Reader) ChangedBetween(ctx context.Context, from, to *lists.Generation, yield func([]address.Key) error) error {
	was, is := map[string]*lists.Active{}, map[string]*lists.Active{}
	for g, into := range map[*lists.Generation]map[string]*lists.Active{from: was, to: is} {
		if g == nil {
			continue
		}
		for i := range g.Lists {
			into[g.Lists[i].List.ID] = &g.Lists[i]
		}
	}
	of := func(l *lists.Listing) error { return yield(ListedKeys(l.Address, l.Network, l.Asset)) }
	for id, now := range is {
		before := was[id]
		if before == nil {
			if err := r.Listings(ctx, id, now.Version, func(l lists.Listing) error { return of(&l) }); err != nil {
				return err
			}
			continue
		}
		if err := r.changedList(ctx, before, now, of); err != nil {
			return err
		}
		if err := changedSuppressions(before, now, yield); err != nil {
			return err
		}
	}
	for id, before := range was {
		if is[id] != nil {
			continue
		}
		if err := r.Listings(ctx, id, before.Version, func(l lists.Listing) error { return of(&l) }); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) changedList(ctx context.Context, before, now *lists.Active, of func(*lists.Listing) error) error {
	id := now.List.ID
	if !sameSettings(&before.List, &now.List) {
		for _, version := range []int{before.Version, now.Version} {
			if err := r.Listings(ctx, id, version, func(l lists.Listing) error { return of(&l) }); err != nil {
				return err
			}
			if before.Version == now.Version {
				break
			}
		}
		return nil
	}
	if before.Version == now.Version {
		return nil
	}
	_, err := r.Diff(ctx, id, before.Version, now.Version, func(d build.DiffRow) error {
		if d.Before != nil {
			if err := of(d.Before); err != nil {
				return err
			}
		}
		return of(&d.Listing)
	})
	return err
}

// sameSettings reports whether two states of a list's settings lead to the same answers.
func sameSettings(a, b *lists.List) bool {
	return a.Category == b.Category && a.Confidence == b.Confidence && reflect.DeepEqual(a.Policy, b.Policy)
}

func changedSuppressions(before, now *lists.Active, yield func([]address.Key) error) error {
	all := map[string]lists.Suppression{}
	counts := map[string]int{}
	for _, side := range [][]lists.Suppression{before.Suppressions, now.Suppressions} {
		for _, s := range side {
			b, err := json.Marshal(s)
			if err != nil {
				return fault.E(fault.Internal, "compare suppressions: %w", err)
			}
			all[string(b)] = s
			counts[string(b)]++
		}
	}
	for text, s := range all {
		if counts[text] == 2 {
			continue
		}
		var keys []address.Key
		for _, id := range s.Identities {
			keys = append(keys, address.Key(id.Key))
		}
		if err := yield(keys); err != nil {
			return err
		}
	}
	return nil
}

// ListedKeys returns the keys under which a listed text is found: those of its readings and their links.
func ListedKeys(text, network, asset string) []address.Key {
	readings, _, err := address.ParseListed(nil, text, network, asset)
	if err != nil {
		return nil
	}
	var keys []address.Key
	for i := range readings {
		keys = append(keys, readings[i].Key)
		for _, l := range address.Links(nil, &readings[i], address.Listed) {
			keys = append(keys, l.Key)
		}
	}
	return keys
}
