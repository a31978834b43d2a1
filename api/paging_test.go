package api_test

import (
	"fmt"
	"net/url"
	"testing"
)

// Every list of things that grows is read whole, or in pages that together are the whole, also when an item disappears in between.
func TestPages(t *testing.T) {
	h := screened(t)
	for i := range 4 {
		h.by("root", "PUT", fmt.Sprintf("/v1/lists/extra-%d", i), sdn).want(201)
		h.upload("ana", "ofac-sdn", sdnRows+fmt.Sprintf(`{"address":"0x%040x","network":"ethereum"}`, 0x6000000000000000+i)+"\n", "")
		h.by("root", "POST", "/v1/webhooks", map[string]any{"url": fmt.Sprintf("https://hooks.example.org/%d", i)}).want(201)
		h.by("ben", "POST", "/v1/holds", map[string]any{"reason": "r"}).want(201)
		h.by("root", "POST", "/v1/people", map[string]any{"login": fmt.Sprintf("person%d", i), "roles": []string{"auditor"}}).want(201)
		h.by("ana", "POST", "/v1/lists/ofac-sdn/suppressions", map[string]any{"address": []string{lazarus, p2pkh, dogecoin, p2wpkh}[i], "reason": "r", "until": h.clock.now().AddDate(0, 0, 9).UTC()})
	}
	for path, field := range map[string]string{"/v1/lists": "lists", "/v1/lists/ofac-sdn/versions": "versions", "/v1/lists/ofac-sdn/suppressions": "suppressions", "/v1/keys": "keys",
		"/v1/people": "people", "/v1/proposals": "proposals", "/v1/holds": "holds", "/v1/webhooks": "webhooks"} {
		whole := h.by("root", "GET", path, nil).want(200)
		all := whole[field].([]any)
		if len(all) < 3 || whole["cursor"] != nil {
			t.Errorf("%s: %d, cursor %v", path, len(all), whole["cursor"])
		}
		got, cursor := []any{}, ""
		for range len(all) {
			page := h.by("root", "GET", path+"?limit=2&cursor="+url.QueryEscape(cursor), nil).want(200)
			got = append(got, page[field].([]any)...)
			if cursor, _ = page["cursor"].(string); cursor == "" {
				break
			}
		}
		same(t, path, all, got)
		for _, wrong := range []string{"limit=0", "limit=x", "cursor=x", "other=1"} {
			h.by("root", "GET", path+"?"+wrong, nil).refused(problem{Status: 400, Code: "invalid_request"})
		}
	}
	first := h.by("root", "GET", "/v1/webhooks?limit=2", nil).want(200)
	all := h.by("root", "GET", "/v1/webhooks", nil).want(200)["webhooks"].([]any)
	h.by("root", "DELETE", "/v1/webhooks/"+first["webhooks"].([]any)[1].(map[string]any)["id"].(string), nil)
	same(t, "after the last item of a page was deleted", all[2:], h.by("root", "GET", "/v1/webhooks?cursor="+first["cursor"].(string), nil).want(200)["webhooks"].([]any))
}
