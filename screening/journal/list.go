package journal

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"

	"interdict/lists/fault"
)

// segmentInfo describes a segment in a directory.
type segmentInfo struct {
	path  string
	spare bool // not renamed yet
	empty bool // it never had a record
	size  int64
	header
	damaged error // error of the header; then writer and created are unknown, first and salt are from the file name
	seal    *seal // nil if it is not sealed
	badSeal error // error of the seal; then seal is nil
}

// inspect reads the header of a segment. name is its file name.
func inspect(f *os.File, name string) (segmentInfo, error) {
	s := segmentInfo{path: f.Name()}
	s.first, s.salt, s.spare, _ = parseName(name)
	info, err := f.Stat()
	if err != nil {
		return segmentInfo{}, err
	}
	s.size = info.Size()
	b := make([]byte, headerBytes)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return segmentInfo{}, err
	}
	b = b[:n]
	if h, err := decodeHeader(b); err != nil {
		s.damaged = err
		dirty, err := lastDirty(f, int64(n), s.size)
		if err != nil {
			return segmentInfo{}, err
		}
		s.empty = dirty == int64(n) && (allZero(b) || s.spare)
	} else {
		s.header = h
	}
	s.seal, s.badSeal = decodeSeal(b, maskOf(s.salt))
	if s.badSeal != nil && s.damaged != nil {
		s.badSeal = nil // report only the damaged header
	}
	return s, nil
}

// list returns the segments in dir, ordered by the start of their writer, then by sequence
// number. It includes spares only if spares is set.
func list(dir string, spares bool) ([]segmentInfo, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fault.E(fault.Unavailable, "read journal: %w", err)
	}
	var all []segmentInfo
	begun := map[uuid.UUID]time.Time{}
	for _, e := range entries {
		_, _, spare, ok := parseName(e.Name())
		if !ok || spare && !spares {
			continue
		}
		s, err := inspectPath(filepath.Join(dir, e.Name()))
		if errors.Is(err, os.ErrNotExist) {
			continue // it had no records, and its writer closed
		}
		if err != nil {
			return nil, fault.E(fault.Unavailable, "read journal: %w", err)
		}
		if t, ok := begun[s.writer]; !ok || s.created.Before(t) {
			begun[s.writer] = s.created
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b segmentInfo) int {
		return cmp.Or(
			begun[a.writer].Compare(begun[b.writer]),
			bytes.Compare(a.writer[:], b.writer[:]),
			cmp.Compare(a.first, b.first),
			a.created.Compare(b.created),
			cmp.Compare(a.path, b.path))
	})
	return all, nil
}

func inspectPath(path string) (segmentInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return segmentInfo{}, err
	}
	defer f.Close()
	return inspect(f, filepath.Base(path))
}
