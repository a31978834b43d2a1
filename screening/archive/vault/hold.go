package vault

import (
	"context"
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

// Holds returns the holds that are in force now. DropLocal and Expire call it again before each segment that they delete, so that a hold that was
// placed meanwhile counts. If it fails they delete nothing more. nil: there are no holds.
type Holds func(ctx context.Context) ([]Hold, error)

// read returns the holds.
func (h Holds) read(ctx context.Context) ([]Hold, error) {
	if h == nil {
		return nil, nil
	}
	holds, err := h(ctx)
	if err != nil {
		return nil, fault.E(fault.KindOf(err), "read the legal holds, without which nothing is deleted: %w", err)
	}
	for _, h := range holds {
		if !h.To.IsZero() && h.To.Before(h.From) {
			return nil, fault.E(fault.Invalid, "hold %q ends before it begins", h.ID)
		}
	}
	return holds, nil
}

// covering returns the first hold that covers a time between from and to.
func (h Holds) covering(ctx context.Context, from, to time.Time) (hold Hold, held bool, err error) {
	holds, err := h.read(ctx)
	if err != nil {
		return Hold{}, false, err
	}
	if i := slices.IndexFunc(holds, func(h Hold) bool { return h.covers(from, to) }); i >= 0 {
		return holds[i], true, nil
	}
	return Hold{}, false, nil
}
