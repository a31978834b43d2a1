package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader/build"
)

// Pages of long tables: the rows that differ between two versions, and those that were not read. A page reads no more of a table than it needs:
// its cursor is the number of rows before the next page, which never changes because versions do not.

// maxSearch is the longest text that rows are searched for, in bytes.
const maxSearch = 256

// kindUnread selects the quarantined rows that hold something like an address.
const kindUnread = "unread"

// rowFilter selects rows.
type rowFilter struct {
	kind, text string // text in lower case
	keys       map[address.Key]bool
}

func filterOf(q *client.RowsQuery) (rowFilter, error) {
	f := rowFilter{kind: q.Kind, text: strings.ToLower(strings.TrimSpace(q.Text)), keys: map[address.Key]bool{}}
	switch {
	case q.Kind != "" && q.Kind != "added" && q.Kind != "removed" && q.Kind != "changed":
		return f, fault.E(fault.Invalid, "kind is one of added, removed, changed")
	case len(q.Text) > maxSearch:
		return f, fault.E(fault.Invalid, "q is longer than %d bytes", maxSearch)
	}
	readings, err := address.Parse(nil, strings.TrimSpace(q.Text), "")
	if err == nil { // the same address in any spelling
		for i := range readings {
			f.keys[readings[i].Key] = true
		}
	}
	return f, nil
}

func (f *rowFilter) all() bool { return f.kind == "" && f.text == "" }

func (f *rowFilter) has(texts ...string) bool {
	for _, text := range texts {
		if strings.Contains(strings.ToLower(text), f.text) {
			return true
		}
	}
	return false
}

// differs reports whether the filter selects a row of a difference.
func (f *rowFilter) differs(r *build.DiffRow) bool {
	if f.kind != "" && f.kind != r.Change {
		return false
	}
	l := &r.Listing
	return f.text == "" || f.keys[r.Key] || f.has(l.Address, l.Entity.Name, l.Entity.ID) ||
		r.Before != nil && f.has(r.Before.Address, r.Before.Entity.Name, r.Before.Entity.ID)
}

// unread reports whether the filter selects a quarantined row.
func (f *rowFilter) unread(r *lists.Quarantined) bool {
	return (f.kind == "" || r.Unread) && (f.text == "" || f.has(r.Address, r.Entity, r.Reason, r.Detail, r.Locator))
}

// pager takes the rows of one page out of a table.
type pager struct {
	from, skip, limit int    // rows of the table to pass over, then selected rows, then the rows of the page
	stop              bool   // end the table when the page is full and it is known that there is more
	digest            string // of what the page is of

	row      int // rows of the table so far
	selected int // selected rows so far, those of earlier pages not counted
	next     int // where the next page begins; 0 for nowhere
}

// errPageFull ends the reading of a table.
var errPageFull = errors.New("the page is full")

// newPager returns the pager for a query of the table that of names.
func newPager(q *client.RowsQuery, offset int, of ...any) (*pager, error) {
	sum := sha256.Sum256(fmt.Append(nil, append(of, "\x00", q.Kind, "\x00", q.Text)...))
	p := &pager{skip: offset, limit: q.Limit, digest: hex.EncodeToString(sum[:4])}
	if p.limit == 0 {
		p.limit = pageSize
	}
	if p.limit < 1 || p.limit > maxPageSize {
		return nil, fault.E(fault.Invalid, "limit must be 1 to %d", maxPageSize)
	}
	if q.Cursor == "" {
		return p, nil
	}
	number, digest, _ := strings.Cut(q.Cursor, "-")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || digest != p.digest || offset != 0 {
		return nil, fault.E(fault.Invalid, "cursor is not one that a page of these rows has given")
	}
	p.from = n
	return p, nil
}

// take takes the next row of the table. add is called for a row of the page.
func (p *pager) take(selects bool, add func()) error {
	p.row++
	if p.row <= p.from || !selects {
		return nil
	}
	p.selected++
	switch n := p.selected - p.skip; {
	case n <= 0:
	case n <= p.limit:
		add()
	case p.next == 0:
		p.next = p.row - 1
		if p.stop {
			return errPageFull
		}
	}
	return nil
}

// cursor returns the cursor of the next page, or "".
func (p *pager) cursor() string {
	if p.next == 0 {
		return ""
	}
	return strconv.Itoa(p.next) + "-" + p.digest
}

// DiffPage returns a page of the rows that differ between version n and another one (against; 0 for nothing).
func (a *Acting) DiffPage(ctx context.Context, list string, against, n int, q client.RowsQuery) (*client.DiffPage, error) {
	return a.diffPage(ctx, list, &against, n, &q, 0)
}

