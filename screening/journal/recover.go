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
	if err := removeUnfinished(dir); err != nil {
		return done, fault.E(fault.Unavailable, "recover journal: %w", err)
	}
	segments, err := list(dir, true, nil)
	if err != nil {
		return done, err
	}
	before := "" // path of the sealed segment before, of the same writer
	for i, s := range segments {
		if i > 0 && segments[i-1].writer != s.writer {
			before = ""
		}
		if s.sealed {
			before = s.path
			continue
		}
		r := recovery{dir: dir, before: before, now: now, log: log.With("file", s.path), done: &done}
		before, err = r.run(s)
		if err != nil {
			done.Unsettled++
			r.log.Error("journal segment not recovered", "error", err)
		}
	}
	return done, nil
}

// removeUnfinished removes what a crash left of a seal. The raw segment is still there.
func removeUnfinished(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !sealingPattern.MatchString(e.Name()) {
			continue
		}
		f, ok, err := openAbandoned(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		if ok {
			if err := errors.Join(os.Remove(f.Name()), f.Close()); err != nil {
				return err
			}
		}
	}
	return nil
}

// openAbandoned opens and locks a file whose writer is dead; ok is false if it is alive.
func openAbandoned(path string) (_ *os.File, ok bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, false, nil // its writer closed
	}
	if err != nil {
		return nil, false, err
	}
	if err = lockFile(f, unix.LOCK_EX|unix.LOCK_NB); err == nil {
		ok, err = sameFile(f, path) // otherwise its writer closed or renamed it
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = nil
	}
	if !ok || err != nil {
		return nil, false, errors.Join(err, f.Close())
	}
	return f, true, nil
}

// recovery is the recovery of one segment.
type recovery struct {
	dir    string
	before string
	now    func() time.Time
	log    *slog.Logger
	done   *Recovery
}

// run recovers a segment and returns the path of what is the segment before the next one; "" if that is not sealed.
func (r *recovery) run(s segmentInfo) (path string, err error) {
	if s.seal != nil && s.size == s.seal.length && !s.spare {
		return s.path, nil
	}
	f, ok, err := openAbandoned(s.path)
	if err != nil || !ok {
		return "", err
	}
	defer f.Close()
	if err := s.inspect(f); err != nil { // again, now that it is locked
		return "", err
	}
	switch {
	case s.seal != nil && s.size != s.seal.length:
		return "", fmt.Errorf("it was sealed with %d bytes but has %d", s.seal.length, s.size)
	case s.seal != nil && !s.spare:
		return s.path, nil // its writer sealed it meanwhile
	case s.empty:
		return r.before, os.Remove(s.path)
	case s.damaged != nil:
		return "", s.damaged
	case s.badSeal != nil:
		r.done.Damaged++
		r.log.Error("journal segment has a damaged seal", "error", s.badSeal)
		return "", nil
	}
	if sealed, err := findSealed(s); err == nil && sealed.path != "" && sealedWell(sealed.path) {
		return sealed.path, os.Remove(s.path) // the crash came between
	}
	return r.seal(f, s)
}

// seal writes the valid records to a sealed segment. A torn record at the end is cut. If others are damaged, the raw file is kept under
// another name.
func (r *recovery) seal(f *os.File, s segmentInfo) (path string, err error) {
	in := scanner{src: f, v1: s.version == 1, mask: maskOf(s.salt), next: s.first, off: headerBytes, end: s.size}
	if s.seal != nil {
		in.end = s.seal.length
	}
	var records uint64
	var valid int64
	damaged := 0
	src := func() (frame, error) {
		record, g, err := in.scan(context.Background())
		if err != nil {
			return record, err
		}
		records++
		valid += int64(record.bytes)
		if g.to > g.from || g.missing > 0 {
			damaged++
			r.log.Error("journal segment is damaged before its end", "offset", g.from, "bytes", g.to-g.from, "missing", g.missing)
		}
		return record, nil
	}
	first, err := src()
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if err == nil {
		h := header{version: 2, number: s.number, first: s.first, created: s.created, writer: s.writer, salt: uint64(maskOf(s.salt))}
		previous, err := digestOf(r.before)
		if err != nil {
			return "", err
		}
		taken := false
		if _, err = sealInto(r.dir, h, previous, r.now(), func() (frame, error) {
			if !taken {
				taken = true
				return first, nil
			}
			return src()
		}); err != nil {
			return "", err
		}
		sealed, err := findSealed(s)
		if err != nil {
			return "", err
		}
		path = sealed.path
	}
	dirty, err := lastDirty(f, in.off, s.size)
	if err != nil {
		return "", err
	}
	if records > 0 || dirty > in.off {
		r.done.Segments++
		r.done.Records += records
		r.done.Bytes += valid
		r.done.CutBytes += dirty - in.off
		r.done.Damaged += damaged
		r.log.Warn("journal segment of a crashed writer recovered", "records", records, "end", in.off, "torn_bytes", dirty-in.off)
	}
	if path == "" {
		path = r.before
	}
	if damaged > 0 {
		return path, errors.Join(os.Rename(s.path, s.path+damagedSuffix), syncDir(r.dir))
	}
	return path, os.Remove(s.path)
}

// digestOf returns the digest of the sealed segment at path, or of the one whose marker it is; zero if there is none.
func digestOf(path string) (digest [sha256.Size]byte, err error) {
	if path == "" {
		return digest, nil
	}
	if s, ok := parseName(filepath.Base(path)); ok && s.archived {
		m, err := readMarker(path)
		return m.SHA256, err
	}
	return fileDigest(path)
}
