package indextest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"interdict/lists/address"
	"interdict/screening/archive"
	"interdict/screening/journal"
)

// filled adds entries of several writers.
func filled(t *testing.T, x archive.Index, writers, each int) (pair, []*writer) {
	p := newPair(t, x)
	var all []*writer
	for i := range writers {
		w := newWriter(uint64(i))
		all = append(all, w)
		for each := each; each > 0; {
			n := min(each, 1+w.rand.IntN(each))
			p.add(w.next(n, random), w.mark())
			each -= n
		}
	}
	return p, all
}

func testConditions(t *testing.T, x archive.Index) {
	p, _ := filled(t, x, 3, 120)
	middle := p.model.entries[len(p.model.entries)/2]
	for what, q := range map[string]archive.Query{
		"from":        {From: middle.Time},
		"to":          {To: middle.Time},
		"kind":        {Kinds: []journal.Kind{journal.Check}},
		"kinds":       {Kinds: []journal.Kind{journal.Upload, journal.SignIn, journal.Upload}},
		"kinds+check": {Kinds: []journal.Kind{journal.LookBack, journal.Check}},
		"key":         {Keys: []address.Key{key(1)}},
		"keys":        {Keys: []address.Key{key(1), key(2), key(1)}},
		"id":          {IDs: []uuid.UUID{id(3)}},
		"ids":         {IDs: []uuid.UUID{id(3), id(200), id(5), id(3)}},
		"list":        {List: "list-1"},
		"result":      {Result: "result 1"},
		"reference":   {Reference: "reference 5"},
		"customer":    {Customer: "customer 2"},
		"by":          {By: "by 3"},
		"after":       {After: middle.Position},
		"limit":       {Limit: 7},
	} {
		for _, newest := range []bool{false, true} {
			q.Newest = newest
			if len(find(t, p.model, q)) == 0 {
				t.Errorf("%s: the test asks for nothing", what)
			}
			p.same(q)
		}
	}
	for _, q := range []archive.Query{
		{Keys: []address.Key{key(100)}}, {IDs: []uuid.UUID{uuid.Max}}, {List: "list"}, {Result: "result"}, {Reference: "REFERENCE 5"}, {Customer: "none"}, {By: "none"},
		{Kinds: []journal.Kind{77}},
		{Customer: "result 1"}, // a value of another term
		{From: middle.Time, To: middle.Time},
		{From: middle.Time.Add(time.Hour), To: middle.Time},
	} {
		if found := find(t, x, q); len(found) > 0 {
			t.Errorf("%+v found %d entries, want none", q, len(found))
		}
	}
}

func testRandomQueries(t *testing.T, x archive.Index) {
	p, _ := filled(t, x, 4, 200)
	r := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 1500 {
		q := query(r, p.model.entries)
		found += len(find(t, p.model, q))
		p.same(q)
	}
	if found < 1500 {
		t.Errorf("the queries ask for %d entries only", found)
	}
}

// testYears has more entries than an index reads at once, and values that many entries have together with such that few have.
func testYears(t *testing.T, x archive.Index) {
	p := newPair(t, x)
	for seed := range uint64(3) {
		w := newWriter(seed)
		for range 5 {
			p.add(w.next(500, func(w *writer, e *archive.Entry) {
				random(w, e)
				e.Time = start.Add(time.Duration(e.Sequence) * 9 * time.Hour).Add(time.Duration(w.rand.IntN(1000)) * time.Hour)
				e.Terms.Keys = append(e.Terms.Keys, key(50), key(51+int(e.Sequence)%2), key(60+w.rand.IntN(400)))
				if e.Terms.Customer = "one"; e.Sequence > 2400 {
					e.Terms.Customer = "another"
				}
			}), w.mark())
		}
	}
	r := rand.New(rand.NewPCG(8, 9))
	for _, q := range []archive.Query{{}, {Keys: []address.Key{key(50)}}, {Keys: []address.Key{key(50), key(51), key(52)}}, {Keys: []address.Key{key(50)}, Customer: "one"},
		{Keys: []address.Key{key(50)}, Customer: "another"}, {Keys: []address.Key{key(51)}, Customer: "another", List: "list-2"}, {Keys: []address.Key{key(61), key(62), key(63)}, Customer: "one"},
		{Customer: "one", Result: "result 1", By: "by 1"}, {Kinds: []journal.Kind{journal.Check}, Reference: "reference 1"}, {Kinds: []journal.Kind{journal.LookBack, journal.Upload}, Customer: "one"},
		{Keys: []address.Key{key(51)}, Customer: "one", From: start.AddDate(0, 9, 0), To: start.AddDate(0, 11, 0)}} {
		for range 8 {
			q.Newest, q.Limit, q.After = r.IntN(2) == 0, []int{0, 1, 30, 1100}[r.IntN(4)], archive.Position{}
			if r.IntN(2) == 0 {
				q.After = p.model.entries[r.IntN(len(p.model.entries))].Position
			}
			p.same(q)
		}
	}
}

