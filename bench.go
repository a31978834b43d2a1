package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"

	"interdict/api"
	"interdict/api/auth"
	"interdict/lists"
	"interdict/loader"
	"interdict/screening"
	"interdict/screening/journal"
)

// The bench puts the server into a process of its own, on one core, and the load on another; the roads are driven in turn, so that
// what the machine does besides falls on all of them alike. Ratios hold, absolute figures drift.

type benchCmd struct {
	Size        int           `help:"How many addresses the synthetic list has." default:"1000000"`
	Rounds      int           `help:"How often each road is driven; the medians count." default:"5"`
	Time        time.Duration `help:"How long one road is driven in one round." default:"2s"`
	Connections int           `help:"Keep-alive connections of the load." default:"32"`
	Redis       string        `help:"Redis for the naive design; one is started if redis-server is installed." placeholder:"URL"`
	Activations bool          `help:"Activate fifty more addresses every second while checks are measured."`
	JSON        bool          `help:"Print JSON."`

	ServeOn string `hidden:"" help:"Internal: be the server, with its data in this folder."`
}

// Help is shown under bench --help.
func (*benchCmd) Help() string {
	return "Example:\n  interdict bench --size 10000000 --rounds 7"
}

// benchKey is the API key of the bench's own server, which listens on loopback and lives as long as the bench.
const benchKey = "bench-key-of-a-throw-away-server"

func (c *benchCmd) Run(e *env) error {
	if c.ServeOn != "" {
		return c.beServer(e)
	}
	dir, err := os.MkdirTemp("", "interdict-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	took, err := c.fill(e, dir)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	redisURL := c.Redis
	if redisURL == "" {
		if redisURL, err = startRedis(ctx, dir); err != nil {
			fmt.Fprintln(e.stderr, "interdict: the naive design is left out:", err)
		}
	}
	base, stop, err := c.startServer(ctx, dir, redisURL)
	if err != nil {
		return err
	}
	defer stop()
	return c.measure(e, base, redisURL != "", took)
}

// synthetic gives address i of the list: EVM, Tron-free plain forms that cost nothing to make. Odd space: listed; even space: not.
func synthetic(i uint64, listed bool) string {
	r := rand.New(rand.NewPCG(i, 0x1d7e))
	b := make([]byte, 20)
	binary.BigEndian.PutUint64(b, r.Uint64())
	binary.BigEndian.PutUint64(b[8:], r.Uint64())
	binary.BigEndian.PutUint32(b[16:], r.Uint32())
	b[19] &^= 1
	if listed {
		b[19] |= 1
	}
	return fmt.Sprintf("0x%x", b)
}

// fill loads the synthetic list through the loader, as a file of that size would come in.
func (c *benchCmd) fill(e *env, dir string) (time.Duration, error) {
	o, err := (&storeFlags{Data: dir}).open(e.ctx, e.quiet())
	if err != nil {
		return 0, err
	}
	defer o.close()
	pr, pw := io.Pipe()
	go func() {
		w := bufio.NewWriterSize(pw, 1<<20)
		fmt.Fprintln(w, "address,entity,entity_id,category,listed_on")
		for i := range c.Size {
			fmt.Fprintf(w, "%s,Synthetic %d,%d,sanctions,2025-01-01\n", synthetic(uint64(i), true), i%1000, i%1000)
		}
		pw.CloseWithError(w.Flush())
	}()
	start := time.Now()
	settings := lists.NewList("bench", start)
	settings.Approvals, settings.Category = 0, lists.Sanctions
	v, err := o.loader.Stage(e.ctx, "bench", []loader.Upload{{Name: "bench.csv", Body: pr}},
		loader.StageOptions{Format: "csv", By: operator(), Create: settings})
	if err != nil {
		return 0, err
	}
	_, err = o.loader.Activate(e.ctx, "bench", v.Number, loader.ActivateOptions{By: operator(), Operator: true})
	return time.Since(start), err
}

func startRedis(ctx context.Context, dir string) (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	cmd := exec.CommandContext(ctx, "redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--dir", dir)
	if err := cmd.Start(); err != nil {
		return "", err
	}
	for range 100 {
		if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			conn.Close()
			return fmt.Sprintf("redis://127.0.0.1:%d", port), nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return "", errors.New("redis-server does not answer")
}

// startServer runs this program again as the server, on one core.
func (c *benchCmd) startServer(ctx context.Context, dir, redisURL string) (base string, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(ctx, self, "bench", "--serve-on", dir, "--size", strconv.Itoa(c.Size), "--redis", redisURL)
	if c.Activations {
		cmd.Args = append(cmd.Args, "--activations")
	}
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return "", nil, errors.Join(errors.New("the server did not start"), err, cmd.Wait())
	}
	return strings.TrimSpace(line), func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }, nil
}

