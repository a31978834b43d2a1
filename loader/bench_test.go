package loader_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/metrics"
	"sync"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/diskstore"
	"interdict/lists/redisstore"
	"interdict/lists/storetest"
	"interdict/loader"
	"interdict/loader/build"
)

// rowsOf is a csv file of n rows, made while it is read; a twentieth of them differ from one seed to the next.
func rowsOf(n int, seed uint64) io.Reader {
	pr, pw := io.Pipe()
	go func() {
		w := bufio.NewWriterSize(pw, 1<<20)
		fmt.Fprintln(w, "address,network,asset,entity,entity_id,category,confidence,programs,listed_on")
		for i := range uint64(n) {
			x := i * 0x9e3779b97f4a7c15
			if i%20 == 0 {
				x += seed << 32
			}
			fmt.Fprintf(w, "0x%016x%016x%08x,ethereum,ETH,Entity %d,%d,sanctions,confirmed,P%d,2025-01-%02d\n", x*0xbf58476d1ce4e5b9, x, uint32(x>>7), i%3000, i%3000, i%50, i%28+1)
		}
		pw.CloseWithError(w.Flush())
	}()
	return pr
}

// peak reports the largest heap while a benchmark runs.
func peak(b *testing.B) {
	stop, done := make(chan struct{}), sync.WaitGroup{}
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	var most uint64
	done.Go(func() {
		for {
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	b.Cleanup(func() {
		close(stop)
		done.Wait()
		b.ReportMetric(float64(most)/(1<<20), "peak-MB")
	})
}

// each runs a benchmark on both stores.
func each(b *testing.B, run func(b *testing.B, l *loader.Loader)) {
	on := func(open func(b *testing.B) (lists.Store, error)) func(*testing.B) {
		return func(b *testing.B) {
			store, err := open(b)
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			run(b, loader.New(store, &ledger{}, slog.New(slog.DiscardHandler), b.TempDir(), time.Now))
		}
	}
	b.Run("disk", on(func(b *testing.B) (lists.Store, error) { return diskstore.Open(b.TempDir()) }))
	b.Run("Redis", on(func(b *testing.B) (lists.Store, error) {
		return redisstore.Open(ctx, storetest.StartRedis(b), redisstore.Options{})
	}))
}

func load(b *testing.B, l *loader.Loader, mode lists.Mode, body io.Reader, format string) *lists.Version {
	settings := loader.NewList("bench", time.Now())
	settings.Approvals = 0
	v, err := l.Stage(ctx, "bench", []loader.Upload{{Name: "bench", Body: body}}, loader.StageOptions{Format: format, Mode: mode, By: lists.Person("bench"), Create: settings})
	if err == nil {
		_, err = l.Activate(ctx, "bench", v.Number, loader.ActivateOptions{By: lists.Person("bench"), Override: "bench", Warrant: lists.Warrant{Alone: lists.AloneOperator}})
	}
	if err != nil {
		b.Fatal(err)
	}
	return v
}

// millions are the sizes of the lists; ten of them where INTERDICT_LONG is set.
func millions() []int {
	if os.Getenv("INTERDICT_LONG") != "" {
		return []int{1_000_000, 10_000_000}
	}
	return []int{1_000_000}
}

// BenchmarkLoad stages and activates a csv file, from the first byte to the commit.
func BenchmarkLoad(b *testing.B) {
	for _, n := range millions() {
		b.Run(fmt.Sprintf("%d rows", n), func(b *testing.B) {
			each(b, func(b *testing.B, l *loader.Loader) {
				peak(b)
				seed := uint64(0)
				for b.Loop() {
					seed++
					load(b, l, lists.Replace, rowsOf(n, seed), "csv")
				}
				b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			})
		})
	}
}

// BenchmarkLoadSDN does the same with OFAC's file of 117 MB, where it is there.
func BenchmarkLoadSDN(b *testing.B) {
	const file = "../../shared/data/ofac/sdn_advanced_2025-04-02.xml.gz"
	if _, err := os.Stat(filepath.FromSlash(file)); err != nil {
		b.Skip("the file is not here")
	}
	each(b, func(b *testing.B, l *loader.Loader) {
		peak(b)
		for b.Loop() {
			f, err := os.Open(filepath.FromSlash(file))
			if err != nil {
				b.Fatal(err)
			}
			load(b, l, lists.Add, f, "ofac_advanced") // as an addition it is read every time
			f.Close()
		}
	})
}

// BenchmarkDiff compares two versions of a million listings of which one in twenty differs.
func BenchmarkDiff(b *testing.B) {
	each(b, func(b *testing.B, l *loader.Loader) {
		load(b, l, lists.Replace, rowsOf(1_000_000, 1), "csv")
		v := load(b, l, lists.Replace, rowsOf(1_000_000, 2), "csv")
		peak(b)
		for b.Loop() {
			counts, err := l.Diff(ctx, "bench", 1, v.Number, func(build.DiffRow) error { return nil })
			if err != nil || counts.Added != 50_000 || counts.Removed != 50_000 {
				b.Fatal(counts, err)
			}
		}
	})
}

// BenchmarkAddFifty puts fifty addresses on a large list, and makes them live.
func BenchmarkAddFifty(b *testing.B) {
	for _, n := range millions() {
		b.Run(fmt.Sprintf("on %d", n), func(b *testing.B) {
			each(b, func(b *testing.B, l *loader.Loader) {
				load(b, l, lists.Replace, rowsOf(n, 1), "csv")
				seed := uint64(1)
				for b.Loop() {
					seed++
					load(b, l, lists.Add, rowsOf(50, seed<<8), "csv")
				}
			})
		})
	}
}
