// Package build turns an upload into a layer and a report. It compares stacks of layers and merges them.
//
//	files ── formats.Read ── row → identities ── sort (on disk when large) ─┐            files.go rows.go sorter.go
//	the version below ── walk or look up its keys ──────────────────────────┴─ join      join.go delta.go removal.go
//	   └─ report: counts, difference, warnings ── layer, filter, source bytes → store    report.go layer.go
//
// Nothing here changes an answer: a new layer takes part in answers only when a generation names it.
package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"slices"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader/formats"
)

// Builder writes layers into one store.
type Builder struct {
	Store lists.Store
	Dir   string // for temporary files; "" for the system's
	Log   *slog.Logger
}

// Input is an upload and how to read it.
type Input struct {
	Files *Files
	// List holds the settings of the list: its defaults stand in for what a row leaves open.
	List *lists.List
	// Active is the version that additions, removals and deltas are applied to; nil: none.
	Active *lists.Version
	// Last is the version that the report compares with: the active one, or of a retired list the one that was active last; nil: none.
	Last *lists.Version

	Format    string            // a name of formats.Names, or "auto"
	Mapping   map[string]string // see formats.Options
	Published string            // the date of publication of a file that does not name one
	DryRun    bool              // report, and write nothing
	Progress  func(rows int)    // called now and then; may be nil
	Preview   *Preview          // show the first rows of a DryRun; nil: do not
	Dates     *lists.DeltaDates // of listings whose row has none; nil: none are known

	// Again is set to read bytes that are stored already, under newer rules. Earlier are the layers that a whole list had until now: they
	// say in which version a listing first appeared.
	Again   bool
	Earlier []lists.Layer
}

// Result is what the report of a version does not hold.
type Result struct {
	WellKnown  []string // well-known addresses that are new on the list
	quarantine *quarantineFile
}

// Quarantine yields the rows that could not be read, in the order of the file.
func (r *Result) Quarantine(yield func(lists.Quarantined) error) error {
	return ReadQuarantine(io.NewSectionReader(r.quarantine.f, 0, maxFileBytes), yield)
}

// Close deletes the temporary files of the result.
func (r *Result) Close() { _ = r.quarantine.f.Close() }

// Layer reads an upload, fills in the report of its version v and, unless this is a dry run, writes the layer, its filter, the uploaded bytes
// and the quarantined rows into the store. The caller sets List, Number, Mode, File, SHA256 and Sources of v before.
func (b *Builder) Layer(ctx context.Context, in *Input, v *lists.Version) (*Result, error) {
	quarantine, err := newQuarantineFile(b.Dir)
	if err != nil {
		return nil, err
	}
	result := &Result{quarantine: quarantine}
	if err := b.layer(ctx, in, v, result); err != nil {
		result.Close()
		return nil, err
	}
	return result, nil
}

func (b *Builder) layer(ctx context.Context, in *Input, v *lists.Version, result *Result) error {
	d, err := newDraft(b.Dir, v)
	if err != nil {
		return err
	}
	defer d.close()
	rows := newIntake(in.List.WithDefaults(), b.Dir, d, result.quarantine.put)
	defer rows.sorter.close()
	rows.dates = in.Dates
	if in.Preview != nil {
		in.Preview.watch(rows)
	}
	info, err := b.read(ctx, rows, in)
	if in.Preview != nil {
		info, err = in.Preview.end(in, v, rows, info, err)
	}
	if err != nil {
		return err
	}
	if err := rows.checkLetterCase(); err != nil {
		return err
	}
	v.Format, v.Published, v.Delta = info.Format, info.Published, info.Delta
	if v.Published == "" {
		v.Published = in.Published
	}
	if in.Active != nil && v.Mode != lists.Replace {
		v.Base = in.Active.Number
	}
	if err := checkMode(v); err != nil {
		return err
	}
	if v.Delta {
		if err := rows.applyDelta(ctx, b.Store, in.Active, info.Orders); err != nil {
			return err
		}
	}
	whole := v.Mode == lists.Replace || v.Delta || in.Active == nil
	j := newJoiner(b.Store, in, v, rows, d, whole)
	if err := j.run(ctx); err != nil {
		return err
	}
	v.Rows, v.UnreadRows, result.WellKnown = rows.rows, rows.unread, j.wellKnown
	report(v, in, &info, j)
	if err := result.quarantine.flush(); err != nil || in.DryRun {
		return err
	}
	if err := b.keepUpload(ctx, in, v, result); err != nil {
		return err
	}
	if err := b.write(ctx, d); err != nil {
		return err
	}
	v.Layers = []lists.Layer{d.Layer}
	if !whole {
		v.Layers = append(slices.Clone(in.Active.Layers), d.Layer)
	}
	return nil
}

// checkMode returns an error if the upload is a delta, and its mode does not apply it.
func checkMode(v *lists.Version) error {
	switch {
	case v.Delta && v.Mode == lists.Replace:
		return fault.E(fault.Invalid, "%s holds changes only, not a whole list: load it with mode add", v.File)
	case v.Delta && v.Mode == lists.Remove:
		return fault.E(fault.Invalid, "%s names the entities that it removes: load it with mode add", v.File)
	}
	return nil
}

// read parses the files in one goroutine and turns the rows into records in this one.
func (b *Builder) read(ctx context.Context, rows *intake, in *Input) (formats.Info, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	format := in.Format
	if format == "" {
		format = "auto"
	}
	const size = 256
	batches := make(chan []formats.Row, 8)
	var info formats.Info
	var readErr error
	go func() {
		defer close(batches)
		defer func() { // a file on which a reader panics must not end the process
			if p := recover(); p != nil {
				b.Log.Error("the reader of a list file panicked", "list", rows.list.ID, "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
				readErr = fault.E(fault.Internal, "the file cannot be read: its reader failed; the log has the details")
			}
		}()
		batch := make([]formats.Row, 0, size)
		send := func() error {
			select {
			case batches <- batch:
				batch = make([]formats.Row, 0, size)
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		read := 0
		info, readErr = formats.Read(ctx, in.Files.readers(), format, formats.Options{Mapping: in.Mapping}, func(r formats.Row) error {
			if read++; in.Preview != nil && in.Preview.enough(read) {
				return errEnough
			}
			if batch = append(batch, r); len(batch) == size {
				return send()
			}
			return nil
		})
		if readErr == nil || errors.Is(readErr, errEnough) {
			readErr = errors.Join(readErr, send())
		}
	}()
	var err error
	for batch := range batches {
		for i := range batch {
			if err == nil {
				err = rows.add(&batch[i])
				if in.Preview != nil {
					in.Preview.see(&batch[i], rows)
				}
				if err != nil {
					cancel() // and drain the channel, so that the goroutine has ended when this function returns
				}
			}
		}
		if in.Progress != nil {
			in.Progress(rows.rows.Read)
		}
	}
	if err == nil {
		err = readErr
	}
	return info, err
}

// keepUpload stores the uploaded bytes and the quarantined rows, unless they are stored already.
func (b *Builder) keepUpload(ctx context.Context, in *Input, v *lists.Version, result *Result) error {
	if in.Again {
		return nil
	}
	for i, f := range in.Files.files {
		if err := f.keep(ctx, b.Store, v.Sources[i]); err != nil {
			return err
		}
	}
	if v.Rows.Quarantined == 0 {
		return nil
	}
	return b.Store.PutBlob(ctx, lists.BlobQuarantine(v.List, v.Number), io.NewSectionReader(result.quarantine.f, 0, maxFileBytes))
}
