// Package indextest is the conformance suite of archive.Index: every implementation has to behave as the model in memory does.
package indextest

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"interdict/lists/fault"
	"interdict/screening/archive"
)

// Run tests an implementation. open returns an index that is empty; Run closes it.
func Run(t *testing.T, open func(t *testing.T) archive.Index) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, x archive.Index)
	}{
		{"an empty index", testEmpty},
		{"entries come back as they were added", testRoundTrip},
		{"entries and marks may come again", testAgain},
		{"entries of a failed add are not there", testAllOrNothing},
		{"missing entries are a conflict", testMissing},
		{"marks never move back", testMarks},
		{"entries come in any order of time", testDisorder},
		{"each condition", testConditions},
		{"conditions together", testRandomQueries},
		{"many entries over years", testYears},
		{"time limits are exact", testTimes},
		{"texts are compared byte for byte", testTexts},
		{"many keys", testManyKeys},
		{"pages have each entry once", testPages},
		{"pages while entries are added", testPagesDuringAdd},
		{"a loop may stop, and call the index", testLoop},
		{"alerts", testAlerts},
		{"alerts of hits", testHits},
		{"alerts in any order", testAlertsRandom},
		{"alerts by page", testAlertPages},
		{"drop", testDrop},
		{"drop at random times", testDropRandom},
		{"dropped entries may come again", testDropThenAdd},
		{"clear", testClear},
		{"cancelled", testCancelled},
		{"closed", testClosed},
		{"concurrent use", testConcurrent},
		{"the same entries from several callers", testRace},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := open(t)
			t.Cleanup(func() {
				if err := x.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			test.run(t, x)
		})
	}
}

// pair is the index under test and the model, which get the same changes.
type pair struct {
	t     *testing.T
	x     archive.Index
	model *model
}

func newPair(t *testing.T, x archive.Index) pair { return pair{t, x, newModel()} }

func (p pair) add(entries []archive.Entry, m archive.Mark) {
	p.t.Helper()
	if err := p.x.Add(p.t.Context(), entries, m); err != nil {
		p.t.Fatalf("add %d entries up to %d: %v", len(entries), m.Sequence, err)
	}
	if err := p.model.Add(p.t.Context(), entries, m); err != nil {
		p.t.Fatalf("model: %v", err)
	}
}

func (p pair) drop(before time.Time) {
	p.t.Helper()
	if err := p.x.Drop(p.t.Context(), before); err != nil {
		p.t.Fatalf("drop: %v", err)
	}
	if err := p.model.Drop(p.t.Context(), before); err != nil {
		p.t.Fatalf("model: %v", err)
	}
}

// same compares what a query finds.
func (p pair) same(q archive.Query) {
	p.t.Helper()
	got, want := find(p.t, p.x, q), find(p.t, p.model, q)
	if !slices.EqualFunc(got, want, sameEntry) { // go-cmp takes long for many entries
		equal(p.t, q, got, want)
	}
}

func sameEntry(a, b archive.Entry) bool {
	return compare(a.Position, b.Position) == 0 && a.Kind == b.Kind && a.ID == b.ID && bytes.Equal(a.Payload, b.Payload) &&
		slices.Equal(a.Terms.Keys, b.Terms.Keys) && slices.Equal(a.Terms.Lists, b.Terms.Lists) &&
		a.Terms.Result == b.Terms.Result && a.Terms.Reference == b.Terms.Reference && a.Terms.Customer == b.Terms.Customer &&
		a.Terms.By == b.Terms.By && a.Terms.Alert == b.Terms.Alert
}

func sameAlert(a, b archive.AlertState) bool {
	return a.ID == b.ID && sameEntry(a.Created, b.Created) && (a.Resolved == nil) == (b.Resolved == nil) &&
		(a.Resolved == nil || sameEntry(*a.Resolved, *b.Resolved))
}

