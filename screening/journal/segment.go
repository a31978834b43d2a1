package journal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"interdict/lists/fault"
)

// disk is how segments reach the disk; tests have disks that fail.
type disk struct {
	allocate func(f *os.File, size int64) error
	write    func(f *os.File, b []byte, at int64) error
	sync     func(f *os.File) error // the data, and what is needed to find it
}

var realDisk = disk{allocate: allocate, sync: syncData, write: func(f *os.File, b []byte, at int64) error {
	_, err := f.WriteAt(b, at)
	return err
}}

// segment is a raw segment of this writer: first spare, then active, then retired until it is sealed. It is locked with an
// exclusive flock from creation to sealing, which shows other processes that its writer is alive.
type segment struct {
	file   *os.File
	path   string
	number int
	size   int64 // of the allocated space

	// Journal.mu guards these while the segment is active; after that they do not change.
	first  uint64 // sequence number of the first record
	next   uint64 // sequence number after the last record
	used   int64  // bytes with header and records
	broken bool   // writing or syncing it failed, or its file is gone
	since  time.Time

	named bool // its directory entry is on disk; owned by the goroutine that flushes
}

func (s *segment) empty() bool { return s.next == s.first }
func (s *segment) room() int   { return int(s.size - s.used) }

// newSegment creates a locked file without a header.
func (j *Journal) newSegment(number int, size int64) (*segment, error) {
	path := filepath.Join(j.dir, rawName(j.writer, number, j.salt))
	s, err := createSegment(path)
	if err != nil {
		return nil, fault.E(fault.Unavailable, "create journal segment: %w", err)
	}
	s.number, s.size = number, size
	if err := j.disk.allocate(s.file, size); err != nil {
		return nil, fault.E(fault.Unavailable, "create journal segment: %w", errors.Join(err, s.remove()))
	}
	return s, nil
}

func createSegment(path string) (*segment, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, err
		}
		s := &segment{file: f, path: path}
		if err := lockFile(f, unix.LOCK_EX); err != nil {
			return nil, errors.Join(err, s.remove())
		}
		// A recovery between creating and locking has removed it as an orphan.
		if linked, err := sameFile(f, path); err != nil {
			return nil, errors.Join(err, s.remove())
		} else if linked {
			return s, nil
		}
		f.Close()
	}
}

// begin writes the header. After an error it can be called again.
func (j *Journal) begin(s *segment, first uint64) error {
	h := header{version: 2, first: first, created: j.now(), writer: j.writer, salt: uint64(j.salt)}
	if err := j.disk.write(s.file, h.encode(), 0); err != nil {
		return fault.E(fault.Unavailable, "begin journal segment: %w", err)
	}
	s.first, s.next, s.used = first, first, headerBytes
	return nil
}

// sync writes the records to disk.
func (s *segment) sync(d disk) error {
	if !s.named {
		if err := syncDir(filepath.Dir(s.path)); err != nil {
			return err
		}
	}
	if err := d.sync(s.file); err != nil {
		return &os.PathError{Op: "sync", Path: s.path, Err: err}
	}
	s.named = true
	return nil
}

// remove deletes a segment that has no records.
func (s *segment) remove() error {
	err := os.Remove(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, s.file.Close())
}

func lockFile(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("flock", err)
		}
	}
}

// sameFile reports whether path still names f.
func sameFile(f *os.File, path string) (bool, error) {
	mine, err := f.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(mine, named), err
}

// syncDir writes the entries of a directory to disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
