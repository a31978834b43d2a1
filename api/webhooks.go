package api

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/egress"
	"interdict/webhook"
)

func (o *Operations) webhooks() *webhook.Endpoints {
	return &webhook.Endpoints{Store: o.Store, Ledger: o.Ledger, Guard: egress.Guard{Allowed: o.WebhookAllow}, Log: o.Log, Now: o.Now}
}

// Webhooks returns all webhooks.
func (a *Acting) Webhooks(ctx context.Context) ([]client.Webhook, error) {
	all, err := a.webhooks().List(ctx)
	if err != nil {
		return nil, err
	}
	views := make([]client.Webhook, len(all))
	for i := range all {
		views[i] = viewWebhook(&all[i].Endpoint)
		views[i].Waiting, views[i].Dropped, views[i].DroppedAt = all[i].Queue.Waiting, all[i].Queue.Dropped, all[i].Queue.DroppedAt
	}
	return views, nil
}

func viewWebhook(e *webhook.Endpoint) client.Webhook {
	return client.Webhook{ID: e.ID, URL: lists.RedactURL(e.URL), Events: e.Events, Description: e.Description, CreatedAt: e.CreatedAt, CreatedBy: e.CreatedBy,
		RotatedAt: e.RotatedAt, OldUntil: e.OldUntil, DisabledAt: e.DisabledAt}
}

// newWebhook shows a webhook with its secret.
func newWebhook(e *webhook.Endpoint, err error) (*client.NewWebhook, error) {
	if err != nil {
		return nil, err
	}
	return &client.NewWebhook{Webhook: viewWebhook(e), Secret: e.Secret}, nil
}

// CreateWebhook makes a webhook.
func (a *Acting) CreateWebhook(ctx context.Context, r client.WebhookRequest) (*client.NewWebhook, error) {
	return newWebhook(a.webhooks().Create(ctx, webhook.Endpoint{URL: r.URL, Events: r.Events, Description: r.Description}, a.person.Actor, r.Reason))
}

// RotateWebhook gives a webhook a new secret. The old one signs, too, for the overlap ("24h"; nil is a day).
func (a *Acting) RotateWebhook(ctx context.Context, id string, r client.Rotation) (*client.NewWebhook, error) {
	overlap := webhook.DefaultOverlap
	if r.Overlap != nil {
		var err error
		if overlap, err = duration("overlap", *r.Overlap); err != nil {
			return nil, err
		}
	}
	return newWebhook(a.webhooks().Rotate(ctx, id, overlap, a.person.Actor, r.Reason))
}

// DeleteWebhook deletes a webhook with its deliveries.
func (a *Acting) DeleteWebhook(ctx context.Context, id string) error {
	return a.webhooks().Delete(ctx, id, a.person.Actor, "")
}

// TestWebhook sends a ping to a webhook. The delivery waits for a server.
func (a *Acting) TestWebhook(ctx context.Context, id string) (*client.Delivery, error) {
	d, err := a.webhooks().Test(ctx, id, a.person.Actor)
	if err != nil {
		return nil, err
	}
	v := viewDelivery(d)
	return &v, nil
}

// Deliveries returns the newest deliveries of a webhook, the newest first.
func (a *Acting) Deliveries(ctx context.Context, id string, limit int) ([]client.Delivery, error) {
	all, err := a.webhooks().Deliveries(ctx, id, limit)
	if err != nil {
		return nil, err
	}
	views := make([]client.Delivery, len(all))
	for i := range all {
		views[i] = viewDelivery(&all[i])
	}
	return views, nil
}

func viewDelivery(d *webhook.Delivery) client.Delivery {
	v := client.Delivery{ID: d.ID, Event: d.Event, Type: d.Type, At: d.At, CreatedAt: d.Created, State: string(d.State), FinishedAt: d.Finished, Attempts: d.Attempts,
		Log: make([]client.DeliveryAttempt, len(d.Log))}
	if d.State == webhook.Waiting {
		v.NextAttempt = &d.Next
	}
	for i, a := range d.Log {
		v.Log[i] = client.DeliveryAttempt{At: a.At, Status: a.Status, DurationMS: a.Duration, Error: a.Error}
	}
	return v
}

func (s *Server) getWebhooks(c *gin.Context, who *auth.Principal) error {
	all, err := s.as(who).Webhooks(c.Request.Context())
	if err != nil {
		return err
	}
	return renderPage(c, "webhooks", all, func(w *client.Webhook) string { return w.ID })
}

func (s *Server) postWebhook(c *gin.Context, who *auth.Principal) error {
	var in client.WebhookRequest
	if err := bind(c, &in); err != nil {
		return err
	}
	made, err := s.as(who).CreateWebhook(c.Request.Context(), in)
	if err != nil {
		return err
	}
	return render(c, http.StatusCreated, made)
}

func (s *Server) rotateWebhook(c *gin.Context, who *auth.Principal) error {
	var in client.Rotation
	if err := bind(c, &in); err != nil {
		return err
	}
	made, err := s.as(who).RotateWebhook(c.Request.Context(), param(c, "id"), in)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, made)
}

func (s *Server) deleteWebhook(c *gin.Context, who *auth.Principal) error {
	if err := s.as(who).DeleteWebhook(c.Request.Context(), param(c, "id")); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Server) testWebhook(c *gin.Context, who *auth.Principal) error {
	d, err := s.as(who).TestWebhook(c.Request.Context(), param(c, "id"))
	if err != nil {
		return err
	}
	return render(c, http.StatusAccepted, d)
}

func (s *Server) getDeliveries(c *gin.Context, who *auth.Principal) error {
	q, err := query(c, "limit")
	if err != nil {
		return err
	}
	_, limit, err := page(q)
	if err != nil {
		return err
	}
	if q["limit"] == "" {
		limit = defaultDeliveries
	}
	all, err := s.as(who).Deliveries(c.Request.Context(), param(c, "id"), limit)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, gin.H{"deliveries": all})
}

// defaultDeliveries is how many deliveries are shown when no limit is asked for.
const defaultDeliveries = 100
