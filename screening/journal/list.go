package journal

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"

	"interdict/lists/fault"
)

// segmentInfo describes a segment in a directory.
type segmentInfo struct {
	path     string
	version  int
	sealed   bool // in compressed blocks
	spare    bool // of format 1, not renamed yet
	archived bool // sealed, and only its marker is here
	writer   uuid.UUID
	number   uint32
	salt     uint64
	first    uint64
	from     uint64 // milliseconds of the earliest and the latest record of a sealed segment
	to       uint64
	limit    uint64 // the first sequence number that a later segment has

	// Known after inspect.
	size    int64
	created time.Time
	next    uint64 // after the last record, of a sealed segment
	empty   bool   // it never had a record
	damaged error  // error of the header; then created is unknown, and for format 1 writer
	seal    *seal1 // nil if a segment of format 1 is not sealed
	badSeal error  // error of the seal; then seal is nil
}

// complete reports whether a segment gets no more records.
func (s *segmentInfo) complete() bool { return s.sealed || s.seal != nil || s.badSeal != nil }

// inspect reads the header of a segment.
func (s *segmentInfo) inspect(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	s.size = info.Size()
	b := make([]byte, headerBytes)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	b = b[:n]
	if s.sealed {
		s.damaged = s.checkSealed(b)
		return nil
	}
	h, err := decodeHeader(b, uint32(s.version), magic)
	if err == nil {
		s.created, s.writer, s.first, s.salt = h.created, h.writer, h.first, h.salt
	} else if err := s.inspectDamaged(f, b, err); err != nil {
		return err
	}
	if s.version == 1 {
		s.seal, s.badSeal = decodeSeal1(b, maskOf(s.salt))
		if s.badSeal != nil && s.damaged != nil {
			s.badSeal = nil // report only the damaged header
		}
	}
	return nil
}

// checkSealed compares the header of a sealed segment with the file's name, from which the rest is known.
func (s *segmentInfo) checkSealed(b []byte) error {
	h, _, err := decodeSealed(b)
	if err != nil {
		return err
	}
	if h.writer != s.writer || h.number != s.number || h.first != s.first {
		return errors.New("the header is not that of a segment of this name")
	}
	s.created = h.created
	return nil
}

// inspectDamaged finds out whether a segment without a header has records.
func (s *segmentInfo) inspectDamaged(f *os.File, header []byte, cause error) error {
	s.damaged = cause
	n := int64(len(header))
	dirty, err := lastDirty(f, n, s.size)
	if err != nil {
		return err
	}
	s.empty = dirty == n && (allZero(header) || s.spare)
	if s.version == 1 || s.empty {
		return nil
	}
	in := scanner{src: f, mask: uint32(s.salt), next: 1, off: headerBytes, end: s.size}
	r, _, err := in.scan(context.Background())
	if errors.Is(err, io.EOF) {
		s.empty = dirty == n && n < headerBytes // a torn header
		s.first = 1
		return nil
	}
	s.first = r.sequence
	return err
}

// list returns the segments in dir: writer by writer, in the order of their start, and for each in the order in which its segments were begun.
// Spares of format 1 are included only if all is set.
func list(dir string, all bool, wanted func(uuid.UUID) bool) ([]segmentInfo, error) {
	entries, err := readNames(dir)
	if err != nil {
		return nil, fault.E(fault.Unavailable, "read journal: %w", err)
	}
	sealed := map[sealedKey]string{}
	var found []segmentInfo
	for _, name := range entries {
		s, ok := parseName(name)
		if !ok || s.spare && !all || s.version > 1 && wanted != nil && !wanted(s.writer) {
			continue
		}
		s.path = filepath.Join(dir, name)
		if s.sealed {
			sealed[s.key()] = s.path // that of the segment, if its marker is there too: names are sorted
		}
		found = append(found, s)
	}
	kept := found[:0]
	for _, s := range found {
		if !s.sealed {
			err := s.open()
			if errors.Is(err, fs.ErrNotExist) && !all {
				if s, err = findSealed(s); err == nil && s.path == "" {
					continue // it had no records, and its writer closed
				}
			}
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, fault.E(fault.Unavailable, "read journal: %w", err)
			}
			if wanted != nil && !wanted(s.writer) || !all && s.empty {
				continue
			}
			if path := sealed[s.key()]; !s.sealed && path != "" && !all && sealedWell(path) {
				continue // its records are in both until the raw one is removed
			}
		}
		if s.archived && sealed[s.key()] != s.path {
			continue // the segment is still there
		}
		kept = append(kept, s)
	}
	slices.SortFunc(kept, func(a, b segmentInfo) int {
		byNumber := 0
		if a.number > 0 && b.number > 0 {
			byNumber = cmp.Compare(a.number, b.number)
		}
		return cmp.Or(
			bytes.Compare(a.writer[:], b.writer[:]), // UUIDs of version 7 begin with their time
			byNumber,
			cmp.Compare(a.first, b.first),
			a.created.Compare(b.created),
			cmp.Compare(a.path, b.path))
	})
	kept = slices.CompactFunc(kept, func(a, b segmentInfo) bool { return a.path == b.path })
	setLimits(kept)
	return kept, nil
}

