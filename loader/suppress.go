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
	"interdict/loader/build"
)

// A suppression is proposed ── approved by another person ── in force, in the next generation ── ended by a person, or at its end.
// Its proposal is one of the store's proposals, with the suppression's id.

// ProposeSuppression proposes that the present listings of an address on a list decide nothing until a time. The address must be on the list's
// active version.
func (l *Loader) ProposeSuppression(ctx context.Context, list, text, network string, until time.Time, o ChangeOptions) (*lists.Suppression, error) {
	now := l.now().UTC()
	reason := lists.Reason(o.Reason)
	switch {
	case reason == "" || len(reason) > build.MaxField:
		return nil, fault.E(fault.Invalid, "reason: say why, in at most %d bytes", build.MaxField)
	case !until.After(now):
		return nil, fault.E(fault.Invalid, "until: must be in the future")
	case until.Sub(now) > lists.MaxSuppressionTime:
		return nil, fault.E(fault.Invalid, "until: at most %d days from now", int(lists.MaxSuppressionTime/(24*time.Hour)))
	}
	reason = lists.Reason(reason)
	identities, err := identitiesOf(text, network)
	if err != nil {
		return nil, err
	}
	s := &lists.Suppression{ID: uuid.Must(uuid.NewV7()).String(), List: list, Address: strings.Trim(text, " \t\r\n"), Network: network, Identities: identities,
		Reason: reason, Until: until.UTC(), State: lists.Proposed, ProposedBy: o.By.Person, ProposedAt: now}
	c := o.event("suppress-propose", list)
	c.Suppression, c.Proposal = s.ID, s.ID
	return s, l.ledger.Do(c, func() error {
		settings, _, err := lists.Read[lists.List](ctx, l.store, lists.DocList(list))
		if err != nil {
			return notFound(err, "list %s", address.Quote(list))
		}
		if settings.Mandatory {
			return fault.E(fault.Conflict, "list %s is mandatory: nothing it says may be suppressed", list)
		}
		if s.Listings, err = l.listingsOf(ctx, &settings, s); err != nil {
			return err
		}
		p := lists.Proposal{ID: s.ID, Kind: lists.ProposeSuppression, List: list, Subject: s.ID, Reason: reason, By: o.By.Person, Credential: o.By.Credential,
			At: now, Expires: earlier(now.Add(lists.ProposalTTL), s.Until), State: lists.Open}
		p.Before, p.After = lists.Difference(struct{}{}, shownSuppression{s.Address, s.Network, len(s.Listings), s.Until})
		c.Before, c.After = p.Before, p.After
		return lists.TryCommit(ctx, l.store, append(p.Changes(), lists.Put(lists.DocSuppression(list, s.ID), s, 0))...)
	})
}

