package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"interdict/api/client"
	"interdict/lists/fault"
)

type previewCmd struct {
	target
	Files     []string          `arg:"" name:"file" help:"A file, an http(s) URL, or - for standard input; two files that belong together."`
	For       string            `help:"The list that the file is meant for: it is compared with what is active." placeholder:"LIST" env:"-"`
	Format    string            `help:"Format of the file: ${formats}; auto detects it." default:"auto" env:"-"`
	Mapping   map[string]string `help:"Columns, or JSON paths, of the fields, as for load." mapsep:";" env:"-"`
	Rows      int               `help:"How many of the first rows to show." default:"10" env:"-"`
	UserAgent string            `help:"User agent of a download."`
	JSON      bool              `help:"Print JSON." env:"-"`
}

// Help is shown under lists preview --help.
func (*previewCmd) Help() string {
	return "It shows how the file would be read: format, columns, the first rows, what is left out and why, and with --for what would be added, removed and changed. " +
		"Nothing of it is kept. It exits 1 if the file cannot be loaded as it is.\n\n" +
		"Examples:\n  interdict lists preview sdn_advanced.xml.gz --for ofac-sdn\n  interdict lists preview deny.csv --mapping 'address=Wallet;entity=Owner' --json"
}

func (c *previewCmd) Run(e *env) error {
	uploads, cleanup, err := openUploads(e, c.Files, c.UserAgent)
	defer cleanup()
	var gone *fs.PathError
	if len(c.Files) > 1 && c.For == "" && errors.As(err, &gone) && errors.Is(err, fs.ErrNotExist) && gone.Path == c.Files[0] { // load takes the list first
		return usage("%w: preview takes files only; to compare one with what is active on a list: --for %s", err, gone.Path)
	}
	if err != nil {
		return err
	}
	return c.previews(e, func(o operations) error {
		p, err := o.Preview(e.ctx, uploads, client.PreviewOptions{Format: c.Format, Mapping: c.Mapping, List: c.For})
		if err := printResult(e, c.JSON, p, err, func(p *client.Preview) { c.print(e, p) }); err != nil {
			return err
		}
		if p.Problem != "" {
			return fault.E(fault.Invalid, "the file cannot be loaded as it is: %s", p.Problem)
		}
		return nil
	})
}

// previews is reads, which needs a store only for what is active.
func (c *previewCmd) previews(e *env, work func(operations) error) error {
	if c.Server != "" || c.For != "" {
		return c.reads(e, work)
	}
	store, err := openScratch()
	if err != nil {
		return err
	}
	defer store.Close()
	return work(readOnly(e, store))
}

func (c *previewCmd) print(e *env, p *client.Preview) {
	fmt.Fprintf(e.stdout, "file      %s (%s, %d bytes)\nsha256    %s\n", p.File, orDash(p.Format), p.SizeBytes, p.SHA256)
	if p.Published != "" {
		fmt.Fprintf(e.stdout, "published %s\n", p.Published)
	}
	if t := p.Table; t != nil {
		for _, field := range slices.Sorted(maps.Keys(t.Mapping)) {
			fmt.Fprintf(e.stdout, "column    %s = %s\n", field, t.Mapping[field])
		}
	}
	of := ""
	if !p.Complete {
		of = ", of the beginning of the file only"
	}
	fmt.Fprintf(e.stdout, "rows      %d read = %d accepted + %d quarantined + %d duplicate%s\n", p.Counts.Read, p.Counts.Accepted, p.Counts.Quarantined, p.Counts.Duplicate, of)
	if d := p.Diff; d != nil {
		fmt.Fprintf(e.stdout, "diff      against version %d: %d added, %d removed, %d changed, %d unchanged\n", d.Against, d.Added, d.Removed, d.Changed, d.Unchanged)
	}
	for _, w := range p.Warnings {
		fmt.Fprintf(e.stdout, "warning   %s: %s\n", w.Code, w.Detail)
	}
	for i := range p.Rows[:min(len(p.Rows), c.Rows)] {
		r := &p.Rows[i]
		if r.Reason != "" {
			fmt.Fprintf(e.stdout, "  %s: NOT READ, %s: %s\n", r.Locator, r.Reason, r.Detail)
			continue
		}
		var as []string
		for _, x := range r.Readings {
			as = append(as, x.Kind+" "+x.Canonical)
		}
		fmt.Fprintf(e.stdout, "  %s: %s  %s  %s\n", r.Locator, strings.Join(as, ", "), orDash(r.Asset), orDash(r.Entity))
	}
}
