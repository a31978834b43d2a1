package proof

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"interdict/lists/fault"
)

const (
	// maxPending is the number of full tiles that may wait for the disk: 8 KiB each. With more, Append fails.
	maxPending = 512
	// syncEvery is the number of entries after which a checkpoint also waits for its tiles to be on disk. It
	// limits what Open has to hash again.
	syncEvery = 1 << 16
)

// Options of a log. The zero value is useful.
type Options struct {
	// Interval between checkpoints; 0: one second; negative: only those that are asked for.
	Interval time.Duration
	// Published gets every new checkpoint, to be kept elsewhere. It is called by one goroutine at a time, and
	// may be called again with the same checkpoint and more cosignatures.
	Published func(checkpoint []byte)
	// Failed gets the errors of the checkpoints that the log makes by itself.
	Failed func(error)
	// Witnesses are asked to cosign each checkpoint.
	Witnesses []WitnessClient
	// Rebuild makes Open hash all records, and write every tile that is missing or wrong.
	Rebuild bool
	Now     func() time.Time
}

// Log is the transparency log of one writer of the journal. Append is for one goroutine; everything else is safe
// for use by several.
type Log struct {
	dir    string
	origin string
	signer Signer
	opts   Options
	lock   *os.File

	mu      sync.Mutex // held for memory only
	tree    *tree
	pending []pendingTile // full tiles that are not yet written
	last    signed        // the newest checkpoint
	cosig   signed        // the newest checkpoint with a cosignature
	lastAt  time.Time
	failure error // of the newest attempt to write
	closed  bool

	write    sync.Mutex // held while files are written; taken before mu
	state    logState
	unsynced []string // tiles written since the last sync
	parts    []string // partial tiles of the newest checkpoint
	kept     []string // partial tiles of the synced checkpoint
	synced   int64    // size of the synced checkpoint
	loading  bool     // in Open: most tiles exist
	released bool     // the lock is given up
	rebuilt  string   // why Open had to read all records

	publish   sync.Mutex // orders calls of Published
	witnesses []*witnessState
	stop      context.CancelFunc
	running   sync.WaitGroup
}

type signed struct {
	Checkpoint
	note []byte
}

type pendingTile struct {
	tile tlog.Tile
	data []byte
}

// logState is the file log.json. It lists what Verify has to find.
type logState struct {
	Origin   string  `json:"origin"`
	Seals    []int64 `json:"seals,omitempty"`
	Cosigned int64   `json:"cosigned,omitempty"`
	Ended    bool    `json:"ended,omitempty"`
}

