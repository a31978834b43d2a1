package diskindex

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"interdict/screening/archive"
)

const alertChunk = 100 // alerts that are read at once

// Alerts implements archive.Index.
func (x *Index) Alerts(ctx context.Context, q archive.AlertQuery) iter.Seq2[archive.AlertState, error] {
	return func(yield func(archive.AlertState, error) bool) {
		var from position
		if !isZero(q.After) {
			from = boundary(q.After).next()
		}
		clears := x.clears.Load()
		for n := 0; ; {
			states, next, err := x.alertChunk(ctx, q, from, clears)
			if err != nil {
				yield(archive.AlertState{}, x.fault("search alerts", err))
				return
			}
			for _, s := range states {
				if err := ctx.Err(); err != nil {
					yield(archive.AlertState{}, err)
					return
				}
				if !yield(s, nil) {
					return
				}
				if n++; n == q.Limit {
					return
				}
			}
			if next == nil {
				return
			}
			from = *next
		}
	}
}

// alertChunk reads some of the alerts that a query selects, and returns where to continue.
func (x *Index) alertChunk(ctx context.Context, q archive.AlertQuery, from position, clears int64) (states []archive.AlertState, next *position, err error) {
	if err := x.enter(ctx); err != nil {
		return nil, nil, err
	}
	defer x.leave()
	if err := x.sameSince(clears); err != nil {
		return nil, nil, err
	}
	snapshot := x.db.NewSnapshot()
	defer snapshot.Close()
	if q.ID != "" {
		s, err := alertAt(snapshot, q.ID)
		if err == nil && s.ID != "" && selects(q, s) && positionOf(s.Created.Position).compare(from) >= 0 {
			states = append(states, s)
		}
		return states, nil, err
	}
	found, err := firstAlerts(snapshot, spaces(q.Of, q.Open), from)
	if err != nil {
		return nil, nil, err
	}
	for i, a := range found {
		if i == alertChunk {
			return states, &a.at, nil
		}
		s, err := alertAt(snapshot, a.id)
		if err != nil {
			return nil, nil, err
		}
		if s.ID == "" {
			return nil, nil, errFormat // an alert without a row
		}
		if selects(q, s) {
			states = append(states, s)
		}
	}
	return states, nil, nil
}

// spaces returns where the positions of alerts are.
func spaces(of archive.Origin, open bool) []byte {
	switch {
	case of == archive.Hits && open:
		return []byte{openHitSpace}
	case of == archive.Hits:
		return []byte{hitSpace}
	case of == archive.LookBacks && open:
		return []byte{openSpace}
	case of == archive.LookBacks:
		return []byte{createdSpace}
	case open:
		return []byte{openSpace, openHitSpace}
	}
	return []byte{createdSpace, hitSpace}
}

// placed is an alert with the position of the record that created it.
type placed struct {
	at position
	id string
}

// firstAlerts returns the first alerts of several spaces from a position on, in order: alertChunk of them, and one more if there are more.
func firstAlerts(r pebble.Reader, spaces []byte, from position) (found []placed, err error) {
	for _, space := range spaces {
		it, err := r.NewIter(&pebble.IterOptions{LowerBound: positionKey(space, from), UpperBound: []byte{space + 1}})
		if err != nil {
			return nil, err
		}
		n := 0
		for ok := it.First(); ok && n <= alertChunk; ok = it.Next() {
			n++
			found = append(found, placed{position(it.Key()[1:]), string(it.Value())})
		}
		if err := errors.Join(it.Error(), it.Close()); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(found, func(a, b placed) int { return a.at.compare(b.at) })
	return found[:min(len(found), alertChunk+1)], nil
}

// alertAt returns an alert that was created; without an ID: there is none.
func alertAt(r pebble.Reader, id string) (archive.AlertState, error) {
	value, closer, err := r.Get(alertKey(id))
	if errors.Is(err, pebble.ErrNotFound) {
		return archive.AlertState{}, nil
	}
	if err != nil {
		return archive.AlertState{}, err
	}
	row, err := decodeAlert(value)
	if err = errors.Join(err, closer.Close()); err != nil || row.created == nil {
		return archive.AlertState{}, err
	}
	return archive.AlertState{ID: id, Created: *row.created, Resolved: row.resolved}, nil
}

func selects(q archive.AlertQuery, s archive.AlertState) bool {
	return (q.Of == archive.AnyOrigin || q.Of == archive.OriginOf(s.Created.Kind)) && (!q.Open || s.Resolved == nil) && (q.List == "" || slices.Contains(s.Created.Terms.Lists, q.List))
}

// OpenAlerts implements archive.Index.
func (x *Index) OpenAlerts(ctx context.Context, of archive.Origin) (n int, err error) {
	for _, space := range spaces(of, true) {
		err = errors.Join(err, x.scan(ctx, "count alerts", []byte{space}, []byte{space + 1}, func([]byte, []byte) error {
			n++
			return nil
		}))
	}
	return n, err
}
