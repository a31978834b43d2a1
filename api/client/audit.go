package client

import (
	"context"
	"encoding/json"
	"io"
	"mime"
	"time"

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
