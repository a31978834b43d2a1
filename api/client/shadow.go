package client

import (
	"context"
	"time"
)

// Shadow compares the answers of a server's drop-in endpoints with those of the original services, since the server started. All differences of all
// servers are in the record, as changes with action "shadow".
type Shadow struct {
	Services    []ShadowService    `json:"services"`    // that are asked
	Differences []ShadowDifference `json:"differences"` // the newest first, at most 1,000
}

// ShadowService counts addresses that one service was asked for as well.
type ShadowService struct {
	Service    string `json:"service"` // chainalysis, trm, scorechain
	URL        string `json:"url"`
	Same       int    `json:"same"`
	OursOnly   int    `json:"ours_only"`            // only Interdict says listed
	TheirsOnly int    `json:"theirs_only"`          // only the original says listed
	Failed     int    `json:"failed"`               // the original gave no answer
	Dropped    int    `json:"dropped"`              // too many waited
	LastError  string `json:"last_error,omitempty"` // of the original
}

// ShadowDifference is an address that only one of the two calls listed.
type ShadowDifference struct {
	At      time.Time `json:"at"`
	Service string    `json:"service"`
	Address string    `json:"address"`
	CheckID string    `json:"check_id,omitempty"`
	Ours    bool      `json:"ours"`
	Theirs  bool      `json:"theirs"`
}

// Shadow returns how the drop-in endpoints of this server compare with the original services.
func (c *Client) Shadow(ctx context.Context) (*Shadow, error) {
	return one(func(out *Shadow) error { return c.get(ctx, "/v1/shadow", nil, out) })
}
