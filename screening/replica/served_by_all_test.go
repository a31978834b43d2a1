package replica_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/screening"
)

// The document is written once: when all live replicas answer from the generation or a later one.
func TestServedByAllIsNotedOnceAllServe(t *testing.T) {
	store := disk(t, t.TempDir())
	now := time.Now().UTC().Truncate(time.Second)
	put := func(r lists.Replica) {
		t.Helper()
		if err := store.Commit(ctx, lists.Put(lists.DocReplica(r.ID), r, lists.AnyRevision)); err != nil {
			t.Fatal(err)
		}
	}
	five := lists.Head{Generation: 5, ID: "five"}
	note := func(g lists.Head, at time.Time) bool {
		t.Helper()
		known, err := lists.NoteServedByAll(ctx, store, g, at)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := lists.Read[lists.ServedByAll](ctx, store, lists.DocServedByAll(g.Generation)); !known && !fault.Is(err, fault.NotFound) {
			t.Errorf("a document although not all serve: %v", err)
		}
		return known
	}
	if note(five, now) {
		t.Error("without any replica")
	}
	put(lists.Replica{ID: "a", Generation: 5, GenerationID: "five", Seen: now})
	for what, other := range map[string]lists.Replica{
		"one is behind":                       {Generation: 4, GenerationID: "four"},
		"one serves another one, of failover": {Generation: 5, GenerationID: "other"},
		"one serves a lost one":               {Generation: 6, GenerationID: "six", Lost: true},
		"one serves nothing":                  {},
	} {
		other.ID, other.Seen = "b", now
		put(other)
		if note(five, now) {
			t.Error(what)
		}
	}
	put(lists.Replica{ID: "b", Generation: 4, GenerationID: "four", Seen: now.Add(-lists.ReplicaTTL)}) // it has ended
	put(lists.Replica{ID: "c", Generation: 6, GenerationID: "six", Seen: now})
	first := now.Add(time.Second)
	if !note(five, first) || !note(five, first.Add(time.Second)) {
		t.Error("all serve it")
	}
	want := lists.ServedByAll{Generation: 5, ID: "five", At: first, Replicas: 2}
	got, _, err := lists.Read[lists.ServedByAll](ctx, store, lists.DocServedByAll(5))
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v, -want +got\n%s", err, d)
	}
	// The number is given again after a loss.
	again := lists.Head{Generation: 5, ID: "again"}
	put(lists.Replica{ID: "a", Generation: 5, GenerationID: "again", Seen: now})
	if !note(again, first) {
		t.Error("all serve the generation that has the number now")
	}
	if got, _, err = lists.Read[lists.ServedByAll](ctx, store, lists.DocServedByAll(5)); err != nil || got.ID != "again" {
		t.Errorf("%+v, %v", got, err)
	}
}

// Of two servers, the one that loads a generation last notes it.
func TestTheLastReplicaNotesAGeneration(t *testing.T) {
	store := disk(t, t.TempDir())
	var running sync.WaitGroup
	life, end := context.WithCancel(ctx)
	defer running.Wait()
	defer end()
	follow := func(id string) {
		s := screening.New(store, noJournal{}, noMetrics{}, quiet, time.Now)
		running.Go(func() { s.Follow(life, id) })
	}
	noted := func(n, replicas int) {
		t.Helper()
		for until := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			got, _, err := lists.Read[lists.ServedByAll](ctx, store, lists.DocServedByAll(n))
			if err == nil && got.Replicas == replicas {
				g, _, err := lists.Read[lists.Generation](ctx, store, lists.DocGeneration(n))
				if err != nil || got.ID != g.ID || got.At.Before(g.At) {
					t.Fatalf("%+v of %+v, %v", got, g.Head(), err)
				}
				return
			}
			if time.Now().After(until) {
				t.Fatalf("generation %d: %+v, %v", n, got, err)
			}
		}
	}
	mustAdd(t, store, evmBase)
	follow("a")
	noted(1, 1)
	follow("b")
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) { // b serves, so that it counts
		live, err := lists.Replicas(ctx, store, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if len(live) == 2 && !slices.ContainsFunc(live, func(r lists.Replica) bool { return r.Generation == 0 }) {
			break
		}
		if time.Now().After(until) {
			t.Fatal(live)
		}
	}
	mustAdd(t, store, evmX)
	noted(2, 2)
}
