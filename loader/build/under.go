package build

import (
	"context"
	"slices"

	"interdict/lists"
	"interdict/lists/address"
)

// ListingsUnder returns the listings of references that stand under keys of a version: element i of both. settings are those of the list.
func ListingsUnder(ctx context.Context, store lists.Store, settings *lists.List, layers []lists.Layer, keys []address.Key, refs []lists.StackRef) ([]lists.Listing, error) {
	s := newStack(settings, layers)
	if err := s.load(ctx, store, slices.Values([][]lists.StackRef{refs})); err != nil {
		return nil, err
	}
	out := make([]lists.Listing, len(refs))
	for i := range refs {
		out[i] = s.listing(keys[i], &refs[i])
	}
	return out, nil
}
