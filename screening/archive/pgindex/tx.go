package pgindex

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const attempts = 6

// Keys of advisory locks: "interdic", with a number. They are held to the end of a transaction.
const (
	lockSchema  = 0x696e7465726469<<8 + iota // to create the schema, and partitions
	lockContent                              // shared to add entries; alone to drop them
)

// transaction executes statements, in one attempt of a transaction, or each for itself. Each has its own time limit.
type transaction struct {
	conn interface {
		Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
		Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
		CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error)
	}
	timeout time.Duration
}

func (tx transaction) exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	ctx, cancel := context.WithTimeout(ctx, tx.timeout)
	defer cancel()
	return tx.conn.Exec(ctx, sql, args...)
}

// query executes a query and calls scan for each of its rows.
func (tx transaction) query(ctx context.Context, scan func(pgx.Rows) error, sql string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, tx.timeout)
	defer cancel()
	rows, err := tx.conn.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (tx transaction) copy(ctx context.Context, table string, columns []string, n int, row func(i int) ([]any, error)) error {
	ctx, cancel := context.WithTimeout(ctx, tx.timeout)
	defer cancel()
	_, err := tx.conn.CopyFrom(ctx, pgx.Identifier{"interdict", table}, columns, pgx.CopyFromSlice(n, row))
	return err
}

// lock waits for an advisory lock.
func (tx transaction) lock(ctx context.Context, key int64, shared bool) error {
	sql := "SELECT pg_advisory_xact_lock($1)"
	if shared {
		sql = "SELECT pg_advisory_xact_lock_shared($1)"
	}
	_, err := tx.exec(ctx, sql, key)
	return err
}

// run runs a transaction, when the schema is there. It tries again after a deadlock and the like. An error has its kind, and names the operation.
func (x *index) run(ctx context.Context, op string, opts pgx.TxOptions, do func(context.Context, transaction) error) error {
	return x.retry(ctx, op, func(ctx context.Context) error {
		if err := x.prepare(ctx); err != nil {
			return err
		}
		return x.attempt(ctx, opts, do)
	})
}

// read executes a query like run, without a transaction around it.
func (x *index) read(ctx context.Context, op string, do func(context.Context, transaction) error) error {
	return x.retry(ctx, op, func(ctx context.Context) error {
		if err := x.prepare(ctx); err != nil {
			return err
		}
		conn, err := x.acquire(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		return do(ctx, transaction{conn, stepTimeout})
	})
}

func (x *index) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	return x.pool.Acquire(ctx)
}

// retry calls do until it succeeds, or fails in a way that another attempt does not change.
func (x *index) retry(ctx context.Context, op string, do func(context.Context) error) error {
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(x.open, cancel)()
	for n := 1; ; n++ {
		err := do(running)
		if err == nil {
			return nil
		}
		if missing(err) {
			x.forget()
		}
		if n == attempts || !again(err) || running.Err() != nil {
			return x.failed(ctx, op, err)
		}
		select {
		case <-running.Done():
		case <-time.After(rand.N(time.Duration(n) * 20 * time.Millisecond)): //nolint:gosec // spreads attempts
		}
	}
}

// attempt runs a transaction once.
func (x *index) attempt(ctx context.Context, opts pgx.TxOptions, do func(context.Context, transaction) error) error {
	conn, err := x.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	begin, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	tx, err := conn.BeginTx(begin, opts)
	if err != nil {
		return err
	}
	if err := do(ctx, transaction{tx, stepTimeout}); err != nil {
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), lockTimeout)
		defer cancel()
		_ = tx.Rollback(undo) // the connection closes if it fails
		return err
	}
	end, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	return tx.Commit(end)
}

// forget makes the next transaction look for the schema and for partitions again.
func (x *index) forget() {
	x.prepared.Store(false)
	x.mu.Lock()
	defer x.mu.Unlock()
	clear(x.months)
}
