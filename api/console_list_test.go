package api_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"interdict/lists"
)

// sees asks for a page that must be there, and makes sure that it holds some texts and no code.
func (h *house) sees(token, path string, want ...string) string {
	h.t.Helper()
	res, text := h.page(path, with(token), nil)
	return h.holds(path, res.StatusCode, 200, text, want...)
}

// posts sends a form to a page, and returns where it leads or what it shows.
func (h *house) posts(token, path string, status int, form url.Values, want ...string) string {
	h.t.Helper()
	res, text := h.page(path, with(token, "Sec-Fetch-Site", "same-origin"), form)
	if status == 303 {
		text = res.Header.Get("Location") + text
	}
	return h.holds("POST "+path, res.StatusCode, status, text, want...)
}

func (h *house) holds(what string, status, wantStatus int, text string, want ...string) string {
	h.t.Helper()
	if status != wantStatus {
		h.t.Errorf("%s: %d instead of %d:\n%s", what, status, wantStatus, text)
	}
	for _, w := range want {
		if !strings.Contains(text, w) {
			h.t.Errorf("%s: without %q:\n%s", what, w, text)
		}
	}
	if found := inline.FindString(text); found != "" {
		h.t.Errorf("%s: inline code %q:\n%s", what, found, text)
	}
	return text
}

func lacks(t testing.TB, text string, not ...string) {
	t.Helper()
	for _, w := range not {
		if strings.Contains(text, w) {
			t.Errorf("the page has %q:\n%s", w, text)
		}
	}
}

// broken is an address of Bitcoin with a wrong checksum.
const broken = "12BQWd3hKLrnjEMFGDmH4Znc4mfYHMCBcb"

const hostile = `<script>alert("x")</script>`

var twoPeople = map[string]any{"name": hostile, "authority": "US Treasury, OFAC", "category": "sanctions", "approvals": 1, "max_shrink": 0.2}

func TestPageOfAList(t *testing.T) {
	h, staff := staffed(t)
	h.by("root", "PUT", "/v1/lists/mine", twoPeople).want(201)
	kim, _ := h.signIn(staff, "kim", lists.Analyst)
	cleo, _ := h.signIn(staff, "zoe", lists.Approver)
	boss, _ := h.signIn(staff, "boss", lists.Admin)
	text := h.sees(kim, "/console/lists/mine", "&lt;script&gt;alert", "it has no version yet", "one other person has to approve", "Approvers roll back and retire", "/console/upload?list=mine")
	lacks(t, text, "Delete the list", "Retire the list")
	h.sees(boss, "/console/lists/mine", "Delete the list")

	h.upload("ana", "mine", evmRows(0, 10), "&note="+url.QueryEscape(hostile))
	h.sees(kim, "/console/lists/mine", `href="/console/lists/mine/versions/1"`, "waits for a decision", "ana", "mine.ndjson")
	h.by("ben", "POST", "/v1/lists/mine/versions/1/approve", nil).want(200)
	h.by("ben", "POST", "/v1/lists/mine/versions/1/activate", nil).want(200)
	text = h.sees(cleo, "/console/lists/mine", "10, in 10 listings", "Retire the list", "The file as published is for analysts and auditors.")
	lacks(t, text, "Roll back to version", "as=published")
	h.sees(kim, "/console/lists/mine", "/v1/lists/mine/versions/1/export?as=published")

	// A rollback is a proposal, and nothing changes before a second person agrees.
	h.upload("ana", "mine", evmRows(0, 12), "")
	h.by("ben", "POST", "/v1/lists/mine/versions/2/approve", nil).want(200)
	h.by("ben", "POST", "/v1/lists/mine/versions/2/activate", nil).want(200)
	h.sees(cleo, "/console/lists/mine", "Roll back to version 1", "instead of version 2 with 12")
	h.posts(cleo, "/console/lists/mine", 303, url.Values{"do": {"rollback"}, "reason": {"wrong file"}}, "/console/lists/mine")
	same(t, "still active", any(2.0), h.by("ana", "GET", "/v1/lists/mine", nil).want(200)["active_version"])
	proposals := h.by("ana", "GET", "/v1/proposals?state=open", nil).want(200)["proposals"].([]any)
	same(t, "the proposal", map[string]any{"kind": "rollback", "list": "mine", "version": 1.0, "reason": "wrong file", "by": "zoe"}, only(proposals[0], "kind", "list", "version", "reason", "by"))

	// Without a reason nothing is retired, and what was typed stays.
	h.posts(cleo, "/console/lists/mine", 400, url.Values{"do": {"retire"}, "reason": {" "}}, `id="reason-retire-wrong"`, "say why the list leaves the answers")
	h.posts(kim, "/console/lists/mine", 403, url.Values{"do": {"retire"}, "reason": {hostile}}, "This needs one of the roles [approver].")
	h.posts(boss, "/console/lists/mine", 409, url.Values{"do": {"delete"}}, "has been active")
	h.posts(boss, "/console/lists/mine", 400, url.Values{"do": {"x"}}, "The form cannot be read.")
	// Of versions that wait there is one notice.
	h.by("root", "PUT", "/v1/lists/queue", twoPeople).want(201)
	h.upload("ana", "queue", evmRows(0, 10), "")
	h.upload("ana", "queue", evmRows(0, 11), "")
	text = h.sees(kim, "/console/lists/queue", "Version 2</a>, uploaded", `1 older version waits as well: <a href="/console/lists/queue/versions/1">1</a>.`)
	if n := strings.Count(text, `class="notice"`); n != 1 {
		t.Errorf("%d notices of versions that wait", n)
	}
	h.by("root", "PUT", "/v1/lists/other", nil).want(201)
	h.posts(boss, "/console/lists/other", 303, url.Values{"do": {"delete"}}, "/console/lists")
	h.by("root", "GET", "/v1/lists/other", nil).want(404)
	if res, _ := h.page("/console/lists/other", with(kim), nil); res.StatusCode != 404 {
		t.Error(res.StatusCode)
	}
}

