package screening_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/diskstore"
	"interdict/lists/redisstore"
	"interdict/lists/storetest"
	"interdict/loader"
	"interdict/screening"
	"interdict/screening/journal"
	"interdict/screening/replica"
)

// counted is a store that counts its reads.
type counted struct {
	lists.Store
	lookups, attributions atomic.Int64
}

func (c *counted) Lookup(ctx context.Context, asked []lists.LayerKey) ([][]byte, error) {
	c.lookups.Add(1)
	return c.Store.Lookup(ctx, asked)
}

func (c *counted) Attributions(ctx context.Context, layer string, numbers []uint32) ([][]byte, error) {
	c.attributions.Add(1)
	return c.Store.Attributions(ctx, layer, numbers)
}

// batch returns a screener of a store with a list of n addresses, and requests for a thousand of them.
func batch(t testing.TB, store lists.Store, residentBytes int64, n int) (*screening.Screener, *counted, []screening.Request) {
	t.Helper()
	c := &counted{Store: store}
	var rows strings.Builder
	for i := range n {
		fmt.Fprintf(&rows, "{\"address\":\"0x%040x\",\"network\":\"ethereum\",\"entity\":{\"name\":\"E%d\"}}\n", i*7919, i%100)
	}
	h := &house{c, loader.New(c, noRecorder{}, quiet, t.TempDir(), time.Now), nil,
		screening.NewReplica(c, replica.Local{ResidentBytes: residentBytes}, noJournal{}, noMetrics{}, quiet, time.Now)}
	h.load(t, sanctions("bench"), "ndjson", rows.String())
	requests := make([]screening.Request, 1000)
	for i := range requests {
		requests[i] = screening.Request{Address: fmt.Sprintf("0x%040x", (i*97)%n*7919), Network: "ethereum", Direction: lists.Deposit, By: "bench"}
	}
	return h.screener, c, requests
}

func allHits(t testing.TB, s *screening.Screener, requests []screening.Request) {
	answers, errs := make([]screening.Answer, len(requests)), make([]error, len(requests))
	s.CheckAll(ctx, requests, answers, errs)
	for i := range answers {
		if errs[i] != nil || answers[i].Result != screening.Hit || len(answers[i].Matches) != 1 {
			t.Fatalf("item %d: %v %v", i, errs[i], answers[i].Result)
		}
	}
}

// A batch of hits takes one look-up, whatever its size, and one read of the attributions that were not read before; none if the list is in
// memory.
func TestBatchOfHitsReadsTheStoreOnce(t *testing.T) {
	for name, want := range map[string]struct{ resident, lookups, attributions int64 }{
		"read from the store": {0, 1, 1},
		"in memory":           {1 << 20, 0, 0},
	} {
		store, err := diskstore.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		s, c, requests := batch(t, store, want.resident, 3000)
		c.lookups.Store(0)
		c.attributions.Store(0)
		allHits(t, s, requests)
		if c.lookups.Load() != want.lookups || c.attributions.Load() != want.attributions {
			t.Errorf("%s: %d look-ups, %d reads of attributions", name, c.lookups.Load(), c.attributions.Load())
		}
		c.lookups.Store(0)
		c.attributions.Store(0)
		if allHits(t, s, requests); c.attributions.Load() != 0 {
			t.Errorf("%s: attributions are read again", name)
		}
	}
}

func BenchmarkBatchOfHits(b *testing.B) {
	for name, resident := range map[string]int64{"read from Redis": 0, "in memory": replica.DefaultResidentBytes} {
		b.Run(name, func(b *testing.B) {
			store, err := redisstore.Open(ctx, storetest.StartRedis(b), redisstore.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			s, _, requests := batch(b, store, resident, 100_000)
			for b.Loop() {
				allHits(b, s, requests)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/1000-hits")
		})
	}
}

// noJournal records nothing.
type noJournal struct{}

func (noJournal) AppendBatch([]journal.Entry, bool) error { return nil }
