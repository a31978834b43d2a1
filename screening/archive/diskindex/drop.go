package diskindex

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"interdict/screening/archive"
)

const (
	dropChunk = 1000    // records or alerts that one batch removes
	maxRuns   = 1 << 16 // runs of sequence numbers before they are merged
)

// Drop implements archive.Index. Each batch leaves the index whole; after a crash, another Drop removes the rest.
func (x *Index) Drop(ctx context.Context, before time.Time) error {
	d := dropper{x: x, ctx: ctx, cut: boundary(archive.Position{Time: before}), open: map[position]*archive.Entry{}}
	if err := d.findOpen(); err != nil {
		return err
	}
	for _, step := range []func() (bool, error){d.alerts(createdSpace), d.alerts(hitSpace, openHitSpace), d.alerts(pendingSpace), d.records} {
		for more := true; more; {
			var err error
			if more, err = d.locked(step); err != nil {
				return x.fault("drop", err)
			}
		}
	}
	return nil
}

// dropper removes what is before a position.
type dropper struct {
	x    *Index
	ctx  context.Context
	cut  position
	open map[position]*archive.Entry // records of alerts of look-backs that are open, before the cut
	from position                    // where records continues
}

func (d *dropper) locked(step func() (bool, error)) (bool, error) {
	if err := d.x.enter(d.ctx); err != nil {
		return false, err
	}
	defer d.x.leave()
	d.x.change.Lock()
	defer d.x.change.Unlock()
	return step()
}

// findOpen reads the records that stay. An alert that is resolved meanwhile keeps its record until the next Drop; none opens again.
func (d *dropper) findOpen() error {
	return d.x.scan(d.ctx, "drop", []byte{openSpace}, positionKey(openSpace, d.cut), func(key, id []byte) error {
		row, err := d.x.alert(string(id))
		if err != nil {
			return err
		}
		if row.created != nil {
			d.open[position(key[1:])] = row.created
		}
		return nil
	})
}

// alerts returns a step that removes alerts by the position of their first record in a space, also from other spaces.
func (d *dropper) alerts(space byte, others ...byte) func() (bool, error) {
	return func() (more bool, err error) {
		it, err := d.x.db.NewIter(&pebble.IterOptions{LowerBound: []byte{space}, UpperBound: positionKey(space, d.cut)})
		if err != nil {
			return false, err
		}
		defer func() { err = errors.Join(err, it.Close()) }()
		b := d.x.db.NewBatch()
		defer b.Close()
		n := 0
		for ok := it.First(); ok && n < dropChunk; ok = it.Next() {
			if _, open := d.open[position(it.Key()[1:])]; open {
				continue
			}
			n++
			err := errors.Join(b.Delete(it.Key(), nil), b.Delete(alertKey(string(it.Value())), nil))
			for _, other := range others {
				err = errors.Join(err, b.Delete(positionKey(other, position(it.Key()[1:])), nil))
			}
			if err != nil {
				return false, err
			}
		}
		if err := it.Error(); err != nil || n == 0 {
			return false, err
		}
		return true, d.x.commit("drop", b)
	}
}

// records removes the next records: those of a whole period, or some of the period that the cut is in.
func (d *dropper) records() (more bool, err error) {
	it, err := d.x.db.NewIter(&pebble.IterOptions{LowerBound: positionKey(recordSpace, d.from), UpperBound: positionKey(recordSpace, d.cut)})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if !it.First() {
		return false, it.Error()
	}
	b := d.x.db.NewBatch()
	defer b.Close()
	period := position(it.Key()[1:]).period()
	if periodEnd(period).compare(d.cut) <= 0 {
		err = d.period(it, b, period)
	} else {
		err = d.some(it, b)
	}
	if err != nil || b.Empty() {
		return true, err
	}
	return true, d.x.commit("drop", b)
}

// some removes records one by one.
func (d *dropper) some(it *pebble.Iterator, b *pebble.Batch) error {
	var terms []term
	n := 0
	for ok := true; ok && n < dropChunk; ok = it.Next() {
		p := position(it.Key()[1:])
		d.from = p.next()
		if d.open[p] != nil {
			continue
		}
		n++
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		e, err := decodeRecord(p, value)
		if err != nil {
			return err
		}
		err = errors.Join(b.Delete(it.Key(), nil), b.Delete(arrivalKey(e.Writer, e.Sequence), nil))
		terms = appendTerms(terms[:0], &e)
		for _, t := range terms {
			err = errors.Join(err, b.Delete(appendTermKey(nil, t, p), nil))
		}
		if err != nil {
			return err
		}
	}
	return it.Error()
}

// run is a range of sequence numbers.
type run struct{ first, last uint64 }

// period removes the records of a period as a whole, and adds those of open alerts again.
func (d *dropper) period(it *pebble.Iterator, b *pebble.Batch, period uint16) error {
	end := periodEnd(period)
	runs := map[uuid.UUID][]run{}
	var keep []*archive.Entry
	n := 0
	for ok := true; ok; ok = it.Next() {
		p := position(it.Key()[1:])
		if p.compare(end) >= 0 {
			break
		}
		if n++; n%256 == 0 && d.ctx.Err() != nil {
			return d.ctx.Err()
		}
		if e := d.open[p]; e != nil {
			keep = append(keep, e)
			continue
		}
		w, sequence := uuid.UUID(p[8:24]), binary.BigEndian.Uint64(p[24:])
		runs[w] = addRun(runs[w], sequence)
	}
	if err := it.Error(); err != nil {
		return err
	}
	d.from = end
	if len(runs) == 0 {
		return nil
	}
	err := errors.Join(
		b.DeleteRange(positionKey(recordSpace, periodStart(period)), positionKey(recordSpace, end), nil),
		b.DeleteRange(periodKey(period), periodKey(period+1), nil))
	for w, r := range runs {
		for _, r := range mergeRuns(r) {
			err = errors.Join(err, b.DeleteRange(arrivalKey(w, r.first), arrivalKey(w, r.last+1), nil))
		}
	}
	if err != nil {
		return err
	}
	a := adder{x: d.x, batch: b}
	for _, e := range keep {
		p := positionOf(e.Position)
		if err := errors.Join(b.Set(positionKey(recordSpace, p), appendRecord(nil, e), nil), a.addIndexes(e, p)); err != nil {
			return err
		}
	}
	return a.addTerms()
}

// addRun adds a sequence number. Those of a writer come nearly in order.
func addRun(runs []run, sequence uint64) []run {
	if n := len(runs); n > 0 && sequence == runs[n-1].last+1 {
		runs[n-1].last++
		return runs
	}
	runs = append(runs, run{sequence, sequence})
	if len(runs) >= maxRuns && len(runs)%maxRuns == 0 {
		runs = mergeRuns(runs)
	}
	return runs
}

func mergeRuns(runs []run) []run {
	slices.SortFunc(runs, func(a, b run) int {
		if a.first < b.first {
			return -1
		}
		return 1
	})
	merged := runs[:1]
	for _, r := range runs[1:] {
		if last := &merged[len(merged)-1]; r.first == last.last+1 {
			last.last = r.last
		} else {
			merged = append(merged, r)
		}
	}
	return merged
}
