package proof

import (
	"bytes"
	"fmt"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkAppend has records of 350 bytes and a checkpoint each second's worth of 50,000. cpu-us/record is of
// user and system time, with tiles, checkpoints and fsync.
func BenchmarkAppend(b *testing.B) {
	record := bytes.Repeat([]byte("x"), 350)
	l := openLog(b, b.TempDir(), testKeys(b), nil, byHand)
	before := cpu(b)
	b.ResetTimer()
	for i := range b.N {
		if err := l.Append(uint64(i+1), record); err != nil {
			b.Fatal(err)
		}
		if (i+1)%50_000 == 0 {
			if _, err := l.Checkpoint(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	used := float64((cpu(b) - before).Microseconds()) / float64(b.N)
	b.ReportMetric(used, "cpu-us/record")
	b.ReportMetric(used*50_000/1e4, "%core-at-50k/s")
}

func BenchmarkReceipt(b *testing.B) {
	records := testRecords(1_000_000)
	l := openLog(b, b.TempDir(), testKeys(b), records, byHand)
	if _, err := l.Checkpoint(b.Context()); err != nil {
		b.Fatal(err)
	}
	size := 0
	for i := 0; b.Loop(); i++ {
		n := i * 7919 % len(records)
		receipt, err := l.Receipt(uint64(n)+1, records[n])
		if err != nil {
			b.Fatal(err)
		}
		size = len(receipt)
	}
	b.ReportMetric(float64(size), "B/receipt")
}

func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{100_000, 3_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir, keys, records := b.TempDir(), testKeys(b), testRecords(n)
			l := openLog(b, dir, keys, records, byHand)
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				l := openLog(b, dir, keys, records, byHand)
				if l.Status().Rebuilt != "" {
					b.Fatal(l.Status().Rebuilt)
				}
				if err := l.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHash is what BenchmarkAppend costs without files.
func BenchmarkHash(b *testing.B) {
	record := bytes.Repeat([]byte("x"), 350)
	t := &tree{full: func(tlog.Tile, []byte) {}}
	before := cpu(b)
	for range b.N {
		if err := t.add(Leaf(record)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N)*50_000/1e4, "%core-at-50k/s")
}
