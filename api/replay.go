package api

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/screening"
	"interdict/screening/archive"
	"interdict/screening/replica"
)

// Replayer answers checks again, from earlier generations and from the present one. What it answers is neither recorded nor counted. Its methods are
// those of client.Client.
type Replayer struct {
	Audit   Audit
	Loader  *loader.Loader
	Present *replica.Replica
	Past    *Past
	Now     func() time.Time

	evidence chan struct{} // holds one value for each archive that is being made
}

// maxEvidence is how many archives of evidence are made at the same time; others wait.
const maxEvidence = 2

// NewReplayer returns a Replayer. present answers for the present.
func NewReplayer(a Audit, l *loader.Loader, present *replica.Replica, past *Past, now func() time.Time) *Replayer {
	return &Replayer{Audit: a, Loader: l, Present: present, Past: past, Now: now, evidence: make(chan struct{}, maxEvidence)}
}

// Replay answers an earlier check again.
func (r *Replayer) Replay(ctx context.Context, checkID string) (*client.Replay, error) {
	rec, err := r.Audit.find(ctx, checkID)
	if err != nil {
		return nil, err
	}
	d, err := screening.DecodeRecord(rec.Kind, rec.ID, rec.Time, rec.Payload)
	if err != nil {
		return nil, err
	}
	asked, ok := d.Request()
	if !ok {
		return nil, fault.E(fault.Conflict, "the record has only a digest of what was asked, since it may be a private key: the check cannot be replayed")
	}
	out := &client.Replay{CheckID: d.CheckID(), Recorded: d.Answer}
	if d.Err != nil {
		out.Recorded = Problem(d.Err)
	}
	if out.Then, err = r.then(ctx, d, asked); err != nil {
		return nil, err
	}
	out.Now = client.Replayed{Generation: r.Present.Status().Served.Generation, At: r.Now().UTC()}
	if err := outcome(&out.Now, func(a *screening.Answer) error {
		return screening.Replay(ctx, r.Present, asked, d.ID, out.Now.At, a)
	}); err != nil {
		return nil, err
	}
	out.Reproduced = sameOutcome(d, &out.Then)
	out.Differences, err = differences(&out.Then, &out.Now)
	return out, err
}

