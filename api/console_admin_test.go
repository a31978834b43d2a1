package api_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"interdict/lists"
)

// given returns the secret that a page shows once, and makes sure that it is only there.
func (h *house) given(token, path string, form url.Values) string {
	h.t.Helper()
	res, text := h.page(path, with(token), form)
	m := regexp.MustCompile(`<p class="secret"><code>([^<]+)</code>`).FindStringSubmatch(text)
	if res.StatusCode != http.StatusOK || m == nil {
		h.t.Fatalf("%d %s", res.StatusCode, text)
	}
	same(h.t, "Cache-Control and cookies", []any{"no-store", 0}, []any{res.Header.Get("Cache-Control"), len(res.Cookies())})
	if _, again := h.page(path, with(token), nil); strings.Contains(again, m[1]) {
		h.t.Error("the secret is shown again")
	}
	if strings.Contains(h.log.String(), m[1]) {
		h.t.Error("the log has the secret")
	}
	return html.UnescapeString(m[1])
}

func TestConsoleAdministrationIsForAdministrators(t *testing.T) {
	h, staff := staffed(t)
	token := h.signInAs(staff, "kim", lists.Analyst, lists.Approver, lists.Auditor)
	for _, path := range []string{"/console/people", "/console/keys", "/console/webhooks"} {
		h.shows(token, path, nil, 403)
		h.shows(token, path, url.Values{"do": {"create"}, "name": {"x"}, "login": {"x"}, "url": {"https://desk.example.org/"}, "roles": {"checker"}}, 403)
	}
	same(t, "keys", len(people), len(h.by("root", "GET", "/v1/keys", nil).want(200)["keys"].([]any)))
}

func TestConsoleKeys(t *testing.T) {
	h, staff := staffed(t)
	token := h.signInAs(staff, "kim", lists.Admin)
	const path = "/console/keys"
	h.shows(token, path, nil, 200, "till", "checker: asks whether addresses are listed", "Rotate", "Revoke")
	form := url.Values{"do": {"create"}, "name": {"pay-outs"}, "roles": {"checker", "analyst"}, "lists": {"own-*\nofac-sdn"}, "cidrs": {"127.0.0.0/8, 10.0.0.1/8"}, "expires": {"2099-01-31"}, "checks_per_second": {"many"}}
	h.shows(token, path, form, 400, "write a number such as 50", "own-*\nofac-sdn", `value="2099-01-31"`, `value="analyst" checked`)
	form.Set("checks_per_second", "50")
	h.shows(token, path, form, 400, `id="cidrs-wrong"`, "the network is 10.0.0.0/8")
	form.Set("cidrs", "127.0.0.0/8")
	form.Set("name", `<script>`)
	h.shows(token, path, form, 400, `id="name-wrong"`, `value="&lt;script&gt;"`)
	form.Set("name", "pay-outs")
	form.Del("roles")
	h.shows(token, path, form, 400, "name at least one of")
	form["roles"] = []string{"checker", "analyst"}
	key := h.given(token, path, form)
	me := h.do(call{method: "GET", path: "/v1/me", key: key}).want(200)
	same(t, "the new key", map[string]any{"person": "pay-outs", "roles": []any{"checker", "analyst"}, "lists": []any{"own-*", "ofac-sdn"}}, only(me, "person", "roles", "lists"))
	id := me["credential"].(string)
	h.shows(token, path, nil, 200, "pay-outs", "networks 127.0.0.0/8", "50 checks a second", "lists own-*, ofac-sdn")

	next := h.given(token, path, url.Values{"do": {"rotate"}, "id": {id}, "name": {"pay-outs"}, "overlap": {"1h"}})
	for _, works := range []string{key, next} {
		h.do(call{method: "GET", path: "/v1/me", key: works}).want(200)
	}
	h.shows(token, path, nil, 200, "the key before the rotation works until")
	h.shows(token, path, url.Values{"do": {"revoke"}, "id": {id}}, 400, "Revoke: confirm that the key is to end.")
	h.do(call{method: "GET", path: "/v1/me", key: next}).want(200)
	h.goes(token, path, url.Values{"do": {"revoke"}, "id": {id}, "confirm": {"yes"}}, path)
	h.do(call{method: "GET", path: "/v1/me", key: next}).refused(problem{Status: 401, Code: "unauthorized"})

	// A key that can approve waits for a second person, and is shown all the same.
	boss := h.given(token, path, url.Values{"do": {"create"}, "name": {"boss"}, "roles": {"admin"}})
	h.do(call{method: "GET", path: "/v1/me", key: boss}).refused(problem{Status: 401, Code: "unauthorized"})
	p := h.by("otto", "GET", "/v1/proposals?state=open", nil).want(200)["proposals"].([]any)[0].(map[string]any)
	h.by("root", "POST", "/v1/proposals/"+p["id"].(string)+"/approve", nil).want(200)
	h.do(call{method: "GET", path: "/v1/me", key: boss}).want(200)
}

