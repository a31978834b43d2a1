package client

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"interdict/lists/fault"
)

// Case is the work on one hit, or on one alert of a look-back.
type Case struct {
	ID    string `json:"id"`              // the check_id of a hit, the id of the alert of a look-back
	Kind  string `json:"kind"`            // hit, look_back
	State string `json:"state"`           // new, investigating, waiting, resolved
	Queue string `json:"queue"`           // exact, derived, suspected: the strongest match decides
	Cause string `json:"cause,omitempty"` // of a look-back: listed, stricter, weaker, delisted
	// At is when the case arose: the time of the check, or that of the look-back.
	At        time.Time     `json:"at"`
	Due       string        `json:"due,omitempty"` // last day for the report to OFAC: of a freeze, a rejection, or a release
	Lists     []string      `json:"lists"`
	Entities  []string      `json:"entities,omitempty"` // of a hit: who is listed, the strictest match first
	CheckID   string        `json:"check_id"`
	CheckedAt time.Time     `json:"checked_at"`
	By        string        `json:"by"` // the name of the key that asked
	Request   Asked         `json:"request"`
	Identity  string        `json:"identity,omitempty"`
	Told      AlertOutcome  `json:"told"`
	Before    *AlertOutcome `json:"before,omitempty"` // what the alert before this one for the same check told
	Now       *AlertOutcome `json:"now,omitempty"`    // of a look-back

	TakenBy        string        `json:"taken_by,omitempty"`
	TakenAt        *time.Time    `json:"taken_at,omitempty"`
	Waiting        *CaseWait     `json:"waiting,omitempty"`
	Recommendation *CaseDecision `json:"recommendation,omitempty"`
	Resolved       *CaseDecision `json:"resolved,omitempty"`

	// Answer, Current, Attachments and History are those of Client.Case; pages leave them out.
	Answer      json.RawMessage  `json:"answer,omitempty"`  // as the caller got it, byte for byte
	Current     *Replayed        `json:"current,omitempty"` // of a look-back: the same check answered again, from the present lists
	Attachments []CaseAttachment `json:"attachments,omitempty"`
	History     []CaseEvent      `json:"history,omitempty"`
}

// CaseWait says why a case waits.
type CaseWait struct {
	Reason string     `json:"reason"`
	Until  *time.Time `json:"until,omitempty"`
}

