package auth

import (
	"context"
	"maps"
	"sync"
	"time"

	"interdict/lists/fault"
)

// brake slows down attempts after failures, for each of its keys. It never locks anything: after a few failures, the next attempts wait for their
// turn, one after another.
type brake struct {
	now  func() time.Time
	free int           // failures that cost nothing
	most time.Duration // time between two attempts at most

	mu   sync.Mutex
	keys map[string]*strikes
}

type strikes struct {
	failures int
	last     time.Time // of the last failure
	next     time.Time // when the next attempt may be made
}

const (
	brakeQueue   = 10 * time.Second // an attempt waits this long at most, and is refused otherwise
	brakeMemory  = 15 * time.Minute // failures are forgotten after this time
	brakeMaxKeys = 10000
)

func newBrake(now func() time.Time, free int, most time.Duration) *brake {
	return &brake{now: now, free: free, most: most, keys: map[string]*strikes{}}
}

// wait waits until an attempt may be made. fault.RateLimited: too many others wait.
func (b *brake) wait(ctx context.Context, keys ...string) error {
	delay, err := b.reserve(keys)
	if err != nil || delay == 0 {
		return err
	}
	select {
	case <-time.After(delay):
		return nil
	case <-ctx.Done():
		return fault.E(fault.Unavailable, "%w", ctx.Err())
	}
}

func (b *brake) reserve(keys []string) (time.Duration, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	at := now
	for _, key := range keys {
		if s := b.keys[key]; s != nil && s.next.After(at) && now.Sub(s.last) < brakeMemory {
			at = s.next
		}
	}
	if at.Sub(now) > brakeQueue {
		return 0, fault.E(fault.RateLimited, "too many attempts that failed: try again in %s", at.Sub(now).Round(time.Second))
	}
	for _, key := range keys {
		if s := b.keys[key]; s != nil && s.failures > b.free {
			s.next = at.Add(b.interval(s.failures))
		}
	}
	return at.Sub(now), nil
}

// interval is the time between two attempts after some failures: 1, 2, 4 … seconds.
func (b *brake) interval(failures int) time.Duration {
	return min(b.most, time.Second<<min(max(failures-b.free-1, 0), 20))
}

func (b *brake) failed(keys ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if len(b.keys) >= brakeMaxKeys {
		maps.DeleteFunc(b.keys, func(_ string, s *strikes) bool { return now.Sub(s.last) >= brakeMemory })
	}
	for _, key := range keys {
		s := b.keys[key]
		if s == nil || now.Sub(s.last) >= brakeMemory {
			s = &strikes{}
			if len(b.keys) < brakeMaxKeys {
				b.keys[key] = s
			}
		}
		s.failures, s.last = s.failures+1, now
		if next := now.Add(b.interval(s.failures)); s.failures > b.free && next.After(s.next) {
			s.next = next
		}
	}
}

func (b *brake) succeeded(keys ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range keys {
		delete(b.keys, key)
	}
}
