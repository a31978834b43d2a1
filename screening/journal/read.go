package journal

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"math"
	"os"

	"github.com/google/uuid"

	"interdict/lists/fault"
)

// Read iterates over all records of all writers in dir: writer by writer, in the
// order of their start, and for each writer by ascending sequence number, which is the order
// of its Append calls. It uses a few MiB of memory, and 300 bytes for each segment in the
// directory. Writers can append meanwhile: records that were appended before Read began are included,
// later ones may be.
//
// Damage yields a *DamageError without a record, and the iteration continues at
// the next valid record. Torn bytes at the end of a segment that is not sealed are
// not damage. A segment that was moved to an archive yields an *ArchivedError in place of its
// records. After any other error, fault.Unavailable or that of ctx, the iteration ends.
func Read(ctx context.Context, dir string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		r := reader{ctx: ctx, yield: yield}
		segments, err := list(dir, false, nil)
		if err != nil {
			r.stop(err)
			return
		}
		r.readAll(segments)
	}
}

// ReadFrom iterates as Read does, over the records of one writer from a sequence number on. It opens only the segments that have them. If the
// writer is alive, the last record is the last one that it has written.
func ReadFrom(ctx context.Context, dir string, writer uuid.UUID, sequence uint64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		r := reader{ctx: ctx, yield: yield, from: max(sequence, 1)}
		segments, err := list(dir, false, func(w uuid.UUID) bool { return w == writer })
		if err != nil {
			r.stop(err)
			return
		}
		for len(segments) > 0 && segments[0].limit <= r.from {
			segments = segments[1:]
		}
		r.readAll(segments)
	}
}

// reader yields the records of segments.
type reader struct {
	ctx   context.Context
	yield func(Record, error) bool

	from uint64            // records before it are skipped
	skip func(*block) bool // blocks that need not be read; then gaps are not reported
	want func(*Record) bool

	segment  segmentInfo
	expected uint64 // sequence number after the records before
	next     uint64 // sequence number after the last record of this segment
	buf      []byte
}

// readAll returns false if the iteration must end.
func (r *reader) readAll(segments []segmentInfo) bool {
	for i, s := range segments {
		if i == 0 || segments[i-1].writer != s.writer {
			r.expected = max(r.from, 1)
		}
		if s.limit <= r.expected && s.limit != math.MaxUint64 {
			continue // later segments have all of it
		}
		if !r.readSegment(s) {
			return false
		}
		r.expected = max(r.expected, s.first, r.next)
	}
	return true
}

func (r *reader) readSegment(s segmentInfo) bool {
	r.segment, r.next = s, 0
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) && !s.archived {
		cause, wasSealed := err, s.sealed
		if s, err = findSealed(s); err == nil && s.path == "" {
			if wasSealed {
				return r.stop(cause)
			}
			return true // it had no records, and its writer closed
		}
		if err == nil {
			r.segment = s
			f, err = os.Open(s.path)
		}
	}
	if err != nil {
		return r.stop(err)
	}
	defer f.Close()
	if s.archived {
		return r.head() && r.archived(s)
	}
	if err := r.segment.inspect(f); err != nil {
		return r.stop(err)
	}
	if s.version == 1 && r.segment.damaged != nil {
		r.expected = s.first
	}
	if !r.head() {
		return false
	}
	if r.segment.sealed {
		return r.blocks(f)
	}
	return r.body(f)
}

// head reports damage before the first record.
func (r *reader) head() bool {
	s := r.segment
	if s.damaged != nil && !s.empty && !r.damage(DamageError{LengthBytes: headerBytes, Reason: s.damaged.Error()}) {
		return false
	}
	if s.badSeal != nil && !r.damage(DamageError{OffsetBytes: seal1Offset, LengthBytes: headerBytes - seal1Offset, Reason: s.badSeal.Error()}) {
		return false
	}
	if s.first > r.expected && !s.empty {
		return r.damage(DamageError{First: r.expected, Missing: s.first - r.expected, Reason: "the segment before it is missing"})
	}
	return true
}

