package diskindex

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"interdict/lists/address"
	"interdict/screening/archive"
)

// benchEntries is the size of the index that queries are measured on: INTERDICT_BENCH_ENTRIES, or 200,000.
func benchEntries(b *testing.B) uint64 {
	text := os.Getenv("INTERDICT_BENCH_ENTRIES")
	if text == "" {
		return 200_000
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

func folderSize(b *testing.B, dir string) (size int64) {
	b.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return size
}

// BenchmarkAdd adds batches of 1,000 checks, each durable. Making them is not measured.
func BenchmarkAdd(b *testing.B) {
	x := mustOpen(b, b.TempDir())
	next := uint64(1)
	for b.Loop() {
		b.StopTimer()
		entries := testEntries(next, next+999)
		b.StartTimer()
		next += 1000
		if err := x.Add(context.Background(), entries, archive.Mark{Writer: testWriter, Sequence: next - 1}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(next-1)/b.Elapsed().Seconds(), "entries/s")
}

// benchIndex is filled once, and kept for all benchmarks of queries.
var benchIndex struct {
	sync.Once
	x       archive.Index
	dir     string
	entries uint64
}

func queried(b *testing.B) archive.Index {
	b.Helper()
	benchIndex.Do(func() {
		benchIndex.entries = benchEntries(b)
		dir, err := os.MkdirTemp("", "index")
		if err != nil {
			b.Fatal(err)
		}
		benchIndex.dir = dir
		if benchIndex.x, err = Open(dir, slog.New(slog.DiscardHandler)); err != nil {
			b.Fatal(err)
		}
		var adding time.Duration
		for from := uint64(1); from <= benchIndex.entries; from += 1000 {
			entries := testEntries(from, min(from+999, benchIndex.entries))
			began := time.Now()
			if err := benchIndex.x.Add(context.Background(), entries, archive.Mark{Writer: testWriter, Sequence: from + uint64(len(entries)) - 1}); err != nil {
				b.Fatal(err)
			}
			adding += time.Since(began)
		}
		fmt.Printf("%d entries added in %.1f s: %.0f entries/s; %d bytes an entry", benchIndex.entries, adding.Seconds(), float64(benchIndex.entries)/adding.Seconds(),
			folderSize(b, dir)/int64(benchIndex.entries))
		began := time.Now()
		if err := benchIndex.x.(*Index).db.Compact(context.Background(), []byte{0}, []byte{0xff}, true); err != nil {
			b.Fatal(err)
		}
		fmt.Printf(", %d when merged, which took %.1f s\n", folderSize(b, dir)/int64(benchIndex.entries), time.Since(began).Seconds())
	})
	return benchIndex.x
}

func benchFind(b *testing.B, query func(n uint64) archive.Query, want int) {
	x := queried(b)
	n := uint64(0)
	for b.Loop() {
		n++
		found := 0
		for _, err := range x.Find(context.Background(), query(n*7919%benchIndex.entries+1)) {
			if err != nil {
				b.Fatal(err)
			}
			found++
		}
		if found < want {
			b.Fatalf("found %d, want at least %d", found, want)
		}
	}
}

// BenchmarkFind measures first pages.
func BenchmarkFind(b *testing.B) {
	frequent := func(n uint64) address.Key { return address.Key(fmt.Sprintf("\x04deposit %d", n%1000)) }
	b.Run("rare key", func(b *testing.B) {
		benchFind(b, func(n uint64) archive.Query { return archive.Query{Keys: testEntry(n).Terms.Keys[:1], Limit: 100} }, 1)
	})
	b.Run("frequent key, oldest 100", func(b *testing.B) {
		benchFind(b, func(n uint64) archive.Query { return archive.Query{Keys: []address.Key{frequent(n)}, Limit: 100} }, 100)
	})
	b.Run("frequent key, newest 100", func(b *testing.B) {
		benchFind(b, func(n uint64) archive.Query {
			return archive.Query{Keys: []address.Key{frequent(n)}, Newest: true, Limit: 100}
		}, 100)
	})
	b.Run("50 keys", func(b *testing.B) {
		benchFind(b, func(n uint64) archive.Query {
			q := archive.Query{Limit: 100}
			for i := range uint64(50) {
				q.Keys = append(q.Keys, testEntry((n+i*104729)%benchIndex.entries + 1).Terms.Keys[0])
			}
			return q
		}, 1)
	})
	b.Run("50 frequent keys, newest 100", func(b *testing.B) {
		benchFind(b, func(n uint64) archive.Query {
			q := archive.Query{Limit: 100, Newest: true}
			for i := range uint64(50) {
				q.Keys = append(q.Keys, frequent(n+i))
			}
			return q
		}, 100)
	})
	b.Run("customer and result", func(b *testing.B) {
		benchFind(b, func(n uint64) archive.Query {
			return archive.Query{Customer: testEntry(n).Terms.Customer, Result: "no_match", By: testEntry(1).Terms.By, Limit: 100}
		}, 0)
	})
	b.Run("frequent key and rare result", func(b *testing.B) {
		benchFind(b, func(uint64) archive.Query {
			return archive.Query{Keys: []address.Key{frequent(1)}, Result: "match", Limit: 100}
		}, 0)
	})
	b.Run("10,000 in order", func(b *testing.B) {
		benchFind(b, func(uint64) archive.Query { return archive.Query{Limit: 10_000} }, 10_000)
	})
}
