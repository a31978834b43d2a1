package loader_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"interdict/lists"
	"interdict/loader"
)

// shady is a text that turns a terminal red, writes over its line, and turns its direction.
const shady = "x\x1b[31m\ry\u202ez\u009b2J\x07\u200b\U000e0041"

// unshown returns the texts in a document that hold what does not show, except the addresses of lists, which are kept as they are published.
func unshown(place string, document any) (bad []string) {
	switch x := document.(type) {
	case string:
		if lists.PlainText(x) != x {
			bad = append(bad, place+": "+x)
		}
	case []any:
		for _, y := range x {
			bad = append(bad, unshown(place, y)...)
		}
	case map[string]any:
		for name, y := range x {
			bad = append(bad, unshown(place+"."+name, y)...)
			bad = append(bad, unshown(place, name)...)
		}
	}
	return bad
}

// Nothing that people give or that stands in a list beside its addresses is stored with characters that do not show.
func TestWhatIsStoredShowsWhatItHolds(t *testing.T) {
	b := newBench(t)
	settings := b.settings("deny")
	settings.Name, settings.Authority = "name "+shady, "authority "+shady
	if _, _, err := b.PutList(ctx, settings.ID, by("ad", ""), settle(*settings)); err != nil {
		t.Fatal(err)
	}
	created := b.settings("made")
	created.Name, created.Authority = settings.Name, settings.Authority
	quoted := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	rows := func(extra string) string {
		return `{"address":"` + evmA + `","network":"ethereum","asset":` + quoted("a"+shady) + `,"entity":{"id":` + quoted(shady) + `,"name":` + quoted("Lazarus "+shady) +
			`,"type":"entity"},"category":` + quoted("c"+shady) + `,"programs":["P",` + quoted(shady) + `],"incident":` + quoted(shady) + `,"url":` + quoted("https://example.org/"+shady) +
			`,"listed_on":` + quoted(shady) + `,"note":` + quoted("two\nlines "+shady) + "}\n" +
			`{"address":` + quoted("no address "+shady) + `,"entity":{"name":` + quoted(shady) + "}}\n" + extra
	}
	stage := func(list, extra string) int {
		t.Helper()
		v, err := b.Stage(ctx, list, []loader.Upload{{Name: "dir/file" + shady + ".ndjson", Body: strings.NewReader(rows(extra))}},
			loader.StageOptions{Format: "ndjson", By: lists.Person("ana"), Note: "note " + shady, Create: created})
		if err != nil {
			t.Fatal(err)
		}
		return v.Number
	}
	done := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	activate := func(list string, n int) {
		t.Helper()
		done(b.Activate(ctx, list, n, loader.ActivateOptions{By: lists.Person("bo"), Warrant: lists.Warrant{Alone: lists.AloneOperator}, Override: "override " + shady}))
	}
	stage("made", "")
	first := stage("deny", "")
	done(b.Approve(ctx, "deny", first, by("cy", "approved "+shady)))
	activate("deny", first)
	second := stage("deny", `{"address":"`+evmB+`"}`)
	activate("deny", second)
	done(b.Reject(ctx, "deny", stage("deny", `{"address":"`+evmC+`"}`), by("cy", "rejected "+shady)))
	for _, end := range []func(id string) (*lists.Suppression, error){
		func(id string) (*lists.Suppression, error) {
			return b.ApproveSuppression(ctx, "deny", id, by("cy", "approved "+shady))
		},
		func(id string) (*lists.Suppression, error) {
			return b.RejectSuppression(ctx, "deny", id, by("cy", "rejected "+shady))
		},
	} {
		s, err := b.ProposeSuppression(ctx, "deny", evmA, "ethereum", b.now.Add(time.Hour), by("ana", "proposed "+shady))
		if err != nil {
			t.Fatal(err)
		}
		if s, err = end(s.ID); err != nil {
			t.Fatal(err)
		}
		if s.State == lists.InForce {
			done(b.EndSuppression(ctx, "deny", s.ID, by("cy", "ended "+shady)))
		}
	}
	done(b.Rollback(ctx, "deny", by("bo", "back "+shady)))
	done(b.Retire(ctx, "deny", by("bo", "gone "+shady)))
	if _, err := b.Stage(ctx, "deny", []loader.Upload{{Name: shady, Body: strings.NewReader("{\"x" + shady)}}, loader.StageOptions{Format: "ndjson", By: lists.Person("ana")}); err == nil {
		t.Fatal("a file that cannot be read was read")
	}

	docs, err := b.store.Scan(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range docs {
		var document any
		if err := json.Unmarshal(d.Value, &document); err != nil {
			continue // a blob or an index
		}
		for _, bad := range unshown(d.Key, document) {
			t.Errorf("stored: %q", bad)
		}
	}
	for _, c := range b.ledger.changes {
		var document any
		text, err := json.Marshal(c)
		if err == nil {
			err = json.Unmarshal(text, &document)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range unshown("journal "+c.Action, document) {
			t.Errorf("%q", bad)
		}
	}
	listings := 0
	if err := b.Listings(ctx, "deny", first, func(l lists.Listing) error {
		listings++
		l.Address = ""
		var document any
		text, err := json.Marshal(l)
		if err == nil {
			err = json.Unmarshal(text, &document)
		}
		for _, bad := range unshown("listing", document) {
			t.Errorf("%q", bad)
		}
		return err
	}); err != nil || listings != 2 {
		t.Errorf("%d listings, %v", listings, err)
	}
	if err := b.Quarantine(ctx, "deny", first, func(q lists.Quarantined) error {
		q.Address = ""
		for _, cell := range q.Cells() {
			if lists.PlainText(cell) != cell {
				t.Errorf("quarantine: %q", cell)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}

	// The words are still there.
	l, _, err := b.List(ctx, "deny")
	if err != nil || l.Name != "name x[31m yz2J" || l.Authority != "authority x[31m yz2J" {
		t.Errorf("%+v, %v", l, err)
	}
	v, err := b.Version(ctx, "deny", first)
	if err != nil || v.File != "filex[31m yz2J.ndjson" || v.Note != "note x[31m yz2J" || v.Approvals[0].Reason != "approved x[31m yz2J" {
		t.Errorf("%+v, %v", v, err)
	}
}