// current answers an earlier check from the present generation; nil if it cannot be answered again, or if the answer is about lists that the caller may
// not use.
func (r *Replayer) current(ctx context.Context, checkID string, who *auth.Principal) (*client.Replayed, error) {
	rec, err := r.Audit.find(ctx, checkID)
	if fault.Is(err, fault.NotFound) { // the record is not kept any more
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d, err := screening.DecodeRecord(rec.Kind, rec.ID, rec.Time, rec.Payload)
	if err != nil {
		return nil, err
	}
	asked, ok := d.Request()
	if !ok {
		return nil, nil
	}
	out := &client.Replayed{Generation: r.Present.Status().Served.Generation, At: r.Now().UTC()}
	err = outcome(out, func(a *screening.Answer) error { return screening.Replay(ctx, r.Present, asked, d.ID, out.At, a) })
	if err != nil || out.Answer == nil {
		return out, err
	}
	told, err := archive.OutcomeOf(out.Answer)
	if err != nil || slices.ContainsFunc(told.Lists, func(l string) bool { return !who.MayUse(l) }) {
		return nil, err
	}
	return out, nil
}

// then answers a decision from the generation of its answer. A check that had no answer is answered from the one that was active then.
func (r *Replayer) then(ctx context.Context, d *screening.Decision, asked *screening.Request) (client.Replayed, error) {
	out := client.Replayed{At: d.At}
	generations, err := r.generationsOf(ctx, d)
	if fault.Is(err, fault.NotLoaded) {
		out.Error = Problem(err)
		return out, nil
	}
	if err != nil {
		return out, err
	}
	out.Generation = generations[0].Number
	err = r.Past.Use(ctx, generations, func(past *replica.Replica) error {
		return outcome(&out, func(a *screening.Answer) error { return screening.Replay(ctx, past, asked, d.ID, d.At, a) })
	})
	return out, err
}

// generationsOf returns the generation that a decision was made from; two if the store had lost the first of them.
func (r *Replayer) generationsOf(ctx context.Context, d *screening.Decision) ([]lists.Generation, error) {
	s := d.Screened()
	if s.Generation == 0 {
		g, err := r.Loader.GenerationAt(ctx, d.At)
		if err != nil {
			return nil, err
		}
		return []lists.Generation{*g}, nil
	}
	g, err := r.Loader.GenerationOf(ctx, s.Generation, s.AsOf)
	if err != nil {
		return nil, err
	}
	all := []lists.Generation{*g}
	if s.Lost {
		if g, err = r.Loader.Generation(ctx, s.StoreGeneration); err != nil {
			return nil, err
		}
		all = append(all, *g)
	}
	return all, nil
}

// outcome sets the answer, or the problem of a check that gets none. An error means that the check could not be replayed.
func outcome(out *client.Replayed, check func(*screening.Answer) error) error {
	var a screening.Answer
	err := check(&a)
	switch fault.KindOf(err) {
	case fault.InvalidAddress, fault.UnsupportedNetwork, fault.NotLoaded, fault.Stale, fault.Lost:
		out.Error = Problem(err)
		return nil
	}
	if err != nil {
		return err
	}
	out.Answer = a.JSON
	return nil
}

// sameOutcome reports whether a decision is reproduced. A layer that was built again may date a listing that was removed later than it first appeared.
func sameOutcome(d *screening.Decision, then *client.Replayed) bool {
	if d.Err != nil {
		return then.Error != nil && problemOf(d.Err).Code == codeOf(then.Error)
	}
	return bytes.Equal(addedIn.ReplaceAll(d.Answer, nil), addedIn.ReplaceAll(then.Answer, nil))
}

// addedIn matches a member of a match. It matches nothing within a text, where quotation marks are escaped.
var addedIn = regexp.MustCompile(`,"added_in":[0-9]+`)

func codeOf(problemJSON []byte) string {
	var p problem
	if json.Unmarshal(problemJSON, &p) != nil {
		return ""
	}
	return p.Code
}

// LookupAt returns what a look-up would have been answered at an earlier time. The answer has no id, since it is not recorded.
func (r *Replayer) LookupAt(ctx context.Context, address, network string, at time.Time) (*client.Answer, error) {
	if now := r.Now(); at.After(now) {
		return nil, fault.E(fault.Invalid, "at: %s is in the future", at.UTC().Format(time.RFC3339))
	}
	var a screening.Answer
	g, err := r.Loader.GenerationAt(ctx, at)
	if err == nil {
		err = r.Past.Use(ctx, []lists.Generation{*g}, func(past *replica.Replica) error {
			return screening.Replay(ctx, past, &screening.Request{Address: address, Network: network}, uuid.Nil, at, &a)
		})
	}
	if fault.Is(err, fault.NotLoaded) {
		err = fault.E(fault.NotFound, "%w", err) // waiting does not help
	}
	if err != nil {
		return nil, err
	}
	return client.ReadAnswer(a.JSON, address, "")
}

func (s *Server) getReplay(c *gin.Context, _ *auth.Principal) error {
	out, err := s.replay.Replay(c.Request.Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return renderExactly(c, out)
}

// addressAt answers a look-up of an earlier time.
func (s *Server) addressAt(c *gin.Context, asked *screening.Request, at string) error {
	when, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return fault.E(fault.Invalid, "at: not a time such as 2026-11-01T12:00:00Z")
	}
	a, err := s.replay.LookupAt(c.Request.Context(), asked.Address, asked.Network, when)
	if err != nil {
		return err
	}
	return writeJSON(c, a.JSON())
}
