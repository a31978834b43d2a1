package indextest

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening/archive"
)

// model is an index in memory that looks at every entry for every query. The suite compares an index with it.
type model struct {
	mu      sync.Mutex
	entries []archive.Entry // in order of position
	marks   map[uuid.UUID]archive.Mark
	alerts  map[string]modelAlert
	closed  bool
}

type modelAlert struct{ created, resolved *archive.Entry }

var _ archive.Index = (*model)(nil)

func newModel() *model {
	return &model{marks: map[uuid.UUID]archive.Mark{}, alerts: map[string]modelAlert{}}
}

func compare(a, b archive.Position) int {
	return cmp.Or(a.Time.Compare(b.Time), bytes.Compare(a.Writer[:], b.Writer[:]), cmp.Compare(a.Sequence, b.Sequence))
}

func isZero(p archive.Position) bool {
	return p.Time.IsZero() && p.Writer == uuid.Nil && p.Sequence == 0
}

// lock returns an error if the context is cancelled or the index is closed; else the caller unlocks.
func (m *model) lock(ctx context.Context) error {
	m.mu.Lock()
	err := ctx.Err()
	if err == nil && m.closed {
		err = fault.E(fault.Unavailable, "the index is closed")
	}
	if err != nil {
		m.mu.Unlock()
	}
	return err
}

