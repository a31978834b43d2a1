package api

import (
	"context"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// AllKeys returns all keys, revoked ones included.
func (a *Acting) AllKeys(ctx context.Context) ([]client.Key, error) {
	all, err := auth.List(ctx, a.Store)
	if err != nil {
		return nil, err
	}
	used, err := auth.LastUses(ctx, a.Store, all)
	if err != nil {
		return nil, err
	}
	views := make([]client.Key, len(all))
	for i := range all {
		views[i] = viewKey(&all[i])
		if at, ok := used[all[i].ID]; ok {
			views[i].LastUsed = &at
		}
	}
	return views, nil
}

func viewKey(k *lists.Key) client.Key {
	v := client.Key{ID: k.ID, Name: k.Name, Person: k.Owner(), Roles: roleNames(k.Roles), Lists: k.Lists, CIDRs: k.CIDRs, Expires: k.Expires,
		ChecksPerSecond: k.ChecksPerSecond, Certificate: k.Certificate, DropIn: k.DropIn, CreatedAt: k.CreatedAt, CreatedBy: k.CreatedBy, Setup: k.Setup,
		RotatedAt: k.RotatedAt, OldUntil: k.OldUntil, RevokedAt: k.RevokedAt, RevokedBy: k.RevokedBy}
	return v
}

// keyChange describes a change of a key or an account by this person, without a second one.
func (a *Acting) keyChange(reason string) auth.Change {
	return auth.Change{By: a.person.Actor, Reason: reason, Warrant: lists.Warrant{Alone: a.person.Alone}}
}

// CreateKey makes a key. An approver or administrator, after setup, becomes a proposal: the error is then a *client.Proposed with the text of the
// key, which works once the proposal is approved.
func (a *Acting) CreateKey(ctx context.Context, r client.KeyRequest) (*client.NewKey, error) {
	key := lists.Key{Name: r.Name, Person: r.Person, Roles: rolesOf(r.Roles), Lists: r.Lists, CIDRs: r.CIDRs, Expires: r.Expires,
		ChecksPerSecond: r.ChecksPerSecond, Certificate: r.Certificate, DropIn: r.DropIn}
	text, key, err := a.Keys.Create(ctx, key, a.keyChange(r.Reason))
	if err != nil {
		return nil, handOut(a.propose(ctx, err, r.Reason, nil), func(p *client.Proposed) { p.Key = text })
	}
	return &client.NewKey{Key: viewKey(&key), Text: text}, nil
}

// RotateKey gives a key a new text. The old one works for the overlap ("24h"; "" is a day). The key of another person who can approve becomes a
// proposal, as in CreateKey.
func (a *Acting) RotateKey(ctx context.Context, id string, r client.Rotation) (*client.NewKey, error) {
	if r.Overlap == nil {
		day := "24h"
		r.Overlap = &day
	}
	overlap, err := duration("overlap", *r.Overlap)
	if err != nil {
		return nil, err
	}
	text, key, err := a.Keys.Rotate(ctx, id, overlap, a.keyChange(r.Reason))
	if err != nil {
		return nil, handOut(a.propose(ctx, err, r.Reason, nil), func(p *client.Proposed) { p.Key = text })
	}
	return &client.NewKey{Key: viewKey(&key), Text: text}, nil
}

// RevokeKey ends a key.
func (a *Acting) RevokeKey(ctx context.Context, id string) error {
	if !isID(id) {
		return fault.E(fault.NotFound, "no such key: %s", address.Quote(id))
	}
	return a.Keys.Revoke(ctx, id, a.keyChange(""))
}
