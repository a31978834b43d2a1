package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"interdict/api"
	"interdict/lists"
	"interdict/screening"
	"interdict/screening/journal"
)

// scenario is one way to be measured.
type scenario struct {
	name, addr, path string
	bodies           [][]byte
	perRequest       int     // addresses
	cores            int     // of the server
	index            bool    // the server indexes its record
	indexed          float64 // records a second
	rates            []float64
	latencies        []time.Duration
}

func checkBody(address string) []byte {
	return fmt.Appendf(nil, `{"address":%q,"network":"ethereum","asset":"ETH","direction":"withdrawal","reference":"wd-8842","customer":"c-19"}`, address)
}

// result is one line of the printed table.
type result struct {
	Name      string  `json:"name"`
	PerSecond float64 `json:"addresses_per_second"`
	// PerAddress is the time of the whole server for one address.
	PerAddress float64 `json:"us_per_address"`
	ToBare     float64 `json:"to_bare_gin"`
	P50        float64 `json:"p50_us,omitempty"`
	P99        float64 `json:"p99_us,omitempty"`
}

func (o *Options) measure(ctx context.Context, addresses string, naive bool, took time.Duration) error {
	full, plain, _ := strings.Cut(addresses, " ")
	const n = 2000
	misses, hits, batches := make([][]byte, n), make([][]byte, n), make([][]byte, 20)
	for i := range misses {
		misses[i] = checkBody(synthetic(uint64(i), false))
		hits[i] = checkBody(synthetic(uint64(i%o.Size), true))
	}
	for i := range batches {
		var items [][]byte
		for k := range 1000 {
			items = append(items, checkBody(synthetic(uint64(i*1000+k), false)))
		}
		batches[i] = slices.Concat([]byte(`{"checks":[`), bytes.Join(items, []byte{','}), []byte(`]}`))
	}
	scenarios := []*scenario{
		{name: "bare Gin", addr: plain, path: "/bare", bodies: misses, perRequest: 1, cores: 1},
		{name: "check, miss", addr: full, path: "/v1/check", bodies: misses, perRequest: 1, cores: 1},
		{name: "check, hit", addr: full, path: "/v1/check", bodies: hits, perRequest: 1, cores: 1},
		{name: "batch of 1,000, one core", addr: full, path: "/v1/checks", bodies: batches, perRequest: 1000, cores: 1},
		{name: "batch of 1,000, all cores", addr: full, path: "/v1/checks", bodies: batches, perRequest: 1000, cores: runtime.NumCPU()},
	}
	if o.Index {
		scenarios = slices.Insert(scenarios, 2, &scenario{name: "check, miss, indexing", addr: full, path: "/v1/check", bodies: misses, perRequest: 1, cores: 1, index: true})
	}
	if naive {
		scenarios = append(scenarios, &scenario{name: "naive: Gin and Redis GET", addr: plain, path: "/naive", bodies: misses, perRequest: 1, cores: 1})
	}
	for round := range o.Rounds + 1 { // the first one warms up
		for _, r := range scenarios {
			connections := o.Connections
			if r.perRequest > 1 {
				connections = 2
			}
			if err := cores(plain, r.cores); err != nil {
				return err
			}
			rate, err := o.turn(ctx, plain, r, connections)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			if round > 0 {
				r.rates = append(r.rates, rate)
			}
		}
	}
	if err := cores(plain, 1); err != nil {
		return err
	}
	bare := median(scenarios[0].rates)
	arrival := bare / 3
	for range o.Rounds {
		for _, r := range scenarios[:2] {
			l, err := r.openLoop(ctx, o.Connections, arrival, o.Time)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			r.latencies = append(r.latencies, l...)
		}
	}
	var results []result
	for _, r := range scenarios {
		x := result{Name: r.name, PerSecond: median(r.rates) * float64(r.perRequest)}
		x.ToBare = x.PerSecond / bare
		x.PerAddress = 1e6 / x.PerSecond
		if len(r.latencies) > 0 {
			slices.Sort(r.latencies)
			at := func(q float64) float64 {
				return float64(r.latencies[int(q*float64(len(r.latencies)-1))]) / 1e3
			}
			x.P50, x.P99 = at(.5), at(.99)
		}
		results = append(results, x)
	}
	share, indexed := indexShare(scenarios)
	inside, allocations, err := o.inside(ctx)
	if err != nil {
		return err
	}
	if o.JSON {
		return printJSON(o.Stdout, map[string]any{"size": o.Size, "load_seconds": took.Seconds(), "arrival_per_second": arrival, "activations": o.Activations, "scenarios": results, "miss_while_indexing": share,
			"screening_ns": inside, "screening_allocations": allocations, "cpus": runtime.NumCPU(), "go": runtime.Version(),
			"file_system": fileSystem(os.TempDir()), "journal_sync": o.Sync})
	}
	if o.Activations {
		fmt.Fprintln(o.Stdout, "fifty more addresses were activated every second")
	}
	fmt.Fprintf(o.Stdout, "%d addresses, loaded in %.1f s (%s, %d cores; the server on one; journal on %s, sync %s)\n\n", o.Size, took.Seconds(), runtime.Version(), runtime.NumCPU(),
		fileSystem(os.TempDir()), o.Sync)
	fmt.Fprintf(o.Stdout, "%-28s %14s %12s %12s %10s %10s\n", "", "addresses/s", "µs/address", "to bare Gin", "p50 µs", "p99 µs")
	for _, r := range results {
		fmt.Fprintf(o.Stdout, "%-28s %14.0f %12.2f %12.2f", r.Name, r.PerSecond, r.PerAddress, r.ToBare)
		if r.P99 > 0 {
			fmt.Fprintf(o.Stdout, " %10.0f %10.0f", r.P50, r.P99)
		}
		fmt.Fprintln(o.Stdout)
	}
	if o.Index {
		fmt.Fprintf(o.Stdout, "\nMisses while the record is indexed: %.3f of those without, median of the rounds; %.0f records/s were indexed meanwhile.\n", share, indexed)
	}
	fmt.Fprintf(o.Stdout, "\nLatencies at %.0f requests/s (open loop). Inside screening, a miss: %d ns, %d allocations.\n", arrival, inside, allocations)
	return nil
}

