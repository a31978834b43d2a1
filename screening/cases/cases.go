// Package cases says what people may do with a case: the work on a hit, or on an alert of a look-back.
//
//	new ── take ──► investigating ◄── take ── waiting
//	 ▲                │  │   └────── wait ──────▲
//	 └── release ─────┘  └ recommend, resolve ─► resolved
//
// One person works on a case at a time. A Case is a document of the store, which exists once somebody has done something with the case; what the case
// is about is in the record.
package cases

import (
	"slices"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// State is the state of a case.
type State string

// States.
const (
	New           State = "new" // nobody works on it
	Investigating State = "investigating"
	Waiting       State = "waiting"
	Resolved      State = "resolved"
)

// Outcome is how a case is resolved.
type Outcome string

// Outcomes.
const (
	TrueMatch     Outcome = "true_match"
	FalsePositive Outcome = "false_positive"
	Release       Outcome = "release" // of what was frozen, since the address is listed no more, or less strictly
	Other         Outcome = "other"
)

// Outcomes are all outcomes.
var Outcomes = []Outcome{TrueMatch, FalsePositive, Release, Other}

// Limits of a case. The document of one that is full has less than 3 MiB.
const (
	MaxEvents      = 500 // a case that has more can only be resolved
	MaxAttachments = 20
)

// Case is the working state of a case.
type Case struct {
	ID             string       `json:"id"` // of the alert in the index of the record
	State          State        `json:"state"`
	TakenBy        string       `json:"taken_by,omitempty"`
	TakenAt        time.Time    `json:"taken_at,omitzero"`
	Wait           *Wait        `json:"wait,omitempty"` // of a case that is waiting
	Recommendation *Decision    `json:"recommendation,omitempty"`
	Resolution     *Decision    `json:"resolution,omitempty"`
	Attachments    []Attachment `json:"attachments,omitempty"`
	History        []Event      `json:"history"`
}

// Wait says why a case waits.
type Wait struct {
	Reason string     `json:"reason"`
	Until  *time.Time `json:"until,omitempty"`
}

// Decision is a recommendation, or how a case was resolved.
type Decision struct {
	Outcome    Outcome   `json:"outcome"`
	Reason     string    `json:"reason"`
	By         string    `json:"by"`
	Credential string    `json:"credential,omitempty"`
	At         time.Time `json:"at"`
	// Alone is why the person who recommended it could decide as well.
	Alone string `json:"alone,omitempty"`
}

// Attachment is a file that belongs to a case.
type Attachment struct {
	Blob   string    `json:"blob"`
	Name   string    `json:"name"`
	Size   int64     `json:"size"`
	SHA256 string    `json:"sha256"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// Event is one entry of the history of a case.
type Event struct {
	Do      Do         `json:"do"`
	By      string     `json:"by"`
	At      time.Time  `json:"at"`
	Reason  string     `json:"reason,omitempty"`
	Outcome Outcome    `json:"outcome,omitempty"`
	Until   *time.Time `json:"until,omitempty"`
	From    string     `json:"from,omitempty"` // the person from whom the case was taken over
	File    string     `json:"file,omitempty"`
}

// Do is what a person does with a case.
type Do string

// What people do with cases.
const (
	Take      Do = "take"
	GiveBack  Do = "release"
	ToWait    Do = "wait"
	Note      Do = "note"
	Recommend Do = "recommend"
	Resolve   Do = "resolve"
	Attach    Do = "attach"
)

// Worker is who does it.
type Worker struct {
	lists.Actor
	Approver bool
	// Alone is why this person needs no second one; "": a recommendation needs another person to resolve the case.
	Alone string
	// Second returns an error if this person cannot be the second one for what another has recommended.
	Second func(author lists.Actor) error
}

// Change is what a person does with a case.
type Change struct {
	Do      Do
	By      Worker
	At      time.Time
	Reason  string // of Note: its text
	Outcome Outcome
	Until   *time.Time
	File    *Attachment
}

// Check returns fault.Invalid if something is missing, or does not belong to the change. It brings Reason into the form in which it is recorded.
func (x *Change) Check() error {
	x.Reason = lists.Reason(x.Reason)
	decides := x.Do == Recommend || x.Do == Resolve
	switch {
	case !slices.Contains([]Do{Take, GiveBack, ToWait, Note, Recommend, Resolve, Attach}, x.Do):
		return fault.E(fault.Invalid, "do: use one of [take release wait note recommend resolve]")
	case x.Do == Note && x.Reason == "":
		return fault.E(fault.Invalid, "note: is empty")
	case x.Do == ToWait && x.Reason == "":
		return fault.E(fault.Invalid, "reason: say what the case waits for")
	case decides && x.Reason == "":
		return fault.E(fault.Invalid, "reason: say what was found and done; it goes on record")
	case decides && !slices.Contains(Outcomes, x.Outcome):
		return fault.E(fault.Invalid, "outcome: use one of %v", Outcomes)
	case !decides && x.Outcome != "":
		return fault.E(fault.Invalid, "outcome: is for recommend and resolve")
	case x.Until != nil && x.Do != ToWait:
		return fault.E(fault.Invalid, "until: is for wait")
	case x.Until != nil && !x.Until.After(x.At):
		return fault.E(fault.Invalid, "until: must be in the future")
	}
	return nil
}

// Apply makes a change that Check accepts. It returns false if the case is as it should be already. fault.Conflict: the case is another person's, or is
// not in a state for it; fault.Forbidden: this person may not do it.
func (c *Case) Apply(x *Change) (changed bool, err error) {
	if x.Do == Resolve && !x.By.Approver {
		return false, fault.E(fault.Forbidden, "only someone who may approve can resolve a case: recommend how to")
	}
	if c.State == Resolved {
		return false, fault.E(fault.Conflict, "the case was resolved by %s at %s", c.Resolution.By, c.Resolution.At.Format(time.RFC3339))
	}
	if x.Do != Resolve && len(c.History) >= MaxEvents {
		return false, fault.E(fault.Conflict, "the case has %d entries in its history, and no more are kept: resolve it", len(c.History))
	}
	e := Event{Do: x.Do, By: x.By.Person, At: x.At, Reason: x.Reason, Outcome: x.Outcome, Until: x.Until}
	mine := c.TakenBy != "" && lists.SamePerson(c.TakenBy, x.By.Person)
	takesOver := x.Do == Take && x.By.Approver && x.Reason != ""
	decidesOn := x.Do == Resolve && c.Recommendation != nil
	if c.TakenBy != "" && !mine && !takesOver && !decidesOn {
		if x.Do == Take && x.By.Approver {
			return false, fault.E(fault.Conflict, "%s works on the case: give a reason to take it over", c.TakenBy)
		}
		return false, fault.E(fault.Conflict, "%s works on the case", c.TakenBy)
	}
	switch x.Do {
	case Take:
		if mine && c.State == Investigating {
			return false, nil
		}
		if !mine {
			e.From = c.TakenBy
		}
		c.take(x)
	case GiveBack:
		if !mine {
			return false, fault.E(fault.Conflict, "nobody works on the case")
		}
		c.State, c.TakenBy, c.TakenAt, c.Wait = New, "", time.Time{}, nil
	case ToWait:
		if !mine {
			return false, fault.E(fault.Conflict, "nobody works on the case: take it first")
		}
		c.State, c.Wait = Waiting, &Wait{x.Reason, x.Until}
	case Recommend:
		c.take(x)
		c.Recommendation = x.decision("")
	case Resolve:
		alone, err := c.second(x)
		if err != nil {
			return false, err
		}
		c.State, c.Wait, c.Resolution = Resolved, nil, x.decision(alone)
	case Attach:
		if len(c.Attachments) >= MaxAttachments {
			return false, fault.E(fault.Conflict, "the case has %d attachments, and no more are kept", len(c.Attachments))
		}
		e.File = x.File.Name
		c.Attachments = append(c.Attachments, *x.File)
	}
	c.History = append(c.History, e)
	return true, nil
}

func (c *Case) take(x *Change) {
	if !lists.SamePerson(c.TakenBy, x.By.Person) {
		c.TakenBy, c.TakenAt = x.By.Person, x.At
	}
	c.State, c.Wait = Investigating, nil
}

func (x *Change) decision(alone string) *Decision {
	return &Decision{Outcome: x.Outcome, Reason: x.Reason, By: x.By.Person, Credential: x.By.Credential, At: x.At, Alone: alone}
}

// second returns an error if the person who resolves the case cannot be the second one for its recommendation, or why one is enough.
func (c *Case) second(x *Change) (alone string, err error) {
	r := c.Recommendation
	if r == nil {
		return "", nil
	}
	if err = x.By.Second(lists.Actor{Person: r.By, Credential: r.Credential}); err == nil {
		return "", nil
	}
	if x.By.Alone != "" {
		return x.By.Alone, nil
	}
	return "", fault.E(fault.KindOf(err), "the outcome was recommended %w", err)
}
