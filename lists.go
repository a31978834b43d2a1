package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
)

type listsCmd struct {
	Show       listsShowCmd  `cmd:"" default:"withargs" help:"Show all lists and what is active."`
	Versions   versionsCmd   `cmd:"" help:"Show the versions of a list."`
	Diff       diffCmd       `cmd:"" help:"Show what differs between two versions."`
	Quarantine quarantineCmd `cmd:"" help:"Show the rows of a version that were not read, and why."`
	Activate   activateCmd   `cmd:"" help:"Make a version the active one: a staged one, or one that was active before."`
	Rollback   rollbackCmd   `cmd:"" help:"Go back to the version that was active before."`
	Retire     retireCmd     `cmd:"" help:"Take a list out of the answers."`
	Export     exportCmd     `cmd:"" help:"Write a version as our ndjson or csv, or the bytes that were uploaded."`
	Sources    sourcesCmd    `cmd:"" help:"Show the well-known lists, and where they are published."`
	Follow     followCmd     `cmd:"" help:"Make a list follow a source, to be refreshed from there."`
	Unfollow   unfollowCmd   `cmd:"" help:"Make a list follow no source any more."`
}

// withLoader opens the store for a command.
func (f *storeFlags) withLoader(e *env, work func(*loader.Loader) error) error {
	o, err := f.open(e.ctx, e.quiet())
	if err != nil {
		return err
	}
	defer o.close()
	return work(o.loader)
}

// withReader is withLoader for a command that changes nothing.
func (f *storeFlags) withReader(e *env, work func(*loader.Loader) error) error {
	return f.reading(e, func(store lists.Store) error {
		return work(loader.New(store, nil, e.quiet(), "", time.Now)) // it has nothing to record
	})
}

type listsShowCmd struct {
	storeFlags
	JSON bool `help:"Print JSON."`
}

func (c *listsShowCmd) Run(e *env) error {
	return c.withReader(e, func(l *loader.Loader) error {
		all, fresh, err := l.Lists(e.ctx)
		if err != nil {
			return err
		}
		shown := make([]shownList, len(all))
		for i := range all {
			shown[i] = shownList{all[i].WithDefaults(), all[i].Means()}
		}
		if c.JSON {
			printJSON(e.stdout, shown)
			return nil
		}
		for _, x := range shown {
			means := fmt.Sprintf("%20s %s (%s, authority %s)\n", "", x.Means, x.Means.Category, orDash(x.Means.Authority))
			if x.Active == 0 {
				fmt.Fprintf(e.stdout, "%-20s nothing active, %d versions\n%s", x.ID, x.Latest, means)
				continue
			}
			v, err := l.Version(e.ctx, x.ID, x.Active)
			if err != nil {
				return err
			}
			fmt.Fprintf(e.stdout, "%-20s version %d of %d, published %s, %d addresses, fresh %s, %s\n%s", x.ID, x.Active, x.Latest, orDash(v.Published),
				v.Addresses, fresh[x.ID].UTC().Format(time.RFC3339), staleness(&x.List, fresh[x.ID]), means)
			if n := v.Rows.Quarantined; n > 0 {
				fmt.Fprintf(e.stdout, "%-20s %d rows of version %d were not read, and an address in them is not screened: interdict lists quarantine %s %d\n", "", n, x.Active, x.ID, x.Active)
			}
		}
		return nil
	})
}

// shownList is a list as --json shows it.
type shownList struct {
	lists.List
	Means lists.Means `json:"means"`
}

