package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"interdict/lists/fault"
	"interdict/loader"
)

type quarantineCmd struct {
	storeFlags
	serverFlags
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

// quarantinePage is one page of what a server answers.
type quarantinePage struct {
	Version int
	Total   int
	Rows    []loader.Quarantined
}

func (c *quarantineCmd) Run(e *env) error {
	w := bufio.NewWriter(e.stdout)
	table := csv.NewWriter(w)
	if c.CSV {
		if err := table.Write(loader.QuarantineColumns); err != nil {
			return err
		}
	}
	n := 0
	show := func(r loader.Quarantined) error {
		n++
		switch {
		case c.CSV:
			return table.Write(loader.SafeCells(r.Cells()))
		case c.JSON:
			return json.NewEncoder(w).Encode(r)
		}
		text := "(not kept)"
		if r.Address != "" {
			text = fmt.Sprintf("%+q", r.Address)
		}
		_, err := fmt.Fprintf(w, "%s  %s  %s: %s\n", orDash(r.Locator), text, r.Reason, r.Detail)
		return err
	}
	version, err := c.each(e, show)
	if err != nil {
		return err
	}
	table.Flush()
	if err := errors.Join(table.Error(), w.Flush()); err != nil {
		return err
	}
	fmt.Fprintf(e.stderr, "%s version %d: %d rows were not read\n", c.List, version, n)
	return nil
}

// each calls show for every row of the version, and returns the number of the version.
func (c *quarantineCmd) each(e *env, show func(loader.Quarantined) error) (version int, err error) {
	if c.Server != "" {
		return c.eachOfServer(e.ctx, show)
	}
	err = c.withReader(e, func(l *loader.Loader) error {
		if version = c.Version; version == 0 {
			x, _, err := l.List(e.ctx, c.List)
			if err != nil {
				return err
			}
			version = x.Latest
		}
		if version == 0 {
			return c.noVersion()
		}
		return l.Quarantine(e.ctx, c.List, version, show)
	})
	return version, err
}

func (c *quarantineCmd) eachOfServer(ctx context.Context, show func(loader.Quarantined) error) (version int, err error) {
	path := "/v1/lists/" + url.PathEscape(c.List)
	if version = c.Version; version == 0 {
		var list struct {
			Latest int `json:"latest_version"`
		}
		if err := c.call(ctx, http.MethodGet, path, "", nil, &list); err != nil {
			return 0, err
		}
		version = list.Latest
	}
	if version == 0 {
		return 0, c.noVersion()
	}
	path += "/versions/" + strconv.Itoa(version) + "/quarantine?offset="
	for at := 0; ; {
		var page quarantinePage
		if err := c.call(ctx, http.MethodGet, path+strconv.Itoa(at), "", nil, &page); err != nil {
			return version, err
		}
		for _, r := range page.Rows {
			if err := show(r); err != nil {
				return version, err
			}
		}
		if at += len(page.Rows); at >= page.Total {
			return version, nil
		}
		if len(page.Rows) == 0 {
			return version, fault.E(fault.Unavailable, "the server gave %d of %d rows", at, page.Total)
		}
	}
}

func (c *quarantineCmd) noVersion() error {
	return fault.E(fault.NotFound, "list %s has no version yet", c.List)
}