// body yields the records of a raw segment.
func (r *reader) body(f *os.File) bool {
	s := r.segment
	in := scanner{src: f, v1: s.version == 1, mask: maskOf(s.salt), next: s.first, off: headerBytes, end: s.size}
	if s.seal != nil {
		in.end = min(in.end, s.seal.length)
	}
	for in.next < s.limit {
		record, g, err := in.scan(r.ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return r.stop(err)
		}
		if g.missing > 0 || g.to > g.from {
			g.missing = min(g.missing, s.limit-g.first)
			if in.next > r.from && !r.gap(g) {
				return false
			}
		}
		if record.sequence >= s.limit {
			break
		}
		if !r.emit(record, in.off-int64(record.bytes)) {
			return false
		}
	}
	r.next = in.next
	return r.tail(in)
}

// tail reports damage after the last record of a raw segment.
func (r *reader) tail(in scanner) bool {
	s := r.segment
	due := in.next // the sequence number that should have been reached
	if s.seal != nil {
		due = min(s.seal.next, s.limit)
	} else if s.limit < math.MaxUint64 {
		due = s.limit
	}
	switch {
	case in.next < due:
		r.next = due
		first := max(in.next, r.from)
		if first >= due {
			return true
		}
		return r.damage(DamageError{
			OffsetBytes: in.off, LengthBytes: max(in.end-in.off, 0), First: first, Missing: due - first, Reason: "no valid record",
		})
	case s.seal != nil && in.next < s.limit && in.off < in.end:
		return r.gap(gap{from: in.off, to: in.end})
	case s.seal != nil && s.size > s.seal.length:
		return r.gap(gap{from: s.seal.length, to: s.size})
	}
	return true
}

// blocks yields the records of a sealed segment.
func (r *reader) blocks(f *os.File) bool {
	s := r.segment
	blocks, next, err := readIndex(f, s.size)
	if errors.Is(err, errNoIndex) {
		if !r.damage(DamageError{OffsetBytes: max(s.size-trailerBytes, 0), Reason: errNoIndex.Error()}) {
			return false
		}
		if blocks, err = searchBlocks(f, s.size); err == nil {
			next = s.first
			if len(blocks) > 0 {
				next = blocks[len(blocks)-1].next()
			}
			if s.limit != math.MaxUint64 {
				next = max(next, s.limit)
			}
		}
	}
	if err != nil {
		return r.stop(err)
	}
	r.next = s.first
	for i := range blocks {
		b := &blocks[i]
		if b.first >= s.limit {
			break
		}
		if b.next() <= r.from || r.skip != nil && r.skip(b) {
			r.next = b.next()
			continue
		}
		if !r.missing(b.off, 0, b.first) || !r.block(f, b) {
			return false
		}
	}
	return r.missing(s.size, 0, min(next, s.limit))
}

// missing reports the records up to next that are not there.
func (r *reader) missing(off, length int64, next uint64) bool {
	first := max(r.next, r.from)
	r.next = max(r.next, next)
	if r.skip != nil || first >= next {
		return true
	}
	return r.damage(DamageError{OffsetBytes: off, LengthBytes: length, First: first, Missing: next - first, Reason: "no valid record"})
}

func (r *reader) block(f *os.File, b *block) bool {
	raw, err := readBlock(f, *b, r.buf)
	if err != nil && !errors.Is(err, errBadBlock) {
		return r.stop(err)
	}
	if err != nil {
		first := max(b.first, r.from)
		r.next = b.next()
		return r.damage(DamageError{OffsetBytes: b.off, LengthBytes: b.bytes(), First: first, Missing: min(b.next(), r.segment.limit) - first, Reason: errBadBlock.Error()})
	}
	r.buf = raw
	in := blockReader{raw: raw, next: b.first}
	for in.next < min(b.next(), r.segment.limit) {
		record, ok := in.read()
		if !ok {
			break
		}
		if !r.emit(record, b.off) {
			return false
		}
		r.next = in.next
	}
	return r.missing(b.off, b.bytes(), min(b.next(), r.segment.limit))
}

// emit yields a record if it is wanted.
func (r *reader) emit(f frame, off int64) bool {
	if f.sequence < r.from || f.sequence < r.expected {
		return true
	}
	if err := r.ctx.Err(); err != nil {
		return r.stop(err)
	}
	record := Record{
		Writer: r.segment.writer, Sequence: f.sequence, Kind: f.kind, ID: f.id, Time: timeOf(f.nanos),
		Payload: f.payload, File: r.segment.path, OffsetBytes: off,
	}
	return r.want != nil && !r.want(&record) || r.yield(record, nil)
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