// staleness says when a list is too old.
func staleness(l *lists.List, fresh time.Time) string {
	switch {
	case l.MaxAge == 0:
		return "never stale"
	case time.Since(fresh) > l.MaxAge:
		return fmt.Sprintf("STALE: older than %s", l.MaxAge)
	}
	return fmt.Sprintf("stale after %s", l.MaxAge)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

type versionsCmd struct {
	storeFlags
	List string `arg:"" help:"Id of the list."`
	JSON bool   `help:"Print JSON."`
}

func (c *versionsCmd) Run(e *env) error {
	return c.withReader(e, func(l *loader.Loader) error {
		all, err := l.Versions(e.ctx, c.List)
		if err != nil {
			return err
		}
		if c.JSON {
			printJSON(e.stdout, all)
			return nil
		}
		for _, v := range all {
			fmt.Fprintf(e.stdout, "%4d  %-10s %-7s %-10s %8d addresses  %s by %s  %s\n", v.Number, v.State, v.Mode, orDash(v.Published), v.Addresses,
				v.UploadedAt.Format(time.RFC3339), v.UploadedBy, v.File)
		}
		return nil
	})
}

type diffCmd struct {
	storeFlags
	List string `arg:"" help:"Id of the list."`
	A    int    `arg:"" help:"The earlier version; 0 for nothing."`
	B    int    `arg:"" help:"The later version."`
	JSON bool   `help:"Print one row a line as JSON."`
	CSV  bool   `name:"csv" help:"Print a table that is safe to open in a spreadsheet."`
}

func (c *diffCmd) Run(e *env) error {
	return c.withReader(e, func(l *loader.Loader) error {
		w := bufio.NewWriter(e.stdout)
		table := csv.NewWriter(w)
		if c.CSV {
			if err := table.Write([]string{"change", "address", "network", "asset", "entity", "programs", "listed_on", "locator"}); err != nil {
				return err
			}
		}
		counts, err := l.Diff(e.ctx, c.List, c.A, c.B, func(r loader.DiffRow) error {
			if c.CSV {
				x := &r.Listing
				return table.Write(loader.SafeCells([]string{r.Change, x.Address, x.Network, x.Asset, x.Entity.Name, strings.Join(x.Programs, ";"), x.ListedOn, x.Locator}))
			}
			if c.JSON {
				return json.NewEncoder(w).Encode(r)
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

type activateCmd struct {
	storeFlags
	List     string `arg:"" help:"Id of the list."`
	N        int    `arg:"" help:"Number of the version."`
	Override string `help:"Reason to go past a guard or missing approvals; it goes on record." placeholder:"REASON" env:"-"`
}

func (c *activateCmd) Run(e *env) error {
	return c.withLoader(e, func(l *loader.Loader) error {
		g, err := l.Activate(e.ctx, c.List, c.N, loader.ActivateOptions{By: operator(), Override: c.Override, Operator: true})
		return moved(e, g, err)
	})
}

type rollbackCmd struct {
	storeFlags
	List   string `arg:"" help:"Id of the list."`
	Reason string `help:"Why; it goes on record."`
}

func (c *rollbackCmd) Run(e *env) error {
	return c.withLoader(e, func(l *loader.Loader) error {
		g, err := l.Rollback(e.ctx, c.List, operator(), c.Reason)
		return moved(e, g, err)
	})
}

type retireCmd struct {
	storeFlags
	List   string `arg:"" help:"Id of the list."`
	Reason string `help:"Why; it goes on record." required:""`
}

func (c *retireCmd) Run(e *env) error {
	return c.withLoader(e, func(l *loader.Loader) error {
		g, err := l.Retire(e.ctx, c.List, operator(), c.Reason)
		if err == nil {
			fmt.Fprintf(e.stdout, "generation %d: %s takes no part in answers any more\n", g.Number, c.List)
		}
		return err
	})
}

func moved(e *env, g *lists.Generation, err error) error {
	if err != nil {
		return err
	}
	for _, a := range g.Lists {
		if a.List.ID == g.List {
			fmt.Fprintf(e.stdout, "generation %d: %s version %d is active\n", g.Number, g.List, a.Version)
		}
	}
	return nil
}

type exportCmd struct {
	storeFlags
	List   string `arg:"" help:"Id of the list."`
	Number int    `name:"number" help:"Version to write; the active one when not given." placeholder:"N"`
	As     string `help:"ndjson, csv, or published: the bytes that were uploaded." enum:"ndjson,csv,published" default:"ndjson"`
}

// Help is shown under lists export --help.
func (*exportCmd) Help() string {
	return "Example:\n  interdict lists export ofac-sdn > ofac-sdn.ndjson\n  interdict lists export ofac-sdn --number 3 --as published > sdn_advanced.xml.gz"
}

func (c *exportCmd) Run(e *env) error {
	return c.withReader(e, func(l *loader.Loader) error {
		n := c.Number
		if n == 0 {
			x, _, err := l.List(e.ctx, c.List)
			if err != nil {
				return err
			}
			if n = x.Active; n == 0 {
				return fault.E(fault.NotFound, "list %s has no active version", c.List)
			}
		}
		w := bufio.NewWriterSize(e.stdout, 64<<10)
		if err := l.Export(e.ctx, c.List, n, c.As, w); err != nil {
			return err
		}
		return w.Flush()
	})
}
