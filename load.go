package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/loader/fetch"
)

type loadCmd struct {
	storeFlags
	serverFlags
	List       string            `arg:"" help:"Id of the list; made when it is not there."`
	Files      []string          `arg:"" name:"file" help:"A file, an http(s) URL, or - for standard input; two files that belong together."`
	Format     string            `help:"Format of the file; auto detects it." default:"auto"`
	Mode       string            `help:"What the file is: the whole list, additions, or removals." enum:"replace,add,remove" default:"replace"`
	Activate   bool              `help:"Make the new version the active one."`
	DryRun     bool              `help:"Read, report and compare; write nothing."`
	Override   string            `help:"Reason to go past a guard or missing approvals; it goes on record." placeholder:"REASON" env:"-"`
	Note       string            `help:"A note that stays with the version."`
	Published  string            `help:"Date of publication of a file that does not say it itself." placeholder:"YYYY-MM-DD"`
	Mapping    map[string]string `help:"Columns of a csv or xlsx file: address=Wallet;entity=Owner." mapsep:";"`
	Name       string            `help:"Name of a list that is made."`
	Authority  string            `help:"Authority of a list that is made."`
	Category   string            `help:"Category of a list that is made."`
	Confidence string            `help:"Confidence of a list that is made."`
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
	uploads, cleanup, err := c.open(e)
	defer cleanup()
	if err != nil {
		return err
	}
	if c.Server != "" {
		return c.throughServer(e, uploads)
	}
	o, err := c.storeFlags.open(e.ctx, e.quiet())
	if err != nil {
		return err
	}
	defer o.close()
	settings := loader.NewList(c.List, time.Now().UTC())
	settings.Approvals = 0
	for _, given := range []struct {
		value string
		into  *string
	}{{c.Name, &settings.Name}, {c.Authority, &settings.Authority},
		{c.Category, (*string)(&settings.Category)}, {c.Confidence, (*string)(&settings.Confidence)}} {
		if given.value != "" {
			*given.into = given.value
		}
	}
	progress, done := c.progress(e)
	v, err := o.loader.Stage(e.ctx, c.List, uploads, loader.StageOptions{Format: c.Format, Mode: lists.Mode(c.Mode), Note: c.Note, Published: c.Published,
		By: operator(), Mapping: c.Mapping, Approver: true, Create: settings, DryRun: c.DryRun, Progress: progress})
	done()
	if err != nil {
		return err
	}
	out := loaded{Version: v}
	if c.Activate && !c.DryRun && v.State != lists.Activated {
		g, err := o.loader.Activate(e.ctx, c.List, v.Number, loader.ActivateOptions{By: operator(), Override: c.Override, Operator: true})
		if err != nil {
			c.print(e, out)
			return err
		}
		out.Generation = g.Number
		v.State = lists.Activated
		wait, cancel := context.WithTimeout(e.ctx, 2*time.Second)
		defer cancel()
		// The change is made: that the count could not be had is no failure.
		if out.Live, out.Serving, err = o.loader.Served(wait, g.Number); err != nil {
			fmt.Fprintln(e.stderr, "interdict: it is active; how many replicas serve it could not be asked:", err)
		}
		if _, err := o.loader.Compact(e.ctx, c.List, operator()); err != nil {
			fmt.Fprintln(e.stderr, "interdict: the list could not be compacted; it will be tried after its next activation:", err)
		}
	}
	c.print(e, out)
	return nil
}

// open opens the files, downloads or standard input.
func (c *loadCmd) open(e *env) (uploads []loader.Upload, cleanup func(), err error) {
	var closers []io.Closer
	cleanup = func() {
		for _, x := range closers {
			x.Close()
		}
	}
	if len(c.Files) > 2 {
		return nil, cleanup, usage("one file is loaded at a time, or two that belong together")
	}
	for _, name := range c.Files {
		switch {
		case name == "-":
			uploads = append(uploads, loader.Upload{Name: "stdin", Body: e.stdin})
		case strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://"):
			// The operator says where from: the guard is for sources that stand in settings.
			d, err := fetch.Get(e.ctx, name, fetch.Options{UserAgent: c.UserAgent, AllowInternal: true, AllowHTTP: true})
			if err != nil {
				return nil, cleanup, err
			}
			closers = append(closers, d)
			uploads = append(uploads, loader.Upload{Name: d.Name, Body: d})
		default:
			f, err := os.Open(name)
			if err != nil {
				return nil, cleanup, fault.E(fault.Invalid, "%w", err)
			}
			closers = append(closers, f)
			if info, err := f.Stat(); err != nil || info.IsDir() {
				return nil, cleanup, fault.E(fault.Invalid, "%s is a directory, not a file", name)
			}
			uploads = append(uploads, loader.Upload{Name: name, Body: f})
		}
	}
	return uploads, cleanup, nil
}

