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

// Store is a store in one directory. One process at a time can write to it.
type Store struct {
	dir      string
	readOnly bool
	db       *bbolt.DB
	file     *os.File      // of db; closing it releases the lock
	writing  chan struct{} // holds a token during a write
	// broken is set if a write could not be rolled back. It holds the locks of the database until the process ends.
	broken  atomic.Bool
	closed  atomic.Bool
	watches watches
	closing sync.Once
}

var _ lists.Store = (*Store)(nil)

// Option changes how a store is opened.
type Option func(*options)

type options struct{ readOnly bool }

// ReadOnly opens an existing store for reading, together with other readers. Every change returns fault.Conflict.
func ReadOnly(o *options) { o.readOnly = true }

// Open opens the store in a directory and creates it if it does not exist. fault.Conflict: another process has it open.
// fault.Unavailable: it cannot be read or written, or is damaged.
func Open(dir string, opts ...Option) (*Store, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	s := &Store{dir: dir, readOnly: o.readOnly, writing: make(chan struct{}, 1)}
	if !o.readOnly {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fault.E(fault.Unavailable, "create the data folder: %w", err)
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

// refuseEmptied returns an error if the directory had a database that is lost or empty now, so that Open does not create a new one.
func (s *Store) refuseEmptied() error {
	info, err := os.Stat(s.path(fileDB))
	switch {
	case err == nil && info.Size() > 0:
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fault.E(fault.Unavailable, "cannot use the data folder %s: %w", s.dir, err)
	case s.readOnly:
		return fault.E(fault.Unavailable, "no store in the data folder %s: name the folder of the store, or load a list to create one", s.dir)
	}
	// The directory of blobs is created after the first commit to the database.
	if _, err := os.Stat(s.path(dirBlobs)); !errors.Is(err, fs.ErrNotExist) {
		return fault.E(fault.Unavailable, "the data folder %s was in use, but its %s is missing or empty: restore it, or use another folder", s.dir, fileDB)
	}
	return nil
}

// open opens the database. If bbolt fails or panics it closes the file, which releases the lock.
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
		return fault.E(fault.Conflict, "the data folder %s is in use by another process: stop it first, or work through it with --server", s.dir)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		return fault.E(fault.Unavailable, "cannot use the data folder %s: %w", s.dir, err)
	}
	return fault.E(fault.Unavailable, "the data folder %s does not contain a store, or a damaged one: %w", s.dir, err)
}

// prepare verifies the database, and creates its buckets if it is new.
func (s *Store) prepare() error {
	ctx := context.Background()
	fresh := false
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		info, err := os.Stat(s.path(fileDB))
		if err != nil {
			return err
		}
		if info.Size() < tx.Size() {
			return fmt.Errorf("%s was truncated: it has %d bytes instead of %d", fileDB, info.Size(), tx.Size())
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
			return fmt.Errorf("its format is %.20q, and this version of interdict reads %q: use the version that wrote it", f, format)
		}
		return verifyDocuments(tx)
	})
	switch {
	case err != nil:
		return err
	case s.readOnly && fresh:
		return fault.E(fault.Unavailable, "no store in the data folder %s: name the folder of the store, or load a list to create one", s.dir)
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

// view runs f in a read transaction.
func (s *Store) view(ctx context.Context, f func(*bbolt.Tx) error) (err error) {
	if err := ctx.Err(); err != nil {
		return s.failed(err)
	}
	defer s.catch(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	return s.failed(s.db.View(f))
}

// update runs f in a write transaction: all of its changes become durable, or none. Writers wait for s.writing and not for the
// lock of the database, so that their context can end the wait.
func (s *Store) update(ctx context.Context, f func(*bbolt.Tx) error) (err error) {
	if s.readOnly {
		return fault.E(fault.Conflict, "the %s is open for reading only", s.Describe())
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
		return s.failed(errors.New("a write failed and could not be rolled back: restart the process"))
	}
	if err := s.inPlace(); err != nil {
		return s.failed(err)
	}
	defer s.catch(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	tx, err := s.db.Begin(true)
	if err != nil {
		return s.failed(err)
	}
	defer s.rollback(tx) // has no effect after Commit
	if err := f(tx); err != nil {
		return s.failed(err)
	}
	return s.failed(tx.Commit())
}

// inPlace returns an error if the open database file is no longer the one in the directory. The next process would not see what is written to it.
func (s *Store) inPlace() error {
	open, err := s.file.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(s.path(fileDB))
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err != nil, !os.SameFile(there, open):
		return fmt.Errorf("%s was moved, deleted or replaced while it was open, so that changes would be lost: put it back, or restart the process", fileDB)
	}
	return nil
}

func (s *Store) rollback(tx *bbolt.Tx) {
	defer func() {
		if recover() != nil {
			s.broken.Store(true)
		}
	}()
	_ = tx.Rollback()
}

// catch turns a panic because of damaged pages, or of a file that was truncated while open, into an error.
func (s *Store) catch(err *error) {
	p := recover()
	if p == nil {
		return
	}
	if _, memory := p.(runtime.Error); memory {
		p = "a page cannot be read: the disk failed or the file was truncated"
	}
	*err = s.failed(fmt.Errorf("its database is damaged: %v", p))
}

// failed makes an error of the database or the disk fault.Unavailable and names the store. An error with a kind is returned as it is.
func (s *Store) failed(err error) error {
	switch {
	case err == nil || fault.KindOf(err) != fault.Internal:
		return err
	case errors.Is(err, berrors.ErrDatabaseNotOpen), errors.Is(err, fs.ErrClosed):
		return fault.E(fault.Unavailable, "the %s is closed", s.Describe())
	}
	return fault.E(fault.Unavailable, "the %s failed: %w", s.Describe(), err)
}

// Ping checks that the store can be read and written now, by writing.
func (s *Store) Ping(ctx context.Context) error {
	if s.readOnly {
		return s.view(ctx, func(*bbolt.Tx) error { return nil })
	}
	return s.update(ctx, func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketStore).Put(keyAlive, []byte(time.Now().UTC().Format(time.RFC3339)))
	})
}

// Describe returns a name of the store for messages.
func (s *Store) Describe() string {
	dir := s.dir
	if !filepath.IsAbs(dir) && !strings.HasPrefix(dir, ".") {
		dir = "./" + dir
	}
	return "embedded store " + dir
}

// Close waits for running transactions, then releases the lock of the directory.
func (s *Store) Close() (err error) {
	s.closing.Do(func() {
		s.closed.Store(true)
		s.watches.close()
		if s.broken.Load() {
			err = s.failed(release(s.file)) // db.Close would wait for the locks for ever
			return
		}
		defer s.catch(&err)
		err = s.failed(s.db.Close())
	})
	return err
}
