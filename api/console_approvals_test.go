package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"interdict/api/auth"
	"interdict/lists"
)

// inline finds code that the policy of the pages forbids.
var inline = regexp.MustCompile(`<script>|<style|\son\w+=|\sstyle=`)

// shows makes sure that a page has the texts, in any order, and no inline code, and returns it.
func (h *house) shows(token, path string, form url.Values, status int, texts ...string) string {
	h.t.Helper()
	res, text := h.page(path, with(token), form)
	if res.StatusCode != status {
		h.t.Fatalf("%s: %d instead of %d:\n%s", path, res.StatusCode, status, text)
	}
	for _, want := range texts {
		if !strings.Contains(text, want) {
			h.t.Errorf("%s: without %q:\n%s", path, want, text)
		}
	}
	if inline.MatchString(text) {
		h.t.Errorf("%s: inline code:\n%s", path, text)
	}
	return text
}

// lacks makes sure that a page has none of the texts.
func (h *house) lacks(page string, texts ...string) {
	h.t.Helper()
	for _, text := range texts {
		if strings.Contains(page, text) {
			h.t.Errorf("shows %q:\n%s", text, page)
		}
	}
}

// goes makes sure that a form leads to another page.
func (h *house) goes(token, path string, form url.Values, to string) {
	h.t.Helper()
	res, text := h.page(path, with(token), form)
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != to {
		h.t.Fatalf("%s: %d %s instead of %s:\n%s", path, res.StatusCode, res.Header.Get("Location"), to, text)
	}
}

func (h *house) signInAs(staff *auth.Staff, login string, roles ...lists.Role) string {
	h.t.Helper()
	token, _ := h.signIn(staff, login, roles...)
	return token
}

func TestConsoleApprovals(t *testing.T) {
	h, staff := staffed(t)
	h.publish("ofac-sdn", sdn, sdnRows)
	kim, lee, vi := h.signInAs(staff, "kim", lists.Approver), h.signInAs(staff, "lee", lists.Approver), h.signInAs(staff, "vi", lists.Checker)
	const path = "/console/approvals"
	h.shows(vi, path, nil, 200, "Nothing waits for a second person.")

	// A version that somebody uploaded, and one of one's own.
	h.by("root", "PUT", "/v1/lists/ofac-sdn", map[string]any{"name": "<script>alert(1)</script>", "approvals": 2}).want(200)
	v := h.upload("ana", "ofac-sdn", sdnRows+row(evm(1), "E"), "")
	n := fmt.Sprint(v["version"])
	h.shows(vi, path, nil, 200, `href="/console/lists/ofac-sdn/versions/`+n+`"`, "&lt;script&gt;alert(1)&lt;/script&gt;, version "+n, "ana", "0 of 2", "An approver decides.")
	h.shows(kim, path, nil, 200, "Review it")
	h.do(call{method: "POST", path: "/v1/lists/ofac-sdn/versions/" + n + "/approve", header: with(kim, "Sec-Fetch-Site", "same-origin")}).want(200)
	h.shows(kim, path, nil, 200, "1 of 2", "You have approved it. Another person has to approve it, too.", "kim")

	// A proposal: its author sees why there is no button, and can take it back.
	retire := func() string {
		return h.do(call{method: "POST", path: "/v1/lists/ofac-sdn/retire", header: with(kim, "Sec-Fetch-Site", "same-origin"), body: map[string]any{"reason": `too <b>old</b>`}}).want(202)["proposal"].(map[string]any)["id"].(string)
	}
	id := retire()
	own := h.shows(kim, path, nil, 200, "Take a list out of the answers", "too &lt;b&gt;old&lt;/b&gt;", "You proposed this: another person has to decide.", "Take it back", "Active version")
	h.lacks(own, "Approve and make the change", "<b>old")
	h.lacks(h.shows(vi, path, nil, 200, "An approver decides."), "Approve and make", "Take it back")
	h.shows(kim, path, url.Values{"id": {id}, "do": {"approve"}}, 403, "someone else must approve it", "too &lt;b&gt;")
	h.shows(vi, path, url.Values{"id": {id}, "do": {"approve"}}, 403, "Take a list out")
	h.goes(kim, path, url.Values{"id": {id}, "do": {"withdraw"}}, path)
	same(t, "withdrawn", any("withdrawn"), h.by("otto", "GET", "/v1/proposals/"+id, nil).want(200)["state"])

	// Sending back needs a reason; what was typed stays.
	id = retire()
	other := retire()
	h.shows(lee, path, url.Values{"id": {id}, "do": {"reject"}, "reason": {" "}}, 400, "Nothing was changed: see reason below.", "say why, so that its author can do better", `wrong-`+id+`" aria-invalid="true"`)
	h.goes(lee, path, url.Values{"id": {id}, "do": {"reject"}, "reason": {"still <i>needed</i>"}}, path)
	same(t, "sent back", map[string]any{"state": "rejected", "decided": map[string]any{"by": "lee", "reason": "still <i>needed</i>"}},
		decided(h.by("otto", "GET", "/v1/proposals/"+id, nil).want(200)))
	h.shows(lee, path, url.Values{"id": {id}, "do": {"approve"}, "reason": {"kept <text>"}}, 409, "The proposal is rejected, not open.", "still &lt;i&gt;needed")
	h.shows(lee, path, url.Values{"id": {"nosuch"}, "do": {"approve"}}, 404, "There is no proposal")

	h.goes(lee, path, url.Values{"id": {other}, "do": {"approve"}}, path)
	same(t, "retired", any(0.0), h.by("otto", "GET", "/v1/lists/ofac-sdn", nil).want(200)["active_version"])
	h.shows(lee, path, nil, 200, "approved", "withdrawn", "rejected")
}

// decided returns the state of a proposal, who decided and why.
func decided(p map[string]any) map[string]any {
	return map[string]any{"state": p["state"], "decided": only(p["decided"], "by", "reason")}
}

func TestConsoleApprovalsOfSettingsSuppressionsAndKeys(t *testing.T) {
	h, staff := staffed(t)
	h.publish("ofac-sdn", sdn, sdnRows)
	kim, lee := h.signInAs(staff, "kim", lists.Admin), h.signInAs(staff, "lee", lists.Approver)
	const path = "/console/approvals"
	h.by("root", "PUT", "/v1/lists/ofac-sdn", map[string]any{"max_age": "36h"}).want(200)
	h.by("root", "PUT", "/v1/lists/ofac-sdn", map[string]any{"max_age": "1000h", "on_stale": "warn", "reason": "weekends"}).want(202)
	h.exception("ana", "ofac-sdn", lazarus).want(202)
	h.by("root", "POST", "/v1/keys", map[string]any{"name": "new boss", "roles": []string{"admin"}}).want(202)
	h.shows(lee, path, nil, 200, "Settings of a list", "Longest age", "1000h0m0s", "weaker", "weekends", "Suppression", `data-copy="`+lazarus+`"`, "delisted, not yet in the file",
		"API key", "new boss", "Keys and people are decided by another administrator")
	h.lacks(h.shows(kim, path, nil, 200), "decided by another administrator", "mac", "ik_")
}
