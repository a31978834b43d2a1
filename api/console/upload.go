package console

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
)

// An upload takes two steps. The first sends the file, which is kept on this server, and shows how it would be read; it can be repeated with another
// format or other columns. The second stages the file as a version, which changes nothing until others have approved it.
func (c *Console) addUpload() {
	c.staff("GET /console/upload", (*page).uploadForm)
	c.staff("POST /console/upload", (*page).uploadFile)
	c.staff("GET /console/upload/{list}/{version}", (*page).uploadProgress)
}

// newListOption is the choice of a list that does not exist yet; no list has this id.
const newListOption = "+new"

// maxDryRun is the largest file whose guards are shown before it is submitted: for them it is read once more.
const maxDryRun = 32 << 20

// uploadPage is what the page shows apart from what was typed.
type uploadPage struct {
	Lists       []client.List
	Categories  []lists.Category
	Confidences []lists.Confidence
	Modes       []lists.Mode

	Kept    *keptUpload
	Preview *client.Preview
	Columns []uploadColumn
	Mapped  bool // the columns were chosen by the person
	// DryRun is the version that would be staged; nil if the list is new, or the file too large to be read at once.
	DryRun *lists.Version
	Whole  bool         // the file replaces the list, which is what a preview compares
	Target *client.List // nil for a new list
	Means  *lists.Means
}

// uploadColumn is a column of the file, with its first cells.
type uploadColumn struct {
	client.PreviewColumn
	Usable bool // a mapping can name it
}

// Diff compares the file with the active version; nil if that is not known yet.
func (u uploadPage) Diff() *lists.DiffCounts {
	switch {
	case u.DryRun != nil && u.DryRun.Diff.Against > 0:
		return &u.DryRun.Diff
	case u.DryRun == nil && u.Whole && u.Preview != nil && u.Preview.Diff != nil && u.Preview.Diff.Against > 0:
		d := u.Preview.Diff
		return &lists.DiffCounts{Against: d.Against, Added: d.Added, Removed: d.Removed, Changed: d.Changed, Unchanged: d.Unchanged}
	}
	return nil
}

// Ready reports whether the file can be submitted as it is.
func (u uploadPage) Ready() bool { return u.Preview != nil && u.Preview.Problem == "" }

// Aside counts the rows that hold nothing like an address.
func (u uploadPage) Aside() int { return u.Preview.Counts.Quarantined - u.Preview.Counts.Unread }

// Unread are the first rows that hold something like an address and were not read.
func (u uploadPage) Unread() (out []client.PreviewRow) {
	for _, r := range u.Preview.Rows {
		if r.Unread {
			out = append(out, r)
		}
	}
	return out
}

// newUploadPage returns the page without a file.
func (p *page) newUploadPage() (*uploadPage, error) {
	if !p.may(auth.Analyst) {
		return nil, fault.E(fault.Forbidden, "Only a person with the role analyst can upload files.")
	}
	all, err := p.api.Lists(p.r.Context())
	if err != nil {
		return nil, err
	}
	return &uploadPage{Lists: all, Categories: lists.Categories, Confidences: lists.Confidences, Modes: []lists.Mode{lists.Replace, lists.Add, lists.Remove}}, nil
}

func (p *page) uploadForm() error {
	data, err := p.newUploadPage()
	if err != nil {
		return err
	}
	return p.show("upload", "Upload a file", data)
}

