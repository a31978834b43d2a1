// Package timing counts durations in buckets. A histogram is written without a lock, so that it can stand where every operation passes.
package timing

import (
	"sync/atomic"
	"time"
)

// Bounds are the upper bounds of the buckets in seconds, from a tenth of a millisecond to ten seconds.
var Bounds = [...]float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}

// Histogram counts durations. The zero value is empty and ready for use.
type Histogram struct {
	counts [len(Bounds) + 1]atomic.Uint64 // of each bucket alone; the last one has what is longer than all bounds
	nanos  atomic.Int64
}

// Observe counts a duration. One below zero, after the clock went back, counts as zero.
func (h *Histogram) Observe(d time.Duration) {
	d = max(d, 0)
	seconds, i := d.Seconds(), 0
	for i < len(Bounds) && seconds > Bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.nanos.Add(int64(d))
}

// Counts are the durations so far, in the form of Prometheus.
type Counts struct {
	Count      uint64
	Sum        float64            // seconds
	Cumulative map[float64]uint64 // how many are not longer than a bound
}

// Counts returns the durations so far. Those that are counted meanwhile may be missing, or be in Sum only.
func (h *Histogram) Counts() Counts {
	c := Counts{Cumulative: make(map[float64]uint64, len(Bounds)), Sum: time.Duration(h.nanos.Load()).Seconds()}
	for i := range h.counts {
		c.Count += h.counts[i].Load()
		if i < len(Bounds) {
			c.Cumulative[Bounds[i]] = c.Count
		}
	}
	return c
}