// beServer serves the real API beside a bare Gin handler and the naive design.
func (c *benchCmd) beServer(e *env) error {
	o, err := (&storeFlags{Data: c.ServeOn}).openWith(e.ctx, e.quiet(), journal.DefaultSegmentBytes)
	if err != nil {
		return err
	}
	defer o.close()
	keys, err := auth.Open(e.ctx, o.store, "", time.Now)
	if err != nil {
		return err
	}
	if _, err := keys.Bootstrap(e.ctx, benchKey); err != nil {
		return err
	}
	metrics := api.NewMetrics()
	screener := screening.New(o.store, o.journal, metrics, o.log, time.Now)
	if err := screener.Refresh(e.ctx); err != nil {
		return err
	}
	server := api.New(api.Options{Screener: screener, Loader: o.loader, Keys: keys, Store: o.store, Metrics: metrics, Log: o.log, Now: time.Now,
		JournalError: func() error { return nil }})
	bare, err := bareGin(e.ctx, screener, c.Redis)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	full, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if c.Activations {
		go o.loader.Tend(e.ctx)
		go c.activate(e, o, screener)
	}
	fmt.Fprintf(e.stdout, "%s %s\n", full.Addr(), ln.Addr())
	go func() { _ = httpServer(bare, o.log).Serve(ln) }()
	return httpServer(server.Handler(), o.log).Serve(full)
}

// activate puts fifty more addresses on the list every second, as a service under attack would.
func (c *benchCmd) activate(e *env, o *opened, screener *screening.Screener) {
	for n := c.Size; e.ctx.Err() == nil; time.Sleep(time.Second) {
		rows := "address,entity\n"
		for range 50 {
			rows += synthetic(uint64(n), true) + ",New\n"
			n++
		}
		v, err := o.loader.Stage(e.ctx, "bench", []loader.Upload{{Name: "more.csv", Body: strings.NewReader(rows)}},
			loader.StageOptions{Format: "csv", Mode: lists.Add, By: operator()})
		if err == nil {
			_, err = o.loader.Activate(e.ctx, "bench", v.Number, loader.ActivateOptions{By: operator(), Operator: true})
		}
		if err == nil {
			err = screener.Refresh(e.ctx)
		}
		if err != nil {
			fmt.Fprintln(e.stderr, "interdict: an activation failed:", err)
		}
	}
}

// bareGin is what the full path is measured against: it binds the same body and answers a constant of the same size. /naive
// is the design that asks Redis for every check.
func bareGin(ctx context.Context, screener *screening.Screener, redisURL string) (http.Handler, error) {
	type body struct {
		Address   string `json:"address" binding:"required"`
		Network   string `json:"network"`
		Asset     string `json:"asset"`
		Direction string `json:"direction" binding:"required"`
		Reference string `json:"reference"`
		Customer  string `json:"customer"`
	}
	var a screening.Answer
	if err := screener.Check(ctx, &screening.Request{Address: synthetic(0, false), Network: "ethereum", Direction: lists.Withdrawal, By: "bench"}, &a); err != nil {
		return nil, err
	}
	constant := bytes.Clone(a.JSON)
	e := gin.New()
	e.POST("/bare", func(c *gin.Context) {
		var b body
		if err := c.ShouldBindJSON(&b); err != nil {
			c.JSON(http.StatusBadRequest, gin.H{"error": err.Error()})
			return
		}
		c.Data(http.StatusOK, "application/json", constant)
	})
	// A batch is spread over the cores; the other roads are measured on one.
	e.POST("/cores/:n", func(c *gin.Context) {
		n, err := strconv.Atoi(c.Param("n"))
		if err != nil {
			c.Status(http.StatusBadRequest)
			return
		}
		runtime.GOMAXPROCS(n)
		c.Status(http.StatusOK)
	})
	if redisURL == "" {
		return e, nil
	}
	opts, err := redis.ParseURL(redisURL)
	if err != nil {
		return nil, err
	}
	client := redis.NewClient(opts)
	e.POST("/naive", func(c *gin.Context) {
		var b body
		if err := c.ShouldBindJSON(&b); err != nil {
			c.JSON(http.StatusBadRequest, gin.H{"error": err.Error()})
			return
		}
		_, err := client.Get(c.Request.Context(), strings.ToLower(b.Address)).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			c.JSON(http.StatusServiceUnavailable, gin.H{"error": "redis"})
			return
		}
		c.Data(http.StatusOK, "application/json", constant)
	})
	return e, nil
}

