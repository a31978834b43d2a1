package auth_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"interdict/api/auth"
	"interdict/lists"
	"interdict/lists/fault"
	"interdict/lists/redisstore"
	"interdict/lists/storetest"
)

// The rate of a key holds for all replicas together: what one server answers another does not answer again.
func TestRateIsSharedByReplicas(t *testing.T) {
	server := storetest.NewRedis(t)
	replicas := make([]*auth.Principal, 3)
	var text string
	for i := range replicas {
		store, err := redisstore.Open(t.Context(), server.URL(), redisstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		k, err := auth.Open(t.Context(), store, auth.Options{Recorder: unrecorded{}, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if text, _, err = k.Create(t.Context(), lists.Key{Name: "till", Roles: []lists.Role{lists.Checker}, ChecksPerSecond: 100}, operator); err != nil {
				t.Fatal(err)
			}
		}
		if replicas[i], err = k.Authenticate(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	start, answered := time.Now(), atomic.Int64{}
	var wg sync.WaitGroup
	for _, p := range replicas {
		wg.Go(func() {
			for range 1000 {
				if p.Admit(time.Now(), 1) == nil {
					answered.Add(1)
				}
			}
		})
	}
	wg.Wait()
	// The burst, and what has grown since; three leases of a tenth of a second may be unused.
	if n, most := answered.Load(), 100+100*time.Since(start).Seconds(); float64(n) > most+1 || n < 70 {
		t.Errorf("%d checks were answered, at most %g are allowed", n, most)
	}
	server.Kill()
	if err := replicas[0].Admit(time.Now().Add(2*time.Second), 1); err != nil {
		t.Errorf("without Redis the local limit holds: %v", err)
	}
}

// slow is a shared store that cannot be reached.
type slow struct {
	lists.Store
	asked atomic.Int64
}

func (s *slow) Take(ctx context.Context, _ string, _ float64, _, _ int) (int, error) {
	s.asked.Add(1)
	<-ctx.Done()
	return 0, ctx.Err()
}

// A shared store that hangs costs one request a second, not one a check.
func TestAHangingSharedLimitIsAskedOnceASecond(t *testing.T) {
	s := &slow{Store: store(t)}
	k, err := auth.Open(t.Context(), s, auth.Options{Recorder: unrecorded{}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := k.Create(t.Context(), lists.Key{Name: "till", Roles: []lists.Role{lists.Checker}, ChecksPerSecond: 50}, operator)
	if err != nil {
		t.Fatal(err)
	}
	p, err := k.Authenticate(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for i := range 50 {
		if err := p.Admit(now, 1); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if err := p.Admit(now, 1); !fault.Is(err, fault.RateLimited) {
		t.Errorf("the local limit does not hold: %v", err)
	}
	if n := s.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}
