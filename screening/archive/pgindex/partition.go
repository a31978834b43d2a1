package pgindex

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"interdict/screening/archive"
)

// month is a month in UTC: the number of months since the year 0.
type month int

func monthOf(t time.Time) month {
	t = t.UTC()
	return month(t.Year()*12 + int(t.Month()) - 1)
}

func (m month) String() string { return fmt.Sprintf("%04d%02d", int(m)/12, int(m)%12+1) }

// from is the first nanosecond of the month.
func (m month) from() int64 {
	return nanos(time.Date(int(m)/12, time.Month(int(m)%12+1), 1, 0, 0, 0, 0, time.UTC))
}

// nanos returns a time in nanoseconds since 1970. A time that is too early or too late for that is the first or the last that is not.
func nanos(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}

func timeOf(nanos int64) time.Time { return time.Unix(0, nanos).UTC() }

// partitioned are the tables that have a partition for each month.
var partitioned = []string{"records", "terms"}

// needMonths creates the partitions that entries need. It has a transaction of its own, so that a batch does not wait for the partitions of
// another one for long.
func (x *index) needMonths(ctx context.Context, entries []archive.Entry) error {
	need := map[month]bool{}
	x.mu.Lock()
	for i := range entries {
		if m := monthOf(entries[i].Time); !x.months[m] {
			need[m] = true
		}
	}
	x.mu.Unlock()
	if len(need) == 0 {
		return nil
	}
	err := x.attempt(ctx, pgx.TxOptions{}, func(ctx context.Context, tx transaction) error {
		if err := tx.lock(ctx, lockSchema, false); err != nil {
			return err
		}
		there, err := months(ctx, tx)
		if err != nil {
			return err
		}
		for m := range need {
			if !slices.Contains(there, m) {
				if err := createMonth(ctx, tx, m); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for m := range need {
		x.months[m] = true
	}
	return nil
}

// months returns the months that have partitions, in order.
func months(ctx context.Context, tx transaction) ([]month, error) {
	var all []month
	err := tx.query(ctx, func(r pgx.Rows) error {
		var name string
		if err := r.Scan(&name); err != nil {
			return err
		}
		var year, number int
		if n, _ := fmt.Sscanf(strings.TrimPrefix(name, "records_"), "%4d%2d", &year, &number); n == 2 {
			all = append(all, month(year*12+number-1))
		}
		return nil
	}, `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
		JOIN pg_namespace n ON n.oid = p.relnamespace WHERE n.nspname = 'interdict' AND p.relname = 'records'`)
	slices.SortFunc(all, func(a, b month) int { return cmp.Compare(a, b) })
	return all, err
}

// createMonth makes the partitions of a month. To attach a table, unlike to create a partition, does not wait for those who read or add.
func createMonth(ctx context.Context, tx transaction, m month) error {
	for _, table := range partitioned {
		if _, err := tx.exec(ctx, fmt.Sprintf("CREATE TABLE interdict.%s_%s (LIKE interdict.%[1]s INCLUDING ALL)", table, m)); err != nil {
			return err
		}
		if err := attach(ctx, tx, table, m); err != nil {
			return err
		}
	}
	return nil
}

func attach(ctx context.Context, tx transaction, table string, m month) error {
	to := fmt.Sprint((m + 1).from())
	if (m + 1).from() == math.MaxInt64 {
		to = "MAXVALUE"
	}
	_, err := tx.exec(ctx, fmt.Sprintf("ALTER TABLE interdict.%s ATTACH PARTITION interdict.%[1]s_%s FOR VALUES FROM (%d) TO (%s)", table, m, m.from(), to))
	return err
}
