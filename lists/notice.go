package lists

import (
	"context"
	"encoding/json"
	"time"
)

// Notice is an event that webhooks are to be told of. It is a document that is committed together with the change, so that neither exists
// without the other. The server that delivers webhooks turns it into deliveries and deletes it.
type Notice struct {
	// ID is the same whenever the event is the same: it is told once.
	ID   string          `json:"id"`
	Type string          `json:"type"`
	At   time.Time       `json:"at"`
	Data json.RawMessage `json:"data"` // an object without secrets
}

// Types of events. Package webhook describes the data of each.
const (
	NoticeProposed = "proposal.created"
	NoticeDecided  = "proposal.decided"
)

// change returns the change that stores a notice.
func (n Notice) change() Change { return Put(DocNotice(n.ID), n, AnyRevision) }

// PutNotice stores a notice of an event that is no change of the store.
func PutNotice(ctx context.Context, s Store, n Notice) error { return s.Commit(ctx, n.change()) }

// proposalNotice is the data of an event of a proposal. What would change, and why, is left out: it can be read with the id.
type proposalNotice struct {
	ID      string        `json:"id"`
	Kind    ProposalKind  `json:"kind"`
	List    string        `json:"list,omitempty"`
	Subject string        `json:"subject,omitempty"`
	Version int           `json:"version,omitempty"`
	Weaker  []string      `json:"weaker,omitempty"`
	By      string        `json:"by"`
	At      time.Time     `json:"at"`
	Expires time.Time     `json:"expires"`
	State   ProposalState `json:"state"`
	// DecidedBy and DecidedAt are set once the proposal is no longer open.
	DecidedBy string     `json:"decided_by,omitempty"`
	DecidedAt *time.Time `json:"decided_at,omitempty"`
}

func (p *Proposal) notice() Notice {
	data := proposalNotice{ID: p.ID, Kind: p.Kind, List: p.List, Subject: p.Subject, Version: p.Version, Weaker: p.Weaker, By: p.By, At: p.At, Expires: p.Expires, State: p.State}
	n := Notice{Type: NoticeProposed, At: p.At}
	if p.Decided != nil {
		data.DecidedBy, data.DecidedAt = p.Decided.By, &p.Decided.At
		n.Type, n.At = NoticeDecided, p.Decided.At
	}
	n.ID, n.Data = n.Type+"-"+p.ID, JSON(data)
	return n
}

// Changes returns the changes that store a new proposal, with its notice.
func (p *Proposal) Changes() []Change {
	return []Change{Put(DocProposal(p.ID), p, 0), p.notice().change()}
}
