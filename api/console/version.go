package console

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
)

func (c *Console) addVersion() {
	const path = "/console/lists/{id}/versions/{n}"
	c.staff("GET "+path, (*page).version)
	c.staff("POST "+path, (*page).decide)
	c.staff("GET "+path+"/state", (*page).versionState)
	c.staff("GET "+path+"/unread", (*page).unread)
	c.staff("GET "+path+"/unread.csv", (*page).unreadTable)
	c.staff("GET /console/lists/{id}/compare", (*page).compare)
}

// versionPage is what the page of a version shows.
type versionPage struct {
	List       *client.List
	V          *lists.Version
	Difference *differenceTable
	Unread     *client.QuarantinePage // the first rows
	Serving    *serving               // of the active version
	// Missing is how many people have to approve before it can go live.
	Missing int
	// Barred says why the person cannot approve: "role", "uploader", "source", "approved"; "" if nothing is known against it.
	Barred string
	Alone  bool // one person is enough: the second person is switched off
}

// Open reports whether a decision about the version can be made.
func (d *versionPage) Open() bool { return d.V.State == lists.Staged }

// Last reports whether one more approval makes the version ready.
func (d *versionPage) Last() bool { return d.Missing == 1 }

// Path returns the address of the page.
func (d *versionPage) Path() string { return versionPath(d.List.ID, d.V.Number) }

// Whole reports whether the uploaded file is the whole list.
func (d *versionPage) Whole() bool { return d.V.Mode == lists.Replace && !d.V.Delta }

// firstUnread is how many rows that were not read the page of a version shows.
const firstUnread = 10

func (p *page) versionNumber() (int, error) {
	n, err := strconv.Atoi(p.r.PathValue("n"))
	if err != nil || n < 1 {
		return 0, fault.E(fault.NotFound, "This version does not exist.")
	}
	return n, nil
}

// readVersion reads what the page shows, without the difference.
func (p *page) readVersion() (*versionPage, error) {
	ctx, id := p.r.Context(), p.r.PathValue("id")
	n, err := p.versionNumber()
	if err != nil {
		return nil, err
	}
	d := &versionPage{}
	if d.List, err = p.api.List(ctx, id); err != nil {
		return nil, err
	}
	if d.V, err = p.api.Version(ctx, id, n); err != nil {
		return nil, err
	}
	me, err := p.api.Me(ctx)
	if err != nil {
		return nil, err
	}
	d.Alone = me.FourEyes == "off"
	d.Missing = max(0, d.List.Approvals-approved(d.V))
	d.Barred = p.barred(d)
	if d.V.State == lists.Activated {
		d.Serving, err = p.serving(d.V)
	}
	return d, err
}

// approved returns how many people have approved the content of a version.
func approved(v *lists.Version) int {
	people := map[string]bool{}
	for _, a := range v.Approvals {
		if a.Digest == v.SHA256 {
			people[lists.FoldPerson(a.By)] = true
		}
	}
	return len(people)
}

// barred says why the person cannot approve. It is for showing: the API decides.
func (p *page) barred(d *versionPage) string {
	me := p.who.Actor.Person
	switch {
	case !p.who.May(lists.Approver):
		return "role"
	case slices.ContainsFunc(d.V.Approvals, func(a lists.Approval) bool { return lists.SamePerson(a.By, me) && a.Digest == d.V.SHA256 }):
		return "approved"
	case d.Alone:
		return ""
	case lists.SamePerson(d.V.UploadedBy, me):
		return "uploader"
	case d.V.SourceBy != "" && lists.SamePerson(d.V.SourceBy, me):
		return "source"
	}
	return ""
}

// fill reads the tables of the page.
func (p *page) fill(d *versionPage) (err error) {
	if d.V.State == lists.Loading || d.V.State == lists.Failed {
		return nil
	}
	against := d.V.Diff.Against
	if d.V.State == lists.Staged && d.List.ActiveVersion != 0 {
		against = d.List.ActiveVersion
	}
	if d.Difference, err = p.difference(d.List.ID, p.number("against", against), d.V.Number); err != nil {
		return err
	}
	if d.V.Rows.Quarantined > 0 {
		q := client.RowsQuery{Limit: firstUnread}
		if d.V.UnreadRows > 0 {
			q.Kind = "unread"
		}
		d.Unread, err = p.api.QuarantinePage(p.r.Context(), d.List.ID, d.V.Number, q)
		if fault.Is(err, fault.NotFound) {
			err = nil
		}
	}
	return err
}

// version shows one version.
func (p *page) version() error {
	d, err := p.readVersion()
	if err == nil {
		err = p.fill(d)
	}
	if err != nil {
		return err
	}
	return p.show("version", versionTitle(d.List, d.V.Number), d)
}

