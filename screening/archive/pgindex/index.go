package pgindex

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/singleflight"

	"interdict/lists/fault"
	"interdict/screening/archive"
)

// A server that hangs is noticed after one of these. The server itself gives up a statement before its client does, so that the reason is told.
const (
	connectTimeout   = 3 * time.Second
	lockTimeout      = 2 * time.Second
	statementTimeout = 5 * time.Second
	stepTimeout      = 6 * time.Second // of one statement, with the way there and back
	closeTimeout     = 3 * time.Second
	dropTimeout      = time.Minute // of a statement of Drop or Clear
)

// index is the implementation of archive.Index.
type index struct {
	name string // as Describe returns it
	pool *pgxpool.Pool
	log  *slog.Logger

	open  context.Context // ends with Close
	end   context.CancelFunc
	close sync.Once

	prepared atomic.Bool // the schema is there
	flight   singleflight.Group

	mu     sync.Mutex
	months map[month]bool // partitions that are known to be there
}

// Open returns the index in the PostgreSQL database that a URL names: postgres://user:password@host:port/database?sslmode=verify-full. It does not connect:
// while the server is away, methods return fault.Unavailable. The first one that reaches it creates the schema. A URL that cannot be used is
// fault.Invalid.
func Open(ctx context.Context, url string, log *slog.Logger) (archive.Index, error) {
	cfg, name, err := parse(url)
	if err != nil {
		return nil, err
	}
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, settings, pgx.QueryExecModeSimpleProtocol)
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fault.E(fault.Invalid, "open %s: the settings in its URL cannot be used", name)
	}
	x := &index{name: name, pool: pool, log: log, months: map[month]bool{}}
	x.open, x.end = context.WithCancel(context.WithoutCancel(ctx))
	return x, nil
}

// Check returns what Open finds wrong with a URL.
func Check(url string) error {
	_, _, err := parse(url)
	return err
}

// settings apply to each connection. Plans are made for the values of a query: a plan for any value cannot know how many rows it has to look at.
const settings = `SET statement_timeout = '5s'; SET lock_timeout = '2s'; SET idle_in_transaction_session_timeout = '10s'; SET TIME ZONE 'UTC';
	SET plan_cache_mode = force_custom_plan; SET jit = off; SET default_transaction_isolation = 'read committed'`

// Describe returns the server and the database, without user and password.
func (x *index) Describe() string { return x.name }

// Close ends what is running with fault.Unavailable, and closes all connections. It does not wait for long for a server that hangs: pgx gives the
// connections to one up after 15 seconds.
func (x *index) Close() error {
	x.close.Do(func() {
		x.end()
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			x.pool.Close()
		}()
		select {
		case <-closed:
		case <-time.After(closeTimeout):
		}
	})
	return nil
}
