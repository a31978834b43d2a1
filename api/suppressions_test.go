package api_test

import (
	"strings"
	"testing"
	"time"
)

// exception asks for a suppression of an address for a day.
func (h *house) exception(by, list, address string) *answer {
	h.t.Helper()
	return h.by(by, "POST", "/v1/lists/"+list+"/suppressions", map[string]any{"address": address, "reason": "delisted, not yet in the file",
		"until": h.clock.now().Add(24 * time.Hour).UTC().Format(time.RFC3339)})
}

func (h *house) checked(address string) map[string]any {
	h.t.Helper()
	return h.by("till", "POST", "/v1/check", checkOf(address, "")).want(200)
}

func TestSuppressionNeedsTwoPeopleAndEndsByItself(t *testing.T) {
	h := screened(t)
	a := h.exception("dora", "ofac-sdn", strings.ToLower(lazarus))
	s := a.want(202)
	path := "/v1/lists/ofac-sdn/suppressions/" + s["id"].(string)
	same(t, "Location", path, a.header.Get("Location"))
	same(t, "proposed", any("proposed"), s["state"])
	same(t, "a proposal suppresses nothing", any("hit"), h.checked(lazarus)["result"])
	h.by("dora", "POST", path+"/approve", nil).refused(problem{Status: 403, Code: "forbidden"})
	h.by("ben", "POST", path+"/end", nil).refused(problem{Status: 409, Code: "conflict"})
	before := h.generation()
	s = h.by("ben", "POST", path+"/approve", map[string]any{"reason": "seen the notice"}).want(200)
	same(t, "approved by", any("ben"), s["decided"].(map[string]any)["by"])
	same(t, "a new generation", before.(float64)+1, h.generation().(float64))
	h.by("cleo", "POST", path+"/approve", nil).refused(problem{Status: 409, Code: "conflict"})
	h.by("cleo", "POST", path+"/reject", nil).refused(problem{Status: 409, Code: "conflict"})

	got := h.checked(lazarus)
	same(t, "result and action", []any{"miss", "allow"}, []any{got["result"], got["action"]})
	same(t, "matches", []any{}, got["matches"].([]any))
	told := got["suppressed"].([]any)[0].(map[string]any)
	same(t, "why", map[string]any{"id": s["id"], "reason": "delisted, not yet in the file", "until": strings.Replace(s["until"].(string), "Z", ".000Z", 1), "proposed_by": "dora", "approved_by": "ben"}, told["suppression"].(map[string]any))
	same(t, "the listing is told", any("ofac-sdn"), told["list"].(map[string]any)["id"])
	looked := h.by("till", "GET", "/v1/addresses/"+lazarus, nil).want(200)
	same(t, "a look-up tells it, too", 1, len(looked["suppressed"].([]any)))
	same(t, "another address of the list", any("hit"), h.checked(p2pkh)["result"])

	h.clock.advance(25 * time.Hour)
	got = h.checked(lazarus)
	same(t, "when its time is over", []any{"hit", nil}, []any{got["result"], got["suppressed"]})
	same(t, "state", any("expired"), h.by("otto", "GET", path, nil).want(200)["state"])
	h.by("ben", "POST", path+"/end", nil).refused(problem{Status: 409, Code: "conflict"})
}

func TestSuppressionIsEndedByOnePerson(t *testing.T) {
	h := screened(t)
	id := h.exception("ana", "ofac-sdn", lazarus).want(202)["id"].(string)
	path := "/v1/lists/ofac-sdn/suppressions/" + id
	h.by("ben", "POST", path+"/approve", nil).want(200)
	same(t, "suppressed", any("miss"), h.checked(lazarus)["result"])
	h.by("ana", "POST", path+"/end", map[string]any{"reason": "the notice was withdrawn"}).want(200)
	same(t, "ended", any("hit"), h.checked(lazarus)["result"])
	rejected := h.exception("ana", "ofac-sdn", lazarus).want(202)["id"].(string)
	same(t, "rejected", any("rejected"), h.by("ben", "POST", "/v1/lists/ofac-sdn/suppressions/"+rejected+"/reject", nil).want(200)["state"])
	var states []any
	for _, s := range h.by("otto", "GET", "/v1/lists/ofac-sdn/suppressions", nil).want(200)["suppressions"].([]any) {
		states = append(states, s.(map[string]any)["state"])
	}
	same(t, "all of them stay on record", []any{"ended", "rejected"}, states)
}

