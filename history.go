package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"interdict/api/client"
)

type historyCmd struct {
	target
	Address string `arg:"" help:"An address, in any spelling."`
	Network string `help:"Its network; every one that the address fits when not given." placeholder:"NAME" env:"-"`
	JSON    bool   `help:"Print JSON." env:"-"`
}

// Help is shown under lists history --help.
func (*historyCmd) Help() string {
	return "It shows when each list added, changed and removed the address, or one that is found with it, and who made that active. It is not a check, and nothing is recorded.\n\n" +
		"Example:\n  interdict lists history 0x098B716B8Aaf21512996dC57EB0615e2383E2f96"
}

func (c *historyCmd) Run(e *env) error {
	return c.reads(e, func(o operations) error {
		h, err := o.History(e.ctx, c.Address, c.Network)
		return printResult(e, c.JSON, h, err, func(h *client.AddressHistory) { printHistory(e, h) })
	})
}

func printHistory(e *env, h *client.AddressHistory) {
	for i := range h.Readings {
		fmt.Fprintf(e.stdout, "read as %s: %s %s\n", h.Readings[i].Network, h.Readings[i].Kind, h.Readings[i].Canonical)
	}
	if len(h.Lists) == 0 {
		fmt.Fprintln(e.stdout, "no list has or had it")
	}
	for i := range h.Lists {
		l := &h.Lists[i]
		state := "not listed now"
		if l.Listed {
			state = "listed now"
		}
		known := fmt.Sprintf("known from version %d", l.KnownFrom)
		if l.KnownFrom == 0 {
			known = "in no version that can be read"
		}
		fmt.Fprintf(e.stdout, "%s  %s, %s; %s\n", l.ID, orDash(l.Name), state, known)
		for j := range l.Events {
			x := &l.Events[j]
			at := "at an unknown time"
			if x.At != nil {
				at = x.At.UTC().Format(time.RFC3339)
			}
			fmt.Fprintf(e.stdout, "  %s  %-7s version %d, generation %d, %s by %s  %s  %s  %s  %s\n", at, x.Change, x.Version, x.Generation, orDash(x.Action), orDash(x.By),
				x.Class, x.Listing.Address, orDash(x.Listing.Asset), orDash(strings.TrimSpace(x.Listing.Entity.Name)))
		}
		if l.Archive != nil {
			printArchive(e, l.Archive)
		}
	}
}

// printArchive prints what the publisher's delta files say of an address.
func printArchive(e *env, a *client.AddressInArchive) {
	fmt.Fprintf(e.stdout, "  the publisher's delta files from %s to %s, %d unread:\n", a.From, a.To, a.Unread)
	on := func(date, publication string) string {
		if publication == "" {
			return "no file says when"
		}
		return fmt.Sprintf("%s (publication %s)", cmp.Or(date, "files disagree about the day"), publication)
	}
	for _, p := range a.Periods {
		fmt.Fprintf(e.stdout, "    %s  %s  %s  entity %s  listed: %s", p.Class, p.Address, orDash(p.Asset), orDash(p.EntityID), on(p.ListedOn, p.ListedIn))
		if p.RemovedIn != "" {
			fmt.Fprintf(e.stdout, "  removed: %s", on(p.RemovedOn, p.RemovedIn))
		}
		fmt.Fprintln(e.stdout)
	}
}
