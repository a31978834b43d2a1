package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader/fetch"
)

type loadCmd struct {
	target
	List       string            `arg:"" help:"Id of the list; made when it is not there."`
	Files      []string          `arg:"" name:"file" help:"A file, an http(s) URL, or - for standard input; two files that belong together."`
	Format     string            `help:"Format of the file: ${formats}; auto detects it." default:"auto"`
	Mode       string            `help:"What the file is: the whole list, additions, or removals." enum:"replace,add,remove" default:"replace"`
	Activate   bool              `help:"Make the new version the active one."`
	DryRun     bool              `help:"Read, report and compare; write nothing."`
	Override   string            `help:"Reason to go past a guard or missing approvals; it goes on record." placeholder:"REASON" env:"-"`
	Note       string            `help:"A note that stays with the version."`
	Published  string            `help:"Date of publication of a file that does not say it itself." placeholder:"YYYY-MM-DD"`
	Mapping    map[string]string `help:"Columns, or JSON paths, of the fields, and what words stand for: address=Wallet|Second wallet;entity=Owner;category:phishing=scam." mapsep:";"`
	Name       *string           `help:"Name of a list that is made."`
	Authority  *string           `help:"Authority of a list that is made."`
	Category   *string           `help:"Category of a list that is made."`
	Confidence *string           `help:"Confidence of a list that is made."`
	UserAgent  string            `help:"User agent of a download."`
	JSON       bool              `help:"Print the report as JSON."`
}

// Help is shown under load --help.
func (*loadCmd) Help() string {
	return "Examples:\n  interdict load ofac-sdn sdn_advanced.xml.gz --activate\n  interdict load ofac-sdn sdn.csv sdn_comments.csv --dry-run\n" +
		"  interdict load internal-deny new.csv --mode add --activate --server http://127.0.0.1:8080"
}

// loaded is what load prints with --json.
type loaded struct {
	Version    *lists.Version `json:"report"`
	Generation int            `json:"generation,omitempty"`
	Live       int            `json:"replicas_live"`
	Serving    int            `json:"replicas_serving"`
}

func (c *loadCmd) Run(e *env) error {
	uploads, cleanup, err := openUploads(e, c.Files, c.UserAgent)
	defer cleanup()
	if err != nil {
		return err
	}
	return c.changes(e, func(o operations) error {
		progress, done := c.progress(e)
		settings := settingsFlags{Name: c.Name, Authority: c.Authority, Category: c.Category, Confidence: c.Confidence}.settings()
		v, err := o.Stage(e.ctx, c.List, uploads, client.StageOptions{Format: c.Format, Mode: lists.Mode(c.Mode), Note: c.Note, Published: c.Published,
			Mapping: c.Mapping, DryRun: c.DryRun, Create: &settings, Progress: progress})
		done()
		if err != nil {
			return err
		}
		out := loaded{Version: v}
		if c.Activate && !c.DryRun && v.State != lists.Activated {
			a, err := o.Activate(e.ctx, c.List, v.Number, c.Override)
			if err != nil {
				c.print(e, out)
				return err
			}
			out.Generation, out.Live, out.Serving = a.Generation, a.Replicas.Live, a.Replicas.Serving
			v.State = lists.Activated
		}
		c.print(e, out)
		return nil
	})
}

// openUploads opens files, downloads or standard input.
func openUploads(e *env, files []string, userAgent string) (uploads []client.Upload, cleanup func(), err error) {
	var closers []io.Closer
	cleanup = func() {
		for _, x := range closers {
			x.Close()
		}
	}
	if len(files) > 2 {
		return nil, cleanup, usage("one file is loaded at a time, or two that belong together")
	}
	for _, name := range files {
		switch {
		case name == "-":
			uploads = append(uploads, client.Upload{Name: "stdin", Body: e.stdin})
		case strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://"):
			// The operator says where from: the guard is for sources that stand in settings.
			d, err := fetch.Get(e.ctx, name, fetch.Options{UserAgent: userAgent, AllowInternal: true, AllowHTTP: true})
			if err != nil {
				return nil, cleanup, err
			}
			closers = append(closers, d)
			uploads = append(uploads, client.Upload{Name: d.Name, Body: d})
		default:
			f, err := os.Open(name)
			if err != nil {
				return nil, cleanup, fault.E(fault.Invalid, "%w", err)
			}
			closers = append(closers, f)
			if info, err := f.Stat(); err != nil || info.IsDir() {
				return nil, cleanup, fault.E(fault.Invalid, "%s is a directory, not a file", name)
			}
			uploads = append(uploads, client.Upload{Name: name, Body: f})
		}
	}
	return uploads, cleanup, nil
}

