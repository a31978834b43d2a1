package client

import (
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
)

// PreviewOptions say how a file is read for a preview. The zero value detects the format.
type PreviewOptions struct {
	Format  string
	Mapping map[string]string // columns of a table, or paths in a JSON file
	// List is the list that the file is meant for: its defaults apply, and the preview compares the file with its active version.
	List string
}

// Preview shows how a file would be read. Nothing of it is kept.
type Preview struct {
	File      string `json:"file"`
	SHA256    string `json:"sha256"`
	SizeBytes int64  `json:"size_bytes"`
	// Format is the format that was recognised, or the one that was asked for; "" if none was recognised. Formats are all formats in which
	// the file could be read, the recognised one first.
	Format    string        `json:"format"`
	Formats   []string      `json:"formats"`
	Published string        `json:"published"` // the date that the file states, YYYY-MM-DD, or ""
	Table     *PreviewTable `json:"table"`     // of csv, xlsx, json and ndjson with columns of their own; else nil
	Rows      []PreviewRow  `json:"rows"`      // the first rows as they were read
	Counts    PreviewCounts `json:"counts"`
	// Complete is false if the file is so large that only its beginning was read: the counts are those of the beginning.
	Complete bool `json:"complete"`
	// Problem says why the file cannot be loaded as it is: no format was recognised, the column of addresses is not known, a line is
	// damaged. Rows are those before the problem.
	Problem  string        `json:"problem,omitempty"`
	Warnings []PreviewNote `json:"warnings"`
	// Diff compares the file with the active version of the list; nil without a list, and if the file was not read completely.
	Diff *PreviewDiff `json:"diff"`
}

// PreviewNote is something to know about a file as a whole. Codes are stable.
type PreviewNote struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// PreviewTable is the beginning of a table.
type PreviewTable struct {
	Sheet   string          `json:"sheet,omitempty"` // of a workbook
	Columns []PreviewColumn `json:"columns"`
	Rows    [][]string      `json:"rows"` // the first 20 rows below the header; cells that hold a secret are masked
	// Mapping is the mapping that is used: that of the caller, else the one that was found by the names and the content of the columns.
	// It can be sent back as it is, or changed.
	Mapping map[string]string `json:"mapping"`
	Missing []string          `json:"missing"` // required fields without a column: "address", or nothing
	Fields  []string          `json:"fields"`  // all fields that a column can be mapped to
}

// PreviewColumn is one column of a table, or one member of the objects of a JSON file.
type PreviewColumn struct {
	Name  string `json:"name"`  // as in the header; "" if it has none
	Field string `json:"field"` // that it is read into; "" if it is not read
	// Addresses is how many of the first rows hold something like an address in it.
	Addresses int `json:"addresses"`
}

// PreviewRow is one row as it was read. It has readings or a reason.
type PreviewRow struct {
	Locator  string    `json:"locator"`
	Address  string    `json:"address"` // as published; "" for a secret
	Network  string    `json:"network"` // as published
	Asset    string    `json:"asset"`
	Entity   string    `json:"entity"`
	Note     string    `json:"note"` // of a notice: the sentence around the address
	Readings []Reading `json:"readings"`
	Reason   string    `json:"reason,omitempty"` // why it was not read: a code of invalid_address, or bad_row
	Detail   string    `json:"detail,omitempty"`
	Unread   bool      `json:"unread,omitempty"` // it holds something like an address: a person has to look at it
}

// Reading is a text read as an address of one network.
type Reading struct {
	Network   string `json:"network"`
	Kind      string `json:"kind"` // "bitcoin p2pkh", "evm"
	Canonical string `json:"canonical"`
	Identity  string `json:"identity"`
}

// PreviewCounts count the rows that were read. Read is Accepted + Quarantined + Duplicate.
type PreviewCounts struct {
	Read        int `json:"read"`
	Accepted    int `json:"accepted"`
	Quarantined int `json:"quarantined"`
	Duplicate   int `json:"duplicate"`
	Unread      int `json:"unread"`    // of the quarantined: rows that hold something like an address
	Addresses   int `json:"addresses"` // distinct identities, those of quarantined texts included
}

// PreviewDiff counts the listings that would be added, removed and changed.
type PreviewDiff struct {
	Against   int `json:"against"` // number of the active version; 0: none
	Added     int `json:"added"`
	Removed   int `json:"removed"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
}

// Preview shows how one file, or two that belong together, would be read. Nothing of it is kept. A file that cannot be read is not an error: the
// preview says why.
func (c *Client) Preview(ctx context.Context, uploads []Upload, o PreviewOptions) (*Preview, error) {
	query := url.Values{}
	for name, value := range map[string]string{"format": o.Format, "mapping": mappingText(o.Mapping), "list": o.List} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return one(func(out *Preview) error { return c.sendFiles(ctx, "/v1/preview", query, uploads, out) })
}

// sendFiles sends files as a form.
func (c *Client) sendFiles(ctx context.Context, path string, query url.Values, uploads []Upload, out any) error {
	pr, pw := io.Pipe()
	defer pr.Close()
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
	return c.do(ctx, request{method: http.MethodPost, path: path, query: query,
		contentType: form.FormDataContentType(), file: true, body: func() (io.Reader, error) { return pr, nil }}, out)
}
