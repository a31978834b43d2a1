package api_test

import (
	"net/http"
	"testing"
	"time"
)

// How long lists took is told to every role, for the lists that the key is for.
func TestTimeliness(t *testing.T) {
	h := screened(t)
	h.follow("replica-a")
	h.publish("deny", map[string]any{"approvals": 0}, row(p2pkh, "E"))
	var all []any
	waitFor(t, "both versions are served", func() bool {
		all = h.by("otto", "GET", "/v1/reports/timeliness", nil).want(200)["activations"].([]any)
		return len(all) == 2 && all[1].(map[string]any)["served_at"] != nil
	})
	last := all[1].(map[string]any)
	same(t, "the last activation", map[string]any{"list": "deny", "version": 1.0, "generation": 2.0, "action": "activate", "replicas": 1.0, "published": ""},
		only(last, "list", "version", "generation", "action", "replicas", "published"))
	seconds := last["seconds"].(map[string]any)
	for _, name := range []string{"fetched_to_staged", "fetched_to_activated", "activated_to_served", "fetched_to_served"} {
		if s, ok := seconds[name].(float64); !ok || s < 0 || s > 60 {
			t.Errorf("%s: %v", name, seconds[name])
		}
	}
	rows := table(t, h.do(call{method: "GET", path: "/v1/reports/timeliness?list=deny", key: h.keyOf["till"], header: http.Header{"Accept": {"text/csv"}}}))
	same(t, "rows", []string{"deny", "1", "2", "activate"}, rows[1][:4])
	same(t, "rows of one list", 2, len(rows))

	limited := h.by("root", "POST", "/v1/keys", map[string]any{"name": "one", "roles": []string{"auditor"}, "lists": []string{"deny"}}).want(201)["key"].(string)
	as := func(path string) *answer { return h.do(call{method: "GET", path: path, key: limited}) }
	summary := as("/v1/reports/timeliness").want(200)["lists"].([]any)
	same(t, "lists of a limited key", []any{"deny"}, []any{summary[0].(map[string]any)["list"]})
	same(t, "how many", 1, len(summary))
	as("/v1/reports/timeliness?list=ofac-sdn").refused(problem{Status: 404, Code: "not_found", Detail: `no such list: "ofac-sdn"`})
	for _, list := range []string{"nosuch", "No%20Id"} {
		h.by("otto", "GET", "/v1/reports/timeliness?list="+list, nil).refused(problem{Status: 404, Code: "not_found"})
	}
	later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	same(t, "later", []any{}, h.by("otto", "GET", "/v1/reports/timeliness?from="+later, nil).want(200)["activations"].([]any))
	h.by("otto", "GET", "/v1/reports/timeliness?to=soon", nil).refused(problem{Status: 400, Code: "invalid_request", Detail: "to: not a time such as 2026-11-01 or 2026-11-01T12:00:00Z"})
	h.by("otto", "GET", "/v1/reports/timeliness?page=2", nil).refused(problem{Status: 400, Code: "invalid_request", Detail: `query parameter "page" is unknown`})
}
