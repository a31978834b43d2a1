package lists

import (
	"context"
	"encoding/json"
	"time"

	"interdict/lists/fault"
)

// Writer is a writer of the record of decisions, with its newest checkpoint: with this, nobody can delete its records unseen.
type Writer struct {
	ID         string    `json:"id"`
	Folder     string    `json:"folder"` // identity of the folder that it is in
	Node       string    `json:"node"`   // name of the machine
	Checkpoint string    `json:"checkpoint"`
	Keys       []string  `json:"keys"` // public keys
	At         time.Time `json:"at"`
	Ended      bool      `json:"ended,omitempty"`
	RecordedBy string    `json:"recorded_by,omitempty"` // the writer that has recorded the last checkpoint of one that has ended
}

// PutWriter stores the newest checkpoint of a writer. After the last one it does nothing.
func PutWriter(ctx context.Context, s Store, w *Writer) error {
	return Retry(ctx, func() error {
		if _, err := s.Get(ctx, DocEndedWriter(w.ID)); err == nil || !fault.Is(err, fault.NotFound) {
			return err
		}
		old, revision, err := Read[Writer](ctx, s, DocWriter(w.ID))
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if old.Ended {
			return nil
		}
		b, err := json.Marshal(w)
		if err != nil {
			return err
		}
		return TryCommit(ctx, s, Change{Key: DocWriter(w.ID), Value: b, Expect: revision})
	})
}

// EndWriter notes that the writer by has recorded the last checkpoint of a writer.
func EndWriter(ctx context.Context, s Store, id, by string) error {
	return Retry(ctx, func() error {
		w, revision, err := Read[Writer](ctx, s, DocWriter(id))
		if fault.Is(err, fault.NotFound) {
			return nil // another one was faster
		}
		if err != nil {
			return err
		}
		w.RecordedBy = by
		b, err := json.Marshal(w)
		if err != nil {
			return err
		}
		return TryCommit(ctx, s, Change{Key: DocWriter(id), Expect: revision}, Change{Key: DocEndedWriter(id), Value: b, Expect: AnyRevision})
	})
}

// LiveWriters returns the writers that may write, and those whose last checkpoint no other writer has recorded.
func LiveWriters(ctx context.Context, s Store) ([]Writer, error) {
	return ReadAll[Writer](ctx, s, DocWriters)
}

// AllWriters returns every writer.
func AllWriters(ctx context.Context, s Store) ([]Writer, error) {
	ended, err := ReadAll[Writer](ctx, s, DocEndedWriters)
	if err != nil {
		return nil, err
	}
	live, err := LiveWriters(ctx, s)
	return append(ended, live...), err
}
