package journal

import (
	"bytes"
	"context"
	"testing"
	"time"
)

// benchPayload is as long as the record of a miss.
var benchPayload = bytes.Repeat([]byte("0123456789"), 35)

func benchJournal(b *testing.B) *Journal {
	j, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := j.Close(); err != nil {
			b.Error(err)
		}
	})
	b.ReportAllocs()
	b.SetBytes(int64(len(benchPayload)))
	return j
}

func BenchmarkAppend(b *testing.B) {
	now := time.Now()
	b.Run("serial", func(b *testing.B) {
		j := benchJournal(b)
		for b.Loop() {
			if err := j.Append(Check, now, benchPayload, false); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("paced", func(b *testing.B) { // 10 µs of other work between appends, as in a server: the background keeps up
		j := benchJournal(b)
		var spent time.Duration
		n := 0
		for b.Loop() {
			for t := time.Now(); time.Since(t) < 10*time.Microsecond; {
			}
			t := time.Now()
			if err := j.Append(Check, now, benchPayload, false); err != nil {
				b.Fatal(err)
			}
			spent += time.Since(t)
			n++
		}
		b.ReportMetric(float64(spent.Nanoseconds())/float64(n), "append-ns/op")
	})
	b.Run("parallel", func(b *testing.B) {
		j := benchJournal(b)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := j.Append(Check, now, benchPayload, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("batch1000", func(b *testing.B) {
		j := benchJournal(b)
		entries := make([]Entry, 1000)
		for i := range entries {
			entries[i] = Entry{Kind: Check, Time: now, Payload: benchPayload}
		}
		n := 0
		for b.Loop() {
			if err := j.AppendBatch(entries, false); err != nil {
				b.Fatal(err)
			}
			n += len(entries)
		}
		b.SetBytes(int64(len(entries) * len(benchPayload)))
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/record")
	})
	b.Run("durable", func(b *testing.B) {
		j := benchJournal(b)
		for b.Loop() {
			if err := j.Append(Check, now, benchPayload, true); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("durable64", func(b *testing.B) { // 64 at a time share syncs
		j := benchJournal(b)
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := j.Append(Check, now, benchPayload, true); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.ReportMetric(float64(b.N)/float64(j.Stats().Syncs), "records/sync")
	})
}

func BenchmarkRead(b *testing.B) {
	j := benchJournal(b)
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
