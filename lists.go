package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"interdict/api/client"
	"interdict/lists"
	"interdict/loader"
)

type listsCmd struct {
	Show        listsShowCmd   `cmd:"" default:"withargs" help:"Show one list or all lists, and what is active."`
	Versions    versionsCmd    `cmd:"" help:"Show the versions of a list."`
	Diff        diffCmd        `cmd:"" help:"Show what differs between two versions."`
	Changes     changesCmd     `cmd:"" help:"Show what changed on the lists since a cursor, and follow it."`
	History     historyCmd     `cmd:"" help:"Show what lists have said about an address: when it came, changed and went."`
	Preview     previewCmd     `cmd:"" help:"Show how a file would be read, and what it would change; keep nothing of it."`
	Quarantine  quarantineCmd  `cmd:"" help:"Show the rows of a version that were not read, and why."`
	Generations generationsCmd `cmd:"" help:"Show which versions were active together, and since when."`
	Approve     approveCmd     `cmd:"" help:"Agree to the content of a staged version; never to one's own upload."`
	Reject      rejectCmd      `cmd:"" help:"End a staged version."`
	Activate    activateCmd    `cmd:"" help:"Make a version the active one: a staged one, or one that was active before."`
	Rollback    rollbackCmd    `cmd:"" help:"Go back to the version that was active before."`
	Retire      retireCmd      `cmd:"" help:"Take a list out of the answers."`
	Set         setCmd         `cmd:"" help:"Create a list, or change its settings."`
	Delete      deleteCmd      `cmd:"" help:"Remove a list that never was active."`
	Export      exportCmd      `cmd:"" help:"Write a version as our ndjson or csv, or the bytes that were uploaded."`
	Sources     sourcesCmd     `cmd:"" help:"Show the well-known lists, and where they are published."`
	Follow      followCmd      `cmd:"" help:"Make a list follow a source, to be refreshed from there."`
	Unfollow    unfollowCmd    `cmd:"" help:"Make a list follow no source any more."`
}

type listsShowCmd struct {
	target
	List string `arg:"" optional:"" help:"Id of the list; all lists if it is left out."`
	JSON bool   `help:"Print JSON."`
}

// Help is shown under lists show --help.
func (*listsShowCmd) Help() string {
	return "Examples:\n  interdict lists show\n  interdict lists show ofac-sdn\n  interdict lists show --json --server http://127.0.0.1:8080"
}

func (c *listsShowCmd) Run(e *env) error {
	return c.reads(e, func(o operations) error {
		if c.List != "" {
			l, err := o.List(e.ctx, c.List)
			return printResult(e, c.JSON, l, err, func(l *client.List) { printList(e, l) })
		}
		all, err := o.Lists(e.ctx)
		return printResult(e, c.JSON, all, err, func(all []client.List) {
			for i := range all {
				printList(e, &all[i])
			}
		})
	})
}

func printList(e *env, l *client.List) {
	if l.ActiveVersion == 0 {
		fmt.Fprintf(e.stdout, "%-20s nothing active, %d versions\n", l.ID, l.LatestVersion)
		return
	}
	fmt.Fprintf(e.stdout, "%-20s version %d of %d, published %s, %d addresses, fresh %s, %s\n", l.ID, l.ActiveVersion, l.LatestVersion,
		orDash(l.Published), l.Addresses, l.FreshAt.UTC().Format(time.RFC3339), staleness(l))
	fmt.Fprintf(e.stdout, "%20s %s (%s, authority %s)\n", "", l.Means, l.Means.Category, orDash(l.Means.Authority))
	if l.Quarantined > 0 {
		fmt.Fprintf(e.stdout, "%-20s %d rows of version %d were not read, and an address in them is not screened: interdict lists quarantine %s %d\n",
			"", l.Quarantined, l.ActiveVersion, l.ID, l.ActiveVersion)
	}
}

