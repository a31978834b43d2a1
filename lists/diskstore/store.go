package diskstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"interdict/lists"
	"interdict/lists/fault"
)

const (
	format      = "1"
	lockTimeout = time.Second
)

// Store is one data folder. One process at a time may write to it.
type Store struct {
	dir      string
	readOnly bool
	db       *bbolt.DB
	file     *os.File      // of db; closing it frees its lock
	writing  chan struct{} // holds a token while somebody writes
	// broken is set when a write could not be taken back: it holds the locks of the database for ever.
	broken  atomic.Bool
	closed  atomic.Bool
	watches watches
	closing sync.Once
}

var _ lists.Store = (*Store)(nil)

// Option changes how a folder is opened.
type Option func(*options)

type options struct{ readOnly bool }

// ReadOnly opens a folder that exists, together with other readers, and refuses every change with fault.Conflict.
func ReadOnly(o *options) { o.readOnly = true }

// Open opens a data folder, and makes one if there is none. A folder that another process has open is
// fault.Conflict; one that cannot be read or written, or is damaged, is fault.Unavailable.
func Open(dir string, opts ...Option) (*Store, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	s := &Store{dir: dir, readOnly: o.readOnly, writing: make(chan struct{}, 1)}
	if !o.readOnly {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fault.E(fault.Unavailable, "cannot make the data folder: %w", err)
		}
	}
	if err := s.refuseEmptied(); err != nil {
		return nil, err
	}
	if err := s.open(); err != nil {
		return nil, err
	}
	if err := s.prepare(); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// refuseEmptied keeps a folder whose database was lost or emptied from becoming a new and empty store.
func (s *Store) refuseEmptied() error {
	info, err := os.Stat(s.path(fileDB))
	switch {
	case err == nil && info.Size() > 0:
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fault.E(fault.Unavailable, "cannot use the data folder %s: %w", s.dir, err)
	case s.readOnly:
		return fault.E(fault.Unavailable, "there is no store in the data folder %s: name the folder that holds it; loading a list makes a new one", s.dir)
	}
	// The folder of blobs is made after the first commit to the database.
	if _, err := os.Stat(s.path(dirBlobs)); !errors.Is(err, fs.ErrNotExist) {
		return fault.E(fault.Unavailable, "the data folder %s was in use, but its %s is missing or empty: restore it, or use another folder", s.dir, fileDB)
	}
	return nil
}

// open opens the database. It closes the file, and so frees its lock, when bbolt panics over a damaged one.
func (s *Store) open() (err error) {
	defer func() {
		if err != nil && s.file != nil {
			_ = release(s.file)
		}
	}()
	defer s.catch(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	s.db, err = bbolt.Open(s.path(fileDB), 0o600, &bbolt.Options{
		Timeout:      lockTimeout,
		ReadOnly:     s.readOnly,
		FreelistType: bbolt.FreelistMapType,
		NoStatistics: true,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			var err error
			s.file, err = os.OpenFile(name, flag, mode)
			return s.file, err
		},
	})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, berrors.ErrTimeout):
		return fault.E(fault.Conflict, "the data folder %s is in use by another process: stop it first, or work through it", s.dir)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		return fault.E(fault.Unavailable, "cannot use the data folder %s: %w", s.dir, err)
	}
	return fault.E(fault.Unavailable, "the data folder %s holds no store, or a damaged one: %w", s.dir, err)
}

