package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader"
)

// A change that weakens screening ── lists.NeedsSecondPerson ── propose: a document ── ApproveProposal by another person ── the same
// operation again, on a warrant, which commits the change and the proposal together.

// activation is the hidden part of a proposal to make an older version the active one.
type activation struct {
	Activate bool   `json:"activate"` // that very version; false: a rollback
	Override string `json:"override,omitempty"`
}

// propose stores the proposal of a change that needs a second person, and returns a *client.Proposed. Other errors it returns as they are.
// change is what is done on approval, unless the proposal has one.
func (a *Acting) propose(ctx context.Context, err error, reason string, change any) error {
	var needs *lists.NeedsSecondPerson
	if !errors.As(err, &needs) {
		return err
	}
	p, now := needs.Proposal, a.Now().UTC()
	if p.ID == "" {
		p.ID = uuid.Must(uuid.NewV7()).String()
	}
	p.Reason, p.By, p.Credential = lists.Reason(reason), a.person.Person, a.person.Credential
	p.At, p.Expires, p.State = now, now.Add(lists.ProposalTTL), lists.Open
	if p.Change == nil && change != nil {
		p.Change = lists.JSON(change)
	}
	e := lists.NewEvent("propose", a.person.Actor, reason, &lists.Warrant{})
	e.List, e.Version, e.Subject, e.Proposal, e.Before, e.After = p.List, p.Version, p.Subject, p.ID, p.Before, p.After
	if err := a.Ledger.Do(e, func() error { return a.Store.Commit(ctx, p.Changes()...) }); err != nil {
		return err
	}
	return &client.Proposed{Proposal: viewProposal(&p, p.State)}
}

func viewProposal(p *lists.Proposal, state lists.ProposalState) client.Proposal {
	return client.Proposal{ID: p.ID, Kind: p.Kind, List: p.List, Subject: p.Subject, Version: p.Version, Before: p.Before, After: p.After, Weaker: p.Weaker,
		Reason: p.Reason, By: p.By, At: p.At, Expires: p.Expires, State: state, Decided: p.Decided}
}

// Proposals returns all proposals, or with a state those that have it, the oldest first.
func (a *Acting) Proposals(ctx context.Context, state lists.ProposalState) ([]client.Proposal, error) {
	all, err := lists.ReadAll[lists.Proposal](ctx, a.Store, lists.DocProposals)
	if err != nil {
		return nil, err
	}
	views := []client.Proposal{}
	for i := range all {
		now := all[i].StateAt(a.Now())
		if (state == "" || state == now) && a.sees(&all[i]) {
			views = append(views, viewProposal(&all[i], now))
		}
	}
	return views, nil
}

// sees reports whether the person may see and decide on a proposal, as far as lists limit them.
func (a *Acting) sees(p *lists.Proposal) bool {
	return a.person.MayUse == nil || p.List != "" && a.person.MayUse(p.List)
}

// Proposal returns one proposal.
func (a *Acting) Proposal(ctx context.Context, id string) (*client.Proposal, error) {
	p, _, err := a.proposal(ctx, id)
	if err != nil {
		return nil, err
	}
	v := viewProposal(&p, p.StateAt(a.Now()))
	return &v, nil
}

func (a *Acting) proposal(ctx context.Context, id string) (p lists.Proposal, revision uint64, err error) {
	p, revision, err = lists.Read[lists.Proposal](ctx, a.Store, lists.DocProposal(known(id)))
	if fault.Is(err, fault.NotFound) || err == nil && !a.sees(&p) {
		err = fault.E(fault.NotFound, "no such proposal: %s", address.Quote(id))
	}
	return p, revision, err
}

// ApproveProposal makes the change that another person has proposed.
func (a *Acting) ApproveProposal(ctx context.Context, id, reason string) (*client.Proposal, error) {
	p, w, err := a.decide(ctx, id, reason)
	if err != nil {
		return nil, err
	}
	if err := a.mayApprove(ctx, p); err != nil {
		return nil, err
	}
	if err := a.apply(ctx, p, w); err != nil {
		return nil, err
	}
	a.changed(ctx)
	return a.Proposal(ctx, id)
}

// handOut adds what is shown once, such as the text of a key, to the error that says that a change waits for a second person.
func handOut(err error, add func(*client.Proposed)) error {
	if p, ok := err.(*client.Proposed); ok { //nolint:errorlint // propose returns it unwrapped
		add(p)
	}
	return err
}

// decide reads an open proposal, and returns the warrant of this person's decision.
func (a *Acting) decide(ctx context.Context, id, reason string) (*lists.Proposal, lists.Warrant, error) {
	p, revision, err := a.proposal(ctx, id)
	if err != nil {
		return nil, lists.Warrant{}, err
	}
	now := a.Now().UTC()
	if state := p.StateAt(now); state != lists.Open {
		return nil, lists.Warrant{}, fault.E(fault.Conflict, "the proposal is %s, not open", state)
	}
	return &p, lists.Warrant{Alone: a.person.Alone, Proposal: &p, Revision: revision,
		Decided: &lists.Approval{By: a.person.Person, Credential: a.person.Credential, At: now, Reason: lists.Reason(reason)}}, nil
}

