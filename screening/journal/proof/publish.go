package proof

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"interdict/lists/fault"
)

// tick makes a checkpoint at each interval.
func (l *Log) tick(ctx context.Context) {
	ticker := time.NewTicker(l.opts.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if _, err := l.Checkpoint(ctx); err != nil && ctx.Err() == nil && l.opts.Failed != nil {
			l.opts.Failed(err)
		}
	}
}

// Checkpoint signs and stores a checkpoint of all records appended so far, and returns the newest one. Without
// new records it does nothing; it returns nil if there is no record at all.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) { return l.checkpoint(ctx, false) }

// Seal is Checkpoint for the end of a segment: the checkpoint is kept, and all tiles are on disk afterwards.
func (l *Log) Seal(ctx context.Context) ([]byte, error) { return l.checkpoint(ctx, true) }

// Close seals the log and releases it. It does not wait for witnesses.
func (l *Log) Close() error {
	l.mu.Lock()
	closed := l.closed
	l.closed = true
	l.mu.Unlock()
	if closed {
		return nil
	}
	_, err := l.Seal(context.Background())
	l.stop()
	l.running.Wait()
	l.write.Lock()
	defer l.write.Unlock()
	l.released = true
	return errors.Join(err, l.lock.Close())
}

// End closes the log of a writer that writes no more, and marks it as ended. A log without records is removed.
func (l *Log) End() error {
	size := l.Size()
	l.write.Lock()
	l.state.Ended = true
	l.write.Unlock()
	if err := l.Close(); err != nil {
		return err
	}
	if size == 0 {
		if err := os.RemoveAll(l.dir); err != nil {
			return fault.E(fault.Unavailable, "remove empty log: %w", err)
		}
		return nil
	}
	l.write.Lock()
	defer l.write.Unlock()
	return l.writeState()
}

// Ended reports whether the log in a folder was ended.
func Ended(dir string) bool {
	var state logState
	data, err := os.ReadFile(filepath.Join(dir, fileState))
	return err == nil && json.Unmarshal(data, &state) == nil && state.Ended
}

func (l *Log) checkpoint(ctx context.Context, seal bool) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fault.E(fault.Unavailable, "checkpoint: %w", err)
	}
	l.publish.Lock()
	defer l.publish.Unlock()
	now, isNew, err := l.store(seal)
	if err != nil {
		l.fail(err)
		return nil, err
	}
	if isNew {
		if l.opts.Published != nil {
			l.opts.Published(now.note)
		}
		for _, w := range l.witnesses {
			w.wake()
		}
	}
	return now.note, nil
}

// store writes a checkpoint and the tiles for it.
func (l *Log) store(seal bool) (now signed, isNew bool, err error) {
	l.write.Lock()
	defer l.write.Unlock()
	if l.released {
		return l.last, false, nil
	}

	l.mu.Lock()
	now = l.last
	size := l.tree.size
	root, rootErr := l.tree.root()
	parts := l.tree.partTiles()
	l.mu.Unlock()
	if rootErr != nil {
		return now, false, fault.E(fault.Internal, "root of %s: %w", l.dir, rootErr)
	}
	isNew = size > now.Size
	sync := size > 0 && (l.synced == 0 || size-l.synced >= syncEvery || seal && l.synced != size)
	if seal && size > 0 && !slices.Contains(l.state.Seals, size) {
		sync = true
	} else {
		seal = false
	}
	if !isNew && !sync {
		return now, false, nil
	}

	if err := l.writeTiles(); err != nil {
		return now, false, err
	}
	paths, err := l.writeParts(parts)
	if err != nil {
		return now, false, err
	}
	if sync {
		if err := syncFiles(l.dir, slices.Concat(l.unsynced, paths)); err != nil {
			return now, false, fault.E(fault.Unavailable, "write tiles to disk: %w", err)
		}
	}
	if isNew {
		now = signed{Checkpoint: Checkpoint{l.origin, size, root}}
		if now.note, err = l.signer.Sign(now.text()); err != nil {
			return now, false, err
		}
	}
	files := []string{fileCheckpoint}
	if sync {
		files = append(files, fileSynced)
	}
	if seal {
		files = append(files, sealName(size))
	}
	for _, name := range files {
		if err := writeFile(l.dir, l.path(name), now.note, true); err != nil {
			return now, false, fault.E(fault.Unavailable, "write checkpoint: %w", err)
		}
	}
	if seal {
		l.state.Seals = append(l.state.Seals, size)
	}
	if _, err := os.Stat(l.path(fileState)); seal || err != nil {
		if err := l.writeState(); err != nil {
			return now, false, err
		}
	}

	l.mu.Lock()
	l.last, l.lastAt, l.failure = now, l.opts.Now(), nil
	l.mu.Unlock()
	l.removeParts(paths, sync)
	if sync {
		l.synced, l.unsynced = size, nil
	}
	return now, isNew, nil
}