// shownSuppression is a suppression as its proposal and records show it.
type shownSuppression struct {
	Address  string    `json:"suppressed_address"`
	Network  string    `json:"network,omitempty"`
	Listings int       `json:"listings"`
	Until    time.Time `json:"until"`
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// identitiesOf returns the identities of every reading of a text, and that of the raw text.
func identitiesOf(text, network string) ([]lists.Identity, error) {
	readings, err := address.Parse(nil, text, network)
	var bad *address.Error
	switch {
	case build.IsSecret(text, err):
		return nil, fault.E(fault.Invalid, "address: this looks like a private key or a seed; give the address")
	case err != nil && !errors.As(err, &bad):
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

// listingsOf returns the digests of the listings that the active version has of a suppression's address. It returns an error if there are none:
// a suppression is never made by a typing error, or for a future listing.
func (r *Reader) listingsOf(ctx context.Context, settings *lists.List, s *lists.Suppression) ([]string, error) {
	active, err := r.activeVersion(ctx, settings)
	if err != nil {
		return nil, err
	}
	var digests []string
	if active != nil {
		listings, err := build.ListingsOf(ctx, r.store, settings, active, s.Identities)
		if err != nil {
			return nil, err
		}
		for i := range listings {
			digests = append(digests, settings.Digest(&listings[i].Attribution, listings[i].Address))
		}
		slices.Sort(digests)
		digests = slices.Compact(digests)
	}
	switch {
	case len(digests) == 0:
		return nil, fault.E(fault.Conflict, "the address is not on the active version of %s", settings.ID)
	case len(digests) > lists.MaxSuppressedListings:
		return nil, fault.E(fault.Conflict, "the active version of %s has %d listings of the address, and one suppression is for at most %d: remove them from the list instead",
			settings.ID, len(digests), lists.MaxSuppressedListings)
	}
	return digests, nil
}

// ApproveSuppression puts a proposed suppression in force, as a new generation. It needs a second person's warrant, or one that says why one
// person is enough.
func (l *Loader) ApproveSuppression(ctx context.Context, list, id string, o ChangeOptions) (*lists.Suppression, error) {
	return l.decideSuppression(ctx, "suppress", list, id, &o, func(settings *lists.List, s *lists.Suppression, approval *lists.Approval) error {
		listed, err := l.listingsOf(ctx, settings, s)
		switch {
		case s.State != lists.Proposed:
			return fault.E(fault.Conflict, "the suppression is %s, not proposed", s.StateAt(l.now()))
		case !l.now().Before(s.Until):
			return fault.E(fault.Conflict, "the suppression has expired: propose it again")
		case !o.Warrant.Suffices():
			return fault.E(fault.Forbidden, "the suppression was proposed by the same person: someone else must approve it")
		case settings.Mandatory:
			return fault.E(fault.Conflict, "list %s is mandatory: nothing it says may be suppressed", list)
		case err != nil:
			return err
		case !slices.ContainsFunc(listed, s.Covers):
			return fault.E(fault.Conflict, "what %s says of the address has changed since the suppression was proposed: propose it again", list)
		}
		s.State, s.Decided, s.Alone = lists.InForce, approval, o.Warrant.Alone
		return nil
	})
}

// RejectSuppression ends a suppression that was proposed and never in force.
func (l *Loader) RejectSuppression(ctx context.Context, list, id string, o ChangeOptions) (*lists.Suppression, error) {
	return l.decideSuppression(ctx, "suppress-reject", list, id, &o, func(_ *lists.List, s *lists.Suppression, approval *lists.Approval) error {
		if s.State != lists.Proposed {
			return fault.E(fault.Conflict, "the suppression is %s, not proposed", s.StateAt(l.now()))
		}
		s.State, s.Decided = lists.Withdrawn, approval
		return nil
	})
}

// EndSuppression ends a suppression before its time, as a new generation. One person is enough, because it makes answers stricter.
func (l *Loader) EndSuppression(ctx context.Context, list, id string, o ChangeOptions) (*lists.Suppression, error) {
	return l.decideSuppression(ctx, "suppress-end", list, id, &o, func(_ *lists.List, s *lists.Suppression, approval *lists.Approval) error {
		if s.StateAt(l.now()) != lists.InForce {
			return fault.E(fault.Conflict, "the suppression is %s, not active", s.StateAt(l.now()))
		}
		s.State, s.Closed = lists.Ended, approval
		return nil
	})
}

// decideSuppression changes a suppression between its two journal records, with the proposal of the warrant. If it takes effect or ends this
// makes a new generation.
func (l *Loader) decideSuppression(ctx context.Context, action, list, id string, o *ChangeOptions,
	change func(*lists.List, *lists.Suppression, *lists.Approval) error) (*lists.Suppression, error) {
	c := o.event(action, list)
	c.Suppression = id
	var out *lists.Suppression
	err := l.ledger.Do(c, func() error {
		return lists.Retry(ctx, func() error {
			settings, _, err := lists.Read[lists.List](ctx, l.store, lists.DocList(list))
			if err != nil {
				return notFound(err, "list %s", address.Quote(list))
			}
			g, head, err := l.nextGeneration(ctx, action, list, o.By.Person, c.Reason)
			if err != nil {
				return err
			}
			s, revision, err := lists.Read[lists.Suppression](ctx, l.store, lists.DocSuppression(list, id))
			if err != nil {
				return notFound(err, "suppression %s of list %s", address.Quote(id), list)
			}
			before := suppressionState{s.State}
			if err := change(&settings, &s, &lists.Approval{By: o.By.Person, Credential: o.By.Credential, At: l.now().UTC(), Reason: c.Reason}); err != nil {
				return err
			}
			out = &s
			c.Before, c.After = lists.Difference(before, suppressionState{s.State})
			changes := append([]lists.Change{lists.Put(lists.DocSuppression(list, id), s, revision)}, o.Warrant.Changes()...)
			at := slices.IndexFunc(g.Lists, func(a lists.Active) bool { return a.List.ID == list })
			if at >= 0 && (before.State == lists.InForce || s.State == lists.InForce) {
				if g.Lists[at].Suppressions, err = l.inForce(ctx, list, &s); err != nil {
					return err
				}
				c.Generation = g.Number
				changes = append(changes, generationChanges(g, head)...)
			}
			return lists.TryCommit(ctx, l.store, changes...)
		})
	})
	return out, err
}

// suppressionState is the state of a suppression as the record shows it.
type suppressionState struct {
	State lists.SuppressionState `json:"state"`
}

// inForce reads the suppressions of a list that will be in force in the next generation; changed, if not nil, replaces the stored one.
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
		if s.StateAt(l.now()) == lists.InForce {
			out = append(out, s)
		}
	}
	if len(out) > lists.MaxSuppressions {
		return nil, fault.E(fault.Conflict, "list %s has %d suppressions in force, which is the maximum: end others first", list, lists.MaxSuppressions)
	}
	return out, nil
}

// Suppressions reads all suppressions of a list, the oldest first.
func (r *Reader) Suppressions(ctx context.Context, list string) ([]lists.Suppression, error) {
	if _, _, err := lists.Read[lists.List](ctx, r.store, lists.DocList(list)); err != nil {
		return nil, notFound(err, "list %s", address.Quote(list))
	}
	return lists.ReadAll[lists.Suppression](ctx, r.store, lists.DocSuppressions(list))
}

// Suppression reads one suppression.
func (r *Reader) Suppression(ctx context.Context, list, id string) (*lists.Suppression, error) {
	s, _, err := lists.Read[lists.Suppression](ctx, r.store, lists.DocSuppression(list, id))
	return &s, notFound(err, "suppression %s of list %s", address.Quote(id), address.Quote(list))
}