// progress shows how many rows have been read, on a terminal.
func (c *loadCmd) progress(e *env) (tell func(int), done func()) {
	f, ok := e.stderr.(*os.File)
	if !ok || c.JSON || !term.IsTerminal(int(f.Fd())) {
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
	for _, w := range v.Warnings {
		fmt.Fprintf(e.stdout, "  warning   %s: %s\n", w.Code, w.Detail)
	}
	for _, g := range v.Guards {
		fmt.Fprintf(e.stdout, "  guard     %s: %s\n", g.Code, g.Detail)
	}
	c.printNotRead(e, v)
	if out.Generation != 0 {
		fmt.Fprintf(e.stdout, "  active    as generation %d; %d of %d live replicas serve it\n", out.Generation, out.Serving, out.Live)
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

func printJSON(w io.Writer, v any) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // our own types always encode
	}
	fmt.Fprintf(w, "%s\n", b)
}

// throughServer uploads to a running server, and activates there.
func (c *loadCmd) throughServer(e *env, uploads []loader.Upload) error {
	if c.DryRun {
		return usage("--dry-run works on the store itself, not through a server")
	}
	pr, pw := io.Pipe()
	form := multipart.NewWriter(pw)
	go func() {
		for _, u := range uploads {
			part, err := form.CreateFormFile("file", u.Name)
			if err == nil {
				_, err = io.Copy(part, u.Body)
			}
			if err != nil {
				pw.CloseWithError(err)
				return
			}
		}
		pw.CloseWithError(form.Close())
	}()
	var mapping []string
	for field, column := range c.Mapping {
		mapping = append(mapping, field+"="+column)
	}
	slices.Sort(mapping)
	q := url.Values{"format": {c.Format}, "mode": {c.Mode}, "note": {c.Note}, "published": {c.Published}, "mapping": {strings.Join(mapping, ";")}}
	var out loaded
	path := "/v1/lists/" + url.PathEscape(c.List) + "/versions"
	if err := c.call(e.ctx, http.MethodPost, path+"?"+q.Encode(), form.FormDataContentType(), pr, &out.Version); err != nil {
		return err
	}
	if err := c.settled(e, path, &out); err != nil {
		return err
	}
	if c.Activate && out.Version.State != lists.Activated {
		body, err := json.Marshal(map[string]string{"override": c.Override})
		if err != nil {
			return err
		}
		var m struct {
			Generation int
			Replicas   struct{ Live, Serving int }
		}
		if err := c.call(e.ctx, http.MethodPost, path+"/"+strconv.Itoa(out.Version.Number)+"/activate", "application/json", bytes.NewReader(body), &m); err != nil {
			c.print(e, out)
			return err
		}
		out.Generation, out.Live, out.Serving = m.Generation, m.Replicas.Live, m.Replicas.Serving
		out.Version.State = lists.Activated
	}
	c.print(e, out)
	return nil
}

// settled waits until a large upload that the server reads after its answer is staged.
func (c *loadCmd) settled(e *env, path string, out *loaded) error {
	tell, done := c.progress(e)
	defer done()
	for out.Version.State == lists.Loading {
		if tell != nil && out.Version.Progress != nil {
			tell(out.Version.Progress.Rows)
		}
		select {
		case <-e.ctx.Done():
			return fault.E(fault.Unavailable, "version %d goes on loading on the server: %w", out.Version.Number, e.ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
		number := out.Version.Number
		out.Version = nil
		if err := c.call(e.ctx, http.MethodGet, path+"/"+strconv.Itoa(number), "", nil, &out.Version); err != nil {
			return err
		}
	}
	if out.Version.State == lists.Failed {
		return fault.E(fault.Invalid, "version %d: %s", out.Version.Number, out.Version.Error)
	}
	return nil
}
