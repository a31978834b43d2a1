package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"interdict/api"
	"interdict/api/auth"
	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/loader/fetch"
)

func TestConsoleToday(t *testing.T) {
	h, staff := staffed(t)
	admin, checker := h.signInAs(staff, "kim", lists.Admin), h.signInAs(staff, "vi", lists.Checker)
	empty := h.shows(admin, "/console/", nil, 200, "Nothing is screened yet", `href="/console/people">Add the people`, `href="/console/upload"`, `href="/console/keys"`, "No check was reported.", "No server has reported yet.")
	h.lacks(empty, "<th>Freshness</th>")
	h.shows(admin, "/console/", nil, 200, `As of <time datetime="`+h.clock.now().UTC().Format(time.RFC3339)+`"`)
	h.lacks(h.shows(checker, "/console/", nil, 200, "Nothing is screened yet"), `href="/console/people"`, `href="/console/upload"`, `href="/console/keys"`, "Checks of the last 24 hours", "Open cases")

	h.publish("ofac-sdn", sdn, sdnRows)
	h.by("root", "PUT", "/v1/lists/ofac-sdn", map[string]any{"name": `<img src="x">`, "approvals": 1, "max_age": "36h"}).want(200)
	h.upload("ana", "ofac-sdn", sdnRows+row(evm(1), "E"), "")
	h.by("root", "POST", "/v1/lists/ofac-sdn/retire", map[string]any{"reason": "r"}).want(202)
	h.exception("ana", "ofac-sdn", lazarus).want(202)
	full := h.shows(checker, "/console/", nil, 200, "&lt;img src=&#34;x&#34;&gt;", `href="/console/approvals#versions">1</a></strong> version`, `>1</a></strong> suppression`, `>1</a></strong> other change`,
		`<span class="badge good">fresh</span>`, "uploaded by people", "newest 2")
	h.lacks(full, "Nothing is screened yet", "<img")

	// What a list that is too old, and a server that cannot record, look like.
	h.clock.advance(37 * time.Hour)
	admin = h.signInAs(staff, "lou", lists.Admin)
	h.shows(admin, "/console/", nil, 200, `<span class="badge bad">stale</span>`, "allowed 36h0m0s")

	// A part alone, for the script.
	header := with(admin, "HX-Request", "true", "X-Refresh", "timer")
	res, now := h.page("/console/?part=now", header, nil)
	if res.StatusCode != 200 || strings.Contains(now, "<html") || strings.Contains(now, "Checks of the last") || !strings.Contains(now, "Waits for a second person") {
		t.Errorf("%d %s", res.StatusCode, now)
	}
	res, part := h.page("/console/?part=traffic", header, nil)
	if res.StatusCode != 200 || strings.Contains(part, "Waits for") || !strings.Contains(part, "Checks of the last 24 hours") {
		t.Errorf("%d %s", res.StatusCode, part)
	}
}

func TestConsoleTodayTellsWhatFailed(t *testing.T) {
	var staff *auth.Staff
	h := open(t, func(o *api.Options) {
		staff = o.Keys.Staff()
		o.Staff = staff
		o.RecordProblems = func() []error { return []error{fault.E(fault.Unavailable, "the bucket <b>is away</b>")} }
		o.RecordRoom = func() string { return "1.5 GB free on its disk" }
	})
	h.publish("ofac-sdn", sdn, sdnRows)
	token := h.signInAs(staff, "kim", lists.Analyst)
	h.shows(token, "/console/", nil, 200, "record: the bucket &lt;b&gt;is away&lt;/b&gt;", "Record: 1.5 GB free on its disk.")
	h.lacks(h.shows(token, "/console/", nil, 200), "Nothing has failed.", "<b>is away")

	// An upload that cannot be read, and a source that does not answer.
	h.do(call{method: "POST", path: "/v1/lists/ofac-sdn/versions?format=ndjson", key: h.keyOf["ana"], body: strings.Repeat(row(strings.ToLower(p2pkh), "E"), 12), header: http.Header{"Content-Type": {"text/plain"}}}).
		refused(problem{Status: 400, Code: "invalid_request"})
	source := httptest.NewServer(http.NotFoundHandler())
	defer source.Close()
	h.by("root", "PUT", "/v1/lists/deny", map[string]any{"approvals": 0, "source": map[string]any{"url": source.URL + "/list.ndjson", "format": "ndjson", "every": "6h"}}).want(201)
	r := loader.NewRefresher(h.loader, loader.RefreshOptions{Owner: "test", By: "refresh", Fetch: fetch.Options{AllowInternal: true, AllowHTTP: true, Sleep: func(context.Context, time.Duration) error { return nil }}})
	if err := r.Refresh(t.Context(), []string{"deny"}, true, func(loader.Refreshed) {}); err != nil {
		t.Fatal(err)
	}
	h.shows(token, "/console/", nil, 200, "OFAC SDN, version 2</a>: the upload of ana could not be read", "could not be fetched:", "(1 attempt, the last")
	h.upload("ana", "ofac-sdn", sdnRows+row(evm(1), "E"), "")
	h.lacks(h.shows(token, "/console/", nil, 200), "could not be read")
}

func TestConsoleTodayCountsCases(t *testing.T) {
	var staff *auth.Staff
	x := withIndex(t, func(o *api.Options) {
		staff = o.Keys.Staff()
		o.Staff = staff
	})
	x.publish("ofac-sdn", sdn, sdnRows)
	x.hit(lazarus, "withdrawal")
	x.index()
	for _, role := range []lists.Role{lists.Analyst, lists.Approver} {
		x.shows(x.signInAs(staff, string(role), role), "/console/", nil, 200, "Open cases", `href="/console/cases?queue=exact">1</a>`, `href="/console/cases?queue=derived">0</a>`, "1 case is not assigned to anyone.")
	}

	// All are counted, however many there are.
	asked := slices.Repeat([]any{map[string]any{"address": lazarus, "direction": "deposit"}}, 600)
	for range 2 {
		x.by("till", "POST", "/v1/checks", map[string]any{"checks": asked}).want(200)
	}
	x.index()
	token := x.signInAs(staff, "ana", lists.Analyst)
	x.lacks(x.shows(token, "/console/", nil, 200, `href="/console/cases?queue=exact">1,201</a>`, ">1,201 cases are not assigned to anyone."), "At least")
	x.lacks(x.shows(token, "/console/cases", nil, 200, "All <strong>1,201</strong>", "Exact <strong>1,201</strong>", "Derived <strong>0</strong>"), "or more")
}

// A page that refreshes itself must not keep a session open that nobody uses.
func TestConsoleRefreshDoesNotKeepASessionOpen(t *testing.T) {
	h, staff := staffed(t)
	token := h.signInAs(staff, "kim", lists.Admin)
	for range 4 {
		h.clock.advance(9 * time.Minute)
		h.page("/console/?part=now", with(token, "HX-Request", "true", "X-Refresh", "timer"), nil)
	}
	res, _ := h.page("/console/?part=now", with(token, "HX-Request", "true", "X-Refresh", "timer"), nil)
	same(t, "status and way to sign in", []any{401, "/console/sign-in"}, []any{res.StatusCode, res.Header.Get("HX-Redirect")})

	token = h.signInAs(staff, "lee", lists.Admin)
	for range 4 {
		h.clock.advance(9 * time.Minute)
		h.shows(token, "/console/", nil, 200, "Today")
	}
}
