package redisstore

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"interdict/lists/timing"
)

// Stats are what this process has seen of Redis since the store was opened.
type Stats struct {
	Durations timing.Counts // of commands and pipelines, with the dial of a new connection, also of those that failed
	Timeouts  uint64        // it did not answer in time
	Network   uint64        // it could not be reached, or the connection broke
	Replies   uint64        // it answered with an error
}

// Stats returns the current figures.
func (s *Store) Stats() Stats {
	m := &s.measured
	return Stats{m.durations.Counts(), m.timeouts.Load(), m.network.Load(), m.replies.Load()}
}

// measure is a hook of the client that fills Stats.
type measure struct {
	durations                  timing.Histogram
	timeouts, network, replies atomic.Uint64
}

// DialHook leaves dialing alone: its error is that of the command that needed the connection.
func (*measure) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook measures single commands.
func (m *measure) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		begun := time.Now()
		err := next(ctx, cmd)
		m.observe(ctx, begun, err)
		return err
	}
}

// ProcessPipelineHook measures pipelines and transactions.
func (m *measure) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		begun := time.Now()
		err := next(ctx, cmds)
		m.observe(ctx, begun, err)
		return err
	}
}

// observe counts one round trip. A caller who gave up, a key that is missing, a transaction that lost against another, and a script that Redis does not
// have yet are no errors of Redis.
func (m *measure) observe(ctx context.Context, begun time.Time, err error) {
	m.durations.Observe(time.Since(begun))
	var reply redis.Error
	var network net.Error
	switch {
	case err == nil, errors.Is(err, redis.Nil), errors.Is(err, redis.TxFailedErr), errors.Is(err, redis.ErrClosed), errors.Is(ctx.Err(), context.Canceled):
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, redis.ErrPoolTimeout), errors.As(err, &network) && network.Timeout():
		m.timeouts.Add(1)
	case errors.As(err, &reply):
		if !strings.HasPrefix(reply.Error(), "NOSCRIPT") {
			m.replies.Add(1)
		}
	default:
		m.network.Add(1)
	}
}
