package archive

import (
	"runtime"
	"testing"
	"time"
)

// Indexing pauses only while checks and something else want the processors, and goes on at full speed as soon as there is room.
func TestIndexingGivesWayToChecks(t *testing.T) {
	const work = 10 * time.Millisecond
	cores := runtime.GOMAXPROCS(0)
	now, records, used := time.Unix(1e9, 0), uint64(0), usage{}
	p := pace{now: func() time.Time { return now }, written: func() uint64 { return records }, used: func() (usage, bool) { return used, true }}
	tenth := func(share float64, taken, checks int) time.Duration { // of a second
		now = now.Add(100 * time.Millisecond)
		used.time += time.Duration(share * float64(cores) * float64(100*time.Millisecond))
		used.taken += int64(taken * cores / 10)
		records += uint64(checks * cores / 10)
		return p.after(work)
	}
	for _, step := range []struct {
		name          string
		share         float64
		taken, checks int
		least, most   time.Duration
	}{
		{"the start", 1, 0, 10_000, 0, 0},
		{"only indexing", 1, 0, 10, 0, 0},
		{"checks, and room", 0.7, 0, 10_000, 0, 0},
		{"checks, and no room", 1, 0, 10_000, work, work},
		{"still no room", 1, 0, 10_000, 4 * work, 4 * work},
		{"and others want the processors", 0.3, 500, 10_000, 16 * work, 16 * work},
		{"for long", 1, 0, 10_000, 64 * work, 64 * work},
		{"for longer", 1, 0, 10_000, maxPause * work, maxPause * work},
		{"for ever", 1, 0, 10_000, maxPause * work, maxPause * work},
		{"room again", 0.5, 0, 10_000, maxPause / 2 * work, maxPause / 2 * work},
	} {
		if got := tenth(step.share, step.taken, step.checks); got < step.least || got > step.most {
			t.Errorf("%s: a pause of %s, want %s to %s", step.name, got, step.least, step.most)
		}
	}
	for range 6 {
		tenth(0.5, 0, 10)
	}
	if got := p.after(work); got != 0 || p.entries() != batchEntries {
		t.Errorf("with room for long: a pause of %s, and %d entries at once", got, p.entries())
	}
	if p := (pace{}); p.after(time.Hour) != 0 {
		t.Error("an indexer beside which nothing is written pauses")
	}
}