// prepare checks what the database says of itself, and makes what a new one lacks.
func (s *Store) prepare() error {
	ctx := context.Background()
	fresh := false
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		info, err := os.Stat(s.path(fileDB))
		if err != nil {
			return err
		}
		if info.Size() < tx.Size() {
			return fmt.Errorf("%s has %d bytes instead of %d: it was cut short", fileDB, info.Size(), tx.Size())
		}
		if err := verifyFile(s.file, s.db.Info().PageSize, uint64(tx.ID())); err != nil {
			return err
		}
		b := tx.Bucket(bucketStore)
		if b == nil {
			fresh = true
			return nil
		}
		if f := string(b.Get(keyFormat)); f != format {
			return fmt.Errorf("its format is %.20q, and this version of interdict reads %q", f, format)
		}
		return verifyDocuments(tx)
	})
	switch {
	case err != nil:
		return err
	case s.readOnly && fresh:
		return fault.E(fault.Unavailable, "there is no store in the data folder %s", s.dir)
	case s.readOnly:
		return nil
	}
	if fresh {
		err = s.update(ctx, func(tx *bbolt.Tx) error {
			if _, err := tx.CreateBucketIfNotExists(bucketDocuments); err != nil {
				return err
			}
			b, err := tx.CreateBucketIfNotExists(bucketStore)
			if err != nil {
				return err
			}
			if err := b.Put(keyDocuments, make([]byte, 8)); err != nil {
				return err
			}
			return b.Put(keyFormat, []byte(format))
		})
		if err != nil {
			return err
		}
	}
	return s.prepareBlobs()
}

func (s *Store) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// view runs f on the state as of now. It is where reading errors get their kind.
func (s *Store) view(ctx context.Context, f func(*bbolt.Tx) error) (err error) {
	if err := ctx.Err(); err != nil {
		return s.failed(err)
	}
	defer s.catch(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	return s.failed(s.db.View(f))
}

// update runs f and makes its changes durable, or none of them. Writers wait here, where their
// context can call them off, and not at the lock of the database.
func (s *Store) update(ctx context.Context, f func(*bbolt.Tx) error) (err error) {
	if s.readOnly {
		return fault.E(fault.Conflict, "the %s was opened for reading only", s.Describe())
	}
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
	case <-ctx.Done():
		return s.failed(ctx.Err())
	}
	if err := ctx.Err(); err != nil {
		return s.failed(err)
	}
	if s.broken.Load() {
		return s.failed(errors.New("it failed in the middle of a write and must be opened again"))
	}
	defer s.catch(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	tx, err := s.db.Begin(true)
	if err != nil {
		return s.failed(err)
	}
	defer s.rollback(tx) // nothing is left to take back after a Commit
	if err := f(tx); err != nil {
		return s.failed(err)
	}
	return s.failed(tx.Commit())
}

func (s *Store) rollback(tx *bbolt.Tx) {
	defer func() {
		if recover() != nil {
			s.broken.Store(true)
		}
	}()
	_ = tx.Rollback()
}

// catch turns a panic over damaged pages, or over a file that was cut under us, into an error.
func (s *Store) catch(err *error) {
	p := recover()
	if p == nil {
		return
	}
	if _, memory := p.(runtime.Error); memory {
		p = "a page cannot be read; was the file cut short?"
	}
	*err = s.failed(fmt.Errorf("its database is damaged: %v", p))
}

// failed gives an error of the store itself its kind; one that has a kind keeps it.
func (s *Store) failed(err error) error {
	switch {
	case err == nil || fault.KindOf(err) != fault.Internal:
		return err
	case errors.Is(err, berrors.ErrDatabaseNotOpen), errors.Is(err, fs.ErrClosed):
		return fault.E(fault.Unavailable, "the %s is closed", s.Describe())
	}
	return fault.E(fault.Unavailable, "the %s failed: %w", s.Describe(), err)
}

// Ping tells whether the store can be read and written now, by writing.
func (s *Store) Ping(ctx context.Context) error {
	if s.readOnly {
		return s.view(ctx, func(*bbolt.Tx) error { return nil })
	}
	return s.update(ctx, func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketStore).Put(keyAlive, []byte(time.Now().UTC().Format(time.RFC3339)))
	})
}

// Describe names the store for people.
func (s *Store) Describe() string {
	dir := s.dir
	if !filepath.IsAbs(dir) && !strings.HasPrefix(dir, ".") {
		dir = "./" + dir
	}
	return "embedded store " + dir
}

// Close waits for what is under way, then frees the folder.
func (s *Store) Close() (err error) {
	s.closing.Do(func() {
		s.closed.Store(true)
		s.watches.close()
		if s.broken.Load() {
			err = s.failed(release(s.file)) // the database would wait for its locks
			return
		}
		defer s.catch(&err)
		err = s.failed(s.db.Close())
	})
	return err
}
