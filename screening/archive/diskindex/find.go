package diskindex

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/google/uuid"

	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening/archive"
	"interdict/screening/journal"
)

const (
	chunkPositions = 1024    // positions of a condition that are read at once
	chunkRecords   = 4096    // records that are read at once without a condition
	chunkBytes     = 1 << 20 // of the payloads that are held at once, besides the last
)

// span is a range of positions: from low up to before high.
type span struct {
	low, high position
	newest    bool
}

// spanOf returns the positions that a query's limits of time and position allow.
func spanOf(q archive.Query) span {
	s := span{high: lastPosition, newest: q.Newest}
	if !q.From.IsZero() {
		s.low = boundary(archive.Position{Time: q.From})
	}
	if !q.To.IsZero() {
		s.high = boundary(archive.Position{Time: q.To})
	}
	if !isZero(q.After) {
		s = s.after(boundary(q.After))
	}
	return s
}

// after returns the part of a span that comes after a position, in the order of the span.
func (s span) after(p position) span {
	switch {
	case s.newest && p.compare(s.high) < 0:
		s.high = p
	case !s.newest && p.next().compare(s.low) > 0:
		s.low = p.next()
	}
	return s
}

func (s span) empty() bool { return s.low.compare(s.high) >= 0 }

func (s span) order(a, b position) int {
	if s.newest {
		return b.compare(a)
	}
	return a.compare(b)
}

func isZero(p archive.Position) bool {
	return p.Time.IsZero() && p.Writer == uuid.Nil && p.Sequence == 0
}

// selection is a query with its conditions as terms.
type selection struct {
	archive.Query
	keys       map[address.Key]bool
	ids        map[uuid.UUID]bool
	conditions [][]term // a record has to have one of the terms of each
}

func selectionOf(q archive.Query) selection {
	s := selection{Query: q, keys: map[address.Key]bool{}, ids: map[uuid.UUID]bool{}}
	if len(q.IDs) > 0 {
		var terms []term
		for _, id := range q.IDs {
			if !s.ids[id] {
				terms = append(terms, termOf(idField, string(id[:])))
			}
			s.ids[id] = id != uuid.Nil
		}
		s.conditions = append(s.conditions, terms)
	}
	if len(q.Keys) > 0 {
		var terms []term
		for _, k := range q.Keys {
			if !s.keys[k] {
				terms = append(terms, termOf(keyField, string(k)))
			}
			s.keys[k] = true
		}
		s.conditions = append(s.conditions, terms)
	}
	for _, text := range []struct {
		field byte
		value string
	}{{referenceField, q.Reference}, {customerField, q.Customer}, {listField, q.List}, {byField, q.By}, {resultField, q.Result}} {
		if text.value != "" {
			s.conditions = append(s.conditions, []term{termOf(text.field, text.value)})
		}
	}
	if len(q.Kinds) > 0 && !slices.Contains(q.Kinds, journal.Check) {
		var terms []term
		for i, k := range q.Kinds {
			if !slices.Contains(q.Kinds[:i], k) {
				terms = append(terms, kindTerm(k))
			}
		}
		s.conditions = append(s.conditions, terms)
	}
	return s
}

// holds checks everything but the position. Terms are hashes, and only some of the conditions have been looked up.
func (s *selection) holds(e *archive.Entry) bool {
	return (len(s.Kinds) == 0 || slices.Contains(s.Kinds, e.Kind)) &&
		(len(s.Keys) == 0 || slices.ContainsFunc(e.Terms.Keys, func(k address.Key) bool { return s.keys[k] })) &&
		(len(s.IDs) == 0 || s.ids[e.ID]) &&
		(s.List == "" || slices.Contains(e.Terms.Lists, s.List)) &&
		(s.Result == "" || e.Terms.Result == s.Result) &&
		(s.Reference == "" || e.Terms.Reference == s.Reference) &&
		(s.Customer == "" || e.Terms.Customer == s.Customer) &&
		(s.By == "" || e.Terms.By == s.By)
}

// Find implements archive.Index. Records that are added meanwhile are found if they come after the last record that was yielded.
func (x *Index) Find(ctx context.Context, q archive.Query) iter.Seq2[archive.Entry, error] {
	return func(yield func(archive.Entry, error) bool) {
		s, left := selectionOf(q), spanOf(q)
		clears := x.clears.Load()
		for n := 0; ; {
			want := chunkPositions
			if q.Limit > 0 {
				want = min(want, q.Limit-n)
			}
			entries, next, err := x.findChunk(ctx, &s, left, want, clears)
			if err != nil {
				yield(archive.Entry{}, x.fault("search", err))
				return
			}
			for _, e := range entries {
				if err := ctx.Err(); err != nil {
					yield(archive.Entry{}, err)
					return
				}
				if !yield(e, nil) {
					return
				}
				if n++; n == q.Limit {
					return
				}
			}
			if next.empty() {
				return
			}
			left = next
		}
	}
}

// sameSince returns an error if the index was cleared since an iteration began, whose result would not be complete.
func (x *Index) sameSince(clears int64) error {
	if x.clears.Load() != clears {
		return fault.E(fault.Unavailable, "%s was cleared during the search; search again", x.Describe())
	}
	return nil
}

// findChunk returns up to want of the first records that a selection finds in a span, and the part of the span that is left. Without records
// there may be more in what is left.
func (x *Index) findChunk(ctx context.Context, s *selection, in span, want int, clears int64) (found []archive.Entry, left span, err error) {
	if err := x.enter(ctx); err != nil {
		return nil, left, err
	}
	defer x.leave()
	if err := x.sameSince(clears); err != nil || in.empty() {
		return nil, left, err
	}
	it, err := x.db.NewIter(nil)
	if err != nil {
		return nil, left, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	c := cursor{ctx: ctx, it: it}
	if len(s.conditions) == 0 {
		return c.records(s, in, want)
	}
	positions, more, err := c.best(s.conditions, in, want)
	if err != nil {
		return nil, left, err
	}
	bytes := 0
	for i, p := range positions {
		e, err := c.record(p)
		if err != nil {
			return nil, left, err
		}
		if !s.holds(&e) {
			continue
		}
		found = append(found, e)
		if bytes += len(e.Payload); len(found) == want || bytes > chunkBytes {
			positions, more = positions[:i+1], true
			break
		}
	}
	if !more {
		return found, left, nil
	}
	return found, in.after(positions[len(positions)-1]), nil
}
