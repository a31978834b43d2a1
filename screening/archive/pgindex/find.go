package pgindex

import (
	"context"
	"iter"
	"slices"

	"github.com/jackc/pgx/v5"

	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening/archive"
)

// A page looks at so many candidates. The number grows while few of them are wanted.
const (
	minWindow = 32
	maxWindow = 32768
	// of a query by terms, which looks at so many of each term
	maxTermWindow = 4096
)

// Find yields the records that a query selects. It reads a page, and yields it without holding a connection.
func (x *index) Find(ctx context.Context, q archive.Query) iter.Seq2[archive.Entry, error] {
	return func(yield func(archive.Entry, error) bool) {
		window, largest, left := 1024, maxWindow, q.Limit
		if left > 0 {
			window = min(max(left, minWindow), window)
		}
		if len(q.Keys) > 1 || len(q.Kinds) > 1 {
			largest = maxTermWindow
		}
		for {
			p, err := x.page(ctx, q, window)
			if err != nil {
				yield(archive.Entry{}, err)
				return
			}
			for _, e := range p.entries {
				if err := ctx.Err(); err != nil {
					yield(archive.Entry{}, fault.E(fault.Unavailable, "search %s: %w", x.name, err))
					return
				}
				if !yield(e, nil) {
					return
				}
				if left--; left == 0 {
					return
				}
			}
			if !p.more {
				return
			}
			q.After = p.last
			if len(p.entries) < window/4 {
				window = min(window*4, largest)
			}
		}
	}
}

type foundPage struct {
	entries []archive.Entry
	last    archive.Position // of the candidates
	more    bool             // there can be candidates after it
}

func (x *index) page(ctx context.Context, q archive.Query, window int) (foundPage, error) {
	sql, args := page(q, window)
	var p foundPage
	err := x.read(ctx, "search", func(ctx context.Context, tx transaction) error {
		p = foundPage{}
		return tx.query(ctx, func(r pgx.Rows) error {
			var wanted bool
			var number, bytes int64
			e, err := scanEntry(r, &wanted, &number, &bytes)
			if err != nil {
				return damaged(e, err)
			}
			p.last, p.more = e.Position, number == int64(window) || bytes >= pageBytes
			if wanted && hasKey(e, q.Keys) {
				p.entries = append(p.entries, e)
			}
			return nil
		}, sql, args...)
	})
	return p, err
}

func damaged(e archive.Entry, err error) error {
	return fault.E(fault.Unavailable, "search: entry %d of %s: %w: the index is damaged; clear it and fill it again", e.Sequence, e.Writer, err)
}

// hasKey says whether an entry has one of some keys. Without keys it says yes.
func hasKey(e archive.Entry, keys []address.Key) bool {
	return len(keys) == 0 || slices.ContainsFunc(e.Terms.Keys, func(k address.Key) bool { return slices.Contains(keys, k) })
}