// readNames returns the names in dir. A directory that is read while a segment is sealed can show neither the raw nor the sealed file; then
// the next reading shows one that this one has not.
func readNames(dir string) ([]string, error) {
	var before []string
	for {
		d, err := os.Open(dir)
		if err != nil {
			return nil, err
		}
		names, err := d.Readdirnames(-1)
		if err = errors.Join(err, d.Close()); err != nil {
			return nil, err
		}
		slices.Sort(names)
		if before != nil && slices.Equal(before, names) {
			return names, nil
		}
		before = append(names, "")[:len(names)]
	}
}

// setLimits sets the limit of each segment: a segment that was begun later has precedence.
func setLimits(segments []segmentInfo) {
	limit := uint64(math.MaxUint64)
	for i := len(segments) - 1; i >= 0; i-- {
		s := &segments[i]
		if i+1 == len(segments) || segments[i+1].writer != s.writer {
			limit = math.MaxUint64
		}
		s.limit = limit
		if s.version == 1 && s.damaged != nil {
			s.limit = math.MaxUint64 // its writer is unknown
			continue
		}
		if !s.empty {
			limit = min(limit, s.first)
		}
	}
}

func (s *segmentInfo) open() error {
	f, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer f.Close()
	return s.inspect(f)
}

// sealedWell reports whether a sealed segment has its header and its index, or a valid marker.
func sealedWell(path string) bool {
	s, ok := parseName(filepath.Base(path))
	if !ok {
		return false
	}
	if s.archived {
		_, err := readMarker(path)
		return err == nil
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	if err := s.inspect(f); err != nil || s.damaged != nil {
		return false
	}
	_, _, err = readIndex(f, s.size)
	return err == nil
}

// sealedKey tells which raw segment a sealed one replaces. Segments of format 1 have no number.
type sealedKey struct {
	writer uuid.UUID
	number uint32
	first  uint64
	salt   uint32
}

func (s *segmentInfo) key() sealedKey {
	if s.number > 0 {
		return sealedKey{writer: s.writer, number: s.number}
	}
	return sealedKey{s.writer, 0, s.first, maskOf(s.salt)}
}

// findSealed returns the sealed segment that replaced a raw one meanwhile, or the marker that replaced a sealed one; without a path if there is none.
func findSealed(raw segmentInfo) (segmentInfo, error) {
	entries, err := readNames(filepath.Dir(raw.path))
	if err != nil {
		return segmentInfo{}, err
	}
	var found segmentInfo
	for _, name := range entries {
		s, ok := parseName(name)
		if !ok || !s.sealed {
			continue
		}
		if raw.version == 1 && raw.writer == uuid.Nil { // it was not opened: the salt is random enough
			raw.writer = s.writer
		}
		if s.key() == raw.key() {
			s.path, s.limit = filepath.Join(filepath.Dir(raw.path), name), raw.limit
			if !s.archived {
				return s, nil
			}
			found = s
		}
		if raw.version == 1 {
			raw.writer = uuid.Nil
		}
	}
	return found, nil
}
