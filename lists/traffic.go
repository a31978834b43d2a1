package lists

import (
	"slices"
	"time"
)

// TrafficStep is the time over which checks are counted together.
const TrafficStep = 5 * time.Minute

// TrafficDays is for how many days the counts are kept.
const TrafficDays = 30

// TrafficDay counts the checks that one server answered on one day, UTC.
type TrafficDay struct {
	Server string         `json:"server"`
	Day    string         `json:"day"` // YYYY-MM-DD
	Steps  []TrafficCount `json:"steps"`
}

// TrafficCount counts the checks of one step.
type TrafficCount struct {
	Step   int   `json:"step"` // number of the step in its day, from 0
	Hits   int64 `json:"hits,omitempty"`
	Misses int64 `json:"misses,omitempty"`
	Errors int64 `json:"errors,omitempty"` // checks without an answer
}

// Add adds counts to the step that has a time.
func (d *TrafficDay) Add(at time.Time, hits, misses, errors int64) {
	step := StepOf(at)
	i, found := slices.BinarySearchFunc(d.Steps, step, func(c TrafficCount, step int) int { return c.Step - step })
	if !found {
		d.Steps = slices.Insert(d.Steps, i, TrafficCount{Step: step})
	}
	c := &d.Steps[i]
	c.Hits, c.Misses, c.Errors = c.Hits+hits, c.Misses+misses, c.Errors+errors
}

// StepOf returns the number of the step in its day.
func StepOf(at time.Time) int {
	at = at.UTC()
	return int(at.Sub(at.Truncate(24*time.Hour)) / TrafficStep)
}
