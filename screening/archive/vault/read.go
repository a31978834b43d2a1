package vault

import (
	"context"
	"errors"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"interdict/lists/fault"
	"interdict/screening/journal"
)

// union is what one read knows of the bucket and the folder.
type union struct {
	v       *Vault
	ctx     context.Context
	yield   func(journal.Record, error) bool
	catalog catalog
	local   map[string]bool // sealed segments whose file is in the folder
	read    map[string]bool // segments that were read from the bucket
}

// open lists the folder, then the bucket: a segment that was dropped before is in the bucket then, and readers find the marker of one that is dropped after.
func (v *Vault) open(ctx context.Context, writer uuid.UUID) (*union, error) {
	local, err := v.segments()
	if err != nil {
		return nil, err
	}
	u := &union{v: v, ctx: ctx, local: map[string]bool{}, read: map[string]bool{}}
	if u.catalog, err = v.catalog(ctx, writer); err != nil {
		return nil, err
	}
	for _, s := range local {
		if s.Sealed && !s.Archived {
			u.local[s.Name] = true
		}
	}
	u.catalog.setLimits(local)
	return u, nil
}

// lookup returns the segment of a marker. If it is not in the catalog it may have been archived since.
func (u *union) lookup(s journal.Segment) (*entry, error) {
	if e := u.catalog.find(s.Name); e != nil && len(e.manifests) > 0 {
		return e, nil
	}
	again, err := u.v.catalog(u.ctx, s.Writer)
	if err != nil {
		return nil, err
	}
	if e := again.find(s.Name); e != nil {
		e.limit = math.MaxUint64
		if known := u.catalog.find(s.Name); known != nil {
			e.limit = known.limit
		}
		return e, nil
	}
	return &entry{SegmentSpan: journal.SegmentSpan{Writer: s.Writer, Number: s.Number, First: s.First}, name: s.Name, last: s.Last, limit: math.MaxUint64}, nil
}

// segment calls read with a folder that has only this segment, fetched from the bucket. It returns false if the iteration ends; damage and expiry do not end it.
func (u *union) segment(e *entry, read func(dir string) bool) bool {
	u.read[e.name] = true
	dir, release, err := u.v.fetch(u.ctx, e)
	if err != nil {
		return u.yield(journal.Record{}, err) && goesOn(err)
	}
	defer release()
	return read(dir)
}

// goesOn reports whether an iteration continues after an error.
func goesOn(err error) bool {
	return errors.As(err, new(*journal.DamageError)) || errors.As(err, new(*ExpiredError))
}

// records yields what an iteration over a segment yields, without the records that a later segment has.
func (u *union) records(e *entry, records iter.Seq2[journal.Record, error]) bool {
	for r, err := range records {
		if err == nil && r.Sequence >= e.limit {
			break
		}
		if err == nil {
			r.File = u.v.Describe() + ": " + e.object()
		}
		if !u.yield(r, err) || err != nil && !goesOn(err) {
			return false
		}
	}
	return true
}

// ReadFrom iterates over the records of one writer from a sequence number on, as journal.ReadFrom does, in the folder and in the bucket. Records that cannot
// be had yield an error in their place: *journal.DamageError or *ExpiredError; the iteration continues. After any other error it ends.
func (v *Vault) ReadFrom(ctx context.Context, writer uuid.UUID, sequence uint64) iter.Seq2[journal.Record, error] {
	return func(yield func(journal.Record, error) bool) {
		u, err := v.open(ctx, writer)
		if err != nil {
			yield(journal.Record{}, err)
			return
		}
		u.yield = yield
		next := max(sequence, 1)
		for i := range u.catalog {
			e := &u.catalog[i]
			if u.local[e.name] || len(e.manifests) > 0 && e.end() <= next || e.limit <= next {
				continue
			}
			var ok bool
			if next, ok = u.readLocal(writer, next, e.First, e.name); !ok {
				return
			}
			if len(e.manifests) > 0 && e.end() <= next {
				continue
			}
			if !u.segment(e, func(dir string) bool { return u.records(e, journal.ReadFrom(ctx, dir, writer, next)) }) {
				return
			}
			if len(e.manifests) > 0 {
				next = max(next, e.end())
			}
		}
		u.readLocal(writer, next, math.MaxUint64, "")
	}
}

