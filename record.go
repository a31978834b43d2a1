package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/screening/journal"
	"interdict/screening/journal/proof"
	"interdict/screening/record"
)

// recordFlags say how the record of decisions is signed.
type recordFlags struct {
	RecordName    string   `help:"Name of the deployment in the proofs of the record." default:"interdict" placeholder:"NAME"`
	RecordKey     string   `help:"Ed25519 private key that signs the record, PEM; better as INTERDICT_RECORD_KEY_FILE. Made and kept in JOURNAL/keys when not given." placeholder:"KEY"`
	RecordOldKeys []string `help:"Public keys that verify what was signed before, beside --record-key." placeholder:"KEY"`
	Witness       []string `help:"Witnesses that cosign the record: each a URL, a blank, and a public key." placeholder:"'URL KEY'"`

	tend bool // completes what earlier writers have left, and watches the files
}

// signingKeys returns the keys of the configuration; nil for those in the folder.
func (f *recordFlags) signingKeys() (*proof.Keys, error) {
	if f.RecordKey == "" {
		if len(f.RecordOldKeys) > 0 {
			return nil, usage("--record-old-keys is for --record-key")
		}
		return nil, nil
	}
	return proof.GivenKeys(f.RecordName, f.RecordKey, nil, f.RecordOldKeys)
}

func (f *recordFlags) witnesses() ([]proof.WitnessClient, error) {
	var all []proof.WitnessClient
	for _, text := range f.Witness {
		url, vkey, ok := strings.Cut(strings.TrimSpace(text), " ")
		if !ok {
			return nil, usage("--witness %q: use a URL, a blank and a public key", text)
		}
		w, err := proof.NewWitnessClient(url, strings.TrimSpace(vkey), &http.Client{Timeout: 10 * time.Second})
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

// witnessKeys returns the public keys of the witnesses.
func (f *recordFlags) witnessKeys() []string {
	var keys []string
	for _, text := range f.Witness {
		if _, vkey, ok := strings.Cut(strings.TrimSpace(text), " "); ok {
			keys = append(keys, strings.TrimSpace(vkey))
		}
	}
	return keys
}

// publisher keeps the newest checkpoint of each writer in the store.
type publisher struct{ store lists.Store }

func (p publisher) publish(ctx context.Context, c record.Published) error {
	node, err := os.Hostname()
	if err != nil {
		node = "unknown"
	}
	return lists.PutWriter(ctx, p.store, &lists.Writer{ID: c.Writer.String(), Folder: c.Folder.String(), Node: node, Checkpoint: c.Checkpoint, Keys: c.Keys,
		At: time.Now().UTC(), Ended: c.Ended})
}

// publishedOf is the inverse of publish.
func publishedOf(w *lists.Writer) (record.Published, error) {
	id, err := uuid.Parse(w.ID)
	if err != nil {
		return record.Published{}, fault.E(fault.Unavailable, "document %s is damaged: %w", lists.DocWriter(w.ID), err)
	}
	folder, err := uuid.Parse(w.Folder)
	if err != nil {
		return record.Published{}, fault.E(fault.Unavailable, "document %s is damaged: %w", lists.DocWriter(w.ID), err)
	}
	return record.Published{Writer: id, Folder: folder, Checkpoint: w.Checkpoint, Keys: w.Keys, Ended: w.Ended}, nil
}

// exchangeEvery is how often a server records the newest checkpoints of other writers.
const exchangeEvery = 5 * time.Minute

// exchangeCheckpoints records the checkpoints of other writers in the journal of this server: the first time soon after its start, since the
// writer before it has just ended then.
func exchangeCheckpoints(ctx context.Context, o *opened, log *slog.Logger) {
	recorded := map[string]string{}
	wait := 10 * time.Second
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = exchangeEvery
		if err := exchangeOnce(ctx, o, recorded); err != nil && ctx.Err() == nil {
			log.Warn("record the checkpoints of other writers", "error", err)
			wait = 30 * time.Second
		}
	}
}

// exchangeOnce records those checkpoints that are newer than in recorded.
func exchangeOnce(ctx context.Context, o *opened, recorded map[string]string) error {
	writers, err := lists.LiveWriters(ctx, o.store)
	if err != nil {
		return err
	}
	for i := range writers {
		w := &writers[i]
		if w.ID == o.journal.Writer().String() {
			continue
		}
		if recorded[w.ID] != w.Checkpoint {
			c, err := publishedOf(w)
			if err != nil {
				return err
			}
			c.Keys = nil
			b, err := json.Marshal(c)
			if err != nil {
				return err
			}
			if err := o.journal.Append(journal.Checkpoint, time.Now(), b, w.Ended); err != nil {
				return err
			}
			recorded[w.ID] = w.Checkpoint
		}
		if w.Ended {
			if err := lists.EndWriter(ctx, o.store, w.ID, o.journal.Writer().String()); err != nil {
				return err
			}
			delete(recorded, w.ID)
		}
	}
	return nil
}
