package client

import (
	"context"
	"net/url"
	"time"
)

// Traffic is how many checks were answered over time, by all servers together.
type Traffic struct {
	AsOf   time.Time      `json:"as_of"` // of the answer; servers report once a minute
	Step   string         `json:"step"`  // "5m"
	Points []TrafficPoint `json:"points"`
}

// TrafficPoint counts the checks of one step.
type TrafficPoint struct {
	At     time.Time `json:"at"` // start of the step
	Checks int64     `json:"checks"`
	Hits   int64     `json:"hits"`
	Misses int64     `json:"misses"`
	Errors int64     `json:"errors"`
}

// Traffic returns the checks per step from a time until another one; zero times stand for the last 24 hours.
func (c *Client) Traffic(ctx context.Context, from, to time.Time) (*Traffic, error) {
	query := url.Values{}
	for name, at := range map[string]time.Time{"from": from, "to": to} {
		if !at.IsZero() {
			query.Set(name, at.Format(time.RFC3339Nano))
		}
	}
	return one(func(out *Traffic) error { return c.get(ctx, "/v1/traffic", query, out) })
}
