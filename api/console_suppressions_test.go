package api_test

import (
	"net/url"
	"testing"
	"time"

	"interdict/lists"
)

func TestConsoleSuppressions(t *testing.T) {
	h, staff := staffed(t)
	h.publish("ofac-sdn", sdn, sdnRows)
	ana, ben, vi := h.signInAs(staff, "kim", lists.Analyst), h.signInAs(staff, "lee", lists.Approver), h.signInAs(staff, "vi", lists.Checker)
	const path = "/console/suppressions"
	h.lacks(h.shows(vi, path, nil, 200, "No suppression is shown."), "Propose a suppression")

	// What is wrong stands beside its field, and nothing typed is lost.
	day := time.Now().UTC().AddDate(0, 0, 10).Format(time.DateOnly)
	form := url.Values{"do": {"propose"}, "list": {"ofac-sdn"}, "address": {"<b>"}, "until": {day}, "reason": {"delisted <i>today</i>"}}
	h.shows(ana, path, form, 409, "is not on", "&lt;b&gt;", "delisted &lt;i&gt;today", `value="`+day+`"`, `<option value="ofac-sdn" selected>`)
	form.Set("address", "")
	h.shows(ana, path, form, 400, "Nothing was changed: see address below.", `id="address-wrong"`)
	form.Set("address", lazarus)
	form.Set("until", "2020-01-01")
	h.shows(ana, path, form, 400, `id="until-wrong"`, "ust be in the future")
	form.Set("until", "soon")
	h.shows(ana, path, form, 400, `id="until-wrong"`, "write a date such as")
	form.Set("until", day)
	h.shows(ben, path, form, 403)
	same(t, "nothing was proposed", []any{}, h.by("otto", "GET", "/v1/lists/ofac-sdn/suppressions", nil).want(200)["suppressions"].([]any))
	h.goes(ana, path, form, path)
	s := h.by("otto", "GET", "/v1/lists/ofac-sdn/suppressions", nil).want(200)["suppressions"].([]any)[0].(map[string]any)
	same(t, "proposed", map[string]any{"state": "proposed", "address": lazarus, "reason": "delisted <i>today</i>", "until": day + "T23:59:59Z", "proposed_by": "kim"}, only(s, "state", "address", "reason", "until", "proposed_by"))
	id := s["id"].(string)

	h.lacks(h.shows(ana, path, nil, 200, "You proposed it: another person has to approve it.", `data-copy="`+lazarus+`"`), `value="approve"`, "<i>today")
	h.lacks(h.shows(vi, path, nil, 200, "An approver decides."), `value="approve"`)
	of := func(do, reason string) url.Values {
		return url.Values{"list": {"ofac-sdn"}, "id": {id}, "do": {do}, "reason": {reason}}
	}
	h.shows(ana, path, of("approve", ""), 403)
	h.shows(ben, path, of("reject", ""), 400, "fill this in", `id="wrong-`+id+`"`)
	h.goes(ben, path, of("approve", "seen the notice"), path)
	same(t, "in force", any("miss"), h.checked(lazarus)["result"])
	h.shows(ben, path+"?state=active&text="+lazarus[:12], nil, 200, "1 suppression<", `data-label="Approved or sent back by">lee`, "End it now")
	h.shows(ben, path+"?state=ended", nil, 200, "0 suppressions")
	h.shows(ben, path, of("end", ""), 400, "fill this in")
	h.goes(ana, path, of("end", "withdrawn"), path)
	same(t, "ended", any("hit"), h.checked(lazarus)["result"])
	h.shows(ana, path, nil, 200, "ended by kim: withdrawn")
}