// readLocal yields the records in the folder from next up to before, or the error that they are missing: the segment named after is there.
func (u *union) readLocal(writer uuid.UUID, next, before uint64, after string) (_ uint64, ok bool) {
	if next >= before {
		return next, true
	}
	if u.v.opts.Dir != "" {
		for r, err := range journal.ReadFrom(u.ctx, u.v.opts.Dir, writer, next) {
			var moved *journal.ArchivedError
			var damage *journal.DamageError
			switch {
			case errors.As(err, &moved):
				if next, ok = u.readMoved(moved, next, before); !ok {
					return next, false
				}
				continue
			case errors.As(err, &damage) && damage.Missing > 0:
				if damage.First >= before {
					return u.gap(next, before, after)
				}
				damage.Missing = min(damage.Missing, before-damage.First)
				next = max(next, damage.First+damage.Missing)
			case err == nil && r.Sequence >= before:
				return u.gap(next, before, after)
			case err == nil:
				next = r.Sequence + 1
			}
			if !u.yield(r, err) || err != nil && !goesOn(err) {
				return next, false
			}
		}
	}
	return u.gap(next, before, after)
}

// gap reports that the records up to the segment named after are missing.
func (u *union) gap(next, before uint64, after string) (_ uint64, ok bool) {
	if before == math.MaxUint64 || next >= before {
		return next, true
	}
	return before, u.yield(journal.Record{}, &journal.DamageError{
		File: after, First: next, Missing: before - next, Reason: "the segment before it is missing, here and in " + u.v.Describe(),
	})
}

// readMoved yields the records of segments that have a marker in the folder.
func (u *union) readMoved(moved *journal.ArchivedError, next, before uint64) (_ uint64, ok bool) {
	for _, s := range moved.Segments {
		if s.Last < next || s.First >= before || u.read[s.Name] {
			continue
		}
		e, err := u.lookup(s)
		if err != nil {
			u.yield(journal.Record{}, err)
			return next, false
		}
		e.limit = min(e.limit, before)
		if !u.segment(e, func(dir string) bool { return u.records(e, journal.ReadFrom(u.ctx, dir, s.Writer, next)) }) {
			return next, false
		}
		next = max(next, min(s.Last+1, e.limit))
	}
	return next, true
}

// Find returns the record with an id, from the folder or the bucket. If it is not sure that there is none, the error says which segments it could not
// read, or which were deleted after the retention; otherwise it is a fault.NotFound.
func (v *Vault) Find(ctx context.Context, id uuid.UUID) (journal.Record, error) {
	if id == uuid.Nil {
		return journal.Record{}, fault.E(fault.NotFound, "find record: no id")
	}
	u, err := v.open(ctx, uuid.Nil)
	if err != nil {
		return journal.Record{}, err
	}
	var found *journal.Record
	var problems, expired error
	u.yield = func(r journal.Record, err error) bool {
		switch {
		case err == nil:
			found = &r
		case errors.As(err, new(*ExpiredError)):
			expired = errors.Join(expired, err)
			return true
		default:
			problems = errors.Join(problems, err)
		}
		return err != nil
	}
	search := func(e *entry) bool {
		return u.segment(e, func(dir string) bool {
			r, err := journal.Find(ctx, dir, id)
			if fault.Is(err, fault.NotFound) || err == nil && r.Sequence >= e.limit {
				return true
			}
			r.File = v.Describe() + ": " + e.object()
			return u.yield(r, err)
		})
	}
	var moved *journal.ArchivedError
	if v.opts.Dir != "" {
		r, err := journal.Find(ctx, v.opts.Dir, id)
		if err == nil {
			return r, nil
		}
		if errors.As(err, new(*journal.DamageError)) {
			problems = err
		} else if !errors.As(err, &moved) && !fault.Is(err, fault.NotFound) {
			return journal.Record{}, err
		}
		errors.As(err, &moved)
	}
	at := journal.IDMillis(id)
	for i := range u.catalog {
		if e := &u.catalog[i]; !u.local[e.name] && e.From <= at && at <= e.To && !search(e) {
			break
		}
	}
	if moved != nil && found == nil {
		for _, s := range moved.Segments {
			if u.read[s.Name] {
				continue
			}
			e, err := u.lookup(s)
			if err != nil {
				return journal.Record{}, err
			}
			if !search(e) {
				break
			}
		}
	}
	switch {
	case found != nil:
		return *found, nil
	case problems != nil && expired != nil:
		return journal.Record{}, errors.Join(problems, expired)
	case problems != nil:
		return journal.Record{}, problems
	case expired != nil:
		return journal.Record{}, expired
	}
	return journal.Record{}, fault.E(fault.NotFound, "no record has the id %s", id)
}

