package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bits-and-blooms/bloom/v3"
	"github.com/google/uuid"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening"
	"interdict/screening/journal"
)

// Causes of an alert.
const (
	CauseListed   = "listed"   // the address has become listed, or listed by one more list
	CauseStricter = "stricter" // the action has become stricter
	CauseWeaker   = "weaker"   // the action has become less strict: what is frozen may have to be looked at again
	CauseDelisted = "delisted" // the address is listed no more: what is frozen may have to be released
)

// Outcome is what a check was, or would be, told.
type Outcome struct {
	Result     string       `json:"result"`
	Action     lists.Action `json:"action,omitempty"`
	Generation int          `json:"generation"`
	Lists      []string     `json:"lists,omitempty"`
	// Class and Confidence are those of the strongest match; "" without one, and in records of older programs.
	Class      string           `json:"class,omitempty"`
	Confidence lists.Confidence `json:"confidence,omitempty"`
}

// AlertRecord is the payload of the record that creates an alert: an earlier check would be answered otherwise now.
type AlertRecord struct {
	ID        string          `json:"id"`
	Cause     string          `json:"cause"`
	CheckID   string          `json:"check_id"`
	CheckedAt time.Time       `json:"checked_at"`
	By        string          `json:"by"` // the key that asked
	Address   string          `json:"address"`
	Network   string          `json:"network,omitempty"`
	Identity  string          `json:"identity,omitempty"`
	Direction lists.Direction `json:"direction,omitempty"`
	Reference string          `json:"reference,omitempty"`
	Customer  string          `json:"customer,omitempty"`
	Told      Outcome         `json:"told"`
	Before    *Outcome        `json:"before,omitempty"` // of the alert before this one for the same check
	Now       Outcome         `json:"now"`
}

// Resolution is the payload of the record that resolves an alert.
type Resolution struct {
	ID       string    `json:"id"`
	Resolved bool      `json:"resolved"`
	By       string    `json:"by"`
	Reason   string    `json:"reason"`
	At       time.Time `json:"at"`
	// Hit is true if the alert is that of a check which was answered with a hit.
	Hit     bool   `json:"hit,omitempty"`
	Outcome string `json:"outcome,omitempty"`
	// RecommendedBy is who recommended it; "": nobody did.
	RecommendedBy string `json:"recommended_by,omitempty"`
	// Alone is why the person who recommended it could decide as well.
	Alone string `json:"alone,omitempty"`
}

// RunRecord is the payload of the record of a run, also of one that has found nothing.
type RunRecord struct {
	Run           string    `json:"run"`  // "changes": addresses that changed between two generations; "all": every check
	From          int       `json:"from"` // generations
	To            int       `json:"to"`
	Started       time.Time `json:"started"`
	Ended         time.Time `json:"ended"`
	Keys          int       `json:"keys,omitempty"` // of addresses that may be answered otherwise
	Checks        int       `json:"checks"`         // earlier checks that were answered again
	Alerts        int       `json:"alerts"`
	NotAnswered   int       `json:"not_answered,omitempty"` // checks that could not be answered again
	CompleteUntil time.Time `json:"complete_until"`
	Error         string    `json:"error,omitempty"`
}

func (e *Entry) lookBack(r *journal.Record) error {
	var a struct {
		AlertRecord
		Resolved bool   `json:"resolved"`
		Run      string `json:"run"`
	}
	if err := json.Unmarshal(r.Payload, &a); err != nil {
		return fault.E(fault.Unavailable, "record %d of writer %s: %w", r.Sequence, r.Writer, err)
	}
	e.Terms = Terms{Result: a.Cause, By: a.By, Reference: a.Reference, Customer: a.Customer, Alert: Alert{ID: a.ID, Resolved: a.Resolved}, Lists: a.Now.Lists}
	for _, l := range a.Told.Lists {
		if !slices.Contains(e.Terms.Lists, l) {
			e.Terms.Lists = append(e.Terms.Lists, l)
		}
	}
	if a.Run != "" {
		e.Terms = Terms{Result: "run"}
	} else if a.Address != "" {
		e.Terms.Keys = SearchKeys(a.Address, a.Network)
	}
	return nil
}

// LookBack finds earlier checks that would be answered otherwise now.
type LookBack struct {
	Index    Index
	Screener interface {
		WouldAnswer(ctx context.Context, requests []screening.Request, answers []screening.Answer, errs []error)
	}
	// Append writes records that are on disk when it returns.
	Append func(entries []journal.Entry) error
	Now    func() time.Time
	// Told, if not nil, gets every new alert.
	Told func(AlertRecord)
}

const (
	// keysAtOnce is how many keys one search has.
	keysAtOnce = 200
	// checksAtOnce is how many checks are answered again at once.
	checksAtOnce = 500
)

