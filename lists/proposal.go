package lists

import (
	"bytes"
	"cmp"
	"encoding/json"
	"time"

	"interdict/lists/fault"
)

// Proposal is a change that weakens screening and waits for a second person. It is a document of the store; the change is committed together
// with the decision.
type Proposal struct {
	ID   string       `json:"id"` // a UUID; of a suppression: its own id
	Kind ProposalKind `json:"kind"`
	List string       `json:"list,omitempty"`
	// Subject is the key, account, suppression or hold that would change.
	Subject string `json:"subject,omitempty"`
	// Version is the one that would become active; 0: none.
	Version int `json:"version,omitempty"`
	// Before and After are the fields that would change. The proposal lapses if they are no longer as in Before when it is approved.
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
	// Weaker names what becomes weaker.
	Weaker     []string      `json:"weaker,omitempty"`
	Reason     string        `json:"reason"`
	By         string        `json:"by"`
	Credential string        `json:"credential,omitempty"`
	At         time.Time     `json:"at"`
	Expires    time.Time     `json:"expires"`
	State      ProposalState `json:"state"`
	Decided    *Approval     `json:"decided,omitempty"`
	// Change is what is done on approval. It can hold the HMAC of a key and is never shown.
	Change json.RawMessage `json:"change,omitempty"`
}

// ProposalKind is what a proposal would do.
type ProposalKind string

const (
	ProposeSettings    ProposalKind = "settings"
	ProposeRetire      ProposalKind = "retire"
	ProposeRollback    ProposalKind = "rollback" // also of an activation of an older version
	ProposeSuppression ProposalKind = "suppress"
	ProposeKey         ProposalKind = "key"
	ProposePerson      ProposalKind = "person"
	ProposeHold        ProposalKind = "hold" // its end
)

// Administers reports whether the proposal is about keys or people, so that another administrator must decide.
func (k ProposalKind) Administers() bool { return k == ProposeKey || k == ProposePerson }

// ProposalState is the state of a proposal.
type ProposalState string

const (
	Open      ProposalState = "open"
	Approved  ProposalState = "approved" // and the change is made
	Refused   ProposalState = "rejected"
	TakenBack ProposalState = "withdrawn" // by its author
	TimedOut  ProposalState = "expired"   // computed, never stored
)

// ProposalStates are all states.
var ProposalStates = []ProposalState{Open, Approved, Refused, TakenBack, TimedOut}

// ProposalTTL is how long a proposal waits.
const ProposalTTL = 7 * 24 * time.Hour

// StateAt returns the state at a time.
func (p *Proposal) StateAt(now time.Time) ProposalState {
	if p.State == Open && !now.Before(p.Expires) {
		return TimedOut
	}
	return p.State
}

// Author returns who made the proposal.
func (p *Proposal) Author() Actor { return Actor{p.By, p.Credential} }

// Difference returns the members that differ between two values, as JSON objects: those of before and those of after. A member that is missing
// on one side is null there.
func Difference(before, after any) (was, is json.RawMessage) {
	a, b := members(before), members(after)
	from, to := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	for name, value := range a {
		if !bytes.Equal(value, b[name]) {
			from[name], to[name] = value, orNull(b[name])
		}
	}
	for name, value := range b {
		if a[name] == nil {
			from[name], to[name] = orNull(nil), value
		}
	}
	return JSON(from), JSON(to)
}

func members(value any) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(JSON(value), &m); err != nil {
		panic(err) // our own types always are objects
	}
	return m
}

func orNull(value json.RawMessage) json.RawMessage {
	if value == nil {
		return json.RawMessage("null")
	}
	return value
}

// Warrant is what a change that weakens screening is made on: the agreement of two people, or the reason why one is enough. The zero value
// is neither.
type Warrant struct {
	// Alone is why one person is enough: "operator" (who has the store itself at hand) or "four_eyes: off".
	Alone string
	// Proposal is the one that a second person approves with this change, Revision that of its document, and Decided the approval.
	Proposal *Proposal
	Revision uint64
	Decided  *Approval
	// Outcome is the state that the proposal gets; "": Approved.
	Outcome ProposalState
}

// Reasons why one person is enough.
const (
	AloneOperator = "operator"
	AloneSetup    = "setup"
	AloneFourEyes = "four_eyes: off"
)

// Suffices reports whether a change that weakens screening can be made.
func (w *Warrant) Suffices() bool {
	return w.Alone != "" || w.Proposal != nil && w.Decided != nil && !SamePerson(w.Proposal.By, w.Decided.By)
}

// Sign completes the event of a change that is made on the warrant.
func (w *Warrant) Sign(e *Event) {
	e.Alone = w.Alone
	if w.Proposal != nil {
		e.Proposal, e.ProposedBy = w.Proposal.ID, w.Proposal.By
	}
}

// Changes returns the changes of documents to be committed with a change that is made on the warrant: the proposal becomes approved, unless
// somebody else has just decided on it.
func (w *Warrant) Changes() []Change {
	if w.Proposal == nil {
		return nil
	}
	p := *w.Proposal
	p.State, p.Decided = cmp.Or(w.Outcome, Approved), w.Decided
	return []Change{Put(DocProposal(p.ID), p, w.Revision), p.notice().change()}
}

// Unchanged returns fault.Conflict if what the warrant's proposal would change is no longer as it was when the proposal was made.
func (w *Warrant) Unchanged(before json.RawMessage) error {
	if w.Proposal == nil || bytes.Equal(w.Proposal.Before, before) {
		return nil
	}
	return fault.E(fault.Conflict, "what the proposal would change has changed since %s made it: propose it again", w.Proposal.By)
}

// NeedsSecondPerson is the error of a change that weakens screening and was made by one person. Its Proposal says what would change; it is
// not stored yet.
type NeedsSecondPerson struct{ Proposal Proposal }

func (e *NeedsSecondPerson) Error() string {
	return "this weakens screening: a second person must approve it"
}

// FaultKind makes the error a conflict for callers that cannot make proposals.
func (*NeedsSecondPerson) FaultKind() fault.Kind { return fault.Conflict }
