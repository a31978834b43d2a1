package webhook

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// due is a delivery that waits.
type due struct{ next, created time.Time }

// task names a delivery.
type task struct{ endpoint, id string }

// schedule is what waits, as far as is known. A queue is read again when it has changed.
type schedule struct {
	waiting   map[string]map[string]due // by endpoint and id
	revisions map[string]uint64         // of the queues, as they were read
	running   map[task]bool
	requests  map[string]int // running, by endpoint
	dropped   int
}

// ready returns the deliveries to begin now, so that not more than parallel are under way. Endpoints with fewer requests under way come first:
// those that do not answer cannot take all the room. Of one endpoint those that are due longest come first.
func (s *schedule) ready(now time.Time, parallel int) (out []task) {
	all := map[string][]task{}
	for endpoint, waiting := range s.waiting {
		for id, w := range waiting {
			if t := (task{endpoint, id}); !w.next.After(now) && !s.running[t] {
				all[endpoint] = append(all[endpoint], t)
			}
		}
		slices.SortFunc(all[endpoint], func(a, b task) int {
			return cmp.Or(waiting[a.id].next.Compare(waiting[b.id].next), waiting[a.id].created.Compare(waiting[b.id].created), cmp.Compare(a.id, b.id))
		})
	}
	begun := map[string]int{}
	for level := range perEndpoint {
		for endpoint, tasks := range all {
			if n := begun[endpoint]; len(s.running)+len(out) < parallel && n < len(tasks) && s.requests[endpoint]+n <= level {
				begun[endpoint]++
				out = append(out, tasks[n])
			}
		}
	}
	return out
}

// load reads the queues that have changed.
func (d *Deliverer) load(ctx context.Context, s *schedule) error {
	docs, err := d.o.Store.Scan(ctx, lists.DocWebhookQueues)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	s.dropped = 0
	var failed error
	for _, doc := range docs {
		q, err := lists.Decode[Queue](doc)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		endpoint := doc.Key[len(lists.DocWebhookQueues):]
		there[endpoint] = true
		s.dropped += q.Dropped
		if s.revisions[endpoint] == doc.Revision {
			continue
		}
		waiting, err := d.waiting(ctx, endpoint)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		s.waiting[endpoint], s.revisions[endpoint] = waiting, doc.Revision
	}
	n, oldest := 0, time.Time{}
	for endpoint, waiting := range s.waiting {
		if !there[endpoint] {
			delete(s.waiting, endpoint)
			delete(s.revisions, endpoint)
			continue
		}
		n += len(waiting)
		for _, w := range waiting {
			if oldest.IsZero() || w.created.Before(oldest) {
				oldest = w.created
			}
		}
	}
	d.o.Metrics.Queue(n, s.dropped, oldest)
	return failed
}

// waiting reads the deliveries that wait for an endpoint. New ones are due at once, whatever clock they were made by, and so are those for a
// disabled endpoint, which fail without a request.
func (d *Deliverer) waiting(ctx context.Context, endpoint string) (map[string]due, error) {
	e, _, err := lists.Read[Endpoint](ctx, d.o.Store, lists.DocWebhook(endpoint))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	all, err := lists.ReadAll[Delivery](ctx, d.o.Store, lists.DocsWaiting(endpoint))
	if err != nil {
		return nil, err
	}
	out := make(map[string]due, len(all))
	for i := range all {
		x := due{all[i].Next, all[i].Created}
		if e.DisabledAt != nil || all[i].Attempts == 0 {
			x.next = time.Time{}
		}
		out[all[i].ID] = x
	}
	return out, nil
}
