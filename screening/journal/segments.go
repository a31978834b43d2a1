package journal

import (
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"interdict/lists/fault"
)

// Segment describes a segment.
type Segment struct {
	Name     string // of its file; of an archived one: that the file had
	Writer   uuid.UUID
	Number   uint32    // ascending for the segments of a writer: where two have the same sequence number, the record in the later one counts
	First    uint64    // sequence number of the first record
	Sealed   bool      // no record will be added
	Raw      bool      // a sealed segment whose raw file is still there: recovery can replace it
	Archive  string    // where it was moved to; empty: it is in the directory
	Format   int       // of the file: 1 or 2
	Damage   error     // why the fields below are not known, although the segment is sealed
	Last     uint64    // of a sealed segment, as all fields below: sequence number of the last record
	From, To time.Time // of the earliest and the latest record
	Bytes    int64
	Previous [sha256.Size]byte // of the segment before, if that was sealed then; zero of an archived one
	Missing  uint64            // records in between that recovery did not find: known after CheckSegment
	SHA256   [sha256.Size]byte // zero if it was not computed: Segments does it for none, but knows it of archived ones
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

// Segments returns the segments in dir: writer by writer, in the order of their start. Of a sealed segment it reads the header and the index.
func Segments(dir string) ([]Segment, error) {
	names, err := readNames(dir)
	if err != nil {
		return nil, fault.E(fault.Unavailable, "read journal: %w", err)
	}
	segments, err := list(dir, false, nil)
	if err != nil {
		return nil, err
	}
	all := make([]Segment, 0, len(segments))
	for _, info := range segments {
		s, err := info.describe()
		if errors.Is(err, fs.ErrNotExist) { // archived, or sealed, since it was listed
			return Segments(dir)
		}
		if err != nil {
			return nil, fault.E(fault.Unavailable, "read journal: %w", err)
		}
		s.Raw = info.sealed && hasRaw(names, info)
		all = append(all, s)
	}
	return all, nil
}

// describe returns the description of a segment, from its header and index or its marker.
func (s *segmentInfo) describe() (Segment, error) {
	d := Segment{Name: filepath.Base(s.path), Writer: s.writer, Number: s.number, First: s.first, Sealed: s.complete(), Format: s.version}
	if s.archived {
		m, err := readMarker(s.path)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			m.Format = s.version
			return m, err
		}
		d.Damage = err
		return d, nil
	}
	if !s.sealed {
		return d, nil
	}
	f, err := os.Open(s.path)
	if err != nil {
		return d, err
	}
	defer f.Close()
	if err := s.inspect(f); err != nil {
		return d, err
	}
	d.Bytes, d.Damage = s.size, s.damaged
	if s.damaged != nil {
		return d, nil
	}
	b := make([]byte, headerBytes)
	if _, err := f.ReadAt(b, 0); err != nil {
		return d, err
	}
	if _, d.Previous, d.Damage = decodeSealed(b); d.Damage != nil {
		return d, nil
	}
	blocks, next, err := readIndex(f, s.size)
	switch {
	case errors.Is(err, errNoIndex):
		d.Damage = err
		return d, nil
	case err != nil:
		return d, err
	case len(blocks) == 0 || next <= s.first:
		d.Damage = errors.New("it has no records")
		return d, nil
	}
	d.Last = next - 1
	from, to := blocks[0].minTime, blocks[0].maxTime
	for _, b := range blocks {
		from, to = min(from, b.minTime), max(to, b.maxTime)
	}
	d.From, d.To = timeOf(from), timeOf(to)
	return d, nil
}

// CheckSegment reads a sealed segment, verifies every block, and returns its description with the SHA-256 of the file. A *DamageError says where the
// segment is damaged; records that are missing because their raw file was damaged are no damage of this one. Its name has to be the one that the journal gave it.
func CheckSegment(ctx context.Context, path string) (Segment, error) {
	info, ok := parseName(filepath.Base(path))
	if !ok || !info.sealed || info.archived {
		return Segment{}, fault.E(fault.Invalid, "check %s: it is not the name of a sealed segment", path)
	}
	info.path, info.limit = path, 1<<64-1
	s, err := info.describe()
	if err != nil {
		return Segment{}, fault.E(fault.Unavailable, "check %s: %w", path, err)
	}
	if s.Damage != nil {
		return Segment{}, &DamageError{File: path, Reason: s.Damage.Error()}
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
	if s.SHA256, err = fileDigest(path); err != nil {
		return Segment{}, fault.E(fault.Unavailable, "check %s: %w", path, err)
	}
	return s, nil
}