// versionState shows what changes by itself: how far the file is read, and how many servers serve the version.
func (p *page) versionState() error {
	d, err := p.readVersion()
	switch {
	case err != nil:
		return err
	case !p.wantsPart():
		http.Redirect(p.w, p.r, d.Path(), http.StatusSeeOther)
		return nil
	case d.V.State == lists.Loading:
		return p.part("version", "progress", d)
	case d.Serving == nil:
		p.w.Header().Set("HX-Refresh", "true") // the report is there now
		return nil
	}
	return p.part("version", "serving", d)
}

// serving says which servers answer from a version.
type serving struct {
	client.ReplicaCount
	// After is how long after the approval, or without one after the activation, all of them did; 0: not known.
	After    time.Duration
	Approval bool // After counts from an approval
	// Poll is true as long as this is about to change.
	Poll bool
}

// pollServing is how long after an activation the page asks again.
const pollServing = 2 * time.Minute

// serving returns how many servers answer from the version, which is active.
func (p *page) serving(v *lists.Version) (*serving, error) {
	ctx := p.r.Context()
	var last *lists.Activation
	times, err := p.api.Timeliness(ctx, client.TimelinessQuery{List: v.List})
	if err != nil {
		return nil, err
	}
	for i := range times.Activations {
		if a := &times.Activations[i]; a.Version == v.Number {
			last = a
		}
	}
	if last == nil { // the store has lost the generation
		return nil, nil
	}
	replicas, err := p.api.Replicas(ctx)
	if err != nil {
		return nil, err
	}
	out := &serving{ReplicaCount: client.ReplicaCount{Live: len(replicas.Replicas)}}
	for _, r := range replicas.Replicas {
		if r.Generation >= last.Generation && !r.Lost {
			out.Serving++
		}
	}
	from := last.ActivatedAt
	if !last.Again && len(v.Approvals) > 0 {
		from, out.Approval = v.Approvals[len(v.Approvals)-1].At, true
	}
	if last.ServedAt != nil {
		out.After = max(last.ServedAt.Sub(from), time.Millisecond)
	}
	out.Poll = (out.Serving < out.Live || last.ServedAt == nil) && time.Since(last.ActivatedAt) < pollServing
	return out, nil
}

// decide approves, sends back or activates a version.
func (p *page) decide() error {
	d, err := p.readVersion()
	if err != nil {
		return err
	}
	ctx, id, n := p.r.Context(), d.List.ID, d.V.Number
	name := "Version " + strconv.Itoa(n)
	wrong := func(err error) error {
		if now, readErr := p.readVersion(); readErr == nil {
			d = now // also what was done before the error
		}
		if fillErr := p.fill(d); fillErr != nil {
			return err
		}
		return p.showWrong("version", versionTitle(d.List, n), d, err)
	}
	do, reason := p.text("do"), p.text("reason")
	if goesLive := do == "activate" || do == "approve-activate"; goesLive && len(d.V.Guards) > 0 && p.text("override") == "" {
		return wrong(fault.E(fault.Invalid, "override: say why the version may go live although %s", guardWords(d.V.Guards)))
	}
	said := ""
	switch do {
	case "approve", "approve-activate":
		if _, err = p.api.Approve(ctx, id, n, reason); err != nil || do == "approve" {
			said = name + " is approved. It is not live yet."
			break
		}
		if said, err = p.activate(id, n); err != nil {
			return wrong(fault.E(fault.KindOf(err), "Your approval is recorded. Making the version live failed, and it is not live: %s", plain(err)))
		}
		said = name + " is approved and live. " + said
	case "activate":
		if said, err = p.activate(id, n); err == nil {
			said = name + " is live. " + said
		}
	case "reject":
		if reason == "" {
			return wrong(fault.E(fault.Invalid, "reason: say what has to change"))
		}
		_, err = p.api.Reject(ctx, id, n, reason)
		said = name + " is sent back. It cannot go live any more; the corrected file becomes a new version."
	default:
		err = fault.E(fault.Invalid, "The form cannot be read.")
	}
	if err = p.changed(err, d.Path(), said); err != nil {
		return wrong(err)
	}
	return nil
}

// activate makes the version active, and says which servers answer from it.
func (p *page) activate(id string, n int) (said string, err error) {
	done, err := p.api.Activate(p.r.Context(), id, n, p.text("override"))
	if err != nil {
		return "", err
	}
	return servedWords(done), nil
}

// unreadPage is what the page of rows that were not read shows.
type unreadPage struct {
	List *client.List
	V    *lists.Version
	*client.QuarantinePage
	Next string
}

// unread shows the rows of a version's file that were not read.
func (p *page) unread() error {
	ctx, id := p.r.Context(), p.r.PathValue("id")
	n, err := p.versionNumber()
	if err != nil {
		return err
	}
	d := unreadPage{}
	if d.List, err = p.api.List(ctx, id); err != nil {
		return err
	}
	if d.V, err = p.api.Version(ctx, id, n); err != nil {
		return err
	}
	if d.QuarantinePage, err = p.api.QuarantinePage(ctx, id, n, p.rowsQuery()); err != nil {
		return err
	}
	if d.Cursor != "" {
		d.Next = p.link("cursor", d.Cursor)
	}
	return p.show("unread", "Rows that were not read", d)
}

