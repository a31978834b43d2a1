package screening

import (
	"cmp"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening/replica"
)

// Result of a check. The zero value is Unknown, which allows nothing.
type Result uint8

const (
	Unknown Result = iota
	Miss
	Hit
)

func (r Result) String() string { return [...]string{"unknown", "miss", "hit"}[r] }

// Request is one question. An empty Direction is a look-up without a transfer.
type Request struct {
	Address, Network, Asset string
	Direction               lists.Direction
	Reference, Customer     string // for the journal only
	Protected               bool   // Customer is what Customers.Protect returned
	By                      string // the id of the API key that asks
}

// Answer is the answer to a request. JSON is its encoded form: the same bytes go to the caller and into the journal.
type Answer struct {
	CheckID    [16]byte // UUID version 7
	Result     Result
	Action     lists.Action
	Direction  lists.Direction
	Input      string
	Network    string
	Networks   []string // the network of each reading, if there are several
	Canonical  string
	Key        address.Key
	Variant    address.Variant
	Attributes []address.Attribute
	Notices    []string
	Matches    []Match // strictest action first, then closest class; at most maxMatches
	Suppressed []Match // matches that a suppression covers: reported, but without effect on the result; at most maxMatches
	// MatchesTotal and SuppressedTotal count all of them, those beyond maxMatches included.
	MatchesTotal, SuppressedTotal int
	CheckedAt                     time.Time
	JSON                          []byte

	snapshot *replica.Snapshot
}

// Match is one listing that the asked address matches.
type Match struct {
	Class       address.Class
	Listed      string // the address as published
	Network     string
	Attribution *lists.Attribution
	Locator     string
	AddedIn     int
	Suppression *lists.Suppression // of a suppressed match

	stack  *replica.Stack
	layer  *replica.Layer
	action lists.Action // the action of the list's policy
	reading
	others []reading // other readings of the listing that match with the same class
}

// List returns the id of the list that has the listing.
func (m *Match) List() string { return m.stack.Active.List.ID }

// Action returns the action of that list's policy, for a check without a direction that of a look-up.
func (m *Match) Action() lists.Action { return m.action }

// reading is one way to read a listing.
type reading struct {
	own        address.Key // the listed address's own key
	ref        lists.Ref
	Derivation string
}

// category returns the category of the listing, or the default of its list in this generation.
func (m *Match) category() lists.Category {
	return cmp.Or(m.Attribution.Category, m.stack.Active.List.Category)
}

// confidence returns the confidence of the listing, or the default of its list in this generation.
func (m *Match) confidence() lists.Confidence {
	return cmp.Or(m.Attribution.Confidence, m.stack.Active.List.Confidence)
}

// Refused is the error for a text that is not an address. It wraps the *address.Error.
type Refused struct {
	Cause *address.Error
	// WouldMatch is true if the text would be a listed address with the right letter case.
	WouldMatch bool
}

func (r *Refused) Error() string {
	if r.WouldMatch {
		return r.Cause.Error() + "; only the letter case is wrong, and the address in its right case is listed"
	}
	return r.Cause.Error()
}
func (r *Refused) Unwrap() error { return r.Cause }

// Undecided is the error if a filter says "maybe" and the record cannot be read: the caller must hold the transfer.
type Undecided struct{ cause error }

func (u *Undecided) Error() string {
	return "possibly listed, but the record cannot be read: " + u.cause.Error()
}
func (u *Undecided) Unwrap() error         { return u.cause }
func (u *Undecided) FaultKind() fault.Kind { return fault.Unavailable }
