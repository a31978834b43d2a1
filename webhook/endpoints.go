package webhook

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base32"
	"log/slog"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/egress"
	"interdict/lists/fault"
)

// Endpoints makes, changes and deletes the endpoints of a store. Each change is recorded, without secrets.
type Endpoints struct {
	Store  lists.Store
	Ledger lists.Ledger
	Guard  egress.Guard // as far as a URL shows it by itself; the deliverer decides
	Log    *slog.Logger
	Now    func() time.Time
}

// Status is an endpoint with what waits for it.
type Status struct {
	Endpoint
	Queue Queue
}

// shownEndpoint is an endpoint as records show it.
type shownEndpoint struct {
	URL         string     `json:"url"`
	Events      []string   `json:"events"`
	Description string     `json:"description,omitempty"`
	RotatedAt   *time.Time `json:"rotated_at,omitempty"`
	OldUntil    *time.Time `json:"old_until,omitempty"`
	DisabledAt  *time.Time `json:"disabled_at,omitempty"`
}

// changeEvent returns the event of a change of an endpoint. before or after may be nil.
func changeEvent(action string, by lists.Actor, reason string, before, after *Endpoint) *lists.Event {
	e := lists.NewEvent(action, by, reason, &lists.Warrant{})
	e.Subject = cmp.Or(before, after).ID
	shown := func(x *Endpoint) any {
		if x == nil {
			return struct{}{}
		}
		return shownEndpoint{recordedURL(x.URL), x.Events, x.Description, x.RotatedAt, x.OldUntil, x.DisabledAt}
	}
	e.Before, e.After = lists.Difference(shown(before), shown(after))
	return e
}

// recordedURL returns a URL as records show it: the path is the secret of many receivers.
func recordedURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "xxxxx"
	}
	shown := u.Scheme + "://" + u.Host
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		shown += "/xxxxx"
	}
	return shown
}

// List returns all endpoints, the oldest first.
func (x *Endpoints) List(ctx context.Context) ([]Status, error) {
	all, err := lists.ReadAll[Endpoint](ctx, x.Store, lists.DocWebhooks)
	if err != nil {
		return nil, err
	}
	out := make([]Status, len(all))
	for i := range all {
		q, _, err := readQueue(ctx, x.Store, all[i].ID)
		if err != nil {
			return nil, err
		}
		out[i] = Status{all[i], q}
	}
	slices.SortFunc(out, func(a, b Status) int { return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// Create makes an endpoint from the URL, the events (none: all) and the description of e. The endpoint that is returned has the secret.
func (x *Endpoints) Create(ctx context.Context, e Endpoint, by lists.Actor, reason string) (*Endpoint, error) {
	if err := x.checkURL(e.URL); err != nil {
		return nil, err
	}
	events, err := checkEvents(e.Events)
	if err != nil {
		return nil, err
	}
	if len(e.Description) > 200 || address.HoldsSecret(e.Description) {
		return nil, fault.E(fault.Invalid, "description: at most 200 bytes, without keys")
	}
	id := make([]byte, 10)
	rand.Read(id)
	out := &Endpoint{ID: strings.ToLower(base32.StdEncoding.EncodeToString(id)), URL: e.URL, Events: events, Description: lists.PlainText(strings.TrimSpace(e.Description)),
		Secret: newSecret(), CreatedAt: x.Now().UTC(), CreatedBy: by.Person}
	return out, x.Ledger.Do(changeEvent("webhook-create", by, reason, nil, out), func() error {
		docs, err := x.Store.Scan(ctx, lists.DocWebhooks)
		if err != nil {
			return err
		}
		if len(docs) >= MaxEndpoints {
			return fault.E(fault.Conflict, "there are %d webhooks already: delete one first", len(docs))
		}
		return x.Store.Commit(ctx, lists.Put(lists.DocWebhook(out.ID), out, 0))
	})
}

// checkURL returns what is wrong with the URL of an endpoint. The error does not have it: it may hold a secret.
func (x *Endpoints) checkURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || len(raw) > 2000:
		return fault.E(fault.Invalid, "url: must be an https URL of at most 2000 bytes")
	case u.User != nil || u.Fragment != "":
		return fault.E(fault.Invalid, "url: must have no user, password or fragment; the receiver checks the signature instead")
	case address.HoldsSecret(u.Hostname()) || address.HoldsSecret(u.Path) || address.ContainsSecret(raw):
		return fault.E(fault.Invalid, "url: holds what looks like a private key, a seed or an API key")
	case u.Scheme == "http" && len(x.Guard.Allowed) == 0:
		return fault.E(fault.Invalid, "url: must be https; plain http is for networks that --webhook-allow names")
	}
	check := x.Guard.Check
	if u.Scheme == "http" {
		check = x.Guard.CheckAllowed
	}
	// What a name resolves to is checked at each connection.
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && check(ip) != nil {
		return fault.E(fault.Invalid, "url: %s: --webhook-allow names internal networks that may be reached", check(ip))
	}
	return nil
}

// checkEvents returns the events that an endpoint asks for, without repetitions. None means all.
func checkEvents(events []string) ([]string, error) {
	out := []string{}
	for i, pattern := range events {
		if _, err := path.Match(pattern, ""); err != nil || len(pattern) > 64 || !slices.ContainsFunc(Types, func(kind string) bool { return matches(pattern, kind) }) {
			return nil, fault.E(fault.Invalid, "events[%d]: matches none of %s", i, strings.Join(Types, ", "))
		}
		if !slices.Contains(out, pattern) {
			out = append(out, pattern)
		}
	}
	if len(out) == 0 {
		out = []string{"*"}
	}
	return out, nil
}

// read reads an endpoint.
func (x *Endpoints) read(ctx context.Context, id string) (e *Endpoint, revision uint64, err error) {
	if lists.CheckName("id", id, lists.NameChars, 63) != nil {
		return nil, 0, fault.E(fault.NotFound, "no such webhook")
	}
	held, revision, err := lists.Read[Endpoint](ctx, x.Store, lists.DocWebhook(id))
	if fault.Is(err, fault.NotFound) {
		err = fault.E(fault.NotFound, "no such webhook: %s", address.Quote(id))
	}
	return &held, revision, err
}

// Rotate gives an endpoint a new secret. The old one signs, too, for the overlap.
func (x *Endpoints) Rotate(ctx context.Context, id string, overlap time.Duration, by lists.Actor, reason string) (*Endpoint, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return nil, fault.E(fault.Invalid, "overlap: must be from 0s to %s", lists.DurationText(MaxOverlap))
	}
	before, _, err := x.read(ctx, id)
	if err != nil {
		return nil, err
	}
	now := x.Now().UTC()
	after := before.rotated(newSecret(), overlap, now, by.Person)
	return after, x.Ledger.Do(changeEvent("webhook-rotate", by, reason, before, after), func() error {
		return lists.Retry(ctx, func() error {
			held, revision, err := x.read(ctx, id)
			if err != nil {
				return err
			}
			*after = *held.rotated(after.Secret, overlap, now, by.Person)
			return lists.TryCommit(ctx, x.Store, lists.Put(lists.DocWebhook(id), after, revision))
		})
	})
}

