package redisstore

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// healthCheck is the time after which a silent subscription is tested, and renewed if it is dead.
const healthCheck = time.Second

// Watch returns a channel that receives a value after a change of DocHead or of a key under "fresh/", and whenever
// the subscription was made or renewed, since earlier messages are lost.
// It is closed when ctx ends or the store is closed.
func (s *Store) Watch(ctx context.Context) <-chan struct{} {
	ticks := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		close(ticks)
		return ticks
	}
	s.watches.Go(func() {
		defer close(ticks)
		c, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(s.life, cancel)()
		pubsub := s.client.Subscribe(c, s.keys.changed())
		defer pubsub.Close()
		messages := pubsub.ChannelWithSubscriptions(redis.WithChannelHealthCheckInterval(healthCheck))
		for {
			select {
			case <-c.Done():
				return
			case _, ok := <-messages:
				if !ok {
					return
				}
			}
			select {
			case ticks <- struct{}{}:
			default: // a value is pending already
			}
		}
	})
	return ticks
}
