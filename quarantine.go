package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"

	"interdict/api/client"
	"interdict/lists"
	"interdict/loader"
)

type quarantineCmd struct {
	target
	List    string `arg:"" help:"Id of the list."`
	Version int    `arg:"" optional:"" help:"Number of the version; the latest one when not given."`
	JSON    bool   `help:"Print one row a line as JSON." xor:"form"`
	CSV     bool   `name:"csv" help:"Print a table that is safe to open in a spreadsheet." xor:"form"`
}

// Help is shown under lists quarantine --help.
func (*quarantineCmd) Help() string {
	return "Shows the rows of an upload that were not read as addresses, with their place in the file, their text and the reason.\n\n" +
		"Examples:\n  interdict lists quarantine internal-deny\n  interdict lists quarantine ofac-sdn 12 --csv > not-read.csv\n" +
		"  interdict lists quarantine ofac-sdn --server http://127.0.0.1:8080"
}

func (c *quarantineCmd) Run(e *env) error {
	return c.reads(e, func(o operations) error {
		version, err := numberOr(e.ctx, o, c.List, c.Version, func(l *client.List) int { return l.LatestVersion }, "")
		if err != nil {
			return err
		}
		w := bufio.NewWriter(e.stdout)
		table, rows := csv.NewWriter(w), json.NewEncoder(asJSON(w))
		if c.CSV {
			if err := table.Write(lists.QuarantineColumns); err != nil {
				return err
			}
		}
		n := 0
		if err := o.Quarantine(e.ctx, c.List, version, func(r lists.Quarantined) error {
			n++
			switch {
			case c.CSV:
				return table.Write(loader.SafeCells(r.Cells()))
			case c.JSON:
				return rows.Encode(r)
			}
			text := "(not kept)"
			if r.Address != "" {
				text = fmt.Sprintf("%+q", r.Address)
			}
			_, err := fmt.Fprintf(w, "%s  %s  %s: %s\n", orDash(r.Locator), text, r.Reason, r.Detail)
			return err
		}); err != nil {
			return err
		}
		table.Flush()
		if err := errors.Join(table.Error(), w.Flush()); err != nil {
			return err
		}
		fmt.Fprintf(e.stderr, "%s version %d: %d rows were not read\n", c.List, version, n)
		return nil
	})
}
