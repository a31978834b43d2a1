package console

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
)

// An urgent addition takes two steps. The first shows the addresses of a text; the second stages those that were left checked, as an addition to a
// list. The text comes again with the second, so that nothing waits in between.
func (c *Console) addUrgent() {
	c.staff("GET /console/urgent", (*page).urgentForm)
	c.staff("POST /console/urgent", (*page).urgentAddition)
}

// maxNotice is how many bytes a text may have.
const maxNotice = 1 << 20

// urgentPage is what the page shows apart from what was typed.
type urgentPage struct {
	Lists       []client.List
	Preset      string // id of the list that is chosen first
	Categories  []lists.Category
	Confidences []lists.Confidence

	Preview *client.Preview
	Rows    []urgentRow
	Good    int  // rows that were read
	Fresh   bool // the text was not shown before: all rows are checked
}

// urgentRow is an address that was found.
type urgentRow struct {
	client.PreviewRow
	N int // its place in the preview
}

// Read reports whether the address can be listed.
func (r urgentRow) Read() bool { return r.Reason == "" && len(r.Readings) > 0 }

func (p *page) newUrgentPage() (*urgentPage, error) {
	if !p.may(auth.Analyst) {
		return nil, fault.E(fault.Forbidden, "Only a person with the role analyst can add to lists.")
	}
	all, err := p.api.Lists(p.r.Context())
	if err != nil {
		return nil, err
	}
	data := &urgentPage{Lists: all, Categories: lists.Categories, Confidences: lists.Confidences}
	if i := slices.IndexFunc(all, isOwn); i >= 0 {
		data.Preset = all[i].ID
	}
	return data, nil
}

// isOwn reports whether a list seems to be the one for additions by hand.
func isOwn(l client.List) bool {
	return l.Source == nil && (l.Category == "internal" || strings.Contains(l.ID, "deny") || strings.Contains(l.ID, "internal"))
}

func (p *page) urgentForm() error {
	data, err := p.newUrgentPage()
	if err != nil {
		return err
	}
	return p.show("urgent", "Urgent addition", data)
}

// urgentAddition takes both steps.
func (p *page) urgentAddition() error {
	data, err := p.newUrgentPage()
	if err != nil {
		return err
	}
	if p.r.PostForm == nil { // sent as a form with files, in which a large text is not twice as long
		if err := p.upload(noFile); err != nil {
			return err
		}
	}
	if err = p.find(data); err == nil && p.text("do") == "submit" {
		if data.Fresh {
			err = fault.E(fault.Invalid, "text: it was changed after it was read; look at the addresses again")
		} else if err = p.stageUrgent(data); err == nil {
			return nil
		}
	}
	if err != nil {
		return p.showWrong("urgent", "Urgent addition", data, err)
	}
	return p.show("urgent", "Urgent addition", data)
}

// find finds the addresses of the text.
func (p *page) find(data *urgentPage) error {
	text := p.text("text") // trimmed: browsers drop a line end at the beginning of the field
	switch {
	case text == "":
		return fault.E(fault.Invalid, "text: paste the text of the notice")
	case len(text) > maxNotice:
		return fault.E(fault.Invalid, "text: longer than 1 MiB: upload it as a file")
	}
	preview, err := p.api.Preview(p.r.Context(), []client.Upload{{Name: "notice.txt", Body: strings.NewReader(text)}}, client.PreviewOptions{Format: "notice"})
	if err != nil {
		return err
	}
	data.Preview, data.Fresh = preview, preview.SHA256 != p.text("read")
	for i, r := range preview.Rows {
		row := urgentRow{r, i}
		data.Rows = append(data.Rows, row)
		if row.Read() {
			data.Good++
		}
	}
	switch {
	case preview.Problem != "":
		return fault.E(fault.Invalid, "text: %s", preview.Problem)
	case len(data.Rows) == 0:
		return fault.E(fault.Invalid, "text: no address was found in it")
	case preview.Counts.Read > len(preview.Rows) || !preview.Complete:
		return fault.E(fault.Invalid, "text: it holds %d addresses, more than the %d that a page shows: save it as a file and upload that", preview.Counts.Read, len(preview.Rows))
	}
	return nil
}

// stageUrgent stages the rows that are checked.
func (p *page) stageUrgent(data *urgentPage) error {
	id := p.text("list")
	if !slices.ContainsFunc(data.Lists, func(l client.List) bool { return l.ID == id }) {
		return fault.E(fault.Invalid, "list: choose a list")
	}
	file, err := p.checkedRows(data)
	if err != nil {
		return err
	}
	note := "Addresses out of a notice"
	if url := p.text("url"); url != "" {
		note += ", " + url
	}
	note = strings.TrimSpace(note + "; its text has " + data.Preview.SHA256 + ". " + p.text("note"))
	v, err := p.api.Begin(p.r.Context(), id, []client.Upload{{Name: "urgent-addition.ndjson", Body: file}}, client.StageOptions{Format: "ndjson", Mode: lists.Add, Note: note})
	if err != nil {
		return err
	}
	return p.submitted(v)
}

// checkedRows returns the rows that are checked, in the format ndjson.
func (p *page) checkedRows(data *urgentPage) (*bytes.Buffer, error) {
	listing := lists.Listing{Attribution: lists.Attribution{Entity: lists.Entity{Name: p.text("entity")}, Category: lists.Category(p.text("category")),
		Confidence: lists.Confidence(p.text("confidence")), Incident: p.text("incident"), ListedOn: p.text("listed_on"), URL: p.text("url")}}
	file, n := &bytes.Buffer{}, 0
	for _, r := range data.Rows {
		if !r.Read() || !slices.Contains(p.form()["row"], strconv.Itoa(r.N)) {
			continue
		}
		l := listing
		l.Address, l.Network, l.Asset = r.Address, r.Network, r.Asset
		l.Note = fmt.Sprintf("%s: %s", r.Locator, r.Note)
		if l.Entity.Name == "" {
			l.Entity.Name = r.Entity
		}
		if err := l.WriteNDJSON(file); err != nil {
			return nil, fault.E(fault.Internal, "write the addition: %w", err)
		}
		n++
	}
	if n == 0 {
		return nil, fault.E(fault.Invalid, "row: check at least one address")
	}
	return file, nil
}
