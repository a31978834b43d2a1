package diskindex

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"interdict/lists/fault"
	"interdict/screening/archive"
)

const (
	format      = "interdict index 2\n"
	formatFile  = "FORMAT"
	dataFolder  = "data"
	cacheSize   = 64 << 20
	bufferSize  = 32 << 20
	buffers     = 3
	minimumFree = 128 << 20 // bytes of free disk space that Add needs
	refill      = "stop the server and delete the folder: the index is filled again from the record"
)

// Index is an index in a folder.
type Index struct {
	dir    string
	fs     vfs.FS
	log    *slog.Logger
	broken atomic.Pointer[error] // the store could not go on

	use    sync.RWMutex // held for reading while db is in use
	db     *pebble.DB   // nil: closed
	change sync.Mutex   // held by Add, Clear, and each step of Drop
	clears atomic.Int64 // how many times the index was cleared
}

var _ archive.Index = (*Index)(nil)

// Open opens the index in a folder, and creates it if there is none. fault.Unavailable: it is in use by another process, is damaged, or
// cannot be read or written.
func Open(dir string, log *slog.Logger) (archive.Index, error) { return open(dir, log, vfs.Default) }

func open(dir string, log *slog.Logger, files vfs.FS) (_ *Index, err error) {
	x := &Index{dir: dir, log: log}
	x.fs = guard{files, x.fail}
	defer func() {
		if r := recover(); r != nil { // damage that the store does not check for
			err = x.fault("open", fmt.Errorf("%v", r))
		}
	}()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.E(fault.Unavailable, "create the folder of the %s: %w", x.Describe(), err)
	}
	known, err := x.readFormat()
	if err != nil {
		return nil, err
	}
	cache := pebble.NewCache(cacheSize)
	defer cache.Unref()
	db, err := pebble.Open(filepath.Join(dir, dataFolder), x.options(cache, known))
	if err != nil {
		return nil, x.openFault(err)
	}
	x.db = db
	if !known {
		err = x.begin()
	}
	if err == nil {
		err = x.usable()
	}
	if err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return x, nil
}

func (x *Index) options(cache *pebble.Cache, known bool) *pebble.Options {
	o := &pebble.Options{
		FS:                          x.fs,
		Cache:                       cache,
		ErrorIfNotExists:            known,
		FormatMajorVersion:          pebble.FormatTableFormatV6,
		MemTableSize:                bufferSize,
		MemTableStopWritesThreshold: buffers,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       24,
		LBaseMaxBytes:               128 << 20,
		MaxOpenFiles:                500,
		Logger:                      &storeLog{x},
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) {
				x.log.Error("index: background work failed, and will be repeated", "index", x.dir, "error", err)
				time.Sleep(100 * time.Millisecond) // the store repeats it at once
			},
			DataCorruption: func(i pebble.DataCorruptionInfo) {
				x.log.Error("index: damaged; "+refill, "index", x.dir, "file", i.Path, "error", i.Details)
			},
		},
	}
	o.Levels[0].BlockSize = 16 << 10
	o.Levels[0].FilterPolicy = nil
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionBalanced })
	return o
}

// readFormat says whether the folder has an index. The file is written after the store is created: without it nothing was ever added.
func (x *Index) readFormat() (bool, error) {
	got, err := os.ReadFile(filepath.Join(x.dir, formatFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fault.E(fault.Unavailable, "read the format of the %s: %w", x.Describe(), err)
	case slices.Contains(oldFormats, string(got)):
		if err := x.discard(); err != nil {
			return false, fault.E(fault.Unavailable, "replace the %s, which an older version of interdict made: %w", x.Describe(), err)
		}
		x.log.Info("index: made by an older version of interdict; it is filled again from the record", "index", x.dir)
		return false, nil
	case string(got) != format:
		return false, fault.E(fault.Unavailable, "%s has the format %q, and this version reads %q; %s", x.Describe(), clip(string(got)), strings.TrimSpace(format), refill)
	}
	return true, nil
}

// oldFormats are those of older versions: an index that has one is filled again.
var oldFormats = []string{"interdict index 1\n"}

// discard removes an index, the file of its format last: after a crash, it is removed again.
func (x *Index) discard() error {
	data := filepath.Join(x.dir, dataFolder)
	if _, err := os.Stat(data); err == nil {
		lock, err := pebble.LockDirectory(data, x.fs) // an older process may still use it
		if err != nil {
			return err
		}
		if err := errors.Join(os.RemoveAll(data), lock.Close()); err != nil {
			return err
		}
	}
	if err := os.Remove(filepath.Join(x.dir, formatFile)); err != nil {
		return err
	}
	return syncDir(x.dir)
}

func clip(s string) string {
	return strings.TrimSpace(s[:min(len(s), 40)])
}

// begin writes the format of a new index.
func (x *Index) begin() error {
	it, err := x.db.NewIter(nil)
	if err != nil {
		return x.fault("open", err)
	}
	found := it.First()
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return x.fault("open", err)
	}
	if found {
		return fault.E(fault.Unavailable, "%s has lost its file %s; %s", x.Describe(), formatFile, refill)
	}
	if err := writeFile(x.dir, formatFile, format); err != nil {
		return fault.E(fault.Unavailable, "write the format of the %s: %w", x.Describe(), err)
	}
	return nil
}

