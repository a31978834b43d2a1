package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/lists/redisstore"
	"interdict/lists/storetest"
	"interdict/loader"
	"interdict/screening"
	"interdict/screening/journal"
	"interdict/screening/replica"
)

type noRecords struct{}

func (noRecords) AppendBatch([]journal.Entry, bool) error { return nil }
func (noRecords) Record(lists.Event) error                { return nil }

// propagate makes n activations of fifty addresses, each followed by eight replicas, and tells how long the last of them took.
func propagate(t testing.TB, n int) []time.Duration {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	defer func() { cancel(); done.Wait() }()
	url := storetest.StartRedis(t)
	open := func() lists.Store {
		s, err := redisstore.Open(ctx, url, redisstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	l := loader.New(open(), noRecords{}, slog.New(slog.DiscardHandler), t.TempDir(), time.Now)
	activate := func(mode lists.Mode, from int) int {
		rows := "address\n"
		for i := range 50 {
			rows += fmt.Sprintf("0x%040x\n", from+i)
		}
		settings := loader.NewList("deny", time.Now())
		settings.Approvals = 0
		var v *lists.Version
		patiently(t, func() (err error) {
			v, err = l.Stage(ctx, "deny", []loader.Upload{{Name: "fifty.csv", Body: strings.NewReader(rows)}},
				loader.StageOptions{Format: "csv", Mode: mode, By: lists.Person("test"), Create: settings})
			return err
		})
		var g *lists.Generation
		patiently(t, func() (err error) {
			g, err = l.Activate(ctx, "deny", v.Number, loader.ActivateOptions{By: lists.Person("test"), Override: "test", Warrant: lists.Warrant{Alone: lists.AloneOperator}})
			return err
		})
		if _, err := l.Compact(ctx, "deny", "test"); err != nil && !fault.Is(err, fault.Unavailable) { // a task of later
			t.Fatal(err)
		}
		return g.Number
	}
	activate(lists.Replace, 1)
	replicas := make([]*screening.Screener, 8)
	for i := range replicas {
		replicas[i] = screening.NewReplica(open(), replica.Local{ResidentBytes: replica.DefaultResidentBytes}, noRecords{}, uncounted{}, slog.New(slog.DiscardHandler), time.Now)
		done.Go(func() { replicas[i].Follow(ctx, fmt.Sprintf("replica-%d", i)) })
	}
	served := func(g int) bool {
		return !slices.ContainsFunc(replicas, func(s *screening.Screener) bool { return s.Status().Generation < g })
	}
	for start := time.Now(); !served(1); time.Sleep(time.Millisecond) {
		if time.Since(start) > 30*time.Second {
			t.Fatal("the replicas do not come up")
		}
	}
	var took []time.Duration
	for i := range n {
		start := time.Now()
		for g := activate(lists.Add, (i+1)*1000); !served(g); time.Sleep(time.Millisecond) {
			if time.Since(start) > 30*time.Second {
				t.Fatal("an activation is not served")
			}
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took
}

// Eight replicas serve an activation soon; a notification that is lost costs half a second.
func TestEightReplicasServeAnActivationSoon(t *testing.T) {
	took := propagate(t, 20)
	t.Logf("from upload to all eight: median %v, slowest %v", took[10], took[19])
	if took[10] > 3*time.Second { // on a machine that does much else
		t.Errorf("the median is %v", took[10])
	}
}

// BenchmarkPropagation reports how long it takes from the upload of fifty addresses until all of eight replicas serve them.
func BenchmarkPropagation(b *testing.B) {
	for b.Loop() {
		took := propagate(b, 200)
		for _, p := range []int{50, 95, 99} {
			b.ReportMetric(float64(took[len(took)*p/100].Microseconds())/1000, fmt.Sprintf("p%d-ms", p))
		}
	}
}

// patiently does something again while Redis is slow, as on a machine that does much else.
func patiently(t testing.TB, do func() error) {
	t.Helper()
	err := do()
	for range 5 {
		if !fault.Is(err, fault.Unavailable) {
			break
		}
		err = do()
	}
	if err != nil {
		t.Fatal(err)
	}
}
