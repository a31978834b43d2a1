package loader

import (
	"archive/zip"
	"context"
	"encoding/csv"
	"io"
	"strings"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader/build"
	"interdict/loader/formats"
)

// ExportForms are the forms in which a version can be exported: our ndjson and csv, which give the same version when they are loaded, and the
// bytes that were uploaded.
var ExportForms = []string{"ndjson", "csv", "published"}

// columns of our csv.
var columns = []string{"address", "network", "asset", "entity", "entity_id", "entity_type", "category", "confidence", "programs", "incident",
	"listed_on", "valid_until", "url", "note"}

// Export writes a version in one of the ExportForms. After an error what was written is incomplete. Two files that belong together are written
// as a zip archive.
func (r *Reader) Export(ctx context.Context, list string, number int, form string, w io.Writer) error {
	switch form {
	case "ndjson":
		return r.Listings(ctx, list, number, func(x lists.Listing) error { return x.WriteNDJSON(w) })
	case "csv":
		table := csv.NewWriter(w)
		if err := table.Write(columns); err != nil {
			return err
		}
		err := r.Listings(ctx, list, number, func(x lists.Listing) error {
			return table.Write(SafeCells([]string{x.Address, x.Network, x.Asset, x.Entity.Name, x.Entity.ID, x.Entity.Type, string(x.Category), string(x.Confidence),
				strings.Join(x.Programs, ";"), x.Incident, x.ListedOn, x.ValidUntil, x.URL, x.Note}))
		})
		table.Flush()
		if err == nil {
			err = table.Error()
		}
		return err
	case "published":
		return r.published(ctx, list, number, w)
	}
	return fault.E(fault.Invalid, "as: %s is not one of ndjson, csv, published", address.Quote(form))
}

// SafeCells marks, in place, the cells of a row that a spreadsheet would run as formulas. The readers of lists remove the mark.
func SafeCells(row []string) []string {
	for i, cell := range row {
		// A cell that has the mark gets another one, because reading removes one.
		if strings.HasPrefix(cell, "''") || formats.IsFormula(strings.TrimPrefix(cell, "'")) {
			row[i] = "'" + cell
		}
	}
	return row
}

func (r *Reader) published(ctx context.Context, list string, number int, w io.Writer) error {
	v, err := r.Version(ctx, list, number)
	if err != nil {
		return err
	}
	names := strings.Split(v.File, build.NameSeparator)
	if len(v.Sources) == 1 {
		return r.copySource(ctx, v.Sources[0], w)
	}
	archive := zip.NewWriter(w)
	for i, blob := range v.Sources {
		name := "file"
		if i < len(names) {
			name = names[i]
		}
		part, err := archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: v.UploadedAt})
		if err != nil {
			return err
		}
		if err := r.copySource(ctx, blob, part); err != nil {
			return err
		}
	}
	return archive.Close()
}

// copySource writes the uploaded bytes.
func (r *Reader) copySource(ctx context.Context, blob string, w io.Writer) error {
	source, err := build.OpenSource(ctx, r.store, blob)
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			return fault.E(fault.NotFound, "the uploaded file is not stored: the upload was not completed")
		}
		return err
	}
	defer source.Close()
	_, err = io.Copy(w, source)
	return err
}
