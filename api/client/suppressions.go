package client

import (
	"context"
	"net/http"
	"time"

	"interdict/lists"
)

// Suppression sets aside what one list says of one address, for a time and a reason, with the agreement of two people.
type Suppression struct {
	ID         string                 `json:"id"`
	List       string                 `json:"list"`
	Address    string                 `json:"address"`
	Network    string                 `json:"network,omitempty"`
	Listings   int                    `json:"listings"` // that it was given for
	Reason     string                 `json:"reason"`
	Until      time.Time              `json:"until"`
	State      lists.SuppressionState `json:"state"`
	ProposedBy string                 `json:"proposed_by"`
	ProposedAt time.Time              `json:"proposed_at"`
	Decided    *lists.Approval        `json:"decided,omitempty"`
	Closed     *lists.Approval        `json:"closed,omitempty"`
	Alone      string                 `json:"alone,omitempty"` // why one person was enough
}

// SuppressionRequest proposes a suppression. Network "" means every reading of the address.
type SuppressionRequest struct {
	Address string    `json:"address"`
	Network string    `json:"network,omitempty"`
	Reason  string    `json:"reason"`
	Until   time.Time `json:"until"` // at most 366 days from now
}

// Suppressions returns all suppressions of a list.
func (c *Client) Suppressions(ctx context.Context, list string) ([]Suppression, error) {
	var out struct {
		Suppressions []Suppression `json:"suppressions"`
	}
	err := c.get(ctx, pathOf("v1", "lists", list, "suppressions"), nil, &out)
	return out.Suppressions, err
}

// ProposeSuppression proposes a suppression; another person must approve it, or the proposal with its id.
func (c *Client) ProposeSuppression(ctx context.Context, list string, r SuppressionRequest) (*Suppression, error) {
	return one(func(out *Suppression) error {
		body, err := jsonBody(r)
		if err != nil {
			return err
		}
		return c.do(ctx, request{method: http.MethodPost, path: pathOf("v1", "lists", list, "suppressions"), body: body}, out)
	})
}

// ApproveSuppression puts a proposed suppression in force.
func (c *Client) ApproveSuppression(ctx context.Context, list, id, reason string) (*Suppression, error) {
	return c.decideSuppression(ctx, list, id, "approve", reason)
}

// RejectSuppression ends a proposed suppression.
func (c *Client) RejectSuppression(ctx context.Context, list, id, reason string) (*Suppression, error) {
	return c.decideSuppression(ctx, list, id, "reject", reason)
}

// EndSuppression ends a suppression in force before its time.
func (c *Client) EndSuppression(ctx context.Context, list, id, reason string) (*Suppression, error) {
	return c.decideSuppression(ctx, list, id, "end", reason)
}

func (c *Client) decideSuppression(ctx context.Context, list, id, decision, reason string) (*Suppression, error) {
	return one(func(out *Suppression) error {
		return c.change(ctx, http.MethodPost, pathOf("v1", "lists", list, "suppressions", id, decision), reasoned{reason}, out)
	})
}