// progress shows how many rows have been read, on a terminal.
func (c *loadCmd) progress(e *env) (tell func(int), done func()) {
	f := e.terminal()
	if f == nil || c.JSON {
		return nil, func() {}
	}
	bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(f), progressbar.OptionSetDescription("reading "+c.List),
		progressbar.OptionShowCount(), progressbar.OptionSetItsString("rows"), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
	return func(rows int) { _ = bar.Set(rows) }, func() { _ = bar.Finish() }
}

func (c *loadCmd) print(e *env, out loaded) {
	if c.JSON {
		printJSON(e.stdout, out)
		return
	}
	v := out.Version
	fmt.Fprintf(e.stdout, "%s version %d: %s\n", v.List, v.Number, v.State)
	fmt.Fprintf(e.stdout, "  file      %s (%s, %d bytes)\n  sha256    %s\n", v.File, v.Format, v.SizeBytes, v.SHA256)
	if v.Published != "" {
		fmt.Fprintf(e.stdout, "  published %s\n", v.Published)
	}
	fmt.Fprintf(e.stdout, "  rows      %d read = %d accepted + %d quarantined + %d duplicate\n", v.Rows.Read, v.Rows.Accepted, v.Rows.Quarantined, v.Rows.Duplicate)
	fmt.Fprintf(e.stdout, "  addresses %d in %d listings\n", v.Addresses, v.Listings)
	if v.Means != nil {
		fmt.Fprintf(e.stdout, "  a hit     %s (%s, authority %s)\n", v.Means, v.Means.Category, orDash(v.Means.Authority))
	}
	fmt.Fprintf(e.stdout, "  diff      against version %d: %d added, %d removed, %d changed, %d unchanged\n",
		v.Diff.Against, v.Diff.Added, v.Diff.Removed, v.Diff.Changed, v.Diff.Unchanged)
	printWarnings(e, v.Warnings)
	for _, g := range v.Guards {
		fmt.Fprintf(e.stdout, "  guard     %s: %s\n", g.Code, g.Detail)
	}
	c.printNotRead(e, v)
	if out.Generation != 0 {
		fmt.Fprintf(e.stdout, "  active    as generation %d; %d of %d live replicas serve it\n", out.Generation, out.Serving, out.Live)
	}
}

// printWarnings prints the warnings of a version.
func printWarnings(e *env, all []lists.Finding) {
	for _, w := range all {
		fmt.Fprintf(e.stdout, "  warning   %s: %s\n", w.Code, w.Detail)
	}
}

// printNotRead says what is not screened, and what a person has to do.
func (c *loadCmd) printNotRead(e *env, v *lists.Version) {
	through := ""
	if c.Server != "" {
		through = " --server " + c.Server
	}
	if v.Rows.Quarantined > 0 {
		fmt.Fprintf(e.stdout, "  NOT READ  %d of %d rows: an address in them is not screened\n", v.Rows.Quarantined, v.Rows.Read)
		if !c.DryRun {
			fmt.Fprintf(e.stdout, "            look at them: interdict lists quarantine %s %d%s\n", v.List, v.Number, through)
		}
	}
	if len(v.Guards) > 0 && v.State != lists.Activated {
		fmt.Fprintf(e.stdout, "  NOT LIVE  a guard tripped: this file cannot go live before a person has looked at it and given a reason (--override REASON)\n")
	}
}
