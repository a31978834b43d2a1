package pgindex

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"interdict/screening/archive"
)

// dropRows is how many records one transaction deletes from a month that is not dropped as a whole.
const dropRows = 5000

// alone runs a transaction while no entries are added.
func (x *index) alone(ctx context.Context, op string, do func(context.Context, transaction) error) error {
	return x.run(ctx, op, pgx.TxOptions{}, func(ctx context.Context, tx transaction) error {
		tx.timeout = dropTimeout
		if _, err := tx.exec(ctx, fmt.Sprintf("SET LOCAL statement_timeout = %d", dropTimeout.Milliseconds())); err != nil {
			return err
		}
		if err := tx.lock(ctx, lockContent, false); err != nil {
			return err
		}
		return do(ctx, tx)
	})
}

// Drop removes all records before a time, in several transactions: the alerts that are not open, and those of hits, then one month after the other. A month is dropped as a
// whole; if alerts need records of it, what they need is moved to a new table first. What is left of the last month is deleted in parts.
func (x *index) Drop(ctx context.Context, before time.Time) error {
	const op = "drop records"
	end := nanos(before)
	var all []month
	err := x.alone(ctx, op, func(ctx context.Context, tx transaction) error {
		_, err := tx.exec(ctx, `DELETE FROM interdict.alerts WHERE (resolved_time IS NOT NULL OR hit) AND coalesce(created_time, resolved_time) < $1`, end)
		if err == nil {
			all, err = months(ctx, tx)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, m := range all {
		switch {
		case (m + 1).from() <= end:
			err = x.alone(ctx, op, func(ctx context.Context, tx transaction) error { return dropMonth(ctx, tx, m) })
		case m.from() < end:
			err = x.deleteRecords(ctx, op, m.from(), end)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// needed is the condition that an alert which is left refers to a row of records or terms.
const needed = `EXISTS (SELECT FROM interdict.alerts a WHERE
		(a.created_time, a.created_writer, a.created_seq) = (t.time, t.writer, t.seq)) OR
	EXISTS (SELECT FROM interdict.alerts a WHERE (a.resolved_time, a.resolved_writer, a.resolved_seq) = (t.time, t.writer, t.seq))`

// dropMonth drops the partitions of a month, but for what alerts need.
func dropMonth(ctx context.Context, tx transaction, m month) error {
	if all, err := months(ctx, tx); err != nil || !slices.Contains(all, m) { // another server was faster
		return err
	}
	var kept, there int64
	err := tx.query(ctx, func(r pgx.Rows) error { return r.Scan(&kept) }, `SELECT
		(SELECT count(*) FROM interdict.alerts WHERE created_time >= $1 AND created_time < $2) +
		(SELECT count(*) FROM interdict.alerts WHERE resolved_time >= $1 AND resolved_time < $2)`, m.from(), (m + 1).from())
	if err != nil {
		return err
	}
	name := func(table string) string { return fmt.Sprintf("interdict.%s_%s", table, m) }
	if kept == 0 {
		_, err := tx.exec(ctx, fmt.Sprintf("DROP TABLE %s, %s", name("records"), name("terms")))
		return err
	}
	err = tx.query(ctx, func(r pgx.Rows) error { return r.Scan(&there) },
		fmt.Sprintf("SELECT count(*) FROM (SELECT FROM %s LIMIT %d) few", name("records"), kept+1))
	if err != nil || there <= kept { // all that is left is needed, since an earlier Drop
		return err
	}
	for _, table := range partitioned {
		for _, statement := range []string{
			"CREATE TABLE %[1]s_kept (LIKE interdict.%[2]s INCLUDING ALL)",
			"INSERT INTO %[1]s_kept SELECT * FROM %[1]s t WHERE " + needed,
			"DROP TABLE %[1]s",
			"ALTER TABLE %[1]s_kept RENAME TO %[2]s_%[3]s",
		} {
			if _, err := tx.exec(ctx, fmt.Sprintf(statement, name(table), table, m)); err != nil {
				return err
			}
		}
		if err := attach(ctx, tx, table, m); err != nil {
			return err
		}
	}
	return nil
}

// deleteRecords deletes the records from one time to another, but for what alerts need.
func (x *index) deleteRecords(ctx context.Context, op string, from, to int64) error {
	for from < to {
		until := to
		err := x.alone(ctx, op, func(ctx context.Context, tx transaction) error {
			until = to
			err := tx.query(ctx, func(r pgx.Rows) error {
				err := r.Scan(&until)
				until++
				return err
			}, fmt.Sprintf("SELECT time FROM interdict.records WHERE time >= $1 AND time < $2 ORDER BY time OFFSET %d LIMIT 1", dropRows-1), from, to)
			if err != nil {
				return err
			}
			for _, table := range partitioned {
				_, err := tx.exec(ctx, fmt.Sprintf("DELETE FROM interdict.%s t WHERE time >= $1 AND time < $2 AND NOT (%s)", table, needed), from, until)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		from = until
	}
	return nil
}

// Clear removes everything.
func (x *index) Clear(ctx context.Context) error {
	err := x.alone(ctx, "clear", func(ctx context.Context, tx transaction) error {
		if err := tx.lock(ctx, lockSchema, false); err != nil {
			return err
		}
		all, err := months(ctx, tx)
		if err != nil {
			return err
		}
		for _, m := range all {
			if _, err := tx.exec(ctx, fmt.Sprintf("DROP TABLE interdict.records_%s, interdict.terms_%[1]s", m)); err != nil {
				return err
			}
		}
		_, err = tx.exec(ctx, "TRUNCATE interdict.alerts, interdict.marks")
		return err
	})
	x.forget()
	return err
}

var _ archive.Index = (*index)(nil)