// diffPage is DiffPage after some rows. against nil is the version that the report of version n compares with.
func (a *Acting) diffPage(ctx context.Context, list string, against *int, n int, q *client.RowsQuery, offset int) (*client.DiffPage, error) {
	f, err := filterOf(q)
	if err != nil {
		return nil, err
	}
	v, err := a.Version(ctx, list, n)
	if err != nil {
		return nil, err
	}
	if against == nil {
		against = &v.Diff.Against
	}
	p, err := newPager(q, offset, list, "\x00", n, *against)
	if err != nil {
		return nil, err
	}
	out := &client.DiffPage{List: list, Version: n, Against: *against, Rows: []client.DiffRow{}}
	known := *against == v.Diff.Against // the report has the counts
	p.stop = known || !f.all()
	counts, err := a.Loader.Diff(ctx, list, *against, n, func(r build.DiffRow) error {
		return p.take(f.differs(&r), func() { out.Rows = append(out.Rows, viewDiffRow(&r)) })
	})
	whole := err == nil
	switch {
	case !whole && !errors.Is(err, errPageFull):
		return nil, err
	case whole:
		out.Counts = &counts
	case known:
		out.Counts = &v.Diff
	}
	switch c := out.Counts; {
	case whole && p.from == 0:
		out.Total = &p.selected
	case c != nil && f.text == "":
		total := map[string]int{"": c.Added + c.Removed + c.Changed, "added": c.Added, "removed": c.Removed, "changed": c.Changed}[f.kind]
		out.Total = &total
	}
	out.Cursor = p.cursor()
	return out, nil
}

// QuarantinePage returns a page of the rows of a version's upload that were not read.
func (a *Acting) QuarantinePage(ctx context.Context, list string, n int, q client.RowsQuery) (*client.QuarantinePage, error) {
	return a.quarantinePage(ctx, list, n, &q, 0)
}

func (a *Acting) quarantinePage(ctx context.Context, list string, n int, q *client.RowsQuery, offset int) (*client.QuarantinePage, error) {
	if q.Kind != "" && q.Kind != kindUnread {
		return nil, fault.E(fault.Invalid, "kind is %s, or empty for all", kindUnread)
	}
	f, err := filterOf(&client.RowsQuery{Text: q.Text})
	if err != nil {
		return nil, err
	}
	f.kind = q.Kind
	v, err := a.Version(ctx, list, n)
	if err != nil {
		return nil, err
	}
	p, err := newPager(q, offset, list, "\x00", n)
	if err != nil {
		return nil, err
	}
	p.stop = true
	out := &client.QuarantinePage{List: list, Version: n, Rows: []lists.Quarantined{}}
	err = a.Quarantine(ctx, list, n, func(r lists.Quarantined) error {
		return p.take(f.unread(&r), func() { out.Rows = append(out.Rows, r) })
	})
	switch {
	case err != nil && !errors.Is(err, errPageFull):
		return nil, err
	case f.all():
		out.Total = &v.Rows.Quarantined
	case err == nil && p.from == 0:
		out.Total = &p.selected
	}
	out.Cursor = p.cursor()
	return out, nil
}

// rowsQuery reads what selects a page of rows.
func rowsQuery(in map[string]string) (q client.RowsQuery, offset int, err error) {
	q = client.RowsQuery{Kind: in["kind"], Text: in["q"], Cursor: in["cursor"]}
	offset, q.Limit, err = page(in)
	if err == nil && q.Cursor != "" && in["offset"] != "" {
		err = fault.E(fault.Invalid, "cursor and offset exclude each other")
	}
	return q, offset, err
}

func (s *Server) diff(c *gin.Context, who *auth.Principal) error {
	n, err := number(c)
	if err != nil {
		return err
	}
	in, err := query(c, "against", "kind", "q", "cursor", "offset", "limit")
	if err != nil {
		return err
	}
	q, offset, err := rowsQuery(in)
	if err != nil {
		return err
	}
	var against *int
	if in["against"] != "" {
		of, err := strconv.Atoi(in["against"])
		if err != nil || of < 0 {
			return fault.E(fault.Invalid, "against must be the number of a version, or 0 for nothing")
		}
		against = &of
	}
	out, err := s.as(who).diffPage(c.Request.Context(), param(c, "id"), against, n, &q, offset)
	if err != nil {
		return err
	}
	return renderRows(c, client.DiffColumns, len(out.Rows), func(i int) []string { return out.Rows[i].Cells() }, struct {
		*client.DiffPage
		Offset int `json:"offset"`
	}{out, offset})
}

// renderRows answers a page of rows: as CSV with the cells of n rows if the caller wants that, else the page.
func renderRows(c *gin.Context, columns []string, n int, cells func(i int) []string, page any) error {
	if !wantsCSV(c) {
		return render(c, http.StatusOK, page)
	}
	table := [][]string{columns}
	for i := range n {
		table = append(table, cells(i))
	}
	return renderCSV(c, table)
}

func (s *Server) quarantine(c *gin.Context, who *auth.Principal) error {
	n, err := number(c)
	if err != nil {
		return err
	}
	in, err := query(c, "kind", "q", "cursor", "offset", "limit")
	if err != nil {
		return err
	}
	q, offset, err := rowsQuery(in)
	if err != nil {
		return err
	}
	out, err := s.as(who).quarantinePage(c.Request.Context(), param(c, "id"), n, &q, offset)
	if err != nil {
		return err
	}
	return renderRows(c, lists.QuarantineColumns, len(out.Rows), func(i int) []string { return out.Rows[i].Cells() }, struct {
		*client.QuarantinePage
		Offset int `json:"offset"`
	}{out, offset})
}