// rotated returns the endpoint with a new secret.
func (e *Endpoint) rotated(secret string, overlap time.Duration, now time.Time, by string) *Endpoint {
	out := *e
	out.Secret, out.OldSecret, out.OldUntil, out.RotatedAt, out.RotatedBy = secret, "", nil, &now, by
	if overlap > 0 {
		until := now.Add(overlap)
		out.OldSecret, out.OldUntil = e.Secret, &until
	}
	return &out
}

// Delete deletes an endpoint with its deliveries.
func (x *Endpoints) Delete(ctx context.Context, id string, by lists.Actor, reason string) error {
	e, _, err := x.read(ctx, id)
	if err != nil {
		return err
	}
	err = x.Ledger.Do(changeEvent("webhook-delete", by, reason, e, nil), func() error {
		return x.Store.Commit(ctx, lists.Change{Key: lists.DocWebhook(id), Expect: lists.AnyRevision}, lists.Change{Key: lists.DocWebhookQueue(id), Expect: lists.AnyRevision})
	})
	if err != nil {
		return err
	}
	if err := x.deleteDeliveries(ctx, id); err != nil {
		x.Log.Warn("the deliveries of a webhook were not deleted; a server deletes them later", "webhook", id, "error", err)
	}
	return nil
}

func (x *Endpoints) deleteDeliveries(ctx context.Context, id string) error {
	for _, prefix := range []string{lists.DocsWaiting(id), lists.DocsFinished(id)} {
		docs, err := x.Store.Scan(ctx, prefix)
		if err != nil {
			return err
		}
		keys := make([]string, len(docs))
		for i := range docs {
			keys[i] = docs[i].Key
		}
		if err := deleteAll(ctx, x.Store, keys); err != nil {
			return err
		}
	}
	return nil
}

// Test sends a ping to an endpoint, and returns the delivery, which waits for a server.
func (x *Endpoints) Test(ctx context.Context, id string, by lists.Actor) (*Delivery, error) {
	e, _, err := x.read(ctx, id)
	if err != nil {
		return nil, err
	}
	if e.DisabledAt != nil {
		return nil, fault.E(fault.Conflict, "the webhook is disabled: its receiver answered 410 Gone; make a new one")
	}
	ping := Event{ID: "ping-" + uuid.Must(uuid.NewV7()).String(), Type: Ping, At: x.Now().UTC(), Data: map[string]string{"webhook": id}}
	err = x.Ledger.Do(changeEvent("webhook-test", by, "", e, e), func() error {
		outbox := Outbox{x.Store, x.Log, x.Now}
		return outbox.queue(ctx, []Event{ping}, id, nil)
	})
	if err != nil {
		return nil, err
	}
	out, _, err := lists.Read[Delivery](ctx, x.Store, docWaiting(id, deliveryID(id, ping.ID)))
	if fault.Is(err, fault.NotFound) { // delivered already, or not queued
		out, _, err = lists.Read[Delivery](ctx, x.Store, docFinished(id, deliveryID(id, ping.ID)))
	}
	if fault.Is(err, fault.NotFound) {
		err = fault.E(fault.Conflict, "too many deliveries wait for the webhook: no ping was queued")
	}
	return &out, err
}

// Deliveries returns the newest deliveries of an endpoint, at most limit of them (0: all that are kept), the newest first.
func (x *Endpoints) Deliveries(ctx context.Context, id string, limit int) ([]Delivery, error) {
	if _, _, err := x.read(ctx, id); err != nil {
		return nil, err
	}
	byID := map[string]Delivery{}
	for _, prefix := range []string{lists.DocsWaiting(id), lists.DocsFinished(id)} {
		all, err := lists.ReadAll[Delivery](ctx, x.Store, prefix)
		if err != nil {
			return nil, err
		}
		for _, d := range all {
			d.Payload = nil
			byID[d.ID] = d // one that ended while it was read is there twice
		}
	}
	out := make([]Delivery, 0, len(byID))
	for _, d := range byID {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Delivery) int { return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID)) })
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	return out, nil
}
