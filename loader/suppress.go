package loader

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// A suppression goes proposed ── approved by somebody else ── in force, in the next generation ── ended by a person, or by its time.

// ProposeSuppression asks that what a list says of an address now be set aside until a time. The address must be on the list's active version.
func (l *Loader) ProposeSuppression(ctx context.Context, list, text, network, reason string, until time.Time, by string) (*lists.Suppression, error) {
	now := l.now().UTC()
	reason = strings.TrimSpace(reason)
	switch {
	case reason == "" || len(reason) > maxField:
		return nil, fault.E(fault.Invalid, "reason: say why, in at most %d bytes", maxField)
	case !until.After(now):
		return nil, fault.E(fault.Invalid, "until: must be in the future")
	case until.Sub(now) > lists.MaxSuppression:
		return nil, fault.E(fault.Invalid, "until: at most %d days from now", int(lists.MaxSuppression/(24*time.Hour)))
	}
	identities, err := identitiesOf(text, network)
	if err != nil {
		return nil, err
	}
	s := &lists.Suppression{ID: uuid.Must(uuid.NewV7()).String(), List: list, Address: strings.Trim(text, " \t\r\n"), Network: network, Identities: identities,
		Reason: reason, Until: until.UTC(), State: lists.Proposed, ProposedBy: by, ProposedAt: now}
	c := &Change{Action: "suppress-propose", By: by, List: list, Suppression: s.ID, Reason: reason}
	return s, l.recorded(c, func() error {
		settings, _, err := lists.Read[lists.List](ctx, l.store, lists.DocList(list))
		if err != nil {
			return named(err, "list %.80q", list)
		}
		if settings.Mandatory {
			return fault.E(fault.Conflict, "list %s is mandatory: nothing it says may be suppressed", list)
		}
		if s.Listings, err = l.listingsOf(ctx, &settings, s); err != nil {
			return err
		}
		return commit(ctx, l.store, lists.Put(lists.DocSuppression(list, s.ID), s, 0))
	})
}

// identitiesOf gives every reading of the text, and the text as a listing that did not parse.
func identitiesOf(text, network string) ([]lists.Identity, error) {
	readings, err := address.Parse(nil, text, network)
	var bad *address.Error
	switch {
	case errors.As(err, &bad) && (bad.Reason == address.SecretMaterial && !hex64(text) || address.DressedSecret(text)):
		return nil, fault.E(fault.Invalid, "address: it looks like a private key or a seed")
	case err != nil && bad == nil:
		return nil, err
	case len(text) > address.MaxText || strings.Trim(text, " \t\r\n") == "":
		return nil, fault.E(fault.Invalid, "address: must have 1 to %d bytes", address.MaxText)
	}
	var out []lists.Identity
	for i := range readings {
		out = append(out, lists.Identity{Key: []byte(readings[i].Key), Variant: readings[i].Variant})
	}
	if len(readings) > 0 && readings[0].Variant == address.VariantRaw { // an opaque network
		return out, nil
	}
	return append(out, lists.Identity{Key: []byte(address.RawKey(text)), Variant: address.VariantRaw}), nil
}

// listingsOf returns the digests of what the active version says of a suppression's address. It is an error if that is nothing, so that
// no suppression is made by a slip of the pen, or for a listing to come.
func (l *Loader) listingsOf(ctx context.Context, settings *lists.List, s *lists.Suppression) ([]string, error) {
	active, err := l.activeVersion(ctx, settings)
	if err != nil {
		return nil, err
	}
	var digests []string
	if active != nil {
		keys := make([]address.Key, len(s.Identities))
		for i := range keys {
			keys[i] = address.Key(s.Identities[i].Key)
		}
		found, err := lists.LookupStack(ctx, l.store, active.Layers, keys)
		if err != nil {
			return nil, err
		}
		said := newSide(settings, active)
		batch := make([]lists.Keyed, len(found))
		for i := range found {
			batch[i] = lists.Keyed{Key: keys[i], Refs: slices.DeleteFunc(found[i], func(r lists.Stored) bool {
				return r.Role != 0 || r.Variant != s.Identities[i].Variant
			})}
		}
		if err := said.fetch(ctx, l.store, batch); err != nil {
			return nil, err
		}
		for _, k := range batch {
			for i := range k.Refs {
				x := said.listing(k.Key, &k.Refs[i])
				digests = append(digests, settings.Digest(&x.Attribution, x.Address))
			}
		}
		slices.Sort(digests)
		digests = slices.Compact(digests)
	}
	switch {
	case len(digests) == 0:
		return nil, fault.E(fault.Conflict, "the address is not on the active version of %s", settings.ID)
	case len(digests) > lists.MaxSuppressed:
		return nil, fault.E(fault.Conflict, "the active version of %s has %d listings of the address, and one suppression is for at most %d: remove them from the list instead",
			settings.ID, len(digests), lists.MaxSuppressed)
	}
	return digests, nil
}

