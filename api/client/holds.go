package client

import (
	"context"
	"net/http"
	"time"

	"interdict/lists"
)

// LegalHold is a legal hold: records of its period are not deleted while it is in force.
type LegalHold struct {
	ID     string          `json:"id"`
	State  string          `json:"state"`          // active, ended
	From   *time.Time      `json:"from,omitempty"` // nil: without a beginning
	To     *time.Time      `json:"to,omitempty"`   // nil: without an end
	Reason string          `json:"reason"`
	By     string          `json:"by"`
	At     time.Time       `json:"at"`
	Ended  *lists.Approval `json:"ended,omitempty"`
	// ProposedBy is who proposed to end it; "": who ended it did so alone.
	ProposedBy string `json:"proposed_by,omitempty"`
}

// HoldRequest places a hold. From and To are dates, which are part of the period, or times; "": without a beginning, or without an end.
type HoldRequest struct {
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	Reason string `json:"reason"`
}

// Holds returns all legal holds, the oldest first.
func (c *Client) Holds(ctx context.Context) ([]LegalHold, error) {
	var out struct {
		Holds []LegalHold `json:"holds"`
	}
	err := c.get(ctx, "/v1/holds", nil, &out)
	return out.Holds, err
}

// PlaceHold places a legal hold.
func (c *Client) PlaceHold(ctx context.Context, r HoldRequest) (*LegalHold, error) {
	return one(func(out *LegalHold) error { return c.change(ctx, http.MethodPost, "/v1/holds", r, out) })
}

// EndHold ends a legal hold. A second person must approve it: the error is then a *Proposed.
func (c *Client) EndHold(ctx context.Context, id, reason string) (*LegalHold, error) {
	return one(func(out *LegalHold) error {
		return c.change(ctx, http.MethodPost, pathOf("v1", "holds", id, "end"), reasoned{reason}, out)
	})
}
