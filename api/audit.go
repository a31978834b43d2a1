package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
	"interdict/screening"
	"interdict/screening/journal"
	"interdict/screening/journal/proof"
)

// Record is what the record of decisions is read from: a record.Folder, or an open record.Record.
type Record interface {
	// Find returns the record with an id: fault.NotFound if there is none.
	Find(ctx context.Context, id uuid.UUID) (journal.Record, error)
	// Receipt returns the proof that the record is in its log: fault.NotFound while no checkpoint covers it.
	Receipt(rec *journal.Record) ([]byte, error)
	// SigningKeys returns the public keys of the log, the oldest first.
	SigningKeys() ([]proof.Key, error)
}

// Audit reads the record. Its methods are those of client.Client.
type Audit struct {
	Record    Record
	Customers *screening.Customers // with which the customers on record can be read
}

// CheckRecord returns the record of a check.
func (a *Audit) CheckRecord(ctx context.Context, checkID string) (*client.CheckRecord, error) {
	rec, err := a.find(ctx, checkID)
	if err != nil {
		return nil, err
	}
	out, err := CheckRecordOf(rec)
	if err == nil {
		out.Request.Customer = a.Customers.Reveal(out.Request.Customer)
	}
	return out, err
}

// Receipt returns the proof that the record of a check is in the log.
func (a *Audit) Receipt(ctx context.Context, checkID string) ([]byte, error) {
	rec, err := a.find(ctx, checkID)
	if err != nil {
		return nil, err
	}
	return a.Record.Receipt(rec)
}

// RecordKeys returns the public keys of the log, the oldest first.
func (a *Audit) RecordKeys(context.Context) ([]client.RecordKey, error) {
	keys, err := a.Record.SigningKeys()
	if err != nil {
		return nil, err
	}
	out := []client.RecordKey{}
	for _, k := range keys {
		out = append(out, client.RecordKey{Key: k.VKey, From: timeOf(k.From), Until: timeOf(k.Until)})
	}
	return out, nil
}

func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func (a *Audit) find(ctx context.Context, checkID string) (*journal.Record, error) {
	id, err := uuid.Parse(checkID)
	if err != nil || len(checkID) != 36 {
		return nil, fault.E(fault.Invalid, "the id of a check is a UUID, as the answer has it in check_id")
	}
	rec, err := a.Record.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	if rec.Kind != journal.Check {
		return nil, fault.E(fault.NotFound, "record %s is not a check", id)
	}
	return &rec, nil
}

// CheckRecordOf returns what a record says of a check.
func CheckRecordOf(rec *journal.Record) (*client.CheckRecord, error) {
	d, err := screening.DecodeRecord(rec.Kind, rec.ID, rec.Time, rec.Payload)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(rec.Bytes())
	out := &client.CheckRecord{CheckID: d.CheckID(), At: d.At, By: d.By, Result: d.Result, Action: string(d.Action), Generation: d.Generation, Identity: d.Identity, Lists: d.Lists, Sandbox: d.Sandbox,
		Request: client.Asked{Address: d.Input, Network: d.Network, Asset: d.Asset, Direction: string(d.Direction), Reference: d.Reference, Customer: d.Customer},
		Answer:  d.Answer,
		Record:  client.Recorded{Writer: rec.Writer.String(), Sequence: rec.Sequence, SHA256: hex.EncodeToString(sum[:])}}
	if out.Lists == nil {
		out.Lists = []string{}
	}
	if d.Err != nil {
		out.Error = Problem(d.Err)
	}
	return out, nil
}

// EncodeExactly encodes v without changing the bytes of an answer in it.
func EncodeExactly(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// renderExactly is render for what has an answer in it.
func renderExactly(c *gin.Context, v any) error {
	b, err := EncodeExactly(v)
	if err != nil {
		return err
	}
	return writeJSON(c, b)
}

func (s *Server) getCheck(c *gin.Context, _ *auth.Principal) error {
	d, err := s.audit.CheckRecord(c.Request.Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return renderExactly(c, d)
}

func (s *Server) getReceipt(c *gin.Context, _ *auth.Principal) error {
	receipt, err := s.audit.Receipt(c.Request.Context(), c.Param("id"))
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.Data(http.StatusOK, "text/plain; charset=utf-8", receipt)
	return nil
}

func (s *Server) getRecordKeys(c *gin.Context, _ *auth.Principal) error {
	keys, err := s.audit.RecordKeys(c.Request.Context())
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, gin.H{"keys": keys})
}

// AuditRecordOf returns what a record says.
func AuditRecordOf(rec *journal.Record) (*client.AuditRecord, error) {
	out := &client.AuditRecord{Kind: rec.Kind.String(), At: rec.Time, Writer: rec.Writer.String(), Sequence: rec.Sequence}
	if rec.Kind == journal.Check {
		check, err := CheckRecordOf(rec)
		if err != nil {
			return nil, err
		}
		out.Check, out.By = check, check.By
		return out, nil
	}
	if !json.Valid(rec.Payload) {
		return nil, fault.E(fault.Unavailable, "record %d of writer %s cannot be read", rec.Sequence, rec.Writer)
	}
	out.Change = bytes.Clone(rec.Payload)
	var change struct {
		By string `json:"by"`
	}
	if json.Unmarshal(rec.Payload, &change) == nil {
		out.By = change.By
	}
	return out, nil
}

// Checkpoints returns the newest checkpoints of all writers that a store has.
func Checkpoints(ctx context.Context, store lists.Store) ([]client.Checkpoint, error) {
	writers, err := lists.AllWriters(ctx, store)
	if err != nil {
		return nil, err
	}
	out := []client.Checkpoint{}
	for _, w := range writers {
		out = append(out, client.Checkpoint{Writer: w.ID, Folder: w.Folder, Node: w.Node, At: w.At, Ended: w.Ended, Checkpoint: w.Checkpoint, Keys: w.Keys})
	}
	return out, nil
}

func (s *Server) getCheckpoints(c *gin.Context, _ *auth.Principal) error {
	all, err := Checkpoints(c.Request.Context(), s.store)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, gin.H{"checkpoints": all})
}