// road is one way to be measured.
type road struct {
	name, addr, path string
	bodies           [][]byte
	perRequest       int // addresses
	cores            int // of the server
	rates            []float64
	latencies        []time.Duration
}

func checkBody(address string) []byte {
	return fmt.Appendf(nil, `{"address":%q,"network":"ethereum","asset":"ETH","direction":"withdrawal","reference":"wd-8842","customer":"c-19"}`, address)
}

// result is one line of what the bench prints.
type result struct {
	Name      string  `json:"name"`
	PerSecond float64 `json:"addresses_per_second"`
	// PerAddress is the time of the whole server for one address.
	PerAddress float64 `json:"us_per_address"`
	ToBare     float64 `json:"to_bare_gin"`
	P50        float64 `json:"p50_us,omitempty"`
	P99        float64 `json:"p99_us,omitempty"`
}

func (c *benchCmd) measure(e *env, base string, naive bool, took time.Duration) error {
	full, plain, _ := strings.Cut(base, " ")
	const n = 2000
	misses, hits, batches := make([][]byte, n), make([][]byte, n), make([][]byte, 20)
	for i := range misses {
		misses[i] = checkBody(synthetic(uint64(i), false))
		hits[i] = checkBody(synthetic(uint64(i%c.Size), true))
	}
	for i := range batches {
		var items [][]byte
		for k := range 1000 {
			items = append(items, checkBody(synthetic(uint64(i*1000+k), false)))
		}
		batches[i] = slices.Concat([]byte(`{"checks":[`), bytes.Join(items, []byte{','}), []byte(`]}`))
	}
	roads := []*road{
		{name: "bare Gin", addr: plain, path: "/bare", bodies: misses, perRequest: 1, cores: 1},
		{name: "check, miss", addr: full, path: "/v1/check", bodies: misses, perRequest: 1, cores: 1},
		{name: "check, hit", addr: full, path: "/v1/check", bodies: hits, perRequest: 1, cores: 1},
		{name: "batch of 1,000, one core", addr: full, path: "/v1/checks", bodies: batches, perRequest: 1000, cores: 1},
		{name: "batch of 1,000, all cores", addr: full, path: "/v1/checks", bodies: batches, perRequest: 1000, cores: runtime.NumCPU()},
	}
	if naive {
		roads = append(roads, &road{name: "naive: Gin and Redis GET", addr: plain, path: "/naive", bodies: misses, perRequest: 1, cores: 1})
	}
	for round := range c.Rounds + 1 { // the first one warms up
		for _, r := range roads {
			connections := c.Connections
			if r.perRequest > 1 {
				connections = 2
			}
			if err := cores(plain, r.cores); err != nil {
				return err
			}
			rate, err := r.closedLoop(e.ctx, connections, c.Time)
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
	bare := median(roads[0].rates)
	arrival := bare / 3
	for range c.Rounds {
		for _, r := range roads[:2] {
			l, err := r.openLoop(e.ctx, c.Connections, arrival, c.Time)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			r.latencies = append(r.latencies, l...)
		}
	}
	var results []result
	for _, r := range roads {
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
	inside, allocations, err := c.inside(e)
	if err != nil {
		return err
	}
	if c.JSON {
		printJSON(e.stdout, map[string]any{"size": c.Size, "load_seconds": took.Seconds(), "arrival_per_second": arrival, "activations": c.Activations, "roads": results,
			"screening_ns": inside, "screening_allocations": allocations, "cpus": runtime.NumCPU(), "go": runtime.Version()})
		return nil
	}
	if c.Activations {
		fmt.Fprintln(e.stdout, "fifty more addresses were activated every second")
	}
	fmt.Fprintf(e.stdout, "%d addresses, loaded in %.1f s (%s, %d cores; the server on one)\n\n", c.Size, took.Seconds(), runtime.Version(), runtime.NumCPU())
	fmt.Fprintf(e.stdout, "%-28s %14s %12s %12s %10s %10s\n", "", "addresses/s", "µs/address", "to bare Gin", "p50 µs", "p99 µs")
	for _, r := range results {
		fmt.Fprintf(e.stdout, "%-28s %14.0f %12.2f %12.2f", r.Name, r.PerSecond, r.PerAddress, r.ToBare)
		if r.P99 > 0 {
			fmt.Fprintf(e.stdout, " %10.0f %10.0f", r.P50, r.P99)
		}
		fmt.Fprintln(e.stdout)
	}
	fmt.Fprintf(e.stdout, "\nLatencies at %.0f requests/s (open loop). Inside screening, a miss: %d ns, %d allocations.\n", arrival, inside, allocations)
	return nil
}

// cores sets how many cores the server may use.
func cores(addr string, n int) error {
	res, err := http.Post(fmt.Sprintf("http://%s/cores/%d", addr, n), "", nil)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if len(s) == 0 {
		return 0
	}
	return s[len(s)/2]
}

// requests makes the bytes that are sent for each body.
func (r *road) requests() [][]byte {
	out := make([][]byte, len(r.bodies))
	for i, b := range r.bodies {
		out[i] = fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			r.path, benchKey, len(b), b)
	}
	return out
}

// client is one keep-alive connection that costs the load's core next to nothing.
type client struct {
	conn net.Conn
	r    *bufio.Reader
}

func dial(addr string) (*client, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &client{conn, bufio.NewReaderSize(conn, 64<<10)}, nil
}

// do sends a request and reads the answer, which must be a 200.
func (c *client) do(request []byte) error {
	if _, err := c.conn.Write(request); err != nil {
		return err
	}
	length := -1
	chunked := false
	for first := true; ; first = false {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimRight(line, "\r\n")
		if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
			return fmt.Errorf("the server answered %s", line)
		}
		if len(line) == 0 {
			break
		}
		if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(v)); err != nil {
				return err
			}
		}
		chunked = chunked || bytes.Equal(line, []byte("Transfer-Encoding: chunked"))
	}
	for chunked {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(string(bytes.TrimRight(line, "\r\n")), 16, 32)
		if err != nil {
			return err
		}
		if _, err := c.r.Discard(int(n) + 2); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
	}
	_, err := c.r.Discard(length)
	return err
}

