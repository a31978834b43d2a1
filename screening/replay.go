package screening

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"interdict/screening/replica"
)

// Replay answers a request as a check of the snapshot would be answered at a time. It is not a check: it is neither recorded nor counted. The
// answer gets the given id. Errors are those of Check, without that of the journal.
func Replay(ctx context.Context, from *replica.Replica, r *Request, id [16]byte, at time.Time, a *Answer) error {
	snap, err := from.Snapshot(at)
	if err != nil {
		return err
	}
	s := &Screener{Replica: from, metrics: uncounted{}}
	w := newWork()
	defer w.release()
	w.add(r, a)
	w.now, w.snap = at, snap
	w.forEach((*work).findCandidates)
	if w.readMemory() {
		s.findMatches(ctx, w)
	}
	c := &w.checks[0]
	if a.CheckID = id; c.err == nil {
		c.decide(snap, at)
	}
	return c.err
}

// uncounted drops what is counted.
type uncounted struct{}

func (uncounted) Checked(*Answer)     {}
func (uncounted) Refused(string)      {}
func (uncounted) FilterPositive(bool) {}

// Request returns the request of the decision, to be replayed. ok is false if the record has a digest in place of the text or a part of it.
func (d *Decision) Request() (r *Request, ok bool) {
	r = &Request{Address: d.Input, Network: d.Network, Asset: d.Asset, Direction: d.Direction, By: d.By}
	return r, !isMasked(d.Input) && !isMasked(d.Network)
}

// Screened returns what the answer was screened against; the zero value without an answer.
func (d *Decision) Screened() replica.Screened {
	var x struct {
		Screened struct {
			Generation      int       `json:"generation"`
			AsOf            time.Time `json:"as_of"`
			Lost            bool      `json:"lost"`
			StoreGeneration int       `json:"store_generation"`
		} `json:"screened"`
	}
	if json.Unmarshal(d.Answer, &x) != nil {
		return replica.Screened{}
	}
	return replica.Screened{Generation: x.Screened.Generation, AsOf: x.Screened.AsOf, Lost: x.Screened.Lost, StoreGeneration: x.Screened.StoreGeneration}
}

// isMasked reports whether a text of a record has a digest in it (address.Digest).
func isMasked(text string) bool { return strings.Contains(text, "sha256:") }
