package client

import (
	"context"
	"net/url"
	"strconv"

	"interdict/lists"
)

// RowsQuery selects a page of rows.
type RowsQuery struct {
	Kind   string // of a difference: added, removed, changed; of quarantined rows: unread; "" for all
	Text   string // in the address, in any spelling of it, or in the entity; of quarantined rows also in the reason; "" for all
	Cursor string // of the next page, as the page before said; "" for the first
	Limit  int    // rows of a page, 1 to 10000; 0 for 1000
}

func (q *RowsQuery) values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{"kind": q.Kind, "q": q.Text, "cursor": q.Cursor} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return v
}

// DiffPage is a part of the difference between two versions.
type DiffPage struct {
	List    string `json:"list"`
	Version int    `json:"version"`
	Against int    `json:"against"`
	// Counts are those of the whole difference; nil if they are not known without reading all of it.
	Counts *lists.DiffCounts `json:"counts"`
	Total  *int              `json:"total"` // rows that the query selects; nil if that is not known
	Rows   []DiffRow         `json:"rows"`
	Cursor string            `json:"cursor,omitempty"` // of the next page; "" at the end
}

// QuarantinePage is a part of the rows of a version's upload that were not read.
type QuarantinePage struct {
	List    string              `json:"list"`
	Version int                 `json:"version"`
	Total   *int                `json:"total"` // rows that the query selects; nil if that is not known
	Rows    []lists.Quarantined `json:"rows"`
	Cursor  string              `json:"cursor,omitempty"` // of the next page; "" at the end
}

// DiffPage returns a page of the rows that differ between version n and another one (against; 0 for nothing).
func (c *Client) DiffPage(ctx context.Context, list string, against, n int, q RowsQuery) (*DiffPage, error) {
	query := q.values()
	query.Set("against", strconv.Itoa(against))
	return one(func(out *DiffPage) error { return c.get(ctx, versionPath(list, n, "diff"), query, out) })
}

// QuarantinePage returns a page of the rows of a version's upload that were not read.
func (c *Client) QuarantinePage(ctx context.Context, list string, n int, q RowsQuery) (*QuarantinePage, error) {
	return one(func(out *QuarantinePage) error {
		return c.get(ctx, versionPath(list, n, "quarantine"), q.values(), out)
	})
}