// mayApprove returns an error if the person cannot be the second one for a proposal. Keys and people are for administrators; while the author is
// the only one, an approver decides.
func (a *Acting) mayApprove(ctx context.Context, p *lists.Proposal) error {
	people, err := lists.ReadPeople(ctx, a.Store)
	if err != nil {
		return err
	}
	now := a.Now()
	if people.Ended(p.Author(), now) {
		return fault.E(fault.Conflict, "%s made the proposal with a credential that has been revoked or has expired since: propose it again", p.By)
	}
	if a.person.Alone != "" {
		return nil
	}
	another := slices.ContainsFunc(people.Admins(now, ""), func(x string) bool { return x != lists.Bootstrap && !lists.SamePerson(x, p.By) })
	if p.Kind.Administers() && another && !slices.Contains(a.person.Roles, lists.Admin) {
		return fault.E(fault.Forbidden, "a proposal about keys or people needs another administrator")
	}
	if err := people.SecondPerson(p.Author(), a.person.Actor, now); err != nil {
		return fault.E(fault.Forbidden, "the proposal was made %w", err)
	}
	return nil
}

// apply makes the change of a proposal on a warrant.
func (a *Acting) apply(ctx context.Context, p *lists.Proposal, w lists.Warrant) (err error) {
	o := loader.ChangeOptions{By: a.person.Actor, Reason: p.Reason, Warrant: w}
	switch p.Kind {
	case lists.ProposeSettings:
		var in client.ListSettings
		if err = changeOf(p, &in); err == nil {
			_, _, err = a.Loader.PutList(ctx, p.List, o, applying(&in))
		}
	case lists.ProposeRetire:
		_, err = a.Loader.Retire(ctx, p.List, o)
	case lists.ProposeRollback:
		var x activation
		if err = changeOf(p, &x); err != nil {
			return err
		}
		if x.Activate {
			_, err = a.Loader.Activate(ctx, p.List, p.Version, loader.ActivateOptions{By: o.By, Override: x.Override, Warrant: w})
		} else {
			_, err = a.Loader.Rollback(ctx, p.List, o)
		}
	case lists.ProposeSuppression:
		_, err = a.Loader.ApproveSuppression(ctx, p.List, p.Subject, o)
	case lists.ProposeKey:
		c := auth.Change{By: a.person.Actor, Reason: p.Reason, Warrant: w}
		var x auth.Rotation
		var key lists.Key
		if err = errors.Join(changeOf(p, &x), changeOf(p, &key)); err != nil {
			return err
		}
		if x.MAC != nil {
			_, err = a.Keys.ApplyRotation(ctx, x, c)
		} else {
			_, err = a.Keys.Add(ctx, key, c)
		}
	case lists.ProposePerson:
		var x auth.PersonChange
		if err = changeOf(p, &x); err == nil {
			err = a.Keys.Accounts().Apply(ctx, x, auth.Change{By: a.person.Actor, Reason: p.Reason, Warrant: w})
		}
	case lists.ProposeHold:
		_, err = a.endHold(ctx, p.Subject, p.Reason, w)
	default:
		err = fault.E(fault.Internal, "a proposal of the kind %q cannot be made", p.Kind)
	}
	return err
}

// changeOf decodes what is done on approval of a proposal.
func changeOf(p *lists.Proposal, into any) error {
	if err := json.Unmarshal(p.Change, into); err != nil {
		return fault.E(fault.Unavailable, "proposal %s is damaged: %w", p.ID, err)
	}
	return nil
}

// RejectProposal ends a proposal without the change: its author takes it back, or another person who could approve it rejects it.
func (a *Acting) RejectProposal(ctx context.Context, id, reason string) (*client.Proposal, error) {
	p, w, err := a.decide(ctx, id, reason)
	if err != nil {
		return nil, err
	}
	w.Outcome = lists.Refused
	action := "propose-reject"
	switch {
	case lists.SamePerson(p.By, a.person.Person):
		w.Outcome, action = lists.TakenBack, "propose-withdraw"
	case !a.person.Vouches():
		return nil, fault.E(fault.Forbidden, "only its author or someone who may approve can end a proposal")
	}
	if p.Kind == lists.ProposeSuppression {
		_, err = a.Loader.RejectSuppression(ctx, p.List, p.Subject, loader.ChangeOptions{By: a.person.Actor, Reason: w.Decided.Reason, Warrant: w})
	} else {
		e := lists.NewEvent(action, a.person.Actor, reason, &w)
		e.List, e.Subject = p.List, p.Subject
		err = a.Ledger.Do(e, func() error { return a.Store.Commit(ctx, w.Changes()...) })
	}
	if err != nil {
		return nil, err
	}
	return a.Proposal(ctx, id)
}

func (s *Server) getProposals(c *gin.Context, who *auth.Principal) error {
	q, err := query(c, "state", "cursor", "limit")
	if err != nil {
		return err
	}
	state := lists.ProposalState(q["state"])
	if state != "" && !slices.Contains(lists.ProposalStates, state) {
		return fault.E(fault.Invalid, "state: use one of %v", lists.ProposalStates)
	}
	all, err := s.as(who).Proposals(c.Request.Context(), state)
	if err != nil {
		return err
	}
	return renderPage(c, "proposals", all, func(p *client.Proposal) string { return p.ID }, "state")
}

func (s *Server) getProposal(c *gin.Context, who *auth.Principal) error {
	p, err := s.as(who).Proposal(c.Request.Context(), param(c, "id"))
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, p)
}

func (s *Server) approveProposal(c *gin.Context, who *auth.Principal) error {
	return withReason(c, s.as(who).ApproveProposal)
}

func (s *Server) rejectProposal(c *gin.Context, who *auth.Principal) error {
	return withReason(c, s.as(who).RejectProposal)
}
