package lease

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/diskstore"
	"interdict/lists/fault"
)

// clock is a clock that stands still until it is moved.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time        { return time.Unix(0, c.at.Load()) }
func (c *clock) move(by time.Duration) { c.at.Add(int64(by)) }

func leases(t *testing.T, ttl time.Duration, clocks ...*clock) []*Lease {
	t.Helper()
	store, err := diskstore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	all := make([]*Lease, len(clocks))
	for i, c := range clocks {
		all[i] = New(store, "test", string(rune('a'+i)), ttl, c.now)
	}
	return all
}

func take(t *testing.T, l *Lease, want bool, why string) {
	t.Helper()
	if got, err := l.Take(t.Context()); err != nil || got != want {
		t.Fatalf("%s: %s takes it: %t, %v", why, l.owner, got, err)
	}
}

func TestALeaseHasOneOwnerUntilItIsGivenBack(t *testing.T) {
	c := &clock{}
	all := leases(t, time.Minute, c, c)
	a, b := all[0], all[1]
	take(t, a, true, "nobody has it")
	take(t, b, false, "it is taken")
	take(t, a, true, "it is its own")
	if err := b.renew(t.Context()); !fault.Is(err, fault.Conflict) {
		t.Errorf("renewed by another one: %v", err)
	}
	if err := b.release(t.Context()); !fault.Is(err, fault.Conflict) {
		t.Errorf("given back by another one: %v", err)
	}
	for range 10 {
		c.move(40 * time.Second)
		if err := a.renew(t.Context()); err != nil {
			t.Fatal(err)
		}
		take(t, b, false, "it is renewed")
	}
	if err := a.release(t.Context()); err != nil {
		t.Fatal(err)
	}
	take(t, b, true, "it was given back")
}

func TestTheLeaseOfADeadOwnerIsFreeAfterItsTime(t *testing.T) {
	c := &clock{}
	all := leases(t, time.Minute, c, c)
	a, b := all[0], all[1]
	take(t, a, true, "nobody has it")
	c.move(24 * time.Hour)
	take(t, b, false, "it has only just been seen: its owner may have another clock")
	c.move(59 * time.Second)
	take(t, b, false, "its time is not over")
	c.move(time.Second)
	take(t, b, true, "its owner has not renewed it for its whole time")
	if err := a.renew(t.Context()); !fault.Is(err, fault.Conflict) {
		t.Errorf("the dead one renews it: %v", err)
	}
}

func TestClocksThatDifferDoNotMatter(t *testing.T) {
	late, early := &clock{}, &clock{}
	early.move(1000 * time.Hour)
	all := leases(t, time.Minute, late, early)
	take(t, all[0], true, "nobody has it")
	for range 10 {
		late.move(30 * time.Second)
		early.move(30 * time.Second)
		if err := all[0].renew(t.Context()); err != nil {
			t.Fatal(err)
		}
		take(t, all[1], false, "by the other clock it has expired long ago, but it is alive")
	}
}

func TestOfManyOneHasTheLeaseAtATime(t *testing.T) {
	const many, turns = 16, 3
	clocks := make([]*clock, many)
	real := &clock{}
	for i := range clocks {
		clocks[i] = real
	}
	all := leases(t, time.Minute, clocks...)
	for _, l := range all {
		l.now = time.Now
	}
	var holding, most, done atomic.Int32
	var wg sync.WaitGroup
	for _, l := range all {
		wg.Go(func() {
			for range turns {
				for {
					taken, err := l.Take(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					if taken {
						break
					}
					time.Sleep(time.Millisecond)
				}
				l.While(t.Context(), func(context.Context) {
					if n := holding.Add(1); n > most.Load() {
						most.Store(n)
					}
					time.Sleep(time.Millisecond)
					holding.Add(-1)
					done.Add(1)
				})
			}
		})
	}
	wg.Wait()
	if most.Load() != 1 || done.Load() != many*turns {
		t.Errorf("%d had it at once; %d turns of %d", most.Load(), done.Load(), many*turns)
	}
}

func TestWorkLivesAsLongAsItsLease(t *testing.T) {
	c := &clock{}
	all := leases(t, 1200*time.Millisecond, c, c)
	a, b := all[0], all[1]
	a.now, b.now = time.Now, time.Now
	take(t, a, true, "nobody has it")
	a.While(t.Context(), func(ctx context.Context) {
		for end := time.Now().Add(1800 * time.Millisecond); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			take(t, b, false, "it is renewed while there is work")
		}
		if ctx.Err() != nil {
			t.Error("the work is stopped though the lease is held")
		}
	})
	take(t, b, true, "the work is done")
	if err := b.release(t.Context()); err != nil {
		t.Fatal(err)
	}
	take(t, a, true, "it is free again")
	a.While(t.Context(), func(ctx context.Context) {
		// Somebody else has it, as after a pause of this process that was too long.
		if err := a.store.Commit(t.Context(), lists.Put(a.key, lists.Lease{Owner: "b"}, lists.AnyRevision)); err != nil {
			t.Fatal(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Minute):
			t.Error("the work goes on without the lease")
		}
	})
	if held, _, err := lists.Read[lists.Lease](t.Context(), a.store, a.key); err != nil || held.Owner != "b" {
		t.Errorf("the lease of another one was given back: %+v, %v", held, err)
	}
}

// away is a store that cannot be reached.
type away struct{ lists.Store }

func (away) Get(context.Context, string) (lists.Doc, error) {
	return lists.Doc{}, fault.E(fault.Unavailable, "away")
}

func TestWorkEndsBeforeAnybodyElseMayBegin(t *testing.T) {
	c := &clock{}
	a := leases(t, time.Second, c)[0]
	a.now = time.Now
	take(t, a, true, "nobody has it")
	begun := time.Now()
	a.store = away{a.store}
	a.While(t.Context(), func(ctx context.Context) { <-ctx.Done() })
	if took := time.Since(begun); took > 950*time.Millisecond {
		t.Errorf("without the store the work goes on for %v; the lease is free after a second", took)
	}
}
