package api_test

import (
	"bytes"
	"strings"
	"testing"

	"interdict/lists"
	"interdict/webhook"
)

func TestWebhooksOverTheAPI(t *testing.T) {
	h := open(t)
	made := h.by("root", "POST", "/v1/webhooks", map[string]any{"url": "https://desk.example.org/in?token=hush", "events": []string{"list.*"}, "description": "the desk", "reason": "r"}).want(201)
	id, secret := made["id"].(string), made["secret"].(string)
	same(t, "the new webhook", map[string]any{"url": "https://desk.example.org/in?token=xxxxx", "events": []any{"list.*"}, "description": "the desk", "created_by": "root", "waiting": 0.0, "dropped": 0.0},
		without(made, "id", "secret", "created_at"))
	all := h.by("root", "GET", "/v1/webhooks", nil)
	same(t, "the list", map[string]any{"webhooks": []any{without(made, "secret")}}, all.want(200))

	rotated := h.by("root", "POST", "/v1/webhooks/"+id+"/rotate", map[string]any{"overlap": "1h"}).want(200)
	if rotated["secret"] == secret || rotated["old_until"] == nil || rotated["rotated_at"] == nil {
		t.Errorf("%v", rotated)
	}
	h.by("root", "POST", "/v1/webhooks/"+id+"/rotate", map[string]any{"overlap": "721h"}).refused(problem{Status: 400, Code: "invalid_request"})
	h.by("root", "POST", "/v1/webhooks/"+id+"/rotate", map[string]any{"overlap": "-1h"}).refused(problem{Status: 400, Code: "invalid_request"})

	ping := h.by("root", "POST", "/v1/webhooks/"+id+"/test", nil).want(202)
	same(t, "the ping", map[string]any{"type": "ping", "state": "waiting", "attempts": 0.0, "log": []any{}}, without(ping, "id", "event", "at", "created_at", "next_attempt"))
	same(t, "the log of deliveries", map[string]any{"deliveries": []any{ping}}, h.by("root", "GET", "/v1/webhooks/"+id+"/deliveries?limit=10", nil).want(200))
	h.by("root", "GET", "/v1/webhooks/"+id+"/deliveries?limit=0", nil).refused(problem{Status: 400, Code: "invalid_request"})

	again := h.by("root", "GET", "/v1/webhooks", nil)
	same(t, "what waits", any(1.0), again.want(200)["webhooks"].([]any)[0].(map[string]any)["waiting"])
	for _, part := range []string{secret, rotated["secret"].(string), "hush"} {
		if bytes.Contains(all.body, []byte(part)) || bytes.Contains(again.body, []byte(part)) || strings.Contains(h.log.String(), part) {
			t.Errorf("the list or the log shows %s", part)
		}
	}
	for _, body := range []any{nil, map[string]any{}, map[string]any{"url": "http://desk.example.org/"}, map[string]any{"url": "https://127.0.0.1/"}, map[string]any{"url": "https://user@desk.example.org/"},
		map[string]any{"url": "https://desk.example.org/", "events": []string{"lists"}}, map[string]any{"url": "https://desk.example.org/", "description": strings.Repeat("x", 201)}} {
		h.by("root", "POST", "/v1/webhooks", body).refused(problem{Status: 400, Code: "invalid_request"})
	}
	for _, r := range []struct{ method, path string }{{"POST", "/rotate"}, {"POST", "/test"}, {"GET", "/deliveries"}, {"DELETE", ""}} {
		for _, other := range []string{"nosuch", "No%20Id", "..%2Fhead"} {
			h.by("root", r.method, "/v1/webhooks/"+other+r.path, nil).refused(problem{Status: 404, Code: "not_found"})
		}
	}
	h.by("root", "DELETE", "/v1/webhooks/"+id, nil).want(204)
	same(t, "after the deletion", map[string]any{"webhooks": []any{}}, h.by("root", "GET", "/v1/webhooks", nil).want(200))

	for range webhook.MaxEndpoints {
		id = h.by("root", "POST", "/v1/webhooks", map[string]any{"url": "https://desk.example.org/"}).want(201)["id"].(string)
	}
	h.by("root", "POST", "/v1/webhooks", map[string]any{"url": "https://desk.example.org/"}).refused(problem{Status: 409, Code: "conflict"})
	e, revision, err := lists.Read[webhook.Endpoint](t.Context(), h.store, lists.DocWebhook(id))
	if err != nil {
		t.Fatal(err)
	}
	e.DisabledAt = &e.CreatedAt
	if err := h.store.Commit(t.Context(), lists.Put(lists.DocWebhook(id), e, revision)); err != nil {
		t.Fatal(err)
	}
	h.by("root", "POST", "/v1/webhooks/"+id+"/test", nil).refused(problem{Status: 409, Code: "conflict"})
	for _, r := range h.records() {
		if strings.Contains(string(lists.JSON(r)), "whsec_") || strings.Contains(string(lists.JSON(r)), "hush") {
			t.Errorf("the record: %v", r)
		}
	}
}
