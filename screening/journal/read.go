package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"interdict/lists/fault"
)

// Record is one record, as Read returns it.
type Record struct {
	Writer      uuid.UUID // zero if the header of the segment is damaged
	Sequence    uint64    // 1, 2, 3 … for each writer
	Kind        Kind
	Time        time.Time // given by the caller, in UTC
	Payload     []byte    // as appended; valid until the next step of the iteration
	File        string    // of the segment
	OffsetBytes int64     // of the record in the file
}

// DamageError reports that a segment was changed, or that it is missing.
type DamageError struct {
	File        string
	OffsetBytes int64  // start of the damage
	LengthBytes int64  // number of bytes that are not valid records; zero if bytes are missing
	First       uint64 // first missing sequence number
	Missing     uint64 // number of missing records from First on; zero if unknown
	Reason      string
}

func (e *DamageError) Error() string {
	text := fmt.Sprintf("journal segment %s is damaged at offset %d: %s", e.File, e.OffsetBytes, e.Reason)
	if e.LengthBytes > 0 {
		text += fmt.Sprintf(", %d bytes", e.LengthBytes)
	}
	if e.Missing > 0 {
		text += fmt.Sprintf(", records %d to %d are missing", e.First, e.First+e.Missing-1)
	}
	return text
}

// FaultKind returns fault.Unavailable.
func (e *DamageError) FaultKind() fault.Kind { return fault.Unavailable }

// Read iterates over all records of all writers in dir: writer by writer, in the
// order of their start, and for each writer by ascending sequence number, which is the order
// of its Append calls. It uses about 1 MiB of memory, and 250 bytes for each segment in the
// directory. Writers can append meanwhile: records that were appended before Read began are included,
// later ones may be.
//
// Damage yields a *DamageError without a record, and the iteration continues at
// the next valid record. Torn or unwritten bytes at the end of a segment that is not sealed are
// not damage. After any other error, fault.Unavailable or that of ctx, the iteration ends.
func Read(ctx context.Context, dir string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		segments, err := list(dir, false)
		if err != nil {
			yield(Record{}, err)
			return
		}
		expected := uint64(1)
		for i, s := range segments {
			if i == 0 || segments[i-1].writer != s.writer {
				expected = 1
			}
			limit := uint64(math.MaxUint64)
			if i+1 < len(segments) && segments[i+1].writer == s.writer {
				limit = segments[i+1].first
			}
			if s.damaged != nil {
				expected, limit = s.first, math.MaxUint64
			}
			r := reader{ctx: ctx, yield: yield, segment: s, expected: expected, limit: limit}
			if !r.read() {
				return
			}
			expected = max(expected, s.first, r.next)
		}
	}
}

// reader yields the records of one segment.
type reader struct {
	ctx      context.Context
	yield    func(Record, error) bool
	segment  segmentInfo
	expected uint64 // sequence number after the segments before
	limit    uint64 // first sequence number of the next segment, which takes precedence
	next     uint64 // sequence number after the last record read
}

// read returns false if the iteration must end.
func (r *reader) read() bool {
	f, err := os.Open(r.segment.path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) && r.segment.seal == nil {
			return true // it had no records, and its writer closed
		}
		return r.stop(err)
	}
	defer f.Close()
	s, err := inspect(f, filepath.Base(r.segment.path)) // again: it may have been sealed meanwhile
	if err != nil {
		return r.stop(err)
	}
	r.segment = s
	return r.head() && r.body(f)
}

// head reports damage before the first record.
func (r *reader) head() bool {
	s := r.segment
	if s.damaged != nil && !s.empty && !r.damage(DamageError{LengthBytes: headerBytes, Reason: s.damaged.Error()}) {
		return false
	}
	if s.badSeal != nil && !r.damage(DamageError{OffsetBytes: sealOffset, LengthBytes: headerBytes - sealOffset, Reason: s.badSeal.Error()}) {
		return false
	}
	if s.first > r.expected {
		return r.damage(DamageError{First: r.expected, Missing: s.first - r.expected, Reason: "the segment before it is missing"})
	}
	return true
}

func (r *reader) body(f *os.File) bool {
	s := r.segment
	in := scanner{src: f, mask: maskOf(s.salt), next: s.first, off: headerBytes, end: s.size}
	if s.seal != nil {
		in.end = min(in.end, s.seal.length)
	}
	for in.next < r.limit {
		record, g, err := in.scan(r.ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return r.stop(err)
		}
		if g.missing > 0 || g.to > g.from {
			g.missing = min(g.missing, r.limit-g.first)
			if !r.gap(g) {
				return false
			}
		}
		if record.sequence >= r.limit {
			break
		}
		if err := r.ctx.Err(); err != nil {
			return r.stop(err)
		}
		if !r.yield(Record{
			Writer: s.writer, Sequence: record.sequence, Kind: record.kind, Time: time.Unix(0, record.nanos).UTC(),
			Payload: record.payload, File: s.path, OffsetBytes: in.off - record.size(),
		}, nil) {
			return false
		}
	}
	r.next = in.next
	return r.tail(in)
}

// tail reports damage after the last record.
func (r *reader) tail(in scanner) bool {
	s := r.segment
	due := in.next // the sequence number that should have been reached
	if s.seal != nil {
		due = min(s.seal.next, r.limit)
	} else if r.limit < math.MaxUint64 {
		due = r.limit
	}
	switch {
	case in.next < due:
		r.next = due
		return r.damage(DamageError{
			OffsetBytes: in.off, LengthBytes: max(in.end-in.off, 0), First: in.next, Missing: due - in.next, Reason: "no valid record",
		})
	case s.seal != nil && in.next < r.limit && in.off < in.end:
		return r.gap(gap{from: in.off, to: in.end})
	case s.seal != nil && s.size > s.seal.length:
		return r.gap(gap{from: s.seal.length, to: s.size})
	}
	return true
}

func (r *reader) gap(g gap) bool {
	return r.damage(DamageError{OffsetBytes: g.from, LengthBytes: g.to - g.from, First: g.first, Missing: g.missing, Reason: "no valid record"})
}

func (r *reader) damage(e DamageError) bool {
	e.File = r.segment.path
	return r.yield(Record{}, &e)
}

// stop ends the iteration with an error.
func (r *reader) stop(err error) bool {
	if r.ctx.Err() == nil {
		err = fault.E(fault.Unavailable, "read journal: %w", err)
	}
	r.yield(Record{}, err)
	return false
}
