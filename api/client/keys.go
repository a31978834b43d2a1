package client

import (
	"context"
	"net/http"
	"time"
)

// Key is an API key without its secret.
type Key struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Roles     []string   `json:"roles"` // checker, analyst, approver, auditor, admin
	CreatedAt time.Time  `json:"created_at"`
	CreatedBy string     `json:"created_by"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
	RevokedBy string     `json:"revoked_by,omitempty"`
}

// NewKey is a key that has just been made, with its text, which is shown this once.
type NewKey struct {
	Key
	Text string `json:"key"`
}

// KeyRequest describes a key to make.
type KeyRequest struct {
	Name  string   `json:"name"`
	Roles []string `json:"roles"`
}

// AllKeys returns all keys, revoked ones included.
func (c *Client) AllKeys(ctx context.Context) ([]Key, error) {
	var out struct {
		Keys []Key `json:"keys"`
	}
	err := c.get(ctx, "/v1/keys", nil, &out)
	return out.Keys, err
}

// CreateKey makes a key.
func (c *Client) CreateKey(ctx context.Context, r KeyRequest) (*NewKey, error) {
	return one(func(out *NewKey) error { return c.change(ctx, http.MethodPost, "/v1/keys", r, out) })
}

// RevokeKey ends a key.
func (c *Client) RevokeKey(ctx context.Context, id string) error {
	return c.change(ctx, http.MethodDelete, pathOf("v1", "keys", id), nil, nil)
}
