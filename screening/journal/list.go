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

// found is a segment as it stands in a directory.
type found struct {
	path  string
	spare bool // not named yet
	empty bool // no record was ever in it
	size  int64
	header
	damaged error // what is wrong with the header: writer and created are unknown, first and salt are from the name
	seal    *seal // nil if it is not sealed
	unclear error // what is wrong with the seal, which then counts as none
}

// inspect reads the header of a segment. name is its file's.
func inspect(f *os.File, name string) (found, error) {
	s := found{path: f.Name()}
	s.first, s.salt, s.spare, _ = parseName(name)
	info, err := f.Stat()
	if err != nil {
		return found{}, err
	}
	s.size = info.Size()
	b := make([]byte, headerBytes)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return found{}, err
	}
	b = b[:n]
	if h, err := decodeHeader(b); err != nil {
		s.damaged = err
		dirty, err := lastDirty(f, int64(n), s.size)
		if err != nil {
			return found{}, err
		}
		s.empty = dirty == int64(n) && (allZero(b) || s.spare)
	} else {
		s.header = h
	}
	s.seal, s.unclear = decodeSeal(b, maskOf(s.salt))
	if s.unclear != nil && s.damaged != nil {
		s.unclear = nil // damage enough
	}
	return s, nil
}

// list returns the segments in dir: writer by writer, the one that began first before the
// others; those of a writer by sequence number. Spares come with them only if asked for.
func list(dir string, spares bool) ([]found, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fault.E(fault.Unavailable, "read journal: %w", err)
	}
	var all []found
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
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(
			begun[a.writer].Compare(begun[b.writer]),
			bytes.Compare(a.writer[:], b.writer[:]),
			cmp.Compare(a.first, b.first),
			a.created.Compare(b.created),
			cmp.Compare(a.path, b.path))
	})
	return all, nil
}

func inspectPath(path string) (found, error) {
	f, err := os.Open(path)
	if err != nil {
		return found{}, err
	}
	defer f.Close()
	return inspect(f, filepath.Base(path))
}