// uploadFile takes both steps.
func (p *page) uploadFile() error {
	data, err := p.newUploadPage()
	if err != nil {
		return err
	}
	again := func(err error) error { return p.showWrong("upload", "Upload a file", data, err) }
	received, err := p.receive()
	if p.r.PostForm != nil {
		p.r.PostForm.Set("file", "") // errors about the file stand beside its field
	}
	if err != nil {
		return again(err)
	}
	id := p.text("kept")
	if received != nil {
		id = received.ID
	}
	upload, release := p.c.kept.use(id, p.who.Account.ID)
	defer release()
	switch {
	case upload == nil && id != "":
		return again(fault.E(fault.Invalid, "file: %w", errNotKept))
	case upload == nil:
		return again(fault.E(fault.Invalid, "file: choose a file"))
	}
	data.Kept = upload
	target, wrong := p.uploadTarget(data)
	mapping, err := p.mapping()
	if received != nil { // the columns are those of another file
		mapping, err = nil, nil
	}
	if err == nil {
		err = p.preview(data, mapping)
	}
	switch wrong = cmp.Or(wrong, err); {
	case wrong != nil || !data.Ready(): // what cannot be read would become a failed version
	case p.text("do") == "submit" && received == nil:
		var v *lists.Version
		if v, wrong = p.submit(target, upload, mapping); wrong == nil {
			upload.end()
			return p.submitted(v)
		}
	case data.Target != nil && data.Preview.Complete && data.Preview.SizeBytes <= maxDryRun:
		data.DryRun, wrong = p.api.Stage(p.r.Context(), target.id, upload.uploads(), p.stageOptions(mapping, true))
	}
	if wrong != nil {
		return again(wrong)
	}
	return p.show("upload", "Upload a file", data)
}

// receive reads the form and keeps its files. It returns nil if none was chosen.
func (p *page) receive() (*keptUpload, error) {
	if p.r.PostForm != nil { // a form without a place for files
		return nil, nil
	}
	u := p.c.kept.begin(p.who.Account.ID)
	if err := p.upload(u.add); err != nil || len(u.Files) == 0 {
		u.end()
		return nil, err
	}
	p.c.kept.keep(u)
	if old, release := p.c.kept.use(p.text("kept"), p.who.Account.ID); old != nil {
		old.end()
		release()
	}
	return u, nil
}

// uploadTarget is where a file goes.
type uploadTarget struct {
	id  string
	new *client.ListSettings // of a list that does not exist yet
}

// uploadTarget returns where the file goes, and notes it on the page.
func (p *page) uploadTarget(data *uploadPage) (uploadTarget, error) {
	id := p.text("list")
	if id == newListOption {
		return p.newList(data)
	}
	for i := range data.Lists {
		if data.Lists[i].ID == id {
			data.Target, data.Means = &data.Lists[i], &data.Lists[i].Means
			return uploadTarget{id: id}, nil
		}
	}
	return uploadTarget{}, fault.E(fault.Invalid, "list: choose a list")
}

func (p *page) newList(data *uploadPage) (uploadTarget, error) {
	id, approvals := p.text("id"), 1
	if text := p.text("approvals"); text != "" {
		var err error
		if approvals, err = strconv.Atoi(text); err != nil {
			return uploadTarget{}, fault.E(fault.Invalid, "approvals: not a number")
		}
	}
	if slices.ContainsFunc(data.Lists, func(l client.List) bool { return l.ID == id }) {
		return uploadTarget{}, fault.E(fault.Invalid, "id: there is a list of that id already")
	}
	name, authority, category, confidence, mandatory := p.text("name"), p.text("authority"), lists.Category(p.text("category")), lists.Confidence(p.text("confidence")), p.text("mandatory") != ""
	l := lists.NewList(id, time.Time{})
	l.Name, l.Authority, l.Category, l.Approvals, l.Mandatory = name, authority, category, approvals, mandatory
	if confidence != "" {
		l.Confidence = confidence
	}
	if err := l.Validate(); err != nil {
		return uploadTarget{}, err
	}
	means := l.Means()
	data.Means = &means
	return uploadTarget{id: id, new: &client.ListSettings{Name: &name, Authority: &authority, Category: &category, Confidence: &l.Confidence, Approvals: &approvals, Mandatory: &mandatory}}, nil
}

// preview shows how the file would be read.
func (p *page) preview(data *uploadPage, mapping map[string]string) (err error) {
	o := client.PreviewOptions{Format: p.text("format"), Mapping: mapping}
	if data.Target != nil {
		o.List = data.Target.ID
	}
	data.Preview, err = p.api.Preview(p.r.Context(), data.Kept.uploads(), o)
	if err != nil {
		return err
	}
	if t := data.Preview.Table; t != nil {
		for _, c := range t.Columns {
			if slices.Contains(t.Missing, c.Field) { // several could be meant: the person chooses
				c.Field = ""
			}
			data.Columns = append(data.Columns, uploadColumn{c, c.Name != "" && !strings.ContainsAny(c.Name, ";|")})
		}
	}
	data.Mapped = mapping["address"] != ""
	data.Whole = p.text("mode") == "" || p.text("mode") == string(lists.Replace)
	return nil
}

