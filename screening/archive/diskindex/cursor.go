package diskindex

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"interdict/screening/archive"
)

// cursor reads one state of the store.
type cursor struct {
	ctx   context.Context
	it    *pebble.Iterator
	steps int
}

// step is called for each key, and returns an error now and then: if the context is cancelled.
func (c *cursor) step() error {
	if c.steps++; c.steps%256 == 0 {
		return c.ctx.Err()
	}
	return nil
}

// seek moves to the first key of a range, or to its last one, and says whether there is one.
func (c *cursor) seek(lower, upper []byte, last bool) bool {
	if last {
		return c.it.SeekLT(upper) && bytes.Compare(c.it.Key(), lower) >= 0
	}
	return c.it.SeekGE(lower) && bytes.Compare(c.it.Key(), upper) < 0
}

// advance moves to the next key of a range, or to the one before.
func (c *cursor) advance(lower, upper []byte, back bool) bool {
	if back {
		return c.it.Prev() && bytes.Compare(c.it.Key(), lower) >= 0
	}
	return c.it.Next() && bytes.Compare(c.it.Key(), upper) < 0
}

// records reads records in order of position. left is the rest of the span.
func (c *cursor) records(s *selection, in span, want int) (found []archive.Entry, left span, err error) {
	lower, upper := positionKey(recordSpace, in.low), positionKey(recordSpace, in.high)
	size, read := 0, 0
	for ok := c.seek(lower, upper, in.newest); ok; ok = c.advance(lower, upper, in.newest) {
		if err := c.step(); err != nil {
			return nil, left, err
		}
		p, e, err := c.current()
		if err != nil {
			return nil, left, err
		}
		if s.holds(&e) {
			found = append(found, e)
			size += len(e.Payload)
		}
		if read++; len(found) == want || read == chunkRecords || size > chunkBytes {
			return found, in.after(p), nil
		}
	}
	return found, left, c.it.Error()
}

// current decodes the record at which the iterator is.
func (c *cursor) current() (position, archive.Entry, error) {
	key := c.it.Key()
	if len(key) != 1+positionSize {
		return position{}, archive.Entry{}, errFormat
	}
	p := position(key[1:])
	value, err := c.it.ValueAndErr()
	if err != nil {
		return p, archive.Entry{}, err
	}
	e, err := decodeRecord(p, value)
	return p, e, err
}

// record returns the record of a position that a term has.
func (c *cursor) record(p position) (archive.Entry, error) {
	if err := c.step(); err != nil {
		return archive.Entry{}, err
	}
	var buf [1 + positionSize]byte
	key := appendPositionKey(buf[:0], recordSpace, p)
	if !c.it.SeekGE(key) {
		if err := c.it.Error(); err != nil {
			return archive.Entry{}, err
		}
		return archive.Entry{}, errFormat // a term without a record
	}
	if !bytes.Equal(c.it.Key(), key) {
		return archive.Entry{}, errFormat
	}
	_, e, err := c.current()
	return e, err
}

// best returns the first positions of the condition that has the fewest, in order, and whether it has more.
func (c *cursor) best(conditions [][]term, in span, want int) (best []position, more bool, err error) {
	if len(conditions) == 1 {
		return c.positions(conditions[0], in, want)
	}
	for i, terms := range conditions {
		found, again, err := c.positions(terms, in, chunkPositions)
		if err != nil {
			return nil, false, err
		}
		if len(found) == 0 {
			return nil, false, nil // a condition that nothing fulfils
		}
		var better bool
		switch {
		case i == 0 || again != more:
			better = !again
		case more:
			better = in.order(found[len(found)-1], best[len(best)-1]) > 0
		default:
			better = len(found) < len(best)
		}
		if i == 0 || better {
			best, more = found, again
		}
	}
	return best, more, nil
}

// positions returns the first limit positions in a span that have one of the terms, in order, each once, and whether there are more.
func (c *cursor) positions(terms []term, in span, limit int) (found []position, more bool, err error) {
	period, ok, err := c.period(in, in.low.period(), in.high.period())
	for ok && err == nil {
		part, again, err := c.positionsIn(period, terms, in, limit-len(found))
		found = append(found, part...)
		if err != nil || again || len(found) == limit {
			return found, true, err
		}
		if in.newest {
			if period == 0 {
				return found, false, nil
			}
			period, ok, err = c.period(in, in.low.period(), period-1)
		} else {
			period, ok, err = c.period(in, period+1, in.high.period())
		}
		if err != nil {
			return nil, false, err
		}
	}
	return found, false, err
}

// period returns the first period with terms from low up to high, or the last one.
func (c *cursor) period(in span, low, high uint16) (uint16, bool, error) {
	if low > high {
		return 0, false, nil
	}
	if !c.seek(periodKey(low), periodKey(high+1), in.newest) {
		return 0, false, c.it.Error()
	}
	return binary.BigEndian.Uint16(c.it.Key()[1:]), true, nil
}

// positionsIn is like positions, for one period.
func (c *cursor) positionsIn(period uint16, terms []term, in span, limit int) (found []position, more bool, err error) {
	first, last := in.low, in.high
	if start := periodStart(period); start.compare(first) > 0 {
		first = start
	}
	if end := periodEnd(period); end.compare(last) < 0 {
		last = end
	}
	full := false       // found has the first positions of the terms so far, in order, and no others are needed after the last of them
	compact := func() { // keeps the first positions
		slices.SortFunc(found, in.order)
		found = slices.Compact(found)
		if len(found) > limit {
			found, more = found[:limit], true
		}
		full = len(found) == limit
	}
	for _, t := range terms {
		lower := appendTermKeyIn(period, t, first)
		upper := appendTermKeyIn(period, t, last)
		n := 0
		for ok := c.seek(lower, upper, in.newest); ok; ok = c.advance(lower, upper, in.newest) {
			if err := c.step(); err != nil {
				return nil, false, err
			}
			key := c.it.Key()
			if len(key) != 1+periodSize+termSize+positionSize {
				return nil, false, errFormat
			}
			p := position(key[1+periodSize+termSize:])
			if n == limit || full && in.order(p, found[limit-1]) > 0 {
				more = true
				break
			}
			found = append(found, p)
			n++
		}
		if err := c.it.Error(); err != nil {
			return nil, false, err
		}
		if len(found) > 4*limit+1024 {
			compact()
		}
	}
	compact()
	return found, more, nil
}

// appendTermKeyIn returns the key of a term at a position, which may be the end of the period.
func appendTermKeyIn(period uint16, t term, p position) []byte {
	b := append(periodKey(period), t[:]...)
	return append(b, p[:]...)
}
