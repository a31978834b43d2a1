package journal

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"interdict/lists/fault"
)

// recoverDir recovers the segments of crashed writers: those that are neither sealed nor locked.
// A lock on the directory keeps other processes from doing so at the same time. A segment that cannot be recovered stays unchanged.
func recoverDir(dir string, now func() time.Time, log *slog.Logger) (Recovery, error) {
	var done Recovery
	d, err := os.Open(dir)
	if err != nil {
		return done, fault.E(fault.Unavailable, "recover journal: %w", err)
	}
	defer d.Close()
	if err := lockFile(d, unix.LOCK_EX); err != nil {
		return done, fault.E(fault.Unavailable, "recover journal: %w", err)
	}
	segments, err := list(dir, true)
	if err != nil {
		return done, err
	}
	for i := range segments {
		s := &segments[i]
		if s.seal != nil && s.size == s.seal.length && !s.spare {
			continue
		}
		before := ""
		if i > 0 && segments[i-1].writer == s.writer && !s.spare {
			before = segments[i-1].path
		}
		r := recovery{dir: dir, before: before, now: now, log: log.With("file", s.path), done: &done}
		if s.path, err = r.run(s.path); err != nil {
			done.Unsettled++
			r.log.Error("journal segment not recovered", "error", err)
		}
	}
	return done, nil
}

// recovery is the recovery of one segment.
type recovery struct {
	dir    string
	before string // path of the previous segment of the same writer; "" if none
	now    func() time.Time
	log    *slog.Logger
	done   *Recovery
}

// run recovers the segment and returns its new path.
func (r *recovery) run(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return path, nil // its writer closed
	}
	if err != nil {
		return path, err
	}
	defer f.Close()
	if err := lockFile(f, unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return path, nil // its writer is alive
	} else if err != nil {
		return path, err
	}
	if same, err := sameFile(f, path); err != nil || !same {
		return path, err // its writer closed or renamed it
	}
	s, err := inspect(f, filepath.Base(path)) // again, now that it is locked
	switch {
	case err != nil:
		return path, err
	case s.seal != nil && s.size != s.seal.length:
		return path, fmt.Errorf("it was sealed with %d bytes but has %d", s.seal.length, s.size)
	case s.seal != nil && !s.spare:
		return path, nil // its writer sealed it meanwhile
	case s.empty:
		return path, os.Remove(path)
	case s.damaged != nil:
		return path, s.damaged
	}
	return r.cut(f, s)
}

// cut truncates a segment after its last valid record, seals it, and renames it.
func (r *recovery) cut(f *os.File, s segmentInfo) (string, error) {
	if s.badSeal != nil {
		r.done.Damaged++
		r.log.Error("journal segment has a damaged seal and is sealed again", "error", s.badSeal)
	}
	in, records, err := r.scan(f, s)
	if err != nil {
		return s.path, err
	}
	dirty, err := lastDirty(f, in.off, s.size)
	if err != nil {
		return s.path, err
	}
	if records == 0 && dirty == in.off {
		return s.path, os.Remove(s.path)
	}
	if s.seal == nil {
		end := seal{length: in.off, next: in.next, sealed: r.now()}
		if end.previous, err = digestOf(r.before); err != nil {
			return s.path, err
		}
		if err := sealFile(f, maskOf(s.salt), end); err != nil {
			return s.path, err
		}
	}
	path := s.path
	if s.spare {
		path = filepath.Join(r.dir, segmentName(s.first, s.salt))
		if err := os.Rename(s.path, path); err != nil {
			return s.path, err
		}
	}
	r.done.Segments++
	r.done.Records += records
	r.done.Bytes += in.off - headerBytes
	r.done.CutBytes += dirty - in.off
	r.log.Warn("journal segment of a crashed writer recovered", "records", records, "end", in.off, "torn_bytes", dirty-in.off)
	return path, syncDir(r.dir)
}

// scan reads all records and returns the scanner after the last one.
func (r *recovery) scan(f *os.File, s segmentInfo) (in scanner, records uint64, err error) {
	in = scanner{src: f, mask: maskOf(s.salt), next: s.first, off: headerBytes, end: s.size}
	for {
		_, g, err := in.scan(context.Background())
		if errors.Is(err, io.EOF) {
			return in, records, nil
		}
		if err != nil {
			return in, 0, err
		}
		records++
		if g.to > g.from || g.missing > 0 {
			r.done.Damaged++
			r.log.Error("journal segment is damaged before its end", "offset", g.from, "bytes", g.to-g.from, "missing", g.missing)
		}
	}
}

// digestOf returns the digest of the segment at path if it is sealed, otherwise zero.
func digestOf(path string) (digest [sha256.Size]byte, err error) {
	if path == "" {
		return digest, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return digest, nil // it had no records
	}
	if err != nil {
		return digest, err
	}
	defer f.Close()
	s, err := inspect(f, filepath.Base(path))
	if err != nil || s.seal == nil {
		return digest, err
	}
	return fileDigest(f)
}
