package client

import (
	"context"
	"net/url"
	"time"

	"interdict/lists"
)

// TimelinessQuery selects activations.
type TimelinessQuery struct {
	List     string    // "": all lists
	From, To time.Time // of the activation: From or later, before To; zero: no limit
}

// Timeliness returns how long versions took from publication until every replica answered from them.
func (c *Client) Timeliness(ctx context.Context, q TimelinessQuery) (*lists.Timeliness, error) {
	v := url.Values{}
	if q.List != "" {
		v.Set("list", q.List)
	}
	if !q.From.IsZero() {
		v.Set("from", q.From.Format(time.RFC3339Nano))
	}
	if !q.To.IsZero() {
		v.Set("to", q.To.Format(time.RFC3339Nano))
	}
	return one(func(out *lists.Timeliness) error { return c.get(ctx, "/v1/reports/timeliness", v, out) })
}
