package archive_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists"
	"interdict/screening/archive"
	"interdict/screening/journal"
)

// Each check whose answer changes has one alert for each change, whichever run finds it, however often it looks, and whatever was resolved.
func TestEachChangeOfAnAnswerIsOneAlert(t *testing.T) {
	const addresses, fresh = 200, 120 // more checks than are answered at once
	s, x := newSite(t), openIndex(t)
	s.check(t, addresses*checksOfAnAddress)
	fill := func() {
		t.Helper()
		if err := indexerOf(x, s.dir).Once(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	// want compares the causes of the alerts of each check, in order.
	want := func(after string, causes ...string) {
		t.Helper()
		fill()
		got := map[string][]string{}
		for a, err := range x.Alerts(t.Context(), archive.AlertQuery{}) {
			if err != nil {
				t.Fatal(err)
			}
			var r archive.AlertRecord
			if err := json.Unmarshal(a.Created.Payload, &r); err != nil {
				t.Fatal(err)
			}
			if before := len(got[r.Reference]); (r.Before != nil) != (before > 0) || r.Told.Result != "miss" {
				t.Errorf("after %s: alert number %d of a check has %+v", after, before, r)
			}
			got[r.Reference] = append(got[r.Reference], r.Cause)
		}
		all := map[string][]string{}
		for i := range addresses * checksOfAnAddress {
			if i%addresses < fresh && len(causes) > 0 {
				all[fmt.Sprintf("wd-%09d", i)] = causes
			}
		}
		if diff := cmp.Diff(all, got); diff != "" {
			t.Errorf("after %s:\n%s", after, diff)
		}
	}
	all := func() {
		t.Helper()
		if _, err := s.looker(x).All(t.Context(), s.generation(t).Number, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	fill()
	all()
	want("the first look")

	first := s.generation(t)
	s.list(t, lists.Replace, 0, fresh)
	listed := s.generation(t)
	s.changes(t, x, first, listed)
	want("listing", "listed")
	s.changes(t, x, first, listed)
	all()
	want("looking again", "listed")

	for a, err := range x.Alerts(t.Context(), archive.AlertQuery{Limit: 3}) { // what a person decides changes nothing
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(&archive.Resolution{ID: a.ID, Resolved: true, By: "ann", At: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.journal.Append(journal.LookBack, time.Now(), b, true); err != nil {
			t.Fatal(err)
		}
	}
	fill()
	s.list(t, lists.Replace, 1<<30, 50)
	all()
	want("delisting", "listed", "delisted")
	all()
	s.changes(t, x, listed, s.generation(t))
	want("looking again", "listed", "delisted")

	delisted := s.generation(t)
	s.list(t, lists.Add, 0, fresh)
	s.changes(t, x, delisted, s.generation(t))
	want("listing once more", "listed", "delisted", "listed")
}
