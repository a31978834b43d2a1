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

// recoverDir seals what crashed writers left: segments that are neither sealed nor locked.
// Only one process does so at a time. A segment that cannot be recovered stays as it is.
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
	before string // the segment before it of the same writer, if there is one
	now    func() time.Time
	log    *slog.Logger
	done   *Recovery
}

// run returns the path that the segment has afterwards.
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
		return path, nil // its writer lives
	} else if err != nil {
		return path, err
	}
	if same, err := sameFile(f, path); err != nil || !same {
		return path, err // its writer closed, or gave it a name
	}
	s, err := inspect(f, filepath.Base(path)) // again, now that nobody changes it
	switch {
	case err != nil:
		return path, err
	case s.seal != nil && s.size != s.seal.length:
		return path, fmt.Errorf("it was sealed with %d bytes and has %d", s.seal.length, s.size)
	case s.seal != nil && !s.spare:
		return path, nil // its writer sealed it meanwhile
	case s.empty:
		return path, os.Remove(path)
	case s.damaged != nil:
		return path, s.damaged
	}
	return r.cut(f, s)
}

// cut ends a segment after its last valid record, seals it, and gives it its name.
func (r *recovery) cut(f *os.File, s found) (string, error) {
	if s.unclear != nil {
		r.done.Damaged++
		r.log.Error("journal segment is sealed anew", "error", s.unclear)
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

// scan goes through all records and leaves the scanner after the last one.
func (r *recovery) scan(f *os.File, s found) (in scanner, records uint64, err error) {
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

// digestOf is the digest of the segment at path if it is sealed, otherwise zero.
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
