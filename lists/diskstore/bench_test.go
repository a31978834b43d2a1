package diskstore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/storetest"
)

// BenchmarkLayer gives the figures of the package comment.
//
//	go test ./lists/diskstore -run '^$' -bench Layer -benchtime 1x
func BenchmarkLayer(b *testing.B) {
	entries := storetest.Entries(1_000_000, 1)
	for b.Loop() {
		s := newStore(b, filepath.Join(b.TempDir(), "data"))
		start := time.Now()
		storetest.WriteLayer(b, s, "l", entries)
		b.ReportMetric(time.Since(start).Seconds(), "write-s")
		if info, err := os.Stat(s.path(fileDB)); err == nil {
			b.ReportMetric(float64(info.Size())/float64(len(entries)), "file-bytes/entry")
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		start = time.Now()
		s = newStore(b, s.dir)
		b.ReportMetric(time.Since(start).Seconds(), "open-s")
		start = time.Now()
		n := 0
		for _, err := range s.Walk(context.Background(), "l") {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		b.ReportMetric(time.Since(start).Seconds(), "walk-s")
		start = time.Now()
		if err := s.DropLayer(context.Background(), "l"); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "drop-s")
		_ = s.Close()
	}
}

func BenchmarkLookup(b *testing.B) {
	entries := storetest.Entries(1_000_000, 1)
	s := newStore(b, filepath.Join(b.TempDir(), "data"))
	storetest.WriteLayer(b, s, "l", entries)
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			asked := make([]lists.LayerKey, n)
			at := 0
			for b.Loop() {
				for i := range asked {
					at = (at + 7919) % len(entries)
					asked[i] = lists.LayerKey{Layer: "l", Key: entries[at].Key}
				}
				found, err := s.Lookup(context.Background(), asked)
				if err != nil || found[0] == nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMemory writes ten million entries and tells how much the heap grew over it at the most.
func BenchmarkMemory(b *testing.B) {
	entries := storetest.Entries(10_000_000, 1)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for b.Loop() {
		s := newStore(b, filepath.Join(b.TempDir(), "data"))
		runtime.GC()
		before, most := heap(), uint64(0)
		start := time.Now()
		w, err := s.CreateLayer(context.Background(), "l", len(entries))
		if err != nil {
			b.Fatal(err)
		}
		for i, e := range entries {
			if err := w.Put(e); err != nil {
				b.Fatal(err)
			}
			if i%100_000 == 0 {
				runtime.GC()
				most = max(most, heap())
			}
		}
		if err := w.Commit(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "write-s")
		b.ReportMetric(float64(most-before)/(1<<20), "heap-MB")
		_ = s.Close()
	}
}