// staleness says when a list is too old.
func staleness(l *client.List) string {
	switch {
	case l.MaxAge == "":
		return "never stale"
	case !l.Fresh:
		return "STALE: older than " + l.MaxAge
	}
	return "stale after " + l.MaxAge
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

type versionsCmd struct {
	target
	List string `arg:"" help:"Id of the list."`
	JSON bool   `help:"Print JSON."`
}

// Help is shown under lists versions --help.
func (*versionsCmd) Help() string { return "Example:\n  interdict lists versions ofac-sdn" }

func (c *versionsCmd) Run(e *env) error {
	return c.reads(e, func(o operations) error {
		all, err := o.Versions(e.ctx, c.List)
		return printResult(e, c.JSON, all, err, func(all []lists.Version) {
			for _, v := range all {
				fmt.Fprintf(e.stdout, "%4d  %-10s %-7s %-10s %8d addresses  %s by %s  %s\n", v.Number, v.State, v.Mode, orDash(v.Published), v.Addresses,
					v.UploadedAt.Format(time.RFC3339), v.UploadedBy, v.File)
			}
		})
	})
}

type diffCmd struct {
	target
	List string `arg:"" help:"Id of the list."`
	A    int    `arg:"" help:"The earlier version; 0 for nothing."`
	B    int    `arg:"" help:"The later version."`
	JSON bool   `help:"Print one row a line as JSON."`
	CSV  bool   `name:"csv" help:"Print a table that is safe to open in a spreadsheet."`
}

// Help is shown under lists diff --help.
func (*diffCmd) Help() string {
	return "Examples:\n  interdict lists diff ofac-sdn 11 12\n  interdict lists diff ofac-sdn 0 12 --csv > all.csv"
}

func (c *diffCmd) Run(e *env) error {
	return c.reads(e, func(o operations) error {
		w := bufio.NewWriter(e.stdout)
		table, rows := csv.NewWriter(w), json.NewEncoder(asJSON(w))
		if c.CSV {
			if err := table.Write(client.DiffColumns); err != nil {
				return err
			}
		}
		counts, err := o.Diff(e.ctx, c.List, c.A, c.B, func(r client.DiffRow) error {
			if c.CSV {
				return table.Write(loader.SafeCells(r.Cells()))
			}
			if c.JSON {
				return rows.Encode(r)
			}
			sign := map[string]string{"added": "+", "removed": "-", "changed": "~"}[r.Change]
			_, err := fmt.Fprintf(w, "%s %s  %s  %s\n", sign, r.Listing.Address, r.Listing.Asset, r.Listing.Entity.Name)
			return err
		})
		if err != nil {
			return err
		}
		table.Flush()
		if err := errors.Join(table.Error(), w.Flush()); err != nil {
			return err
		}
		fmt.Fprintf(e.stderr, "%d added, %d removed, %d changed, %d unchanged\n", counts.Added, counts.Removed, counts.Changed, counts.Unchanged)
		return nil
	})
}

// onVersion are the arguments of a decision on one version.
type onVersion struct {
	target
	List   string `arg:"" help:"Id of the list."`
	N      int    `arg:"" help:"Number of the version."`
	Reason string `help:"Why; it goes on record."`
}

type (
	approveCmd struct{ onVersion }
	rejectCmd  struct{ onVersion }
)

// Help is shown under lists approve --help.
func (*approveCmd) Help() string {
	return "Example:\n  interdict lists approve ofac-sdn 12 --reason 'looked at the diff' --server http://127.0.0.1:8080"
}

// Help is shown under lists reject --help.
func (*rejectCmd) Help() string {
	return "Example:\n  interdict lists reject ofac-sdn 12 --reason 'the file is a draft'"
}

func (c *approveCmd) Run(e *env) error { return c.decide(e, operations.Approve) }
func (c *rejectCmd) Run(e *env) error  { return c.decide(e, operations.Reject) }

func (c *onVersion) decide(e *env, decide func(o operations, ctx context.Context, list string, n int, reason string) (*lists.Version, error)) error {
	return c.changes(e, func(o operations) error {
		v, err := decide(o, e.ctx, c.List, c.N, c.Reason)
		if err != nil {
			return err
		}
		fmt.Fprintf(e.stdout, "%s version %d: %s, %d approvals\n", v.List, v.Number, v.State, len(v.Approvals))
		return nil
	})
}

type activateCmd struct {
	target
	List     string `arg:"" help:"Id of the list."`
	N        int    `arg:"" help:"Number of the version."`
	Override string `help:"Reason to go past a guard or missing approvals; it goes on record." placeholder:"REASON" env:"-"`
}

// Help is shown under lists activate --help.
func (*activateCmd) Help() string {
	return "Examples:\n  interdict lists activate ofac-sdn 12\n  interdict lists activate ofac-sdn 12 --override 'the delistings of 2025-03-21'"
}

func (c *activateCmd) Run(e *env) error {
	return c.changes(e, func(o operations) error { return printActivation(e)(o.Activate(e.ctx, c.List, c.N, c.Override)) })
}

// onList are the arguments of a change of one list.
type onList struct {
	target
	List   string `arg:"" help:"Id of the list."`
	Reason string `help:"Why; it goes on record."`
}

type (
	rollbackCmd struct{ onList }
	retireCmd   struct{ onList }
)

// Help is shown under lists rollback --help.
func (*rollbackCmd) Help() string {
	return "Example:\n  interdict lists rollback ofac-sdn --reason 'version 12 was cut short'"
}

// Help is shown under lists retire --help.
func (*retireCmd) Help() string {
	return "Example:\n  interdict lists retire old-list --reason 'replaced by new-list'"
}

func (c *rollbackCmd) Run(e *env) error {
	return c.changes(e, func(o operations) error { return printActivation(e)(o.Rollback(e.ctx, c.List, c.Reason)) })
}

func (c *retireCmd) Run(e *env) error {
	return c.changes(e, func(o operations) error { return printActivation(e)(o.Retire(e.ctx, c.List, c.Reason)) })
}

// printActivation prints the result of a change of what is active.
func printActivation(e *env) func(*client.Activation, error) error {
	return func(a *client.Activation, err error) error {
		switch {
		case err != nil:
		case a.Version == 0:
			fmt.Fprintf(e.stdout, "generation %d: %s takes no part in answers any more\n", a.Generation, a.List)
		default:
			fmt.Fprintf(e.stdout, "generation %d: %s version %d is active\n", a.Generation, a.List, a.Version)
		}
		return err
	}
}

type setCmd struct {
	target
	settingsFlags
	List   string `arg:"" help:"Id of the list."`
	Reason string `help:"Why; for the record, and for the second person." env:"-"`
	JSON   bool   `help:"Print JSON."`
}

// settingsFlags are the settings of a list. What is not given keeps its value, or has the default in a new list.
type settingsFlags struct {
	Name           *string  `help:"Name of the list."`
	Authority      *string  `help:"Who publishes it."`
	Category       *string  `help:"Category of a row that names none."`
	Confidence     *string  `help:"confirmed or suspected, of a row that names none."`
	MaxAge         *string  `help:"How old the list may be: 72h; empty for never too old." placeholder:"DURATION"`
	OnStale        *string  `help:"What happens when it is older: warn or stop." placeholder:"WARN|STOP"`
	Approvals      *int     `help:"How many people other than the uploader must approve a version." placeholder:"N"`
	MaxShrink      *float64 `help:"Share of its addresses that may disappear before the guard shrink trips." placeholder:"SHARE"`
	MaxGrowth      *float64 `help:"How many times its addresses it may have before the guard growth trips." placeholder:"TIMES"`
	MaxQuarantined *float64 `help:"Share of rows that may be unread before the guard quarantined trips." placeholder:"SHARE"`
	Mandatory      *bool    `help:"Nothing that the list says may be suppressed." negatable:""`
	Keep           *int     `help:"How many superseded versions keep their content." placeholder:"N"`
}

func (f settingsFlags) settings() client.ListSettings {
	return client.ListSettings{Name: f.Name, Authority: f.Authority, Category: (*lists.Category)(f.Category), Confidence: (*lists.Confidence)(f.Confidence),
		MaxAge: f.MaxAge, OnStale: (*lists.OnStale)(f.OnStale), Approvals: f.Approvals, MaxShrink: f.MaxShrink, MaxGrowth: f.MaxGrowth,
		MaxQuarantined: f.MaxQuarantined, Mandatory: f.Mandatory, Keep: f.Keep}
}

// Help is shown under lists set --help.
func (*setCmd) Help() string {
	return "Examples:\n  interdict lists set internal-deny --category internal --approvals 1\n  interdict lists set ofac-sdn --max-age 72h --on-stale stop --mandatory"
}

func (c *setCmd) Run(e *env) error {
	return c.changes(e, func(o operations) error {
		settings := c.settings()
		settings.Reason = c.Reason
		l, err := o.SetList(e.ctx, c.List, settings)
		return printResult(e, c.JSON, l, err, func(l *client.List) { printList(e, l) })
	})
}

type deleteCmd struct {
	target
	List string `arg:"" help:"Id of the list."`
}

// Help is shown under lists delete --help.
func (*deleteCmd) Help() string {
	return "A list that once was active stays for the record: it can be retired.\nExample:\n  interdict lists delete misspelt"
}

func (c *deleteCmd) Run(e *env) error {
	return c.changes(e, func(o operations) error {
		err := o.DeleteList(e.ctx, c.List)
		if err == nil {
			fmt.Fprintf(e.stdout, "%s is deleted\n", c.List)
		}
		return err
	})
}

type exportCmd struct {
	target
	List   string `arg:"" help:"Id of the list."`
	Number int    `name:"number" help:"Version to write; the active one when not given." placeholder:"N"`
	As     string `help:"ndjson, csv, or published: the bytes that were uploaded." enum:"ndjson,csv,published" default:"ndjson"`
}

// Help is shown under lists export --help.
func (*exportCmd) Help() string {
	return "The published bytes have everything that was left out of the list, also private keys; standard error warns of them.\nExamples:\n  interdict lists export ofac-sdn > ofac-sdn.ndjson\n  interdict lists export ofac-sdn --number 3 --as published > sdn_advanced.xml.gz"
}

func (c *exportCmd) Run(e *env) error {
	return c.reads(e, func(o operations) error {
		out := e.stdout
		switch c.As {
		case "ndjson":
			out = asJSON(out)
		case "published":
			out = e.file()
		}
		w := bufio.NewWriterSize(out, 64<<10)
		if err := o.Export(e.ctx, c.List, c.Number, c.As, w); err != nil {
			return err
		}
		if err := w.Flush(); err != nil || c.As != "published" {
			return err
		}
		return c.warn(e, o)
	})
}

// warn says on standard error that the uploaded bytes hold secrets.
func (c *exportCmd) warn(e *env, o operations) error {
	n := c.Number
	if n == 0 {
		l, err := o.List(e.ctx, c.List)
		if err != nil {
			return err
		}
		n = l.ActiveVersion
	}
	v, err := o.Version(e.ctx, c.List, n)
	if err == nil && v.HeldSecrets() {
		fmt.Fprintf(e.stderr, "interdict: version %d of %s was made from a file with private keys, seeds or API keys; what is written has them: keep it secret\n", n, c.List)
	}
	return err
}
