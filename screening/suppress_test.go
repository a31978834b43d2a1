package screening_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/screening"
)

// suppress proposes and approves a suppression.
func (h *house) suppress(t *testing.T, list, address, network string) *lists.Suppression {
	t.Helper()
	s, err := h.loader.ProposeSuppression(ctx, list, address, network, time.Now().Add(time.Hour), by("ana", "wrong person"))
	if err == nil {
		s, err = h.loader.ApproveSuppression(ctx, list, s.ID, by("ben", ""))
	}
	if err == nil {
		err = h.screener.Refresh(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// told returns the matches and the suppressed matches of an answer.
func (h *house) told(t *testing.T, address, network string) (matches, suppressed []string) {
	t.Helper()
	a, err := h.ask(t, screening.Request{Address: address, Network: network, Direction: lists.Deposit})
	if err != nil {
		t.Fatal(err)
	}
	if (a.Result == screening.Hit) != (len(a.Matches) > 0) {
		t.Errorf("the answer is %v with %d matches", a.Result, len(a.Matches))
	}
	for _, m := range a.Matches {
		matches = append(matches, m.Attribution.Entity.Name)
	}
	for _, m := range a.Suppressed {
		suppressed = append(suppressed, m.Attribution.Entity.Name)
	}
	return matches, suppressed
}

func named(address, entity string, more string) string {
	return `{"address":"` + address + `","entity":{"id":"1","name":"` + entity + `"}` + more + "}\n"
}

func TestSuppressionCoversOneListing(t *testing.T) {
	wrong := named(evmA, "wrong person", "")
	for name, c := range map[string]struct {
		rows                string
		matches, suppressed []string
	}{
		"the same":                 {wrong, nil, []string{"wrong person"}},
		"elsewhere in the file":    {named(evmB, "B", "") + wrong, nil, []string{"wrong person"}},
		"another entity":           {wrong + `{"address":"` + evmA + `","entity":{"id":"2","name":"Lazarus"},"category":"terrorist_financing"}` + "\n", []string{"Lazarus"}, []string{"wrong person"}},
		"another category":         {named(evmA, "wrong person", `,"category":"ransomware"`), []string{"wrong person"}, nil},
		"another confidence":       {named(evmA, "wrong person", `,"confidence":"suspected"`), []string{"wrong person"}, nil},
		"another programme":        {named(evmA, "wrong person", `,"programs":["DPRK3"]`), []string{"wrong person"}, nil},
		"another note":             {named(evmA, "wrong person", `,"note":"seen again"`), []string{"wrong person"}, nil},
		"another date":             {named(evmA, "wrong person", `,"listed_on":"2026-01-01"`), []string{"wrong person"}, nil},
		"another name, one id":     {named(evmA, "right person", ""), []string{"right person"}, nil},
		"the default, spelled out": {named(evmA, "wrong person", `,"category":"sanctions","confidence":"confirmed"`), nil, []string{"wrong person"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, time.Now)
			h.load(t, sanctions("deny"), "ndjson", wrong)
			h.suppress(t, "deny", evmA, "")
			h.load(t, sanctions("deny"), "ndjson", c.rows+row(btcA, "bitcoin"))
			matches, suppressed := h.told(t, evmA, "")
			if d := cmp.Diff([][]string{c.matches, c.suppressed}, [][]string{matches, suppressed}); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestSuppressionCoversOneReading(t *testing.T) {
	const (
		onOneKey   = "DBXu2kgc3xtvCUWFcxFE3r9hEYgmuaaCyD" // Dogecoin and Verge
		onManyKeys = "0xcccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
	)
	for address, networks := range map[string][2]string{onOneKey: {"dogecoin", "verge"}, onManyKeys: {"aptos", "sui"}} {
		for i, network := range networks {
			h := open(t, time.Now)
			h.load(t, sanctions("deny"), "ndjson", named(address, "S", ""))
			h.suppress(t, "deny", address, network)
			if m, s := h.told(t, address, network); len(m) != 0 || len(s) != 1 {
				t.Errorf("%s on %s: matches %v, suppressed %v", address, network, m, s)
			}
			for _, still := range []string{networks[1-i], ""} {
				if m, _ := h.told(t, address, still); len(m) != 1 {
					t.Errorf("%s suppressed on %s is a miss on %q", address, network, still)
				}
			}
			h.suppress(t, "deny", address, "")
			if m, s := h.told(t, address, ""); len(m) != 0 || len(s) != 1 {
				t.Errorf("%s suppressed altogether: matches %v, suppressed %v", address, m, s)
			}
		}
	}
}

// Earlier versions of Interdict stored suppressions that name no listing.
func TestSuppressionWithoutAListingHasNoEffect(t *testing.T) {
	h := open(t, time.Now)
	h.load(t, sanctions("deny"), "ndjson", named(evmA, "S", ""))
	s := h.suppress(t, "deny", evmA, "")
	if m, _ := h.told(t, evmA, ""); len(m) != 0 || len(s.Listings) != 1 {
		t.Fatalf("before: %v", m)
	}
	doc, err := h.store.Get(ctx, lists.DocGeneration(2))
	if err != nil {
		t.Fatal(err)
	}
	g, err := lists.Decode[lists.Generation](doc)
	if err != nil {
		t.Fatal(err)
	}
	g.Lists[0].Suppressions[0].Listings = nil
	g.Number, g.Parent, g.ID = 3, g.ID, "019ad2c4-7b1e-7c33-9d0a-5f3f2f0a9b11"
	head, err := h.store.Get(ctx, lists.DocHead)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.store.Commit(ctx, lists.Put(lists.DocGeneration(3), g, 0), lists.Put(lists.DocHead, lists.Head{Generation: 3, ID: g.ID}, head.Revision)); err != nil {
		t.Fatal(err)
	}
	if err := h.screener.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	if m, suppressed := h.told(t, evmA, ""); len(m) != 1 || len(suppressed) != 0 {
		t.Errorf("matches %v, suppressed %v", m, suppressed)
	}
	if d := cmp.Diff([]string{"deny/" + s.ID}, h.screener.Status().Unbound); d != "" {
		t.Errorf("readiness does not name it: %s", d)
	}
}

func TestSuppressionIsApprovedForCurrentListings(t *testing.T) {
	h := open(t, time.Now)
	h.load(t, sanctions("deny"), "ndjson", named(evmA, "S", ""))
	s, err := h.loader.ProposeSuppression(ctx, "deny", evmA, "", time.Now().Add(time.Hour), by("ana", "wrong person"))
	if err != nil {
		t.Fatal(err)
	}
	h.load(t, sanctions("deny"), "ndjson", named(evmA, "Another", ""))
	if _, err := h.loader.ApproveSuppression(ctx, "deny", s.ID, by("ben", "")); !fault.Is(err, fault.Conflict) {
		t.Errorf("approved for a listing that is gone: %v", err)
	}
}

func TestSuppressedMatchesAreCountedAndTruncated(t *testing.T) {
	h := open(t, time.Now)
	rows := ""
	for i := range 100 {
		rows += named(evmA, string(rune('a'+i%26))+string(rune('a'+i/26)), "")
	}
	h.load(t, sanctions("deny"), "ndjson", rows)
	h.suppress(t, "deny", evmA, "")
	a, err := h.ask(t, screening.Request{Address: evmA, Direction: lists.Deposit})
	if err != nil || a.Result != screening.Miss || a.SuppressedTotal != 100 || len(a.Suppressed) != 100 || !json.Valid(a.JSON) {
		t.Errorf("%v: %d of %d suppressed (%v)", a.Result, len(a.Suppressed), a.SuppressedTotal, err)
	}
	h.load(t, sanctions("deny"), "ndjson", rows+named(evmA, "one more", ""))
	if _, err := h.loader.ProposeSuppression(ctx, "deny", evmA, "", time.Now().Add(time.Hour), by("ana", "wrong")); !fault.Is(err, fault.Conflict) {
		t.Errorf("one suppression for 101 listings: %v", err)
	}
}
