package edge

import (
	"context"
	"slices"
	"strings"

	"interdict/lists"
)

// Guard returns a store that refuses changes of its lists: they are those of the server that is followed. Keys, accounts and all else can be changed.
func Guard(s lists.Store) lists.Store { return guarded{s} }

type guarded struct{ lists.Store }

// guardedPrefixes are the prefixes of documents that say what the lists are, or wait to change them.
var guardedPrefixes = slices.Concat(followedPrefixes, []string{lists.DocHead, lists.DocGenerations, lists.DocRestored, lists.DocRefresh(""), lists.DocAllDeltas})

func (g guarded) Commit(ctx context.Context, changes ...lists.Change) error {
	for _, c := range changes {
		if slices.ContainsFunc(guardedPrefixes, func(prefix string) bool { return strings.HasPrefix(c.Key, prefix) }) {
			return g.refuse(ctx)
		}
	}
	return g.Store.Commit(ctx, changes...)
}

func (g guarded) CreateLayer(ctx context.Context, _ string, _ int) (lists.LayerWriter, error) {
	return nil, g.refuse(ctx)
}

func (g guarded) DropLayer(ctx context.Context, _ string) error { return g.refuse(ctx) }

// refuse returns a *lists.FollowedError.
func (g guarded) refuse(ctx context.Context) error {
	origin := "another server"
	if f, err := lists.ReadFollowed(ctx, g.Store); err == nil && f != nil {
		origin = f.Origin
	}
	return &lists.FollowedError{Origin: origin}
}

// Unguarded returns the store that Guard was given; guarded is false if it was not.
func Unguarded(s lists.Store) (inner lists.Store, isGuarded bool) {
	if g, ok := s.(guarded); ok {
		return g.Store, true
	}
	return s, false
}

// GuardFollowed is Guard if the lists of the store are those of another server.
func GuardFollowed(ctx context.Context, s lists.Store) (lists.Store, error) {
	f, err := lists.ReadFollowed(ctx, s)
	if err != nil || f == nil {
		return s, err
	}
	return Guard(s), nil
}
