package webhook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// Outbox puts deliveries into a store. Any process may use one; a server delivers.
type Outbox struct {
	Store lists.Store
	Log   *slog.Logger
	Now   func() time.Time
}

// Send makes a delivery of an event for each endpoint that asks for it. After it returns nil, no crash loses them. Sending an event again,
// by its id, makes no further delivery as long as the first one is in the log.
func (o *Outbox) Send(ctx context.Context, events ...Event) error {
	for part := range slices.Chunk(events, maxBatch) {
		if err := o.queue(ctx, part, "", nil); err != nil {
			return err
		}
	}
	return nil
}

// maxBatch is how many events are put into the store in one step.
const maxBatch = 50

// sending is an event with the body of its requests.
type sending struct {
	Event
	body json.RawMessage
}

// queue makes the deliveries of events in one commit with more. to is the id of the only endpoint, whatever it asks for; "": all that want them.
func (o *Outbox) queue(ctx context.Context, events []Event, to string, more []lists.Change) error {
	all := make([]sending, len(events))
	for i, e := range events {
		body, err := e.encode()
		if err != nil {
			return err
		}
		all[i] = sending{e, body}
	}
	var dropped map[string]int
	err := lists.Retry(ctx, func() error {
		changes := append([]lists.Change(nil), more...)
		dropped = map[string]int{}
		endpoints, err := lists.ReadAll[Endpoint](ctx, o.Store, lists.DocWebhooks)
		if err != nil {
			return err
		}
		for i := range endpoints {
			wanted := wantedBy(&endpoints[i], all, to)
			if len(wanted) == 0 {
				continue
			}
			added, n, err := o.add(ctx, endpoints[i].ID, wanted)
			if err != nil {
				return err
			}
			changes, dropped[endpoints[i].ID] = append(changes, added...), n
		}
		if len(changes) == 0 {
			return nil
		}
		return lists.TryCommit(ctx, o.Store, changes...)
	})
	if err != nil {
		return err
	}
	for endpoint, n := range dropped {
		if n > 0 {
			o.Log.Warn("events were dropped: too many deliveries wait for the webhook", "webhook", endpoint, "events", n, "waiting", MaxWaiting)
		}
	}
	return nil
}

func wantedBy(e *Endpoint, all []sending, to string) (wanted []*sending) {
	for i := range all {
		if e.ID == to || to == "" && e.Wants(&all[i].Event) {
			wanted = append(wanted, &all[i])
		}
	}
	return wanted
}

// add returns the changes that add the deliveries of events for one endpoint, and how many are dropped.
func (o *Outbox) add(ctx context.Context, endpoint string, events []*sending) (changes []lists.Change, dropped int, err error) {
	q, revision, err := readQueue(ctx, o.Store, endpoint)
	if err != nil {
		return nil, 0, err
	}
	now, added := o.Now().UTC(), map[string]bool{}
	for _, e := range events {
		id := deliveryID(endpoint, e.ID)
		known, err := o.known(ctx, endpoint, id)
		switch {
		case err != nil:
			return nil, 0, err
		case known || added[id]:
			continue
		case q.Waiting >= MaxWaiting:
			q.Dropped, q.DroppedAt = q.Dropped+1, &now
			dropped++
			continue
		}
		added[id] = true
		q.Waiting++
		changes = append(changes, lists.Put(docWaiting(endpoint, id), Delivery{ID: id, Endpoint: endpoint, Event: e.ID, Type: e.Type, At: e.At.UTC(),
			Created: now, State: Waiting, Next: now, Payload: e.body}, 0))
	}
	if len(changes) > 0 || dropped > 0 {
		changes = append(changes, lists.Put(lists.DocWebhookQueue(endpoint), q, revision))
	}
	return changes, dropped, nil
}

// known reports whether a delivery is in the store. It looks among the waiting ones first: a delivery that ends in the meantime is found, too.
func (o *Outbox) known(ctx context.Context, endpoint, id string) (bool, error) {
	for _, key := range []string{docWaiting(endpoint, id), docFinished(endpoint, id)} {
		if _, err := o.Store.Get(ctx, key); !fault.Is(err, fault.NotFound) {
			return err == nil, err
		}
	}
	return false, nil
}

// deliveryID returns the id of the delivery of an event to an endpoint.
func deliveryID(endpoint, event string) string {
	sum := sha256.Sum256([]byte(endpoint + "\n" + event))
	return "msg_" + hex.EncodeToString(sum[:16])
}

func docWaiting(endpoint, id string) string  { return lists.DocsWaiting(endpoint) + id }
func docFinished(endpoint, id string) string { return lists.DocsFinished(endpoint) + id }

// readQueue reads the queue of an endpoint. It is empty, with revision 0, if there is none yet.
func readQueue(ctx context.Context, s lists.Store, endpoint string) (Queue, uint64, error) {
	q, revision, err := lists.Read[Queue](ctx, s, lists.DocWebhookQueue(endpoint))
	if fault.Is(err, fault.NotFound) {
		err = nil
	}
	return q, revision, err
}