func testTimes(t *testing.T, x archive.Index) {
	p, _ := filled(t, x, 2, 60)
	first, last := p.model.entries[0].Time, p.model.entries[len(p.model.entries)-1].Time
	for at := first.Add(-2); at.Before(last.Add(3)); at = at.Add(1) {
		for _, q := range []archive.Query{
			{From: at}, {To: at}, {From: at, To: at.Add(1)}, {From: at, Customer: "customer 1"}, {To: at, Customer: "customer 1"},
			{After: archive.Position{Time: at}}, {After: archive.Position{Time: at, Writer: uuid.Max}}, {From: at, After: archive.Position{Time: at.Add(-3)}},
			{From: at.In(time.FixedZone("east", 3600))},
		} {
			p.same(q)
			q.Newest = true
			p.same(q)
		}
	}
	p.same(archive.Query{From: time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), To: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)})
	p.same(archive.Query{From: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)})
	p.same(archive.Query{To: time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC)})
}

func testTexts(t *testing.T, x archive.Index) {
	p := newPair(t, x)
	w := newWriter(1)
	texts := []string{"a", "A", "a ", " a", "aa", "ä", "a\u0308", "a%", "_", "a'", `a"`, `a\`, "\U0001F600", "a\tb", "a\nb"}
	p.add(w.next(len(texts), func(w *writer, e *archive.Entry) {
		text := texts[w.sequence-1]
		e.Terms = archive.Terms{Keys: []address.Key{address.Key("\x01" + text), address.Key(fmt.Sprintf("\x00\xff%c", byte(w.sequence)))},
			Lists: []string{text}, Result: text, Reference: text, Customer: text, By: text, Alert: archive.Alert{ID: text}}
	}), w.mark())
	p.sameAll()
	for _, text := range texts {
		for _, q := range []archive.Query{{Keys: []address.Key{address.Key("\x01" + text)}}, {List: text}, {Result: text}, {Reference: text}, {Customer: text}, {By: text}} {
			if n := len(find(t, x, q)); n != 1 {
				t.Errorf("%+v: found %d entries, want 1", q, n)
			}
			p.same(q)
		}
		p.sameAlerts(archive.AlertQuery{ID: text})
		p.sameAlerts(archive.AlertQuery{List: text})
	}
}

func testManyKeys(t *testing.T, x archive.Index) {
	p := newPair(t, x)
	for seed := range uint64(3) {
		w := newWriter(seed)
		p.add(w.next(300, func(w *writer, e *archive.Entry) {
			random(w, e)
			e.Terms.Keys = []address.Key{key(w.rand.IntN(400)), key(w.rand.IntN(400)), key(1000)}
		}), w.mark())
	}
	var keys []address.Key
	for n := range 300 {
		keys = append(keys, key(n))
	}
	for _, newest := range []bool{false, true} {
		for _, limit := range []int{0, 1, 100} {
			p.same(archive.Query{Keys: keys, Newest: newest, Limit: limit})
			p.same(archive.Query{Keys: keys[:50], Newest: newest, Limit: limit})
			p.same(archive.Query{Keys: keys, Result: "result 2", Kinds: []journal.Kind{journal.Upload, journal.Denied}, Newest: newest, Limit: limit})
			p.same(archive.Query{Keys: []address.Key{key(1000), key(3)}, Customer: "customer 3", Newest: newest, Limit: limit})
		}
	}
}

// read reads all pages of a query; between is called after each.
func read(t *testing.T, x archive.Index, q archive.Query, between func()) []archive.Entry {
	t.Helper()
	var all []archive.Entry
	for {
		page := find(t, x, q)
		all = append(all, page...)
		if len(page) < q.Limit {
			return all
		}
		q.After = page[len(page)-1].Position
		between()
	}
}

func testPages(t *testing.T, x archive.Index) {
	p, _ := filled(t, x, 4, 100)
	for _, q := range []archive.Query{{}, {Keys: []address.Key{key(1), key(4)}}, {Result: "result 1"}, {Kinds: []journal.Kind{journal.Check}, List: "list-2"}} {
		for _, newest := range []bool{false, true} {
			q.Newest, q.Limit = newest, 0
			want := find(t, p.model, q)
			for _, limit := range []int{1, 3, 50} {
				q.Limit = limit
				if got := read(t, x, q, func() {}); !slices.EqualFunc(got, want, sameEntry) {
					equal(t, q, got, want)
				}
			}
		}
	}
}

func testPagesDuringAdd(t *testing.T, x archive.Index) {
	for _, newest := range []bool{false, true} {
		if err := x.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		p, writers := filled(t, x, 3, 80)
		q := archive.Query{Keys: []address.Key{key(1), key(2)}, Newest: newest}
		before := find(t, p.model, q)
		q.Limit = 4
		got := read(t, x, q, func() { // entries come in front of the cursor, and behind it
			for _, w := range writers {
				entries := w.next(2, random)
				entries[0].Time = start.Add(time.Duration(w.rand.IntN(40)))
				p.add(entries, w.mark())
			}
			if writers[0].sequence > 400 {
				writers = nil
			}
		})
		seen := map[archive.Position]bool{}
		for i, e := range got {
			if seen[e.Position] {
				t.Fatalf("%+v came twice", e.Position)
			}
			seen[e.Position] = true
			if i > 0 && (compare(got[i-1].Position, e.Position) < 0) == newest {
				t.Fatalf("%+v comes after %+v", e.Position, got[i-1].Position)
			}
		}
		if missing := slices.DeleteFunc(before, func(e archive.Entry) bool { return seen[e.Position] }); len(missing) > 0 {
			t.Fatalf("%d entries that were there before the first page did not come, the first is %+v", len(missing), missing[0].Position)
		}
	}
}

func testLoop(t *testing.T, x archive.Index) {
	p, writers := filled(t, x, 2, 700)
	seen := 0
	for _, err := range x.Find(t.Context(), archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; seen == 5 {
			break
		}
	}
	if seen != 5 {
		t.Errorf("the loop had %d turns", seen)
	}
	want := find(t, p.model, archive.Query{})
	var got []archive.Entry
	for e, err := range x.Find(t.Context(), archive.Query{}) { // a reader may change the index as it goes
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 3 {
			p.add(writers[0].next(1, func(_ *writer, e *archive.Entry) { e.Time = start.Add(-time.Hour) }), writers[0].mark())
		}
		if len(got)%500 == 0 {
			p.same(archive.Query{Customer: "customer 1", Limit: 3})
		}
		got = append(got, e)
	}
	if !slices.EqualFunc(got, want, sameEntry) {
		equal(t, "all", got, want)
	}
	all := find(t, x, archive.Query{Limit: 2}) // what was yielded stays as it is
	find(t, x, archive.Query{Newest: true})
	equal(t, "kept", all, find(t, p.model, archive.Query{Limit: 2}))
}
