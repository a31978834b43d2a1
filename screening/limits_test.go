package screening_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists"
	"interdict/screening"
	"interdict/screening/journal"
)

// crowded loads n listings of one address, the last one with confidence confirmed, and checks it in a batch between two other addresses.
func crowded(t *testing.T, n int) (*house, []screening.Answer, []error) {
	t.Helper()
	h := open(t, time.Now)
	var rows strings.Builder
	for i := range n {
		fmt.Fprintf(&rows, `{"address":%q,"network":"ethereum","entity":{"id":"e%d","name":"Entity number %d"},"confidence":%q,"note":%q}`+"\n",
			evmA, i, i, map[bool]string{true: "confirmed", false: "suspected"}[i == n-1], strings.Repeat("n", 100))
	}
	h.load(t, sanctions("big"), "ndjson", rows.String()+row(btcA, "bitcoin"))
	requests := []screening.Request{{Address: evmB, Direction: lists.Withdrawal}, {Address: evmA, Direction: lists.Withdrawal}, {Address: btcA, Direction: lists.Withdrawal}}
	answers, errs := make([]screening.Answer, 3), make([]error, 3)
	h.screener.CheckAll(ctx, requests, answers, errs)
	return h, answers, errs
}

func TestAddressWithThousandsOfListings(t *testing.T) {
	for _, n := range []int{5000, 40_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			h, answers, errs := crowded(t, n)
			for i, want := range []screening.Result{screening.Miss, screening.Hit, screening.Hit} {
				if errs[i] != nil || answers[i].Result != want {
					t.Fatalf("item %d is %v, %v", i, answers[i].Result, errs[i])
				}
			}
			a := &answers[1]
			if a.Action != lists.Reject || a.MatchesTotal != n || len(a.Matches) != 100 || a.Matches[0].Attribution.Entity.ID != fmt.Sprintf("e%d", n-1) {
				t.Errorf("the action is %s, the answer has %d of %d listings, the first one is of %s", a.Action, len(a.Matches), a.MatchesTotal, a.Matches[0].Attribution.Entity.ID)
			}
			if len(a.JSON) > journal.MaxPayloadBytes/2 {
				t.Errorf("the answer has %d bytes", len(a.JSON))
			}
			var told struct {
				Matches []json.RawMessage `json:"matches"`
				Total   int               `json:"matches_total"`
			}
			if err := json.Unmarshal(a.JSON, &told); err != nil || len(told.Matches) != 100 || told.Total != n {
				t.Errorf("the JSON has %d of %d (%v)", len(told.Matches), told.Total, err)
			}
			start := time.Now()
			single, err := h.ask(t, screening.Request{Address: evmA})
			if err != nil || single.Result != screening.Hit || single.MatchesTotal != n || single.Matches[0].Attribution.Confidence != lists.Confirmed {
				t.Errorf("a look-up is %v, %v", single.Result, err)
			}
			t.Logf("a look-up of %d listings takes %s", n, time.Since(start))
		})
	}
}

// The matches of an answer are limited in bytes too, but there is always one.
func TestAnswerFitsIntoAJournalRecord(t *testing.T) {
	h := open(t, time.Now)
	var rows strings.Builder
	long := strings.Repeat("<", 4000) // six bytes each in JSON
	for i := range 60 {
		fmt.Fprintf(&rows, `{"address":%q,"network":"ethereum","entity":{"id":"e%d","name":%q},"incident":%q,"note":%q}`+"\n", evmA, i, long, long, long)
	}
	programs, err := json.Marshal(strings.Split(strings.Repeat(strings.Repeat("p", 900)+" ", 900), " ")[:900])
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&rows, `{"address":%q,"network":"ethereum","entity":{"id":"many"},"programs":%s}`+"\n", evmB, programs)
	h.load(t, sanctions("long"), "ndjson", rows.String())
	for address, total := range map[string]int{evmA: 60, evmB: 1} {
		a, err := h.ask(t, screening.Request{Address: address, Direction: lists.Deposit})
		if err != nil || a.Result != screening.Hit || a.MatchesTotal != total || len(a.JSON) > journal.MaxPayloadBytes/2 || !json.Valid(a.JSON) {
			t.Errorf("%s is %v with %d listings in %d bytes: %v", address, a.Result, a.MatchesTotal, len(a.JSON), err)
		}
	}
}

func TestStrictestMatchIsFirst(t *testing.T) {
	h := open(t, time.Now)
	soft := sanctions("a-soft")
	soft.Policy = lists.Policy{{Action: lists.Allow}}
	h.load(t, soft, "ndjson", row(witness, "bitcoin"))
	h.load(t, sanctions("b-hard"), "ndjson", row(keyHash, "bitcoin"))
	a, err := h.ask(t, screening.Request{Address: witness, Direction: lists.Deposit})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range a.Matches {
		got = append(got, m.Class.String()+" "+m.Listed)
	}
	if d := cmp.Diff([]string{"same_key " + keyHash, "exact " + witness}, got); d != "" || a.Action != lists.Review {
		t.Error(a.Action, d)
	}
}

const (
	keyHash = "15GrGxPAWahvmRFGSaWHHhubGBLCeZSsuZ" // and witness are of one key
	witness = "bc1q9m07q9dfdrts6z82pfrpdn6uw9una8jvrld3mt"
)
