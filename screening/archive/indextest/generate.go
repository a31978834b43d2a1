package indextest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"

	"interdict/lists/address"
	"interdict/screening/archive"
	"interdict/screening/journal"
)

// start is the time of the first entries.
var start = time.Date(2026, 3, 29, 0, 59, 59, 999_999_990, time.UTC)

// writer makes the entries of one writer.
type writer struct {
	id       uuid.UUID
	sequence uint64
	rand     *rand.Rand
}

func newWriter(seed uint64) *writer {
	w := &writer{rand: rand.New(rand.NewPCG(seed, 7))}
	binary.BigEndian.PutUint64(w.id[:], w.rand.Uint64()) // so that the order of writers is not that of their numbers
	binary.BigEndian.PutUint64(w.id[8:], seed)
	return w
}

// mark says that everything made so far is in the index.
func (w *writer) mark() archive.Mark {
	return archive.Mark{Writer: w.id, Node: "node-1", Sequence: w.sequence, Complete: start.Add(time.Duration(w.sequence))}
}

// next makes the next n entries.
func (w *writer) next(n int, fill func(w *writer, e *archive.Entry)) []archive.Entry {
	entries := make([]archive.Entry, n)
	for i := range entries {
		w.sequence++
		entries[i].Writer, entries[i].Sequence = w.id, w.sequence
		entries[i].Kind = journal.Check
		entries[i].Time = start.Add(time.Duration(w.sequence))
		fill(w, &entries[i])
	}
	return entries
}

func plain(*writer, *archive.Entry) {}

func key(n int) address.Key { return address.Key(fmt.Sprintf("\x02key\x00%d", n)) }

// id returns one of a few ids of checks.
func id(n int) uuid.UUID { return uuid.UUID{0: 1, 15: byte(n)} }

// random fills an entry from few values, so that every query finds some entries: several have the same nanosecond, times are
// not in the order of sequence numbers, and every text may be empty.
func random(w *writer, e *archive.Entry) {
	r := w.rand
	some := func(prefix string, n int) string {
		if i := r.IntN(n + 1); i > 0 {
			return fmt.Sprint(prefix, i)
		}
		return ""
	}
	e.Time = start.Add(time.Duration(w.sequence/8) + time.Duration(r.IntN(5)))
	e.Payload = make([]byte, r.IntN(100))
	for i := range e.Payload {
		e.Payload[i] = byte(r.Uint32())
	}
	if r.IntN(4) == 0 {
		e.Kind = journal.Kind(1 + r.IntN(15))
	}
	if e.Kind == journal.Check {
		e.ID = id(r.IntN(30))
	}
	for n := range 8 {
		if r.IntN(4) == 0 {
			e.Terms.Keys = append(e.Terms.Keys, key(n))
		}
	}
	for n := range 4 {
		if r.IntN(8) == 0 {
			e.Terms.Lists = append(e.Terms.Lists, fmt.Sprint("list-", n))
		}
	}
	e.Terms.Result = some("result ", 2)
	e.Terms.Reference = some("reference ", 40)
	e.Terms.Customer = some("customer ", 5)
	e.Terms.By = some("by ", 3)
}

// full fills every field of an entry with its longest or largest value.
func full(w *writer, e *archive.Entry) {
	text := func(c string) string { return strings.Repeat(c, 1024/len(c)) }
	e.Kind = journal.LookBack
	e.ID = uuid.Max
	e.Payload = make([]byte, 64<<10)
	for i := range e.Payload {
		e.Payload[i] = byte(w.rand.Uint32())
	}
	for n := range 40 {
		e.Terms.Keys = append(e.Terms.Keys, address.Key(fmt.Sprintf("%c%s%d", n+1, strings.Repeat("\xff", address.MaxKey-3), n%10)))
		e.Terms.Lists = append(e.Terms.Lists, fmt.Sprint("list-", n))
	}
	e.Terms.Result, e.Terms.Reference, e.Terms.Customer, e.Terms.By = text("€€€€")[:1020], text("r"), text("c"), text("b")
	e.Terms.Alert.ID = text("a")
}

// query makes a query of random conditions that fit the entries of random.
func query(r *rand.Rand, in []archive.Entry) archive.Query {
	var q archive.Query
	maybe := func(n int, set func(e archive.Entry)) {
		if r.IntN(n) == 0 {
			set(in[r.IntN(len(in))])
		}
	}
	maybe(4, func(e archive.Entry) { q.From = e.Time })
	maybe(4, func(e archive.Entry) { q.To = e.Time })
	maybe(4, func(archive.Entry) {
		for range 1 + r.IntN(3) {
			q.Kinds = append(q.Kinds, journal.Kind(1+r.IntN(15)))
		}
	})
	maybe(3, func(archive.Entry) {
		for range 1 + r.IntN(4) {
			q.Keys = append(q.Keys, key(r.IntN(9)))
		}
	})
	maybe(8, func(e archive.Entry) {
		for q.IDs = []uuid.UUID{e.ID}; r.IntN(2) == 0; {
			q.IDs = append(q.IDs, id(r.IntN(30)))
		}
	})
	maybe(4, func(archive.Entry) { q.List = fmt.Sprint("list-", r.IntN(4)) })
	maybe(4, func(e archive.Entry) { q.Result = e.Terms.Result })
	maybe(8, func(e archive.Entry) { q.Reference = e.Terms.Reference })
	maybe(4, func(e archive.Entry) { q.Customer = e.Terms.Customer })
	maybe(4, func(e archive.Entry) { q.By = e.Terms.By })
	maybe(3, func(e archive.Entry) { q.After = e.Position })
	maybe(2, func(archive.Entry) { q.Newest = true })
	maybe(2, func(archive.Entry) { q.Limit = 1 + r.IntN(20) })
	return q
}
