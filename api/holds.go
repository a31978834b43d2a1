package api

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// Holds returns all legal holds, the oldest first.
func (a *Acting) Holds(ctx context.Context) ([]client.LegalHold, error) {
	all, err := lists.ReadHolds(ctx, a.Store)
	if err != nil {
		return nil, err
	}
	views := make([]client.LegalHold, len(all))
	for i := range all { // ids are UUIDs of version 7: their order is that of time
		views[i] = viewHold(&all[i])
	}
	return views, nil
}

func viewHold(h *lists.Hold) client.LegalHold {
	v := client.LegalHold{ID: h.ID, State: "active", From: h.From, To: h.To, Reason: h.Reason, By: h.By, At: h.At, Ended: h.Ended, ProposedBy: h.ProposedBy}
	if !h.InForce() {
		v.State = "ended"
	}
	return v
}

// PlaceHold places a legal hold. One person is enough: it only keeps records.
func (a *Acting) PlaceHold(ctx context.Context, r client.HoldRequest) (*client.LegalHold, error) {
	h := lists.Hold{ID: uuid.Must(uuid.NewV7()).String(), Reason: lists.Reason(r.Reason), By: a.person.Person, At: a.Now().UTC()}
	if h.Reason == "" {
		return nil, fault.E(fault.Invalid, "reason: must not be empty; it goes on record")
	}
	var err error
	if h.From, h.To, err = lists.HoldPeriod(r.From, r.To); err != nil {
		return nil, err
	}
	e := lists.NewEvent("hold-place", a.person.Actor, r.Reason, &lists.Warrant{})
	e.Subject = h.ID
	_, e.After = lists.Difference(struct{}{}, h)
	err = a.Ledger.Do(e, func() error {
		all, err := lists.ReadHolds(ctx, a.Store)
		if err != nil {
			return err
		}
		active := 0
		for i := range all {
			if all[i].InForce() {
				active++
			}
		}
		if active >= lists.MaxHolds {
			return fault.E(fault.Conflict, "%d holds are in force, which is the limit: end one first", active)
		}
		return a.Store.Commit(ctx, lists.Put(lists.DocHold(h.ID), h, 0))
	})
	if err != nil {
		return nil, err
	}
	v := viewHold(&h)
	return &v, nil
}

// EndHold ends a legal hold, so that its records can be deleted once the retention is over. A second person must approve it: the error is then a *client.Proposed.
func (a *Acting) EndHold(ctx context.Context, id, reason string) (*client.LegalHold, error) {
	if lists.Reason(reason) == "" {
		return nil, fault.E(fault.Invalid, "reason: must not be empty; it goes on record")
	}
	h, err := a.endHold(ctx, id, reason, lists.Warrant{Alone: a.person.Alone})
	if err != nil {
		return nil, a.propose(ctx, err, reason, struct{}{})
	}
	v := viewHold(h)
	return &v, nil
}

// endHold ends a hold on a warrant.
func (a *Acting) endHold(ctx context.Context, id, reason string, w lists.Warrant) (*lists.Hold, error) {
	before, revision, err := a.hold(ctx, id)
	if err != nil {
		return nil, err
	}
	if !before.InForce() {
		return nil, fault.E(fault.Conflict, "the hold was ended by %s", before.Ended.By)
	}
	was, is := lists.Difference(map[string]string{"state": "active"}, map[string]string{"state": "ended"})
	if !w.Suffices() {
		return nil, &lists.NeedsSecondPerson{Proposal: lists.Proposal{Kind: lists.ProposeHold, Subject: id, Before: was, After: is, Weaker: []string{"hold"}}}
	}
	after := before
	after.Ended = &lists.Approval{By: a.person.Person, Credential: a.person.Credential, At: a.Now().UTC(), Reason: lists.Reason(reason)}
	if w.Proposal != nil {
		after.Ended, after.ProposedBy = w.Decided, w.Proposal.By
	}
	e := lists.NewEvent("hold-end", a.person.Actor, reason, &w)
	e.Subject, e.Before, e.After = id, was, is
	return &after, a.Ledger.Do(e, func() error {
		return a.Store.Commit(ctx, append(w.Changes(), lists.Put(lists.DocHold(id), after, revision))...)
	})
}

// hold reads one hold.
func (a *Acting) hold(ctx context.Context, id string) (h lists.Hold, revision uint64, err error) {
	h, revision, err = lists.Read[lists.Hold](ctx, a.Store, lists.DocHold(known(id)))
	if fault.Is(err, fault.NotFound) {
		err = fault.E(fault.NotFound, "no such hold: %s", address.Quote(id))
	}
	return h, revision, err
}

func (s *Server) getHolds(c *gin.Context, who *auth.Principal) error {
	all, err := s.as(who).Holds(c.Request.Context())
	if err != nil {
		return err
	}
	return renderPage(c, "holds", all, func(h *client.LegalHold) string { return h.ID })
}

func (s *Server) postHold(c *gin.Context, who *auth.Principal) error {
	var in client.HoldRequest
	if err := bind(c, &in); err != nil {
		return err
	}
	h, err := s.as(who).PlaceHold(c.Request.Context(), in)
	if err != nil {
		return err
	}
	return render(c, http.StatusCreated, h)
}

func (s *Server) endHold(c *gin.Context, who *auth.Principal) error {
	return withReason(c, s.as(who).EndHold)
}