func (p *page) stageOptions(mapping map[string]string, dryRun bool) client.StageOptions {
	return client.StageOptions{Format: p.text("format"), Mode: lists.Mode(p.text("mode")), Note: p.text("note"), Published: p.text("published"), Mapping: mapping, DryRun: dryRun}
}

// mapping returns the columns and rules that the person chose; nil if what was found is left as it is.
func (p *page) mapping() (map[string]string, error) {
	out, err := p.chosenColumns()
	if err != nil {
		return nil, err
	}
	for rule := range strings.SplitSeq(p.text("mapping"), ";") {
		if rule = strings.TrimSpace(rule); rule == "" {
			continue
		}
		key, value, ok := strings.Cut(rule, "=")
		if !ok {
			return nil, fault.E(fault.Invalid, "mapping: write rules as category:phishing=scam, with ; between them")
		}
		out[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	return out, nil
}

// chosenColumns returns the columns of fields; none if the person left those that were found, or chose another format.
func (p *page) chosenColumns() (map[string]string, error) {
	form, out := p.form(), map[string]string{}
	chosen := form.Get("mapped") != ""
	for i := 0; form.Has("name." + strconv.Itoa(i)); i++ {
		n := strconv.Itoa(i)
		field, name := form.Get("column."+n), form.Get("name."+n)
		chosen = chosen || field != form.Get("had."+n)
		switch {
		case field == "":
		case out[field] == "":
			out[field] = name
		case field == "address":
			out[field] += "|" + name
		default:
			return nil, fault.E(fault.Invalid, "columns: %q and %q are both chosen for the same thing: only addresses may be in several columns", out[field], name)
		}
	}
	if !chosen || form.Get("format") != form.Get("had_format") || form.Get("do") == "guess" {
		return map[string]string{}, nil
	}
	return out, nil
}

// submit stages the file.
func (p *page) submit(target uploadTarget, upload *keptUpload, mapping map[string]string) (*lists.Version, error) {
	ctx := p.r.Context()
	if target.new != nil {
		if _, err := p.api.SetList(ctx, target.id, *target.new); err != nil {
			return nil, err
		}
	}
	v, err := p.api.Begin(ctx, target.id, upload.uploads(), p.stageOptions(mapping, false))
	if err != nil && target.new != nil {
		err = errors.Join(err, p.api.DeleteList(ctx, target.id))
	}
	return v, err
}

// submitted goes on to the version.
func (p *page) submitted(v *lists.Version) error {
	switch to := versionPath(v.List, v.Number); {
	case v.State == lists.Loading:
		return p.done("/console/upload/"+url.PathEscape(v.List)+"/"+strconv.Itoa(v.Number), "The file has arrived.")
	case slices.ContainsFunc(v.Warnings, func(f lists.Finding) bool { return f.Code == "same_bytes" }):
		return p.done(to, "These very bytes are live already, as this version. Nothing was staged.")
	default:
		return p.done(to, staged(v))
	}
}

func staged(v *lists.Version) string {
	return "Version " + strconv.Itoa(v.Number) + " of " + v.List + " is staged. It changes nothing until it has been approved and put live."
}

// uploadProgress shows how far the reading of a large file is, and goes on to the version when it has been read.
func (p *page) uploadProgress() error {
	n, err := strconv.Atoi(p.r.PathValue("version"))
	if err != nil || n < 1 {
		return fault.E(fault.NotFound, "This version does not exist.")
	}
	v, err := p.api.Version(p.r.Context(), p.r.PathValue("list"), n)
	if err != nil {
		return err
	}
	data := struct {
		Version *lists.Version
		Part    string
	}{v, p.r.URL.Path}
	switch to := versionPath(v.List, n); {
	case v.State != lists.Loading && v.State != lists.Failed && p.wantsPart():
		p.say(staged(v))
		p.w.Header().Set("HX-Redirect", to)
		return nil
	case v.State != lists.Loading && v.State != lists.Failed:
		return p.done(to, staged(v))
	case p.wantsPart():
		return p.part("progress", "progress", data)
	default:
		return p.show("progress", "Reading a file", data)
	}
}