// run is one run.
type run struct {
	*LookBack
	RunRecord
	batch []*screening.Decision
	seen  map[uuid.UUID]bool // checks that were answered again, of a run over changes
	// alerted are the checks that may have alerts; nil: any of them. It has 8 MiB, and is right about most of the others up to ten million alerts.
	alerted *bloom.BloomFilter
}

// Changes looks back on the checks of addresses with certain keys, which changed gives it, after an activation. The record of the run is written also when it failed.
func (l *LookBack) Changes(ctx context.Context, from, to int, complete time.Time, changed func(yield func([]address.Key) error) error) (RunRecord, error) {
	r := run{LookBack: l, RunRecord: RunRecord{Run: "changes", From: from, To: to, Started: l.Now().UTC(), CompleteUntil: complete}, seen: map[uuid.UUID]bool{}}
	var keys []address.Key
	search := func() error {
		err := r.checks(ctx, Query{Kinds: []journal.Kind{journal.Check}, Keys: keys})
		keys = keys[:0]
		clear(r.seen) // memory is bounded; a check that comes twice raises no second alert
		return err
	}
	err := changed(func(more []address.Key) error {
		for _, k := range more {
			if slices.Contains(keys, k) {
				continue
			}
			keys = append(keys, k)
			r.Keys++
			if len(keys) == keysAtOnce {
				if err := search(); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil && len(keys) > 0 {
		err = search()
	}
	return r.end(err)
}

// All looks back on every check.
func (l *LookBack) All(ctx context.Context, generation int, complete time.Time) (RunRecord, error) {
	r := run{LookBack: l, RunRecord: RunRecord{Run: "all", From: generation, To: generation, Started: l.Now().UTC(), CompleteUntil: complete}}
	if err := r.readAlerted(ctx); err != nil {
		return r.end(err)
	}
	return r.end(r.checks(ctx, Query{Kinds: []journal.Kind{journal.Check}}))
}

// readAlerted reads which checks have alerts. A run over every check reads much more than these, and need not ask for the alerts of each.
func (r *run) readAlerted(ctx context.Context) error {
	r.alerted = bloom.New(64<<20, 4)
	for e, err := range r.Index.Find(ctx, Query{Kinds: []journal.Kind{journal.LookBack}}) {
		if err != nil {
			return err
		}
		if e.ID != uuid.Nil {
			r.alerted.Add(e.ID[:])
		}
	}
	return nil
}

func (r *run) end(err error) (RunRecord, error) {
	r.Ended = r.Now().UTC()
	if err != nil {
		r.Error = err.Error()
	}
	b, encodeErr := json.Marshal(&r.RunRecord)
	if encodeErr != nil {
		return r.RunRecord, errors.Join(err, encodeErr)
	}
	return r.RunRecord, errors.Join(err, r.Append([]journal.Entry{{Kind: journal.LookBack, Time: r.Ended, Payload: b}}))
}

// checks answers the checks of a query again.
func (r *run) checks(ctx context.Context, q Query) error {
	for e, err := range r.Index.Find(ctx, q) {
		if err != nil {
			return err
		}
		if r.seen != nil {
			if r.seen[e.ID] {
				continue
			}
			r.seen[e.ID] = true
		}
		d, err := screening.DecodeRecord(e.Kind, e.ID, e.Time, e.Payload)
		if err != nil {
			r.NotAnswered++ // the coverage of the index tells of damaged records
			continue
		}
		if d.Answer == nil { // nothing was allowed, so that nothing can have been missed
			continue
		}
		r.batch = append(r.batch, d)
		if len(r.batch) == checksAtOnce {
			if err := r.answer(ctx); err != nil {
				return err
			}
		}
	}
	return r.answer(ctx)
}

// answer answers the checks of the batch again, and creates alerts.
func (r *run) answer(ctx context.Context) error {
	if len(r.batch) == 0 {
		return nil
	}
	batch := r.batch
	r.batch = r.batch[:0]
	requests, answers, errs := make([]screening.Request, len(batch)), make([]screening.Answer, len(batch)), make([]error, len(batch))
	for i, d := range batch {
		text := d.Input
		if d.Canonical != "" && d.Canonical != d.Identity {
			text = d.Canonical
		}
		requests[i] = screening.Request{Address: text, Network: d.Network, Asset: d.Asset, Direction: d.Direction}
	}
	r.Screener.WouldAnswer(ctx, requests, answers, errs)
	var compared []comparison
	for i, d := range batch {
		switch {
		case fault.Is(errs[i], fault.InvalidAddress), fault.Is(errs[i], fault.UnsupportedNetwork):
			r.NotAnswered++ // a digest in place of what may be a private key
			continue
		case errs[i] != nil:
			return fault.E(fault.KindOf(errs[i]), "answer check %s again: %w", d.CheckID(), errs[i])
		}
		r.Checks++
		alerted := r.alerted == nil || r.alerted.Test(d.ID[:])
		if !alerted && d.Result == screening.ResultMiss && answers[i].Result == screening.Miss {
			continue
		}
		c, err := compare(d, answers[i].JSON)
		if err != nil {
			return err
		}
		if alerted || cause(c.told, c.now) != "" {
			compared = append(compared, c)
		}
	}
	return r.alert(ctx, compared)
}

// OutcomeOf reads what an answer says.
func OutcomeOf(answer []byte) (Outcome, error) {
	var a struct {
		Result   string       `json:"result"`
		Action   lists.Action `json:"action"`
		Screened struct {
			Generation int `json:"generation"`
		} `json:"screened"`
		Matches []struct {
			Class string `json:"class"`
			List  struct {
				ID string `json:"id"`
			} `json:"list"`
			Confidence lists.Confidence `json:"confidence"`
		} `json:"matches"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return Outcome{}, fault.E(fault.Internal, "read an answer: %w", err)
	}
	o := Outcome{Result: a.Result, Action: a.Action, Generation: a.Screened.Generation}
	for _, m := range a.Matches {
		if !slices.Contains(o.Lists, m.List.ID) {
			o.Lists = append(o.Lists, m.List.ID)
		}
		if o.Class == "" || strength(m.Class, m.Confidence) < strength(o.Class, o.Confidence) {
			o.Class, o.Confidence = m.Class, m.Confidence
		}
	}
	slices.Sort(o.Lists)
	return o, nil
}

// cause says why a change from one outcome to another needs a person; "" if it does not.
func cause(was, is Outcome) string {
	switch {
	case was.Result != screening.ResultHit && is.Result == screening.ResultHit:
		return CauseListed
	case was.Result == screening.ResultHit && is.Result != screening.ResultHit:
		return CauseDelisted
	case is.Result != screening.ResultHit:
		return ""
	}
	switch a, b := was.Action.Severity(), is.Action.Severity(); {
	case b > a:
		return CauseStricter
	case b < a:
		return CauseWeaker
	}
	for _, l := range is.Lists {
		if !slices.Contains(was.Lists, l) {
			return CauseListed
		}
	}
	return ""
}

// comparison is a check that was answered again.
type comparison struct {
	*screening.Decision
	told, now Outcome
}

func compare(d *screening.Decision, answer []byte) (comparison, error) {
	told, err := OutcomeOf(d.Answer)
	if err != nil {
		return comparison{}, err
	}
	now, err := OutcomeOf(answer)
	return comparison{d, told, now}, err
}

// alert creates alerts for the checks that would be answered otherwise than they were, or than the alert before told.
func (r *run) alert(ctx context.Context, compared []comparison) error {
	last, err := r.lastAlerts(ctx, compared)
	if err != nil {
		return err
	}
	var alerts []AlertRecord
	var entries []journal.Entry
	for _, d := range compared {
		before, was := last[d.ID], d.told
		a := AlertRecord{CheckID: d.CheckID(), CheckedAt: d.At, By: d.By, Address: d.Input, Network: d.Network, Identity: d.Identity,
			Direction: d.Direction, Reference: d.Reference, Customer: d.Customer, Told: d.told, Now: d.now}
		if before.ID != "" {
			was, a.Before = before.Now, &before.Now
		}
		if a.Cause = cause(was, d.now); a.Cause == "" {
			continue
		}
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %s %s %v", a.CheckID, before.ID, d.now.Result, d.now.Action, d.now.Lists))
		a.ID = hex.EncodeToString(sum[:16])
		b, err := json.Marshal(&a)
		if err != nil {
			return fault.E(fault.Internal, "encode alert: %w", err)
		}
		alerts = append(alerts, a)
		entries = append(entries, journal.Entry{Kind: journal.LookBack, ID: d.ID, Time: r.Now(), Payload: b})
	}
	if len(entries) == 0 {
		return nil
	}
	if err := r.Append(entries); err != nil {
		return err
	}
	r.Alerts += len(alerts)
	if r.Told != nil {
		for _, a := range alerts {
			r.Told(a)
		}
	}
	return nil
}

// lastAlerts returns the newest alert of each check that has one.
func (r *run) lastAlerts(ctx context.Context, of []comparison) (map[uuid.UUID]AlertRecord, error) {
	last := map[uuid.UUID]AlertRecord{}
	if len(of) == 0 {
		return last, nil
	}
	q := Query{Kinds: []journal.Kind{journal.LookBack}, Newest: true}
	for i := range of {
		q.IDs = append(q.IDs, of[i].ID)
	}
	for e, err := range r.Index.Find(ctx, q) {
		if err != nil {
			return nil, err
		}
		if _, known := last[e.ID]; known || e.Terms.Alert.ID == "" || e.Terms.Alert.Resolved {
			continue
		}
		var a AlertRecord
		if err := json.Unmarshal(e.Payload, &a); err != nil {
			return nil, fault.E(fault.Unavailable, "alert %s cannot be read: %w", e.Terms.Alert.ID, err)
		}
		last[e.ID] = a
	}
	return last, nil
}
