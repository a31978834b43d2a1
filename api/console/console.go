// Package console has the pages of the staff.
//
//	/console/sign-in  ── login, password, code ──────────┐
//	/console/welcome  ── invitation, password, code ─────┼── session cookie ── /console/…
//	/console/oidc     ── identity provider ── callback ──┘
//
//	a page ── client.Client ── the API of this process, with the session of the person
//
// Pages are HTML without inline code; what is essential works without scripts. Every form is checked by http.CrossOriginProtection. No rule lives
// here: package auth has those of sign-in, and the API all others. The texts of the pages are in pages/en; another language is another folder.
package console

import (
	"bytes"
	"embed"
	"encoding/base64"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"interdict/api/auth"
	"interdict/lists/fault"
)

//go:embed pages/en/*.html
var pageFiles embed.FS

//go:embed assets
var assetFiles embed.FS

// Policy lets a page load what this server gives, and nothing else. QR codes are data: images.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

const (
	// maxSignIn is how many bytes a form may have before anyone has signed in.
	maxSignIn = 32 << 10
	// maxForm is how many bytes a form may have, without files.
	maxForm = 2 << 20
)

// Options are what the console works with.
type Options struct {
	Staff *auth.Staff
	// API answers the requests of pages.
	API http.Handler
	Log *slog.Logger
	// Status returns the HTTP status of an error.
	Status func(error) int
	// Client returns the network address of a client.
	Client func(*http.Request) string
	// Notices returns what everyone who signs in should know, such as that the second person is switched off.
	Notices func() []Notice
	// SignInFailed is called when somebody could not sign in.
	SignInFailed func()
	// Kinds are the kinds of records.
	Kinds []string
	// SafeCells marks, in place, the cells of a row that a spreadsheet would run as formulas.
	SafeCells func([]string) []string
	// MaxUpload is how many bytes an upload to a page may have.
	MaxUpload int64
	// HoldSpace takes disk space for uploads that wait; a negative number gives it back.
	HoldSpace func(bytes int64) error
	// Comparison is whether the drop-in endpoints are compared with the original services.
	Comparison bool
	// Events are the types of events that a webhook can ask for.
	Events []string
}

// Notice is something that stands on every page.
type Notice struct {
	Check string // the check of readiness that says the same
	Short string // one line on a telephone: at most 40 letters
	More  string
}

// Console serves the pages.
type Console struct {
	o     Options
	pages map[string]*template.Template
	mux   *http.ServeMux
	cross *http.CrossOriginProtection
	kept  *kept
}

// pages are the templates of pages by name.
var pages = sync.OnceValue(func() map[string]*template.Template {
	names, err := fs.Glob(pageFiles, "pages/en/*.html")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	all := map[string]*template.Template{}
	layout := template.Must(template.New("layout.html").Funcs(functions).ParseFS(pageFiles, "pages/en/layout.html", "pages/en/parts*.html"))
	for _, file := range names {
		if name := strings.TrimSuffix(path.Base(file), ".html"); name != "layout" && !strings.HasPrefix(name, "parts") {
			all[name] = template.Must(template.Must(layout.Clone()).ParseFS(pageFiles, file))
		}
	}
	return all
})

// New makes the console.
func New(o Options) *Console {
	c := &Console{o: o, pages: pages(), mux: http.NewServeMux(), cross: http.NewCrossOriginProtection(), kept: newKept(o.MaxUpload, o.HoldSpace)}
	c.mux.HandleFunc("GET /console/sign-in", c.signInForm)
	c.mux.HandleFunc("POST /console/sign-in", c.form(c.signIn))
	c.mux.HandleFunc("POST /console/sign-out", c.form(c.signOut))
	c.mux.HandleFunc("GET /console/welcome", c.welcome)
	c.mux.HandleFunc("POST /console/welcome", c.form(c.open))
	c.mux.HandleFunc("POST /console/enrol", c.form(c.enrol))
	c.mux.HandleFunc("GET /console/oidc", c.beginOIDC)
	c.mux.HandleFunc("GET "+auth.CallbackPath, c.finishOIDC)
	c.mux.HandleFunc("/console/", func(w http.ResponseWriter, r *http.Request) {
		if who, ok := c.signedIn(w, r); ok {
			(&page{c: c, w: w, r: r, who: who}).fail(fault.E(fault.NotFound, "This page does not exist."))
		}
	})
	c.staff("GET /console/account", func(p *page) error { return p.show("account", "Your account", nil) })
	c.addApprovals()
	c.addCases()
	c.addComparison()
	c.addDecisions()
	c.addKeys()
	c.addList()
	c.addListSettings()
	c.addLists()
	c.addLookup()
	c.addPeople()
	c.addSuppressions()
	c.addTimeliness()
	c.addToday()
	c.addUpload()
	c.addUrgent()
	c.addVersion()
	c.addWebhooks()
	assets, err := fs.Sub(assetFiles, "assets")
	if err != nil {
		panic(err) // the folder is embedded
	}
	files := http.StripPrefix("/console/assets/", http.FileServerFS(assets))
	c.mux.HandleFunc("GET /console/assets/{file}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "private, max-age=3600")
		files.ServeHTTP(w, r)
	})
	return c
}