// Range iterates over the records with a time of from or later and before to: those in the bucket first, then those in the folder, each writer by writer and
// in order of sequence. Errors are those of ReadFrom, for segments that can have such records.
func (v *Vault) Range(ctx context.Context, from, to time.Time) iter.Seq2[journal.Record, error] {
	return func(yield func(journal.Record, error) bool) {
		if !from.Before(to) {
			return
		}
		u, err := v.open(ctx, uuid.Nil)
		if err != nil {
			yield(journal.Record{}, err)
			return
		}
		u.yield = yield
		begin, end := journal.Millis(from), journal.Millis(to)
		if from.Before(time.Unix(0, 0)) {
			begin, end = 0, math.MaxUint64
		}
		for i := range u.catalog {
			e := &u.catalog[i]
			if u.local[e.name] || e.To < begin || e.From > end {
				continue
			}
			if !u.rangeOf(e, from, to) {
				return
			}
		}
		u.rangeLocal(from, to)
	}
}

func (u *union) rangeOf(e *entry, from, to time.Time) bool {
	if len(e.manifests) > 0 {
		m, err := u.v.manifest(u.ctx, e)
		if err == nil && (m.To.Before(from) || !m.From.Before(to)) {
			return true // only its ids are in the range
		}
	}
	return u.segment(e, func(dir string) bool { return u.records(e, journal.Range(u.ctx, dir, from, to)) })
}

// rangeLocal yields the records in the folder, and those of segments that were dropped since it was listed.
func (u *union) rangeLocal(from, to time.Time) {
	if u.v.opts.Dir == "" {
		return
	}
	var moved []journal.Segment
	for r, err := range journal.Range(u.ctx, u.v.opts.Dir, from, to) {
		if archived := (*journal.ArchivedError)(nil); errors.As(err, &archived) {
			moved = append(moved, archived.Segments...)
			continue
		}
		if !u.yield(r, err) || err != nil && !goesOn(err) {
			return
		}
	}
	moved = slices.DeleteFunc(moved, func(s journal.Segment) bool { return u.read[s.Name] })
	for _, s := range moved {
		e, err := u.lookup(s)
		if err != nil {
			u.yield(journal.Record{}, err)
			return
		}
		if !u.rangeOf(e, from, to) {
			return
		}
	}
}

// Writer is a writer with records in the folder or in the bucket.
type Writer struct {
	ID       uuid.UUID
	First    uint64 // sequence number of the first record that is known
	Segments int    // known
	Local    int    // of these, in the folder
}

// Writers returns the writers in the folder and in the bucket, in the order of their start.
func (v *Vault) Writers(ctx context.Context) ([]Writer, error) {
	local, err := v.segments()
	if err != nil {
		return nil, err
	}
	c, err := v.catalog(ctx, uuid.Nil)
	if err != nil {
		return nil, err
	}
	all := map[uuid.UUID]*Writer{}
	add := func(writer uuid.UUID, first uint64, here bool) {
		w := all[writer]
		if w == nil {
			w = &Writer{ID: writer, First: first}
			all[writer] = w
		}
		w.First = min(w.First, first)
		w.Segments++
		if here {
			w.Local++
		}
	}
	for _, s := range local {
		add(s.Writer, s.First, !s.Archived)
	}
	known := map[string]bool{}
	for _, s := range local {
		known[s.Name] = true
	}
	for _, e := range c {
		if !known[e.name] {
			add(e.Writer, e.First, false)
		}
	}
	var writers []Writer
	for _, w := range all {
		writers = append(writers, *w)
	}
	slices.SortFunc(writers, func(a, b Writer) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return writers, nil
}
