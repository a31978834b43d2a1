package auth

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// FailuresPerMinute is how many attempts without a valid key one address has in a minute.
	FailuresPerMinute = 30
	// maxCallers bounds the addresses that are remembered. Beyond it the one that failed longest ago is forgotten.
	maxCallers = 10_000
	// failureLines bounds the lines in the log about failures: one a minute for each address, and for all together this many a minute.
	failureLines = 60
)

// Throttle slows down callers without a valid key. It only counts failures: a valid key always works, also from an address that is slowed
// down, so an attacker cannot lock out its owner.
type Throttle struct {
	perMinute int
	now       func() time.Time

	mu      sync.Mutex
	callers map[netip.Prefix]*list.Element
	order   *list.List // of *caller, the one that failed last first
	lines   *rate.Limiter
}

// caller is an address, or a network of IPv6 that one person has.
type caller struct {
	network  netip.Prefix
	allowed  *rate.Limiter
	attempts int // since the last line in the log
	logged   time.Time
}

// Failure says how a failed attempt is answered.
type Failure struct {
	// Wait is how long the caller must wait; 0: the attempt is one of those that are allowed.
	Wait time.Duration
	// Log is set if the attempt is to be logged. Attempts counts those of the caller since it was logged last, this one included.
	Log      bool
	Attempts int
}

// NewThrottle makes a throttle that allows so many failures a minute.
func NewThrottle(perMinute int, now func() time.Time) *Throttle {
	return &Throttle{perMinute: perMinute, now: now, callers: map[netip.Prefix]*list.Element{}, order: list.New(),
		lines: rate.NewLimiter(rate.Every(time.Minute/failureLines), failureLines)}
}

// Failed counts a failed attempt.
func (t *Throttle) Failed(from netip.Addr) (f Failure) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, now := t.caller(networkOf(from)), t.now()
	next := c.allowed.ReserveN(now, 1)
	if f.Wait = next.DelayFrom(now); f.Wait > 0 {
		next.CancelAt(now)
	}
	c.attempts++
	if (c.logged.IsZero() || now.Sub(c.logged) >= time.Minute) && t.lines.AllowN(now, 1) {
		f.Log, f.Attempts = true, c.attempts
		c.logged, c.attempts = now, 0
	}
	return f
}

// caller finds who has failed before, or begins to remember it.
func (t *Throttle) caller(network netip.Prefix) *caller {
	if e, ok := t.callers[network]; ok {
		t.order.MoveToFront(e)
		return e.Value.(*caller)
	}
	if t.order.Len() >= maxCallers {
		last := t.order.Back()
		delete(t.callers, last.Value.(*caller).network)
		t.order.Remove(last)
	}
	c := &caller{network: network, allowed: rate.NewLimiter(rate.Every(time.Minute/time.Duration(t.perMinute)), t.perMinute)}
	t.callers[network] = t.order.PushFront(c)
	return c
}

// networkOf returns what counts as one caller: an address of IPv4, or the 64 bits of an address of IPv6 that its owner does not choose.
func networkOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	network, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // not an address: all of these are one caller
	}
	return network
}