func writeFile(dir, name, text string) error {
	f, err := os.CreateTemp(dir, name+".*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (x *Index) openFault(err error) error {
	if errors.Is(err, errLocked) {
		return fault.E(fault.Unavailable, "%s is in use by another process: %w", x.Describe(), err)
	}
	return x.fault("open", err)
}

// fault returns the error of a failed operation.
func (x *Index) fault(operation string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || fault.KindOf(err) != fault.Internal {
		return err
	}
	var system syscall.Errno
	disk := errors.As(err, &system) && !errors.Is(err, fs.ErrNotExist) // such as no permission; a missing file is damage
	if pebble.IsCorruptionError(err) || errors.Is(err, errFormat) || operation == "open" && !disk {
		return fault.E(fault.Unavailable, "%s: the %s is damaged; %s: %w", operation, x.Describe(), refill, err)
	}
	return fault.E(fault.Unavailable, "%s: %s: %w", operation, x.Describe(), err)
}

// enter begins a use of the store, which the caller ends with leave.
func (x *Index) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	x.use.RLock()
	err := x.usable()
	if err != nil {
		x.use.RUnlock()
	}
	return err
}

func (x *Index) leave() { x.use.RUnlock() }

func (x *Index) usable() error {
	if x.db == nil {
		return fault.E(fault.Unavailable, "%s is closed", x.Describe())
	}
	if err := x.broken.Load(); err != nil {
		return fault.E(fault.Unavailable, "%s has failed: restart the server; if it fails again, %s: %w", x.Describe(), refill, *err)
	}
	return nil
}

// commit writes a batch durably.
func (x *Index) commit(operation string, b *pebble.Batch) error {
	if err := b.Commit(pebble.Sync); err != nil {
		return x.fault(operation, err)
	}
	return x.usable() // Commit returns no error of the log
}

func (x *Index) fail(err error) {
	if x.broken.CompareAndSwap(nil, &err) {
		x.log.Error("index: failed; restart the server", "index", x.dir, "error", err)
	}
}

// storeLog receives the messages of the store, whose events are logged by the listener.
type storeLog struct{ x *Index }

func (l *storeLog) Infof(string, ...any)  {}
func (l *storeLog) Errorf(string, ...any) {}

// Fatalf must not end the process: a server works without its index. The store returns an error after it.
func (l *storeLog) Fatalf(format string, args ...any) { l.x.fail(fmt.Errorf(format, args...)) }

// Marks implements archive.Index.
func (x *Index) Marks(ctx context.Context) (marks []archive.Mark, err error) {
	err = x.scan(ctx, "read marks", []byte{markSpace}, []byte{markSpace + 1}, func(key, value []byte) error {
		if len(key) != 17 {
			return errFormat
		}
		m, err := decodeMark(uuid.UUID(key[1:]), value)
		marks = append(marks, m)
		return err
	})
	return marks, err
}

// scan calls visit for all keys from lower up to before upper.
func (x *Index) scan(ctx context.Context, operation string, lower, upper []byte, visit func(key, value []byte) error) error {
	if err := x.enter(ctx); err != nil {
		return err
	}
	defer x.leave()
	it, err := x.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return x.fault(operation, err)
	}
	err = func() error {
		for ok := it.First(); ok; ok = it.Next() {
			if err := visit(it.Key(), it.Value()); err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return it.Error()
	}()
	if err = errors.Join(err, it.Close()); err != nil {
		return x.fault(operation, err)
	}
	return nil
}

// get returns the value of a key; nil: there is none.
func (x *Index) get(key []byte) ([]byte, error) {
	value, closer, err := x.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return append([]byte{}, value...), closer.Close()
}

// Clear implements archive.Index.
func (x *Index) Clear(ctx context.Context) error {
	if err := x.enter(ctx); err != nil {
		return err
	}
	defer x.leave()
	x.change.Lock()
	defer x.change.Unlock()
	b := x.db.NewBatch()
	defer b.Close()
	if err := b.DeleteRange([]byte{0}, []byte{0xff}, nil); err != nil {
		return x.fault("clear", err)
	}
	x.clears.Add(1)
	return x.commit("clear", b)
}

// Describe implements archive.Index.
func (x *Index) Describe() string { return "embedded index " + x.dir }

// Close waits for what is in progress.
func (x *Index) Close() error {
	x.use.Lock()
	defer x.use.Unlock()
	db := x.db
	if x.db = nil; db == nil {
		return nil
	}
	if err := db.Close(); err != nil {
		return x.fault("close", err)
	}
	return nil
}