// turn runs a scenario once.
func (o *Options) turn(ctx context.Context, plain string, r *scenario, connections int) (float64, error) {
	if !r.index {
		return r.closedLoop(ctx, connections, o.Time)
	}
	before, err := indexing(plain, true)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	rate, err := r.closedLoop(ctx, connections, o.Time)
	took := time.Since(start)
	after, stopErr := indexing(plain, false)
	r.indexed = float64(after-before) / took.Seconds()
	return rate, errors.Join(err, stopErr)
}

// indexing lets the server index its record or not, and returns how many records are indexed.
func indexing(addr string, on bool) (uint64, error) {
	res, err := http.Post(fmt.Sprintf("http://%s/index/%t", addr, on), "", nil)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(string(b), 10, 64)
}

// cores sets how many cores the server may use.
func cores(addr string, n int) error {
	res, err := http.Post(fmt.Sprintf("http://%s/cores/%d", addr, n), "", nil)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// indexShare compares misses while the record is indexed with those of the same round without, and returns the median, and how many records a second
// were indexed in the last round.
func indexShare(scenarios []*scenario) (share, indexed float64) {
	var with, without *scenario
	for _, r := range scenarios {
		switch {
		case r.index:
			with = r
		case r.name == "check, miss":
			without = r
		}
	}
	if with == nil {
		return 0, 0
	}
	var shares []float64
	for i := range with.rates {
		shares = append(shares, with.rates[i]/without.rates[i])
	}
	return median(shares), with.indexed
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if len(s) == 0 {
		return 0
	}
	return s[len(s)/2]
}

// noJournal drops records, so that inside measures parsing, screening and encoding alone.
type noJournal struct{}

func (noJournal) AppendBatch([]journal.Entry, bool) error { return nil }

// inside measures a miss within package screening, without HTTP.
func (o *Options) inside(ctx context.Context) (ns, allocations int64, err error) {
	dir, err := os.MkdirTemp("", "interdict-bench-*")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir)
	small := *o
	small.Size = min(o.Size, 100_000)
	if _, err := small.fill(ctx, filepath.Join(dir, "store")); err != nil {
		return 0, 0, err
	}
	store, err := o.Open(ctx, filepath.Join(dir, "store"))
	if err != nil {
		return 0, 0, err
	}
	defer store.Close()
	s := screening.New(store.Store, noJournal{}, api.NewMetrics(), store.Log, time.Now)
	if err := s.Refresh(ctx); err != nil {
		return 0, 0, err
	}
	requests := make([]screening.Request, 1000)
	for i := range requests {
		requests[i] = screening.Request{Address: synthetic(uint64(i), false), Network: "ethereum", Direction: lists.Withdrawal, By: "bench"}
	}
	r := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		var a screening.Answer
		for i := 0; b.Loop(); i++ {
			if err := s.Check(ctx, &requests[i%len(requests)], &a); err != nil {
				b.Fatal(err)
			}
		}
	})
	return r.NsPerOp(), r.AllocsPerOp(), nil
}
