package indextest

import (
	"slices"
	"testing"
	"time"

	"interdict/lists/fault"
	"interdict/screening/archive"
)

func testRoundTrip(t *testing.T, x archive.Index) {
	p := newPair(t, x)
	w := newWriter(1)
	p.add(w.next(1, full), w.mark())
	p.add(w.next(20, random), w.mark())
	p.add(w.next(1, plain), w.mark())
	p.add(w.next(2, full), w.mark())
	p.sameAll()
	for e, err := range x.Find(t.Context(), archive.Query{}) {
		if err == nil && e.Time.Location() != time.UTC {
			t.Fatalf("the time %v is not in UTC", e.Time)
		}
	}
}

func testAgain(t *testing.T, x archive.Index) {
	p := newPair(t, x)
	w := newWriter(1)
	entries := w.next(100, random)
	m := w.mark()
	p.add(entries[:60], archive.Mark{Writer: w.id, Sequence: 60})
	p.add(entries[:60], archive.Mark{Writer: w.id, Sequence: 60})
	p.add(entries[30:], m)
	p.add(entries, m)
	p.sameAll()

	changed := slices.Clone(entries)
	for i := range changed { // the record cannot change; if its reader does, the index keeps what it has
		changed[i].Terms.Customer = "another"
		changed[i].Time = changed[i].Time.Add(time.Hour)
		changed[i].Payload = []byte("another")
	}
	p.add(changed, m)
	p.sameAll()
	p.same(archive.Query{Customer: "another"})
}

func testAllOrNothing(t *testing.T, x archive.Index) {
	p := newPair(t, x)
	w, other := newWriter(1), newWriter(2)
	p.add(w.next(5, random), w.mark())
	good := w.next(10, random)
	m := w.mark()

	mixed := slices.Concat(good[:5], other.next(1, random), good[5:])
	if err := x.Add(t.Context(), mixed, m); err == nil {
		t.Error("entries of two writers were added")
	}
	twice := slices.Concat(good[:5], good[4:])
	if err := x.Add(t.Context(), twice, m); err == nil {
		t.Error("entries that are not in order of sequence were added")
	}
	gap := slices.Concat(good[:5], good[6:])
	wantKind(t, x.Add(t.Context(), gap, m), fault.Conflict)
	p.sameAll()
	p.add(good, m)
	p.sameAll()
}

func testMissing(t *testing.T, x archive.Index) {
	p := newPair(t, x)
	w := newWriter(1)
	entries := w.next(30, random)
	conflict := func(entries []archive.Entry, m archive.Mark) {
		t.Helper()
		wantKind(t, x.Add(t.Context(), entries, m), fault.Conflict)
		wantKind(t, p.model.Add(t.Context(), entries, m), fault.Conflict)
		p.sameAll()
	}
	mark := func(n uint64, gap string) archive.Mark { return archive.Mark{Writer: w.id, Sequence: n, Gap: gap} }

	conflict(entries[1:5], mark(5, "")) // the first entry is missing
	conflict(nil, mark(3, ""))
	p.add(entries[:10], mark(10, ""))
	conflict(entries[11:20], mark(20, ""))                                // between the mark and the first entry
	conflict(slices.Concat(entries[10:13], entries[14:20]), mark(20, "")) // between two entries
	conflict(entries[10:15], mark(20, ""))                                // between the last entry and the mark

	p.add(entries[12:20], mark(20, "records 11 and 12 are damaged"))
	p.sameAll()
	p.add(entries[20:25], mark(25, ""))
	p.sameAll()
	p.add(entries[10:12], mark(12, "")) // the missing ones were found
	p.sameAll()
	p.add(nil, mark(30, "records 26 to 30 are lost"))
	p.sameAll()

	late := newWriter(2) // whose first records are removed already
	old := late.next(20, random)
	p.add(old[10:], archive.Mark{Writer: late.id, Sequence: 20, Gap: "records 1 to 10 are removed"})
	p.sameAll()

	behind := newWriter(3) // whose mark does not count what was added
	first := behind.next(10, random)
	p.add(first, archive.Mark{Writer: behind.id, Sequence: 4})
	conflict(behind.next(1, random), archive.Mark{Writer: behind.id, Sequence: 11})
	p.add(first[4:], archive.Mark{Writer: behind.id, Sequence: 10})
	p.sameAll()
}

func testMarks(t *testing.T, x archive.Index) {
	p := newPair(t, x)
	for _, seed := range []uint64{5, 3, 9, 1} {
		w := newWriter(seed)
		entries := w.next(10, plain)
		p.add(nil, archive.Mark{Writer: w.id, Node: "a"}) // a writer without records
		equal(t, "mark", marks(t, x), marks(t, p.model))
		p.add(entries, archive.Mark{Writer: w.id, Node: "a", Sequence: 10, Complete: start.Add(7), Gap: "a reason"})
		p.add(entries[:4], archive.Mark{Writer: w.id, Node: "b", Sequence: 4, Complete: start.Add(3)})
		equal(t, "mark", marks(t, x), marks(t, p.model))
		p.add(nil, archive.Mark{Writer: w.id, Node: "b", Sequence: 10, Complete: start.Add(9), Ended: true, Gap: "another"})
		p.add(nil, archive.Mark{Writer: w.id, Node: "c €", Sequence: 3})
		equal(t, "mark", marks(t, x), marks(t, p.model))
		p.add(nil, archive.Mark{Writer: w.id, Node: "c €", Sequence: 10, Complete: start.Add(8)})
		p.add(nil, archive.Mark{Writer: w.id, Node: "d", Sequence: 10, Complete: start.Add(5), Back: true})
		equal(t, "mark", marks(t, x), marks(t, p.model))
		p.add(nil, archive.Mark{Writer: w.id, Node: "d", Sequence: 10, Complete: start.Add(6)})
	}
	p.sameAll()
}

func testDisorder(t *testing.T, x archive.Index) {
	p := newPair(t, x)
	w := newWriter(1)
	for i := range 5 { // the clock goes back between two starts of a server, and to before 1970 once
		hours := []int{0, -1, 7, -24 * 365 * 80, 1}[i]
		p.add(w.next(20, func(w *writer, e *archive.Entry) {
			random(w, e)
			e.Time = e.Time.Add(time.Duration(hours) * time.Hour)
		}), w.mark())
	}
	p.sameAll()
	for _, n := range []int{1, 3} {
		p.same(archive.Query{Customer: "customer 1", Limit: n})
		p.same(archive.Query{Customer: "customer 1", Limit: n, Newest: true})
	}
}
