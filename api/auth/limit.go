package auth

import (
	"cmp"
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"interdict/lists/fault"
)

// Shared is a store that counts rates for all replicas together, as Redis does.
type Shared interface {
	// Take takes at most n from the allowance of name, which grows by perSecond a second to at most burst, and returns how many it got.
	Take(ctx context.Context, name string, perSecond float64, burst, n int) (int, error)
}

// limiter limits the checks of one key: this replica's by a local bucket, and those of all replicas by leases from the shared store. A lease is a
// tenth of a second's allowance, so that the store is asked at most about ten times a second. While it cannot be reached only the
// local bucket limits.
type limiter struct {
	perSecond float64
	burst     int
	local     *rate.Limiter
	name      string
	shared    Shared // nil: there is none

	mu     sync.Mutex
	lease  int
	leased time.Time
	broken time.Time // when the shared store last failed
}

const (
	leaseTime    = time.Second           // after which the rest of a lease is given up
	shareTimeout = 50 * time.Millisecond // for one request to the shared store
	shareRetry   = time.Second           // between requests while it fails
)

// limiter returns the limiter of a key or an account; nil if neither it nor the configuration sets a limit.
func (k *Keys) limiter(name string, perSecond float64) *limiter {
	if perSecond = cmp.Or(perSecond, k.o.ChecksPerSecond); perSecond <= 0 {
		return nil
	}
	shared, _ := k.store.(Shared)
	burst := max(1, int(math.Ceil(perSecond)))
	return &limiter{perSecond: perSecond, burst: burst, local: rate.NewLimiter(rate.Limit(perSecond), burst), name: name, shared: shared}
}

func (l *limiter) take(now time.Time, n int) error {
	if n > l.burst {
		return fault.E(fault.RateLimited, "%d checks at once are more than the limit of %g a second: send at most %d at once", n, l.perSecond, l.burst)
	}
	if !l.local.AllowN(now, n) || !l.takeShared(now, n) {
		return fault.E(fault.RateLimited, "more than %g checks a second", l.perSecond)
	}
	return nil
}

func (l *limiter) takeShared(now time.Time, n int) bool {
	if l.shared == nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.leased) > leaseTime {
		l.lease = 0
	}
	if l.lease < n {
		if now.Sub(l.broken) < shareRetry {
			return true
		}
		ctx, cancel := context.WithTimeout(context.Background(), shareTimeout)
		defer cancel()
		got, err := l.shared.Take(ctx, l.name, l.perSecond, l.burst, max(n-l.lease, int(l.perSecond/10)))
		if err != nil {
			l.broken = now
			return true
		}
		l.lease, l.leased = l.lease+got, now
	}
	if l.lease < n {
		return false
	}
	l.lease -= n
	return true
}
