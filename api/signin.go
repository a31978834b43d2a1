package api

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/console"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/screening/journal"
	"interdict/webhook"
)

// authenticate returns the caller of a request: the owner of its API key, or without a key the person of its session. Browsers send the cookie of a session
// by themselves, so that a change needs the proof that this site asked for it.
func (s *Server) authenticate(r *http.Request, path string) (*auth.Principal, error) {
	text := keyText(r, path)
	_, bearer := r.Header["Authorization"]
	_, key := r.Header["X-Api-Key"]
	token := auth.SessionToken(r)
	if text != "" || bearer || key || token == "" {
		return s.keys.Authenticate(r.Context(), text)
	}
	session, err := s.staff.Session(r.Context(), token)
	if err != nil {
		return nil, err
	}
	if err := s.crossOrigin.Check(r); err != nil {
		s.metrics.callerRefused(callerSite)
		return session.Principal, fault.E(fault.Forbidden, "the request came from another site")
	}
	return session.Principal, nil
}

// serveConsole adds the pages of the staff.
func (s *Server) serveConsole() {
	pages := console.New(console.Options{Staff: s.staff, API: s.engine, Log: s.log, Status: func(err error) int { return problemOf(err).Status },
		Client: func(r *http.Request) string { return s.clientAddr(r).String() }, Notices: s.notices, Comparison: len(s.shadow.originals) > 0,
		SignInFailed: func() { s.metrics.callerRefused(callerSignIn) },
		Kinds:        journal.Kinds(), SafeCells: loader.SafeCells, Events: webhook.Types,
		MaxUpload: s.uploads.mostBytes / 2, HoldSpace: s.uploads.hold}) // the same bytes are on disk twice while a version is staged
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		s.observed(method, pagesRoute, func(c *gin.Context) { pages.ServeHTTP(c.Writer, c.Request) })
	}
	toConsole := func(c *gin.Context) { c.Redirect(http.StatusSeeOther, "/console/") }
	s.engine.GET("/console", toConsole)
	s.engine.GET("/", func(c *gin.Context) {
		if strings.Contains(c.GetHeader("Accept"), "text/html") {
			toConsole(c)
		} else {
			s.fail(c, fault.E(fault.NotFound, "no such route"))
		}
	})
}

// notices are what everyone who signs in to the console should know.
func (s *Server) notices() (all []console.Notice) {
	if s.screener.Sandbox() {
		all = append(all, console.Notice{Check: "sandbox", Short: "The sandbox is on: no real transfers.", More: "Test addresses are listed and give errors."})
	}
	if s.alone != "" {
		return append(all, console.Notice{Check: "four_eyes", Short: "The second person is switched off.", More: "One person can weaken the screening alone."})
	}
	if s.keys.Setup() {
		all = append(all, console.Notice{Check: "setup", Short: "Setup: fewer than two people can approve.", More: "An administrator makes the first ones alone."})
	}
	return all
}
