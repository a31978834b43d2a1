package timing

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDurationsAreCountedCumulatively(t *testing.T) {
	var h Histogram
	for _, d := range []time.Duration{-time.Second, 100 * time.Microsecond, 101 * time.Microsecond, time.Second, time.Minute} {
		h.Observe(d)
	}
	want := Counts{Count: 5, Sum: 61.000201, Cumulative: map[float64]uint64{}}
	for _, bound := range Bounds {
		want.Cumulative[bound] = 3
		switch {
		case bound == .0001:
			want.Cumulative[bound] = 2
		case bound >= 1:
			want.Cumulative[bound] = 4
		}
	}
	if diff := cmp.Diff(want, h.Counts()); diff != "" {
		t.Error(diff)
	}
}
