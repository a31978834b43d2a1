package console

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/api/client"
)

func TestDueDatesAreNearOrOver(t *testing.T) {
	now := time.Date(2026, 11, 26, 23, 30, 0, 0, time.UTC)
	type due struct {
		Left       int
		Soon, Over bool
	}
	resolved := func(outcome string) *client.CaseDecision { return &client.CaseDecision{Outcome: outcome} }
	for _, x := range []struct {
		day      string
		resolved *client.CaseDecision
		want     due
	}{
		{"2026-11-30", nil, due{4, false, false}},
		{"2026-11-29", nil, due{3, true, false}},
		{"2026-11-26", nil, due{0, true, false}},
		{"2026-11-25", nil, due{-1, false, true}},
		{"2026-11-25", resolved("true_match"), due{-1, false, false}},
		{"2026-11-25", resolved("release"), due{-1, false, true}}, // its report is due after the decision
	} {
		d := dueOf(&client.Case{Due: x.day, Resolved: x.resolved}, now)
		if diff := cmp.Diff(x.want, due{d.Left, d.Soon(), d.Over()}); diff != "" {
			t.Errorf("%s %v: %s", x.day, x.resolved, diff)
		}
	}
	if d := dueOf(&client.Case{}, now); !d.Day.IsZero() {
		t.Errorf("nothing is due: %+v", d)
	}
}

func TestWhatIsReportedOfACase(t *testing.T) {
	for _, x := range []struct {
		c    client.Case
		want string
	}{
		{client.Case{Told: client.AlertOutcome{Action: "freeze"}}, ""},
		{client.Case{Due: "2026-12-10", Told: client.AlertOutcome{Action: "freeze"}}, "blocked"},
		{client.Case{Due: "2026-12-10", Told: client.AlertOutcome{Action: "reject"}}, "rejected"},
		{client.Case{Due: "2026-12-10", Told: client.AlertOutcome{Action: "allow"}, Now: &client.AlertOutcome{Action: "freeze"}, Cause: "listed"}, "blocked"},
		{client.Case{Due: "2026-12-10", Told: client.AlertOutcome{Action: "freeze"}, Now: &client.AlertOutcome{Action: "allow"}, Cause: "delisted"}, "unblocked"},
		{client.Case{Due: "2026-12-10", Told: client.AlertOutcome{Action: "allow"}, Before: &client.AlertOutcome{Action: "freeze"}, Now: &client.AlertOutcome{Action: "review"}, Cause: "weaker"}, "unblocked"},
		{client.Case{Due: "2026-12-10", Told: client.AlertOutcome{Action: "review"}, Resolved: &client.CaseDecision{Outcome: "release"}}, "unblocked"},
	} {
		if got := dueRule(&x.c); got != x.want {
			t.Errorf("%+v: %q instead of %q", x.c, got, x.want)
		}
	}
}
