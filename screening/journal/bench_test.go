package journal

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// benchPayload is as long as the record of a miss.
var benchPayload = bytes.Repeat([]byte("0123456789"), 35)

func benchJournal(b *testing.B, opts Options) *Journal {
	j, err := Open(b.TempDir(), opts)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := j.Close(); err != nil {
			b.Error(err)
		}
	})
	b.ReportAllocs()
	return j
}

func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name    string
		durable bool
	}{{"misses", false}, {"sync all", true}} {
		for _, callers := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("%s/%d", c.name, callers), func(b *testing.B) {
				j := benchJournal(b, Options{SyncAll: c.durable})
				now := time.Now()
				var wg sync.WaitGroup
				for i := range callers {
					wg.Go(func() {
						for range (b.N + i) / callers {
							if err := j.Append(Check, now, benchPayload, false); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				if s := j.Stats(); s.Syncs > 0 {
					b.ReportMetric(float64(s.Records)/float64(s.Syncs), "records/sync")
				}
			})
		}
	}
	b.Run("batch of 1000", func(b *testing.B) {
		j := benchJournal(b, Options{})
		entries := slices.Repeat([]Entry{{Kind: Check, Time: time.Now(), Payload: benchPayload}}, 1000)
		n := 0
		for b.Loop() {
			if err := j.AppendBatch(entries, false); err != nil {
				b.Fatal(err)
			}
			n += len(entries)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/record")
	})
}

// BenchmarkPaced appends 15,000 records per second, as a busy server does, and reports how long an append takes.
func BenchmarkPaced(b *testing.B) {
	j := benchJournal(b, Options{})
	const every = time.Second / 15_000
	took := make([]time.Duration, 0, b.N)
	begun := time.Now()
	b.ResetTimer()
	for i := range b.N {
		due := begun.Add(time.Duration(i) * every)
		if wait := time.Until(due); wait > time.Millisecond {
			time.Sleep(wait)
		}
		t := time.Now()
		if err := j.Append(Check, t, benchPayload, false); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(t))
	}
	slices.Sort(took)
	for _, p := range []struct {
		name string
		at   float64
	}{{"p50-µs", 0.5}, {"p99-µs", 0.99}, {"p99.9-µs", 0.999}, {"max-µs", 1}} {
		b.ReportMetric(float64(took[int(float64(len(took)-1)*p.at)].Nanoseconds())/1e3, p.name)
	}
}

func BenchmarkRead(b *testing.B) {
	j := benchJournal(b, Options{})
	for range 100_000 {
		if err := j.Append(Check, time.Now(), benchPayload, false); err != nil {
			b.Fatal(err)
		}
	}
	n := 0
	for b.Loop() {
		for _, err := range Read(context.Background(), j.dir) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/record")
}
