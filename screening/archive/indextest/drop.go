package indextest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"interdict/lists/address"
	"interdict/screening/archive"
)

func testDrop(t *testing.T, x archive.Index) {
	p := newPair(t, x)
	w := newWriter(1)
	add := func(n int, at time.Time, fill func(*writer, *archive.Entry)) {
		t.Helper()
		p.add(w.next(n, func(w *writer, e *archive.Entry) {
			fill(w, e)
			e.Time = at.Add(time.Duration(e.Sequence))
			e.Terms.Keys = []address.Key{key(1)}
		}), w.mark())
	}
	month := start.AddDate(0, 1, 0)
	later := start.AddDate(1, 0, 0)
	add(20, start, random)
	add(1, start, alert("open", false, "list-1"))
	add(1, start, alert("old", false, "list-1"))
	add(1, start, alert("old", true))
	add(1, start, alert("closed since", false))
	add(1, start, alert("pending", true))
	add(20, month, random)
	add(1, month, alert("open in a month", false, "list-2"))
	add(20, later, random)
	add(1, later, alert("closed since", true))
	add(1, later, alert("new", false, "list-1"))

	p.drop(start) // before the first
	p.sameAll()
	for _, before := range []time.Time{month, month.Add(30), month, later, later.Add(60)} {
		p.drop(before)
		p.sameAll()
		for _, q := range []archive.Query{{Keys: []address.Key{key(1)}}, {List: "list-1"}, {Result: "result 1"}, {To: later}, {From: month}} {
			p.same(q)
			q.Newest = true
			p.same(q)
		}
		p.sameAlerts(archive.AlertQuery{ID: "open"})
		p.sameAlerts(archive.AlertQuery{List: "list-1"})
	}
	equal(t, "open alerts", openAlerts(t, x, archive.AnyOrigin), 3)

	add(1, later.AddDate(1, 0, 0), alert("open", true)) // no longer open: the next time it goes
	p.sameAll()
	p.drop(later.AddDate(0, 6, 0))
	p.sameAll()
	p.same(archive.Query{Keys: []address.Key{key(1)}})
	add(3, later.AddDate(1, 0, 0), random) // sequence numbers go on
	p.drop(later.AddDate(50, 0, 0))
	p.sameAll()
}

func testDropRandom(t *testing.T, x archive.Index) {
	p := newPair(t, x)
	writers := []*writer{newWriter(1), newWriter(2)}
	r := rand.New(rand.NewPCG(3, 4))
	at := start
	for range 30 {
		w := writers[r.IntN(len(writers))]
		p.add(w.next(1+r.IntN(40), func(w *writer, e *archive.Entry) {
			random(w, e)
			e.Time = at.Add(time.Duration(r.IntN(240)-120) * time.Hour)
			if r.IntN(5) == 0 { // each is created once, by a record that is older than the one that resolves it
				n := r.IntN(int(e.Sequence))
				e.Terms.Alert = archive.Alert{ID: fmt.Sprint(w.id, n), Resolved: n != int(e.Sequence)-1}
			}
			if e.Terms.Alert.ID != "" && !e.Terms.Alert.Resolved {
				e.Time = at.Add(-121 * time.Hour)
			}
		}), w.mark())
		at = at.Add(time.Duration(r.IntN(480)) * time.Hour)
		if r.IntN(2) == 0 {
			p.drop(at.Add(-time.Duration(r.IntN(2000)) * time.Hour))
		}
		p.sameAll()
		for range 5 {
			if len(p.model.entries) > 0 {
				p.same(query(r, p.model.entries))
			}
		}
	}
}

func testDropThenAdd(t *testing.T, x archive.Index) {
	p := newPair(t, x)
	w := newWriter(1)
	entries := w.next(50, random)
	p.add(entries, w.mark())
	p.drop(start.Add(4))
	p.sameAll()
	for _, e := range find(t, p.model, archive.Query{}) {
		if e.Time.Before(start.Add(4)) {
			t.Fatal("the model keeps what was dropped")
		}
	}
	p.add(entries, w.mark()) // such as after the mark was lost: the keeper drops them again
	p.sameAll()
	p.drop(start.Add(6))
	p.sameAll()
}

func testClear(t *testing.T, x archive.Index) {
	p, writers := filled(t, x, 3, 50)
	p.add(writers[0].next(1, alert("a", false)), writers[0].mark())
	for range 2 {
		if err := x.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := p.model.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.sameAll()
	}
	for seed := range uint64(3) { // filled again, with other batches
		w := newWriter(seed)
		for range 5 {
			p.add(w.next(10, random), w.mark())
		}
	}
	p.sameAll()
	p.same(archive.Query{Keys: []address.Key{key(1)}})
}
