package api_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/redisstore"
	"interdict/lists/storetest"
)

// again sends a change with an Idempotency-Key.
func (h *house) again(name, key, method, path string, body any) *answer {
	h.t.Helper()
	header := http.Header{"Idempotency-Key": {key}}
	if strings.Contains(path, "/versions?") {
		header.Set("Content-Type", "application/octet-stream")
	}
	return h.do(call{method: method, path: path, key: h.keyOf[name], body: body, header: header})
}

const uploadSDN = "/v1/lists/ofac-sdn/versions?format=ndjson"

// A change that is sent again with its key is made once, whichever server of the store it reaches, and gets the answer of before.
func TestARepeatedChangeIsMadeOnce(t *testing.T) {
	url := storetest.StartRedis(t)
	server := func() *house {
		s, err := redisstore.Open(t.Context(), url, redisstore.Options{Timeout: 5 * time.Second, BulkTimeout: 30 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return openOn(t, s, t.TempDir())
	}
	a, b := server(), server()
	replayed := func(what string, first *answer, by *house, name, key, method, path string, body any) {
		t.Helper()
		recorded := len(a.records()) + len(b.records())
		second := by.again(name, key, method, path, body)
		same(t, what+": records", recorded, len(a.records())+len(b.records()))
		same(t, what+": the status", first.status, second.status)
		same(t, what+": the answer", string(first.body), string(second.body))
		for _, name := range []string{"Content-Type", "Location", "Etag", "Cache-Control"} {
			same(t, what+": "+name, first.header[name], second.header[name])
		}
		same(t, what+": whether it is a repeat", []string{"", "true"}, []string{first.header.Get("Idempotency-Replayed"), second.header.Get("Idempotency-Replayed")})
	}
	first := a.again("root", `"list"`, "PUT", "/v1/lists/ofac-sdn", sdn)
	first.want(201)
	replayed("a list", first, b, "root", "list", "PUT", "/v1/lists/ofac-sdn", sdn)
	first = a.again("ana", "upload", "POST", uploadSDN, sdnRows)
	first.want(201)
	replayed("an upload", first, b, "ana", "upload", "POST", uploadSDN, sdnRows)
	same(t, "versions", []any{1.0}, b.versions("ofac-sdn"))
	first = b.again("ben", "approve", "POST", "/v1/lists/ofac-sdn/versions/1/activate", nil)
	first.want(200)
	replayed("an activation", first, a, "ben", "approve", "POST", "/v1/lists/ofac-sdn/versions/1/activate", nil)
	same(t, "generations", 1, len(a.by("otto", "GET", "/v1/generations", nil).want(200)["generations"].([]any)))
	first = a.again("root", "weaken", "PUT", "/v1/lists/ofac-sdn", map[string]any{"max_age": "9000h", "mandatory": true})
	replayed("settings", first, b, "root", "weaken", "PUT", "/v1/lists/ofac-sdn", map[string]any{"max_age": "9000h", "mandatory": true})

	t.Run("another request with its key is a conflict", func(t *testing.T) {
		h := b.in(t)
		for what, x := range map[string]*answer{
			"another body":      h.again("root", "list", "PUT", "/v1/lists/ofac-sdn", map[string]any{"name": "x"}),
			"another file":      h.again("ana", "upload", "POST", uploadSDN, sdnRows+sdnRows),
			"another parameter": h.again("ana", "upload", "POST", uploadSDN+"&note=x", sdnRows),
			"another path":      h.again("ben", "approve", "POST", "/v1/lists/ofac-sdn/versions/1/approve", map[string]any{"reason": "new"}),
		} {
			x.refused(problem{Status: 409, Code: "conflict", Detail: "this Idempotency-Key was used for another request"})
			same(t, what+": Retry-After", "", x.header.Get("Retry-After"))
		}
	})
	t.Run("another person's key is another key", func(t *testing.T) {
		h := b.in(t)
		h.again("dora", "upload", "POST", uploadSDN, sdnRows+`{"address":"`+genesis+`"}`+"\n").want(201)
		same(t, "versions", []any{1.0, 2.0}, h.versions("ofac-sdn"))
	})
	t.Run("a request that was refused can be repeated", func(t *testing.T) {
		h := b.in(t)
		h.again("ana", "later", "POST", "/v1/lists/nosuch/versions?format=ndjson", sdnRows).refused(problem{Status: 404, Code: "not_found"})
		h.by("root", "PUT", "/v1/lists/nosuch", sdn).want(201)
		h.again("ana", "later", "POST", "/v1/lists/nosuch/versions?format=ndjson", sdnRows).want(201)
	})
	t.Run("after a day a key is new", func(t *testing.T) {
		h := b.in(t)
		h.clock.advance(24*time.Hour + time.Second)
		if got := h.again("root", "list", "PUT", "/v1/lists/ofac-sdn", map[string]any{"name": "x"}); got.status != 200 || got.header.Get("Idempotency-Replayed") != "" {
			t.Errorf("%d %s", got.status, got.body)
		}
		h.clock.advance(24*time.Hour + time.Second)
		if err := h.server.SweepRequests(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, prefix := range []string{lists.DocRequests, lists.DocRequestAnswers} {
			if docs, err := h.store.Scan(t.Context(), prefix); err != nil || len(docs) > 0 {
				t.Errorf("%v %v", docs, err)
			}
		}
	})
	t.Run("a key that is none", func(t *testing.T) {
		h := b.in(t)
		for _, key := range []string{"", `""`, "a b", "ä", `a"b`, strings.Repeat("x", 256)} {
			h.again("root", key, "PUT", "/v1/lists/ofac-sdn", sdn).refused(problem{Status: 400, Code: "invalid_request"})
		}
	})
}

// Secrets that are shown once are not kept for a repeat, which names what was made.
func TestARepeatShowsNoSecret(t *testing.T) {
	h := screened(t)
	made := h.again("root", "key", "POST", "/v1/keys", map[string]any{"name": "shop", "roles": []string{"checker"}}).want(201)
	p := h.again("root", "key", "POST", "/v1/keys", map[string]any{"name": "shop", "roles": []string{"checker"}}).refused(problem{Status: 409, Code: "conflict"})
	if !strings.Contains(p.Detail, "it made or changed "+made["id"].(string)) {
		t.Error(p.Detail)
	}
	n := 0
	for _, k := range h.by("root", "GET", "/v1/keys", nil).want(200)["keys"].([]any) {
		if k.(map[string]any)["name"] == "shop" {
			n++
		}
	}
	same(t, "keys", 1, n)
	secrets := []string{made["key"].(string)}
	for path, body := range map[string]any{
		"/v1/keys/" + made["id"].(string) + "/rotate": nil,
		"/v1/people":   map[string]any{"login": "kim", "roles": []string{"auditor"}},
		"/v1/webhooks": map[string]any{"url": "https://hooks.example.org/"},
	} {
		a := h.again("root", path, "POST", path, body)
		found := false
		for _, name := range []string{"key", "invitation", "secret"} {
			if text, ok := a.want(a.status)[name].(string); ok {
				secrets, found = append(secrets, text), true
			}
		}
		if !found {
			t.Errorf("%s: no secret in %s", path, a.body)
		}
		h.again("root", path, "POST", path, body).refused(problem{Status: 409, Code: "conflict"})
	}
	h.again("root", "hook", "POST", "/v1/webhooks/nosuch/rotate", nil).refused(problem{Status: 404, Code: "not_found"})
	for _, prefix := range []string{lists.DocRequests, lists.DocRequestAnswers} {
		docs, err := h.store.Scan(t.Context(), prefix)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range docs {
			if slices.ContainsFunc(secrets, func(secret string) bool { return bytes.Contains(d.Value, []byte(secret)) }) {
				t.Errorf("%s holds a secret", d.Key)
			}
		}
	}
}

// slow starts an upload with a key that goes on until its body is closed, and returns when the server has begun to read it.
func (h *house) slow(key string) (body *io.PipeWriter, answered <-chan int) {
	h.t.Helper()
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(context.Background(), "POST", h.url+uploadSDN, r)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.keyOf["ana"])
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set("Idempotency-Key", key)
	done := make(chan int, 1)
	go func() {
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			done <- 0
			return
		}
		res.Body.Close()
		done <- res.StatusCode
	}()
	if _, err := io.WriteString(w, strings.SplitAfter(sdnRows, "\n")[0]); err != nil {
		h.t.Fatal(err)
	}
	h.eventually("the upload has begun", func() bool {
		docs, err := h.store.Scan(h.t.Context(), lists.DocRequests)
		return err == nil && len(docs) > 0
	})
	return w, done
}

// eventually waits for a condition.
func (h *house) eventually(what string, ok func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// A repeat never runs beside its first request, and says so; one whose outcome is not known is not made again.
func TestARepeatOfARequestWithoutAnAnswer(t *testing.T) {
	h := screened(t)
	row := strings.SplitAfter(sdnRows, "\n")[0]
	body, answered := h.slow("upload")
	a := h.again("ana", "upload", "POST", uploadSDN, row)
	a.refused(problem{Status: 409, Code: "conflict", Detail: "a request with this Idempotency-Key is in progress: try again for its answer"})
	same(t, "Retry-After", "1", a.header.Get("Retry-After"))
	body.Close()
	same(t, "the first one", 201, <-answered)
	same(t, "its repeat", "true", h.again("ana", "upload", "POST", uploadSDN, row).header.Get("Idempotency-Replayed"))
	same(t, "versions", []any{1.0, 2.0}, h.versions("ofac-sdn"))

	h.clock.advance(25 * time.Hour)
	if err := h.server.SweepRequests(t.Context()); err != nil {
		t.Fatal(err)
	}
	body, answered = h.slow("lost")
	h.store.gone.Store(true)
	body.Close()
	same(t, "an upload whose store went away", 503, <-answered)
	h.store.gone.Store(false)
	h.clock.advance(time.Hour)
	p := h.again("ana", "lost", "POST", uploadSDN, row).refused(problem{Status: 409, Code: "conflict"})
	if !strings.Contains(p.Detail, "has not been answered: look whether its change was made, and use another key") {
		t.Error(p.Detail)
	}
}

// Every route that changes something knows the keys that were used.
func TestEveryChangeTakesAnIdempotencyKey(t *testing.T) {
	h := screened(t)
	h.again("root", "used", "PUT", "/v1/lists/other", sdn).want(201)
	n := 0
	for _, r := range routes {
		path, _, _ := strings.Cut(r.path, "?")
		if r.method == "GET" || path == "/v1/check" || path == "/v1/checks" || path == "/v1/preview" || slices.ContainsFunc(dropInPaths, func(p string) bool { return strings.HasPrefix(path, p) }) {
			continue
		}
		n++
		h.do(call{method: r.method, path: r.path, key: h.keyOf["root"], body: r.body, header: http.Header{"Idempotency-Key": {"used"}}}).refused(
			problem{Status: 409, Code: "conflict", Detail: "this Idempotency-Key was used for another request"})
	}
	if n < 35 {
		t.Errorf("%d routes", n)
	}
	same(t, "a check with the key of another request", 200, h.do(call{method: "POST", path: "/v1/check", key: h.keyOf["till"], body: checkOf(genesis, "bitcoin"),
		header: http.Header{"Idempotency-Key": {"used"}}}).status)
}
