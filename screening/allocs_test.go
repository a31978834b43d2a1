//go:build !race

package screening_test

import (
	"testing"

	"interdict/lists/diskstore"
	"interdict/screening"
)

// The allocations of a check do not depend on how many checks ran before: attributions are decoded once and buffers are reused.
// Under the race detector a sync.Pool forgets at random; make test runs this test on its own, without it.
func TestAllocationsOfACheck(t *testing.T) {
	for name, c := range map[string]struct {
		resident  int64
		miss, hit float64
	}{
		"read from the store": {0, 1, 25},
		"in memory":           {1 << 20, 1, 7},
	} {
		t.Run(name, func(t *testing.T) {
			store, err := diskstore.Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			s, _, requests := batch(t, store, c.resident, 3000)
			misses := []screening.Request{{Address: evmA, Network: "ethereum", By: "bench"}}
			var a screening.Answer
			allocations := func(requests []screening.Request, want screening.Result) float64 {
				i := 0
				check := func() {
					if err := s.Check(ctx, &requests[i%len(requests)], &a); err != nil || a.Result != want {
						t.Fatal(a.Result, err)
					}
					i++
				}
				for range requests { // decodes each attribution once
					check()
				}
				return testing.AllocsPerRun(100, check)
			}
			if n := allocations(misses, screening.Miss); n > c.miss {
				t.Errorf("a miss allocates %v times", n)
			}
			if n := allocations(requests, screening.Hit); n > c.hit {
				t.Errorf("a hit allocates %v times", n)
			}
		})
	}
}
