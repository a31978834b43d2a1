package journal

import (
	"slices"
	"sync"
	"time"

	"interdict/lists/fault"
)

// commit is a group commit: the first caller flushes all records appended so
// far. Callers that arrive during a flush wait for its end; then one of them
// flushes for all of them. Only one goroutine flushes at a time, so the fields of segments that
// the flush owns need no lock.
type commit struct {
	mu     sync.Mutex
	ended  sync.Cond // signals the end of a flush
	busy   bool      // a flush is running
	ends   uint64    // number of flushes that have ended
	synced uint64    // last sequence number known to be on disk
	failed uint64    // last sequence number of the last failed flush
	err    error     // error of the last failed flush
	over   bool      // no flush starts any more

	syncs        uint64 // number of successful flushes
	lastSync     time.Time
	lastDuration time.Duration

	parts []part // of the running flush; reused to avoid allocations
}

// part is the part of a segment that a flush writes to disk: its first end bytes.
type part struct {
	*segment
	end int
}

// await returns nil when the record and all before it are on disk, or the error of a flush that began
// after it was appended.
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

// end waits for the running flush and prevents further ones.
func (c *commit) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.busy {
		c.ended.Wait()
	}
	c.over = true
}

// flush writes all records appended so far to disk and returns the last sequence number. After
// an error appends fail until a flush succeeds.
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
		if err = j.flushPart(p); err != nil {
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

// flushPart writes a part to disk. A failed fsync is never repeated, since the kernel may
// have dropped the pages and would report success. Instead the segment is abandoned, and its records
// are copied to another file.
func (j *Journal) flushPart(p part) error {
	j.mu.Lock()
	broken := p.broken
	j.mu.Unlock()
	if !broken {
		err := p.sync(j.disk, p.end)
		if err == nil {
			return nil
		}
		err = fault.E(fault.Unavailable, "sync journal: %w", err)
		j.log.Error("journal segment abandoned after a failed sync; its records go to another file", "file", p.path, "offset", p.synced, "error", err)
		j.mu.Lock()
		j.fail(err)
		j.abandon(p.segment)
		j.mu.Unlock()
	}
	return j.salvage(p.segment)
}