// What one list says is set aside; what another says is not, whichever list is asked first.
func TestSuppressionIsOfOneListAndSurvivesAReload(t *testing.T) {
	h := screened(t)
	h.publish("deny", map[string]any{"approvals": 0}, row(lazarus, "Somebody"))
	id := h.exception("ana", "ofac-sdn", lazarus).want(202)["id"].(string)
	h.by("ben", "POST", "/v1/lists/ofac-sdn/suppressions/"+id+"/approve", nil).want(200)
	got := h.checked(lazarus)
	same(t, "lists that match, lists that are suppressed", [][]any{{"deny"}, {"ofac-sdn"}}, [][]any{listsOf(got["matches"]), listsOf(got["suppressed"])})
	h.publish("ofac-sdn", sdn, sdnRows+row(evm(1), "E"))
	got = h.checked(lazarus)
	same(t, "after a new version", [][]any{{"deny"}, {"ofac-sdn"}}, [][]any{listsOf(got["matches"]), listsOf(got["suppressed"])})
}

func listsOf(matches any) (ids []any) {
	all, _ := matches.([]any)
	for _, m := range all {
		ids = append(ids, m.(map[string]any)["list"].(map[string]any)["id"])
	}
	return ids
}

func TestAMandatoryListIsNeverHidden(t *testing.T) {
	h := screened(t)
	id := h.exception("ana", "ofac-sdn", lazarus).want(202)["id"].(string)
	late := h.exception("ana", "ofac-sdn", lazarus).want(202)["id"].(string)
	h.by("ben", "POST", "/v1/lists/ofac-sdn/suppressions/"+id+"/approve", nil).want(200)
	same(t, "before", any("miss"), h.checked(lazarus)["result"])
	h.by("root", "PUT", "/v1/lists/ofac-sdn", map[string]any{"mandatory": true}).want(200)
	same(t, "once it is mandatory", any("hit"), h.checked(lazarus)["result"])
	h.by("ben", "POST", "/v1/lists/ofac-sdn/suppressions/"+late+"/approve", nil).refused(problem{Status: 409, Code: "conflict"})
	h.exception("ana", "ofac-sdn", lazarus).refused(problem{Status: 409, Code: "conflict"})
}

func TestSuppressionOfWhatCannotBeIsRefused(t *testing.T) {
	h := screened(t)
	const path = "/v1/lists/ofac-sdn/suppressions"
	tomorrow := h.clock.now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
	h.exception("ana", "ofac-sdn", genesis).refused(problem{Status: 409, Code: "conflict"})
	h.exception("ana", "nosuch", genesis).refused(problem{Status: 404, Code: "not_found"})
	for what, body := range map[string]map[string]any{
		"no reason":        {"address": lazarus, "until": tomorrow},
		"no end":           {"address": lazarus, "reason": "r"},
		"an end that was":  {"address": lazarus, "reason": "r", "until": "2020-01-01T00:00:00Z"},
		"too far an end":   {"address": lazarus, "reason": "r", "until": "2199-01-01T00:00:00Z"},
		"no address":       {"reason": "r", "until": tomorrow},
		"a key":            {"address": "L1aW4aubDFB7yfras2S1mN3bqg9nwySY8nkoLmJebSLD5BWv3ENZ", "reason": "r", "until": tomorrow},
		"a key in a dress": {"address": "p2wpkh:L1aW4aubDFB7yfras2S1mN3bqg9nwySY8nkoLmJebSLD5BWv3ENZ", "reason": "r", "until": tomorrow},
	} {
		t.Run(what, func(t *testing.T) {
			p := h.in(t).by("ana", "POST", path, body).refused(problem{Status: 400, Code: "invalid_request"})
			if strings.Contains(p.Detail, "L1aW") {
				t.Error(p.Detail)
			}
		})
	}
	h.by("ana", "POST", path, map[string]any{"address": lazarus, "network": "nosuch", "reason": "r", "until": tomorrow}).
		refused(problem{Status: 422, Code: "unsupported_network"})
	h.by("otto", "GET", "/v1/lists/nosuch/suppressions", nil).refused(problem{Status: 404, Code: "not_found"})
	for _, action := range []string{"approve", "reject", "end"} {
		h.by("ben", "POST", path+"/nosuch/"+action, nil).refused(problem{Status: 404, Code: "not_found"})
	}
}