func TestPageOfAVersion(t *testing.T) {
	h, staff := staffed(t)
	h.follow("one")
	h.by("root", "PUT", "/v1/lists/mine", twoPeople).want(201)
	ana, _ := h.signIn(staff, "ana", lists.Analyst, lists.Approver)
	zoe, _ := h.signIn(staff, "zoe", lists.Approver)
	kim, _ := h.signIn(staff, "kim", lists.Analyst)
	upload := func(rows string) { h.upload("ana", "mine", rows, "&note="+url.QueryEscape(hostile)) }
	upload(evmRows(0, 10) + row(broken, hostile) + row(hostile, "E"))
	path := "/console/lists/mine/versions/1"
	text := h.sees(ana, path, "12 rows", "10 were taken", "2 could not be read", "deposit", "freeze", "You uploaded this version: another person has to approve it.",
		"&lt;script&gt;alert", "0 of 1 approval", "One person still has to approve.")
	lacks(t, text, "Approve and activate", "Send back")
	h.sees(kim, path, "Approvers decide; your account is no approver.")
	h.posts(kim, path, 403, url.Values{"do": {"approve"}}, "This needs one of the roles [approver].")
	h.posts(ana, path, 403, url.Values{"do": {"approve"}}, "someone else must approve it")

	guards := h.by("ana", "GET", "/v1/lists/mine/versions/1", nil).want(200)["guards"].([]any)
	if len(guards) != 1 {
		t.Fatal(guards)
	}
	h.sees(zoe, path, "Why it is held back", "unread addresses", "Look at each of these rows below.", "Approve and activate", `id="override-approve-activate"`, "unread_addresses")
	h.posts(zoe, path, 400, url.Values{"do": {"approve-activate"}, "reason": {"all fine"}, "override": {" "}}, `id="override-approve-activate-wrong"`, "say why the version may go live", "all fine</textarea>")
	same(t, "not approved by the half of a form", any([]any{}), h.by("ana", "GET", "/v1/lists/mine/versions/1", nil).want(200)["approvals"])
	h.posts(zoe, path, 400, url.Values{"do": {"reject"}, "reason": {""}}, `id="reason-reject-wrong"`)

	// The rows that were not read.
	h.sees(kim, path+"/unread", "2 of 12 rows", broken)
	lacks(t, h.sees(kim, path+"/unread?q="+broken, broken, "Rows that match: 1."), "alert(&#34;x&#34;)</code>")
	lacks(t, h.sees(kim, path+"/unread?kind=unread", broken, "Rows that match: 1."), "line 12")
	h.by("ana", "GET", "/v1/lists/mine/versions/1/quarantine?kind=added", nil).refused(problem{Status: 400, Code: "invalid_request"})
	res, table := h.page(path+"/unread.csv", with(kim), nil)
	same(t, "the table", []any{200, "text/csv; charset=utf-8", 3}, []any{res.StatusCode, res.Header.Get("Content-Type"), strings.Count(strings.TrimSpace(table), "\n") + 1})

	// Both steps, and what they did.
	h.posts(zoe, path, 303, url.Values{"do": {"approve-activate"}, "reason": {"compared"}, "override": {"the two rows are tests"}}, path)
	v := h.by("ana", "GET", "/v1/lists/mine/versions/1", nil).want(200)
	same(t, "state", any("active"), v["state"])
	same(t, "the override", map[string]any{"by": "zoe", "reason": "the two rows are tests"}, only(v["override"], "by", "reason"))
	waitFor(t, "the page says who serves it", func() bool {
		_, text := h.page(path, with(kim), nil)
		return strings.Contains(text, "Live on 1 of 1 server") && strings.Contains(text, "after the approval")
	})
	if res, _ := h.page(path+"/state", with(kim, "HX-Request", "true"), nil); res.StatusCode != 200 {
		t.Error(res.StatusCode)
	}
	if res, _ := h.page(path+"/state", with(kim), nil); res.StatusCode != 303 || res.Header.Get("Location") != path {
		t.Error(res.StatusCode, res.Header)
	}

	// The difference: search, kind, pages.
	upload(evmRows(5, 10) + row(evm(3), "Somebody Else") + evmRows(100, 300))
	path = "/console/lists/mine/versions/2"
	h.sees(zoe, path, "Against version 1: 200 added, 6 removed, 1 changed, 5 unchanged.", "Next page", "shrink")
	h.sees(zoe, path+"?kind=removed", evm(0), "Rows that match: 6.")
	text = h.sees(zoe, path+"?q=somebody", evm(3), "Somebody Else", `<span class="old">E</span>`, "Rows that match: 1.")
	lacks(t, text, evm(100))
	h.sees(zoe, path+"?q=%3Cscript%3Ex", "Nothing matches what you search for.", "&lt;script&gt;x")
	seen, next := map[string]bool{}, path+"?kind=added"
	for next != "" && len(seen) < 300 {
		text := h.sees(zoe, next)
		for i := 100; i < 300; i++ {
			if strings.Contains(text, ">"+evm(i)+"<") {
				seen[evm(i)] = true
			}
		}
		m := regexp.MustCompile(`href="([^"]+)">Next page`).FindStringSubmatch(text)
		next = ""
		if m != nil {
			next = strings.ReplaceAll(m[1], "&amp;", "&")
		}
	}
	same(t, "added rows on all pages", 200, len(seen))
	h.sees(zoe, "/console/lists/mine/compare?from=0&to=1", "The whole version: 12 listings.")
	h.sees(zoe, "/console/lists/mine/compare", "Against version 1: 200 added")

	// Sent back with a reason.
	h.posts(zoe, path, 303, url.Values{"do": {"reject"}, "reason": {"half is missing"}}, path)
	h.sees(kim, path, "rejected")
	for _, wrong := range []string{"/console/lists/mine/versions/9", "/console/lists/mine/versions/x", "/console/lists/mine/versions/0/unread", "/console/lists/nosuch/compare"} {
		if res, text := h.page(wrong, with(kim), nil); res.StatusCode != 404 {
			t.Errorf("%s: %d %s", wrong, res.StatusCode, text)
		}
	}
}

