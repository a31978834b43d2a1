package pgindex

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/jackc/pgx/v5"

	"interdict/lists/fault"
	"interdict/screening/archive"
)

// alertPage is how many alerts are read at once. Their records can have a payload each.
const alertPage = 200

// Alerts yields alerts in order of the position of the record that created them.
func (x *index) Alerts(ctx context.Context, q archive.AlertQuery) iter.Seq2[archive.AlertState, error] {
	return func(yield func(archive.AlertState, error) bool) {
		left := q.Limit
		for {
			size := alertPage
			if left > 0 {
				size = min(size, left)
			}
			states, err := x.alertPage(ctx, q, size)
			if err != nil {
				yield(archive.AlertState{}, err)
				return
			}
			for _, a := range states {
				if err := ctx.Err(); err != nil {
					yield(archive.AlertState{}, fault.E(fault.Unavailable, "read alerts of %s: %w", x.name, err))
					return
				}
				if !yield(a, nil) {
					return
				}
				if left--; left == 0 {
					return
				}
			}
			if len(states) < size {
				return
			}
			q.After = states[len(states)-1].Created.Position
		}
	}
}

func (x *index) alertPage(ctx context.Context, q archive.AlertQuery, size int) ([]archive.AlertState, error) {
	var s statement
	where := []string{"a.created_time IS NOT NULL"}
	if q.ID != "" {
		where = append(where, "a.id = "+s.arg([]byte(q.ID)))
	}
	if q.Of != archive.AnyOrigin {
		where = append(where, "a.hit = "+s.arg(q.Of == archive.Hits))
	}
	if q.Open {
		where = append(where, "a.resolved_time IS NULL")
	}
	if q.List != "" {
		where = append(where, s.arg([]byte(q.List))+" = ANY(c.lists)")
	}
	if p := q.After; p != (archive.Position{}) {
		where = append(where, fmt.Sprintf("(a.created_time, a.created_writer, a.created_seq) > (%s, %s, %s)", s.arg(nanos(p.Time)), s.arg(pgUUID(p.Writer)),
			s.arg(int64(p.Sequence))))
	}
	of := func(table, position string) string {
		columns := strings.Split(selected, ", ")
		for i, column := range columns {
			columns[i] = table + "." + column
		}
		columns[0], columns[1], columns[2] = "a."+position+"_time", "a."+position+"_seq", "a."+position+"_writer"
		return strings.Join(columns, ", ")
	}
	// the list is that of the record, so that records are joined before the limit
	from := fmt.Sprintf(`FROM interdict.alerts a
		LEFT JOIN interdict.records c ON c.writer = a.created_writer AND c.seq = a.created_seq AND c.time = a.created_time
		LEFT JOIN interdict.records r ON r.writer = a.resolved_writer AND r.seq = a.resolved_seq AND r.time = a.resolved_time
		WHERE %s ORDER BY a.created_time, a.created_writer, a.created_seq LIMIT %d`, strings.Join(where, " AND "), size)
	var states []archive.AlertState
	err := x.run(ctx, "read alerts", pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(ctx context.Context, tx transaction) error {
		states = nil
		err := tx.query(ctx, func(r pgx.Rows) error {
			var resolved bool
			var id []byte
			e, err := scanEntry(r, &id, &resolved)
			if err != nil {
				return damaged(e, err)
			}
			state := archive.AlertState{ID: string(id), Created: e}
			if resolved {
				state.Resolved = &archive.Entry{}
			}
			states = append(states, state)
			return nil
		}, fmt.Sprintf("SELECT %s, a.id, a.resolved_time IS NOT NULL %s", of("c", "created"), from), s.args...)
		if err != nil || q.Open {
			return err
		}
		n := 0
		return tx.query(ctx, func(r pgx.Rows) error {
			defer func() { n++ }()
			if states[n].Resolved == nil {
				return nil
			}
			e, err := scanEntry(r)
			if err != nil {
				return damaged(e, err)
			}
			*states[n].Resolved = e
			return nil
		}, fmt.Sprintf("SELECT %s %s", of("r", "resolved"), from), s.args...)
	})
	return states, err
}

// OpenAlerts counts the alerts that are not resolved.
func (x *index) OpenAlerts(ctx context.Context, of archive.Origin) (int, error) {
	var s statement
	where := ""
	if of != archive.AnyOrigin {
		where = " AND hit = " + s.arg(of == archive.Hits)
	}
	var n int64
	err := x.read(ctx, "count alerts", func(ctx context.Context, tx transaction) error {
		return tx.query(ctx, func(r pgx.Rows) error { return r.Scan(&n) },
			"SELECT count(*) FROM interdict.alerts WHERE created_time IS NOT NULL AND resolved_time IS NULL"+where, s.args...)
	})
	return int(n), err
}
