package lists

import (
	"context"
	"time"

	"interdict/lists/fault"
)

// MaxHolds is how many legal holds can be in force at the same time.
const MaxHolds = 1000

// Hold is a legal hold: records of its period are not deleted while it is in force. It is a document of the store, and stays there after its end.
type Hold struct {
	ID string `json:"id"` // a UUID
	// From and To are the first and the last time of the period; nil: without a beginning, or without an end.
	From   *time.Time `json:"from,omitempty"`
	To     *time.Time `json:"to,omitempty"`
	Reason string     `json:"reason"`
	By     string     `json:"by"`
	At     time.Time  `json:"at"`
	// Ended is who ended it; nil: it is in force.
	Ended *Approval `json:"ended,omitempty"`
	// ProposedBy is who proposed to end it; "": who ended it did so alone.
	ProposedBy string `json:"proposed_by,omitempty"`
}

// InForce reports whether the hold has not been ended.
func (h *Hold) InForce() bool { return h.Ended == nil }

// ReadHolds returns all legal holds, those that have ended too.
func ReadHolds(ctx context.Context, s Store) ([]Hold, error) {
	return ReadAll[Hold](ctx, s, DocHolds)
}

// HoldPeriod reads the period of a hold: two times such as 2026-11-01T12:00:00Z, or dates, of which the whole day (UTC) is part of the period. An empty text
// is nil.
func HoldPeriod(from, to string) (first, last *time.Time, err error) {
	if first, err = holdTime("from", from, 0); err != nil {
		return nil, nil, err
	}
	if last, err = holdTime("to", to, 24*time.Hour-1); err != nil {
		return nil, nil, err
	}
	if first != nil && last != nil && last.Before(*first) {
		return nil, nil, fault.E(fault.Invalid, "to: the hold would end before it begins")
	}
	return first, last, nil
}

// holdTime reads a time, or a date plus the rest of its day.
func holdTime(name, text string, rest time.Duration) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		if at, err = time.Parse(time.DateOnly, text); err != nil {
			return nil, fault.E(fault.Invalid, "%s: not a time such as 2026-11-01 or 2026-11-01T12:00:00Z", name)
		}
		at = at.Add(rest)
	}
	at = at.UTC()
	return &at, nil
}
