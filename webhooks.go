package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/egress"
	"interdict/lists/fault"
	"interdict/webhook"
)

// webhookFlags say where webhooks may be sent.
type webhookFlags struct {
	WebhookAllow []string `help:"Internal networks that webhooks may reach, also over plain http; none when not given." placeholder:"CIDR"`
}

// allowed returns the networks.
func (f *webhookFlags) allowed() ([]netip.Prefix, error) {
	networks, err := egress.ParseNetworks(f.WebhookAllow)
	if err != nil {
		return nil, fmt.Errorf("--webhook-allow: %w", err)
	}
	return networks, nil
}

// deliverer makes what delivers webhooks.
func (f *webhookFlags) deliverer(o *opened, allowed []netip.Prefix, registry *prometheus.Registry, log *slog.Logger) *webhook.Deliverer {
	return webhook.NewDeliverer(webhook.Options{Store: o.store, Ledger: lists.Ledger{Recorder: recorder{o.journal}, Log: log, Now: time.Now}, Log: log, Now: time.Now,
		Owner: hostname() + "-" + uuid.NewString(), Guard: egress.Guard{Allowed: allowed}, Metrics: newWebhookMetrics(registry)})
}

type webhooksCmd struct {
	Create     webhookCreateCmd     `cmd:"" help:"Make a webhook; its secret is shown this once."`
	List       webhookListCmd       `cmd:"" help:"Show all webhooks." default:"withargs"`
	Rotate     webhookRotateCmd     `cmd:"" help:"Give a webhook a new secret; the old one signs, too, for a while."`
	Delete     webhookDeleteCmd     `cmd:"" help:"Delete a webhook with its deliveries."`
	Deliveries webhookDeliveriesCmd `cmd:"" help:"Show what was sent to a webhook, and the outcome."`
	Test       webhookTestCmd       `cmd:"" help:"Send a ping to a webhook."`
}

type webhookCreateCmd struct {
	target
	webhookFlags
	URL         string   `arg:"" name:"url" help:"An https URL."`
	Events      []string `help:"Types of events, or patterns such as list.*; all when not given." placeholder:"EVENTS" env:"-"`
	Description string   `help:"What the webhook is for." placeholder:"TEXT" env:"-"`
	Reason      string   `help:"Why; it goes on record." env:"-"`
	JSON        bool     `help:"Print JSON."`
}

// Help is shown under webhooks create --help.
func (*webhookCreateCmd) Help() string {
	return "Events: " + strings.Join(webhook.Types, ", ") + "\n\n" +
		"Examples:\n  interdict webhooks create https://desk.example/interdict --events 'alert.*,list.failed'\n" +
		"  interdict webhooks create https://desk.example/interdict --server http://127.0.0.1:8080"
}

func (c *webhookCreateCmd) Run(e *env) error {
	r := client.WebhookRequest{URL: c.URL, Events: c.Events, Description: c.Description, Reason: c.Reason}
	networks, err := c.allowed()
	if err != nil {
		return usage("%w", err)
	}
	c.webhookAllow = networks
	return c.changes(e, func(o operations) error {
		made, err := o.CreateWebhook(e.ctx, r)
		return printNewWebhook(e, made, err, c.JSON)
	})
}

// printNewWebhook prints a webhook with its secret.
func printNewWebhook(e *env, made *client.NewWebhook, err error, asJSON bool) error {
	return printResult(e, asJSON, made, err, func(made *client.NewWebhook) {
		fmt.Fprintf(e.stderr, "webhook %s for %s; its secret is shown this once:\n", made.ID, strings.Join(made.Events, ","))
		fmt.Fprintln(e.stdout, made.Secret)
	})
}

type webhookListCmd struct {
	target
	JSON bool `help:"Print JSON."`
}

// Help is shown under webhooks list --help.
func (*webhookListCmd) Help() string { return "Example:\n  interdict webhooks list" }

func (c *webhookListCmd) Run(e *env) error {
	return c.reads(e, func(o operations) error {
		all, err := o.Webhooks(e.ctx)
		return printResult(e, c.JSON, all, err, func(all []client.Webhook) {
			for i := range all {
				fmt.Fprintf(e.stdout, "%-18s %-40s %-28s %s\n", all[i].ID, all[i].URL, strings.Join(all[i].Events, ","), webhookState(&all[i]))
			}
		})
	})
}

// webhookState says what waits for a webhook, and what it has lost.
func webhookState(w *client.Webhook) string {
	if w.DisabledAt != nil {
		return "disabled " + w.DisabledAt.Format(time.RFC3339) + ": it answered 410 Gone"
	}
	state := strconv.Itoa(w.Waiting) + " waiting"
	if w.Dropped > 0 {
		state += fmt.Sprintf(", %d DROPPED, the last one %s", w.Dropped, w.DroppedAt.Format(time.RFC3339))
	}
	return state
}

type webhookRotateCmd struct {
	target
	ID      string  `arg:"" help:"Id of the webhook."`
	Overlap *string `help:"How long the old secret signs, too: 24h when not given." placeholder:"DURATION" env:"-"`
	Reason  string  `help:"Why; it goes on record." env:"-"`
	JSON    bool    `help:"Print JSON."`
}

// Help is shown under webhooks rotate --help.
func (*webhookRotateCmd) Help() string {
	return "Examples:\n  interdict webhooks rotate ID --overlap 72h\n  interdict webhooks rotate ID --overlap 0s --reason 'it was in a log' --server http://127.0.0.1:8080"
}

