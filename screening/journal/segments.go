package journal

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"interdict/lists/fault"
)

// Segment describes a segment.
type Segment struct {
	Name     string // of its file; of an archived one: that the file had
	Writer   uuid.UUID
	Number   uint32 // ascending for the segments of a writer: where two have the same sequence number, the record in the later one counts
	First    uint64 // sequence number of the first record
	Sealed   bool   // no record will be added
	Raw      bool   // a sealed segment whose raw file is still there: recovery can replace it
	Archived bool   // only its marker is in the directory
	Format   int    // of the file: 1 or 2

	// List does not know these.
	Last     uint64    // sequence number of the last record
	From, To time.Time // of the earliest and the latest record
	Bytes    int64
	Previous [sha256.Size]byte // SHA-256 of the segment before, if that was sealed then; zero of an archived one
	Archive  string            // where it was moved to; empty: it is in the directory

	// Only CheckSegment and markers know these.
	SHA256  [sha256.Size]byte
	Missing uint64 // records in between that recovery did not find
}

// SegmentSpan is what the name of a sealed segment says.
type SegmentSpan struct {
	Writer uuid.UUID
	Number uint32
	First  uint64 // sequence number of the first record
	From   uint64 // the earliest and the latest millisecond since 1970 of its records, that is of their times, and of the first 48 bits of
	To     uint64 // their ids, which are the time of a UUIDv7; times before 1970 are the largest ones
}

// ParseSegmentName returns what the name of a sealed segment says; ok is false for other names.
func ParseSegmentName(name string) (_ SegmentSpan, ok bool) {
	s, ok := parseName(name)
	if !ok || !s.sealed || s.archived || s.version != 2 || name != sealedName(header{writer: s.writer, number: s.number, salt: s.salt, first: s.first}, s.from, s.to) {
		return SegmentSpan{}, false
	}
	return SegmentSpan{Writer: s.writer, Number: s.number, First: s.first, From: s.from, To: s.to}, true
}

// Millis returns the milliseconds of a time as SegmentSpan has them.
func Millis(at time.Time) uint64 { return millisOf(clampNanos(at)) }

// IDMillis returns the milliseconds of an id as SegmentSpan has them.
func IDMillis(id uuid.UUID) uint64 { return idMillis(id) }

// List returns the segments in dir: writer by writer, in the order of their start. It opens only those that are not sealed.
func List(dir string) ([]Segment, error) {
	segments, err := list(dir, false, nil)
	if err != nil {
		return nil, err
	}
	names, err := readNames(dir)
	if err != nil {
		return nil, fault.E(fault.Unavailable, "read journal: %w", err)
	}
	raw := rawSegments(names)
	all := make([]Segment, 0, len(segments))
	for _, info := range segments {
		s := info.segment()
		s.Raw = info.sealed && raw.has(info)
		all = append(all, s)
	}
	return all, nil
}

func (s *segmentInfo) segment() Segment {
	d := Segment{
		Name: filepath.Base(s.path), Writer: s.writer, Number: s.number, First: s.first,
		Sealed: s.complete(), Archived: s.archived, Format: s.version,
	}
	if s.archived {
		d.Name = strings.TrimSuffix(d.Name, archivedSuffix) + sealedSuffix
	}
	return d
}

// DescribeSegment returns what the header and the index of a sealed segment say, which is in dir and has the name that the journal gave it. A *DamageError says that it is
// damaged.
func DescribeSegment(dir, name string) (Segment, error) {
	info, err := sealedSegment(dir, name)
	if err != nil {
		return Segment{}, err
	}
	return info.describe()
}

// sealedSegment returns the segment with the name of a sealed one.
func sealedSegment(dir, name string) (segmentInfo, error) {
	if _, ok := ParseSegmentName(name); !ok {
		return segmentInfo{}, fault.E(fault.Invalid, "%q is not the name of a sealed segment", name)
	}
	info, _ := parseName(name)
	info.path, info.limit = filepath.Join(dir, name), 1<<64-1
	return info, nil
}

func (s *segmentInfo) describe() (Segment, error) {
	d := s.segment()
	fail := func(err error) (Segment, error) { return d, fault.E(fault.Unavailable, "read journal: %w", err) }
	damaged := func(err error) (Segment, error) {
		return d, &DamageError{File: s.path, First: s.first, Reason: err.Error()}
	}
	f, err := os.Open(s.path)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	if err := s.inspect(f); err != nil {
		return fail(err)
	}
	if s.damaged != nil {
		return damaged(s.damaged)
	}
	b := make([]byte, headerBytes)
	if _, err := f.ReadAt(b, 0); err != nil {
		return fail(err)
	}
	if _, d.Previous, err = decodeSealed(b); err != nil {
		return damaged(err)
	}
	blocks, next, err := readIndex(f, s.size)
	if errors.Is(err, errNoIndex) || err == nil && (len(blocks) == 0 || next <= s.first) {
		return damaged(errNoIndex)
	}
	if err != nil {
		return fail(err)
	}
	from, to := blocks[0].minTime, blocks[0].maxTime
	for _, b := range blocks {
		from, to = min(from, b.minTime), max(to, b.maxTime)
	}
	d.Last, d.From, d.To, d.Bytes = next-1, timeOf(from), timeOf(to), s.size
	return d, nil
}

// CheckSegment reads a sealed segment, verifies every block, and returns its description with the SHA-256 of the file. A *DamageError says where the
// segment is damaged; records that are missing because their raw file was damaged are no damage of this one.
func CheckSegment(ctx context.Context, dir, name string) (Segment, error) {
	info, err := sealedSegment(dir, name)
	if err != nil {
		return Segment{}, err
	}
	s, err := info.describe()
	if err != nil {
		return Segment{}, err
	}
	r := reader{ctx: ctx, expected: info.first, yield: func(_ Record, e error) bool {
		var gap *DamageError
		if errors.As(e, &gap) && gap.LengthBytes == 0 && gap.Missing > 0 {
			s.Missing += gap.Missing
			return true
		}
		err = e
		return e == nil
	}}
	r.readSegment(info)
	if err != nil {
		return Segment{}, err
	}
	if s.SHA256, err = fileDigest(info.path); err != nil {
		return Segment{}, fault.E(fault.Unavailable, "read journal: %w", err)
	}
	return s, nil
}

// rawSet has the raw segments in a directory.
type rawSet struct {
	keys map[sealedKey]bool
	old  []segmentInfo // of format 1, whose names have no writer
}

func rawSegments(names []string) rawSet {
	set := rawSet{keys: map[sealedKey]bool{}}
	for _, name := range names {
		s, ok := parseName(name)
		switch {
		case !ok || s.sealed:
		case s.version == 1:
			set.old = append(set.old, s)
		default:
			set.keys[s.key()] = true
		}
	}
	return set
}

// has reports whether the raw segment is there that a sealed one was made from.
func (r rawSet) has(sealed segmentInfo) bool {
	if sealed.number > 0 {
		return r.keys[sealed.key()]
	}
	for _, raw := range r.old {
		raw.writer = sealed.writer // the salt is random enough
		if raw.key() == sealed.key() {
			return true
		}
	}
	return false
}
