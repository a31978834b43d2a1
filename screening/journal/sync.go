package journal

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"interdict/lists/fault"
	"interdict/lists/timing"
)

// commit is a group commit: the first caller flushes all records written so
// far. Callers that arrive during a flush wait for its end; then one of them
// flushes for all of them. Only one goroutine flushes at a time.
type commit struct {
	mu     sync.Mutex
	ended  sync.Cond // signals the end of a flush
	busy   bool      // a flush is running
	begun  time.Time // when it began
	ends   uint64    // number of flushes that have ended
	synced uint64    // last sequence number known to be on disk
	failed uint64    // last sequence number of the last failed flush
	err    error     // error of the last failed flush
	over   bool      // no flush starts any more

	syncs     uint64 // number of successful flushes
	lastSync  time.Time
	durations timing.Histogram

	parts []*segment // of the running flush; reused to avoid allocations
}

// await returns nil when the record and all before it are on disk, or the error of a flush that began
// after it was written.
func (j *Journal) await(sequence uint64) error {
	c := &j.commit
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.synced < sequence {
		if c.over {
			return errClosed
		}
		if c.busy {
			for ends := c.ends; c.ends == ends; {
				c.ended.Wait()
			}
			if c.synced < sequence && c.failed >= sequence {
				return c.err
			}
			continue
		}
		if err := j.runFlush(); err != nil {
			return err
		}
	}
	return nil
}

// runFlush flushes. The caller holds commit.mu, which runFlush releases meanwhile, and no flush is running.
func (j *Journal) runFlush() error {
	c := &j.commit
	begun := j.now()
	c.busy, c.begun = true, begun
	c.mu.Unlock()
	through, err := j.flush()
	took := j.now().Sub(begun)
	c.mu.Lock()
	c.busy = false
	c.ends++
	if err == nil {
		c.synced = max(c.synced, through)
		c.syncs, c.lastSync = c.syncs+1, begun.Add(took)
		c.durations.Observe(took)
	} else {
		c.failed, c.err = through, err
	}
	c.ended.Broadcast()
	return err
}

// settle waits until the flush that is running has ended.
func (c *commit) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy {
		for ends := c.ends; c.ends == ends; {
			c.ended.Wait()
		}
	}
}

// end waits for the running flush and prevents further ones.
func (c *commit) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.busy {
		c.ended.Wait()
	}
	c.over = true
}

