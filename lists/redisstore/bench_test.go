package redisstore

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/storetest"
)

const benchLayer = "ofac-sdn-019ad2c4-7b1c-7e62-9f0e-3f1f2b5a9c11"

// BenchmarkLayer gives the figures of the package comment; INTERDICT_LONG=1 adds ten million addresses.
//
//	go test ./lists/redisstore -run '^$' -bench Layer -benchtime 1x
func BenchmarkLayer(b *testing.B) {
	sizes := []int{1_000_000}
	if os.Getenv("INTERDICT_LONG") != "" {
		sizes = append(sizes, 10_000_000)
	}
	for _, n := range sizes {
		b.Run(fmt.Sprintf("addresses=%d", n), func(b *testing.B) {
			entries := storetest.Entries(n, 1)
			for b.Loop() {
				benchmarkLayer(b, newStore(b, storetest.StartRedis(b), Options{Timeout: 5 * time.Second}), entries)
			}
		})
	}
}

func benchmarkLayer(b *testing.B, s *Store, entries []lists.Entry) {
	ctx := context.Background()
	before, heapBefore, heapMost := usedMemory(b, s), heap(), 0.0
	start := time.Now()
	var paused time.Duration
	w, err := s.CreateLayer(ctx, benchLayer, len(entries))
	if err != nil {
		b.Fatal(err)
	}
	for i := range uint32(700) { // as many as the entries refer to
		if err := w.PutAttribution(i, fmt.Appendf(nil, `{"entity":{"id":"%d","name":"%s"}}`, i, strings.Repeat("x", 200))); err != nil {
			b.Fatal(err)
		}
	}
	for i, e := range entries {
		if err := w.Put(e); err != nil {
			b.Fatal(err)
		}
		if i%(len(entries)/10) == 0 {
			pause := time.Now()
			heapMost = max(heapMost, heap()-heapBefore)
			paused += time.Since(pause)
		}
	}
	if err := w.Commit(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric((time.Since(start) - paused).Seconds(), "load-s")
	b.ReportMetric((usedMemory(b, s)-before)/float64(len(entries)), "bytes/address")
	b.ReportMetric(heapMost, "heap-MB")
	start = time.Now()
	for _, err := range s.Walk(ctx, benchLayer) {
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(time.Since(start).Seconds(), "walk-s")
	start = time.Now()
	if err := s.DropLayer(ctx, benchLayer); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(time.Since(start).Seconds(), "drop-s")
}

// usedMemory is Redis's used_memory in bytes.
func usedMemory(t testing.TB, s *Store) float64 {
	t.Helper()
	info, err := s.client.Info(context.Background(), "memory").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(info, "used_memory:")
	digits, _, _ := strings.Cut(rest, "\r")
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// heap is the memory in use here, in megabytes.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

func BenchmarkLookup(b *testing.B) {
	ctx := context.Background()
	entries := storetest.Entries(1_000_000, 1)
	s := newStore(b, storetest.StartRedis(b), Options{Timeout: 5 * time.Second})
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
				found, err := s.Lookup(ctx, asked)
				if err != nil || found[0] == nil {
					b.Fatal(err)
				}
			}
		})
	}
}
