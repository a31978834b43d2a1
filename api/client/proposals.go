package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// Proposal is a change that weakens screening and waits for a second person.
type Proposal struct {
	ID      string              `json:"id"`
	Kind    lists.ProposalKind  `json:"kind"`
	List    string              `json:"list,omitempty"`
	Subject string              `json:"subject,omitempty"` // id of the key, account, suppression or hold that would change
	Version int                 `json:"version,omitempty"` // that would become active
	Before  json.RawMessage     `json:"before"`            // the fields that would change; null for something new
	After   json.RawMessage     `json:"after"`
	Weaker  []string            `json:"weaker,omitempty"` // settings that would become weaker
	Reason  string              `json:"reason"`
	By      string              `json:"by"`
	At      time.Time           `json:"at"`
	Expires time.Time           `json:"expires"`
	State   lists.ProposalState `json:"state"`
	Decided *lists.Approval     `json:"decided,omitempty"`
}

// Proposed is the error of a call whose change has not been made: it weakens screening, and a second person must approve the proposal first.
type Proposed struct {
	Proposal Proposal `json:"proposal"`
	// Key is the text of the API key that works once the proposal is approved. It is shown this once.
	Key string `json:"key,omitempty"`
	// Invitation is the text of the invitation that works once the proposal is approved. It is shown this once.
	Invitation string `json:"invitation,omitempty"`
}

func (p *Proposed) Error() string {
	return "the change has not been made yet: a second person must approve proposal " + p.Proposal.ID
}

// FaultKind makes the error a conflict.
func (*Proposed) FaultKind() fault.Kind { return fault.Conflict }

// Proposals returns all proposals, or with a state those that have it, the oldest first.
func (c *Client) Proposals(ctx context.Context, state lists.ProposalState) ([]Proposal, error) {
	var out struct {
		Proposals []Proposal `json:"proposals"`
	}
	query := url.Values{}
	if state != "" {
		query.Set("state", string(state))
	}
	err := c.get(ctx, "/v1/proposals", query, &out)
	return out.Proposals, err
}

// Proposal returns one proposal.
func (c *Client) Proposal(ctx context.Context, id string) (*Proposal, error) {
	return one(func(out *Proposal) error { return c.get(ctx, pathOf("v1", "proposals", id), nil, out) })
}

// ApproveProposal makes the change that another person has proposed.
func (c *Client) ApproveProposal(ctx context.Context, id, reason string) (*Proposal, error) {
	return c.decideProposal(ctx, id, "approve", reason)
}

// RejectProposal ends a proposal without the change; its author takes it back so.
func (c *Client) RejectProposal(ctx context.Context, id, reason string) (*Proposal, error) {
	return c.decideProposal(ctx, id, "reject", reason)
}

func (c *Client) decideProposal(ctx context.Context, id, decision, reason string) (*Proposal, error) {
	return one(func(out *Proposal) error {
		return c.change(ctx, http.MethodPost, pathOf("v1", "proposals", id, decision), map[string]string{"reason": reason}, out)
	})
}