func (c *webhookRotateCmd) Run(e *env) error {
	return c.changes(e, func(o operations) error {
		made, err := o.RotateWebhook(e.ctx, c.ID, client.Rotation{Overlap: c.Overlap, Reason: c.Reason})
		return printNewWebhook(e, made, err, c.JSON)
	})
}

type webhookDeleteCmd struct {
	target
	ID string `arg:"" help:"Id of the webhook."`
}

// Help is shown under webhooks delete --help.
func (*webhookDeleteCmd) Help() string { return "Example:\n  interdict webhooks delete ID" }

func (c *webhookDeleteCmd) Run(e *env) error {
	return c.changes(e, func(o operations) error { return o.DeleteWebhook(e.ctx, c.ID) })
}

type webhookDeliveriesCmd struct {
	target
	ID    string `arg:"" help:"Id of the webhook."`
	Limit int    `help:"How many, the newest first." default:"100" placeholder:"N" env:"-"`
	JSON  bool   `help:"Print JSON."`
}

// Help is shown under webhooks deliveries --help.
func (*webhookDeliveriesCmd) Help() string {
	return "Example:\n  interdict webhooks deliveries ID --limit 20"
}

func (c *webhookDeliveriesCmd) Run(e *env) error {
	if c.Limit > 10000 {
		return usage("--limit must be at most 10000")
	}
	return c.reads(e, func(o operations) error {
		all, err := o.Deliveries(e.ctx, c.ID, c.Limit)
		return printResult(e, c.JSON, all, err, func(all []client.Delivery) {
			for i := range all {
				printDelivery(e, &all[i])
			}
		})
	})
}

func printDelivery(e *env, d *client.Delivery) {
	text := ""
	if len(d.Log) > 0 {
		last := d.Log[len(d.Log)-1]
		text = "; " + cmp.Or(last.Error, "status "+strconv.Itoa(last.Status))
	}
	if d.NextAttempt != nil {
		text += "; next attempt " + d.NextAttempt.Format(time.RFC3339)
	}
	fmt.Fprintf(e.stdout, "%s %-20s %-17s %-9s  %d attempts%s\n", d.ID, d.CreatedAt.Format(time.RFC3339), d.Type, d.State, d.Attempts, text)
}

type webhookTestCmd struct {
	target
	ID   string        `arg:"" help:"Id of the webhook."`
	Wait time.Duration `help:"With --server: how long to wait for the first attempt." default:"15s" env:"-"`
	JSON bool          `help:"Print JSON."`
}

// Help is shown under webhooks test --help.
func (*webhookTestCmd) Help() string {
	return "A server sends the ping; on a store without one it waits.\n\nExample:\n  interdict webhooks test ID --server http://127.0.0.1:8080"
}

func (c *webhookTestCmd) Run(e *env) error {
	return c.changes(e, func(o operations) error {
		ping, err := o.TestWebhook(e.ctx, c.ID)
		if err == nil && c.Server != "" {
			ping, err = c.await(e, o, ping)
		}
		if err := printResult(e, c.JSON, ping, err, func(ping *client.Delivery) { printDelivery(e, ping) }); err != nil {
			return err
		}
		if c.Server != "" && ping.State != string(webhook.Delivered) {
			return fault.E(fault.Unavailable, "the ping was not delivered yet")
		}
		return nil
	})
}

// await returns a delivery after its first attempt, or as it is when the time is over.
func (c *webhookTestCmd) await(e *env, o operations, ping *client.Delivery) (*client.Delivery, error) {
	for end := time.Now().Add(c.Wait); ping.Attempts == 0 && time.Now().Before(end); {
		select {
		case <-e.ctx.Done():
			return nil, e.ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
		all, err := o.Deliveries(e.ctx, c.ID, 100)
		if err != nil {
			return nil, err
		}
		for i := range all {
			if all[i].ID == ping.ID {
				ping = &all[i]
			}
		}
	}
	return ping, nil
}

// webhookMetrics shows how deliveries go.
type webhookMetrics struct {
	attempts *prometheus.CounterVec
	mu       sync.Mutex
	waiting  int
	dropped  int
	oldest   time.Time
}

func newWebhookMetrics(registry *prometheus.Registry) *webhookMetrics {
	m := &webhookMetrics{attempts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "interdict_webhook_attempts_total",
		Help: "Attempts of this process to deliver an event, by outcome: delivered, retry, failed (for good)."}, []string{"outcome"})}
	for _, outcome := range []string{"delivered", "retry", "failed"} {
		m.attempts.WithLabelValues(outcome)
	}
	registry.MustRegister(m.attempts)
	for name, x := range map[string]struct {
		help  string
		value func() float64
	}{
		"interdict_webhook_waiting":                  {"Deliveries that wait for an attempt. 0 in a server that does not deliver at the moment: one of the servers on a store does.", func() float64 { return float64(m.waiting) }},
		"interdict_webhook_dropped":                  {"Events that were dropped because too many deliveries waited, of the webhooks that are there. 0 in a server that does not deliver at the moment.", func() float64 { return float64(m.dropped) }},
		"interdict_webhook_oldest_timestamp_seconds": {"When the oldest delivery that waits was made; 0 for none.", func() float64 { return unixSeconds(m.oldest) }},
	} {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: x.help}, func() float64 {
			m.mu.Lock()
			defer m.mu.Unlock()
			return x.value()
		}))
	}
	return m
}

// Attempted counts one attempt.
func (m *webhookMetrics) Attempted(outcome string) { m.attempts.WithLabelValues(outcome).Inc() }

// Queue takes what waits.
func (m *webhookMetrics) Queue(waiting, dropped int, oldest time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting, m.dropped, m.oldest = waiting, dropped, oldest
}
