package screening_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/diskstore"
	"interdict/loader"
	"interdict/screening"
	"interdict/screening/journal"
)

// quiet drops the log.
var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// noMetrics counts nothing.
type noMetrics struct{}

func (noMetrics) Checked(*screening.Answer) {}
func (noMetrics) Refused(string)            {}
func (noMetrics) FilterPositive(bool)       {}

// noRecorder is a loader.Recorder that records nothing.
type noRecorder struct{}

func (noRecorder) Record(lists.Event) error { return nil }

// house is a store on disk with a loader, a journal and a screener.
type house struct {
	store    lists.Store
	loader   *loader.Loader
	journal  *journal.Journal
	screener *screening.Screener
}

func open(t testing.TB, now func() time.Time) *house {
	t.Helper()
	dir := t.TempDir()
	store, err := diskstore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	j, err := journal.Open(dir+"/journal", journal.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return &house{store, loader.New(store, noRecorder{}, quiet, t.TempDir(), now), j, screening.New(store, j, noMetrics{}, quiet, now)}
}

// load stages and activates a version of a list and refreshes the screener.
func (h *house) load(t testing.TB, settings *lists.List, format, content string) *lists.Version {
	t.Helper()
	v, err := h.loader.Stage(context.Background(), settings.ID, []loader.Upload{{Name: settings.ID + "." + format, Body: bytes.NewReader([]byte(content))}},
		loader.StageOptions{Format: format, By: lists.Person("tester"), Create: settings})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.loader.Activate(context.Background(), settings.ID, v.Number, loader.ActivateOptions{By: lists.Person("tester"), Warrant: lists.Warrant{Alone: lists.AloneOperator}, Override: "test"}); err != nil {
		t.Fatal(err)
	}
	if err := h.screener.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	return v
}

// sanctions returns the settings of a sanctions list that needs no approval.
func sanctions(id string) *lists.List {
	l := lists.NewList(id, time.Now())
	l.Approvals, l.Category = 0, lists.Sanctions
	return l
}

func BenchmarkCheck(b *testing.B) {
	h := open(b, time.Now)
	r := rand.New(rand.NewPCG(1, 2))
	evm := func() string {
		p := make([]byte, 20)
		for i := range p {
			p[i] = byte(r.Uint32())
		}
		return "0x" + hex.EncodeToString(p)
	}
	var list bytes.Buffer
	listed := make([]string, 100_000)
	for i := range listed {
		listed[i] = evm()
		fmt.Fprintf(&list, "{\"address\":%q,\"network\":\"ethereum\",\"entity\":{\"name\":\"E%d\"}}\n", listed[i], i%100)
	}
	h.load(b, sanctions("bench"), "ndjson", list.String())
	misses := make([]screening.Request, 1000)
	hits := make([]screening.Request, 1000)
	for i := range misses {
		misses[i] = screening.Request{Address: evm(), Network: "ethereum", Direction: lists.Withdrawal, By: "bench"}
		hits[i] = screening.Request{Address: listed[i], Network: "ethereum", Direction: lists.Withdrawal, By: "bench"}
	}
	ctx := context.Background()
	b.Run("miss", func(b *testing.B) {
		b.ReportAllocs()
		var a screening.Answer
		for i := 0; b.Loop(); i++ {
			if err := h.screener.Check(ctx, &misses[i%1000], &a); err != nil || a.Result != screening.Miss {
				b.Fatal(err, a.Result)
			}
		}
	})
	b.Run("hit", func(b *testing.B) {
		b.ReportAllocs()
		var a screening.Answer
		answers, errs := make([]screening.Answer, 1000), make([]error, 1000)
		h.screener.CheckAll(ctx, hits, answers, errs) // decodes each attribution once, which is not part of a hit
		for i := 0; b.Loop(); i++ {
			if err := h.screener.Check(ctx, &hits[i%1000], &a); err != nil || a.Result != screening.Hit {
				b.Fatal(err, a.Result)
			}
		}
	})
	b.Run("batch of 1000 misses", func(b *testing.B) {
		b.ReportAllocs()
		answers := make([]screening.Answer, 1000)
		errs := make([]error, 1000)
		for b.Loop() {
			h.screener.CheckAll(ctx, misses, answers, errs)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/address")
	})
}