// unreadTable sends those rows as a table for spreadsheets.
func (p *page) unreadTable() error {
	id := p.r.PathValue("id")
	n, err := p.versionNumber()
	if err != nil {
		return err
	}
	return p.download(id+"-"+strconv.Itoa(n)+"-unread.csv", "text/csv; charset=utf-8", func(w io.Writer) error {
		return p.api.QuarantineCSV(p.r.Context(), id, n, w)
	})
}

// rowsPerPage is how many rows of a long table a page shows.
const rowsPerPage = 100

func (p *page) rowsQuery() client.RowsQuery {
	return client.RowsQuery{Kind: p.text("kind"), Text: p.text("q"), Cursor: p.text("cursor"), Limit: rowsPerPage}
}

// number returns a number of the query.
func (p *page) number(name string, otherwise int) int {
	if n, err := strconv.Atoi(p.r.URL.Query().Get(name)); err == nil && n >= 0 {
		return n
	}
	return otherwise
}

// differenceTable is the difference between two versions, one page of it.
type differenceTable struct {
	*client.DiffPage
	Versions []lists.Version // that can be compared, the newest first
	Action   string          // address of the page
	Select   string          // name of the field for the version before
	From, To int
	Kinds    []string // to choose from
	Kind     string   // chosen
	Text     string   // searched for
	Next     string
	Problem  string // why there is nothing to show
	Rows     []differenceRow
}

// Filtered reports whether only a part of the difference is asked for.
func (t *differenceTable) Filtered() bool { return t.Kind != "" || t.Text != "" }

// differenceRow is one row with what changed in words.
type differenceRow struct {
	client.DiffRow
	Fields []changedField
}

// difference reads a page of the difference. Versions whose content is no longer kept are no error of the page.
func (p *page) difference(list string, from, to int) (*differenceTable, error) {
	ctx := p.r.Context()
	all, err := p.api.Versions(ctx, list)
	if err != nil {
		return nil, err
	}
	slices.Reverse(all)
	t := &differenceTable{Action: p.r.URL.Path, Select: "against", From: from, To: to, Kinds: []string{"added", "removed", "changed"}, DiffPage: &client.DiffPage{}}
	t.Versions = slices.DeleteFunc(all, func(v lists.Version) bool { return v.State == lists.Loading || v.State == lists.Failed || v.Forgotten })
	q := p.rowsQuery()
	if p.r.Method != http.MethodGet { // a form that is shown again
		q = client.RowsQuery{Limit: rowsPerPage}
	}
	t.Kind, t.Text = q.Kind, q.Text
	d, err := p.api.DiffPage(ctx, list, from, to, q)
	switch {
	case fault.Is(err, fault.NotFound), fault.Is(err, fault.Conflict), fault.Is(err, fault.Invalid):
		_, t.Problem = p.c.status(p.w, plain(err))
		return t, nil
	case err != nil:
		return nil, err
	}
	t.DiffPage = d
	for i := range d.Rows {
		fields, err := changedFields(&d.Rows[i])
		if err != nil {
			return nil, err
		}
		t.Rows = append(t.Rows, differenceRow{d.Rows[i], fields})
	}
	if d.Cursor != "" {
		t.Next = p.link("cursor", d.Cursor)
	}
	return t, nil
}

// changedFields returns what differs between two listings of an address, apart from their places in the files.
func changedFields(r *client.DiffRow) (out []changedField, err error) {
	if r.Before == nil {
		return nil, nil
	}
	before, err := json.Marshal(r.Before)
	if err != nil {
		return nil, err
	}
	after, err := json.Marshal(&r.Listing)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(fieldsOf(before, after), func(f changedField) bool { return f.Name == "locator" || f.Name == "added_in" }), nil
}

// comparePage is what the page of a comparison shows.
type comparePage struct {
	List       *client.List
	Difference *differenceTable
}

// compare shows the difference between two versions.
func (p *page) compare() error {
	l, err := p.api.List(p.r.Context(), p.r.PathValue("id"))
	if err != nil {
		return err
	}
	to := p.number("to", l.LatestVersion)
	from := p.number("from", l.ActiveVersion)
	if !p.r.URL.Query().Has("from") && from == to {
		from = max(0, to-1)
	}
	if to == 0 {
		return fault.E(fault.NotFound, "The list has no version yet.")
	}
	d := comparePage{List: l}
	if d.Difference, err = p.difference(l.ID, from, to); err != nil {
		return err
	}
	d.Difference.Select = "from"
	return p.show("compare", "Compare versions", d)
}

// exportLink returns where a version is downloaded.
func exportLink(list string, n int, as string) string {
	return "/v1/lists/" + url.PathEscape(list) + "/versions/" + strconv.Itoa(n) + "/export?as=" + url.QueryEscape(as)
}
