package client

import (
	"context"
	"net/http"

	"interdict/lists"
)

// Replicas says which generation each live replica serves.
type Replicas struct {
	Replicas   []lists.Replica `json:"replicas"`
	Generation int             `json:"generation"` // the store's
	Lowest     int             `json:"lowest"`
	Highest    int             `json:"highest"`
	Behind     int             `json:"behind"` // replicas that serve an older one
	Lost       int             `json:"lost"`   // replicas that serve one that the store has lost
}

// Replicas returns the live replicas.
func (c *Client) Replicas(ctx context.Context) (*Replicas, error) {
	return one(func(out *Replicas) error { return c.get(ctx, "/v1/replicas", nil, out) })
}

// Restore puts back into the store what the replica that answers serves and the store has lost.
func (c *Client) Restore(ctx context.Context, reason string) (*lists.Restored, error) {
	return one(func(out *lists.Restored) error {
		return c.change(ctx, http.MethodPost, "/v1/restore", reasoned{reason}, out)
	})
}