// sameAlerts compares what a query of alerts finds.
func (p pair) sameAlerts(q archive.AlertQuery) {
	p.t.Helper()
	got, want := collect(p.t, p.x.Alerts(p.t.Context(), q)), collect(p.t, p.model.Alerts(p.t.Context(), q))
	if !slices.EqualFunc(got, want, sameAlert) {
		equal(p.t, q, got, want)
	}
}

// sameAll compares everything that two indexes hold.
func (p pair) sameAll() {
	p.t.Helper()
	p.same(archive.Query{})
	p.same(archive.Query{Newest: true})
	for _, of := range origins {
		p.sameAlerts(archive.AlertQuery{Of: of})
		p.sameAlerts(archive.AlertQuery{Of: of, Open: true})
		equal(p.t, "open alerts", openAlerts(p.t, p.x, of), openAlerts(p.t, p.model, of))
	}
	equal(p.t, "marks", marks(p.t, p.x), marks(p.t, p.model))
}

// equal compares values; an empty slice is the same as none.
func equal[T any](t *testing.T, what any, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%+v (-want +got):\n%s", what, diff)
	}
}

func collect[T any](t *testing.T, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var all []T
	for x, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	return all
}

func find(t *testing.T, x archive.Index, q archive.Query) []archive.Entry {
	t.Helper()
	return collect(t, x.Find(t.Context(), q))
}

func marks(t *testing.T, x archive.Index) []archive.Mark {
	t.Helper()
	m, err := x.Marks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var origins = []archive.Origin{archive.AnyOrigin, archive.Hits, archive.LookBacks}

func openAlerts(t *testing.T, x archive.Index, of archive.Origin) int {
	t.Helper()
	n, err := x.OpenAlerts(t.Context(), of)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func wantKind(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Fatalf("got %v (%v), want an error of the kind %v", err, fault.KindOf(err), kind)
	}
}

// failure returns the error that an iteration ends with.
func failure[T any](seq iter.Seq2[T, error]) error {
	var last error
	for _, err := range seq {
		last = err
	}
	return last
}

func testEmpty(t *testing.T, x archive.Index) {
	newPair(t, x).sameAll()
	if x.Describe() == "" {
		t.Error("an index without a name")
	}
	if err := x.Drop(t.Context(), start); err != nil {
		t.Error(err)
	}
	if err := x.Clear(t.Context()); err != nil {
		t.Error(err)
	}
}

func testCancelled(t *testing.T, x archive.Index) {
	w := newWriter(1)
	p := newPair(t, x)
	p.add(w.next(10, random), w.mark())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	more := w.next(10, random)
	_, marksErr := x.Marks(ctx)
	_, openErr := x.OpenAlerts(ctx, archive.AnyOrigin)
	for what, err := range map[string]error{
		"Add": x.Add(ctx, more, w.mark()), "Drop": x.Drop(ctx, start.AddDate(100, 0, 0)), "Clear": x.Clear(ctx),
		"Marks": marksErr, "OpenAlerts": openErr,
		"Find": failure(x.Find(ctx, archive.Query{})), "Alerts": failure(x.Alerts(ctx, archive.AlertQuery{})),
	} {
		if err == nil {
			t.Errorf("%s returns no error when its context is cancelled", what)
		}
	}
	p.sameAll()

	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	n := 0
	var last error
	for _, err := range x.Find(ctx, archive.Query{}) {
		if last = err; err == nil {
			n++
		}
		cancel()
	}
	if n < 10 && last == nil {
		t.Errorf("an iteration that was cancelled ended after %d of 10 entries without an error", n)
	}
}

func testClosed(t *testing.T, x archive.Index) {
	w := newWriter(1)
	newPair(t, x).add(w.next(3, random), w.mark())
	for range 2 {
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	_, marksErr := x.Marks(ctx)
	_, openErr := x.OpenAlerts(ctx, archive.AnyOrigin)
	for _, err := range []error{x.Add(ctx, w.next(1, random), w.mark()), x.Drop(ctx, start), x.Clear(ctx), marksErr, openErr,
		failure(x.Find(ctx, archive.Query{})), failure(x.Alerts(ctx, archive.AlertQuery{}))} {
		wantKind(t, err, fault.Unavailable)
	}
}
