package redisstore

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"interdict/lists"
)

// Store is a store in Redis, shared by any number of processes.
type Store struct {
	client redis.UniversalClient
	target *target
	keys   keys

	measured measure

	complete sync.Map // layer id → *layerMeta, of layers that are known to be complete

	life    context.Context // canceled by Close
	end     context.CancelFunc
	mu      sync.Mutex // held while a watch starts, and by Close
	closed  bool
	watches sync.WaitGroup
	closing sync.Once
}

var _ lists.Store = (*Store)(nil)

// silent is a logger that discards all messages. go-redis logs to standard error otherwise; the same failures are returned as errors.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

var silence = sync.OnceFunc(func() { redis.SetLogger(silent{}) })

// Open returns the store at a URL. It does not connect, so that a server can start while Redis is down. fault.Invalid: the URL,
// or a file that it names, is wrong. The error does not contain the URL.
func Open(_ context.Context, url string, o Options) (*Store, error) {
	t, err := parseURL(url, o)
	if err != nil {
		return nil, err
	}
	k, err := newKeys(t.options.Prefix)
	if err != nil {
		return nil, err
	}
	silence()
	s := &Store{client: t.client(), target: t, keys: k}
	s.client.AddHook(&s.measured)
	s.life, s.end = context.WithCancel(context.Background())
	return s, nil
}

// Close ends all watches and closes the connections.
func (s *Store) Close() (err error) {
	s.closing.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		s.end()
		s.watches.Wait()
		err = s.client.Close()
	})
	return err
}

// Describe returns a name of the store for messages, without user and password.
func (s *Store) Describe() string { return s.target.description }

// quick limits the time of an operation that a check waits for and that reads n keys.
func (s *Store) quick(ctx context.Context, n int) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.target.options.Timeout+time.Duration(n)*timeoutPerKey)
}

// bulk limits the time of one step of any other operation.
func (s *Store) bulk(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.target.options.BulkTimeout)
}

// run sends a pipeline and returns the first error, of the connection or of a command.
func run(ctx context.Context, pipe redis.Pipeliner) error {
	cmds, err := pipe.Exec(ctx)
	for _, cmd := range cmds {
		if cmd.Err() != nil {
			return cmd.Err()
		}
	}
	return err
}

// newStem returns a random stem for the keys of a new layer or blob.
func newStem() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return strconv.FormatUint(binary.BigEndian.Uint64(b[:]), 36)
}

// Ping checks that the store can be read and written now, by writing, and in a cluster also that all masters answer.
func (s *Store) Ping(ctx context.Context) error {
	c, cancel := s.quick(ctx, 0)
	defer cancel()
	err := ctx.Err()
	if err == nil {
		err = s.client.Set(c, s.keys.alive(), time.Now().UTC().Format(time.RFC3339), time.Minute).Err()
	}
	if err == nil {
		err = s.eachMaster(c, func(ctx context.Context, client *redis.Client) error { return client.Ping(ctx).Err() })
	}
	return s.failed(ctx, "ping", err)
}

// eachMaster calls f for every server that accepts writes, one after another.
func (s *Store) eachMaster(ctx context.Context, f func(context.Context, *redis.Client) error) error {
	switch client := s.client.(type) {
	case *redis.Client:
		return f(ctx, client)
	case *redis.ClusterClient:
		var mu sync.Mutex
		return client.ForEachMaster(ctx, func(ctx context.Context, client *redis.Client) error {
			mu.Lock()
			defer mu.Unlock()
			return f(ctx, client)
		})
	}
	return fmt.Errorf("unknown client %T", s.client)
}

// Warnings returns a sentence for the operator for each setting of Redis that does not suit a store.
func (s *Store) Warnings(ctx context.Context) (warnings []string, err error) {
	c, cancel := s.bulk(ctx)
	defer cancel()
	err = s.eachMaster(c, func(ctx context.Context, client *redis.Client) error {
		info, err := client.Info(ctx, "memory").Result()
		if err != nil {
			return err
		}
		policy := "unknown"
		for line := range strings.Lines(info) {
			if v, ok := strings.CutPrefix(line, "maxmemory_policy:"); ok {
				policy = strings.TrimSpace(v)
			}
		}
		if policy != "noeviction" {
			warnings = append(warnings, fmt.Sprintf("%s evicts keys when its memory is full (maxmemory-policy %s): "+
				"checks of evicted addresses fail; set maxmemory-policy to noeviction", client.Options().Addr, policy))
		}
		// Managed services refuse CONFIG GET. The settings are unknown then, which is no reason for a warning.
		limits, err := client.ConfigGet(ctx, "hash-max-listpack-*").Result()
		if err != nil {
			limits = nil
		}
		for name, least := range map[string]int{"hash-max-listpack-entries": 128, "hash-max-listpack-value": 64} {
			if n, err := strconv.Atoi(limits[name]); err == nil && n < least {
				warnings = append(warnings, fmt.Sprintf("%s has %s %d: addresses take several times the memory; set it to at least %d", client.Options().Addr, name, n, least))
			}
		}
		return nil
	})
	return warnings, s.failed(ctx, "read the settings", err)
}
