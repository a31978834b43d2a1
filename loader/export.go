package loader

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"io"
	"strings"

	"interdict/lists"
	"interdict/lists/fault"
)

// ExportForms are the forms in which a version can be had: our ndjson and csv (contract.md, section 4), which load again to the same
// version, and the very bytes that were uploaded.
var ExportForms = []string{"ndjson", "csv", "published"}

// columns of our csv.
var columns = []string{"address", "network", "asset", "entity", "entity_id", "entity_type", "category", "confidence", "programs", "incident",
	"listed_on", "valid_until", "url", "note"}

// Export writes a version in one of the ExportForms. An error in the middle means that what was written is not whole.
// Two files that belong together come as a zip archive.
func (l *Loader) Export(ctx context.Context, list string, number int, form string, w io.Writer) error {
	switch form {
	case "ndjson":
		return l.Listings(ctx, list, number, func(x lists.Listing) error { return x.WriteNDJSON(w) })
	case "csv":
		table := csv.NewWriter(w)
		if err := table.Write(columns); err != nil {
			return err
		}
		err := l.Listings(ctx, list, number, func(x lists.Listing) error {
			return table.Write(SafeCells([]string{x.Address, x.Network, x.Asset, x.Entity.Name, x.Entity.ID, x.Entity.Type, string(x.Category), string(x.Confidence),
				strings.Join(x.Programs, ";"), x.Incident, x.ListedOn, x.ValidUntil, x.URL, x.Note}))
		})
		table.Flush()
		if err == nil {
			err = table.Error()
		}
		return err
	case "published":
		return l.published(ctx, list, number, w)
	}
	return fault.E(fault.Invalid, "as: %.40q is none of ndjson, csv, published", form)
}

// SafeCells makes a row of a table safe to open in a spreadsheet, in place: no cell starts a formula. Reading a list takes the mark off again.
func SafeCells(row []string) []string {
	for i, cell := range row {
		formula := strings.TrimPrefix(cell, "'") // a cell that has the mark already gets another one, so that reading leaves it as it was
		if formula != "" && strings.IndexByte("=+-@\t\r", formula[0]) >= 0 || strings.HasPrefix(cell, "''") {
			row[i] = "'" + cell
		}
	}
	return row
}

func (l *Loader) published(ctx context.Context, list string, number int, w io.Writer) error {
	v, err := l.Version(ctx, list, number)
	if err != nil {
		return err
	}
	names := strings.Split(v.File, " + ")
	if len(v.Sources) == 1 {
		return l.copySource(ctx, v.Sources[0], w)
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
		if err := l.copySource(ctx, blob, part); err != nil {
			return err
		}
	}
	return archive.Close()
}

// copySource writes the bytes of an upload, and makes sure that they are those that came in.
func (l *Loader) copySource(ctx context.Context, blob string, w io.Writer) error {
	r, err := l.Source(ctx, blob)
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			return fault.E(fault.NotFound, "the bytes of the upload are not there: it never came in whole")
		}
		return err
	}
	defer r.Close()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, sum), r); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); !strings.HasSuffix(blob, "-"+got) {
		return fault.E(fault.Unavailable, "the kept bytes of %s are not those that came in: their SHA-256 is %s", blob, got)
	}
	return nil
}
