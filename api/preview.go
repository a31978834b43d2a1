package api

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/address"
	"interdict/loader"
	"interdict/screening"
)

// Preview shows how one file, or two that belong together, would be read. Nothing of it is kept. A file that cannot be read is no error: the
// preview says why.
func (a *Acting) Preview(ctx context.Context, uploads []client.Upload, o client.PreviewOptions) (*client.Preview, error) {
	if err := a.canPreview(o); err != nil {
		return nil, err
	}
	files, err := a.Loader.Receive(ctx, func(yield func(loader.Upload, error) bool) {
		for _, u := range uploads {
			if !yield(loader.Upload(u), nil) {
				return
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return a.preview(ctx, files, o)
}

// canPreview returns an error for wrong options, and for a list that the person may not read.
func (a *Acting) canPreview(o client.PreviewOptions) error {
	if o.List != "" && (!isID(o.List) || a.person.MayUse != nil && !a.person.MayUse(o.List)) {
		return noSuchList(o.List)
	}
	options := loader.PreviewOptions{Format: o.Format, Mapping: o.Mapping}
	return options.Validate()
}

// preview is Preview of files that were received. It closes them.
func (a *Acting) preview(ctx context.Context, files *loader.Received, o client.PreviewOptions) (*client.Preview, error) {
	p, err := a.Loader.Preview(ctx, files, loader.PreviewOptions{Format: o.Format, Mapping: o.Mapping, List: o.List})
	if err != nil {
		return nil, err
	}
	v := p.Version
	out := &client.Preview{File: v.File, SHA256: v.SHA256, SizeBytes: v.SizeBytes, Format: p.Format, Formats: p.Formats, Published: v.Published,
		Rows: make([]client.PreviewRow, len(p.Rows)), Complete: !p.Partial && p.Problem == nil, Warnings: make([]client.PreviewNote, len(v.Warnings)),
		Counts: client.PreviewCounts{Read: v.Rows.Read, Accepted: v.Rows.Accepted, Quarantined: v.Rows.Quarantined, Duplicate: v.Rows.Duplicate,
			Unread: v.UnreadRows, Addresses: v.Addresses}}
	for i := range p.Rows {
		out.Rows[i] = viewSeenRow(&p.Rows[i])
	}
	for i, w := range v.Warnings {
		out.Warnings[i] = client.PreviewNote(w)
	}
	if t := p.Table; t != nil {
		out.Table = viewTable(t)
	}
	if p.Problem != nil {
		out.Problem = p.Problem.Error()
		out.Counts.Accepted = v.Rows.Read - v.Rows.Quarantined // duplicates are found at the end of a file
	} else if o.List != "" && !p.Partial {
		diff := client.PreviewDiff(v.Diff)
		out.Diff = &diff
	}
	return out, nil
}

func viewSeenRow(r *loader.SeenRow) client.PreviewRow {
	text := func(s string) string { return lists.PlainText(s) }
	v := client.PreviewRow{Locator: text(r.Row.Locator), Address: r.Row.Address, Network: text(r.Row.Network), Asset: text(r.Row.Asset),
		Entity: text(r.Row.EntityName), Note: text(r.Row.Note), Readings: viewReadings(r.Readings)}
	if q := r.Quarantined; q != nil {
		v.Reason, v.Detail, v.Unread = q.Reason, q.Detail, q.Unread
	}
	return v
}

func viewReadings(all []address.Address) []client.Reading {
	out := make([]client.Reading, len(all))
	for i := range all {
		x := screening.ReadingOf(&all[i])
		out[i] = client.Reading{Network: x.Network, Kind: x.Kind, Canonical: x.Canonical, Identity: x.Identity}
	}
	return out
}

func viewTable(t *loader.PreviewTable) *client.PreviewTable {
	v := &client.PreviewTable{Sheet: t.Sheet, Columns: make([]client.PreviewColumn, len(t.Columns)), Rows: t.Rows, Mapping: t.Mapping,
		Missing: []string{}, Fields: loader.Fields()}
	for i, c := range t.Columns {
		v.Columns[i] = client.PreviewColumn(c)
	}
	if t.Missing {
		v.Missing = append(v.Missing, "address")
	}
	return v
}

func (s *Server) preview(c *gin.Context, who *auth.Principal) error {
	q, err := query(c, "format", "mapping", "filename", "list")
	if err != nil {
		return err
	}
	o := client.PreviewOptions{Format: q["format"], List: q["list"]}
	if o.Mapping, err = mappingOf(q["mapping"]); err != nil {
		return err
	}
	a := s.as(who)
	if err := a.canPreview(o); err != nil { // before a byte of the body is read
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), uploadTime)
	defer cancel()
	files, place, err := s.receive(ctx, c)
	if err != nil {
		return err
	}
	defer place.end()
	files.Name(q["filename"])
	p, err := a.preview(ctx, files, o)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, p)
}
