//go:build unix

package archive_test

import (
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"interdict/lists"
	"interdict/screening/archive"
	"interdict/screening/archive/diskindex"
	"interdict/screening/archive/pgindex"
	"interdict/screening/archive/pgtest"
	"interdict/screening/journal"
)

// The benchmarks index the checks of a screener from its journal, as a server does: five checks for each address, of which three in four are EVM
// addresses, one in eight is of Tron and one of Bitcoin. Each check has a reference and a customer. TMPDIR has to be on a real disk: 5,000,000 checks need
// 5 GB.
//
//	go test -run '^$' -bench 'BenchmarkIndex/embedded/1M' -benchtime 1x -timeout 60m ./screening/archive
var benchSizes = []struct {
	name   string
	checks int
}{{"100k", 100_000}, {"1M", 1_000_000}, {"5M", 5_000_000}}

// BenchmarkIndex measures filling an index from the journal, its size, first pages, and looking back on fifty addresses that become listed.
func BenchmarkIndex(b *testing.B) {
	for _, kind := range []struct {
		name string
		open func(b *testing.B) measuredIndex
	}{{"embedded", openEmbedded}, {"postgres", openPostgres}} {
		b.Run(kind.name, func(b *testing.B) {
			for _, size := range benchSizes {
				b.Run(size.name, func(b *testing.B) {
					s := newSite(b)
					s.check(b, size.checks)
					x := kind.open(b)
					b.Run("fill", func(b *testing.B) { s.fill(b, x, size.checks) })
					b.Run("search", func(b *testing.B) { s.search(b, x, size.checks) })
					b.Run("look back", func(b *testing.B) { s.lookBack(b, x, size.checks) })
				})
			}
		})
	}
}

// measuredIndex is an index whose size on the disk can be told.
type measuredIndex struct {
	archive.Index
	bytes func() int64
}

func openEmbedded(b *testing.B) measuredIndex {
	dir := filepath.Join(b.TempDir(), "index")
	x, err := diskindex.Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = x.Close() })
	return measuredIndex{x, func() (size int64) {
		err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(d.Name(), ".log") { // the log does not grow with the index
				return err
			}
			info, err := d.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil {
				size += info.Size()
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		return size
	}}
}

func openPostgres(b *testing.B) measuredIndex {
	server := pgtest.Start(b, "max_wal_size=4GB", "shared_buffers=1GB")
	x, err := pgindex.Open(b.Context(), server.Database(), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = x.Close() })
	return measuredIndex{x, func() int64 {
		return server.Number("db1", `SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = 'interdict' AND c.relkind = 'r'`)
	}}
}

// usage measures time of all cores, and memory, from a moment on.
type usage struct {
	wall time.Time
	cpu  time.Duration
	peak func() uint64
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func beginUsage() usage {
	runtime.GC()
	done := make(chan struct{})
	result := make(chan uint64)
	go func() {
		var m runtime.MemStats
		most := uint64(0)
		for {
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
			select {
			case <-done:
				result <- most
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return usage{time.Now(), cpuTime(), func() uint64 { close(done); return <-result }}
}

// report ends the measurement of n things.
func (u usage) report(b *testing.B, n int, unit string) time.Duration {
	wall, cpu := time.Since(u.wall), cpuTime()-u.cpu
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(wall.Seconds(), "s")
	b.ReportMetric(cpu.Seconds(), "cpu-s")
	b.ReportMetric(float64(n)/wall.Seconds(), unit+"/s")
	b.ReportMetric(float64(cpu.Microseconds())/float64(n), "cpu-µs/"+unit)
	b.ReportMetric(float64(u.peak())/(1<<20), "MiB-heap")
	return wall
}

// fill indexes the journal: what a reindex does. CPU time is that of this process, without PostgreSQL's.
func (s *site) fill(b *testing.B, x measuredIndex, n int) {
	if b.N > 1 {
		b.Skip("run with -benchtime 1x")
	}
	u := beginUsage()
	if err := indexerOf(x, s.dir).Once(b.Context()); err != nil {
		b.Fatal(err)
	}
	u.report(b, n, "entry")
	b.ReportMetric(float64(x.bytes())/float64(n), "B/entry")
}

// search reads the first page of the checks of an address.
func (s *site) search(b *testing.B, x measuredIndex, n int) {
	const searches = 200
	slowest := time.Duration(0)
	u := beginUsage()
	for i := range searches {
		text, _ := addressOf((i * 104_729) % (n / checksOfAnAddress))
		start := time.Now()
		found := 0
		for _, err := range x.Find(b.Context(), archive.Query{Kinds: []journal.Kind{journal.Check}, Keys: archive.SearchKeys(text, ""), Newest: true, Limit: 100}) {
			if err != nil {
				b.Fatal(err)
			}
			found++
		}
		if found < checksOfAnAddress {
			b.Fatalf("found %d checks of %s", found, text)
		}
		slowest = max(slowest, time.Since(start))
	}
	wall := u.report(b, searches, "search")
	b.ReportMetric(float64(wall.Microseconds())/searches/1000, "ms/search")
	b.ReportMetric(float64(slowest.Microseconds())/1000, "ms-slowest")
}

// lookBack looks back after fifty addresses have become listed, all of which were asked about.
func (s *site) lookBack(b *testing.B, x measuredIndex, n int) {
	const fresh = 50
	from := s.generation(b)
	s.list(b, lists.Add, s.listed, fresh)
	s.listed += fresh
	to := s.generation(b)
	u := beginUsage()
	r := s.changes(b, x, from, to)
	if r.Alerts < fresh*checksOfAnAddress {
		b.Fatalf("%d alerts, want %d", r.Alerts, fresh*checksOfAnAddress)
	}
	u.report(b, r.Checks, "check")
}
