package vault

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"interdict/lists/fault"
	"interdict/screening/journal"
	"interdict/screening/journal/proof"
)

// Restored is what Restore wrote.
type Restored struct {
	Journal     string   // the folder of the segments
	Log         string   // the folder of the proof log; empty: the bucket has none, or none that covers only records that are there
	Keys        []string // public keys in the bucket
	Checkpoints [][]byte // all checkpoints of the log that the bucket has, also later ones, to compare the log with
	Segments    int
	Last        uint64           // sequence number of the last record
	Checkpoint  proof.Checkpoint // that Log ends with
}

// Restore writes the segments of a writer in the bucket, and its log, to a folder that is new or empty: dir/journal, dir/proof/<writer>, dir/public.vkeys.
// Segments are compared with their manifests; those that are missing or damaged make it fail, after the others were written. It does not verify the
// log.
func (v *Vault) Restore(ctx context.Context, writer uuid.UUID, dir string) (Restored, error) {
	done := Restored{Journal: filepath.Join(dir, "journal")}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return done, fault.E(fault.Conflict, "restore to %s: the folder is not empty", dir)
	}
	if err := os.MkdirAll(done.Journal, 0o700); err != nil {
		return done, fault.E(fault.Unavailable, "restore to %s: %w", dir, err)
	}
	c, err := v.catalog(ctx, writer)
	if err != nil {
		return done, err
	}
	if len(c) == 0 {
		return done, fault.E(fault.NotFound, "restore: %s has no segments of the writer %s", v.Describe(), writer)
	}
	c.setLimits(nil)
	var errs error
	for i := range c {
		err := v.restoreSegment(ctx, &c[i], done.Journal)
		if errs = errors.Join(errs, err); err != nil && !goesOn(err) {
			return done, errs
		}
		if err == nil {
			done.Segments++
			done.Last = max(done.Last, c[i].last)
		}
	}
	if err := v.restoreKeys(ctx, filepath.Join(dir, "public.vkeys"), &done); err != nil {
		return done, errors.Join(errs, err)
	}
	if err := v.restoreLog(ctx, writer, filepath.Join(dir, "proof", writer.String()), &done); err != nil {
		return done, errors.Join(errs, err)
	}
	return done, errs
}

func (v *Vault) restoreSegment(ctx context.Context, e *entry, to string) error {
	from, release, err := v.fetch(ctx, e)
	if err != nil {
		return err
	}
	defer release()
	f, err := os.Open(filepath.Join(from, e.name))
	if err != nil {
		return fault.E(fault.Unavailable, "restore %s: %w", e.name, err)
	}
	defer f.Close()
	return writeRestored(ctx, filepath.Join(to, e.name), f)
}

func writeRestored(ctx context.Context, path string, r io.Reader) error {
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		_, err = writeFile(ctx, path, 0o600, r)
	}
	if err != nil {
		return fault.E(fault.Unavailable, "restore %s: %w", filepath.Base(path), err)
	}
	return nil
}

func (v *Vault) restoreKeys(ctx context.Context, path string, done *Restored) error {
	for o, err := range v.bucket.List(ctx, keysFolder) {
		if err != nil {
			return err
		}
		data, err := readObject(ctx, v.bucket, o.Name)
		if err != nil {
			return err
		}
		if o.Name != keysFolder+shortHash(data)+".vkey" {
			return fault.E(fault.Conflict, "restore: the public key %s was changed", o.Name)
		}
		done.Keys = append(done.Keys, strings.TrimSuffix(string(data), "\n"))
	}
	if len(done.Keys) == 0 {
		return nil
	}
	return writeRestored(ctx, path, strings.NewReader(strings.Join(done.Keys, "\n")+"\n"))
}

// restoreLog writes the full tiles of the records that are there, and lets the log do the rest.
func (v *Vault) restoreLog(ctx context.Context, writer uuid.UUID, dir string, done *Restored) error {
	var seals, others [][]byte
	for o, err := range v.bucket.List(ctx, logPrefix(writer)) {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(o.Name, logPrefix(writer))
		end, isTile := tileEnd(name)
		_, isSeal := sealSize(name)
		isVersion := strings.HasPrefix(name, versionsFolder) && !strings.HasPrefix(name, versionsFolder+fileState)
		if isTile && end > done.Last || !isTile && !isSeal && !isVersion {
			continue
		}
		data, err := readObject(ctx, v.bucket, o.Name)
		if err != nil {
			return err
		}
		switch {
		case isTile:
			if err := writeRestored(ctx, filepath.Join(dir, filepath.FromSlash(name)), strings.NewReader(string(data))); err != nil {
				return err
			}
		case isSeal:
			seals = append(seals, data)
		case isVersion:
			others = append(others, data)
		}
	}
	done.Checkpoints = append(append(done.Checkpoints, seals...), others...)
	if len(done.Checkpoints) == 0 {
		return nil
	}
	var err error
	done.Checkpoint, err = proof.Restore(dir, done.Last, seals, others, func(from uint64) iter.Seq2[[]byte, error] {
		return Canonical(journal.ReadFrom(ctx, done.Journal, writer, from))
	})
	if err != nil {
		return err
	}
	if done.Checkpoint.Size > 0 {
		done.Log = dir
	} else if err := os.RemoveAll(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.E(fault.Unavailable, "restore log: %w", err)
	}
	return nil
}

// Canonical yields the canonical forms of records, as the proof log takes them.
func Canonical(records iter.Seq2[journal.Record, error]) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var buf []byte
		for r, err := range records {
			if err == nil {
				buf = r.AppendBytes(buf[:0])
			}
			if !yield(buf, err) {
				return
			}
		}
	}
}