// Open opens or creates the log in a folder. origin is the deployment's name, a slash and the writer's identity.
// records yields the writer's records from a sequence number on; Open reads those that
// the log does not have yet. It is an error if the records do not agree with the newest checkpoint.
func Open(dir, origin string, signer Signer, records func(from uint64) iter.Seq2[[]byte, error], opts Options) (*Log, error) {
	if opts.Interval == 0 {
		opts.Interval = time.Second
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if origin == "" || strings.ContainsAny(origin, "\n+ ") {
		return nil, fault.E(fault.Invalid, "origin %q of a log: has to be a name without spaces", origin)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.E(fault.Unavailable, "create log: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	l := &Log{dir: dir, origin: origin, signer: signer, opts: opts, lock: lock}
	l.loading = true
	if err := l.load(records); err != nil {
		lock.Close()
		return nil, err
	}
	l.loading = false
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	for _, client := range opts.Witnesses {
		w := newWitnessState(client)
		l.witnesses = append(l.witnesses, w)
		l.running.Go(func() { w.run(ctx, l) })
	}
	if opts.Interval > 0 {
		l.running.Go(func() { l.tick(ctx) })
	}
	return l, nil
}

// load restores the tree and brings it up to date.
func (l *Log) load(records func(from uint64) iter.Seq2[[]byte, error]) error {
	verify, err := newVerifiers(l.signer.VKeys())
	if err != nil {
		return err
	}
	if err := l.loadState(); err != nil {
		return err
	}
	if l.last, err = l.readCheckpoint(verify, fileCheckpoint); err != nil {
		return err
	}
	synced, err := l.readCheckpoint(verify, fileSynced)
	if err != nil {
		return err
	}
	if l.cosig, err = l.readCheckpoint(verify, fileCosigned); err != nil {
		return err
	}
	l.state.Cosigned = l.cosig.Size
	if synced.Size > l.last.Size {
		return fault.E(fault.Conflict, "log %s: file %s has %d entries, but %s has %d: the newer file was replaced by an old one; restore it, or run the verification",
			l.dir, fileCheckpoint, l.last.Size, fileSynced, synced.Size)
	}
	if l.opts.Rebuild {
		l.rebuilt = "asked for"
		l.tree = &tree{}
	} else if l.tree, err = loadTree(synced.tree(), tileFunc(func(t tlog.Tile) ([]byte, error) { return readTile(l.dir, t) })); err != nil {
		l.rebuilt = err.Error()
		l.tree = &tree{}
	}
	l.synced = synced.Size
	from, syncedParts := l.tree.size, l.tree.partTiles()
	if l.rebuilt != "" {
		// all tiles will be written again: not before the records are known to be those that were signed
		check := &tree{full: func(tlog.Tile, []byte) {}}
		if err := l.replay(check, records, []signed{synced, l.last}, nil); err != nil {
			return err
		}
	}
	if err := l.checkLast(records); err != nil {
		return err
	}
	l.tree.full = l.tileFull
	if err := l.replay(l.tree, records, []signed{synced, l.last}, func() error {
		if l.rebuilt == "" && l.tree.size <= l.last.Size || len(l.pending) < maxPending/2 {
			return nil
		}
		return l.writeTiles()
	}); err != nil {
		return err
	}
	lastParts := l.tree.partTiles()
	for record, err := range records(uint64(l.tree.size) + 1) {
		if err == nil {
			err = l.tree.add(Leaf(record))
		}
		if err == nil && len(l.pending) >= maxPending/2 {
			err = l.writeTiles()
		}
		if err != nil {
			return err
		}
	}
	return l.repairParts(from, syncedParts, lastParts)
}

// repairParts writes the partial tiles of the synced and the newest checkpoint where they are damaged, and removes others that a
// crash has left. Only tiles after the size that Open began with can have any.
func (l *Log) repairParts(from int64, synced, last map[tlog.Tile][]byte) error {
	wanted := map[string][]byte{}
	for tile, data := range synced {
		path := l.path(tilePath(tile))
		wanted[path], l.kept = data, append(l.kept, path)
	}
	for tile, data := range last {
		path := l.path(tilePath(tile))
		wanted[path], l.parts = data, append(l.parts, path)
	}
	for level := range l.tree.part {
		shift := tileHeight * level
		for n := from >> shift >> tileHeight; n <= l.tree.size>>shift>>tileHeight; n++ {
			dir := l.path(tilePath(tlog.Tile{H: tileHeight, L: level, N: n, W: tileWidth})) + ".p"
			entries, err := os.ReadDir(dir)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fault.E(fault.Unavailable, "read partial tiles: %w", err)
			}
			for _, entry := range entries {
				if path := filepath.Join(dir, entry.Name()); wanted[path] == nil {
					_ = os.Remove(path) // Verify reports it if it stays and is wrong
				}
			}
			_ = os.Remove(dir) // fails unless it is empty
		}
	}
	for path, data := range wanted {
		if sameFile(path, data) {
			continue
		}
		if err := writeFile(l.dir, path, data, true); err != nil {
			return fault.E(fault.Unavailable, "write partial tile: %w", err)
		}
	}
	return nil
}

// checkLast compares the last record that the tree has with the journal's: Open does not read those before it.
func (l *Log) checkLast(records func(from uint64) iter.Seq2[[]byte, error]) error {
	n := l.tree.size
	if n == 0 {
		return nil
	}
	root, err := l.tree.root()
	if err != nil {
		return err
	}
	hashes, err := tlog.TileHashReader(tlog.Tree{N: n, Hash: root}, tileFunc(l.tile)).ReadHashes([]int64{tlog.StoredHashIndex(0, n-1)})
	if err != nil {
		return fault.E(fault.Unavailable, "read log: %w", err)
	}
	for record, err := range records(uint64(n)) {
		if err != nil {
			return err
		}
		if tlog.RecordHash(Leaf(record)) != hashes[0] {
			return l.changed(n)
		}
		return nil
	}
	return l.lost(n, "fewer")
}

// replay adds those records to a tree that the newest checkpoint covers, and compares it with checkpoints on the way,
// the smaller first.
func (l *Log) replay(t *tree, records func(from uint64) iter.Seq2[[]byte, error], checkpoints []signed, added func() error) error {
	for _, c := range checkpoints {
		if t.size < c.Size {
			for record, err := range records(uint64(t.size) + 1) {
				if err == nil {
					err = t.add(Leaf(record))
				}
				if err == nil && added != nil {
					err = added()
				}
				if err != nil {
					return err
				}
				if t.size == c.Size {
					break
				}
			}
		}
		if t.size < c.Size {
			return l.lost(c.Size, strconv.FormatInt(t.size, 10))
		}
		root, err := t.root()
		if err != nil {
			return err
		}
		if c.Size > 0 && root != c.Root {
			return l.changed(c.Size)
		}
	}
	return nil
}

func (l *Log) lost(covered int64, has string) error {
	return fault.E(fault.Conflict, "log %s: a checkpoint covers %d records, but the journal has %s: records were lost or removed; "+
		"restore the segments of this writer, or keep the folder as evidence and start a new writer", l.dir, covered, has)
}

func (l *Log) changed(covered int64) error {
	return fault.E(fault.Conflict, "log %s: the first %d records are not those of their checkpoint: records were changed; "+
		"run the verification to find the place", l.dir, covered)
}

// tileFull is called by the tree, under mu.
func (l *Log) tileFull(t tlog.Tile, data []byte) {
	l.pending = append(l.pending, pendingTile{t, data})
}

func (l *Log) loadState() error {
	l.state.Origin = l.origin
	data, err := os.ReadFile(l.path(fileState))
	if err == nil {
		var state logState
		if err := json.Unmarshal(data, &state); err != nil {
			return fault.E(fault.Conflict, "%s: %w: move the file away, it will be written again", l.path(fileState), err)
		}
		if state.Origin != l.origin {
			return fault.E(fault.Conflict, "%s is the log of %q, not of %q", l.dir, state.Origin, l.origin)
		}
		l.state = state
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fault.E(fault.Unavailable, "read log: %w", err)
	}
	// a crash may have come between a seal and its entry
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return fault.E(fault.Unavailable, "read log: %w", err)
	}
	for _, entry := range entries {
		if size, ok := sealSize(entry.Name()); ok && !slices.Contains(l.state.Seals, size) {
			l.state.Seals = append(l.state.Seals, size)
		}
	}
	slices.Sort(l.state.Seals)
	return nil
}

// sealSize returns the size in the name of a file checkpoint.<size>.
func sealSize(name string) (int64, bool) {
	text, ok := strings.CutPrefix(name, fileCheckpoint+".")
	size, err := strconv.ParseInt(text, 10, 64)
	return size, ok && err == nil && size > 0 && strconv.FormatInt(size, 10) == text
}

// readCheckpoint returns the checkpoint in a file; the zero value if the file does not exist.
func (l *Log) readCheckpoint(verify verifiers, name string) (signed, error) {
	data, err := os.ReadFile(l.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return signed{}, nil
	}
	if err != nil {
		return signed{}, fault.E(fault.Unavailable, "read log: %w", err)
	}
	o, err := verify.open(data)
	if err != nil {
		return signed{}, fault.E(fault.Conflict, "%s is not signed by a key that is known here (%w): restore the signing keys of this log, "+
			"with all their public keys; if the file itself is damaged, restore it from a backup", l.path(name), err)
	}
	if o.Origin != l.origin {
		return signed{}, fault.E(fault.Conflict, "%s is of the log %q, not of %q", l.path(name), o.Origin, l.origin)
	}
	return signed{o.Checkpoint, data}, nil
}

func (l *Log) path(name string) string { return filepath.Join(l.dir, filepath.FromSlash(name)) }

// Append adds the record with a sequence number, which has to be the next. The record has to be durable, and is not
// kept. An error means that the record was not added: the same call can be made again.
func (l *Log) Append(seq uint64, record []byte) error {
	leaf := Leaf(record)
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return fault.E(fault.Unavailable, "log %s is closed", l.dir)
	}
	if seq != uint64(l.tree.size)+1 {
		size := l.tree.size
		l.mu.Unlock()
		return fault.E(fault.Internal, "append record %d to a log of %d records", seq, size)
	}
	waiting := len(l.pending)
	if waiting < maxPending {
		err := l.tree.add(leaf)
		waiting = len(l.pending)
		l.mu.Unlock()
		if err != nil || waiting < 16 {
			return err
		}
		// an error is kept and reported; the next Append or Checkpoint tries again. A checkpoint that
		// waits for the disk does not delay this.
		if !l.write.TryLock() {
			return nil
		}
		defer l.write.Unlock()
		if err := l.writeTiles(); err != nil {
			l.fail(err)
		}
		return nil
	}
	l.mu.Unlock()
	l.write.Lock()
	err := l.writeTiles()
	l.write.Unlock()
	if err != nil {
		l.fail(err)
		return err
	}
	return l.Append(seq, record)
}

// Size returns the number of records in the log.
func (l *Log) Size() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(l.tree.size)
}

func (l *Log) fail(err error) {
	l.mu.Lock()
	l.failure = err
	l.mu.Unlock()
}

func sameFile(path string, data []byte) bool {
	stored, err := os.ReadFile(path)
	return err == nil && bytes.Equal(stored, data)
}

// writeTiles writes the full tiles that wait. write is held, or no one else has the log yet.
func (l *Log) writeTiles() error {
	for {
		l.mu.Lock()
		if len(l.pending) == 0 {
			l.pending = nil
			l.mu.Unlock()
			return nil
		}
		next := l.pending[0]
		l.mu.Unlock()
		path := l.path(tilePath(next.tile))
		if !l.loading || !sameFile(path, next.data) {
			if err := writeFile(l.dir, path, next.data, false); err != nil {
				return fault.E(fault.Unavailable, "write tile: %w", err)
			}
		}
		l.unsynced = append(l.unsynced, path)
		l.mu.Lock()
		l.pending = l.pending[1:]
		l.mu.Unlock()
	}
}
