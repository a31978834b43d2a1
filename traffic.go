package main

import (
	"fmt"
	"time"

	"interdict/api/client"
)

type trafficCmd struct {
	target
	From string `help:"Only checks of this time or later: 2026-11-01, or 2026-11-01T12:00:00Z; 24 hours before --to when not given." placeholder:"TIME" env:"-"`
	To   string `help:"Only checks before this time; now when not given." placeholder:"TIME" env:"-"`
	Step string `help:"What one line counts: 5m, 1h or 24h." enum:"5m,1h,24h" default:"1h" env:"-"`
	JSON bool   `help:"Print JSON." env:"-"`
}

// Help is shown under report traffic --help.
func (*trafficCmd) Help() string {
	return "Servers report what they have counted once a minute; counts are kept for 30 days. The record has every single check: interdict audit search.\n\n" +
		"Examples:\n  interdict report traffic\n  interdict report traffic --from 2026-11-01 --step 24h --json --server http://127.0.0.1:8080"
}

func (c *trafficCmd) Run(e *env) error {
	var from, to time.Time
	first, last, err := period(c.From, c.To)
	if err != nil {
		return err
	}
	if from = first; c.To != "" {
		to = last
	}
	return c.reads(e, func(o operations) error {
		t, err := o.Traffic(e.ctx, from, to)
		if err == nil {
			t, err = together(t, c.Step)
		}
		return printResult(e, c.JSON, t, err, func(t *client.Traffic) { printTraffic(e, t) })
	})
}

// together adds the counts of shorter steps to longer ones.
func together(t *client.Traffic, step string) (*client.Traffic, error) {
	long, err := time.ParseDuration(step)
	if err != nil {
		return nil, err
	}
	out := &client.Traffic{AsOf: t.AsOf, Step: step, Points: []client.TrafficPoint{}}
	for _, p := range t.Points {
		at := p.At.UTC().Truncate(long)
		if n := len(out.Points); n == 0 || !out.Points[n-1].At.Equal(at) {
			out.Points = append(out.Points, client.TrafficPoint{At: at})
		}
		x := &out.Points[len(out.Points)-1]
		x.Checks, x.Hits, x.Misses, x.Errors = x.Checks+p.Checks, x.Hits+p.Hits, x.Misses+p.Misses, x.Errors+p.Errors
	}
	return out, nil
}

func printTraffic(e *env, t *client.Traffic) {
	var sum client.TrafficPoint
	fmt.Fprintf(e.stdout, "%-20s %10s %10s %10s %10s\n", "from", "checks", "hits", "misses", "errors")
	for _, p := range t.Points {
		fmt.Fprintf(e.stdout, "%-20s %10d %10d %10d %10d\n", p.At.UTC().Format(time.RFC3339), p.Checks, p.Hits, p.Misses, p.Errors)
		sum.Checks, sum.Hits, sum.Misses, sum.Errors = sum.Checks+p.Checks, sum.Hits+p.Hits, sum.Misses+p.Misses, sum.Errors+p.Errors
	}
	fmt.Fprintf(e.stdout, "%-20s %10d %10d %10d %10d\n", "all", sum.Checks, sum.Hits, sum.Misses, sum.Errors)
}