// ApproveSuppression puts a proposed suppression in force, as a new generation. The proposer may not approve his own.
func (l *Loader) ApproveSuppression(ctx context.Context, list, id, by, reason string) (*lists.Suppression, error) {
	return l.judgeSuppression(ctx, "suppress", list, id, by, reason, func(settings *lists.List, s *lists.Suppression, said *lists.Approval) error {
		listed, err := l.listingsOf(ctx, settings, s)
		switch {
		case s.State != lists.Proposed:
			return fault.E(fault.Conflict, "it is %s, not proposed", s.At(l.now()))
		case !l.now().Before(s.Until):
			return fault.E(fault.Conflict, "its time is over")
		case s.ProposedBy == by:
			return fault.E(fault.Forbidden, "it was proposed by the same person: somebody else must approve it")
		case settings.Mandatory:
			return fault.E(fault.Conflict, "list %s is mandatory: nothing it says may be suppressed", list)
		case err != nil:
			return err
		case !slices.ContainsFunc(listed, s.Covers):
			return fault.E(fault.Conflict, "what %s says of the address has changed since the suppression was proposed: propose it again", list)
		}
		s.State, s.Decided = lists.InForce, said
		return nil
	})
}

// RejectSuppression ends a proposed suppression that was never in force.
func (l *Loader) RejectSuppression(ctx context.Context, list, id, by, reason string) (*lists.Suppression, error) {
	return l.judgeSuppression(ctx, "suppress-reject", list, id, by, reason, func(_ *lists.List, s *lists.Suppression, said *lists.Approval) error {
		if s.State != lists.Proposed {
			return fault.E(fault.Conflict, "it is %s, not proposed", s.At(l.now()))
		}
		s.State, s.Decided = lists.Withdrawn, said
		return nil
	})
}

// EndSuppression ends one that is in force before its time, as a new generation. That makes answers stricter: one person is enough.
func (l *Loader) EndSuppression(ctx context.Context, list, id, by, reason string) (*lists.Suppression, error) {
	return l.judgeSuppression(ctx, "suppress-end", list, id, by, reason, func(_ *lists.List, s *lists.Suppression, said *lists.Approval) error {
		if s.At(l.now()) != lists.InForce {
			return fault.E(fault.Conflict, "it is %s, not active", s.At(l.now()))
		}
		s.State, s.Closed = lists.Ended, said
		return nil
	})
}

func (l *Loader) judgeSuppression(ctx context.Context, action, list, id, by, reason string,
	change func(*lists.List, *lists.Suppression, *lists.Approval) error) (*lists.Suppression, error) {
	c := &Change{Action: action, By: by, List: list, Suppression: id, Reason: cut(strings.TrimSpace(reason), maxField)}
	var out *lists.Suppression
	err := l.recorded(c, func() error {
		return retry(ctx, func() error {
			settings, _, err := lists.Read[lists.List](ctx, l.store, lists.DocList(list))
			if err != nil {
				return named(err, "list %.80q", list)
			}
			g, head, err := l.nextGeneration(ctx, action, list, by, c.Reason)
			if err != nil {
				return err
			}
			s, revision, err := lists.Read[lists.Suppression](ctx, l.store, lists.DocSuppression(list, id))
			if err != nil {
				return named(err, "suppression %.40q of list %s", id, list)
			}
			was := s.State
			if err := change(&settings, &s, &lists.Approval{By: by, At: l.now().UTC(), Reason: c.Reason}); err != nil {
				return err
			}
			out = &s
			changes := []lists.Change{lists.Put(lists.DocSuppression(list, id), s, revision)}
			at := slices.IndexFunc(g.Lists, func(a lists.Active) bool { return a.List.ID == list })
			if at >= 0 && (was == lists.InForce || s.State == lists.InForce) {
				if g.Lists[at].Suppressions, err = l.inForce(ctx, list, &s); err != nil {
					return err
				}
				c.Generation = g.Number
				changes = append(changes, generationChanges(g, head)...)
			}
			return commit(ctx, l.store, changes...)
		})
	})
	return out, err
}

// inForce reads a list's suppressions as the next generation has them; changed, if not nil, is one as it will be.
func (l *Loader) inForce(ctx context.Context, list string, changed *lists.Suppression) ([]lists.Suppression, error) {
	all, err := l.Suppressions(ctx, list)
	if err != nil {
		return nil, err
	}
	var out []lists.Suppression
	for _, s := range all {
		if changed != nil && s.ID == changed.ID {
			s = *changed
		}
		if s.At(l.now()) == lists.InForce {
			out = append(out, s)
		}
	}
	if len(out) > lists.MaxSuppressions {
		return nil, fault.E(fault.Conflict, "list %s has %d suppressions in force, which is the most there may be", list, lists.MaxSuppressions)
	}
	return out, nil
}

// Suppressions reads all suppressions of a list, the oldest first.
func (l *Loader) Suppressions(ctx context.Context, list string) ([]lists.Suppression, error) {
	if _, _, err := lists.Read[lists.List](ctx, l.store, lists.DocList(list)); err != nil {
		return nil, named(err, "list %.80q", list)
	}
	return lists.ReadAll[lists.Suppression](ctx, l.store, lists.DocSuppressions(list))
}

// Suppression reads one.
func (l *Loader) Suppression(ctx context.Context, list, id string) (*lists.Suppression, error) {
	s, _, err := lists.Read[lists.Suppression](ctx, l.store, lists.DocSuppression(list, id))
	return &s, named(err, "suppression %.40q of list %.80q", id, list)
}
