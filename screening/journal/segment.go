package journal

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"interdict/lists/fault"
)

const (
	// warmBytes is how far ahead of the records the preparer makes memory ready for writing. The first
	// write to a page is a page fault of 0.5 to 10 µs, shared by about ten records. This way the
	// caller does not wait for it.
	warmBytes = 1 << 20

	// pushBytes is the number of bytes behind the records that are written to disk at once. The kernel
	// write-protects pages while it writes them, in blocks of up to this size. A smaller step would
	// protect the warm pages ahead again.
	pushBytes = 2 << 20
)

// segment is a file for records: first spare, then active, then retired until it is sealed.
// It is locked with an exclusive flock from creation to sealing, which shows other processes that its
// writer is alive.
type segment struct {
	file *os.File
	path string
	salt uint64
	mask uint32

	first uint64 // sequence number of the first record; set when it becomes active

	// Journal.mu guards these while the segment is active; after that they do not change.
	mem    []byte    // the whole file
	used   int       // bytes with header and records
	next   uint64    // sequence number after the last record; set on retirement
	broken bool      // writing or syncing it failed
	since  time.Time // when the preparer first saw a record in it

	// Owned by the goroutine that flushes.
	synced int  // bytes known to be on disk
	named  bool // its directory entry is on disk

	mapping sync.Mutex // held while mem is warmed or unmapped
	warm    int        // bytes made ready for writing; used by the preparer only
	pushed  int        // bytes whose write to disk has begun; used by the preparer only
}

// disk holds the operations on the file system that tests replace.
type disk struct {
	// allocate extends f to size bytes of zeros and reserves disk space for them.
	allocate func(f *os.File, size int) error
	// flush returns when mem[from:to], the mapping of f, is on disk.
	flush func(f *os.File, mem []byte, from, to int) error
}

var realDisk = disk{allocate: allocate, flush: flush}

// newSegment creates a spare: on disk, allocated, locked, mapped and warm. Every error is
// fault.Unavailable, and removes the file.
func newSegment(dir string, size int, disk disk) (*segment, error) {
	s, err := createSegment(dir)
	if err != nil {
		return nil, fault.E(fault.Unavailable, "prepare journal segment: %w", err)
	}
	if err := s.prepare(size, disk); err != nil {
		return nil, fault.E(fault.Unavailable, "prepare journal segment: %w", errors.Join(err, s.remove()))
	}
	return s, nil
}

// createSegment creates an empty, locked file.
func createSegment(dir string) (*segment, error) {
	for {
		var random [8]byte
		rand.Read(random[:]) // never fails
		salt := binary.LittleEndian.Uint64(random[:])
		path := filepath.Join(dir, spareName(salt))
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, err
		}
		s := &segment{file: f, path: path, salt: salt, mask: maskOf(salt), used: headerBytes}
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

func (s *segment) prepare(size int, disk disk) error {
	if err := disk.allocate(s.file, size); err != nil {
		return os.NewSyscallError("allocate", err)
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	mem, err := unix.Mmap(int(s.file.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return os.NewSyscallError("mmap", err)
	}
	s.mem = mem
	s.keepWarm(0)
	return nil
}

// begin writes the header and renames the spare. After an error it can be called again.
func (s *segment) begin(dir string, writer uuid.UUID, first uint64, now time.Time) error {
	h := header{first: first, created: now, writer: writer, salt: s.salt}
	if _, err := s.file.WriteAt(h.encode(), 0); err != nil {
		return fault.E(fault.Unavailable, "begin journal segment: %w", err)
	}
	path := filepath.Join(dir, segmentName(first, s.salt))
	if err := os.Rename(s.path, path); err != nil {
		return fault.E(fault.Unavailable, "begin journal segment: %w", err)
	}
	s.path, s.first = path, first
	return nil
}

func (s *segment) empty() bool { return s.used == headerBytes }

// holds reports whether addr is in the mapping.
func (s *segment) holds(addr uintptr) bool {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(s.mem)))
	return addr >= start && addr < start+uintptr(len(s.mem))
}

// sync writes the first end bytes to disk.
func (s *segment) sync(disk disk, end int) error {
	if s.synced >= end {
		return nil
	}
	if !s.named {
		if err := syncDir(filepath.Dir(s.path)); err != nil {
			return err
		}
		s.named = true
	}
	if err := disk.flush(s.file, s.mem, s.synced, end); err != nil {
		return &os.PathError{Op: "sync", Path: s.path, Err: err}
	}
	s.synced = end
	return nil
}

// keepWarm makes the memory ahead of used ready for writing, and lets the kernel begin to write
// the memory behind it, so that a later sync has less to write.
func (s *segment) keepWarm(used int) {
	s.mapping.Lock()
	defer s.mapping.Unlock()
	if s.mem == nil {
		return
	}
	if end := min(used+warmBytes, len(s.mem)); end > s.warm {
		warm(s.mem, max(s.warm, used), end)
		s.warm = end
	}
	if end := used &^ (pushBytes - 1); end > s.pushed {
		push(s.file, s.mem, s.pushed, end)
		s.pushed = end
	}
}

// finish seals the segment and returns the digest of the file. All records must be on disk.
// It removes a segment without records, and always releases the segment.
func (s *segment) finish(previous [sha256.Size]byte, now time.Time) (digest [sha256.Size]byte, err error) {
	if s.empty() {
		return previous, s.remove()
	}
	defer func() { err = errors.Join(err, s.release()) }()
	end := seal{length: int64(s.used), next: s.next, sealed: now, previous: previous}
	if err := sealFile(s.file, s.mask, end); err != nil {
		return digest, fault.E(fault.Unavailable, "seal journal segment: %w", err)
	}
	return fileDigest(s.file)
}

// release unmaps and closes the file, which unlocks it.
func (s *segment) release() error {
	s.mapping.Lock()
	defer s.mapping.Unlock()
	var err error
	if s.mem != nil {
		err = os.NewSyscallError("munmap", unix.Munmap(s.mem))
		s.mem = nil
	}
	return errors.Join(err, s.file.Close())
}

// remove deletes a segment that has no records.
func (s *segment) remove() error { return errors.Join(os.Remove(s.path), s.release()) }

// sealFile truncates a segment to its sealed length and writes the seal. The records and the length
// are on disk before the seal is written.
func sealFile(f *os.File, mask uint32, end seal) error {
	if err := f.Truncate(end.length); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if _, err := f.WriteAt(end.encode(mask), sealOffset); err != nil {
		return err
	}
	return f.Sync()
}

// fileDigest returns the SHA-256 of a file. It takes 40 ms for 64 MiB, and yields to
// other goroutines.
func fileDigest(f *os.File) (digest [sha256.Size]byte, err error) {
	h := sha256.New()
	if _, err := io.CopyBuffer(yielding{h}, io.NewSectionReader(f, 0, 1<<62), make([]byte, 64<<10)); err != nil {
		return digest, fault.E(fault.Unavailable, "digest journal segment: %w", err)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

type yielding struct{ hash.Hash }

func (y yielding) Write(p []byte) (int, error) {
	runtime.Gosched()
	return y.Hash.Write(p)
}

var pageBytes = os.Getpagesize()

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
	if errors.Is(err, os.ErrNotExist) {
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

// zeroFill allocates space on file systems without fallocate.
func zeroFill(f *os.File, size int) error {
	zeros := make([]byte, 1<<20)
	for at := 0; at < size; at += len(zeros) {
		if _, err := f.WriteAt(zeros[:min(len(zeros), size-at)], int64(at)); err != nil {
			return err
		}
	}
	return nil
}
