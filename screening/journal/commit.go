package journal

import (
	"slices"
	"sync"
	"time"

	"interdict/lists/fault"
)

// commit brings records to disk for all who wait for it: the first to wait flushes what was
// appended until then, those who come meanwhile wait for that flush to end, and one of them
// flushes for all of them next. The flushing is exclusive, so that the fields of segments that
// it owns need no lock.
type commit struct {
	mu     sync.Mutex
	ended  sync.Cond // a flush has ended
	busy   bool      // somebody flushes
	ends   uint64    // flushes that have ended
	synced uint64    // last sequence number known to be on disk
	failed uint64    // last sequence number that the last failed flush was to bring to disk
	err    error     // why it failed
	over   bool      // nothing is flushed any more

	syncs        uint64 // flushes that succeeded
	lastSync     time.Time
	lastDuration time.Duration

	segments []*segment // of the flush under way; kept for its capacity
}

// await returns when the record and all before it are on disk, or a flush that was begun
// after it was appended has failed.
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
		c.busy = true
		c.mu.Unlock()
		begun := j.now()
		through, err := j.flush()
		took := j.now().Sub(begun)
		c.mu.Lock()
		c.busy = false
		c.ends++
		if err == nil {
			c.synced = max(c.synced, through)
			c.syncs, c.lastSync, c.lastDuration = c.syncs+1, begun.Add(took), took
		} else {
			c.failed, c.err = through, err
		}
		c.ended.Broadcast()
		if err != nil {
			return err
		}
	}
	return nil
}

// end waits for the flush under way; there is none after it.
func (c *commit) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.busy {
		c.ended.Wait()
	}
	c.over = true
}

// flush brings everything appended so far to disk and returns the last sequence number. While
// it fails the journal refuses new records.
func (j *Journal) flush() (through uint64, err error) {
	segments := j.commit.segments[:0]
	j.mu.Lock()
	segments = append(segments, j.unsynced...)
	if j.active != nil && !j.active.empty() {
		segments = append(segments, j.active)
	}
	through = j.next - 1
	ends := 0 // of the last segment; those before it have stopped growing
	if n := len(segments); n > 0 {
		ends = segments[n-1].used
	}
	j.mu.Unlock()
	j.commit.segments = segments

	for i, s := range segments {
		end := s.used
		if i == len(segments)-1 {
			end = ends
		}
		if err = j.settle(s, end); err != nil {
			break
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		j.fail(err)
	}
	j.refusal = err
	j.unsynced = slices.DeleteFunc(j.unsynced, func(s *segment) bool { return s.synced == s.used })
	clear(segments)
	return through, err
}

// settle brings the first end bytes of a segment to disk. An fsync that failed is never
// repeated, since the kernel may have dropped the pages and would report success: the segment
// is given up, and what it holds is written to another file.
func (j *Journal) settle(s *segment, end int) error {
	j.mu.Lock()
	broken := s.broken
	j.mu.Unlock()
	if !broken {
		err := s.sync(j.disk, end)
		if err == nil {
			return nil
		}
		err = fault.E(fault.Unavailable, "sync journal: %w", err)
		j.log.Error("journal segment given up", "file", s.path, "offset", s.synced, "error", err)
		j.mu.Lock()
		j.fail(err)
		j.condemn(s)
		j.mu.Unlock()
	}
	return j.salvage(s)
}
