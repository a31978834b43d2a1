package console

import (
	"bytes"
	"encoding/base64"
	"errors"
	"html/template"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists/fault"
)

// page is one request of a person who is signed in.
type page struct {
	c   *Console
	w   http.ResponseWriter
	r   *http.Request
	who *auth.Session
	// api does everything that a page reads or changes, with the rights of the person.
	api *client.Client
}

// staff registers a page for people who are signed in. An error that h returns becomes a page that shows it.
func (c *Console) staff(pattern string, h func(p *page) error) {
	c.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Refresh") == "timer" { // pages that refresh themselves must not keep a session open
			r = r.WithContext(auth.Unattended(r.Context()))
		}
		who, ok := c.signedIn(w, r)
		if !ok {
			return
		}
		p := &page{c: c, w: w, r: r, who: who, api: c.inside(r)}
		err := readForm(r, maxForm)
		if err == nil {
			err = h(p)
		}
		if err != nil {
			p.fail(err)
		}
	})
}

// view is what a page shows. Templates of pages use Data, and in forms Value and Wrong.
type view struct {
	Title   string
	Error   string
	Session *auth.Session
	OIDC    bool
	Refresh string // where the browser goes on
	Notices []Notice
	Login   string

	Invitation *auth.Invitation
	Text       string // of the invitation
	QR         template.URL
	Codes      []string // for recovery

	Path string     // of the request
	Said string     // what the last change did
	Menu []menuArea // pages that the person may open
	Form url.Values // what was typed
	// Wrongs has what is wrong with fields of the form, by their names.
	Wrongs map[string]string
	Data   any
}

// Value returns what was typed into a field.
func (v view) Value(name string) string { return v.Form.Get(name) }

// Typed reports whether a field has a value: for boxes, options and lists to choose from.
func (v view) Typed(name, value string) bool {
	for _, have := range v.Form[name] {
		if have == value {
			return true
		}
	}
	return false
}

// Wrong returns what is wrong with a field, for the place beside it; "" if nothing is.
func (v view) Wrong(name string) string { return v.Wrongs[name] }

// May reports whether the person has one of the roles.
func (v view) May(roles ...string) bool {
	if v.Session == nil {
		return false
	}
	for _, role := range roles {
		if v.Session.May(auth.Role(role)) {
			return true
		}
	}
	return len(roles) == 0
}

// may reports whether the person has one of the roles.
func (p *page) may(roles ...auth.Role) bool { return p.who.May(roles...) }

// form returns what was typed; on a GET the query.
func (p *page) form() url.Values {
	if p.r.Method == http.MethodGet {
		return p.r.URL.Query()
	}
	return p.r.PostForm
}

const (
	// uploadTime is how long the file of a form may take to arrive and to be read, uploadPause how long it may pause.
	uploadTime  = 30 * time.Minute
	uploadPause = time.Minute
)

// upload reads a form with files. It keeps the other fields and calls read with each file that was chosen.
func (p *page) upload(read func(name string, body io.Reader) error) error {
	control, until := http.NewResponseController(p.w), time.Now().Add(uploadTime)
	_ = control.SetWriteDeadline(until) // a writer that cannot set one has none
	defer func() { _ = control.SetReadDeadline(until) }()
	p.r.Body = arriving{p.r.Body, control, until}
	parts, err := p.r.MultipartReader()
	if err != nil {
		return fault.E(fault.Invalid, "The form cannot be read.")
	}
	p.r.PostForm = url.Values{}
	left := int64(maxForm)
	for {
		part, err := parts.NextPart()
		switch {
		case err == io.EOF: //nolint:errorlint // never wrapped
			return nil
		case err != nil:
			return fault.E(fault.Invalid, "The upload broke off, and nothing was kept.")
		}
		if name, isFile := fileName(part); isFile {
			p.r.PostForm.Add(part.FormName(), "")
			if name != "" {
				err = read(name, part)
			}
			if err != nil {
				return err
			}
			continue
		}
		b, err := io.ReadAll(io.LimitReader(part, left+1))
		if left -= int64(len(b)); err != nil || left < 0 {
			return fault.E(fault.Invalid, "The form cannot be read.")
		}
		p.r.PostForm.Add(part.FormName(), string(b))
	}
}