// flush writes all records so far to disk and returns the last sequence number. A failed fsync is never repeated, since the
// kernel may have dropped the pages and would report success: the records go to another file.
func (j *Journal) flush() (through uint64, err error) {
	j.mu.Lock()
	parts := append(j.commit.parts[:0], j.unsynced...)
	if j.active != nil && !j.active.empty() {
		parts = append(parts, j.active)
	}
	through, end, refused := j.tail.last, j.tail.end(), j.refusal != nil
	j.mu.Unlock()

	for _, s := range parts {
		if refused {
			break
		}
		if err := s.sync(j.disk); err != nil {
			j.log.Error("journal segment abandoned after a failed sync; its records go to another file", "file", s.path, "error", err)
			j.mu.Lock()
			s.broken, refused = true, true
			j.fail(fault.E(fault.Unavailable, "sync journal: %w", err))
			j.mu.Unlock()
		}
	}
	if refused {
		clear(parts)
		return j.move()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tail.onDisk(end)
	kept := j.unsynced[:0]
	for i, s := range j.unsynced {
		if i >= len(parts) || parts[i] != s {
			kept = append(kept, s)
		}
	}
	clear(j.unsynced[len(kept):])
	j.unsynced = kept
	clear(parts)
	j.commit.parts = parts
	if j.proof != nil {
		wake(j.proveNow)
	}
	return through, nil
}

// move writes the records that may not be on disk to a new segment, and makes it the active one. It takes precedence over the
// segments before from its first sequence number on. Appends are refused until it succeeds.
func (j *Journal) move() (through uint64, err error) {
	j.beginWriting()
	defer j.mu.Unlock()
	defer j.endWriting()
	through = j.tail.last
	records, first := j.tail.buf, j.tail.first
	if len(records) == 0 {
		first = j.next
	}
	old, lost, number, closed := j.active, j.lost, j.number+1, j.active == nil
	j.number = number
	j.mu.Unlock()

	if lost && old != nil {
		if all, rerr := readBack(old, records, first); rerr == nil {
			records, first = all, min(first, old.first)
		} else {
			j.log.Error("journal records were in a file that was deleted, and cannot be read back", "file", old.path, "first", old.first, "last", first-1, "error", rerr)
		}
	}
	s, err := j.moveTo(number, first, records)

	j.mu.Lock()
	if err != nil {
		j.refusal = err
		j.fail(err)
		return through, err
	}
	j.log.Warn("journal records moved to another file", "file", s.path, "first", first, "last", through)
	s.next, s.used = through+1, headerBytes+int64(len(records))
	if !s.empty() {
		s.since = j.now()
	}
	if old != nil {
		old.broken = true
		j.retire()
	}
	for _, u := range j.unsynced {
		u.broken = true // the new segment has its records
	}
	clear(j.unsynced)
	j.unsynced = j.unsynced[:0]
	j.active, j.refusal, j.lost = s, nil, false
	if j.spare != nil { // its number is lower: it would not take precedence
		if err := j.spare.remove(); err != nil {
			j.fail(err)
		}
		j.spare = nil
	}
	if closed {
		j.retire()
		j.unsynced = j.unsynced[:0]
	}
	j.rotations++
	j.tail.onDisk(j.tail.end())
	if j.proof != nil {
		wake(j.proveNow)
	}
	return through, nil
}

// moveTo writes records to a new segment and syncs it.
func (j *Journal) moveTo(number int, first uint64, records []byte) (*segment, error) {
	s, err := j.newSegment(number, max(j.segmentBytes, headerBytes+int64(len(records))))
	if err != nil {
		return nil, err
	}
	if err = j.begin(s, first); err == nil && len(records) > 0 {
		err = j.disk.write(s.file, records, headerBytes)
	}
	if err == nil {
		err = s.sync(j.disk)
	}
	if err != nil {
		return nil, fault.E(fault.Unavailable, "move journal records: %w", errors.Join(err, s.remove()))
	}
	return s, nil
}

// readBack returns all records of a segment whose file was deleted, which is still open. tail has later records, and maybe
// some before.
func readBack(s *segment, tail []byte, tailFirst uint64) ([]byte, error) {
	if len(tail) > 0 && tailFirst <= s.first {
		return tail, nil
	}
	all := make([]byte, s.used-headerBytes)
	if _, err := s.file.ReadAt(all, headerBytes); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if n, records := fitValid(all); n != len(all) || records != s.next-s.first {
		return nil, errors.New("its records have changed")
	}
	return all, nil
}

// fitValid is fit for bytes that may not be records.
func fitValid(b []byte) (bytes int, records uint64) {
	for bytes+headBytes <= len(b) {
		size := frameSize(b[bytes:])
		if size == 0 || bytes+size > len(b) {
			break
		}
		bytes, records = bytes+size, records+1
	}
	return bytes, records
}

// checkFile returns an error if records written to the active segment could not be found by a reader: its folder or its file was deleted,
// replaced or made read-only.
func checkFile(dir string, s *segment) error {
	if err := checkFolder(dir); err != nil {
		return err
	}
	same, err := sameFile(s.file, s.path)
	switch {
	case err != nil:
		return fault.E(fault.Unavailable, "check journal segment: %w", err)
	case !same:
		return fault.E(fault.Unavailable, "the journal segment %s was deleted or replaced", s.path)
	}
	info, err := os.Stat(s.path)
	if err == nil && info.Mode().Perm()&0o200 == 0 {
		err = fault.E(fault.Unavailable, "the journal segment %s was made read-only", s.path)
	}
	return err
}
