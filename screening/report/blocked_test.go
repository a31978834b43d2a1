package report

import (
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/screening"
)

var washington = time.FixedZone("EDT", -4*3600)

func decided(id byte, at, action, reference string) *screening.Decision {
	t, err := time.Parse(time.RFC3339, at)
	if err != nil {
		panic(err)
	}
	return &screening.Decision{ID: [16]byte{15: id}, At: t, Action: lists.Action(action), Reference: reference, Customer: "c-19", Direction: lists.Deposit, Identity: "evm:01",
		Answer: fmt.Appendf(nil, `{"address":{"canonical":"0x01","network":"ethereum"},"matches":[
			{"list":{"id":"ofac-sdn","name":"OFAC SDN"},"listed":{"asset":"ETH"},"entity":{"id":"27307","name":"Lazarus Group"},"programs":["DPRK3","CYBER2"]},
			{"list":{"id":"uk","name":""},"listed":{"asset":"USDT"},"entity":{"id":"","name":""},"programs":["DPRK3"]}]}`)}
}

func checkID(id byte) string { return uuid.UUID{15: id}.String() }

func each(all ...*screening.Decision) iter.Seq2[*screening.Decision, error] {
	return func(yield func(*screening.Decision, error) bool) {
		for _, d := range all {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// rows are the columns that differ between the cases below.
func rows(holdings []Holding) (all []string) {
	for _, h := range holdings {
		c := h.Cells(washington)
		all = append(all, fmt.Sprintf("%s %s %s checks %s held %s released %q", c[0], h.CheckID[35:], c[5], c[3], c[15], c[16]))
	}
	return all
}

func TestThePropertyOf30June(t *testing.T) {
	decisions := each(
		decided(1, "2026-07-01T03:59:59Z", "freeze", "dep-1"), // still 30 June in Washington
		decided(2, "2026-07-01T04:00:00Z", "freeze", "dep-2"), // 1 July
		decided(4, "2026-05-02T10:00:00Z", "freeze", "dep-3"), // checked before: the next one
		decided(3, "2026-05-01T10:00:00Z", "freeze", "dep-3"),
		decided(3, "2026-05-01T10:00:00Z", "freeze", "dep-3"), // the same record twice
		decided(5, "2026-04-01T10:00:00Z", "freeze", ""),      // without a reference: two holdings
		decided(6, "2026-04-02T10:00:00Z", "freeze", ""),
		decided(7, "2026-04-03T10:00:00Z", "reject", "wd-1"), // nothing is held
		decided(8, "2026-04-04T10:00:00Z", "review", "dep-4"),
		decided(9, "2024-01-01T10:00:00Z", "freeze", "dep-5"),  // released before the year
		decided(10, "2024-01-02T10:00:00Z", "freeze", "dep-6"), // released in it
		decided(11, "2024-01-03T10:00:00Z", "freeze", "dep-7"), // released after it
		decided(12, "2024-01-04T10:00:00Z", "freeze", "dep-8"), // never
	)
	at := func(text string) time.Time { return decided(0, text, "", "").At }
	stranger := Release{CheckID: checkID(99), At: at("2026-01-01T00:00:00Z")}
	all, unknown, err := Holdings(2026, washington, decisions, []Release{
		{CheckID: checkID(9), At: at("2025-07-01T03:59:59Z")},
		{CheckID: checkID(10), At: at("2025-07-01T04:00:00Z")},
		{CheckID: checkID(11), At: at("2026-07-01T04:00:00Z")},
		{CheckID: checkID(4), At: at("2026-06-01T00:00:00Z"), Note: "licence 7"}, // by the second check of the property
		stranger,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`2024-01-03 b dep-7 checks 1 held yes released "2026-07-01T04:00:00Z"`,
		`2024-01-04 c dep-8 checks 1 held yes released ""`,
		`2026-04-01 5  checks 1 held yes released ""`,
		`2026-04-02 6  checks 1 held yes released ""`,
		`2026-06-30 1 dep-1 checks 1 held yes released ""`,
		`2024-01-02 a dep-6 checks 1 held no released "2025-07-01T04:00:00Z"`,
		`2026-05-01 3 dep-3 checks 2 held no released "2026-06-01T00:00:00Z"`,
	}
	if d := cmp.Diff(want, rows(all)); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if d := cmp.Diff([]Release{stranger}, unknown); d != "" {
		t.Errorf("unknown releases: -want +got\n%s", d)
	}
	whole := []string{"2026-05-01", "2026-05-01T10:00:00Z", checkID(3), "2", "c-19", "dep-3", "deposit", "0x01", "ethereum", "ETH", "", "", "OFAC SDN; uk",
		"Lazarus Group (27307)", "DPRK3; CYBER2", "no", "2026-06-01T00:00:00Z", "licence 7", "2026-05-15"}
	if d := cmp.Diff(whole, all[6].Cells(washington)); d != "" {
		t.Errorf("cells: -want +got\n%s", d)
	}
	if len(whole) != len(HoldingColumns) {
		t.Errorf("%d cells under %d columns", len(whole), len(HoldingColumns))
	}
}

// What is not certain is an error: a report that leaves property out is worse than none.
func TestAReportOfWhatCannotBeReadIsAnError(t *testing.T) {
	damaged := decided(1, "2026-05-01T10:00:00Z", "freeze", "dep-1")
	damaged.Answer = []byte("{")
	broken := errors.New("the journal is damaged")
	good := decided(1, "2026-05-01T10:00:00Z", "freeze", "dep-1")
	release := func(at string) Release { return Release{CheckID: checkID(1), At: decided(0, at, "", "").At} }
	for name, x := range map[string]struct {
		decisions iter.Seq2[*screening.Decision, error]
		releases  []Release
		is        func(error) bool
	}{
		"an answer that cannot be read": {each(damaged), nil, func(err error) bool { return fault.Is(err, fault.Unavailable) }},
		"an error of the journal": {func(yield func(*screening.Decision, error) bool) { yield(nil, broken) }, nil,
			func(err error) bool { return errors.Is(err, broken) }},
		"a release before the block": {each(good), []Release{release("2026-05-01T09:59:59Z")}, func(err error) bool { return fault.Is(err, fault.Invalid) }},
		"two releases of the same property": {each(good), []Release{release("2026-05-03T00:00:00Z"), release("2026-05-04T00:00:00Z")},
			func(err error) bool { return fault.Is(err, fault.Invalid) }},
	} {
		t.Run(name, func(t *testing.T) {
			if all, _, err := Holdings(2026, washington, x.decisions, x.releases); !x.is(err) || all != nil {
				t.Errorf("got %v, %v", all, err)
			}
		})
	}
}
