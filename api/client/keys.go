package client

import (
	"context"
	"net/http"
	"time"

	"interdict/lists"
)

// Key is an API key without its secret.
type Key struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Person string   `json:"person"`          // who acts with it
	Roles  []string `json:"roles"`           // checker, analyst, approver, auditor, admin
	Lists  []string `json:"lists,omitempty"` // patterns of the lists that it may read and change; none: all
	CIDRs  []string `json:"cidrs,omitempty"` // client networks that it works from; none: all
	// Expires is when the key ends by itself; nil: never.
	Expires         *time.Time    `json:"expires,omitempty"`
	ChecksPerSecond float64       `json:"checks_per_second,omitempty"` // 0: the server's limit
	Certificate     string        `json:"certificate,omitempty"`       // name that the client's certificate must have
	DropIn          *lists.DropIn `json:"drop_in,omitempty"`           // how the drop-in endpoints answer it; nil: the default
	CreatedAt       time.Time     `json:"created_at"`
	CreatedBy       string        `json:"created_by"`
	Setup           bool          `json:"setup,omitempty"`     // made while fewer than two people could approve
	LastUsed        *time.Time    `json:"last_used,omitempty"` // to within a minute
	RotatedAt       *time.Time    `json:"rotated_at,omitempty"`
	OldUntil        *time.Time    `json:"old_until,omitempty"` // until when the text before the rotation works
	RevokedAt       *time.Time    `json:"revoked_at,omitempty"`
	RevokedBy       string        `json:"revoked_by,omitempty"`
}

// NewKey is a key that has just been made or rotated, with its text, which is shown this once.
type NewKey struct {
	Key
	Text string `json:"key"`
}

// KeyRequest describes a key to make. The default of the person is the name.
type KeyRequest struct {
	Name            string        `json:"name"`
	Person          string        `json:"person,omitempty"`
	Roles           []string      `json:"roles"`
	Lists           []string      `json:"lists,omitempty"`
	CIDRs           []string      `json:"cidrs,omitempty"`
	Expires         *time.Time    `json:"expires,omitempty"`
	ChecksPerSecond float64       `json:"checks_per_second,omitempty"`
	Certificate     string        `json:"certificate,omitempty"`
	DropIn          *lists.DropIn `json:"drop_in,omitempty"`
	Reason          string        `json:"reason,omitempty"`
}

// Rotation describes how a key gets a new text.
type Rotation struct {
	// Overlap is how long the old text goes on working: "24h" (also for nil), at most "720h".
	Overlap *string `json:"overlap,omitempty"`
	Reason  string  `json:"reason,omitempty"`
}

// AllKeys returns all keys, revoked ones included.
func (c *Client) AllKeys(ctx context.Context) ([]Key, error) {
	var out struct {
		Keys []Key `json:"keys"`
	}
	err := c.get(ctx, "/v1/keys", nil, &out)
	return out.Keys, err
}

// CreateKey makes a key. An approver or administrator needs a second person: the error is then a *Proposed with the text of the key.
func (c *Client) CreateKey(ctx context.Context, r KeyRequest) (*NewKey, error) {
	return one(func(out *NewKey) error { return c.change(ctx, http.MethodPost, "/v1/keys", r, out) })
}

// RotateKey gives a key a new text.
func (c *Client) RotateKey(ctx context.Context, id string, r Rotation) (*NewKey, error) {
	return one(func(out *NewKey) error {
		return c.change(ctx, http.MethodPost, pathOf("v1", "keys", id, "rotate"), r, out)
	})
}

// RevokeKey ends a key.
func (c *Client) RevokeKey(ctx context.Context, id string) error {
	return c.change(ctx, http.MethodDelete, pathOf("v1", "keys", id), nil, nil)
}
