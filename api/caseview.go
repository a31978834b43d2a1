package api

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
	"interdict/screening"
	"interdict/screening/archive"
	"interdict/screening/cases"
	"interdict/screening/journal"
	"interdict/screening/report"
)

// viewCase shows a case with everything that is known of it.
func (a *Acting) viewCase(ctx context.Context, w *caseWork) (*client.Case, error) {
	c, err := a.caseOf(w)
	if err != nil {
		return nil, err
	}
	if c.Answer == nil {
		if c.Answer, err = a.answerOf(ctx, w); err != nil {
			return nil, err
		}
	}
	for i, f := range w.doc.Attachments {
		c.Attachments = append(c.Attachments, client.CaseAttachment{Number: i + 1, Name: f.Name, Size: f.Size, SHA256: f.SHA256, By: f.By, At: f.At})
	}
	for _, e := range w.doc.History {
		c.History = append(c.History, client.CaseEvent{Do: string(e.Do), By: e.By, At: e.At, Reason: e.Reason, Outcome: string(e.Outcome), Until: e.Until, From: e.From, File: e.File})
	}
	return c, nil
}

// answerOf returns what the caller of the check got; nil if the index has its record no more.
func (a *Acting) answerOf(ctx context.Context, w *caseWork) (json.RawMessage, error) {
	q := archive.Query{IDs: []uuid.UUID{w.alert.Created.ID}, Kinds: []journal.Kind{journal.Check}, Limit: 1}
	for e, err := range a.Archive.Index.Find(ctx, q) {
		if err != nil {
			return nil, err
		}
		d, err := screening.DecodeRecord(e.Kind, e.ID, e.Time, e.Payload)
		if err != nil {
			return nil, err
		}
		return d.Answer, nil
	}
	return nil, nil
}

// caseOf shows a case as a page has it.
func (a *Acting) caseOf(w *caseWork) (*client.Case, error) {
	c := &client.Case{ID: w.alert.ID, At: w.alert.Created.Time, Lists: slices.Clone(w.alert.Created.Terms.Lists), State: string(w.doc.State)}
	if c.Lists == nil {
		c.Lists = []string{}
	}
	slices.Sort(c.Lists)
	if err := showWork(c, w); err != nil {
		return nil, err
	}
	if archive.OriginOf(w.alert.Created.Kind) == archive.Hits {
		return c, a.showHit(c, w)
	}
	return c, a.showLookBack(c, w)
}

// showWork shows what people have done.
func showWork(c *client.Case, w *caseWork) error {
	d := &w.doc
	c.TakenBy, c.TakenAt = d.TakenBy, timeOf(d.TakenAt)
	if d.Wait != nil {
		c.Waiting = &client.CaseWait{Reason: d.Wait.Reason, Until: d.Wait.Until}
	}
	decision := func(x *cases.Decision) *client.CaseDecision {
		if x == nil {
			return nil
		}
		return &client.CaseDecision{Outcome: string(x.Outcome), Reason: x.Reason, By: x.By, At: x.At, Alone: x.Alone}
	}
	c.Recommendation, c.Resolved = decision(d.Recommendation), decision(d.Resolution)
	if c.Resolved == nil && w.alert.Resolved != nil {
		var r archive.Resolution
		if err := json.Unmarshal(w.alert.Resolved.Payload, &r); err != nil {
			return fault.E(fault.Unavailable, "the resolution of case %s cannot be read: %w", w.alert.ID, err)
		}
		c.State, c.Resolved = string(cases.Resolved), &client.CaseDecision{Outcome: r.Outcome, Reason: r.Reason, By: r.By, At: r.At, Alone: r.Alone}
	}
	return nil
}

func (a *Acting) showHit(c *client.Case, w *caseWork) error {
	e := &w.alert.Created
	d, err := screening.DecodeRecord(e.Kind, e.ID, e.Time, e.Payload)
	if err != nil {
		return err
	}
	told, err := archive.OutcomeOf(d.Answer)
	if err != nil {
		return err
	}
	c.Kind, c.Queue, c.Told = "hit", string(told.Queue()), outcomeOf(told)
	c.CheckID, c.CheckedAt, c.By, c.Identity, c.Answer = d.CheckID(), d.At, d.By, d.Identity, d.Answer
	if c.Entities, err = entitiesOf(d.Answer); err != nil {
		return err
	}
	c.Request = client.Asked{Address: d.Input, Network: d.Network, Asset: d.Asset, Direction: string(d.Direction), Reference: d.Reference, Customer: a.Archive.Customers.Reveal(d.Customer)}
	return setDue(c, reported(told.Action), d.At)
}

// entitiesOf returns the names of the entities of an answer's matches, each once.
func entitiesOf(answer []byte) (names []string, err error) {
	var in struct {
		Matches []struct {
			Entity struct {
				Name string `json:"name"`
			} `json:"entity"`
		} `json:"matches"`
	}
	if err := json.Unmarshal(answer, &in); err != nil {
		return nil, fault.E(fault.Unavailable, "an answer on record cannot be read: %w", err)
	}
	for _, m := range in.Matches {
		if name := m.Entity.Name; name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

func (a *Acting) showLookBack(c *client.Case, w *caseWork) error {
	r, err := alertRecordOf(&w.alert.Created)
	if err != nil {
		return err
	}
	was := r.Told
	if r.Before != nil {
		was = *r.Before
		before := outcomeOf(was)
		c.Before = &before
	}
	now := outcomeOf(r.Now)
	c.Kind, c.Cause, c.Told, c.Now = "look_back", r.Cause, outcomeOf(r.Told), &now
	c.Queue = string(lookBackQueue(&r))
	c.CheckID, c.CheckedAt, c.By, c.Identity = r.CheckID, r.CheckedAt, r.By, r.Identity
	c.Request = client.Asked{Address: r.Address, Network: r.Network, Direction: string(r.Direction), Reference: r.Reference, Customer: a.Archive.Customers.Reveal(r.Customer)}
	kind := reported(r.Now.Action)
	if (r.Cause == archive.CauseDelisted || r.Cause == archive.CauseWeaker) && was.Action == lists.Freeze {
		kind = report.Unblocked
	}
	return setDue(c, kind, w.alert.Created.Time)
}

// lookBackQueue returns the queue of what a look-back found: that of the newest answer with a match.
func lookBackQueue(r *archive.AlertRecord) archive.Queue {
	was := &r.Told
	if r.Before != nil {
		was = r.Before
	}
	return cmp.Or(r.Now.Queue(), was.Queue(), r.Told.Queue(), archive.QueueExact)
}

// reported returns what is to be reported of an action; "": nothing.
func reported(a lists.Action) report.Kind {
	switch a {
	case lists.Freeze:
		return report.Blocked
	case lists.Reject:
		return report.Rejected
	}
	return ""
}

// setDue sets the last day for the report of something that happened at a time. A release that a person has decided on is reported from then on.
func setDue(c *client.Case, kind report.Kind, at time.Time) error {
	if c.Resolved != nil && c.Resolved.Outcome == string(cases.Release) {
		kind, at = report.Unblocked, c.Resolved.At
	}
	if kind == "" {
		return nil
	}
	due, err := report.DueDate(kind, at.UTC())
	c.Due = due.Format(time.DateOnly)
	return err
}
