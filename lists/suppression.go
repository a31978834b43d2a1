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

// SuppressionState is the state of a suppression. A suppression ends at its Until at the latest.
type SuppressionState string

const (
	Proposed  SuppressionState = "proposed"
	InForce   SuppressionState = "active"
	Withdrawn SuppressionState = "rejected" // never in force
	Ended     SuppressionState = "ended"    // by a person
	Expired   SuppressionState = "expired"  // past its Until; computed, never stored
)

// Limits of suppressions. A generation holds all suppressions in force, hence MaxSuppressions for each list. A publisher that has not
// published a delisting within MaxSuppressionTime must be asked again.
const (
	MaxSuppressions       = 1000 // in force, for each list
	MaxSuppressedListings = 100  // for each suppression
	MaxSuppressionTime    = 366 * 24 * time.Hour
)

// Suppression is a reasoned, time-limited exception for the listings of one address on one list, such as a delisting that is not
// published yet or a proven false positive. Answers show these listings as suppressed, and they do not affect the action. It needs two
// people, and lists that are Mandatory allow none. It covers only the listings that existed when it was proposed: other listings of the
// address, and those that have changed since, are not suppressed.
type Suppression struct {
	ID         string     `json:"id"` // a UUID
	List       string     `json:"list"`
	Address    string     `json:"address"` // as entered
	Network    string     `json:"network,omitempty"`
	Identities []Identity `json:"identities"` // readings of the address
	// Listings are the digests (List.Digest) of the listings that it covers. Suppressions of programs that did not record them cover none.
	Listings   []string         `json:"listings,omitempty"`
	Reason     string           `json:"reason"`
	Until      time.Time        `json:"until"`
	State      SuppressionState `json:"state"`
	ProposedBy string           `json:"proposed_by"`
	ProposedAt time.Time        `json:"proposed_at"`
	Decided    *Approval        `json:"decided,omitempty"` // by another person
	// Alone is why one person was enough; "" if two agreed.
	Alone  string    `json:"alone,omitempty"`
	Closed *Approval `json:"closed,omitempty"` // by the person who ended it before its Until
}

// Identity is the identity of an address: its own key and its variant.
type Identity struct {
	Key     []byte          `json:"key"`
	Variant address.Variant `json:"variant"`
}

// StateAt returns the state at a time.
func (s *Suppression) StateAt(now time.Time) SuppressionState {
	if (s.State == InForce || s.State == Proposed) && !now.Before(s.Until) {
		return Expired
	}
	return s.State
}

// AppliesTo reports whether the suppression is in force at a time and is for the identity with this key and variant. Covers then decides
// for each listing of it.
func (s *Suppression) AppliesTo(key address.Key, v address.Variant, now time.Time) bool {
	return s.StateAt(now) == InForce && s.Decided != nil &&
		slices.ContainsFunc(s.Identities, func(i Identity) bool { return i.Variant == v && string(i.Key) == string(key) }) &&
		(s.Alone != "" || !SamePerson(s.Decided.By, s.ProposedBy))
}

// Covers reports whether the suppression was made for the listing with this digest.
func (s *Suppression) Covers(digest string) bool { return slices.Contains(s.Listings, digest) }

// Digest returns a digest of the content of a listing: the listed text and its attribution with the defaults of the list. The place in
// the file and the network, which is part of the identity, are left out. It is the first half of a SHA-256 in hexadecimal.
func (l *List) Digest(a *Attribution, listed string) string {
	var b []byte
	for _, s := range append([]string{listed, a.Asset, a.Entity.ID, a.Entity.Name, a.Entity.Type, string(cmp.Or(a.Category, l.Category)),
		string(cmp.Or(a.Confidence, l.Confidence)), a.Incident, a.Dated(), a.ValidUntil, a.URL, a.Note}, a.Programs...) {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}
