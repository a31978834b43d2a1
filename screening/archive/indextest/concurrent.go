package indextest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"interdict/lists/address"
	"interdict/screening/archive"
)

// testConcurrent adds entries of several writers while others read: a mark that a reader sees is never ahead of the entries.
func testConcurrent(t *testing.T, x archive.Index) {
	const writers, batches, size = 4, 20, 25
	g, ctx := errgroup.WithContext(t.Context())
	var adding sync.WaitGroup
	for seed := range uint64(writers) {
		adding.Add(1)
		g.Go(func() error {
			defer adding.Done()
			w := newWriter(seed)
			for range batches {
				entries := w.next(size, func(w *writer, e *archive.Entry) {
					random(w, e)
					e.Terms.Keys = []address.Key{key(int(seed))}
					e.Terms.Alert = archive.Alert{ID: fmt.Sprint(seed, " ", e.Sequence/2), Resolved: e.Sequence%2 == 1}
				})
				if err := x.Add(ctx, entries, w.mark()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	done := make(chan struct{})
	go func() { adding.Wait(); close(done) }()
	for range 2 {
		g.Go(func() error {
			for {
				if err := complete(ctx, x); err != nil {
					return err
				}
				select {
				case <-done:
					return complete(ctx, x)
				default:
				}
			}
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	equal(t, "entries", len(find(t, x, archive.Query{})), writers*batches*size)
	equal(t, "open alerts", openAlerts(t, x, archive.AnyOrigin), writers) // the last of each writer
}

// complete returns an error if entries that the marks count are missing.
func complete(ctx context.Context, x archive.Index) error {
	marks, err := x.Marks(ctx)
	if err != nil {
		return err
	}
	for _, m := range marks {
		seed := int(m.Writer[15])
		seen := map[uint64]bool{}
		var last archive.Position
		for e, err := range x.Find(ctx, archive.Query{Keys: []address.Key{key(seed)}}) {
			if err != nil {
				return err
			}
			if e.Writer != m.Writer || compare(last, e.Position) >= 0 && last.Sequence > 0 {
				return fmt.Errorf("found %+v after %+v", e.Position, last)
			}
			last = e.Position
			seen[e.Sequence] = true
		}
		for n := uint64(1); n <= m.Sequence; n++ {
			if !seen[n] {
				return fmt.Errorf("the mark of writer %d is %d, but record %d is missing", seed, m.Sequence, n)
			}
		}
	}
	if _, err := x.OpenAlerts(ctx, archive.LookBacks); err != nil {
		return err
	}
	return failure(x.Alerts(ctx, archive.AlertQuery{Open: true}))
}

// testRace adds the same entries from several callers, as two servers do that index the same journal.
func testRace(t *testing.T, x archive.Index) {
	p := newPair(t, x)
	w := newWriter(1)
	var entries []archive.Entry
	for range 20 {
		part := w.next(20, func(w *writer, e *archive.Entry) {
			random(w, e)
			e.Terms.Alert = archive.Alert{ID: fmt.Sprint(w.rand.IntN(50)), Resolved: e.Sequence%3 == 0}
		})
		entries = append(entries, part...)
	}
	var g errgroup.Group
	for caller := range 4 {
		g.Go(func() error {
			for from := 0; from < len(entries); {
				to := min(from+20+caller, len(entries))
				if err := x.Add(t.Context(), entries[from:to], archive.Mark{Writer: w.id, Sequence: uint64(to)}); err != nil {
					return err
				}
				from = to
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := p.model.Add(t.Context(), entries, archive.Mark{Writer: w.id, Sequence: uint64(len(entries))}); err != nil {
		t.Fatal(err)
	}
	p.sameAll()
}
