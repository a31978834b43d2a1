package indextest

import (
	"fmt"
	"testing"

	"interdict/screening/archive"
	"interdict/screening/journal"
)

// alert returns a function that fills an entry which creates or resolves an alert.
func alert(id string, resolved bool, lists ...string) func(*writer, *archive.Entry) {
	return func(_ *writer, e *archive.Entry) {
		e.Kind = journal.LookBack
		e.Terms.Lists = lists
		e.Terms.Alert = archive.Alert{ID: id, Resolved: resolved}
		e.Payload = fmt.Appendf(nil, "%s %v %d", id, resolved, e.Sequence)
	}
}

func testAlerts(t *testing.T, x archive.Index) {
	p := newPair(t, x)
	w := newWriter(1)
	add := func(id string, resolved bool, lists ...string) []archive.Entry {
		entries := w.next(1, alert(id, resolved, lists...))
		p.add(entries, w.mark())
		p.sameAll()
		return entries
	}
	first := add("a", false, "list-1")
	add("b", false, "list-2", "list-1")
	add("a", false, "list-3") // a second attempt
	equal(t, "open", openAlerts(t, x), 2)
	p.add(first, w.mark())
	equal(t, "open", openAlerts(t, x), 2)
	add("a", true)
	add("a", true)
	equal(t, "open", openAlerts(t, x), 1)

	early := add("c", true) // resolved before it is created
	equal(t, "alerts", len(collect(t, x.Alerts(t.Context(), archive.AlertQuery{}))), 2)
	add("c", false, "list-1")
	equal(t, "open", openAlerts(t, x), 1)
	p.add(early, w.mark())

	both := append(w.next(1, alert("d", false)), w.next(1, alert("d", true))...)
	both = append(append(both, w.next(1, alert("e", true))...), w.next(2, alert("e", false))...)
	p.add(append(both, w.next(1, alert("f", false))...), w.mark())
	p.sameAll()
	equal(t, "open", openAlerts(t, x), 2)

	p.add(w.next(1, alert("", true)), w.mark()) // neither creates nor resolves
	for _, q := range []archive.AlertQuery{{ID: "a"}, {ID: "a", Open: true}, {ID: "b", Open: true}, {ID: "b", List: "list-1"}, {ID: "b", List: "list-3"},
		{ID: "none"}, {List: "list-1"}, {List: "list-1", Open: true}, {List: "list-3"}, {Open: true, Limit: 1}, {Limit: 2}, {After: first[0].Position},
		{ID: "a", After: first[0].Position}} {
		p.sameAlerts(q)
	}
}

func testAlertsRandom(t *testing.T, x archive.Index) {
	p := newPair(t, x)
	writers := []*writer{newWriter(1), newWriter(2), newWriter(3)}
	r := writers[0].rand
	for range 60 {
		w := writers[r.IntN(len(writers))]
		p.add(w.next(1+r.IntN(6), func(w *writer, e *archive.Entry) {
			random(w, e)
			e.Terms.Alert = archive.Alert{ID: fmt.Sprint("alert ", r.IntN(50)), Resolved: r.IntN(3) == 0}
		}), w.mark())
		p.sameAll()
		p.sameAlerts(archive.AlertQuery{List: "list-1", Open: r.IntN(2) == 0, Limit: r.IntN(4), After: p.model.entries[r.IntN(len(p.model.entries))].Position})
	}
}

func testAlertPages(t *testing.T, x archive.Index) {
	p := newPair(t, x)
	for seed := range uint64(3) {
		w := newWriter(seed)
		p.add(w.next(60, func(w *writer, e *archive.Entry) {
			random(w, e)
			e.Terms.Alert = archive.Alert{ID: fmt.Sprint("alert ", seed, " ", e.Sequence)}
		}), w.mark())
		p.add(w.next(20, func(w *writer, e *archive.Entry) {
			random(w, e)
			e.Terms.Alert = archive.Alert{ID: fmt.Sprint("alert ", seed, " ", 1+w.rand.IntN(60)), Resolved: true}
		}), w.mark())
	}
	for _, q := range []archive.AlertQuery{{}, {Open: true}, {List: "list-1"}} {
		want := collect(t, p.model.Alerts(t.Context(), q))
		q.Limit = 7
		var got []archive.AlertState
		for {
			page := collect(t, x.Alerts(t.Context(), q))
			got = append(got, page...)
			if len(page) < q.Limit {
				break
			}
			q.After = page[len(page)-1].Created.Position
		}
		equal(t, q, got, want)
	}
}
