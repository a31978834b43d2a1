package console

import (
	"io"
	"net/url"
	"strings"

	"interdict/api/client"
	"interdict/lists/fault"
)

func (c *Console) addDecisions() {
	c.staff("GET /console/decisions", (*page).decisions)
	c.staff("GET /console/decisions/export", (*page).exportDecisions)
	c.staff("GET /console/decisions/{check}", (*page).decision)
	c.staff("GET /console/decisions/{check}/receipt", (*page).receipt)
	c.staff("GET /console/decisions/{check}/evidence", (*page).evidence)
}

// recordPage is how many records a page has.
const recordPage = 50

// recordData is what the search of the record shows.
type recordData struct {
	Kinds   []string
	Results []string
	Page    *client.AuditPage
	Records []record
	Next    string
	CSV     string // addresses of the downloads of the whole search
	NDJSON  string
}

// record is one record, with what a change has said.
type record struct {
	client.AuditRecord
	Said *change
}

// results of checks, and outcomes of changes.
var results = []string{"hit", "miss", "refused", "error", "done", "failed", "begun"}

// decisions searches the record.
func (p *page) decisions() error {
	const name, title = "decisions", "Record"
	data := &recordData{Kinds: p.c.o.Kinds, Results: results}
	q, err := p.recordQuery()
	if err != nil {
		return p.showWrong(name, title, data, err)
	}
	q.Limit, q.Cursor = recordPage, p.text("cursor")
	if data.Page, err = p.api.Audit(p.r.Context(), q); err != nil {
		if fault.Is(err, fault.Forbidden) {
			return err
		}
		return p.showWrong(name, title, data, err)
	}
	for _, r := range data.Page.Records {
		shown := record{AuditRecord: r}
		if r.Check == nil {
			shown.Said = changeOf(r.Change)
		}
		data.Records = append(data.Records, shown)
	}
	if data.Page.Cursor != "" {
		data.Next = p.link("cursor", data.Page.Cursor)
	}
	data.CSV, data.NDJSON = p.exportLink("csv"), p.exportLink("ndjson")
	return p.show(name, title, data)
}

// recordQuery reads the form of the search.
func (p *page) recordQuery() (client.AuditQuery, error) {
	q := client.AuditQuery{Kind: p.text("kind"), Address: p.text("address"), Network: p.text("network"), Reference: p.text("reference"), Customer: p.text("customer"),
		Result: p.text("result"), List: p.text("list"), By: p.text("by"), Newest: p.text("order") != "oldest"}
	var err error
	if text := p.text("from"); text != "" {
		if q.From, err = timeField("from", text); err != nil {
			return q, err
		}
	}
	if text := p.text("to"); text != "" {
		if q.To, err = timeField("to", text); err != nil {
			return q, err
		}
	}
	if q.Network != "" && q.Address == "" {
		return q, fault.E(fault.Invalid, "network: it is for an address")
	}
	return q, nil
}

func (p *page) exportLink(as string) string {
	q := p.r.URL.Query()
	q.Del("cursor")
	q.Set("as", as)
	return (&url.URL{Path: "/console/decisions/export", RawQuery: q.Encode()}).String()
}

// exportDecisions sends all records of a search, and not only a page.
func (p *page) exportDecisions() error {
	q, err := p.recordQuery()
	if err != nil {
		return err
	}
	form, media := "csv", "text/csv"
	if p.text("as") == "ndjson" {
		form, media = "ndjson", "application/x-ndjson"
	}
	return p.download("interdict-record."+form, media+"; charset=utf-8", func(w io.Writer) error { return p.api.AuditExport(p.r.Context(), q, media, w) })
}

// receipt sends the receipt of a check.
func (p *page) receipt() error {
	id := p.r.PathValue("check")
	b, err := p.api.Receipt(p.r.Context(), id)
	if err != nil {
		return err
	}
	return p.download("receipt-"+strings.ToLower(id)+".tlog-proof", "text/plain; charset=utf-8", func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// evidence sends the archive of evidence of a check.
func (p *page) evidence() error {
	id := p.r.PathValue("check")
	return p.download("evidence-"+strings.ToLower(id)+".zip", "application/zip", func(w io.Writer) error { return p.api.Evidence(p.r.Context(), id, w) })
}
