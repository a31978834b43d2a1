package record

import (
	"context"
	"errors"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"interdict/lists/fault"
	"interdict/screening/journal"
	"interdict/screening/journal/proof"
)

const (
	proofFolder = "proof"
	keysFolder  = "keys"
	idFile      = "id"
	witnessFile = "witnesses" // public keys of all witnesses that have been asked, one a line
)

// Folder is a record in a folder, that need not be open.
type Folder struct {
	Dir string
	// VKeys are public keys, of logs and witnesses, beside those in the folder.
	VKeys []string
	// Archive has the segments that were moved out of the folder; nil: they are not verified.
	Archive interface {
		ReadFrom(ctx context.Context, writer uuid.UUID, sequence uint64) iter.Seq2[journal.Record, error]
	}
	id uuid.UUID
}

func (f Folder) keysDir() string { return filepath.Join(f.Dir, keysFolder) }
func (f Folder) logDir(writer uuid.UUID) string {
	return filepath.Join(f.Dir, proofFolder, writer.String())
}

// LogOf returns the folder of the log of a writer; "" if there is none.
func (f Folder) LogOf(writer uuid.UUID) string {
	dir := f.logDir(writer)
	if _, err := os.Stat(dir); err != nil {
		return ""
	}
	return dir
}

// logs returns the writers that have a log, in order of their start.
func (f Folder) logs() ([]uuid.UUID, error) {
	entries, err := os.ReadDir(filepath.Join(f.Dir, proofFolder))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.E(fault.Unavailable, "read record: %w", err)
	}
	var all []uuid.UUID
	for _, entry := range entries {
		if id, err := uuid.Parse(entry.Name()); err == nil && entry.IsDir() {
			all = append(all, id)
		}
	}
	return all, nil
}

// ID returns the identity of the folder.
func (f Folder) ID() (uuid.UUID, error) {
	id, err := f.readID()
	if errors.Is(err, os.ErrNotExist) {
		return id, fault.E(fault.NotFound, "%s has no record with a proof: %w", f.Dir, err)
	}
	return id, err
}

func (f Folder) readID() (uuid.UUID, error) {
	path := filepath.Join(f.Dir, proofFolder, idFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return uuid.Nil, fault.E(fault.Unavailable, "read the identity of the record: %w", err)
	}
	id, err := uuid.Parse(strings.TrimSpace(string(b)))
	if err != nil {
		return uuid.Nil, fault.E(fault.Conflict, "%s is not the identity of a record: restore it from a backup", path)
	}
	return id, nil
}

// PublicKeys returns the public keys that verify this record.
func (f Folder) PublicKeys() ([]string, error) {
	keys, err := proof.ReadPublic(f.keysDir())
	if err != nil && (!fault.Is(err, fault.NotFound) || len(f.VKeys) == 0) {
		return nil, err
	}
	witnesses, err := f.witnesses()
	if err != nil {
		return nil, err
	}
	all := slices.Concat(f.VKeys, witnesses)
	for _, k := range keys {
		if !slices.Contains(all, k.VKey) {
			all = append(all, k.VKey)
		}
	}
	return all, nil
}

// witnesses returns the public keys of all witnesses that have been asked.
func (f Folder) witnesses() ([]string, error) {
	b, err := os.ReadFile(filepath.Join(f.Dir, proofFolder, witnessFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fault.E(fault.Unavailable, "read the keys of the witnesses: %w", err)
	}
	return strings.Fields(string(b)), nil
}

// noteWitnesses keeps the public keys of the witnesses, so that what they have signed can be verified later.
func (r *Record) noteWitnesses() error {
	known, err := r.witnesses()
	if err != nil {
		return err
	}
	before := len(known)
	for _, w := range r.opts.Witnesses {
		if !slices.Contains(known, w.VKey()) {
			known = append(known, w.VKey())
		}
	}
	if len(known) == before {
		return nil
	}
	path := filepath.Join(r.Dir, proofFolder, witnessFile)
	if err := os.WriteFile(path+".tmp", []byte(strings.Join(known, "\n")+"\n"), 0o600); err != nil {
		return fault.E(fault.Unavailable, "keep the keys of the witnesses: %w", err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return fault.E(fault.Unavailable, "keep the keys of the witnesses: %w", err)
	}
	return nil
}

// SigningKeys returns the public keys of the folder, the oldest first.
func (f Folder) SigningKeys() ([]proof.Key, error) { return proof.ReadPublic(f.keysDir()) }

// SigningKeys returns the public keys of the logs, the oldest first.
func (r *Record) SigningKeys() ([]proof.Key, error) { return r.keys.Public(), nil }

// PrivateKeys returns the keys in the folder, to sign with: fault.NotFound if there are none. name is that of the deployment.
func (f Folder) PrivateKeys(name string) (*proof.Keys, error) {
	if _, err := proof.ReadPublic(f.keysDir()); err != nil {
		return nil, err
	}
	return proof.OpenKeys(f.keysDir(), name, time.Now)
}

// Find returns the record with an id: fault.NotFound if there is none.
func (f Folder) Find(ctx context.Context, id uuid.UUID) (journal.Record, error) {
	return journal.Find(ctx, f.Dir, id)
}

// Receipt returns the proof that a record of this folder is in its log, which anybody can verify with the public key. While no checkpoint covers the
// record, the error is fault.NotFound.
func (f Folder) Receipt(rec *journal.Record) ([]byte, error) {
	vkeys, err := f.PublicKeys()
	if err != nil {
		return nil, err
	}
	return proof.ReadReceipt(f.logDir(rec.Writer), rec.Sequence, rec.Bytes(), vkeys)
}

// Receipt is Folder.Receipt; it also knows what is not in files yet.
func (r *Record) Receipt(rec *journal.Record) ([]byte, error) {
	if rec.Writer == r.Writer() {
		return r.log.Receipt(rec.Sequence, rec.Bytes())
	}
	return proof.ReadReceipt(r.logDir(rec.Writer), rec.Sequence, rec.Bytes(), r.keys.VKeys())
}

// Export writes the log of a writer in the layout of C2SP tlog-tiles to a new folder.
func (f Folder) Export(ctx context.Context, writer uuid.UUID, to string) (proof.Checkpoint, error) {
	vkeys, err := f.PublicKeys()
	if err != nil {
		return proof.Checkpoint{}, err
	}
	return proof.Export(ctx, f.logDir(writer), to, f.records(ctx, writer)(1), vkeys)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// RotateKey makes a new signing key and returns its public key. Until the overlap has passed, checkpoints are signed with the old key as well.
func (f Folder) RotateKey(name string, overlap time.Duration) (vkey string, err error) {
	keys, err := f.PrivateKeys(name)
	if err != nil {
		return "", err
	}
	if err := keys.Rotate(overlap); err != nil {
		return "", err
	}
	all := keys.VKeys()
	return all[len(all)-1], nil
}
