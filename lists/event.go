package lists

import (
	"encoding/json"
	"log/slog"
	"time"

	"interdict/lists/address"
)

// Event is the journal's record of a change, of a sign-in, or of a denied attempt. There is one before a change (Outcome "begun") and one after it
// ("done" or "failed").
type Event struct {
	// Action is stage, approve, reject, activate, rollback, retire, settings, compact, rebuild, suppress…, propose, withdraw, key-create…,
	// person-create…, webhook-create…, hold-place, hold-end, sign-in, sign-out, denied; refresh: one record, at its end.
	Action  string    `json:"action"`
	Outcome string    `json:"outcome"`
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	// Credential is the key or account that the person used.
	Credential string `json:"credential,omitempty"`
	List       string `json:"list,omitempty"`
	Version    int    `json:"version,omitempty"`
	Generation int    `json:"generation,omitempty"`
	SHA256     string `json:"sha256,omitempty"`
	// Client is the network address of whoever signed in, or tried to.
	Client string `json:"client,omitempty"`
	// Suppression is the id of the suppression that is changed, Subject that of the key, account or hold.
	Suppression string `json:"suppression,omitempty"`
	Subject     string `json:"subject,omitempty"`
	// Proposal is the id of the proposal that this decides on, and ProposedBy who made it.
	Proposal   string `json:"proposal,omitempty"`
	ProposedBy string `json:"proposed_by,omitempty"`
	Reason     string `json:"reason,omitempty"`
	// Before and After are what the change replaces and what it puts there: only the fields that differ.
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
	// Alone says why no second person was needed for a change that weakens screening: "operator", "setup" or "four_eyes: off".
	Alone string `json:"alone,omitempty"`
	Error string `json:"error,omitempty"`
}

// NewEvent returns the event of a change that a person makes on a warrant.
func NewEvent(action string, by Actor, reason string, w *Warrant) *Event {
	e := &Event{Action: action, By: by.Person, Credential: by.Credential, Reason: Reason(reason)}
	w.Sign(e)
	return e
}

// Recorder writes events to the journal.
type Recorder interface {
	// Record returns when the event is on disk.
	Record(Event) error
}

// Ledger makes changes between their two records.
type Ledger struct {
	Recorder Recorder
	Log      *slog.Logger
	Now      func() time.Time
}

// Do makes a change between its two records. A change that cannot be recorded is not made.
func (l *Ledger) Do(e *Event, change func() error) error {
	if err := l.Begin(e); err != nil {
		return err
	}
	err := change()
	l.End(e, err)
	return err
}

// Begin writes the record before a change.
func (l *Ledger) Begin(e *Event) error {
	e.At, e.Outcome = l.Now().UTC(), "begun"
	e.hideSecrets()
	return l.Recorder.Record(*e)
}

// End writes the record after a change that ended with err.
func (l *Ledger) End(e *Event, err error) {
	e.At, e.Outcome = l.Now().UTC(), "done"
	if err != nil {
		e.Outcome, e.Error = "failed", err.Error()
	}
	if rerr := l.Recorder.Record(*e); rerr != nil && err == nil {
		// The change was made and its first record is in the journal: it must not be reported as failed.
		l.Log.Error("a change was made, but its second journal record could not be written",
			"action", e.Action, "list", e.List, "version", e.Version, "error", rerr)
	}
}

// Note writes the only record of an event that has happened, such as a sign-in.
func (l *Ledger) Note(e Event) error {
	e.At = l.Now().UTC()
	e.hideSecrets()
	if e.Outcome == "" {
		e.Outcome = "done"
	}
	return l.Recorder.Record(e)
}

// hideSecrets puts digests in the place of ids that hold a secret: nothing has such an id, but somebody may have asked for one.
func (e *Event) hideSecrets() {
	for _, id := range []*string{&e.List, &e.Subject, &e.Suppression, &e.Proposal} {
		*id = address.Recordable(*id)
	}
}
