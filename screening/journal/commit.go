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

	parts []part // of the flush under way; kept for its capacity
}

// part is what a flush is to bring to disk of a segment: its first end bytes.
type part struct {
	*segment
	end int
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
	parts := j.commit.parts[:0]
	j.mu.Lock()
	for _, s := range j.unsynced {
		parts = append(parts, part{s, s.used})
	}
	if j.active != nil && !j.active.empty() {
		parts = append(parts, part{j.active, j.active.used})
	}
	through = j.next - 1
	j.mu.Unlock()

	for _, p := range parts {
		if err = j.settle(p); err != nil {
			break
		}
	}
	clear(parts)
	j.commit.parts = parts

	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		j.fail(err)
	}
	j.refusal = err
	j.unsynced = slices.DeleteFunc(j.unsynced, func(s *segment) bool { return s.synced == s.used })
	return through, err
}

// settle brings a part to disk. An fsync that failed is never repeated, since the kernel may
// have dropped the pages and would report success: the segment is given up, and what it holds
// is written to another file.
func (j *Journal) settle(p part) error {
	j.mu.Lock()
	broken := p.broken
	j.mu.Unlock()
	if !broken {
		err := p.sync(j.disk, p.end)
		if err == nil {
			return nil
		}
		err = fault.E(fault.Unavailable, "sync journal: %w", err)
		j.log.Error("journal segment given up", "file", p.path, "offset", p.synced, "error", err)
		j.mu.Lock()
		j.fail(err)
		j.condemn(p.segment)
		j.mu.Unlock()
	}
	return j.salvage(p.segment)
}
