package main

import (
	"fmt"
	"strings"
	"time"

	"interdict/api/client"
)

type generationsCmd struct {
	target
	Number int  `arg:"" optional:"" help:"Number of the generation; the newest ones if it is left out."`
	Limit  int  `help:"How many to show at most." default:"20" env:"-"`
	JSON   bool `help:"Print JSON." env:"-"`
}

// Help is shown under lists generations --help.
func (*generationsCmd) Help() string {
	return "Each activation, rollback and retirement makes a generation: the versions that are active together. Every answer names the one it was given from.\n\n" +
		"Examples:\n  interdict lists generations\n  interdict lists generations 42 --json"
}

func (c *generationsCmd) Run(e *env) error {
	return c.reads(e, func(o operations) error {
		if c.Number != 0 {
			g, err := o.Generation(e.ctx, c.Number)
			return printResult(e, c.JSON, g, err, func(g *client.Generation) { printGeneration(e, g, true) })
		}
		all := []client.Generation{}
		for len(all) < c.Limit {
			some, total, err := o.Generations(e.ctx, len(all), min(c.Limit-len(all), 1000))
			if err != nil {
				return err
			}
			if all = append(all, some...); len(all) >= total || len(some) == 0 {
				break
			}
		}
		return printResult(e, c.JSON, all, nil, func(all []client.Generation) {
			for i := range all {
				printGeneration(e, &all[i], false)
			}
		})
	})
}

func printGeneration(e *env, g *client.Generation, inFull bool) {
	var active []string
	for i := range g.Lists {
		active = append(active, fmt.Sprintf("%s %d", g.Lists[i].ID, g.Lists[i].Version))
	}
	fmt.Fprintf(e.stdout, "%4d  %s  %s %s by %s: %s\n", g.Generation, g.At.UTC().Format(time.RFC3339), g.Action, orDash(g.List), orDash(g.By), orDash(g.Reason))
	if !inFull {
		fmt.Fprintf(e.stdout, "      %s\n", orDash(strings.Join(active, ", ")))
		return
	}
	for i := range g.Lists {
		l := &g.Lists[i]
		fmt.Fprintf(e.stdout, "      %s version %d, published %s, %d addresses in %d listings, %s, SHA-256 %s\n", l.ID, l.Version, orDash(l.Published), l.Addresses, l.Listings, l.File, l.SHA256)
	}
}
