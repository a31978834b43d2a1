package client

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"interdict/lists/fault"
)

// ListWithTag returns one list and the entity tag of its settings, for SetListIf.
func (c *Client) ListWithTag(ctx context.Context, id string) (l *List, tag string, err error) {
	r := request{method: http.MethodGet, path: pathOf("v1", "lists", id), repeatable: true, header: func(h http.Header) { tag = h.Get("ETag") }}
	l, err = one(func(out *List) error { return c.do(ctx, r, out) })
	return l, tag, err
}

// SetListIf is SetList if the settings are still those of the tag; otherwise the error is fault.Precondition.
func (c *Client) SetListIf(ctx context.Context, id, tag string, settings ListSettings) (*List, error) {
	return one(func(out *List) error {
		return c.changeBy(ctx, request{method: http.MethodPut, path: pathOf("v1", "lists", id), match: tag}, settings, out)
	})
}

// QuarantineCSV writes the rows of a version's upload that were not read as a table that is safe to open in a spreadsheet.
func (c *Client) QuarantineCSV(ctx context.Context, list string, n int, w io.Writer) error {
	out := csv.NewWriter(w)
	for offset := 0; ; offset += rowsPerPage {
		table, err := c.quarantineTable(ctx, list, n, offset)
		if err != nil {
			return err
		}
		rows := table[1:]
		if offset > 0 {
			table = rows // the heads of the columns stand once
		}
		if err := out.WriteAll(table); err != nil || len(rows) < rowsPerPage {
			return err
		}
	}
}

// quarantineTable returns a page of those rows below the heads of their columns.
func (c *Client) quarantineTable(ctx context.Context, list string, n, offset int) ([][]string, error) {
	query := url.Values{"offset": {strconv.Itoa(offset)}, "limit": {strconv.Itoa(rowsPerPage)}}
	res, err := c.send(ctx, request{method: http.MethodGet, path: versionPath(list, n, "quarantine"), query: query, repeatable: true, accept: "text/csv"})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	table, err := csv.NewReader(res.Body).ReadAll()
	if err == nil && len(table) == 0 {
		err = errors.New("no columns")
	}
	if err != nil {
		return nil, fault.E(fault.Unavailable, "the server's answer cannot be read: %w", err)
	}
	return table, nil
}
