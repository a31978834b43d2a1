package redisstore

import (
	"context"
	"time"

	"github.com/go-redis/redis_rate/v10"
)

// Take takes at most n from the allowance of name, which grows by perSecond a second to at most burst, and returns how many it got. All
// processes with the store's prefix share the allowance (GCRA, by a script in Redis).
func (s *Store) Take(ctx context.Context, name string, perSecond float64, burst, n int) (int, error) {
	limit := redis_rate.Limit{Rate: 1, Burst: burst, Period: time.Duration(float64(time.Second) / perSecond)}
	r, err := redis_rate.NewLimiter(s.client).AllowAtMost(ctx, s.keys.rate(name), limit, n)
	if err != nil {
		return 0, s.failed(ctx, "count a rate", err)
	}
	return r.Allowed, nil
}
