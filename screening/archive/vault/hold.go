package vault

import (
	"slices"
	"time"

	"interdict/lists/fault"
)

// Hold is a legal hold: records with a time in its range are neither dropped nor deleted.
type Hold struct {
	ID, Reason, By string
	At             time.Time // when it was placed
	From, To       time.Time // zero: without a beginning, or without an end
}

// covers reports whether the hold has a time between from and to.
func (h Hold) covers(from, to time.Time) bool {
	return (h.To.IsZero() || !from.After(h.To)) && (h.From.IsZero() || !to.Before(h.From))
}

func checkHolds(holds []Hold) error {
	for _, h := range holds {
		if !h.To.IsZero() && h.To.Before(h.From) {
			return fault.E(fault.Invalid, "hold %q ends before it begins", h.ID)
		}
	}
	return nil
}

// held returns the first hold that covers a time between from and to.
func held(holds []Hold, from, to time.Time) (Hold, bool) {
	i := slices.IndexFunc(holds, func(h Hold) bool { return h.covers(from, to) })
	if i < 0 {
		return Hold{}, false
	}
	return holds[i], true
}
