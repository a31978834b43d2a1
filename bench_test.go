package main

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"interdict/api"
	"interdict/api/auth"
	"interdict/screening"
)

// sink is a ResponseWriter that keeps nothing.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

// BenchmarkHandler measures what a request costs inside the handlers, without the network: the full check on a miss next to
// the bare Gin handler that `interdict bench` measures it against.
func BenchmarkHandler(b *testing.B) {
	e := &env{ctx: b.Context(), stderr: io.Discard, logLevel: "error"}
	dir := b.TempDir()
	c := &benchCmd{Size: 100_000}
	if _, err := c.fill(e, dir); err != nil {
		b.Fatal(err)
	}
	o, err := (&storeFlags{Data: dir}).open(e.ctx, e.logger())
	if err != nil {
		b.Fatal(err)
	}
	defer o.close()
	keys, err := auth.Open(e.ctx, o.store, "", time.Now)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := keys.Bootstrap(e.ctx, benchKey); err != nil {
		b.Fatal(err)
	}
	metrics := api.NewMetrics()
	screener := screening.New(o.store, o.journal, metrics, o.log, time.Now)
	if err := screener.Refresh(e.ctx); err != nil {
		b.Fatal(err)
	}
	full := api.New(api.Options{Screener: screener, Loader: o.loader, Keys: keys, Store: o.store, Metrics: metrics, Log: o.log, Now: time.Now,
		JournalError: func() error { return nil }}).Handler()
	bare, err := bareGin(e.ctx, screener, "")
	if err != nil {
		b.Fatal(err)
	}
	var bodies [][]byte
	for i := range 1000 {
		bodies = append(bodies, checkBody(synthetic(uint64(i), false)))
	}
	batch := append(append([]byte(`{"checks":[`), bytes.Join(bodies, []byte(","))...), "]}"...)
	run := func(name, path string, bodies [][]byte, h http.Handler) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var body bytes.Reader
			for i := 0; b.Loop(); i++ {
				body.Reset(bodies[i%len(bodies)])
				w := &sink{header: http.Header{}, status: http.StatusOK}
				r, err := http.NewRequest(http.MethodPost, path, &body)
				if err != nil {
					b.Fatal(err)
				}
				r.ContentLength = int64(body.Len())
				r.Header["Content-Type"] = []string{"application/json"}
				r.Header["Authorization"] = []string{"Bearer " + benchKey}
				if h.ServeHTTP(w, r); w.status != http.StatusOK {
					b.Fatal(w.status)
				}
			}
		})
	}
	run("bare Gin", "/bare", bodies, bare)
	run("check, miss", "/v1/check", bodies, full)
	run("batch of 1,000 misses", "/v1/checks", [][]byte{batch}, full)
}
