package journal

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"interdict/lists/fault"
)

// damagedSuffix is that of raw files that recovery has kept as evidence.
const damagedSuffix = ".damaged"

// SnapshotFile is a file of the journal. Body is valid until the next one is asked for.
type SnapshotFile struct {
	Name string
	Body io.Reader
}

// Snapshot yields the files of the journal in dir, which can be in use. Together they are what a crash would leave after the call: every
// record that was appended before is there, and Open recovers them. Of a segment that is being written, the records up to the last valid
// one are read.
func Snapshot(ctx context.Context, dir string) iter.Seq2[SnapshotFile, error] {
	return func(yield func(SnapshotFile, error) bool) {
		fail := func(err error) {
			if ctx.Err() == nil && fault.KindOf(err) == fault.Internal {
				err = fault.E(fault.Unavailable, "read journal: %w", err)
			}
			yield(SnapshotFile{}, err)
		}
		segments, err := list(dir, false, nil)
		if err != nil {
			fail(err)
			return
		}
		for _, s := range segments {
			more, err := snapshot(ctx, s, func(f SnapshotFile) bool { return yield(f, nil) })
			if err != nil {
				fail(err)
			}
			if err != nil || !more {
				return
			}
		}
		names, err := readNames(dir)
		if err != nil {
			fail(err)
			return
		}
		for _, name := range names {
			if !strings.HasSuffix(name, damagedSuffix) {
				continue
			}
			f, err := os.Open(filepath.Join(dir, name))
			if err != nil {
				fail(err)
				return
			}
			more := yield(SnapshotFile{name, f}, nil)
			f.Close()
			if !more {
				return
			}
		}
	}
}

// snapshot yields one segment, or what has replaced it meanwhile.
func snapshot(ctx context.Context, s segmentInfo, yield func(SnapshotFile) bool) (more bool, err error) {
	var f *os.File
	for range 3 { // raw, sealed, archived
		if f, err = os.Open(s.path); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if s, err = findSealed(s); err != nil || s.path == "" {
			return true, err // it had no records, and its writer closed
		}
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	out := SnapshotFile{filepath.Base(s.path), f}
	if s.archived || s.sealed {
		return yield(out), nil
	}
	if err := s.inspect(f); err != nil {
		return false, err
	}
	if s.damaged == nil && !s.complete() {
		in := scanner{src: f, v1: s.version == 1, mask: maskOf(s.salt), next: s.first, off: headerBytes, end: s.size}
		for err == nil {
			_, _, err = in.scan(ctx)
		}
		if !errors.Is(err, io.EOF) {
			return false, err
		}
		out.Body = io.NewSectionReader(f, 0, in.off)
	}
	return yield(out), nil
}
