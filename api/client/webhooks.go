package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Webhook is where events are sent. Its secret is not shown.
type Webhook struct {
	ID          string     `json:"id"`
	URL         string     `json:"url"`    // without the values of its query
	Events      []string   `json:"events"` // types, or patterns of them
	Description string     `json:"description,omitempty"`
	CreatedAt   time.Time  `json:"created_at"`
	CreatedBy   string     `json:"created_by"`
	RotatedAt   *time.Time `json:"rotated_at,omitempty"`
	OldUntil    *time.Time `json:"old_until,omitempty"`   // until when the secret before the rotation signs, too
	DisabledAt  *time.Time `json:"disabled_at,omitempty"` // when it answered 410 Gone
	Waiting     int        `json:"waiting"`               // deliveries
	Dropped     int        `json:"dropped"`               // events, because too many deliveries waited
	DroppedAt   *time.Time `json:"dropped_at,omitempty"`
}

// NewWebhook is a webhook that has just been made or rotated, with its secret, which is shown this once.
type NewWebhook struct {
	Webhook
	Secret string `json:"secret"`
}

// WebhookRequest describes a webhook to make. The default of the events is all.
type WebhookRequest struct {
	URL         string   `json:"url"`
	Events      []string `json:"events,omitempty"`
	Description string   `json:"description,omitempty"`
	Reason      string   `json:"reason,omitempty"`
}

// Delivery is one event on its way to one webhook.
type Delivery struct {
	ID          string            `json:"id"` // the header webhook-id
	Event       string            `json:"event"`
	Type        string            `json:"type"`
	At          time.Time         `json:"at"` // of the event
	CreatedAt   time.Time         `json:"created_at"`
	State       string            `json:"state"` // waiting, delivered, failed
	NextAttempt *time.Time        `json:"next_attempt,omitempty"`
	FinishedAt  *time.Time        `json:"finished_at,omitempty"`
	Attempts    int               `json:"attempts"`
	Log         []DeliveryAttempt `json:"log"` // the last attempts, the oldest first
}

// DeliveryAttempt is one request.
type DeliveryAttempt struct {
	At         time.Time `json:"at"`
	Status     int       `json:"status,omitempty"` // 0: there was no answer
	DurationMS int64     `json:"duration_ms"`
	Error      string    `json:"error,omitempty"`
}

// Webhooks returns all webhooks.
func (c *Client) Webhooks(ctx context.Context) ([]Webhook, error) {
	var out struct {
		Webhooks []Webhook `json:"webhooks"`
	}
	err := c.get(ctx, "/v1/webhooks", nil, &out)
	return out.Webhooks, err
}

// CreateWebhook makes a webhook.
func (c *Client) CreateWebhook(ctx context.Context, r WebhookRequest) (*NewWebhook, error) {
	return one(func(out *NewWebhook) error { return c.change(ctx, http.MethodPost, "/v1/webhooks", r, out) })
}

// RotateWebhook gives a webhook a new secret.
func (c *Client) RotateWebhook(ctx context.Context, id string, r Rotation) (*NewWebhook, error) {
	return one(func(out *NewWebhook) error {
		return c.change(ctx, http.MethodPost, pathOf("v1", "webhooks", id, "rotate"), r, out)
	})
}

// DeleteWebhook deletes a webhook with its deliveries.
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	return c.change(ctx, http.MethodDelete, pathOf("v1", "webhooks", id), nil, nil)
}

// TestWebhook sends a ping to a webhook.
func (c *Client) TestWebhook(ctx context.Context, id string) (*Delivery, error) {
	return one(func(out *Delivery) error {
		return c.change(ctx, http.MethodPost, pathOf("v1", "webhooks", id, "test"), nil, out)
	})
}

// Deliveries returns the newest deliveries of a webhook, the newest first.
func (c *Client) Deliveries(ctx context.Context, id string, limit int) ([]Delivery, error) {
	var out struct {
		Deliveries []Delivery `json:"deliveries"`
	}
	err := c.get(ctx, pathOf("v1", "webhooks", id, "deliveries"), url.Values{"limit": {strconv.Itoa(limit)}}, &out)
	return out.Deliveries, err
}
