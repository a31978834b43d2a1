package journal

import (
	"context"
	"errors"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"interdict/lists/fault"
)

// WriterInfo describes a writer.
type WriterInfo struct {
	ID       uuid.UUID
	First    uint64 // sequence number of the first record; more than 1 if earlier segments are missing
	Segments int
	Archived int  // of these, moved to an archive
	Open     bool // it is alive, or was not recovered yet: more records may come
}

// Writers returns the writers in dir in the order of their start.
func Writers(dir string) ([]WriterInfo, error) {
	segments, err := list(dir, false, nil)
	if err != nil {
		return nil, err
	}
	var all []WriterInfo
	for i, s := range segments {
		if i == 0 || segments[i-1].writer != s.writer {
			all = append(all, WriterInfo{ID: s.writer, First: s.first})
		}
		w := &all[len(all)-1]
		w.Segments++
		if s.archived {
			w.Archived++
		}
		w.Open = w.Open || !s.complete()
	}
	return all, nil
}

// Find returns the record with an id; a fault.NotFound if there is none. Of a sealed segment it reads only the blocks that may
// have the id: those around the time in it, if it is a UUIDv7. If damage prevents it from being sure that there is none, it returns a
// *DamageError; if it can be in segments that were moved to an archive, an *ArchivedError with these. Records of format 1 have no id.
func Find(ctx context.Context, dir string, id uuid.UUID) (Record, error) {
	if id == uuid.Nil {
		return Record{}, fault.E(fault.NotFound, "find record: no id")
	}
	at := idMillis(id)
	var found *Record
	var damage error
	archived := &ArchivedError{}
	r := reader{ctx: ctx,
		skip: func(b *block) bool { return at < b.minID || at > b.maxID },
		want: func(r *Record) bool { return r.ID == id },
		yield: func(r Record, err error) bool {
			if moved := (*ArchivedError)(nil); errors.As(err, &moved) {
				archived.Segments = append(archived.Segments, moved.Segments...)
				return true
			}
			if err != nil {
				damage = err
				return errors.As(err, new(*DamageError))
			}
			r.Payload = slices.Clone(r.Payload)
			found = &r
			return false
		}}
	if err := r.readSome(dir, at, at, true); err != nil {
		return Record{}, err
	}
	switch {
	case found != nil:
		return *found, nil
	case damage != nil && len(archived.Segments) > 0:
		return Record{}, errors.Join(damage, archived)
	case damage != nil:
		return Record{}, damage
	case len(archived.Segments) > 0:
		return Record{}, archived
	}
	return Record{}, fault.E(fault.NotFound, "no record has the id %s", id)
}

// Range iterates as Read does, over the records with a time of from or later and before to. It reads only the blocks that may have
// such records, and reports damage only there. Times need not ascend.
func Range(ctx context.Context, dir string, from, to time.Time) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if !from.Before(to) {
			return
		}
		first, last := clampNanos(from), clampNanos(to)
		r := reader{ctx: ctx, yield: yield,
			skip: func(b *block) bool { return b.maxTime < first || b.minTime >= last },
			want: func(r *Record) bool { return !r.Time.Before(from) && r.Time.Before(to) }}
		begin, end := millisOf(first), millisOf(last)
		if first < 0 {
			begin, end = 0, 1<<48-1 // names order times before 1970 after the others
		}
		if err := r.readSome(dir, begin, end, false); err != nil {
			yield(Record{}, err)
		}
	}
}

// clampNanos returns Unix nanoseconds for any time.
func clampNanos(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}

// readSome reads the segments that may have records from one millisecond to another: the sealed ones first, since they are
// searched faster, if sealedFirst is set.
func (r *reader) readSome(dir string, from, to uint64, sealedFirst bool) error {
	segments, err := list(dir, false, nil)
	if err != nil {
		return err
	}
	segments = slices.DeleteFunc(segments, func(s segmentInfo) bool { return s.sealed && (s.to < from || s.from > to) })
	if sealedFirst {
		slices.SortStableFunc(segments, func(a, b segmentInfo) int {
			switch {
			case a.sealed == b.sealed:
				return 0
			case a.sealed:
				return -1
			}
			return 1
		})
	}
	for _, s := range segments {
		r.expected = s.first
		if s.limit <= s.first && s.limit != math.MaxUint64 {
			continue
		}
		if !r.readSegment(s) {
			return nil
		}
	}
	return nil
}