// ServeHTTP serves a page.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", Policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // no-referrer would take the Origin from the forms, too
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if err := c.cross.Check(r); err != nil {
		c.fail(w, r, fault.E(fault.Forbidden, "The request came from another site."))
		return
	}
	c.mux.ServeHTTP(w, r)
}

// form reads the form of a person who may not have signed in.
func (c *Console) form(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := readForm(r, maxSignIn); err != nil {
			c.fail(w, r, err)
			return
		}
		h(w, r)
	}
}

// readForm reads a form of at most so many bytes. Forms with files are read by page.upload.
func readForm(r *http.Request, most int64) error {
	if r.Method != http.MethodPost || strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		return nil
	}
	r.Body = http.MaxBytesReader(nil, r.Body, most) // without a writer, for which it would close the connection under a client that still writes
	if err := r.ParseForm(); err != nil {
		return fault.E(fault.Invalid, "The form cannot be read.")
	}
	return nil
}

func (c *Console) render(w http.ResponseWriter, r *http.Request, status int, page string, v view) {
	v.OIDC = c.o.Staff.HasOIDC()
	var b bytes.Buffer
	if err := c.pages[page].Execute(&b, v); err != nil {
		c.o.Log.Error("a page could not be made", "page", page, "error", err)
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = b.WriteTo(w) // a reader that has gone needs no answer
	}
}

// status returns the status of an error, and what the page says about it.
func (c *Console) status(w http.ResponseWriter, err error) (status int, text string) {
	status = c.o.Status(err)
	switch status {
	case http.StatusInternalServerError:
		c.o.Log.Error("a page failed", "error", err)
		return status, "Something went wrong here. The log of the server has the details."
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", strconv.Itoa(5))
	}
	text = err.Error()
	return status, strings.ToUpper(text[:1]) + text[1:] + strings.Repeat(".", 1-strings.Count(text[len(text)-1:], "."))
}

func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, text := c.status(w, err)
	c.render(w, r, status, "message", view{Title: http.StatusText(status), Error: text})
}

// enter gives the browser its session and shows the next page.
func (c *Console) enter(w http.ResponseWriter, r *http.Request, token string) {
	c.endOld(r)
	c.o.Staff.SetSession(w, r, token)
	http.Redirect(w, r, "/console/?begun", http.StatusSeeOther)
}

// endOld ends the session that the browser had before a new one.
func (c *Console) endOld(r *http.Request) {
	if old := auth.SessionToken(r); old != "" {
		if err := c.o.Staff.SignOut(r.Context(), old, false, c.o.Client(r)); err != nil {
			c.o.Log.Warn("the session before a new sign-in was not ended", "error", err)
		}
	}
}

// signedIn returns who has signed in. Nobody has: it shows the way to sign in, and returns false.
func (c *Console) signedIn(w http.ResponseWriter, r *http.Request) (who *auth.Session, ok bool) {
	who, err := c.o.Staff.Session(r.Context(), auth.SessionToken(r))
	switch {
	case fault.Is(err, fault.Unauthorized) && r.Method == http.MethodGet && fromAnotherSite(r):
		// Browsers send the cookie only if this site itself asks for the page.
		c.render(w, r, http.StatusOK, "continue", view{Title: "Continue", Refresh: r.URL.RequestURI()})
	case fault.Is(err, fault.Unauthorized) && r.URL.RawQuery == "begun":
		c.render(w, r, http.StatusUnauthorized, "sign-in", view{Title: "Sign in", Error: "Your browser did not keep the sign-in: open the console over https, or on the server's own machine, and allow cookies."})
	case fault.Is(err, fault.Unauthorized) && r.Header.Get("HX-Request") != "":
		w.Header().Set("HX-Redirect", "/console/sign-in")
		w.WriteHeader(http.StatusUnauthorized)
	case fault.Is(err, fault.Unauthorized):
		http.Redirect(w, r, "/console/sign-in", http.StatusSeeOther)
	case err != nil:
		c.fail(w, r, err)
	default:
		return who, true
	}
	return nil, false
}

// fromAnotherSite reports whether a link on another site led here.
func fromAnotherSite(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site"
}

func (c *Console) signInForm(w http.ResponseWriter, r *http.Request) {
	c.render(w, r, http.StatusOK, "sign-in", view{Title: "Sign in"})
}

func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	login := r.PostForm.Get("login")
	token, err := c.o.Staff.SignIn(r.Context(), auth.Credentials{Login: login, Password: r.PostForm.Get("password"), Code: r.PostForm.Get("code"), Client: c.o.Client(r), Known: auth.KnownOf(r)})
	if err != nil {
		c.o.SignInFailed()
		status, text := c.status(w, err)
		c.render(w, r, status, "sign-in", view{Title: "Sign in", Error: text, Login: login})
		return
	}
	c.o.Staff.SetKnown(w, r, login)
	c.enter(w, r, token)
}