// closedLoop drives the road as fast as it goes and gives requests a second.
func (r *road) closedLoop(ctx context.Context, connections int, d time.Duration) (float64, error) {
	requests := r.requests()
	var done atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	start := time.Now()
	end := start.Add(d)
	for i := range connections {
		c, err := dial(r.addr)
		if err != nil {
			return 0, err
		}
		wg.Go(func() {
			defer c.conn.Close()
			for k := i; time.Now().Before(end) && ctx.Err() == nil; k += connections {
				if err := c.do(requests[k%len(requests)]); err != nil {
					failed.Store(&err)
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return float64(done.Load()) / time.Since(start).Seconds(), ctx.Err()
}

// openLoop sends at a constant rate whatever the answers take, and gives the time from when each request was due.
func (r *road) openLoop(ctx context.Context, connections int, rate float64, d time.Duration) ([]time.Duration, error) {
	requests := r.requests()
	var next atomic.Int64
	total := int64(rate * d.Seconds())
	all := make([][]time.Duration, connections)
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	start := time.Now()
	for i := range connections {
		c, err := dial(r.addr)
		if err != nil {
			return nil, err
		}
		wg.Go(func() {
			defer c.conn.Close()
			for ctx.Err() == nil {
				k := next.Add(1) - 1
				if k >= total {
					return
				}
				due := start.Add(time.Duration(float64(k) / rate * 1e9))
				time.Sleep(time.Until(due))
				if err := c.do(requests[int(k)%len(requests)]); err != nil {
					failed.Store(&err)
					return
				}
				all[i] = append(all[i], time.Since(due))
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return nil, *err
	}
	return slices.Concat(all...), ctx.Err()
}

// noJournal takes records and drops them: the bench of the inside measures parsing, screening and encoding alone.
type noJournal struct{}

func (noJournal) AppendBatch([]journal.Entry, bool) error { return nil }

// inside measures a miss within the screening package, without HTTP.
func (c *benchCmd) inside(e *env) (ns, allocations int64, err error) {
	dir, err := os.MkdirTemp("", "interdict-bench-*")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir)
	small := benchCmd{Size: min(c.Size, 100_000)}
	if _, err := small.fill(e, filepath.Join(dir, "store")); err != nil {
		return 0, 0, err
	}
	o, err := (&storeFlags{Data: filepath.Join(dir, "store")}).open(e.ctx, e.quiet())
	if err != nil {
		return 0, 0, err
	}
	defer o.close()
	s := screening.New(o.store, noJournal{}, api.NewMetrics(), o.log, time.Now)
	if err := s.Refresh(e.ctx); err != nil {
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
			if err := s.Check(e.ctx, &requests[i%len(requests)], &a); err != nil {
				b.Fatal(err)
			}
		}
	})
	return r.NsPerOp(), r.AllocsPerOp(), nil
}
