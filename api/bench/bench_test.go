package bench

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"interdict/api"
	"interdict/api/auth"
	"interdict/lists"
	"interdict/lists/diskstore"
	"interdict/loader"
	"interdict/screening"
	"interdict/screening/journal"
)

// sink is a ResponseWriter that keeps nothing.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

// openStore opens an embedded store with its journal and loader.
func openStore(_ context.Context, dir string) (*Store, error) {
	log := slog.New(slog.DiscardHandler)
	store, err := diskstore.Open(dir)
	if err != nil {
		return nil, err
	}
	j, err := journal.Open(filepath.Join(dir, "journal"), journal.Options{Now: time.Now, Logger: log, SegmentBytes: journal.MinSegmentBytes})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &Store{Store: store, Journal: j, Loader: loader.New(store, unrecorded{}, log, "", time.Now), Recorder: unrecorded{}, Log: log, Close: func() {
		_ = j.Close()
		_ = store.Close()
	}}, nil
}

// unrecorded takes changes without a journal.
type unrecorded struct{}

func (unrecorded) Record(lists.Event) error { return nil }

// BenchmarkHandler measures what a request costs inside the handlers, without the network: the full check on a miss next to
// the bare Gin handler that `interdict bench` measures it against.
func BenchmarkHandler(b *testing.B) {
	ctx, dir := b.Context(), b.TempDir()
	o := Options{Size: 100_000, By: "bench", Open: openStore}
	if _, err := o.fill(ctx, dir); err != nil {
		b.Fatal(err)
	}
	st, err := o.Open(ctx, dir)
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	keys, err := auth.Open(ctx, st.Store, auth.Options{Recorder: unrecorded{}, Log: st.Log, Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := keys.Bootstrap(ctx, apiKey); err != nil {
		b.Fatal(err)
	}
	metrics := api.NewMetrics()
	screener := screening.New(st.Store, st.Journal, metrics, st.Log, time.Now)
	if err := screener.Refresh(ctx); err != nil {
		b.Fatal(err)
	}
	full := api.New(api.Options{Screener: screener, Loader: st.Loader, Keys: keys, Store: st.Store, Metrics: metrics, Log: st.Log, Now: time.Now,
		JournalError: func() error { return nil }}).Handler()
	bare, err := bareGin(ctx, screener, "")
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
				r.Header["Authorization"] = []string{"Bearer " + apiKey}
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
