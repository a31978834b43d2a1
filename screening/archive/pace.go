package archive

import (
	"context"
	"runtime"
	"time"
)

const (
	// paceEvery is how often the load is measured.
	paceEvery = 50 * time.Millisecond
	// busyShare is the share of its processors from which on a process counts as busy.
	busyShare = 0.9
	// busyTaken is how often a second a processor is taken away, for each that the process may use, from which on others keep them busy.
	busyTaken = 40
	// busyRecords is how many records a second on each processor are checks that indexing must not slow.
	busyRecords = 500
	// maxPause is how many times as long as the work a pause is at most. The work in the background, where tables are merged, is about as much again.
	maxPause = 100
	// longestPause is the longest single pause.
	longestPause = 5 * time.Second
)

// pace makes indexing give way to checks. While the process writes many records, and it or others use nearly all of its processors, pauses between
// batches get longer and longer; while there is room, they get shorter.
type pace struct {
	written func() uint64 // records that this process has written; nil: there is nothing to give way to
	used    func() (usage, bool)
	now     func() time.Time

	pause   float64 // as a multiple of the work; 0: none
	began   time.Time
	before  usage
	records uint64
}

// usage is what a process has used of processors since its start.
type usage struct {
	time  time.Duration
	taken int64 // how often the operating system took a processor away from a thread that wanted to go on
}

// after is called after a piece of work that took some time. It returns how long to pause.
func (p *pace) after(work time.Duration) time.Duration {
	if p.written == nil {
		return 0
	}
	p.measure()
	return min(time.Duration(float64(work)*p.pause), longestPause)
}

// entries returns how many entries a piece of work has.
func (p *pace) entries() int {
	if p.pause > 0 {
		return pacedEntries
	}
	return batchEntries
}

func (p *pace) measure() {
	now := p.now()
	passed := now.Sub(p.began)
	if passed < paceEvery {
		return
	}
	used, ok := p.used()
	if !ok {
		return
	}
	records, cores := p.written(), float64(runtime.GOMAXPROCS(0))
	busy := float64(records-p.records) >= busyRecords*cores*passed.Seconds() &&
		(float64(used.time-p.before.time) >= busyShare*cores*float64(passed) || float64(used.taken-p.before.taken) >= busyTaken*cores*passed.Seconds())
	switch {
	case p.began.IsZero():
	case busy:
		p.pause = min(max(1, 4*p.pause), maxPause)
	default:
		p.pause /= 2
		if p.pause < 1 {
			p.pause = 0
		}
	}
	p.began, p.before, p.records = now, used, records
}

// rest pauses, and tells whether ctx has ended.
func rest(ctx context.Context, d time.Duration) error {
	if d > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(d):
		}
	}
	return ctx.Err()
}