// noFile refuses the files of a form that asks for none.
func noFile(string, io.Reader) error { return fault.E(fault.Invalid, "The form cannot be read.") }

// fileName returns the whole name of an uploaded file: part.FileName cuts it at the last slash, which may be within a key in base64.
func fileName(part *multipart.Part) (name string, isFile bool) {
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil {
		return "", false
	}
	name, isFile = params["filename"]
	return name, isFile
}

// arriving is the body of an upload, which must not pause for too long.
type arriving struct {
	io.ReadCloser
	control *http.ResponseController
	until   time.Time // for the connection: an injected clock means nothing to it
}

func (a arriving) Read(b []byte) (int, error) {
	pause := time.Now().Add(uploadPause)
	if a.until.Before(pause) {
		pause = a.until
	}
	_ = a.control.SetReadDeadline(pause) // a connection that cannot set one has none
	return a.ReadCloser.Read(b)
}

// text returns a field of the form without the spaces around it.
func (p *page) text(name string) string { return strings.TrimSpace(p.form().Get(name)) }

// show shows a page.
func (p *page) show(name, title string, data any) error {
	p.render(http.StatusOK, name, view{Title: title, Data: data})
	return nil
}

// showWrong shows a form again after err: with what was typed, the error beside the field that it names, or above the form.
func (p *page) showWrong(name, title string, data any, err error) error {
	if fault.Is(err, fault.Unauthorized) {
		return err
	}
	status, text := p.c.status(p.w, plain(err))
	v := view{Title: title, Data: data}
	field, rest, named := strings.Cut(text, ": ")
	field, _, _ = strings.Cut(strings.ToLower(field), "[") // an error of one of several values has its number
	shown := strings.ReplaceAll(field, "_", " ")
	switch {
	case !named || !p.form().Has(field) || field == "cursor": // no field of a page
		v.Error = text
	case p.r.Method == http.MethodGet:
		v.Error = "See " + shown + " below."
	default:
		v.Error = "Nothing was changed: see " + shown + " below."
	}
	if named {
		v.Wrongs = map[string]string{field: rest}
	}
	p.render(status, name, v)
	return nil
}

// part shows one part of a page, a template defined in its file, for scripts that replace it.
func (p *page) part(name, part string, data any) error {
	var b bytes.Buffer
	if err := p.c.pages[name].ExecuteTemplate(&b, part, p.complete(view{Data: data})); err != nil {
		return fault.E(fault.Internal, "make part %s of page %s: %w", part, name, err)
	}
	p.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = b.WriteTo(p.w) // a reader that has gone needs no answer
	return nil
}

// wantsPart reports whether a script asks for a part of a page, and not for all of it.
func (p *page) wantsPart() bool { return p.r.Header.Get("HX-Request") == "true" }

// saidCookie carries what a change did to the page that is shown after it.
const saidCookie = "interdict_said"

// say makes the next page tell what was done.
func (p *page) say(said string) {
	http.SetCookie(p.w, &http.Cookie{Name: saidCookie, Value: base64.RawURLEncoding.EncodeToString([]byte(said)), Path: "/console/", MaxAge: 60, HttpOnly: true, //nolint:gosec // G124: no secret; over plain HTTP on loopback a secure cookie would be lost
		SameSite: http.SameSiteStrictMode, Secure: p.r.TLS != nil})
}

// done goes on to another page, which tells what was done.
func (p *page) done(to, said string) error {
	p.say(said)
	http.Redirect(p.w, p.r, to, http.StatusSeeOther)
	return nil
}

