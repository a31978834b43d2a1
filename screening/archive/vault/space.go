package vault

import (
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"interdict/lists/fault"
)

const (
	// spaceWindow is the time over which the rate is taken.
	spaceWindow = time.Hour

	// spaceSettled is the time after which there is a rate: a segment reserves its space at once.
	spaceSettled = 10 * time.Minute
)

// Space is the room on the file system of the journal.
type Space struct {
	FreeBytes  uint64    // for this process, without what is reserved for root
	FreeInodes uint64    // meaningless if Inodes is zero
	Inodes     uint64    // in all; zero: the file system makes them as needed
	Rate       float64   // bytes a second that the file system filled by, net, over the last hour; negative: it became emptier
	Full       time.Time // when, at the rates of bytes and inodes of the last hour, one of both is used up; zero: never, or it is not known yet
}

// SpaceWatch measures the room on a file system. It is safe for concurrent use.
type SpaceWatch struct {
	dir  string
	now  func() time.Time
	stat func(dir string) (Space, error)

	mu      sync.Mutex
	samples []spaceSample
}

type spaceSample struct {
	at    time.Time
	space Space
}

// NewSpaceWatch returns a watch of the file system of a folder.
func NewSpaceWatch(dir string, now func() time.Time) *SpaceWatch {
	return &SpaceWatch{dir: dir, now: now, stat: statSpace}
}

// Measure returns the room now. It has to be called every few minutes, so that there is a rate.
func (w *SpaceWatch) Measure() (Space, error) {
	s, err := w.stat(w.dir)
	if err != nil {
		return Space{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	first := slices.IndexFunc(w.samples, func(o spaceSample) bool { return now.Sub(o.at) <= spaceWindow })
	if first < 0 {
		first = len(w.samples)
	}
	w.samples = append(w.samples[:0], w.samples[first:]...)
	if n := len(w.samples); n == 0 || now.Sub(w.samples[n-1].at) >= spaceWindow/120 {
		w.samples = append(w.samples, spaceSample{now, s})
	}
	oldest := w.samples[0]
	elapsed := now.Sub(oldest.at)
	if elapsed < spaceSettled {
		return s, nil
	}
	s.Rate = (float64(oldest.space.FreeBytes) - float64(s.FreeBytes)) / elapsed.Seconds()
	s.Full = earliest(fullAt(now, s.FreeBytes, s.Rate),
		fullAt(now, s.FreeInodes, (float64(oldest.space.FreeInodes)-float64(s.FreeInodes))/elapsed.Seconds()))
	return s, nil
}

// fullAt returns when something is used up; zero: never, or not within a century.
func fullAt(now time.Time, free uint64, rate float64) time.Time {
	if rate <= 0 {
		return time.Time{}
	}
	seconds := float64(free) / rate
	if seconds > 100*365*24*3600 {
		return time.Time{}
	}
	return now.Add(time.Duration(seconds * float64(time.Second)))
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func statSpace(dir string) (Space, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return Space{}, fault.E(fault.Unavailable, "free space of %s: %w", dir, err)
	}
	return Space{FreeBytes: uint64(s.Bavail) * uint64(s.Bsize), FreeInodes: uint64(s.Ffree), Inodes: uint64(s.Files)}, nil //nolint:gosec,unconvert // never negative; types differ between systems
}
