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
	equal(t, "open", openAlerts(t, x, archive.AnyOrigin), 2)
	p.add(first, w.mark())
	equal(t, "open", openAlerts(t, x, archive.AnyOrigin), 2)
	add("a", true)
	add("a", true)
	equal(t, "open", openAlerts(t, x, archive.AnyOrigin), 1)

	early := add("c", true) // resolved before it is created
	equal(t, "alerts", len(collect(t, x.Alerts(t.Context(), archive.AlertQuery{}))), 2)
	add("c", false, "list-1")
	equal(t, "open", openAlerts(t, x, archive.AnyOrigin), 1)
	p.add(early, w.mark())

	both := append(w.next(1, alert("d", false)), w.next(1, alert("d", true))...)
	both = append(append(both, w.next(1, alert("e", true))...), w.next(2, alert("e", false))...)
	p.add(append(both, w.next(1, alert("f", false))...), w.mark())
	p.sameAll()
	equal(t, "open", openAlerts(t, x, archive.AnyOrigin), 2)

	p.add(w.next(1, alert("", true)), w.mark()) // neither creates nor resolves
	for _, q := range []archive.AlertQuery{{ID: "a"}, {ID: "a", Open: true}, {ID: "b", Open: true}, {ID: "b", List: "list-1"}, {ID: "b", List: "list-3"},
		{ID: "none"}, {List: "list-1"}, {List: "list-1", Open: true}, {List: "list-3"}, {Open: true, Limit: 1}, {Limit: 2}, {After: first[0].Position},
		{ID: "a", After: first[0].Position}} {
		p.sameAlerts(q)
	}
}

// hit returns a function that fills the entry of a check that was answered with a hit.
func hit(id string, lists ...string) func(*writer, *archive.Entry) {
	return func(w *writer, e *archive.Entry) {
		alert(id, false, lists...)(w, e)
		e.Kind = journal.Check
	}
}

func testHits(t *testing.T, x archive.Index) {
	p := newPair(t, x)
	w := newWriter(1)
	add := func(fill func(*writer, *archive.Entry)) []archive.Entry {
		entries := w.next(1, fill)
		p.add(entries, w.mark())
		p.sameAll()
		return entries
	}
	open := func() (all [3]int) {
		for i, of := range origins {
			all[i] = openAlerts(t, x, of)
		}
		return all
	}
	first := add(hit("a", "list-1"))
	add(alert("b", false, "list-1"))
	add(hit("c", "list-2"))
	add(alert("d", true)) // resolved before it is created
	add(hit("d"))
	equal(t, "open", open(), [3]int{3, 2, 1})
	add(alert("c", true))
	add(alert("b", true))
	p.add(first, w.mark()) // again
	equal(t, "open", open(), [3]int{1, 1, 0})
	add(hit("e", "list-1"))
	add(alert("f", false, "list-1"))
	for _, of := range origins {
		for _, q := range []archive.AlertQuery{{ID: "a"}, {ID: "b"}, {List: "list-1"}, {List: "list-1", Open: true}, {Limit: 1}, {After: first[0].Position}, {After: first[0].Position, Open: true, Limit: 1}} {
			q.Of = of
			p.sameAlerts(q)
		}
	}

	end := start.AddDate(1, 0, 0)
	p.drop(end) // open hits go with their checks, open alerts of look-backs stay
	p.sameAll()
	equal(t, "open", open(), [3]int{1, 0, 1})
	p.add(w.next(1, alert("a", true)), w.mark()) // resolved after it was dropped
	p.sameAll()
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
		p.sameAlerts(archive.AlertQuery{Of: origins[r.IntN(len(origins))], List: "list-1", Open: r.IntN(2) == 0, Limit: r.IntN(4), After: p.model.entries[r.IntN(len(p.model.entries))].Position})
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
	for _, q := range []archive.AlertQuery{{}, {Open: true}, {List: "list-1"}, {Of: archive.Hits}, {Of: archive.LookBacks, Open: true}} {
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
