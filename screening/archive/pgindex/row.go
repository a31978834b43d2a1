package pgindex

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"interdict/lists/address"
	"interdict/screening/archive"
	"interdict/screening/journal"
)

// columns are those of records, in the order of rowOf and scanEntry.
var columns = []string{"time", "seq", "writer", "kind", "id", "payload", "keys", "lists", "result", "reference", "customer", "made_by", "alert_id", "resolved"}

// selected are the same for SELECT.
const selected = "time, seq, writer, kind, id, payload, keys, lists, result, reference, customer, made_by, alert_id, resolved"

func rowOf(e *archive.Entry) []any {
	payload, t := e.Payload, &e.Terms
	if payload == nil {
		payload = []byte{}
	}
	var resolved any
	if t.Alert != (archive.Alert{}) {
		resolved = t.Alert.Resolved
	}
	return []any{nanos(e.Time), int64(e.Sequence), pgUUID(e.Writer), int16(e.Kind), pgtype.UUID{Bytes: e.ID, Valid: e.ID != uuid.Nil}, payload,
		packKeys(t.Keys), pgTexts(t.Lists), pgText(t.Result), pgText(t.Reference), pgText(t.Customer), pgText(t.By), pgText(t.Alert.ID), resolved}
}

func pgUUID(id uuid.UUID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: true} }

func pgUUIDs(ids []uuid.UUID) []pgtype.UUID {
	all := make([]pgtype.UUID, len(ids))
	for i, id := range ids {
		all[i] = pgUUID(id)
	}
	return all
}

// pgText returns a text as bytea; an empty one is NULL.
func pgText(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

func pgTexts(all []string) [][]byte {
	var texts [][]byte
	for _, s := range all {
		texts = append(texts, []byte(s))
	}
	return texts
}

// packKeys writes each key after a byte with its length.
func packKeys(keys []address.Key) []byte {
	if len(keys) == 0 {
		return nil
	}
	var b []byte
	for _, k := range keys {
		b = append(append(b, byte(len(k))), k...)
	}
	return b
}

var errKeys = errors.New("the keys of a record are cut off")

func unpackKeys(b []byte) ([]address.Key, error) {
	var keys []address.Key
	for len(b) > 0 {
		end := 1 + int(b[0])
		if end > len(b) {
			return nil, errKeys
		}
		keys = append(keys, address.Key(b[1:end]))
		b = b[end:]
	}
	return keys, nil
}

// scanEntry reads columns; more are read after them.
func scanEntry(rows pgx.Rows, more ...any) (archive.Entry, error) {
	var e archive.Entry
	var nanos, sequence int64
	var writer, id pgtype.UUID
	var kind *int16 // NULL: the record is missing
	var keys, result, reference, customer, by, alert []byte
	var lists [][]byte
	var resolved *bool
	into := []any{&nanos, &sequence, &writer, &kind, &id, &e.Payload, &keys, &lists, &result, &reference, &customer, &by, &alert, &resolved}
	if err := rows.Scan(append(into, more...)...); err != nil {
		return e, err
	}
	e.Position = archive.Position{Time: timeOf(nanos), Writer: writer.Bytes, Sequence: uint64(sequence)}
	if kind == nil {
		return e, errMissing
	}
	e.Kind, e.ID = journal.Kind(*kind), id.Bytes
	var err error
	e.Terms.Keys, err = unpackKeys(keys)
	for _, list := range lists {
		e.Terms.Lists = append(e.Terms.Lists, string(list))
	}
	e.Terms.Result, e.Terms.Reference, e.Terms.Customer, e.Terms.By = string(result), string(reference), string(customer), string(by)
	e.Terms.Alert = archive.Alert{ID: string(alert), Resolved: resolved != nil && *resolved}
	return e, err
}

var errMissing = errors.New("a term names a record that is missing")

// What a term is of.
const (
	termKey  = 'k'
	termList = 'l'
	termKind = 't'
)

// termOf returns the name under which a key, a list or a kind is in the table of terms.
func termOf(of byte, value string) pgtype.UUID {
	sum := sha256.Sum256(append([]byte{of}, value...))
	return pgtype.UUID{Bytes: [16]byte(sum[:16]), Valid: true}
}

func kindTerm(k journal.Kind) pgtype.UUID { return termOf(termKind, string([]byte{byte(k)})) }

// terms returns what an entry is found by, each once. Checks are nearly all that there is: they have no term of their kind.
func terms(e *archive.Entry) []pgtype.UUID {
	var all []pgtype.UUID
	for _, k := range e.Terms.Keys {
		all = append(all, termOf(termKey, string(k)))
	}
	for _, list := range e.Terms.Lists {
		all = append(all, termOf(termList, list))
	}
	if e.Kind != journal.Check {
		all = append(all, kindTerm(e.Kind))
	}
	return unique(all)
}

func unique(all []pgtype.UUID) []pgtype.UUID {
	if len(all) < 2 {
		return all
	}
	slices.SortFunc(all, func(a, b pgtype.UUID) int { return bytes.Compare(a.Bytes[:], b.Bytes[:]) })
	return slices.Compact(all)
}
