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
	// warmBytes is how far ahead of the records memory is made ready for writing. The first
	// write to a page is a fault of 0.5 to 10 µs in the kernel, a tenth of that for each record
	// on it: the preparer takes it, not the caller.
	warmBytes = 1 << 20

	// pushBytes is how many bytes go to disk at once behind the records. The kernel protects
	// the pages of what it writes, in blocks of up to this size: a smaller step would take the
	// warmth from the pages ahead.
	pushBytes = 2 << 20
)

// segment is a file that takes records: spare, then active, then retired until it is sealed.
// It holds an exclusive flock from its creation to its sealing, which tells others that its
// writer lives.
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
	broken bool      // the disk failed it
	since  time.Time // when the preparer first saw a record in it

	// Owned by whoever flushes.
	synced int  // bytes known to be on disk
	named  bool // its name is on disk

	mapping sync.Mutex // held while mem is warmed, or unmapped
	warm    int        // bytes made ready for writing; the preparer's alone
	pushed  int        // bytes whose writing to disk has been begun; the preparer's alone
}

// disk is what a segment asks of the file system besides plain reads and writes.
type disk struct {
	// allocate gives f size bytes of zeros for which the disk has the room.
	allocate func(f *os.File, size int) error
	// flush returns when mem[from:to], the mapping of f, is on disk.
	flush func(f *os.File, mem []byte, from, to int) error
}

var realDisk = disk{allocate: allocate, flush: flush}

// newSegment makes a spare: on disk, allocated, locked, mapped and warm. Every failure is
// fault.Unavailable and leaves nothing behind.
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

// createSegment makes an empty, locked file.
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
		// A recovery that came between creating and locking took it for an orphan and removed it.
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

// begin writes the header and gives the spare its name. On an error it can be tried again.
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

// holds tells whether addr is in the mapping.
func (s *segment) holds(addr uintptr) bool {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(s.mem)))
	return addr >= start && addr < start+uintptr(len(s.mem))
}

// sync brings the first end bytes to disk.
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

// keepWarm makes the memory ahead of used ready for writing, and has the kernel begin to write
// what lies behind, so that a sync later has little left to do.
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

// finish seals the segment, whose records are all on disk, and returns the digest of the file.
// A segment without records is removed. In every case the segment is released.
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

// release gives the mapping, the file and its lock back.
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

// sealFile cuts a segment to its sealed length and writes the seal. The records and the length
// are on disk before the seal vouches for them.
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

// fileDigest is the SHA-256 of a whole file. It takes 40 ms for 64 MiB, in steps that let
// other goroutines run.
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

// sameFile tells whether path still names f.
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

// syncDir brings the names in a directory to disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// zeroFill allocates where the file system cannot reserve.
func zeroFill(f *os.File, size int) error {
	zeros := make([]byte, 1<<20)
	for at := 0; at < size; at += len(zeros) {
		if _, err := f.WriteAt(zeros[:min(len(zeros), size-at)], int64(at)); err != nil {
			return err
		}
	}
	return nil
}
