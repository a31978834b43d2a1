package console

import (
	"context"
	"slices"
	"time"

	"interdict/api/client"
	"interdict/lists"
)

// maxDecided is how many decisions the page of approvals shows.
const maxDecided = 30

func (c *Console) addApprovals() {
	c.staff("GET /console/approvals", (*page).approvals)
	c.staff("POST /console/approvals", (*page).decideProposal)
}

// queue is what waits for a second person, and what was decided last.
type queue struct {
	Versions  []waitingVersion
	Proposals []waitingProposal
	Failed    []failedVersion
	Decided   []decision
	Older     int // decisions that are not shown
}

// Waiting is how many changes wait.
func (q *queue) Waiting() int { return len(q.Versions) + len(q.Proposals) }

// waitingVersion is a staged version.
type waitingVersion struct {
	lists.Version
	ListName string
	Needs    int  // approvals
	Has      int  // approvals of the present content
	Own      bool // the person uploaded it or chose its source
	Agreed   bool // the person has approved it
	Passed   bool // a newer version is active
}

// Since is when it began to wait.
func (v *waitingVersion) Since() time.Time {
	if v.StagedAt != nil {
		return *v.StagedAt
	}
	return v.UploadedAt
}

// failedVersion is an upload that could not be read, and the newest of its list.
type failedVersion struct {
	lists.Version
	ListName string
}

// waitingProposal is an open proposal.
type waitingProposal struct {
	client.Proposal
	ListName string
	Changes  []changedField
	Own      bool // the person made it, and cannot decide on it
}

// Administers reports whether it is about keys or people.
func (x *waitingProposal) Administers() bool { return x.Kind.Administers() }

// decision is a proposal that is no longer open, or an approval of a version.
type decision struct {
	At       time.Time
	State    string // approved, rejected, withdrawn, expired
	Kind     string // of the proposal; "version"
	List     string
	ListName string
	Version  int
	Subject  string
	By       string // who asked for it
	Decided  string // who decided; "" nobody
	Reason   string // of the decision
}

// approvals shows what waits for a second person.
func (p *page) approvals() error {
	q, err := p.queue()
	if err != nil {
		return err
	}
	q.sortDecided()
	return p.show("approvals", "Approvals", q)
}

// decideProposal approves a proposal, rejects it, or takes it back.
func (p *page) decideProposal() error {
	id, reason := p.text("id"), p.text("reason")
	var err error
	said := "The proposal was sent back."
	switch p.text("do") {
	case "approve":
		said = "The proposal was approved, and the change is made."
		_, err = p.api.ApproveProposal(p.r.Context(), id, reason)
	case "withdraw":
		said = "You have taken the proposal back."
		_, err = p.api.RejectProposal(p.r.Context(), id, reason)
	default:
		if reason == "" {
			err = missing("reason", "say why, so that its author can do better")
		} else {
			_, err = p.api.RejectProposal(p.r.Context(), id, reason)
		}
	}
	if err == nil {
		return p.done("/console/approvals", said)
	}
	q, failed := p.queue()
	if failed != nil {
		return failed
	}
	q.sortDecided()
	return p.showWrong("approvals", "Approvals", q, err)
}

// queue reads what waits for a second person in all lists.
func (p *page) queue() (*queue, error) {
	all, err := p.api.Lists(p.r.Context())
	if err != nil {
		return nil, err
	}
	return p.queueOf(all, func(l *client.List) bool { return l.LatestVersion > 0 })
}

// queueOf reads what waits for a second person. Versions are read only of the lists for which look returns true.
func (p *page) queueOf(all []client.List, look func(*client.List) bool) (*queue, error) {
	ctx := p.r.Context()
	me, err := p.api.Me(ctx)
	if err != nil {
		return nil, err
	}
	q, names := &queue{}, map[string]string{}
	for i := range all {
		names[all[i].ID] = all[i].Name
		if !look(&all[i]) {
			continue
		}
		if err := p.addVersions(ctx, q, &all[i], me); err != nil {
			return nil, err
		}
	}
	proposals, err := p.api.Proposals(ctx, "")
	if err != nil {
		return nil, err
	}
	for i := range proposals {
		x := &proposals[i]
		if x.State == lists.Open {
			q.Proposals = append(q.Proposals, waitingProposal{*x, names[x.List], changesOf(x), me.FourEyes == "on" && lists.SamePerson(x.By, me.Person)})
			continue
		}
		d := decision{At: x.Expires, State: string(x.State), Kind: string(x.Kind), List: x.List, ListName: names[x.List], Version: x.Version, Subject: x.Subject, By: x.By}
		if x.Decided != nil {
			d.At, d.Decided, d.Reason = x.Decided.At, x.Decided.By, x.Decided.Reason
		}
		q.Decided = append(q.Decided, d)
	}
	slices.SortStableFunc(q.Versions, func(a, b waitingVersion) int { return a.Since().Compare(b.Since()) })
	return q, nil
}

// sortDecided keeps the last decisions, the newest first.
func (q *queue) sortDecided() {
	slices.SortStableFunc(q.Decided, func(a, b decision) int { return b.At.Compare(a.At) })
	if n := len(q.Decided); n > maxDecided {
		q.Decided, q.Older = q.Decided[:maxDecided], n-maxDecided
	}
}

// addVersions adds the versions of a list that wait, and the approvals that versions have got.
func (p *page) addVersions(ctx context.Context, q *queue, l *client.List, me *client.Me) error {
	all, err := p.api.Versions(ctx, l.ID)
	if err != nil {
		return err
	}
	for i := range all {
		v := &all[i]
		for _, a := range v.Approvals {
			q.Decided = append(q.Decided, decision{At: a.At, State: "approved", Kind: "version", List: l.ID, ListName: l.Name, Version: v.Number, By: v.UploadedBy, Decided: a.By, Reason: a.Reason})
		}
		if v.State == lists.Failed && v.Number == l.LatestVersion {
			q.Failed = append(q.Failed, failedVersion{*v, l.Name})
		}
		if v.State != lists.Staged {
			continue
		}
		w := waitingVersion{Version: *v, ListName: l.Name, Needs: l.Approvals, Passed: v.Number < l.ActiveVersion,
			Own: me.FourEyes == "on" && (lists.SamePerson(v.UploadedBy, me.Person) || v.SourceBy != "" && lists.SamePerson(v.SourceBy, me.Person))}
		for _, a := range v.Approvals {
			if a.Digest == v.SHA256 {
				w.Has++
				w.Agreed = w.Agreed || lists.SamePerson(a.By, me.Person)
			}
		}
		q.Versions = append(q.Versions, w)
	}
	return nil
}
