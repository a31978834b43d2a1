package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"time"

	"interdict/api/client"
)

type changesCmd struct {
	target
	Since  string `help:"A cursor, as an earlier run has printed it; start for everything that is active; the present when not given." placeholder:"CURSOR" env:"-"`
	List   string `help:"Only the changes of this list." placeholder:"ID" env:"-"`
	Follow bool   `help:"Go on as long as the lists change; with --server or --redis." env:"-"`
	JSON   bool   `help:"Print one change a line as JSON, and the cursor in a line of its own."`
}

// Help is shown under lists changes --help.
func (*changesCmd) Help() string {
	return "The cursor is printed on standard error, or with --json as the last line: the next run goes on from there. A conflict says that the changes after a cursor " +
		"cannot be told any more: begin again with --since start.\n\n" +
		"Examples:\n  interdict lists changes --since start\n  interdict lists changes --since start --follow --json --server http://127.0.0.1:8080"
}

func (c *changesCmd) Run(e *env) error {
	if c.Follow && c.Server == "" && c.Redis == "" {
		return usage("--follow needs --server or --redis: nothing changes in an embedded store while this command has it open")
	}
	return c.reads(e, func(o operations) error {
		q := client.ChangesQuery{Since: c.Since, List: c.List}
		w := bufio.NewWriter(e.stdout)
		p := changesPrinter{e: e, w: w, json: json.NewEncoder(asJSON(w)), asJSON: c.JSON}
		if c.Follow {
			err := o.FollowChanges(e.ctx, q, func(s client.ChangeStep) error { return p.print(s.Changes, s.State) })
			if e.ctx.Err() != nil {
				return nil //nolint:nilerr // it was told to end
			}
			return err
		}
		for q.Limit = 10_000; ; {
			page, err := o.Changes(e.ctx, q)
			if err != nil {
				return err
			}
			state := &page.FeedState
			if page.More {
				state = nil
			}
			if err := p.print(page.Changes, state); err != nil || !page.More {
				return err
			}
			q.Since = page.Cursor
		}
	})
}

// changesPrinter prints changes as they come.
type changesPrinter struct {
	e      *env
	w      *bufio.Writer
	json   *json.Encoder
	asJSON bool
}

// print prints changes, and how far they were read.
func (p *changesPrinter) print(changes []client.ListChange, state *client.FeedState) error {
	for i := range changes {
		if err := p.change(&changes[i]); err != nil {
			return err
		}
	}
	if state != nil && p.asJSON {
		if err := p.json.Encode(state); err != nil {
			return err
		}
	}
	if err := p.w.Flush(); err != nil || state == nil || p.asJSON {
		return err
	}
	fmt.Fprintf(p.e.stderr, "generation %d, cursor %s\n", state.Generation, state.Cursor)
	return nil
}

func (p *changesPrinter) change(x *client.ListChange) error {
	if p.asJSON {
		return p.json.Encode(x)
	}
	sign := map[string]string{"added": "+", "removed": "-", "changed": "~"}[x.Kind]
	_, err := fmt.Fprintf(p.w, "%s %s  %s  %s  %s version %d, generation %d %s %s\n", sign, x.Listing.Address, x.Listing.Asset, x.Listing.Entity.Name,
		x.List, x.Version, x.Generation, x.Action, x.At.UTC().Format(time.RFC3339))
	return err
}
