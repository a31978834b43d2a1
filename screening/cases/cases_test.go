package cases_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/screening/cases"
)

var now = time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)

// person returns a worker who is nobody's second person but others'.
func person(name string, approver bool) cases.Worker {
	by := lists.Actor{Person: name}
	return cases.Worker{Actor: by, Approver: approver, Second: func(author lists.Actor) error {
		return (&lists.People{}).SecondPerson(author, by, now)
	}}
}

func change(do cases.Do, by cases.Worker) *cases.Change {
	x := &cases.Change{Do: do, By: by, At: now}
	switch do {
	case cases.ToWait, cases.Note, cases.GiveBack:
		x.Reason = "r"
	case cases.Recommend, cases.Resolve:
		x.Reason, x.Outcome = "r", cases.Other
	case cases.Attach:
		x.File = &cases.Attachment{Name: "f", Blob: "b"}
	}
	return x
}

// TestStates has what each person can do with a case in each state. Ana is an analyst and works on the case, unless nobody does; Bea is another one; Cleo is
// an approver.
func TestStates(t *testing.T) {
	ana, bea, cleo := person("Ana", false), person("Bea", false), person("Cleo", true)
	dos := []cases.Do{cases.Take, cases.GiveBack, cases.ToWait, cases.Note, cases.Recommend, cases.Resolve, cases.Attach}
	steps := map[string][]cases.Do{"new": nil, "investigating": {cases.Take}, "waiting": {cases.Take, cases.ToWait}, "recommended": {cases.Recommend}, "resolved": {cases.Take, cases.Recommend, cases.Resolve}}
	const refused, denied = "conflict", "forbidden"
	for state, want := range map[string]map[string]string{ // in the order of dos
		"new": {
			"Ana":  "investigating conflict conflict new investigating forbidden new",
			"Cleo": "investigating conflict conflict new investigating resolved new",
		},
		"investigating": {
			"ANA":  "same new waiting investigating investigating forbidden investigating",
			"Bea":  "conflict conflict conflict conflict conflict forbidden conflict",
			"Cleo": "conflict conflict conflict conflict conflict conflict conflict",
		},
		"waiting": {
			"Ana":  "investigating new waiting waiting investigating forbidden waiting",
			"Bea":  "conflict conflict conflict conflict conflict forbidden conflict",
			"Cleo": "conflict conflict conflict conflict conflict conflict conflict",
		},
		"recommended": {
			"Ana":  "same new waiting investigating investigating forbidden investigating",
			"Bea":  "conflict conflict conflict conflict conflict forbidden conflict",
			"Cleo": "conflict conflict conflict conflict conflict resolved conflict",
		},
		"resolved": {
			"Ana":  "conflict conflict conflict conflict conflict forbidden conflict",
			"Bea":  "conflict conflict conflict conflict conflict forbidden conflict",
			"Cleo": "conflict conflict conflict conflict conflict conflict conflict",
		},
	} {
		for name, row := range want {
			by := map[string]cases.Worker{"ANA": person(" ana ", false), "Ana": ana, "Bea": bea, "Cleo": cleo}[name]
			var got []string
			for _, do := range dos {
				c := &cases.Case{ID: "1", State: cases.New}
				for _, step := range steps[state] {
					who := ana
					if step == cases.Resolve {
						who = cleo
					}
					if _, err := c.Apply(change(step, who)); err != nil {
						t.Fatal(err)
					}
				}
				events := len(c.History)
				x := change(do, by)
				if err := x.Check(); err != nil {
					t.Fatal(err)
				}
				changed, err := c.Apply(x)
				switch {
				case fault.Is(err, fault.Conflict):
					got = append(got, refused)
				case fault.Is(err, fault.Forbidden):
					got = append(got, denied)
				case err != nil:
					t.Fatal(err)
				case !changed:
					got = append(got, "same")
				default:
					events++
					got = append(got, string(c.State))
				}
				if len(c.History) != events {
					t.Errorf("%s %s %s: %d events", state, name, do, len(c.History))
				}
				if holds := c.TakenBy != ""; (c.State == cases.Investigating || c.State == cases.Waiting) && !holds || c.State == cases.New && holds {
					t.Errorf("%s %s %s: %s, taken by %q", state, name, do, c.State, c.TakenBy)
				}
			}
			if diff := cmp.Diff(row, strings.Join(got, " ")); diff != "" {
				t.Errorf("%s, %s: %v (-want +got):\n%s", state, name, dos, diff)
			}
		}
	}
}

func TestACaseIsTakenOver(t *testing.T) {
	c := &cases.Case{State: cases.New}
	for _, by := range []struct {
		who    cases.Worker
		reason string
		ok     bool
	}{{person("Ana", false), "", true}, {person("Bea", false), "a reason", false}, {person("Cleo", true), "", false}, {person("Cleo", true), "Ana is ill", true}} {
		_, err := c.Apply(&cases.Change{Do: cases.Take, By: by.who, At: now, Reason: by.reason})
		if (err == nil) != by.ok {
			t.Errorf("%s: %v", by.who.Person, err)
		}
	}
	want := []cases.Event{{Do: cases.Take, By: "Ana", At: now}, {Do: cases.Take, By: "Cleo", At: now, Reason: "Ana is ill", From: "Ana"}}
	if diff := cmp.Diff(want, c.History); diff != "" || c.TakenBy != "Cleo" {
		t.Errorf("taken by %s: %s", c.TakenBy, diff)
	}
}

// A case that is full can be resolved, and nothing else.
func TestAFullCase(t *testing.T) {
	ana, cleo := person("Ana", false), person("Cleo", true)
	c := &cases.Case{State: cases.New}
	for i := range cases.MaxEvents {
		x := change(cases.Note, ana)
		x.Reason = fmt.Sprint(i)
		if _, err := c.Apply(x); err != nil {
			t.Fatal(err)
		}
	}
	for _, do := range []cases.Do{cases.Take, cases.Note, cases.Attach} {
		if _, err := c.Apply(change(do, cleo)); !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: %v", do, err)
		}
	}
	if _, err := c.Apply(change(cases.Resolve, cleo)); err != nil {
		t.Error(err)
	}
}
