package journal

import (
	"crypto/sha256"
	"time"
)

// retryEvery is the wait before an operation that the disk refused is tried again.
const retryEvery = 250 * time.Millisecond

// prepare is the preparer goroutine. It warms the memory ahead of the records, prepares the next
// segment before the active one is full, and retires the active one when it is old.
func (j *Journal) prepare() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-j.quit:
			return
		case <-j.prepareNow:
		case <-timer.C:
		}
		old, wanted := j.keepWarm()
		if wanted {
			j.prepareSpare()
		}
		if old {
			j.rotateOld()
		}
		timer.Reset(j.untilNext())
	}
}

// keepWarm warms the active segment. It returns whether the segment is old enough to retire,
// and whether a spare is needed.
func (j *Journal) keepWarm() (old, wanted bool) {
	j.mu.Lock()
	s := j.active
	if s == nil {
		j.mu.Unlock()
		return false, true
	}
	used := s.used
	if s.empty() {
		j.wake = used + 1
	} else {
		j.wake = used + min(warmBytes/2, j.segmentBytes/8)
		if s.since.IsZero() {
			s.since = j.now()
		}
	}
	old = j.isOld(s)
	wanted = old || j.wanted || used >= j.segmentBytes/4
	j.mu.Unlock()
	s.keepWarm(used)
	return old, wanted
}

// isOld reports whether a segment has reached the maximum age. The caller holds mu.
func (j *Journal) isOld(s *segment) bool {
	return !s.since.IsZero() && j.now().Sub(s.since) >= j.maxAge
}

// prepareSpare creates a spare if there is none, and signals the appends that wait for it.
func (j *Journal) prepareSpare() {
	j.mu.Lock()
	needed, failing := j.spare == nil && !j.closed, j.spareErr != nil
	j.mu.Unlock()
	if !needed {
		return
	}
	s, err := newSegment(j.dir, j.segmentBytes, j.disk)
	if err != nil && !failing {
		j.log.Error("journal cannot create the next segment", "error", err)
	}
	if err == nil && failing {
		j.log.Info("journal can create segments again")
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.spare, j.spareErr, j.wanted = s, err, err != nil
	if err != nil {
		j.fail(err)
	}
	j.ready.Broadcast()
}

// rotateOld retires the active segment if it is still old and there is a spare.
func (j *Journal) rotateOld() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.spare == nil || j.active == nil || !j.isOld(j.active) {
		return
	}
	if err := j.rotate(); err != nil {
		j.log.Error("journal cannot create the next segment", "error", err)
	}
}

// untilNext returns the time after which prepare runs without being woken.
func (j *Journal) untilNext() time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.spareErr != nil {
		return retryEvery
	}
	if j.active == nil || j.active.since.IsZero() {
		return j.maxAge
	}
	return max(j.maxAge-j.now().Sub(j.active.since), time.Millisecond)
}

// seal is the sealer goroutine. It seals retired segments, in order. After Close it tries once
// more and ends.
func (j *Journal) seal() {
	var retry <-chan time.Time
	for closing := false; !closing; {
		select {
		case <-j.quit:
			closing = true
		case <-j.sealNow:
		case <-retry:
		}
		retry = nil
		if !j.sealAll() {
			retry = time.After(retryEvery)
		}
	}
}

// sealAll seals all retired segments. It returns false if it must be called again.
func (j *Journal) sealAll() bool {
	for {
		j.mu.Lock()
		if len(j.sealing) == 0 {
			j.mu.Unlock()
			return true
		}
		s := j.sealing[0]
		j.mu.Unlock()

		if err := j.await(s.next - 1); err != nil {
			return false
		}
		j.sealOne(s)

		j.mu.Lock()
		j.sealing = j.sealing[1:]
		j.mu.Unlock()
	}
}

// sealOne seals a segment whose records are on disk. If that fails nothing is lost, since the next
// Open seals it. It does not seal broken segments.
func (j *Journal) sealOne(s *segment) {
	var err error
	if s.broken && !s.empty() {
		j.previous, err = [sha256.Size]byte{}, s.release()
	} else {
		j.previous, err = s.finish(j.previous, j.now())
	}
	if err != nil {
		j.log.Error("journal segment not sealed", "file", s.path, "error", err)
		j.mu.Lock()
		j.fail(err)
		j.mu.Unlock()
	}
}
