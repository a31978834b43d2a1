package api_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"interdict/api"
	"interdict/api/auth"
	"interdict/api/console"
	"interdict/lists"
)

// staffed opens a house whose sign-in a test can reach.
func staffed(t *testing.T) (*house, *auth.Staff) {
	t.Helper()
	var staff *auth.Staff
	h := open(t, func(o *api.Options) {
		staff = o.Keys.Staff()
		o.Staff = staff
	})
	return h, staff
}

// signIn returns the token of a session of a new account, and the account's id.
func (h *house) signIn(staff *auth.Staff, login string, roles ...lists.Role) (token, id string) {
	h.t.Helper()
	_, account, err := staff.Create(h.t.Context(), lists.Account{Login: login, Roles: roles}, auth.Change{By: lists.Person("test"), Warrant: lists.Warrant{Alone: lists.AloneOperator}})
	if err == nil {
		token, err = staff.Follow(h.t.Context(), staff.Link(account.ID), "")
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return token, account.ID
}

// with are headers with the cookie of a session, and others by name and value.
func with(token string, others ...string) http.Header {
	out := http.Header{"Cookie": {"interdict=" + token}}
	for i := 0; i < len(others); i += 2 {
		out.Set(others[i], others[i+1])
	}
	return out
}

func TestPeopleOverTheAPI(t *testing.T) {
	h, staff := staffed(t)
	made := h.by("root", "POST", "/v1/people", map[string]any{"login": "kim@example.org", "person": "Kim Lee", "roles": []string{"analyst"}, "lists": []string{"own-*"}, "reason": "new"}).want(201)
	id, invitation := made["id"].(string), made["invitation"].(string)
	same(t, "the account", map[string]any{"login": "kim@example.org", "person": "Kim Lee", "roles": []any{"analyst"}, "lists": []any{"own-*"}, "state": "invited", "created_by": "root"},
		without(made, "id", "invitation", "created_at", "invited_until"))
	if app, err := staff.Open(t.Context(), invitation, "", ""); err != nil || app.Person != "Kim Lee" {
		t.Errorf("the invitation: %+v %v", app, err)
	}
	a := h.by("root", "GET", "/v1/people", nil)
	same(t, "people", []any{without(made, "invitation")}, a.want(200)["people"].([]any))
	if bytes.Contains(a.body, []byte("invitation\"")) || bytes.Contains(a.body, []byte("totp")) {
		t.Errorf("secrets are shown: %s", a.body)
	}

	// Someone who can approve is a proposal; so is the reset of one.
	path := "/v1/people/" + id
	p := h.by("root", "POST", path+"/roles", map[string]any{"roles": []string{"analyst", "approver"}, "reason": "r"}).want(202)
	h.by("root", "POST", proposalPath(p)+"/approve", nil).refused(forbidden)
	h.by("cleo", "POST", proposalPath(p)+"/approve", nil).want(200)
	same(t, "roles", any([]any{"analyst", "approver"}), h.by("root", "GET", "/v1/people", nil).want(200)["people"].([]any)[0].(map[string]any)["roles"])
	a = h.by("root", "POST", path+"/reset", map[string]any{"reason": "lost"})
	p = a.want(202)
	same(t, "Location", proposalPath(p), a.header.Get("Location"))
	if shown := h.by("cleo", "GET", proposalPath(p), nil); bytes.Contains(shown.body, []byte("invitation")) {
		t.Errorf("a proposal shows more than it should: %s", shown.body)
	}
	h.by("cleo", "POST", proposalPath(p)+"/approve", nil).want(200)
	if _, err := staff.Open(t.Context(), invitation, "", ""); err == nil {
		t.Error("the invitation before the reset works")
	}
	if _, err := staff.Open(t.Context(), p["invitation"].(string), "", ""); err != nil {
		t.Error(err)
	}
	p = h.by("root", "POST", "/v1/people", map[string]any{"login": "mallory", "roles": []string{"admin"}}).want(202)
	if _, err := staff.Open(t.Context(), p["invitation"].(string), "", ""); err == nil {
		t.Error("an administrator is made by one person")
	}
	h.by("cleo", "POST", proposalPath(p)+"/reject", nil).want(200)

	same(t, "fewer roles", any([]any{"analyst"}), h.by("root", "POST", path+"/roles", map[string]any{"roles": []string{"analyst"}}).want(200)["roles"])
	h.by("root", "POST", path+"/reset", nil).want(200)
	same(t, "state", any("disabled"), h.by("root", "POST", path+"/disable", map[string]any{"reason": "left"}).want(200)["state"])
	h.by("root", "POST", path+"/disable", nil).refused(conflicting)
	h.by("root", "POST", path+"/roles", map[string]any{"roles": []string{"analyst"}}).refused(conflicting)
	h.by("root", "POST", "/v1/people", map[string]any{"login": "KIM@example.org", "roles": []string{"auditor"}}).want(201)
	h.by("root", "POST", "/v1/people", map[string]any{"login": "kim@example.org", "roles": []string{"auditor"}}).refused(conflicting)
	h.by("root", "POST", path+"/reset", nil).refused(conflicting) // another account has the login
	for _, target := range []string{"roles", "reset", "disable"} {
		var body any
		if target == "roles" {
			body = map[string]any{"roles": []string{"auditor"}}
		}
		for _, id := range []string{"aaaaaaaaaaaaaaaa", "..%2Fhead"} {
			h.by("root", "POST", "/v1/people/"+id+"/"+target, body).refused(problem{Status: 404, Code: "not_found"})
		}
	}
	for _, body := range []any{map[string]any{"login": "a b", "roles": []string{"auditor"}}, map[string]any{"login": "x"}, map[string]any{"roles": []string{"auditor"}}} {
		h.by("root", "POST", "/v1/people", body).refused(problem{Status: 400, Code: "invalid_request"})
	}
	same(t, "who calls", map[string]any{"person": "root", "credential": h.idOf("root"), "roles": []any{"admin"}, "setup": false, "four_eyes": "on"}, h.by("root", "GET", "/v1/me", nil).want(200))
	same(t, "four eyes off", any("off"), open(t, fourEyesOff).by("till", "GET", "/v1/me", nil).want(200)["four_eyes"])
}

func TestSessionWorksAsAKeyDoes(t *testing.T) {
	h, staff := staffed(t)
	token, id := h.signIn(staff, "kim", lists.Admin)
	same(t, "who calls", map[string]any{"person": "kim", "credential": "account:" + id, "roles": []any{"admin"}, "setup": false, "four_eyes": "on"},
		h.do(call{method: "GET", path: "/v1/me", header: with(token)}).want(200))
	made := h.do(call{method: "PUT", path: "/v1/lists/deny", header: with(token, "Sec-Fetch-Site", "same-origin"), body: map[string]any{}}).want(201)
	same(t, "by", any("kim"), made["updated_by"])

	// Another site's page: the browser would send the cookie if it were not strict.
	records := len(h.records())
	for _, header := range []http.Header{with(token, "Sec-Fetch-Site", "cross-site"), with(token, "Sec-Fetch-Site", "same-site"), with(token, "Origin", "https://evil.example.org"), with(token, "Origin", "null")} {
		h.do(call{method: "DELETE", path: "/v1/lists/deny", header: header}).refused(problem{Status: 403, Code: "forbidden", Detail: "the request came from another site"})
		h.do(call{method: "GET", path: "/v1/lists/deny", header: header}).want(200)
	}
	same(t, "records of denied attempts", 4, len(h.records())-records)
	same(t, "the last one", map[string]any{"action": "denied", "by": "kim", "credential": "account:" + id, "subject": "DELETE /v1/lists/:id"}, only(h.records()[records], "action", "by", "credential", "subject"))
	h.do(call{method: "PUT", path: "/v1/lists/deny", key: h.keyOf["root"], header: http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://dashboard.example.org"}}, body: map[string]any{}}).want(200)

	// A key that is sent counts, not the session.
	unauthorized := problem{Status: 401, Code: "unauthorized"}
	h.do(call{method: "GET", path: "/v1/me", header: with(token, "X-Api-Key", "ik_wrong")}).refused(unauthorized)
	h.do(call{method: "GET", path: "/v1/me", header: with(token, "X-Api-Key", "")}).refused(unauthorized)
	same(t, "by key", any("till"), h.do(call{method: "GET", path: "/v1/me", key: h.keyOf["till"], header: with(token)}).want(200)["person"])
	for _, wrong := range []string{"", "x", token[:42], token + "A", "used-" + token} {
		h.do(call{method: "GET", path: "/v1/me", header: with(wrong)}).refused(unauthorized)
	}
	h.do(call{method: "GET", path: "/v1/me", header: http.Header{"Cookie": {"__Host-interdict=" + token}}}).refused(unauthorized) // not the name over plain HTTP

	h.store.gone.Store(true)
	h.do(call{method: "GET", path: "/v1/me", header: with(token)}).refused(problem{Status: 503, Code: "store_unavailable"})
	h.store.gone.Store(false)
	if _, err := staff.SetRoles(t.Context(), auth.NewRoles{ID: id, Roles: []lists.Role{lists.Analyst}}, auth.Change{By: lists.Person("root")}); err != nil {
		t.Fatal(err)
	}
	h.do(call{method: "DELETE", path: "/v1/lists/deny", header: with(token)}).refused(forbidden)
	h.by("root", "POST", "/v1/people/"+id+"/disable", nil).want(200)
	h.do(call{method: "GET", path: "/v1/me", header: with(token)}).refused(unauthorized)
}

// page asks for a page, as a browser does. A form is posted if there is one.
func (h *house) page(path string, header http.Header, form url.Values) (*http.Response, string) {
	h.t.Helper()
	method, body := "GET", io.Reader(nil)
	if form != nil {
		method, body = "POST", strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, body)
	if err != nil {
		h.t.Fatal(err)
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("Accept", "text/html")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return res, string(text)
}

func TestPagesOfTheConsole(t *testing.T) {
	h, staff := staffed(t)
	token, id := h.signIn(staff, "kim", lists.Analyst)
	for _, x := range []struct {
		path   string
		header http.Header
		form   url.Values
		status int
		want   string // in the page, or where it leads
	}{
		{"/", nil, nil, 303, "/console/"},
		{"/console", nil, nil, 303, "/console/"},
		{"/console/", nil, nil, 303, "/console/sign-in"},
		{"/console/", with("wrong"), nil, 303, "/console/sign-in"},
		{"/console/account", with(token), nil, 200, "analyst"},
		{"/console/", http.Header{"Sec-Fetch-Site": {"cross-site"}}, nil, 200, `content="0;url=/console/"`},
		{"/console/?begun", nil, nil, 401, "did not keep the sign-in"},
		{"/console/sign-in", nil, nil, 200, "Login"},
		{"/console/sign-in", nil, url.Values{"login": {`"><script>`}}, 401, "&#34;&gt;&lt;script&gt;"},
		{"/console/sign-in", nil, url.Values{"login": {"kim"}, "password": {"x"}}, 401, "The login, the password or the code is wrong; a code works only once."},
		{"/console/sign-in", http.Header{"Sec-Fetch-Site": {"cross-site"}}, url.Values{}, 403, "The request came from another site."},
		{"/console/sign-in", nil, url.Values{"login": {strings.Repeat("x", 40<<10)}}, 400, "The form cannot be read."},
		{"/console/sign-out", http.Header{"Origin": {"https://evil.example.org"}}, url.Values{}, 403, "The request came from another site."},
		{"/console/welcome", nil, nil, 200, "Invitation"},
		{"/console/welcome", nil, url.Values{"invitation": {"iv_aaaaaaaaaaaaaaaa_x"}}, 401, "The invitation is wrong"},
		{"/console/welcome", nil, url.Values{"invitation": {"sl_x"}}, 401, "The link has been used"},
		{"/console/enrol", nil, url.Values{"invitation": {"x"}}, 401, "The invitation is wrong"},
		{"/console/oidc", nil, nil, 404, "No identity provider"},
		{"/console/oidc/callback?code=x&state=y", nil, nil, 404, "No identity provider"},
		{"/console/nosuch", with(token), nil, 404, "This page does not exist."},
		{"/console/assets/nosuch.js", nil, nil, 404, ""},
		{"/console/assets/console.css", nil, nil, 200, "body"},
		{"/console/assets/welcome.js", nil, nil, 200, "location.hash"},
	} {
		res, text := h.page(x.path, x.header, x.form)
		if x.status == 303 {
			text = res.Header.Get("Location")
		}
		if res.StatusCode != x.status || !strings.Contains(text, x.want) {
			t.Errorf("%s %v: %d instead of %d, without %q:\n%s", x.path, x.form, res.StatusCode, x.status, x.want, text)
		}
		if !strings.HasPrefix(x.path, "/console/") {
			continue
		}
		same(t, x.path+": policy", console.Policy, res.Header.Get("Content-Security-Policy"))
		if asset := strings.Contains(x.path, "assets"); !asset && res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", x.path, res.Header)
		}
		if !strings.Contains(x.path, "assets") && regexp.MustCompile(`<script>|<style|\son\w+=|\sstyle=`).MatchString(text) {
			t.Errorf("%s: inline code, which the policy forbids:\n%s", x.path, text)
		}
	}

	h.store.gone.Store(true)
	for _, form := range []url.Values{nil, {"login": {"kim"}}} {
		path := "/console/"
		if form != nil {
			path = "/console/sign-in"
		}
		if res, text := h.page(path, with(token), form); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
			t.Errorf("%s with the store away: %d %s", path, res.StatusCode, text)
		}
	}
	h.store.gone.Store(false)

	// A new sign-in ends the session that the browser had, and signing out ends the new one.
	res, _ := h.page("/console/welcome", with(token), url.Values{"invitation": {staff.Link(id)}})
	again := cookieOf(t, res)
	if again.Value == token || again.Value == "" || !again.HttpOnly || again.SameSite != http.SameSiteStrictMode || again.Path != "/" {
		t.Errorf("%+v", again)
	}
	h.do(call{method: "GET", path: "/v1/me", header: with(token)}).refused(problem{Status: 401, Code: "unauthorized"})
	h.do(call{method: "GET", path: "/v1/me", header: with(again.Value)}).want(200)
	res, _ = h.page("/console/sign-out", with(again.Value), url.Values{})
	if gone := cookieOf(t, res); gone.Value != "" || gone.MaxAge != -1 {
		t.Errorf("%+v", gone)
	}
	h.do(call{method: "GET", path: "/v1/me", header: with(again.Value)}).refused(problem{Status: 401, Code: "unauthorized"})
	if strings.Contains(h.log.String(), token) || strings.Contains(h.scrape(), token) {
		t.Error("the log or the metrics hold the token of a session")
	}
}

func cookieOf(t *testing.T, res *http.Response) *http.Cookie {
	t.Helper()
	if len(res.Cookies()) != 1 {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	return res.Cookies()[0]
}

// Under a real name the cookie is for HTTPS only, and bound to the host.
func TestCookieIsSecureExceptOnThisMachine(t *testing.T) {
	h, staff := staffed(t)
	_, id := h.signIn(staff, "kim", lists.Analyst)
	for host, want := range map[string]string{"interdict.example.org": "__Host-interdict", "10.0.0.1:8080": "__Host-interdict", "localhost.example.org": "__Host-interdict",
		"127.0.0.1:8080": "interdict", "localhost": "interdict", "[::1]:8080": "interdict"} {
		r := httptest.NewRequest("POST", "/console/welcome", strings.NewReader(url.Values{"invitation": {staff.Link(id)}}.Encode()))
		r.Host = host
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		h.server.Handler().ServeHTTP(w, r)
		c := cookieOf(t, w.Result())
		if c.Name != want || c.Secure != (want != "interdict") || c.Domain != "" {
			t.Errorf("%s: %+v", host, c)
		}
		r = httptest.NewRequest("GET", "/v1/me", nil)
		r.Host = host
		r.AddCookie(c)
		w = httptest.NewRecorder()
		h.server.Handler().ServeHTTP(w, r)
		same(t, host, 200, w.Code)
	}
}