// If only the first of two steps works, the page says so.
func TestApprovedButNotActivated(t *testing.T) {
	h, staff := staffed(t)
	h.by("root", "PUT", "/v1/lists/mine", twoPeople).want(201)
	zoe, _ := h.signIn(staff, "zoe", lists.Approver)
	h.upload("ana", "mine", evmRows(0, 10), "")
	h.by("ben", "POST", "/v1/lists/mine/versions/1/approve", nil).want(200)
	h.by("ben", "POST", "/v1/lists/mine/versions/1/activate", nil).want(200)
	added := h.upload("ana", "mine", evmRows(20, 21), "&mode=add")
	h.upload("ana", "mine", evmRows(0, 11), "")
	h.by("ben", "POST", "/v1/lists/mine/versions/3/approve", nil).want(200)
	h.by("ben", "POST", "/v1/lists/mine/versions/3/activate", nil).want(200)
	path := fmt.Sprintf("/console/lists/mine/versions/%v", added["version"])
	h.posts(zoe, path, 409, url.Values{"do": {"approve-activate"}}, "Your approval is recorded. Making the version live failed, and it is not live:", "stage it again", "1 of 1 approval")
}

func TestSettingsOfAListOnTheConsole(t *testing.T) {
	h, staff := staffed(t)
	h.by("root", "PUT", "/v1/lists/mine", map[string]any{"name": "Mine", "approvals": 1, "max_age": "36h", "category": "sanctions",
		"policy": []any{map[string]any{"class": "raw", "action": "freeze"}}}).want(201)
	boss, _ := h.signIn(staff, "boss", lists.Admin)
	kim, _ := h.signIn(staff, "kim", lists.Analyst)
	const path = "/console/lists/mine/settings"
	h.sees(kim, path, "Administrators change settings", "disabled")
	text := h.sees(boss, path, `value="36h"`, `value="20"`, "See what this does")
	hidden := func(text, name string) string {
		m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("no %s:\n%s", name, text)
		}
		return strings.NewReplacer("&#34;", `"`, "&amp;", "&", "&lt;", "<", "&gt;", ">", "&#39;", "'").Replace(m[1])
	}
	form := func(changes ...string) url.Values {
		f := url.Values{"tag": {hidden(text, "tag")}, "base": {hidden(text, "base")}, "name": {"Mine"}, "authority": {""}, "category": {"sanctions"}, "confidence": {"confirmed"},
			"max_age": {"36h"}, "on_stale": {"warn"}, "approvals": {"1"}, "max_shrink": {"20"}, "max_growth": {"10"}, "max_quarantined": {"75"}, "mandatory": {"no"}, "keep": {"10"},
			"source.url": {""}, "source.format": {""}, "source.every": {""}, "source.sha256": {""}, "source.sha256_url": {""},
			"rule.category": {"", ""}, "rule.confidence": {"", ""}, "rule.class": {"raw", ""}, "rule.direction": {"", ""}, "rule.action": {"freeze", ""}}
		for i := 0; i < len(changes); i += 2 {
			f.Set(changes[i], changes[i+1])
		}
		return f
	}
	h.posts(boss, path, 400, form(), "Nothing is different")
	h.posts(boss, path, 400, form("max_age", "a day", "name", hostile), `id="max_age-wrong"`, `value="a day"`, "&lt;script&gt;")
	h.posts(boss, path, 400, form("max_shrink", "200"), `id="max_shrink-wrong"`)
	h.posts(kim, path, 403, form("name", "x", "do", "save"), "This needs one of the roles [admin].")

	// First what it does, then the change.
	confirm := h.posts(boss, path, 200, form("name", hostile, "on_stale", "stop", "max_shrink", "10"), "What you are about to change", "transfers are held", "more than 10 %", "It takes effect at once", "&lt;script&gt;")
	lacks(t, confirm, "This needs a second person", "Approvals</td>")
	same(t, "nothing is saved yet", any("Mine"), h.by("ana", "GET", "/v1/lists/mine", nil).want(200)["name"])
	h.posts(boss, path, 200, form("name", "Kept", "do", "edit"), `value="Kept"`)
	h.posts(boss, path, 303, form("name", "Ours", "on_stale", "stop", "max_shrink", "10", "do", "save", "reason", "stricter"), path)
	same(t, "saved", map[string]any{"name": "Ours", "on_stale": "stop", "max_shrink": 0.1, "approvals": 1.0, "max_age": "36h0m0s", "policy": []any{map[string]any{"class": "raw", "action": "freeze"}}},
		only(h.by("ana", "GET", "/v1/lists/mine", nil).want(200), "name", "on_stale", "max_shrink", "approvals", "max_age", "policy"))

	// The form is of settings that are no longer there: what was typed is kept, and what somebody else saved is not overwritten.
	stale := h.posts(boss, path, 409, form("authority", "Us", "do", "save"), "What changed meanwhile", "boss saved this", `value="Us"`, `value="Ours"`, "Nothing was saved")
	same(t, "not saved", any(""), h.by("ana", "GET", "/v1/lists/mine", nil).want(200)["authority"])
	text = stale
	merged := form("name", "Ours", "on_stale", "stop", "max_shrink", "10", "authority", "Us")
	h.posts(boss, path, 200, merged, "What you are about to change", "Answers name this publisher.")
	merged.Set("do", "save")
	h.posts(boss, path, 303, merged, path)

	// What weakens screening waits for a second person.
	text = h.sees(boss, path, `value="Us"`)
	weaker := form("name", "Ours", "on_stale", "stop", "max_shrink", "10", "authority", "Us", "approvals", "0", "max_age", "")
	h.posts(boss, path, 200, weaker, "This needs a second person.", "Propose it", "without anybody else", "never counts as stale")
	weaker.Set("do", "save")
	weaker.Set("reason", "quicker")
	h.posts(boss, path, 303, weaker, path)
	same(t, "not yet", any(1.0), h.by("ana", "GET", "/v1/lists/mine", nil).want(200)["approvals"])
	p := h.by("ana", "GET", "/v1/proposals?state=open", nil).want(200)["proposals"].([]any)
	same(t, "the proposal", map[string]any{"kind": "settings", "weaker": []any{"approvals", "max_age"}, "reason": "quicker"}, only(p[0], "kind", "weaker", "reason"))
}