func sealName(size int64) string { return fmt.Sprintf("%s.%d", fileCheckpoint, size) }

func (l *Log) writeState() error {
	data, err := json.Marshal(l.state)
	if err != nil {
		return fault.E(fault.Internal, "write state of log: %w", err)
	}
	if err := writeFile(l.dir, l.path(fileState), append(data, '\n'), true); err != nil {
		return fault.E(fault.Unavailable, "write state of log: %w", err)
	}
	return nil
}

// writeParts writes partial tiles and returns their paths.
func (l *Log) writeParts(parts map[tlog.Tile][]byte) ([]string, error) {
	var paths []string
	for tile := range maps.Keys(parts) {
		path := l.path(tilePath(tile))
		paths = append(paths, path)
		if slices.Contains(l.parts, path) {
			continue
		}
		if err := writeFile(l.dir, path, parts[tile], false); err != nil {
			return nil, fault.E(fault.Unavailable, "write partial tile: %w", err)
		}
	}
	return paths, nil
}

// removeParts removes the partial tiles that neither the newest nor the synced checkpoint needs. What cannot be
// removed does no harm.
func (l *Log) removeParts(paths []string, synced bool) {
	old := l.parts
	l.parts = paths
	if synced {
		old = append(old, l.kept...)
		l.kept = paths
	}
	for _, path := range old {
		if !slices.Contains(l.parts, path) && !slices.Contains(l.kept, path) {
			_ = os.Remove(path)
			_ = os.Remove(filepath.Dir(path)) // fails unless it is empty
		}
	}
}

// tile returns a tile of the newest or an earlier checkpoint, from memory or disk.
func (l *Log) tile(t tlog.Tile) ([]byte, error) {
	l.mu.Lock()
	var data []byte
	if t.L < len(l.tree.part) {
		if now := l.tree.partTile(t.L); now.N == t.N && now.W >= t.W {
			data = slices.Clone(l.tree.part[t.L][:t.W*tlog.HashSize])
		}
	}
	for _, p := range l.pending {
		if p.tile.L == t.L && p.tile.N == t.N {
			data = p.data[:t.W*tlog.HashSize]
		}
	}
	l.mu.Unlock()
	if data != nil {
		return data, nil
	}
	return readTile(l.dir, t)
}

// Status is what an operator sees of a log.
type Status struct {
	Origin       string
	Size         uint64    // records appended
	Checkpointed uint64    // records that the newest checkpoint covers
	CheckpointAt time.Time // when it was made by this process; zero if none was
	Pending      int       // full tiles that wait for the disk
	Rebuilt      string    // why Open had to read all records; empty if it had not
	LastError    string    // of the newest attempt to write
	Witnesses    []WitnessStatus
}

// Status returns the state of the log.
func (l *Log) Status() Status {
	l.mu.Lock()
	s := Status{Origin: l.origin, Size: uint64(l.tree.size), Checkpointed: uint64(l.last.Size), CheckpointAt: l.lastAt,
		Pending: len(l.pending), Rebuilt: l.rebuilt}
	if l.failure != nil {
		s.LastError = l.failure.Error()
	}
	l.mu.Unlock()
	for _, w := range l.witnesses {
		s.Witnesses = append(s.Witnesses, w.status())
	}
	return s
}