// CaseDecision is what a person recommends, or has decided.
type CaseDecision struct {
	Outcome string    `json:"outcome,omitempty"` // true_match, false_positive, release, other
	Reason  string    `json:"reason"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Alone   string    `json:"alone,omitempty"` // why the person who recommended it could decide as well
}

// CaseAttachment is a file that a person has attached to a case.
type CaseAttachment struct {
	Number int       `json:"number"` // from 1 on
	Name   string    `json:"name"`
	Size   int64     `json:"size"`
	SHA256 string    `json:"sha256"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// CaseEvent is one entry of the history of a case.
type CaseEvent struct {
	Do      string     `json:"do"` // take, release, wait, note, recommend, resolve, attach
	By      string     `json:"by"`
	At      time.Time  `json:"at"`
	Reason  string     `json:"reason,omitempty"`  // of a note: its text
	Outcome string     `json:"outcome,omitempty"` // of recommend and resolve
	Until   *time.Time `json:"until,omitempty"`   // of wait
	From    string     `json:"from,omitempty"`    // of take: the person from whom the case was taken over
	File    string     `json:"file,omitempty"`    // of attach
}

// CaseQuery selects cases. Every condition that is not empty has to hold.
type CaseQuery struct {
	State   string // open (when empty: all but resolved), new, investigating, waiting, resolved, all
	Queue   string // exact, derived, suspected
	Kind    string // hit, look_back
	TakenBy string // a person
	List    string
	Cursor  string
	Limit   int // cases in a page; 0: 100
}

// CasePage is one page of cases, the oldest first.
type CasePage struct {
	Cases []Case `json:"cases"`
	// Cursor is that of the next page; "" at the end. A page may have fewer cases than its limit, or none, and still not be the last.
	Cursor string `json:"cursor,omitempty"`
}

// Cases returns a page of cases.
func (c *Client) Cases(ctx context.Context, q CaseQuery) (*CasePage, error) {
	v := q.values()
	for name, text := range map[string]string{"queue": q.Queue, "cursor": q.Cursor} {
		if text != "" {
			v.Set(name, text)
		}
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return one(func(out *CasePage) error { return c.get(ctx, "/v1/cases", v, out) })
}

// values returns the conditions that select cases, also to count them.
func (q *CaseQuery) values() url.Values {
	v := url.Values{}
	for name, text := range map[string]string{"state": q.State, "kind": q.Kind, "taken_by": q.TakenBy, "list": q.List} {
		if text != "" {
			v.Set(name, text)
		}
	}
	return v
}

// CaseCounts says how many cases there are that are not resolved.
type CaseCounts struct {
	Total  int         `json:"total"`
	Queues QueueCounts `json:"queues"`
	States StateCounts `json:"states"`
	// TakenBy counts the cases of each person who works on any.
	TakenBy map[string]int `json:"taken_by"`
}

// QueueCounts says how many cases the queues have.
type QueueCounts struct {
	Exact     int `json:"exact"`
	Derived   int `json:"derived"`
	Suspected int `json:"suspected"`
}

// Of returns how many cases a queue has.
func (n *QueueCounts) Of(queue string) int {
	if at := n.at(queue); at != nil {
		return *at
	}
	return 0
}

func (n *QueueCounts) at(queue string) *int {
	return map[string]*int{"exact": &n.Exact, "derived": &n.Derived, "suspected": &n.Suspected}[queue]
}

// StateCounts says how many cases are in each state.
type StateCounts struct {
	New           int `json:"new"`
	Investigating int `json:"investigating"`
	Waiting       int `json:"waiting"`
}

// Add counts one more case.
func (n *CaseCounts) Add(queue, state, takenBy string) {
	n.Total++
	if at := n.Queues.at(queue); at != nil {
		*at++
	}
	if at := map[string]*int{"new": &n.States.New, "investigating": &n.States.Investigating, "waiting": &n.States.Waiting}[state]; at != nil {
		*at++
	}
	if takenBy != "" {
		n.TakenBy[takenBy]++
	}
}

// CaseCounts counts cases. The state may not be resolved or all; Queue, Cursor and Limit are not used.
func (c *Client) CaseCounts(ctx context.Context, q CaseQuery) (*CaseCounts, error) {
	return one(func(out *CaseCounts) error { return c.get(ctx, "/v1/cases/counts", q.values(), out) })
}

// Case returns one case with its answer, attachments and history.
func (c *Client) Case(ctx context.Context, id string) (*Case, error) {
	return one(func(out *Case) error { return c.get(ctx, pathOf("v1", "cases", id), nil, out) })
}

// TakeCase makes the caller the person who works on a case, and ends its waiting. reason is for taking it over from another person, which needs an
// approver; otherwise it may be empty.
func (c *Client) TakeCase(ctx context.Context, id, reason string) (*Case, error) {
	return c.work(ctx, id, "take", reasoned{reason})
}

// ReleaseCase gives a case back, so that another person can take it.
func (c *Client) ReleaseCase(ctx context.Context, id, reason string) (*Case, error) {
	return c.work(ctx, id, "release", reasoned{reason})
}

// WaitCase notes why a case waits, and until when at the latest; nil: no time is known.
func (c *Client) WaitCase(ctx context.Context, id, reason string, until *time.Time) (*Case, error) {
	return c.work(ctx, id, "wait", CaseWait{reason, until})
}

// NoteCase adds a note to a case.
func (c *Client) NoteCase(ctx context.Context, id, note string) (*Case, error) {
	return c.work(ctx, id, "note", struct {
		Note string `json:"note"`
	}{note})
}

// RecommendCase recommends how to resolve a case. Another person must resolve it then.
func (c *Client) RecommendCase(ctx context.Context, id, outcome, reason string) (*Case, error) {
	return c.work(ctx, id, "recommend", CaseVerdict{outcome, reason})
}

// ResolveCase ends a case. It needs an approver.
func (c *Client) ResolveCase(ctx context.Context, id, outcome, reason string) (*Case, error) {
	return c.work(ctx, id, "resolve", CaseVerdict{outcome, reason})
}

// CaseVerdict is the body of a recommendation or a decision.
type CaseVerdict struct {
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
}

func (c *Client) work(ctx context.Context, id, do string, in any) (*Case, error) {
	return one(func(out *Case) error { return c.change(ctx, http.MethodPost, pathOf("v1", "cases", id, do), in, out) })
}

// Limits of attachments.
const (
	MaxAttachmentBytes = 10 << 20
	MaxAttachments     = 20 // of one case
)

// AttachToCase attaches a file to a case.
func (c *Client) AttachToCase(ctx context.Context, id, filename string, content []byte) (*Case, error) {
	return one(func(out *Case) error {
		return c.do(ctx, request{method: http.MethodPost, path: pathOf("v1", "cases", id, "attachments"), query: url.Values{"filename": {filename}},
			contentType: "application/octet-stream", body: func() (io.Reader, error) { return bytes.NewReader(content), nil }, file: true}, out)
	})
}

// CaseFile returns the content of an attachment. It is what a person has uploaded: no program should run or show it unseen.
func (c *Client) CaseFile(ctx context.Context, id string, n int) ([]byte, error) {
	res, err := c.send(ctx, request{method: http.MethodGet, path: pathOf("v1", "cases", id, "attachments", strconv.Itoa(n)), repeatable: true, accept: "*/*"})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, MaxAttachmentBytes+1))
	if err != nil {
		return nil, fault.E(fault.Unavailable, "the attachment broke off: %w", err)
	}
	if len(b) > MaxAttachmentBytes {
		return nil, fault.E(fault.Unavailable, "the server's answer is larger than %d bytes", MaxAttachmentBytes)
	}
	return b, nil
}

// MaxBulk is how many cases one CaseBulk can have.
const MaxBulk = 200

// CaseBulk does the same with many cases.
type CaseBulk struct {
	IDs     []string   `json:"ids"` // at most MaxBulk
	Do      string     `json:"do"`  // take, release, wait, note, recommend, resolve
	Outcome string     `json:"outcome,omitempty"`
	Reason  string     `json:"reason,omitempty"` // of note: its text
	Until   *time.Time `json:"until,omitempty"`
}

// CaseResult is the result for one case of a CaseBulk: the case, or the problem.
type CaseResult struct {
	ID    string          `json:"id"`
	Case  *Case           `json:"case,omitempty"`
	Error json.RawMessage `json:"error,omitempty"`
}

// BulkCases does the same with many cases. A case with which it fails has an error in its result, and the others go on.
func (c *Client) BulkCases(ctx context.Context, b CaseBulk) ([]CaseResult, error) {
	var out struct {
		Results []CaseResult `json:"results"`
	}
	err := c.change(ctx, http.MethodPost, "/v1/cases/bulk", b, &out)
	return out.Results, err
}
