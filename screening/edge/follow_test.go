package edge_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/screening"
)

// eventually waits until something is so.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after a minute: %s", what)
		}
	}
}

// Twenty servers follow one folder, half of them over HTTP. All of them give the answers of the server that publishes, in each of its generations.
// When it publishes no more, all of them stop reporting misses by themselves. At no time is a listed address a miss.
func TestTwentyFollowers(t *testing.T) {
	const nodes = 20
	o := newOrigin(t)
	text, listed := rows(1, 0, 600)
	o.activate(t, "sanctions", lists.Replace, text)
	own, more := rows(2, 0, 100)
	o.activate(t, "own", lists.Replace, own)
	listed = append(listed, more...)
	o.publish(t)

	var requests atomic.Int64
	files := http.FileServer(http.Dir(o.folder))
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { requests.Add(1); files.ServeHTTP(w, r) }))
	t.Cleanup(web.Close)
	life, end := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer func() { end(); running.Wait() }()
	var all []*node
	for i := range nodes {
		address := o.folder
		if i%2 == 0 {
			address = web.URL
		}
		n := o.follow(t, address, nil)
		all = append(all, n)
		running.Go(func() { n.follower.Run(life) })
		running.Go(func() { n.Follow(life, fmt.Sprintf("node-%d", i)) })
	}
	// The addresses listed at the start stay listed. They are checked all the time.
	var checked, missed atomic.Int64
	for range 2 {
		running.Go(func() {
			for life.Err() == nil {
				n, x := all[rand.IntN(nodes)], listed[rand.IntN(len(listed))]
				var a screening.Answer
				if err := n.Check(ctx, &screening.Request{Address: x, Direction: lists.Deposit}, &a); err == nil && len(a.Matches)+len(a.Suppressed) == 0 {
					missed.Add(1)
				}
				if checked.Add(1)%16 == 0 {
					time.Sleep(5 * time.Millisecond) // the followers need the processor too
				}
			}
		})
	}
	every := func(what string, done func(n *node) bool) {
		t.Helper()
		eventually(t, what, func() bool { return !slices.ContainsFunc(all, func(n *node) bool { return !done(n) }) })
	}
	served := func(generation int) func(n *node) bool {
		return func(n *node) bool { return n.Status().Generation == generation && n.Status().Unready == nil }
	}
	every("not all nodes serve the first manifest", served(2))

	by := func(name string) loader.ChangeOptions {
		return loader.ChangeOptions{By: lists.Person(name), Reason: "test", Warrant: lists.Warrant{Alone: lists.AloneOperator}}
	}
	compare := func(step string, addresses []string) {
		t.Helper()
		if err := o.screener.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		generation := o.screener.Status().Generation
		o.publish(t)
		every(step+": not all nodes serve the new generation", served(generation))
		for i, n := range all {
			for j, x := range addresses {
				if j%nodes != i && j%100 != 0 { // each node answers a part of the list, and some addresses
					continue
				}
				if got, want := answer(t, n.Screener, x), answer(t, o.screener, x); got != want {
					t.Fatalf("%s: node %d answers\n%s\ninstead of\n%s", step, i, got, want)
				}
			}
		}
	}
	misses := []string{evm(9, 1), evm(9, 2), "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"}
	added, fifty := rows(3, 0, 50)
	whole := slices.Concat(listed, fifty, misses)
	o.activate(t, "sanctions", lists.Add, added)
	compare("fifty more", whole)
	if _, _, err := o.loader.PutList(ctx, "own", by("ana"), func(l *lists.List, _ bool) error {
		l.Policy = lists.Policy{{Category: lists.Sanctions, Direction: lists.Withdrawal, Action: lists.Freeze}}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s, err := o.loader.ProposeSuppression(ctx, "own", more[7], "ethereum", o.now().Add(time.Hour), by("ana"))
	if err == nil {
		_, err = o.loader.ApproveSuppression(ctx, "own", s.ID, by("ben"))
	}
	if err != nil {
		t.Fatal(err)
	}
	compare("other settings and a suppression", whole)
	if _, err := o.loader.Rollback(ctx, "sanctions", by("ana")); err != nil {
		t.Fatal(err)
	}
	compare("a rollback", whole)
	if got := check(all[3].Screener, fifty[0], more[7], listed[0], misses[0]); got != "mmhm" {
		t.Errorf("a delisted address, a suppressed one, a listed one, another one: %s", got)
	}

	// Nothing is published any more.
	o.advance(11 * time.Minute)
	every("a node is ready although its manifest has expired", func(n *node) bool { return fault.Is(n.Status().Unready, fault.Stale) })
	for i, n := range all {
		if got := check(n.Screener, listed[i], misses[0], misses[2]); got != "h(stale)(stale)" {
			t.Errorf("node %d after its manifest has expired: %s", i, got)
		}
	}
	o.publish(t)
	every("a node does not recover", func(n *node) bool { return n.Status().Unready == nil })
	if got := check(all[5].Screener, listed[5], misses[0]); got != "hm" {
		t.Errorf("after a new manifest: %s", got)
	}
	end()
	running.Wait()
	if missed.Load() > 0 || checked.Load() < 100 {
		t.Errorf("%d of %d checks of a listed address were a miss", missed.Load(), checked.Load())
	}
	t.Logf("%d checks of listed addresses, %d requests over HTTP", checked.Load(), requests.Load())
}
