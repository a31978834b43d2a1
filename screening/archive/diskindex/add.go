package diskindex

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"interdict/lists/fault"
	"interdict/screening/archive"
)

// Add implements archive.Index.
func (x *Index) Add(ctx context.Context, entries []archive.Entry, m archive.Mark) error {
	if err := validate(entries, m); err != nil {
		return err
	}
	if err := x.enter(ctx); err != nil {
		return err
	}
	defer x.leave()
	if usage, err := x.fs.GetDiskUsage(x.dir); err == nil && usage.AvailBytes < minimumFree {
		return fault.E(fault.Unavailable, "add to the %s: the disk has %d MiB of free space, and %d MiB are needed", x.Describe(), usage.AvailBytes>>20, minimumFree>>20)
	}
	x.change.Lock()
	defer x.change.Unlock()
	m, err := x.merge(entries, m)
	if err != nil {
		return err
	}
	a := adder{x: x, batch: x.db.NewBatch(), alerts: map[string]*alertRow{}}
	defer a.batch.Close()
	if err := a.addAll(entries); err != nil {
		return x.fault("add", err)
	}
	if err := a.batch.Set(markKey(m.Writer), encodeMark(m), nil); err != nil {
		return x.fault("add", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return x.commit("add", a.batch)
}

func validate(entries []archive.Entry, m archive.Mark) error {
	for i := range entries {
		e := &entries[i]
		switch {
		case e.Writer != m.Writer:
			return fault.E(fault.Invalid, "add to the index: record %d is of writer %s, the mark of %s", e.Sequence, e.Writer, m.Writer)
		case i > 0 && e.Sequence <= entries[i-1].Sequence:
			return fault.E(fault.Invalid, "add to the index: record %d of %s comes after record %d", e.Sequence, e.Writer, entries[i-1].Sequence)
		case !representable(e.Time):
			return fault.E(fault.Invalid, "add to the index: the time of record %d of %s is not within the years 1678 to 2262: %s", e.Sequence, e.Writer, e.Time.Format(time.RFC3339))
		}
	}
	return nil
}

// merge returns the mark to store. fault.Conflict: entries are missing.
func (x *Index) merge(entries []archive.Entry, m archive.Mark) (archive.Mark, error) {
	value, err := x.get(markKey(m.Writer))
	if err != nil {
		return m, x.fault("add", err)
	}
	var old archive.Mark
	if value != nil {
		if old, err = decodeMark(m.Writer, value); err != nil {
			return m, x.fault("add", err)
		}
	}
	next := old.Sequence + 1
	missing := func(before uint64) error {
		return fault.E(fault.Conflict, "add to the index: records %d to %d of %s are missing", next, before, m.Writer)
	}
	for i := range entries {
		if entries[i].Sequence > next && m.Gap == "" {
			return m, missing(entries[i].Sequence - 1)
		}
		next = max(next, entries[i].Sequence+1)
	}
	if m.Sequence >= next && m.Gap == "" {
		return m, missing(m.Sequence)
	}
	m.Sequence = max(m.Sequence, old.Sequence)
	m.Ended = m.Ended || old.Ended
	if m.Complete.Before(old.Complete) && !m.Back {
		m.Complete = old.Complete
	}
	return m, nil
}

// adder fills a batch.
type adder struct {
	x      *Index
	batch  *pebble.Batch
	alerts map[string]*alertRow // as they are with the batch
	terms  []term
	keys   []termKey // to be added
}

type termKey [1 + periodSize + termSize + positionSize]byte

func (a *adder) addAll(entries []archive.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	writer, last := entries[0].Writer, entries[len(entries)-1].Sequence
	it, err := a.x.db.NewIter(&pebble.IterOptions{LowerBound: arrivalKey(writer, entries[0].Sequence), UpperBound: arrivalKey(writer, last+1)})
	if err != nil {
		return err
	}
	if err := errors.Join(a.addMissing(it, entries), it.Close()); err != nil {
		return err
	}
	return a.addTerms()
}

// addMissing adds the entries that are not among the arrivals of it.
func (a *adder) addMissing(it *pebble.Iterator, entries []archive.Entry) error {
	there := it.First()
	for i := range entries {
		e := &entries[i]
		for there && binary.BigEndian.Uint64(it.Key()[17:]) < e.Sequence {
			there = it.Next()
		}
		if !there && it.Error() != nil {
			return it.Error()
		}
		if there && binary.BigEndian.Uint64(it.Key()[17:]) == e.Sequence {
			continue
		}
		if err := a.add(e); err != nil {
			return err
		}
	}
	return nil
}

func (a *adder) add(e *archive.Entry) error {
	p := positionOf(e.Position)
	value := make([]byte, 0, 512)
	if err := a.batch.Set(positionKey(recordSpace, p), appendRecord(value, e), nil); err != nil {
		return err
	}
	if err := a.addIndexes(e, p); err != nil {
		return err
	}
	if e.Terms.Alert.ID == "" {
		return nil
	}
	return a.addAlert(e, p)
}

// addIndexes adds the arrival of a record, and remembers its terms for addTerms.
func (a *adder) addIndexes(e *archive.Entry, p position) error {
	if err := a.batch.Set(arrivalKey(e.Writer, e.Sequence), p[:8], nil); err != nil {
		return err
	}
	a.terms = appendTerms(a.terms[:0], e)
	var buf [64]byte
	for _, t := range a.terms {
		a.keys = append(a.keys, termKey(appendTermKey(buf[:0], t, p)))
	}
	return nil
}

// addTerms adds the keys of terms to the batch, in order, which the store takes several times as fast.
func (a *adder) addTerms() error {
	slices.SortFunc(a.keys, func(a, b termKey) int { return bytes.Compare(a[:], b[:]) })
	for i := range a.keys {
		if err := a.batch.Set(a.keys[i][:], nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// addAlert changes the alert that a record creates or resolves. The first of each kind counts.
func (a *adder) addAlert(e *archive.Entry, p position) error {
	id := e.Terms.Alert.ID
	row, known := a.alerts[id]
	if !known {
		var err error
		if row, err = a.x.alert(id); err != nil {
			return err
		}
		a.alerts[id] = row
	}
	resolved := e.Terms.Alert.Resolved
	if resolved && row.resolved != nil || !resolved && row.created != nil {
		return nil
	}
	var err error
	set := func(space byte, p position) {
		err = errors.Join(err, a.batch.Set(positionKey(space, p), []byte(id), nil))
	}
	remove := func(space byte, p position) { err = errors.Join(err, a.batch.Delete(positionKey(space, p), nil)) }
	kind := e.Kind
	if resolved && row.created != nil {
		kind = row.created.Kind
	}
	created, open := spacesOf(kind)
	switch {
	case resolved && row.created == nil:
		set(pendingSpace, p)
	case resolved:
		remove(open, positionOf(row.created.Position))
	case row.resolved == nil:
		set(created, p)
		set(open, p)
	default:
		set(created, p)
		remove(pendingSpace, positionOf(row.resolved.Position))
	}
	if resolved {
		row.resolved = e
	} else {
		row.created = e
	}
	return errors.Join(err, a.batch.Set(alertKey(id), row.encode(), nil))
}

// alert returns the stored row of an alert; empty: there is none.
func (x *Index) alert(id string) (*alertRow, error) {
	value, err := x.get(alertKey(id))
	if err != nil || value == nil {
		return &alertRow{}, err
	}
	row, err := decodeAlert(value)
	return &row, err
}
