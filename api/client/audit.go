package client

import (
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// CheckRecord is the record of one check.
type CheckRecord struct {
	CheckID    string          `json:"check_id"`
	At         time.Time       `json:"at"`
	By         string          `json:"by"` // the name of the key that asked
	Request    Asked           `json:"request"`
	Result     string          `json:"result"` // hit, miss, refused (no address), or error (no answer)
	Action     string          `json:"action,omitempty"`
	Generation int             `json:"generation,omitempty"`
	Identity   string          `json:"identity,omitempty"`
	Lists      []string        `json:"lists"`            // those of the matches
	Answer     json.RawMessage `json:"answer,omitempty"` // as the caller got it, byte for byte
	Error      json.RawMessage `json:"error,omitempty"`  // the problem that the caller got in place of an answer
	Record     Recorded        `json:"record"`
	Sandbox    bool            `json:"sandbox,omitempty"` // the server had test addresses
}

// Asked is what a check asked. Where the text may be a secret, it is a digest.
type Asked struct {
	Address   string `json:"address"`
	Network   string `json:"network,omitempty"`
	Asset     string `json:"asset,omitempty"`
	Direction string `json:"direction,omitempty"`
	Reference string `json:"reference,omitempty"`
	Customer  string `json:"customer,omitempty"`
}

// Recorded is the place of a record.
type Recorded struct {
	Writer   string `json:"writer"`
	Sequence uint64 `json:"sequence"`
	SHA256   string `json:"sha256"` // of its canonical form, which a receipt proves
}

// RecordKey is a public key with which receipts and checkpoints are verified.
type RecordKey struct {
	Key   string     `json:"key"` // in the form of C2SP signed-note
	From  *time.Time `json:"from,omitempty"`
	Until *time.Time `json:"until,omitempty"` // until when it signs
}

// CheckRecord returns the record of a check.
func (c *Client) CheckRecord(ctx context.Context, checkID string) (*CheckRecord, error) {
	return one(func(out *CheckRecord) error { return c.get(ctx, pathOf("v1", "checks", checkID), nil, out) })
}

// Receipt returns the proof that the record of a check is in the log, which anybody can verify with the public key.
func (c *Client) Receipt(ctx context.Context, checkID string) ([]byte, error) {
	res, err := c.send(ctx, request{method: "GET", path: pathOf("v1", "checks", checkID, "receipt"), repeatable: true})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if media, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err != nil || media != "text/plain" {
		return nil, fault.E(fault.Unavailable, "the server's answer is not a receipt: is this the address of Interdict?")
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, fault.E(fault.Unavailable, "the server's answer broke off: %w", err)
	}
	return b, nil
}

// RecordKeys returns the public keys with which receipts and checkpoints are verified, the oldest first.
func (c *Client) RecordKeys(ctx context.Context) ([]RecordKey, error) {
	var out struct {
		Keys []RecordKey `json:"keys"`
	}
	err := c.get(ctx, "/v1/audit/keys", nil, &out)
	return out.Keys, err
}

// AuditRecord is one record of a decision or a change.
type AuditRecord struct {
	Kind     string          `json:"kind"` // check, upload, activation, key, denied …
	At       time.Time       `json:"at"`
	By       string          `json:"by,omitempty"`
	Writer   string          `json:"writer"`
	Sequence uint64          `json:"sequence"`
	Check    *CheckRecord    `json:"check,omitempty"`
	Change   json.RawMessage `json:"change,omitempty"` // of any other kind
}

// Checkpoint is the newest signed checkpoint of a writer of the record. Whoever keeps it can tell later whether records were changed or removed.
type Checkpoint struct {
	Writer     string    `json:"writer"`
	Folder     string    `json:"folder"` // identity of the folder that the writer is in
	Node       string    `json:"node"`
	At         time.Time `json:"at"`
	Ended      bool      `json:"ended"`
	Checkpoint string    `json:"checkpoint"` // in the form of C2SP tlog-checkpoint
	Keys       []string  `json:"keys"`       // public keys
}

// Checkpoints returns the newest checkpoints of all writers.
func (c *Client) Checkpoints(ctx context.Context) ([]Checkpoint, error) {
	var out struct {
		Checkpoints []Checkpoint `json:"checkpoints"`
	}
	err := c.get(ctx, "/v1/audit/checkpoints", nil, &out)
	return out.Checkpoints, err
}

// AuditQuery selects records. Every condition that is not zero has to hold.
type AuditQuery struct {
	From, To         time.Time // From or later, before To
	Kind             string    // check, activation, …
	Address, Network string    // any spelling
	Reference        string
	Customer         string
	Result, List, By string
	Cursor           string // of the page before
	Limit            int    // records in a page; 0: 100
	Newest           bool   // the newest first
}

// AuditPage is one page of records.
type AuditPage struct {
	Records []AuditRecord `json:"records"`
	Coverage
	Cursor string `json:"cursor,omitempty"` // of the next page; "" at the end
}

// Coverage says up to when records can be found. Nothing is said about later ones.
type Coverage struct {
	CompleteUntil *time.Time `json:"complete_until"`   // null: nothing can be said yet
	Behind        []string   `json:"behind,omitempty"` // why it is not later
	Gaps          []string   `json:"gaps,omitempty"`   // records that are missing for good
}

// Audit returns a page of the records of all servers.
func (c *Client) Audit(ctx context.Context, q AuditQuery) (*AuditPage, error) {
	return one(func(out *AuditPage) error { return c.get(ctx, "/v1/audit", q.values(), out) })
}

// AuditExport writes all records of a query, whatever its Limit: as text/csv or application/x-ndjson. After an error what was written is not complete.
func (c *Client) AuditExport(ctx context.Context, q AuditQuery, media string, w io.Writer) error {
	res, err := c.send(ctx, request{method: http.MethodGet, path: "/v1/audit", query: q.values(), repeatable: true, accept: media})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if got, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err != nil || got != media {
		return fault.E(fault.Unavailable, "the server's answer is not an export: is this the address of Interdict?")
	}
	if _, err := io.Copy(w, res.Body); err != nil {
		return fault.E(fault.Unavailable, "the export broke off: %w", err)
	}
	return nil
}

func (q *AuditQuery) values() url.Values {
	v := url.Values{}
	for name, text := range map[string]string{"kind": q.Kind, "address": q.Address, "network": q.Network, "reference": q.Reference, "customer": q.Customer, "result": q.Result,
		"list": q.List, "by": q.By, "cursor": q.Cursor} {
		if text != "" {
			v.Set(name, text)
		}
	}
	if !q.From.IsZero() {
		v.Set("from", q.From.Format(time.RFC3339Nano))
	}
	if !q.To.IsZero() {
		v.Set("to", q.To.Format(time.RFC3339Nano))
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Newest {
		v.Set("order", "newest")
	}
	return v
}

// Alert tells that an earlier check would be answered otherwise now.
type Alert struct {
	ID        string          `json:"id"`
	State     string          `json:"state"` // open, resolved
	Cause     string          `json:"cause"` // listed, stricter, weaker, delisted
	At        time.Time       `json:"at"`
	CheckID   string          `json:"check_id"`
	CheckedAt time.Time       `json:"checked_at"`
	By        string          `json:"by"`
	Request   Asked           `json:"request"`
	Identity  string          `json:"identity,omitempty"`
	Told      AlertOutcome    `json:"told"`
	Before    *AlertOutcome   `json:"before,omitempty"` // what the alert before this one for the same check told
	Now       AlertOutcome    `json:"now"`
	Resolved  *lists.Approval `json:"resolved,omitempty"`
}

// AlertOutcome is what a check was, or would be, told.
type AlertOutcome struct {
	Result     string   `json:"result"`
	Action     string   `json:"action,omitempty"`
	Generation int      `json:"generation"`
	Lists      []string `json:"lists,omitempty"`
	// Class and Confidence are those of the strongest match; "" without one, and of alerts of older programs.
	Class      string `json:"class,omitempty"`
	Confidence string `json:"confidence,omitempty"`
}

// AlertQuery selects alerts.
type AlertQuery struct {
	State  string // open (when empty), all
	List   string
	Cursor string
	Limit  int // alerts in a page; 0: 100
}

// AlertPage is one page of alerts, the oldest first.
type AlertPage struct {
	Alerts   []Alert   `json:"alerts"`
	LookBack *LookBack `json:"look_back"`
	Cursor   string    `json:"cursor,omitempty"`
}

// LookBack is the state of looking back on earlier checks.
type LookBack struct {
	Generation int        `json:"generation"`        // up to which changes were looked back on
	Success    *time.Time `json:"success"`           // when that was
	All        *time.Time `json:"all"`               // when every check was last looked back on
	Failure    string     `json:"failure,omitempty"` // of the last run; it stays until one succeeds
	FailedAt   *time.Time `json:"failed_at,omitempty"`
	OpenAlerts int        `json:"open_alerts"`
}

// Alerts returns a page of alerts.
func (c *Client) Alerts(ctx context.Context, q AlertQuery) (*AlertPage, error) {
	v := url.Values{}
	for name, text := range map[string]string{"state": q.State, "list": q.List, "cursor": q.Cursor} {
		if text != "" {
			v.Set(name, text)
		}
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return one(func(out *AlertPage) error { return c.get(ctx, "/v1/alerts", v, out) })
}

// ResolveAlert notes what a person has decided on an alert.
func (c *Client) ResolveAlert(ctx context.Context, id, reason string) (*Alert, error) {
	return one(func(out *Alert) error {
		return c.change(ctx, http.MethodPost, pathOf("v1", "alerts", id, "resolve"), map[string]string{"reason": reason}, out)
	})
}
