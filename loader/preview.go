package loader

import (
	"cmp"
	"context"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader/build"
	"interdict/loader/formats"
)

// SeenRow is one row of an upload as it was read.
type SeenRow = build.SeenRow

// PreviewTable is the beginning of a table.
type PreviewTable = formats.Table

// Fields returns the names of the fields that a mapping can name.
func Fields() []string { return formats.Fields() }

// PreviewOptions describe how an upload is previewed.
type PreviewOptions struct {
	Format  string // a name of formats.Names, or "auto"
	Mapping map[string]string
	List    string // whose settings and active version apply; "" for none
}

// Preview is how an upload would be read.
type Preview struct {
	formats.Inspection
	// Version is the report that staging the upload would give. If Problem is not nil it counts the rows before the problem.
	Version *lists.Version
	Rows    []SeenRow
	Partial bool  // only the beginning of the upload was read
	Problem error // why the upload cannot be loaded as it is; nil if it can
}

const (
	// PreviewRows is how many rows a preview has.
	PreviewRows = 100
	// maxPreviewed and previewTime bound the rows that a preview reads, and for how long.
	maxPreviewed = 100_000
	previewTime  = 10 * time.Second
)

// Validate returns an error if an upload would be refused whatever it holds: the options are wrong.
func (o *PreviewOptions) Validate() error {
	so := StageOptions{Format: o.Format, Mapping: o.Mapping}
	return so.validate()
}

// Preview reads an upload as staging would, and keeps nothing. It closes files.
func (l *Loader) Preview(ctx context.Context, files *Received, o PreviewOptions) (*Preview, error) {
	defer files.Close()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	settings, active := &lists.List{}, (*lists.Version)(nil)
	if o.List != "" {
		var err error
		if settings, _, err = l.List(ctx, o.List); err != nil {
			return nil, err
		}
		if active, _, err = l.lastActive(ctx, settings); err != nil {
			return nil, err
		}
	}
	p := &Preview{Rows: []SeenRow{}, Version: &lists.Version{List: o.List, Mode: lists.Replace, File: files.JoinedName(), SHA256: files.SHA256()[0],
		SizeBytes: files.SizeBytes(), Warnings: []lists.Finding{}, Guards: []lists.Finding{}}}
	format := cmp.Or(o.Format, "auto")
	var err error
	if p.Inspection, err = build.Inspect(ctx, files, format, o.Mapping); err != nil {
		return p, p.problem(err)
	}
	seen := &build.Preview{First: PreviewRows, Most: maxPreviewed, Until: time.Now().Add(previewTime)}
	result, err := l.builder.Layer(ctx, &build.Input{Files: files, List: settings, Active: active, Last: active, Format: p.Format, Mapping: o.Mapping,
		DryRun: true, Preview: seen}, p.Version)
	p.Rows, p.Partial = append(p.Rows, seen.Rows...), seen.Partial
	if err != nil {
		return p, p.problem(err)
	}
	result.Close()
	return p, nil
}

// problem keeps an error that is about the file, and returns any other.
func (p *Preview) problem(err error) error {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.TooLarge, fault.UnsupportedMedia:
		p.Problem = err
		return nil
	}
	return err
}
