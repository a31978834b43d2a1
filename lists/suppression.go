package lists

import (
	"time"

	"interdict/lists/address"
)

// SuppressionState is where a suppression stands. It ends by itself at its Until.
type SuppressionState string

const (
	Proposed  SuppressionState = "proposed"
	InForce   SuppressionState = "active"
	Withdrawn SuppressionState = "rejected" // never in force
	Ended     SuppressionState = "ended"    // by a person
	Expired   SuppressionState = "expired"  // told of one whose time is over; never stored
)

// MaxSuppressions is how many may be in force on one list: they travel in every generation. MaxSuppression is how long one may last:
// a delisting that is not published by then wants another look.
const (
	MaxSuppressions = 1000
	MaxSuppression  = 366 * 24 * time.Hour
)

// Suppression is a reasoned exception for one address on one list, for a time: a delisting not yet published, a false positive
// that was proven. Its listings are told as suppressed, and decide nothing. Two people make one. A list that is Mandatory has none.
type Suppression struct {
	ID         string           `json:"id"` // a UUID
	List       string           `json:"list"`
	Address    string           `json:"address"` // as it was given
	Network    string           `json:"network,omitempty"`
	Identities []Identity       `json:"identities"` // what the address can be read as
	Reason     string           `json:"reason"`
	Until      time.Time        `json:"until"`
	State      SuppressionState `json:"state"`
	ProposedBy string           `json:"proposed_by"`
	ProposedAt time.Time        `json:"proposed_at"`
	Decided    *Approval        `json:"decided,omitempty"` // by somebody else
	Closed     *Approval        `json:"closed,omitempty"`  // who ended it before its time
}

// Identity is an address as listings are compared: its own key and form.
type Identity struct {
	Key     []byte          `json:"key"`
	Variant address.Variant `json:"variant"`
}

// At is the state at a time.
func (s *Suppression) At(now time.Time) SuppressionState {
	if (s.State == InForce || s.State == Proposed) && !now.Before(s.Until) {
		return Expired
	}
	return s.State
}

// Covers tells whether the suppression is about a listing's own key and form, at a time.
func (s *Suppression) Covers(key address.Key, v address.Variant, now time.Time) bool {
	if s.At(now) != InForce || s.Decided == nil || s.Decided.By == s.ProposedBy {
		return false
	}
	for i := range s.Identities {
		if s.Identities[i].Variant == v && string(s.Identities[i].Key) == string(key) {
			return true
		}
	}
	return false
}

// DocSuppression and DocSuppressions are where they are kept; those in force stand in the generation too, which alone decides answers.
func DocSuppression(list, id string) string { return DocSuppressions(list) + id }
func DocSuppressions(list string) string    { return "suppression/" + list + "/" }
