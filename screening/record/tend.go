package record

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"

	"interdict/lists/fault"
	"interdict/screening/journal"
	"interdict/screening/journal/proof"
)

const (
	// newest is how many segments a start reads for damage.
	newest = 4
	// watchEvery is how often the files of the record are looked at.
	watchEvery = 2 * time.Second
	// lostFiles is the problem of Lost.
	lostFiles = "files"
)

// tend completes the logs of the writers before this one, and reads their newest segments.
func (r *Record) tend(ctx context.Context) {
	damage, err := journal.CheckNewest(ctx, r.Dir, newest)
	for _, d := range damage {
		r.problem("segment "+d.File, d)
	}
	if err != nil && ctx.Err() == nil {
		r.problem("newest segments", err)
	}
	writers, err := journal.Writers(r.Dir)
	if err != nil {
		r.problem("writers", err)
		return
	}
	var seen []uuid.UUID
	for _, w := range writers {
		seen = append(seen, w.ID)
		if w.ID == r.Writer() || w.Open || w.ID == uuid.Nil {
			continue
		}
		for ctx.Err() == nil {
			err := r.settle(ctx, w.ID)
			if ctx.Err() != nil {
				return
			}
			r.problem("log "+w.ID.String(), err)
			if !fault.Is(err, fault.Unavailable) {
				break
			}
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Second):
			}
		}
	}
	logs, err := r.logs()
	if err != nil {
		r.problem("logs", err)
	}
	for _, id := range logs {
		if id != r.Writer() && proof.Ended(r.logDir(id)) && !slices.Contains(seen, id) {
			r.problem("log "+id.String(), fault.E(fault.Conflict, "writer %s has a log, but no segments: they were deleted", id))
		}
	}
}

// settle completes the log of a writer that has ended, and publishes its last checkpoint. That another process does it is no error.
func (r *Record) settle(ctx context.Context, writer uuid.UUID) error {
	dir := r.logDir(writer)
	if proof.Ended(dir) {
		return r.publishEnded(ctx, writer)
	}
	log, err := r.openLog(writer, r.records(ctx, writer), proof.Options{Interval: -1, Now: r.opts.Now})
	if errors.Is(err, proof.ErrInUse) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := log.End(); err != nil {
		return err
	}
	return r.publishEnded(ctx, writer)
}

// publishEnded publishes the last checkpoint of a writer that has ended, once.
func (r *Record) publishEnded(ctx context.Context, writer uuid.UUID) error {
	marker := filepath.Join(r.Dir, proofFolder, "published", writer.String())
	if _, err := os.Stat(marker); err == nil || r.opts.Publish == nil {
		return nil
	}
	signed, err := os.ReadFile(filepath.Join(r.logDir(writer), "checkpoint"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.E(fault.Unavailable, "read the last checkpoint of writer %s: %w", writer, err)
	}
	if err := r.give(ctx, Published{Writer: writer, Checkpoint: string(signed), Ended: true}); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Dir(marker), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fault.E(fault.Unavailable, "note a published checkpoint: %w", err)
	}
	if err := os.WriteFile(marker, nil, 0o600); err != nil {
		return fault.E(fault.Unavailable, "note a published checkpoint: %w", err)
	}
	return nil
}

// watch notices that files are gone.
func (r *Record) watch(ctx context.Context) {
	known := map[string]bool{}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		r.problem(lostFiles, r.missing(known))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// missing returns an error if a sealed segment of known is gone, or the proof of this writer. It adds new ones to known.
func (r *Record) missing(known map[string]bool) error {
	names, err := journal.SealedNames(r.Dir)
	if err != nil {
		return err
	}
	now := map[string]bool{}
	for _, name := range names {
		now[name], known[name] = true, true
	}
	var gone []string
	for name := range known {
		if _, err := os.Stat(filepath.Join(r.Dir, name+".archived")); !now[name] && err != nil {
			gone = append(gone, name)
		}
	}
	if len(gone) > 0 {
		return fault.E(fault.Unavailable, "%d segments of the journal are gone, among them %s: put them back from a backup", len(gone), slices.Min(gone))
	}
	return r.proofIsThere()
}

// proofIsThere returns an error if the log of this writer is gone, and with it perhaps the folder.
func (r *Record) proofIsThere() error {
	if _, err := os.Stat(r.logDir(r.Writer())); err != nil {
		return fault.E(fault.Unavailable, "the proof of the journal is gone: %w", err)
	}
	return nil
}
