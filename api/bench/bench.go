// Package bench measures a running server: the full check on a miss and on a hit, and batches, next to a bare Gin handler and
// to a design that asks Redis for every check.
//
//	Run ── fill a store ── start this program again as the server, on one core ── scenarios in turn ── results
//
// The scenarios run in turn in every round, so that whatever else the machine does slows all of them alike. Ratios between
// scenarios hold on other machines; absolute figures do not.
package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"interdict/lists"
	"interdict/loader"
	"interdict/screening"
)

// Options say what to measure.
type Options struct {
	Size        int           // addresses of the synthetic list
	Rounds      int           // how often each scenario runs; results are medians
	Time        time.Duration // of one scenario in one round
	Connections int           // keep-alive connections of the load
	Redis       string        // URL for the naive design; "" starts redis-server where it is installed
	Sync        string        // journal sync, for the output: hits or all
	Activations bool          // activate fifty more addresses every second while checks are measured
	Index       bool          // also measure misses while the record is indexed
	JSON        bool          // print JSON instead of a table

	By   string // who loads the synthetic list
	Open func(ctx context.Context, dir string) (*Store, error)
	// Stdout receives the results, Stderr what is left out and why.
	Stdout, Stderr io.Writer
}

// Store is an open store with what works on it.
type Store struct {
	Store    lists.Store
	Journal  screening.Journal
	Loader   *loader.Loader
	Recorder lists.Recorder
	Log      *slog.Logger
	Indexer  Indexer // nil: the record is not indexed
	Close    func()
}

// Indexer indexes the record.
type Indexer interface {
	Run(ctx context.Context)
	// Records returns how many records are in the index.
	Records() uint64
}

// apiKey is the key of the server under test, which listens on loopback and lives as long as the benchmark.
const apiKey = "bench-key-of-a-throw-away-server"

// Run fills a store in a temporary folder, starts the server as a process of its own, runs every scenario and prints the results.
func Run(ctx context.Context, o Options) error {
	dir, err := os.MkdirTemp("", "interdict-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	took, err := o.fill(ctx, dir)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	redisURL := o.Redis
	if redisURL == "" {
		if redisURL, err = startRedis(ctx, dir); err != nil {
			fmt.Fprintln(o.Stderr, "interdict: the naive design is left out:", err)
		}
	}
	addresses, stop, err := o.startServer(ctx, dir, redisURL)
	if err != nil {
		return err
	}
	defer stop()
	return o.measure(ctx, addresses, redisURL != "", took)
}

// synthetic returns EVM address i. Listed addresses are odd numbers, the others even ones.
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
func (o *Options) fill(ctx context.Context, dir string) (time.Duration, error) {
	s, err := o.Open(ctx, dir)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	pr, pw := io.Pipe()
	go func() {
		w := bufio.NewWriterSize(pw, 1<<20)
		fmt.Fprintln(w, "address,entity,entity_id,category,listed_on")
		for i := range o.Size {
			fmt.Fprintf(w, "%s,Synthetic %d,%d,sanctions,2025-01-01\n", synthetic(uint64(i), true), i%1000, i%1000)
		}
		pw.CloseWithError(w.Flush())
	}()
	start := time.Now()
	settings := lists.NewList("bench", start)
	settings.Approvals, settings.Category = 0, lists.Sanctions
	v, err := s.Loader.Stage(ctx, "bench", []loader.Upload{{Name: "bench.csv", Body: pr}},
		loader.StageOptions{Format: "csv", By: lists.Person(o.By), Create: settings})
	if err != nil {
		return 0, err
	}
	_, err = s.Loader.Activate(ctx, "bench", v.Number, loader.ActivateOptions{By: lists.Person(o.By), Warrant: lists.Warrant{Alone: lists.AloneOperator}})
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

// startServer starts this program again as the server, on one core. addresses are those of the API and of the other handlers.
func (o *Options) startServer(ctx context.Context, dir, redisURL string) (addresses string, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(ctx, self, "bench", "--serve-on", dir, "--size", strconv.Itoa(o.Size), "--redis", redisURL, "--journal-sync", o.Sync)
	if o.Activations {
		cmd.Args = append(cmd.Args, "--activations")
	}
	if o.Index {
		cmd.Args = append(cmd.Args, "--index")
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

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
