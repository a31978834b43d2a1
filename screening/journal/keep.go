package journal

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"interdict/lists/fault"
)

const (
	// syncEvery is how far the disk is behind records that are not durable.
	syncEvery = 100 * time.Millisecond

	// checkEvery is how often the folder and the file of the active segment are looked at.
	checkEvery = 2 * time.Second

	// retryEvery is the wait before an operation that the disk refused is tried again.
	retryEvery = 250 * time.Millisecond
)

// keep is the keeper goroutine. It flushes the records that are not durable, prepares the next
// segment before the active one is full, retires the active one when it is old, and looks after its file.
func (j *Journal) keep() {
	flush, check := time.NewTicker(syncEvery), time.NewTicker(checkEvery)
	defer flush.Stop()
	defer check.Stop()
	var retried time.Time
	for {
		select {
		case <-j.quit:
			return
		case <-j.keepNow:
		case <-flush.C:
		case <-check.C:
			j.checkFile()
		}
		j.mu.Lock()
		unsynced, refused, noSpace := j.tail.unsynced() > 0, j.refusal != nil, j.spareErr != nil
		half := j.spare == nil && (j.active.used > j.active.size/2 || noSpace)
		old := !j.active.since.IsZero() && j.now().Sub(j.active.since) >= j.maxAge
		j.mu.Unlock()

		if refused || noSpace {
			if time.Since(retried) < retryEvery {
				continue
			}
			retried = time.Now()
		}
		if refused && checkFolder(j.dir) != nil {
			continue
		}
		if unsynced || refused {
			j.flushNow()
		}
		if half || old {
			j.prepare(old)
		}
	}
}

// flushNow flushes even if all records are on disk. An error is in Stats and is returned to appends.
func (j *Journal) flushNow() {
	c := &j.commit
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.busy {
		_ = j.runFlush() // recorded by flush
	}
}

// prepare creates a spare, and rotates to it if the active segment is old.
func (j *Journal) prepare(old bool) {
	j.beginWriting()
	defer j.mu.Unlock()
	defer j.endWriting()
	if j.refusal != nil {
		return
	}
	if j.spare == nil && j.prepareSpare() != nil {
		return
	}
	if old {
		if err := j.rotate(j.next); err != nil {
			j.fail(err)
		}
	}
}

func (j *Journal) checkFile() {
	j.mu.Lock()
	s, refused := j.active, j.refusal != nil
	j.mu.Unlock()
	err := checkFile(j.dir, s)
	if err == nil || refused {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if s != j.active {
		return
	}
	j.log.Error("journal refuses records", "error", err)
	j.refusal, j.lost = err, true
	j.fail(err)
}

// checkFolder returns an error if dir is not a folder in which files can be created. The mode counts also for root, who could ignore it.
func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	if err == nil {
		err = unix.Access(dir, unix.W_OK|unix.X_OK)
	}
	if err != nil {
		return fault.E(fault.Unavailable, "the journal folder %s: %w", dir, err)
	}
	if !info.IsDir() || info.Mode().Perm()&0o200 == 0 {
		return fault.E(fault.Unavailable, "the journal folder %s was made read-only", dir)
	}
	return nil
}
