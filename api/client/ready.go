package client

import (
	"context"
	"net/http"
)

// Readiness says whether the server that answers can answer checks, and what needs a person's attention.
type Readiness struct {
	Status string           `json:"status"` // ready, not ready
	Checks []ReadinessCheck `json:"checks"`
}

// ReadinessCheck is one thing that a server needs.
type ReadinessCheck struct {
	Name   string `json:"name"`
	Status string `json:"status"` // ok, warn, fail
	Detail string `json:"detail,omitempty"`
}

// Ready returns the readiness of the server that answers.
func (c *Client) Ready(ctx context.Context) (*Readiness, error) {
	return one(func(out *Readiness) error {
		return c.do(ctx, request{method: http.MethodGet, path: "/readyz", also: http.StatusServiceUnavailable, repeatable: true}, out)
	})
}