func (m *model) Add(ctx context.Context, entries []archive.Entry, mark archive.Mark) error {
	if err := m.lock(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	old := m.marks[mark.Writer]
	next := old.Sequence + 1
	for i, e := range entries {
		if e.Writer != mark.Writer || i > 0 && e.Sequence <= entries[i-1].Sequence {
			return fault.E(fault.Invalid, "entries of more than one writer, or not in order of sequence")
		}
		if e.Sequence > next && mark.Gap == "" {
			return fault.E(fault.Conflict, "records before %d are missing", e.Sequence)
		}
		next = max(next, e.Sequence+1)
	}
	if mark.Sequence >= next && mark.Gap == "" {
		return fault.E(fault.Conflict, "records before %d are missing", mark.Sequence)
	}
	for _, e := range entries {
		m.add(e)
	}
	mark.Sequence = max(mark.Sequence, old.Sequence)
	mark.Ended = mark.Ended || old.Ended
	if mark.Complete.Before(old.Complete) {
		mark.Complete = old.Complete
	}
	m.marks[mark.Writer] = mark
	return nil
}

func (m *model) add(e archive.Entry) {
	if slices.ContainsFunc(m.entries, func(o archive.Entry) bool { return o.Writer == e.Writer && o.Sequence == e.Sequence }) {
		return
	}
	e.Payload = bytes.Clone(e.Payload)
	i, _ := slices.BinarySearchFunc(m.entries, e.Position, func(o archive.Entry, p archive.Position) int { return compare(o.Position, p) })
	m.entries = slices.Insert(m.entries, i, e)
	id := e.Terms.Alert.ID
	if id == "" {
		return
	}
	a := m.alerts[id]
	switch {
	case e.Terms.Alert.Resolved && a.resolved == nil:
		a.resolved = &e
	case !e.Terms.Alert.Resolved && a.created == nil:
		a.created = &e
	}
	m.alerts[id] = a
}

func (m *model) Marks(ctx context.Context) ([]archive.Mark, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var marks []archive.Mark
	for _, mark := range m.marks {
		marks = append(marks, mark)
	}
	slices.SortFunc(marks, func(a, b archive.Mark) int { return bytes.Compare(a.Writer[:], b.Writer[:]) })
	return marks, nil
}

// holds says whether an entry has to be found by a query, whatever the query's limit.
func holds(e archive.Entry, q archive.Query) bool {
	t := e.Terms
	after := isZero(q.After) || !q.Newest && compare(e.Position, q.After) > 0 || q.Newest && compare(e.Position, q.After) < 0
	return after &&
		(q.From.IsZero() || !e.Time.Before(q.From)) &&
		(q.To.IsZero() || e.Time.Before(q.To)) &&
		(len(q.Kinds) == 0 || slices.Contains(q.Kinds, e.Kind)) &&
		(len(q.Keys) == 0 || slices.ContainsFunc(t.Keys, func(k address.Key) bool { return slices.Contains(q.Keys, k) })) &&
		(len(q.IDs) == 0 || e.ID != uuid.Nil && slices.Contains(q.IDs, e.ID)) &&
		(q.List == "" || slices.Contains(t.Lists, q.List)) &&
		(q.Result == "" || t.Result == q.Result) &&
		(q.Reference == "" || t.Reference == q.Reference) &&
		(q.Customer == "" || t.Customer == q.Customer) &&
		(q.By == "" || t.By == q.By)
}

func (m *model) Find(ctx context.Context, q archive.Query) iter.Seq2[archive.Entry, error] {
	return func(yield func(archive.Entry, error) bool) {
		if err := m.lock(ctx); err != nil {
			yield(archive.Entry{}, err)
			return
		}
		var found []archive.Entry
		for _, e := range m.entries {
			if holds(e, q) {
				found = append(found, e)
			}
		}
		m.mu.Unlock()
		if q.Newest {
			slices.Reverse(found)
		}
		if q.Limit > 0 && len(found) > q.Limit {
			found = found[:q.Limit]
		}
		yieldAll(ctx, found, yield)
	}
}

func (m *model) Alerts(ctx context.Context, q archive.AlertQuery) iter.Seq2[archive.AlertState, error] {
	return func(yield func(archive.AlertState, error) bool) {
		if err := m.lock(ctx); err != nil {
			yield(archive.AlertState{}, err)
			return
		}
		var found []archive.AlertState
		for id, a := range m.alerts {
			if a.created == nil || q.Of != archive.AnyOrigin && q.Of != archive.OriginOf(a.created.Kind) || q.ID != "" && id != q.ID || q.Open && a.resolved != nil ||
				q.List != "" && !slices.Contains(a.created.Terms.Lists, q.List) ||
				!isZero(q.After) && compare(a.created.Position, q.After) <= 0 {
				continue
			}
			found = append(found, archive.AlertState{ID: id, Created: *a.created, Resolved: a.resolved})
		}
		m.mu.Unlock()
		slices.SortFunc(found, func(a, b archive.AlertState) int { return compare(a.Created.Position, b.Created.Position) })
		if q.Limit > 0 && len(found) > q.Limit {
			found = found[:q.Limit]
		}
		yieldAll(ctx, found, yield)
	}
}

func yieldAll[T any](ctx context.Context, found []T, yield func(T, error) bool) {
	var none T
	for _, x := range found {
		if ctx.Err() != nil {
			break
		}
		if !yield(x, nil) {
			return
		}
	}
	if err := ctx.Err(); err != nil {
		yield(none, err)
	}
}

func (m *model) OpenAlerts(ctx context.Context, of archive.Origin) (int, error) {
	if err := m.lock(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	n := 0
	for _, a := range m.alerts {
		if a.created != nil && a.resolved == nil && (of == archive.AnyOrigin || of == archive.OriginOf(a.created.Kind)) {
			n++
		}
	}
	return n, nil
}

func (m *model) Drop(ctx context.Context, before time.Time) error {
	if err := m.lock(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	open := map[archive.Position]bool{}
	for id, a := range m.alerts {
		switch {
		case a.created != nil && a.resolved == nil && archive.OriginOf(a.created.Kind) == archive.LookBacks:
			open[a.created.Position] = true
		case a.created != nil && a.created.Time.Before(before), a.created == nil && a.resolved.Time.Before(before):
			delete(m.alerts, id)
		}
	}
	m.entries = slices.DeleteFunc(m.entries, func(e archive.Entry) bool { return e.Time.Before(before) && !open[e.Position] })
	return nil
}

func (m *model) Clear(ctx context.Context) error {
	if err := m.lock(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	m.entries = nil
	clear(m.marks)
	clear(m.alerts)
	return nil
}

func (m *model) Describe() string { return "index in memory" }

func (m *model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}