// changed ends a change: with a redirect when it was done, or waits for a second person; otherwise the error is returned.
func (p *page) changed(err error, to, said string) error {
	var waits *client.Proposed
	switch {
	case errors.As(err, &waits):
		return p.done(to, "This change needs a second person. It waits under Approvals as proposal "+waits.Proposal.ID+".")
	case err != nil:
		return err
	}
	return p.done(to, said)
}

// said returns what the last change did, once.
func (p *page) said() string {
	cookie, err := p.r.Cookie(saidCookie)
	if err != nil {
		return ""
	}
	http.SetCookie(p.w, &http.Cookie{Name: saidCookie, Path: "/console/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: p.r.TLS != nil}) //nolint:gosec // G124: as above
	b, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return ""
	}
	return string(b)
}

func (p *page) complete(v view) view {
	v.Session, v.Path, v.Notices, v.Menu = p.who, p.r.URL.Path, p.c.o.Notices(), p.c.menuOf(p.who)
	if v.Form == nil {
		v.Form = p.form()
	}
	return v
}

func (p *page) render(status int, name string, v view) {
	v = p.complete(v)
	v.Said = p.said()
	p.c.render(p.w, p.r, status, name, v)
}

// fail shows a page with an error. Whose session has ended signs in again.
func (p *page) fail(err error) {
	if fault.Is(err, fault.Unauthorized) {
		http.Redirect(p.w, p.r, "/console/sign-in", http.StatusSeeOther)
		return
	}
	status, text := p.c.status(p.w, plain(err))
	if p.wantsPart() {
		http.Error(p.w, text, status)
		return
	}
	p.render(status, "problem", view{Title: http.StatusText(status), Error: text})
}

// plain returns an error of the API without its code, which is for programs.
func plain(err error) error {
	var answered *client.Error
	if !errors.As(err, &answered) || answered.Code == "" {
		return err
	}
	text := strings.TrimPrefix(answered.Error(), answered.Code+": ")
	if text == answered.Code {
		text = answered.Title
	}
	return fault.E(answered.FaultKind(), "%s", text)
}

// link returns the address of the page with some values of its query replaced; an empty value removes one. Pairs are names and values.
func (p *page) link(pairs ...string) string {
	q := p.r.URL.Query()
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			q.Del(pairs[i])
		} else {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	u := url.URL{Path: p.r.URL.Path, RawQuery: q.Encode()}
	return u.String()
}

// missing returns the error about a field that lacks something.
func missing(field, what string) error { return fault.E(fault.Invalid, "%s: %s", field, what) }

// need returns an error if a field is empty.
func (p *page) need(field string) error {
	if p.text(field) == "" {
		return missing(field, "fill this in")
	}
	return nil
}

// lastDay returns the end of the day that a field has; nil if the field is empty.
func (p *page) lastDay(field string) (*time.Time, error) {
	text := p.text(field)
	if text == "" {
		return nil, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return nil, missing(field, "write a date such as 2027-01-31")
	}
	end := day.Add(24*time.Hour - time.Second)
	return &end, nil
}

// several returns the values of a field that has one on each line, or between commas or blanks.
func (p *page) several(field string) []string {
	return strings.FieldsFunc(p.form().Get(field), func(r rune) bool { return r == ',' || r == ';' || unicode.IsSpace(r) })
}

// once is a secret that is shown this one time: in the answer to the form, never in an address, a cookie or a redirect.
type once struct {
	What   string // key, invitation, secret
	Name   string // of what it belongs to
	Secret string
	Waits  string // id of the proposal that has to be approved first; "": it works now
}

// onceOf returns what a change gives out once, also when it waits for a second person; nil if err is another one.
func onceOf(what, name, secret string, err error) (*once, error) {
	var waits *client.Proposed
	switch {
	case errors.As(err, &waits):
		if secret = waits.Key + waits.Invitation; secret == "" {
			return nil, err
		}
		return &once{what, name, secret, waits.Proposal.ID}, nil
	case err != nil:
		return nil, err
	}
	return &once{what, name, secret, ""}, nil
}
