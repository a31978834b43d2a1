package webhook

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// What happens to lists is read from the store, where every process leaves it: the commands and the servers, those that crash directly after a
// change, too. How far this was told is a document that is committed together with the deliveries, so that everything is told once.

// watched is how far webhooks have been told of what happens to lists.
type watched struct {
	Generation int             `json:"generation"`
	Lists      map[string]told `json:"lists,omitempty"`
}

// told is what was told of one list.
type told struct {
	Failed time.Time `json:"failed,omitzero"` // time of the last refresh that failed
	Stale  time.Time `json:"stale,omitzero"`  // since when the list was not fresh when it became too old
}

func (t told) equal(u told) bool { return t.Failed.Equal(u.Failed) && t.Stale.Equal(u.Stale) }

const (
	// maxBehind is how many generations are told that were made while no server ran.
	maxBehind = 100
	lookEvery = 5 * time.Second // how often lists are looked at
)

// activated is the data of list.activated.
type activated struct {
	Generation int    `json:"generation"`
	Action     string `json:"action"` // activate, rollback, retire, settings, suppress, suppress-end, compact, rebuild …
	List       string `json:"list"`
	Version    int    `json:"version,omitempty"` // the active one; 0: the list decides nothing any more
	By         string `json:"by"`
}

// failing is the data of list.failed.
type failing struct {
	List    string     `json:"list"`
	Reason  string     `json:"reason"`                         // refresh or stale
	Error   string     `json:"error,omitempty"`                // of the refresh
	Fails   int        `json:"consecutive_failures,omitempty"` // refreshes
	FreshAt *time.Time `json:"fresh_at,omitempty"`             // when the list was last known to be what its publisher says
	MaxAge  string     `json:"max_age,omitempty"`
}

// watch makes deliveries of what has happened since the last time.
func (d *Deliverer) watch(ctx context.Context) error {
	return errors.Join(d.notices(ctx), d.listEvents(ctx))
}

// listEvents makes deliveries of what has happened to lists.
func (d *Deliverer) listEvents(ctx context.Context) error {
	w, revision, err := lists.Read[watched](ctx, d.o.Store, lists.DocWebhookWatch)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	before := w.Generation
	events, err := d.generations(ctx, &w)
	if err != nil {
		return err
	}
	changed := w.Generation != before || revision == 0
	if now := d.o.Now(); now.Sub(d.looked) >= lookEvery || now.Before(d.looked) {
		d.looked = now
		failed, now, err := d.failures(ctx, w.Lists)
		if err != nil {
			return err
		}
		changed = changed || !maps.EqualFunc(now, w.Lists, told.equal)
		w.Lists, events = now, append(events, failed...)
	}
	if !changed {
		return nil
	}
	return d.outbox.queue(ctx, events, "", []lists.Change{lists.Put(lists.DocWebhookWatch, w, revision)})
}

// notices makes deliveries of the notices in the store. Those of types that this program does not know stay for a newer one.
func (d *Deliverer) notices(ctx context.Context) error {
	docs, err := d.o.Store.Scan(ctx, lists.DocNotices)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(docs, maxBatch) {
		var events []Event
		var used []lists.Change
		for _, doc := range part {
			x, err := lists.Decode[lists.Notice](doc)
			if err != nil {
				return err
			}
			if slices.Contains(Types, x.Type) {
				events = append(events, Event{ID: x.ID, Type: x.Type, At: x.At, Data: x.Data})
				used = append(used, lists.Change{Key: doc.Key, Expect: doc.Revision})
			}
		}
		if err := d.outbox.queue(ctx, events, "", used); err != nil {
			return err
		}
	}
	return nil
}

// generations returns the events of the generations that were not told yet.
func (d *Deliverer) generations(ctx context.Context, w *watched) (events []Event, err error) {
	head, _, err := lists.Read[lists.Head](ctx, d.o.Store, lists.DocHead)
	if fault.Is(err, fault.NotFound) {
		w.Generation = 0
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	first := w.Generation + 1
	if late := head.Generation - maxBehind + 1; late > first {
		if w.Generation > 0 {
			d.o.Log.Warn("webhooks are not told of generations that were made while no server ran", "generations", late-first)
		}
		first = late
	}
	for n := first; n <= head.Generation; n++ {
		g, _, err := lists.Read[lists.Generation](ctx, d.o.Store, lists.DocGeneration(n))
		if fault.Is(err, fault.NotFound) {
			continue // lost, and not restored
		}
		if err != nil {
			return nil, err
		}
		data := activated{Generation: g.Number, Action: g.Action, List: g.List, By: g.By}
		for i := range g.Lists {
			if g.Lists[i].List.ID == g.List {
				data.Version = g.Lists[i].Version
			}
		}
		events = append(events, Event{ID: fmt.Sprintf("%s-%d-%s", ListActivated, g.Number, g.ID), Type: ListActivated, At: g.At, Data: data})
	}
	w.Generation = head.Generation
	return events, nil
}

// failures returns the events of lists that could not be refreshed or have become too old, and what is told with them.
func (d *Deliverer) failures(ctx context.Context, before map[string]told) (events []Event, now map[string]told, err error) {
	all, err := lists.ReadAll[lists.List](ctx, d.o.Store, lists.DocLists)
	if err != nil {
		return nil, nil, err
	}
	refreshed, err := byList[lists.Refresh](ctx, d.o.Store, lists.DocRefresh(""))
	if err != nil {
		return nil, nil, err
	}
	fresh, err := byList[lists.Fresh](ctx, d.o.Store, lists.DocFresh(""))
	if err != nil {
		return nil, nil, err
	}
	now = map[string]told{}
	for i := range all {
		l := all[i].WithDefaults()
		t := before[l.ID]
		r := refreshed[l.ID]
		if l.Source != nil && r.Outcome == lists.RefreshFailed && !r.Running && !r.LastAttempt.Equal(t.Failed) {
			t.Failed = r.LastAttempt
			events = append(events, Event{ID: fmt.Sprintf("%s-%s-%d", ListFailed, l.ID, r.LastAttempt.UnixNano()), Type: ListFailed, At: r.LastAttempt,
				Data: failing{List: l.ID, Reason: "refresh", Error: r.LastError, Fails: r.Failures}})
		}
		at := fresh[l.ID].At
		if stale := at.Add(l.MaxAge); l.Active != 0 && l.MaxAge > 0 && !at.IsZero() && !d.o.Now().Before(stale) && !at.Equal(t.Stale) {
			t.Stale = at
			events = append(events, Event{ID: fmt.Sprintf("%s-%s-stale-%d", ListFailed, l.ID, at.UnixNano()), Type: ListFailed, At: stale,
				Data: failing{List: l.ID, Reason: "stale", FreshAt: &at, MaxAge: lists.DurationText(l.MaxAge)}})
		}
		if t != (told{}) {
			now[l.ID] = t
		}
	}
	return events, now, nil
}

// byList reads the documents under a prefix that ends with the id of a list.
func byList[T any](ctx context.Context, s lists.Store, prefix string) (map[string]T, error) {
	docs, err := s.Scan(ctx, prefix)
	if err != nil {
		return nil, err
	}
	out := make(map[string]T, len(docs))
	for _, doc := range docs {
		if doc.Key == lists.DocFollowed {
			continue
		}
		if out[doc.Key[len(prefix):]], err = lists.Decode[T](doc); err != nil {
			return nil, err
		}
	}
	return out, nil
}
