package api_test

import (
	"bytes"
	"strings"
	"testing"
)

func TestKeysOverTheAPI(t *testing.T) {
	h := open(t)
	made := h.by("root", "POST", "/v1/keys", map[string]any{"name": "payments", "roles": []string{"checker", "auditor"}}).want(201)
	text := made["key"].(string)
	id := made["id"].(string)
	same(t, "the new key", map[string]any{"name": "payments", "person": "payments", "roles": []any{"checker", "auditor"}, "created_by": "root"}, without(made, "id", "key", "created_at"))
	h.do(call{method: "GET", path: "/v1/lists", key: text}).want(200)

	a := h.by("root", "GET", "/v1/keys", nil)
	all := a.want(200)["keys"].([]any)
	same(t, "number of keys", len(people)+1, len(all))
	secret := strings.SplitN(text, "_", 3)[2]
	for _, part := range [][]byte{[]byte(text), []byte(secret), []byte(`"mac"`), []byte(`"key"`)} {
		if bytes.Contains(a.body, part) {
			t.Errorf("the list of keys holds %q", part)
		}
	}
	found := false
	for _, k := range all {
		if k.(map[string]any)["id"] == id {
			found = true
			same(t, "the key in the list", without(made, "key"), k.(map[string]any))
		}
	}
	if !found {
		t.Error("the new key is not in the list")
	}

	a = h.by("root", "DELETE", "/v1/keys/"+id, nil)
	a.want(204)
	same(t, "body", 0, len(a.body))
	h.do(call{method: "GET", path: "/v1/lists", key: text}).refused(problem{Status: 401, Code: "unauthorized"})
	h.by("root", "DELETE", "/v1/keys/"+id, nil).refused(problem{Status: 409, Code: "conflict"})
	for _, k := range h.by("root", "GET", "/v1/keys", nil).want(200)["keys"].([]any) {
		if m := k.(map[string]any); m["id"] == id && (m["revoked_at"] == nil || m["revoked_by"] != "root") {
			t.Errorf("a revoked key: %v", m)
		}
	}

	bad := problem{Status: 400, Code: "invalid_request"}
	for _, body := range []any{
		nil, map[string]any{}, map[string]any{"roles": []string{}}, map[string]any{"roles": []string{"root"}}, map[string]any{"roles": []string{"Admin"}},
		map[string]any{"roles": "checker"}, map[string]any{"name": "a\nb", "roles": []string{"checker"}}, map[string]any{"name": " ", "roles": []string{"checker"}},
		map[string]any{"name": strings.Repeat("n", 101), "roles": []string{"checker"}}, map[string]any{"name": "ümlaut", "roles": []string{"checker"}},
	} {
		h.by("root", "POST", "/v1/keys", body).refused(bad)
	}
	unnamed := h.by("root", "POST", "/v1/keys", map[string]any{"roles": []string{"checker"}}).want(201)
	same(t, "a key without a name is called by its id", unnamed["id"], unnamed["name"])
	if strings.Contains(h.log.String(), secret) {
		t.Error("the log holds a key")
	}
}
