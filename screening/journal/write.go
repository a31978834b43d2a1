package journal

import (
	"sync"

	"interdict/lists/fault"
)

// batch is a group of records that is written at once. Journal.mu guards it.
type batch struct {
	buf   []byte
	first uint64 // sequence number of the first record
	refs  int    // calls that wait for it
	done  bool
	good  uint64 // last sequence number that was written
	err   error  // of the others
	ended sync.Cond
}

// write appends the entries to the pending batch and waits until it is written. The first caller that finds no write running
// writes for all. write returns the sequence number of the last record, and whether the disk is far behind.
func (j *Journal) write(entries []Entry) (last uint64, behind bool, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.closed:
		return 0, false, errClosed
	case j.refusal != nil:
		return 0, false, j.refusal
	case len(entries) == 0:
		return j.next - 1, false, nil
	}
	b := j.joinBatch()
	for i := range entries {
		b.buf = appendFrame(b.buf, j.salt, j.next, &entries[i])
		j.next++
	}
	last = j.next - 1
	b.refs++
	for !b.done {
		if j.writing {
			b.ended.Wait()
		} else {
			j.lead()
		}
	}
	if b.good < last {
		err = b.err
	}
	if b.refs--; b.refs == 0 && cap(b.buf) <= 1<<20 && len(j.free) < 8 {
		j.free = append(j.free, b)
	}
	return last, j.tail.unsynced() > max(int(j.segmentBytes), DefaultSegmentBytes/4), err
}

// joinBatch returns the batch that is written next.
func (j *Journal) joinBatch() *batch {
	if j.pending == nil {
		var b *batch
		if n := len(j.free); n > 0 {
			b, j.free = j.free[n-1], j.free[:n-1]
		} else {
			b = &batch{}
		}
		*b = batch{buf: b.buf[:0], first: j.next, ended: sync.Cond{L: &j.mu}}
		j.pending = b
	}
	return j.pending
}

// lead writes the pending batch. The caller holds mu, which lead releases meanwhile.
func (j *Journal) lead() {
	b := j.pending
	j.pending, j.writing = nil, true
	good, err := j.writeBatch(b)
	b.done, b.good, b.err = true, good, err
	b.ended.Broadcast()
	if err != nil {
		j.fail(err)
		if p := j.pending; p != nil { // its sequence numbers are given to other records
			p.done, p.good, p.err = true, good, err
			p.ended.Broadcast()
			j.pending = nil
		}
		j.next = good + 1
		wake(j.keepNow)
	}
	j.endWriting()
}

// beginWriting locks mu and makes the caller the only one that writes.
func (j *Journal) beginWriting() {
	j.mu.Lock()
	for j.writing {
		j.idle.Wait()
	}
	j.writing = true
}

// endWriting lets others write. The caller holds mu.
func (j *Journal) endWriting() {
	j.writing = false
	j.idle.Broadcast()
	if j.pending != nil {
		j.pending.ended.Signal()
	}
}

// writeBatch writes the records of a batch, and returns the sequence number of the last one that was written. A failed write may have
// written a part of the records: the segment is not used any more, and the next one takes precedence.
func (j *Journal) writeBatch(b *batch) (good uint64, err error) {
	good = b.first - 1
	for rest := b.buf; len(rest) > 0; {
		if j.refusal != nil {
			return good, j.refusal
		}
		s := j.active
		n, records := fit(rest, s.room())
		if n == 0 {
			if err := j.rotate(good + 1); err != nil {
				return good, err
			}
			continue
		}
		j.mu.Unlock()
		err := j.disk.write(s.file, rest[:n], s.used)
		j.mu.Lock()
		if err != nil {
			s.broken = true
			j.refusal = fault.E(fault.Unavailable, "append to journal: %w", err)
			return good, j.refusal
		}
		good += records
		j.tail.add(rest[:n], good)
		s.used, s.next = s.used+int64(n), good+1
		j.records, j.bytes = j.records+records, j.bytes+uint64(n)
		if s.since.IsZero() {
			s.since = j.now()
		}
		rest = rest[n:]
	}
	if j.spare == nil && j.active.used > j.active.size/2 {
		wake(j.keepNow)
	}
	return good, nil
}

// rotate makes the spare the active segment, and retires the one before. The caller holds mu, which rotate releases meanwhile, and is the
// one that writes.
func (j *Journal) rotate(first uint64) error {
	if j.spare == nil {
		if j.spareErr != nil {
			return j.spareErr
		}
		if err := j.prepareSpare(); err != nil {
			return err
		}
	}
	s := j.spare
	j.mu.Unlock()
	err := j.begin(s, first)
	j.mu.Lock()
	if err != nil {
		return err
	}
	j.spare = nil
	j.retire()
	j.active = s
	j.rotations++
	return nil
}

// prepareSpare creates a spare. The caller holds mu, which prepareSpare releases meanwhile, and is the one that writes.
func (j *Journal) prepareSpare() error {
	number, failing := j.number+1, j.spareErr != nil
	j.mu.Unlock()
	s, err := j.newSegment(number, j.segmentBytes)
	if err != nil && !failing {
		j.log.Error("journal cannot create the next segment", "error", err)
	}
	if err == nil && failing {
		j.log.Info("journal can create segments again")
	}
	j.mu.Lock()
	j.spare, j.spareErr = s, err
	if err != nil {
		j.fail(err)
		return err
	}
	j.number = number
	return nil
}

// retire hands the active segment to the sealer. The caller holds mu and is the one that writes.
func (j *Journal) retire() {
	s := j.active
	if !s.empty() && !s.broken {
		j.unsynced = append(j.unsynced, s)
	}
	j.retired = append(j.retired, s)
	j.active = nil
	wake(j.sealNow)
}