func TestConsolePeople(t *testing.T) {
	h, staff := staffed(t)
	token, own := h.signIn(staff, "kim", lists.Admin)
	const path = "/console/people"
	form := url.Values{"do": {"create"}, "login": {"a b"}, "person": {"Ada <Lee>"}, "roles": {"analyst"}, "lists": {"own-*"}}
	h.shows(token, path, form, 400, "Ada &lt;Lee&gt;", `value="a b"`, `value="analyst" checked`)
	form.Set("login", "ada")
	h.shows(token, path, form, 400, `id="person-wrong"`)
	form.Set("person", "Ada Lee")
	invitation := h.given(token, path, form)
	if app, err := staff.Open(t.Context(), invitation, "", ""); err != nil || app.Person != "Ada Lee" {
		t.Errorf("%+v %v", app, err)
	}
	find := func() map[string]any {
		t.Helper()
		for _, x := range h.by("root", "GET", "/v1/people", nil).want(200)["people"].([]any) {
			if x := x.(map[string]any); x["login"] == "ada" {
				return x
			}
		}
		t.Fatal("no account")
		return nil
	}
	id := find()["id"].(string)
	h.shows(token, path, nil, 200, "Ada Lee", "invited", "own-*")
	h.goes(token, path, url.Values{"do": {"roles"}, "id": {id}, "roles": {"auditor"}, "lists": {""}}, path)
	same(t, "roles", map[string]any{"roles": []any{"auditor"}}, only(find(), "roles", "lists"))
	h.goes(token, path, url.Values{"do": {"roles"}, "id": {id}, "roles": {"approver"}}, path) // waits for another administrator
	same(t, "roles until then", map[string]any{"roles": []any{"auditor"}}, only(find(), "roles"))
	again := h.given(token, path, url.Values{"do": {"reset"}, "id": {id}, "name": {"Ada Lee"}, "reason": {"lost"}})
	if _, err := staff.Open(t.Context(), invitation, "", ""); err == nil {
		t.Error("the invitation before the reset works")
	}
	if _, err := staff.Open(t.Context(), again, "", ""); err != nil {
		t.Error(err)
	}
	h.shows(token, path, url.Values{"do": {"disable"}, "id": {id}}, 400, "fill this in")
	h.goes(token, path, url.Values{"do": {"disable"}, "id": {id}, "reason": {"left"}}, path)
	same(t, "state", any("disabled"), find()["state"])
	h.shows(token, path, url.Values{"do": {"disable"}, "id": {id}, "reason": {"left"}}, 409, "disabled")
	_ = own
}

func TestConsoleWebhooks(t *testing.T) {
	h, staff := staffed(t)
	token := h.signInAs(staff, "kim", lists.Admin)
	const path = "/console/webhooks"
	form := url.Values{"do": {"create"}, "url": {"http://desk.example.org/"}, "events": {"list.failed", "alert.created"}, "description": {"the <b>desk"}}
	h.shows(token, path, form, 400, `id="url-wrong"`, "must be https", `value="list.failed" checked`, "the &lt;b&gt;desk")
	form.Set("url", "https://desk.example.org/in?token=hush")
	if secret := h.given(token, path, form); !strings.HasPrefix(secret, "whsec_") {
		t.Error(secret)
	}
	made := h.by("root", "GET", "/v1/webhooks", nil).want(200)["webhooks"].([]any)[0].(map[string]any)
	same(t, "the webhook", map[string]any{"events": []any{"list.failed", "alert.created"}, "description": "the <b>desk", "created_by": "kim"}, only(made, "events", "description", "created_by"))
	id := made["id"].(string)
	h.lacks(h.shows(token, path, nil, 200, "token=xxxxx", "the &lt;b&gt;desk", "list.failed"), "hush")
	h.given(token, path, url.Values{"do": {"rotate"}, "id": {id}, "overlap": {"1h"}})
	h.goes(token, path, url.Values{"do": {"test"}, "id": {id}}, path+"/"+id)
	h.shows(token, path+"/"+id, nil, 200, "ping", "waiting", "not sent yet", "token=xxxxx")
	h.shows(token, path+"/nosuch", nil, 404)
	h.shows(token, path, url.Values{"do": {"delete"}, "id": {id}}, 400, "Delete: confirm that the webhook is to go.")
	h.goes(token, path, url.Values{"do": {"delete"}, "id": {id}, "confirm": {"yes"}}, path)
	same(t, "after the deletion", []any{}, h.by("root", "GET", "/v1/webhooks", nil).want(200)["webhooks"].([]any))
	h.shows(token, path, nil, 200, "No webhooks.")
}

func TestConsoleTimeliness(t *testing.T) {
	h, staff := staffed(t)
	token := h.signInAs(staff, "kim", lists.Checker)
	const path = "/console/timeliness"
	h.shows(token, path, nil, 200, "No version became active in this time.")
	h.publish("ofac-sdn", sdn, sdnRows)
	h.publish("own", map[string]any{"name": "<b>ours", "approvals": 0}, row(evm(1), "E"))
	h.follow("a")
	deadline := time.Now().Add(20 * time.Second)
	for {
		_, text := h.page(path, with(token), nil)
		if strings.Contains(text, "later, 1 server<") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("never served by all:\n%s", text)
		}
		time.Sleep(50 * time.Millisecond)
	}
	h.shows(token, path, nil, 200, "2 activations", "OFAC SDN, version 1", "&lt;b&gt;ours, version 1", "under a second")
	h.lacks(h.shows(token, path+"?list=own", nil, 200, "1 activation,", `<option value="own" selected>`), "OFAC SDN, version 1")
	h.shows(token, path+"?from=2020-01-01&to=2020-01-31", nil, 200, "No version became active in this time.")
	h.shows(token, path+"?from=never", nil, 400, "write a date such as", `value="never"`)
	h.shows(token, path+"?list=nosuch", nil, 404)
}
