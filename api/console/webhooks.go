package console

import (
	"slices"

	"interdict/api/client"
)

// deliveriesShown is how many deliveries the log of a webhook shows.
const deliveriesShown = 100

func (c *Console) addWebhooks() {
	c.staff("GET /console/webhooks", (*page).webhooks)
	c.staff("POST /console/webhooks", (*page).changeWebhooks)
	c.staff("GET /console/webhooks/{id}", (*page).webhook)
}

// webhooksPage is what the page of the webhooks shows.
type webhooksPage struct {
	Webhooks []client.Webhook
	Types    []string
	Once     *once
}

func (p *page) webhooks() error { return p.showWebhooks(nil) }

func (p *page) showWebhooks(secret *once) error {
	all, err := p.api.Webhooks(p.r.Context())
	if err != nil {
		return err
	}
	return p.show("webhooks", "Webhooks", webhooksPage{all, p.c.o.Events, secret})
}

// webhook shows the deliveries of a webhook.
func (p *page) webhook() error {
	ctx, id := p.r.Context(), p.r.PathValue("id")
	deliveries, err := p.api.Deliveries(ctx, id, deliveriesShown)
	if err != nil {
		return err
	}
	all, err := p.api.Webhooks(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(x client.Webhook) bool { return x.ID == id })
	if i < 0 {
		return missing("webhook", "it was deleted just now")
	}
	return p.show("webhook", "Deliveries", struct {
		Webhook    client.Webhook
		Deliveries []client.Delivery
		Most       int
	}{all[i], deliveries, deliveriesShown})
}

// changeWebhooks makes, rotates, tests or deletes a webhook.
func (p *page) changeWebhooks() error {
	ctx, id := p.r.Context(), p.text("id")
	var err error
	var secret *once
	var made *client.NewWebhook
	to, said := "/console/webhooks", ""
	switch p.text("do") {
	case "rotate":
		overlap := p.text("overlap")
		made, err = p.api.RotateWebhook(ctx, id, client.Rotation{Overlap: &overlap, Reason: p.text("reason")})
		secret, err = secretOf(made, err)
	case "test":
		said = "A ping is on its way: the log below shows what the receiver answers. Load the page again in a moment."
		if _, err = p.api.TestWebhook(ctx, id); err == nil {
			to += "/" + id
		}
	case "delete":
		said = "The webhook was deleted with its deliveries."
		if p.text("confirm") == "" {
			err = missing("delete", "confirm that the webhook is to go")
		} else {
			err = p.api.DeleteWebhook(ctx, id)
		}
	default:
		if err = p.need("url"); err == nil {
			made, err = p.api.CreateWebhook(ctx, client.WebhookRequest{URL: p.text("url"), Events: p.form()["events"], Description: p.text("description"), Reason: p.text("reason")})
			secret, err = secretOf(made, err)
		}
	}
	if secret != nil {
		p.r.PostForm = nil // the form is done
		return p.showWebhooks(secret)
	}
	if err == nil {
		return p.done(to, said)
	}
	all, failed := p.api.Webhooks(ctx)
	if failed != nil {
		return failed
	}
	return p.showWrong("webhooks", "Webhooks", webhooksPage{Webhooks: all, Types: p.c.o.Events}, err)
}

func secretOf(made *client.NewWebhook, err error) (*once, error) {
	if err != nil {
		return nil, err
	}
	return onceOf("secret", made.URL, made.Secret, nil)
}
