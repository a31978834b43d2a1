package archive_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"interdict/screening/archive"
	"interdict/screening/archive/diskindex"
	"interdict/screening/journal"
)

func openIndex(t *testing.T) archive.Index {
	t.Helper()
	x, err := diskindex.Open(t.TempDir()+"/index", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x
}

func indexerOf(x archive.Index, dir string) *archive.Indexer {
	return &archive.Indexer{Index: x, Source: archive.Folder(dir), Node: "here", Log: slog.New(slog.DiscardHandler), Now: time.Now}
}

func openJournal(t *testing.T, dir string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(dir, journal.Options{SegmentBytes: journal.MinSegmentBytes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

// write appends changes numbered from first on.
func write(t *testing.T, j *journal.Journal, first, n int) {
	t.Helper()
	for i := first; i < first+n; i++ {
		if err := j.Append(journal.ListChange, time.Now(), fmt.Appendf(nil, `{"action":"settings","outcome":"done","by":"ann","list":"l%d"}`, i%7), false); err != nil {
			t.Fatal(err)
		}
	}
}

// places returns which records are in an index, as writer and sequence number.
func places(t *testing.T, x archive.Index) map[string]int {
	t.Helper()
	found := map[string]int{}
	for e, err := range x.Find(t.Context(), archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		found[fmt.Sprint(e.Writer, " ", e.Sequence)]++
	}
	return found
}

// recorded returns which records are in a journal.
func recorded(t *testing.T, dir string) map[string]int {
	t.Helper()
	all := map[string]int{}
	for r, err := range journal.Read(t.Context(), dir) {
		if err != nil {
			t.Fatal(err)
		}
		all[fmt.Sprint(r.Writer, " ", r.Sequence)]++
	}
	return all
}

// Whatever happens to indexers and the index, at the end it has every record once.
func TestEveryRecordIsIndexedOnce(t *testing.T) {
	dir, x := t.TempDir(), openIndex(t)
	first := openJournal(t, dir)
	write(t, first, 0, 2500)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for range 2 { // two at once
		running.Go(func() { indexerOf(x, dir).Run(ctx) })
	}
	second := openJournal(t, dir)
	write(t, second, 0, 1500)
	write(t, first, 2500, 10)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := x.Clear(t.Context()); err != nil { // while it is filled
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	cancel()
	running.Wait()
	if err := indexerOf(x, dir).Once(t.Context()); err != nil { // a start after all of it
		t.Fatal(err)
	}
	if diff := cmp.Diff(recorded(t, dir), places(t, x)); diff != "" {
		t.Error(diff)
	}
	marks, err := x.Marks(t.Context())
	if err != nil || len(marks) != 2 || !marks[0].Ended || marks[0].Sequence != 2510 || marks[1].Ended || marks[1].Sequence != 1500 {
		t.Errorf("%+v, %v", marks, err)
	}
}

// A record that cannot be read leaves a gap that is told, and the others are indexed.
func TestDamageIsAGapThatIsTold(t *testing.T) {
	dir, x := t.TempDir(), openIndex(t)
	j := openJournal(t, dir)
	write(t, j, 0, 30_000)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := journal.SealedNames(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, names[0])
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := indexerOf(x, dir).Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	marks, err := x.Marks(t.Context())
	if err != nil || len(marks) != 1 || !strings.Contains(marks[0].Gap, names[0]) {
		t.Fatalf("%+v, %v", marks, err)
	}
	if n := len(places(t, x)); n == 0 || n == 30_000 {
		t.Errorf("%d records are indexed", n)
	}
	if c := archive.Cover(time.Now(), marks, nil); len(c.Gaps) != 1 || !strings.Contains(c.Gaps[0], names[0]) {
		t.Errorf("the coverage does not tell of the gap: %+v", c)
	}
}

func TestCoverageIsThatOfTheSlowestWriter(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	id := func(at time.Time) uuid.UUID {
		ms := at.UnixMilli()
		return uuid.UUID{byte(ms >> 40), byte(ms >> 32), byte(ms >> 24), byte(ms >> 16), byte(ms >> 8), byte(ms), 0x70, 0, 0x80}
	}
	live := archive.Mark{Writer: id(now.Add(-3 * time.Hour)), Node: "a", Complete: now.Add(-10 * time.Second)}
	slow := archive.Mark{Writer: id(now.Add(-2 * time.Hour)), Node: "b", Complete: now.Add(-time.Hour)}
	ended := archive.Mark{Writer: id(now.Add(-5 * time.Hour)), Node: "c", Complete: now.Add(-4 * time.Hour), Ended: true}
	unknown := id(now.Add(-90 * time.Minute))
	for name, c := range map[string]struct {
		marks  []archive.Mark
		known  []uuid.UUID
		until  time.Time
		behind int
	}{
		"nothing is known":           {nil, nil, time.Time{}, 0},
		"one that follows":           {[]archive.Mark{live}, []uuid.UUID{live.Writer}, live.Complete, 0},
		"one that has ended":         {[]archive.Mark{ended, live}, nil, live.Complete, 0},
		"one that is slow":           {[]archive.Mark{live, slow}, nil, slow.Complete, 1},
		"one that was never indexed": {[]archive.Mark{live}, []uuid.UUID{unknown}, now.Add(-90 * time.Minute), 1},
		"only one never indexed":     {nil, []uuid.UUID{unknown}, now.Add(-90 * time.Minute), 1},
		"all have ended":             {[]archive.Mark{ended}, []uuid.UUID{ended.Writer}, now, 0},
	} {
		got := archive.Cover(now, c.marks, c.known)
		if !got.Until.Equal(c.until) || len(got.Behind) != c.behind {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
