package lists

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
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
// a delisting that is not published by then wants another look. MaxSuppressed is how many listings one may be for.
const (
	MaxSuppressions = 1000
	MaxSuppressed   = 100
	MaxSuppression  = 366 * 24 * time.Hour
)

// Suppression is a reasoned exception for what one list says of one address, for a time: a delisting not yet published, a false positive
// that was proven. Its listings are told as suppressed, and decide nothing. Two people make one. A list that is Mandatory has none.
// It is bound to the listings that were there when it was proposed: another listing of the address, or one that has changed, is not covered.
type Suppression struct {
	ID         string     `json:"id"` // a UUID
	List       string     `json:"list"`
	Address    string     `json:"address"` // as it was given
	Network    string     `json:"network,omitempty"`
	Identities []Identity `json:"identities"` // what the address can be read as
	// Listings are the digests (List.Digest) of the listings it is for. A suppression of a program that did not record them covers nothing.
	Listings   []string         `json:"listings,omitempty"`
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

// Concerns tells whether the suppression is in force at a time, and about an address's own key and form. Whether it covers a listing of
// that address depends on what the listing says, too.
func (s *Suppression) Concerns(key address.Key, v address.Variant, now time.Time) bool {
	if s.At(now) != InForce || s.Decided == nil || s.Decided.By == s.ProposedBy {
		return false
	}
	return slices.ContainsFunc(s.Identities, func(i Identity) bool { return i.Variant == v && string(i.Key) == string(key) })
}

// Covers tells whether the suppression was given for the listing with a digest.
func (s *Suppression) Covers(digest string) bool { return slices.Contains(s.Listings, digest) }

// Digest is the digest of what a listing of the list says: the listed text and everything about it, the list's defaults filled in, but not
// its place in the file, and not the network, which is a part of the identity.
func (l *List) Digest(a *Attribution, listed string) string {
	var b []byte
	for _, s := range append([]string{listed, a.Asset, a.Entity.ID, a.Entity.Name, a.Entity.Type, string(cmp.Or(a.Category, l.Category)),
		string(cmp.Or(a.Confidence, l.Confidence)), a.Incident, a.ListedOn, a.ValidUntil, a.URL, a.Note}, a.Programs...) {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}