func (c *Console) signOut(w http.ResponseWriter, r *http.Request) {
	if err := c.o.Staff.SignOut(r.Context(), auth.SessionToken(r), r.PostForm.Get("everywhere") != "", c.o.Client(r)); err != nil {
		c.fail(w, r, err)
		return
	}
	auth.ClearSession(w, r)
	http.Redirect(w, r, "/console/sign-in", http.StatusSeeOther)
}

func (c *Console) welcome(w http.ResponseWriter, r *http.Request) {
	c.render(w, r, http.StatusOK, "welcome", view{Title: "Welcome"})
}

// open shows the form of an invitation, or follows a one-time link.
func (c *Console) open(w http.ResponseWriter, r *http.Request) {
	text := r.PostForm.Get("invitation")
	if auth.IsLink(text) {
		token, err := c.o.Staff.Follow(r.Context(), text, c.o.Client(r))
		if err != nil {
			status, message := c.status(w, err)
			c.render(w, r, status, "welcome", view{Title: "Welcome", Error: message})
			return
		}
		c.enter(w, r, token)
		return
	}
	c.showEnrolment(w, r, text, "", nil)
}

// showEnrolment shows the form of an invitation, with what was wrong with the last try.
func (c *Console) showEnrolment(w http.ResponseWriter, r *http.Request, text, secret string, failed error) {
	invitation, err := c.o.Staff.Open(r.Context(), text, secret, c.o.Client(r))
	var qr []byte
	if err == nil {
		qr, err = invitation.QR()
	}
	if err != nil {
		status, message := c.status(w, err)
		c.render(w, r, status, "welcome", view{Title: "Welcome", Error: message})
		return
	}
	v, status := view{Title: "Set up your account", Invitation: invitation, Text: text}, http.StatusOK
	if failed != nil {
		status, v.Error = c.status(w, failed)
	}
	v.QR = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(qr)) //nolint:gosec // G203: base64 of our own image
	c.render(w, r, status, "enrol", v)
}

func (c *Console) enrol(w http.ResponseWriter, r *http.Request) {
	text, secret := r.PostForm.Get("invitation"), r.PostForm.Get("secret")
	if r.PostForm.Get("password") != r.PostForm.Get("again") {
		c.showEnrolment(w, r, text, secret, fault.E(fault.Invalid, "password: the two are not the same"))
		return
	}
	token, codes, err := c.o.Staff.Enrol(r.Context(), auth.Enrolment{Invitation: text, Password: r.PostForm.Get("password"), Secret: secret, Code: r.PostForm.Get("code"), Client: c.o.Client(r)})
	switch {
	case err == nil:
		c.endOld(r)
		c.o.Staff.SetSession(w, r, token)
		c.render(w, r, http.StatusOK, "recovery", view{Title: "Recovery codes", Codes: codes})
	case codes != nil: // the account is set up, and the sign-in could not be recorded
		c.render(w, r, http.StatusOK, "recovery", view{Title: "Recovery codes", Codes: codes})
	case fault.Is(err, fault.Invalid):
		c.showEnrolment(w, r, text, secret, err)
	default:
		status, message := c.status(w, err)
		c.render(w, r, status, "welcome", view{Title: "Welcome", Error: message})
	}
}

func (c *Console) beginOIDC(w http.ResponseWriter, r *http.Request) {
	if !c.o.Staff.HasOIDC() {
		c.fail(w, r, fault.E(fault.NotFound, "No identity provider is configured."))
		return
	}
	target, attempt, err := c.o.Staff.BeginOIDC(r.Context())
	if err != nil {
		c.o.SignInFailed()
		status, text := c.status(w, err)
		c.render(w, r, status, "sign-in", view{Title: "Sign in", Error: text})
		return
	}
	auth.SetAttempt(w, r, attempt)
	http.Redirect(w, r, target, http.StatusSeeOther)
}

func (c *Console) finishOIDC(w http.ResponseWriter, r *http.Request) {
	if !c.o.Staff.HasOIDC() {
		c.fail(w, r, fault.E(fault.NotFound, "No identity provider is configured."))
		return
	}
	q := r.URL.Query()
	token, err := c.o.Staff.FinishOIDC(r.Context(), auth.Callback{Cookie: auth.AttemptOf(r), State: q.Get("state"), Code: q.Get("code"), Error: q.Get("error"), Client: c.o.Client(r)})
	auth.ClearAttempt(w, r)
	if err != nil {
		c.o.SignInFailed()
		status, text := c.status(w, err)
		c.render(w, r, status, "sign-in", view{Title: "Sign in", Error: text})
		return
	}
	c.endOld(r)
	c.o.Staff.SetSession(w, r, token)
	// A redirect would still count as coming from the provider's site, and browsers would not send the cookie.
	c.render(w, r, http.StatusOK, "continue", view{Title: "Signed in", Refresh: "/console/?begun"})
}
