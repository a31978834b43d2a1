package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"interdict/api"
)

// accessLines returns the lines of the access log since the last call. The tests' own calls are among them.
func (h *house) accessLines() []map[string]any {
	h.t.Helper()
	var out []map[string]any
	for line := range strings.Lines(h.log.String()) {
		m := map[string]any{}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			h.t.Fatalf("%v: %s", err, line)
		}
		if m["msg"] == "request" {
			out = append(out, m)
		}
	}
	return out
}

// raw serves a request without the network, so that any path and header can be sent.
func (h *house) raw(method, path string, header http.Header, body string) *httptest.ResponseRecorder {
	r := &http.Request{Method: method, URL: &url.URL{}, Host: "h", RemoteAddr: "192.0.2.7:1234", Header: header, Body: http.NoBody, RequestURI: path}
	if u, err := url.ParseRequestURI(path); err == nil {
		r.URL = u
	}
	r = r.WithContext(h.t.Context())
	if body != "" {
		r.Body, r.ContentLength = http.MaxBytesReader(nil, readCloser{strings.NewReader(body)}, 1<<20), int64(len(body))
	}
	w := httptest.NewRecorder()
	h.server.Handler().ServeHTTP(w, r)
	return w
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

func TestTheAccessLogSaysWhoAskedForWhat(t *testing.T) {
	h := screened(t)
	var id any
	for _, k := range h.by("root", "GET", "/v1/keys", nil).want(200)["keys"].([]any) {
		if k := k.(map[string]any); k["name"] == "otto" {
			id = k["id"]
		}
	}
	before := len(h.accessLines())
	h.by("till", "POST", "/v1/check", checkOf(lazarus, "")).want(200)
	h.raw("GET", "/livez", http.Header{}, "")
	if got := h.accessLines(); len(got) != before {
		t.Errorf("checks and probes that are answered are logged: %v", got[before:])
	}
	a := h.do(call{method: "GET", path: "/v1/lists/ofac-sdn", key: h.keyOf["otto"], header: http.Header{"X-Request-Id": {"wd-8842"},
		"Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}})
	a.want(200)
	h.do(call{method: "GET", path: "/v1/lists/nothing?x=" + lazarus, key: h.keyOf["otto"], header: http.Header{"X-Request-Id": {"wd-8843"}}}).want(404)
	h.raw("BREW-"+lazarus, "/"+lazarus, http.Header{"X-Request-Id": {"wd-8844"}}, "")
	h.raw("POST", "/v1/check", http.Header{"X-Request-Id": {"wd-8845"}, "X-Api-Key": {h.keyOf["otto"]}}, `{}`)
	var got []any
	for _, m := range h.accessLines()[before:] {
		if _, timed := m["ms"].(float64); !timed {
			t.Errorf("%v has no duration", m)
		}
		if m["client"] == "127.0.0.1" {
			delete(m, "client")
		}
		if n, _ := m["bytes"].(float64); n > 0 {
			m["bytes"] = "some"
		}
		got = append(got, without(m, "time", "ms", "level", "msg"))
	}
	who := func(m map[string]any) any { m["person"], m["key"] = "otto", id; return m }
	same(t, "lines", []any{
		who(map[string]any{"method": "GET", "route": "/v1/lists/:id", "status": 200.0, "bytes": "some", "request_id": "wd-8842", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}),
		who(map[string]any{"method": "GET", "route": "/v1/lists/:id", "status": 404.0, "bytes": "some", "request_id": "wd-8843"}),
		map[string]any{"method": "other", "route": "none", "status": 404.0, "bytes": "some", "request_id": "wd-8844", "client": "192.0.2.7"},
		who(map[string]any{"method": "POST", "route": "/v1/check", "status": 403.0, "bytes": "some", "request_id": "wd-8845", "client": "192.0.2.7"}),
	}, any(got))
	if got := a.header.Get("Traceparent"); got != "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" {
		t.Errorf("traceparent is %q", got)
	}
}

// An exchange asks thousands of times a second: while nothing can be answered, the log does not grow as fast.
func TestChecksThatFailAreLoggedOnceASecondAndCounted(t *testing.T) {
	h := screened(t)
	h.store.noLookups.Store(true)
	before := len(h.accessLines())
	ask := func(n int) (lines []map[string]any) {
		for range n {
			w := h.raw("POST", "/v1/check", http.Header{"X-Api-Key": {h.keyOf["till"]}}, `{"address":"`+lazarus+`","direction":"deposit"}`)
			var p struct {
				RequestID string `json:"request_id"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 503 || p.RequestID == "" || p.RequestID != w.Header().Get("X-Request-Id") {
				t.Fatalf("%d %s %v", w.Code, w.Body, w.Header())
			}
		}
		return h.accessLines()
	}
	at := time.Now()
	h.clock.advance(time.Hour) // the time that the tests take does not count
	lines := ask(500)[before:]
	if most := 12 + int(time.Since(at).Seconds()); len(lines) < 10 || len(lines) > most {
		t.Fatalf("%d lines of 500", len(lines))
	}
	h.clock.advance(time.Minute)
	last := ask(1)[before+len(lines):]
	said := 0.0
	for _, m := range append(lines, last...) {
		if n, ok := m["suppressed"].(float64); ok {
			said += n
		}
	}
	if len(last) != 1 || said != float64(500-len(lines)) {
		t.Errorf("%d lines, %v suppressed, then %v", len(lines), said, last)
	}
}

func TestEveryAnswerHasARequestID(t *testing.T) {
	h := open(t)
	ask := func(sent ...string) string {
		header := http.Header{}
		if len(sent) > 0 {
			header["X-Request-Id"] = sent
		}
		got := h.raw("GET", "/livez", header, "").Header()["X-Request-Id"]
		if len(got) != 1 || got[0] == "" || len(got[0]) > 40 {
			t.Fatalf("%q gives %q", sent, got)
		}
		return got[0]
	}
	for _, id := range []string{"a", "wd-8842", "0192f0c1-2f6b-7c1c-9a53-3b1f6d2f7a10", "4bf92f3577b34da6a3ce929d0e0e4736", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "Root=1-67891233-abcdef012345678912345678",
		"8f1c2d3e4f5a6b7c-FRA", "req_8sZ2kPq91LmNbVcX", "host/abc.def:12+x"} {
		if got := ask(id); got != id {
			t.Errorf("%q becomes %q", id, got)
		}
	}
	seen := map[string]bool{}
	for _, sent := range [][]string{nil, nil, {""}, {"two", "values"}, {lazarus}, {"wd-" + lazarus}, {p2pkh}, {p2wpkh}, {rawMonero}, {h.keyOf["root"]}, {strings.Repeat("abcdef-", 6)}, {"with blank"}, {"with\"quote"},
		{"é"}, {"a-b-c-d-e-f-g-h-i"}, {"01ARZ3NDEKTSV4RRFFQ69G5FAI"}} {
		got := ask(sent...)
		if slices.Contains(sent, got) || seen[got] {
			t.Errorf("%q becomes %q", sent, got)
		}
		seen[got] = true
	}
	for _, bad := range []string{"", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", lazarus} {
		if got := h.raw("GET", "/livez", http.Header{"Traceparent": {bad}}, "").Header()["Traceparent"]; len(got) > 0 {
			t.Errorf("traceparent %q is sent back", bad)
		}
	}
}

// What callers send shows nowhere in the log or in a trace, wherever they send it.
func TestNoLogLineAndNoSpanHoldsWhatCallersSend(t *testing.T) {
	kept := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(kept))
	h := screened(t, func(o *api.Options) { o.AccessLog, o.Traces = api.AccessAll, provider })
	secrets := []string{lazarus, p2wpkh, dogecoin, genesis, rawMonero, "customer-4711-of-ours", "reference-4711-of-ours", "ik_" + strings.Repeat("x7", 25), "L1aW4aubDFB7yfras2S1mN3bqg9nwySY8nkoLmJebSLD5BWv3ENZ"}
	key := h.keyOf["max"]
	routes := []string{"/v1/addresses/%s", "/v1/addresses/%s/history", "/v1/addresses/x?network=%s", "/v1/addresses/x?%s=1", "/v1/lists/%s", "/v1/lists/%s/versions/%[1]s/diff?against=%[1]s", "/v1/checks/%s", "/v1/audit?address=%s",
		"/v1/audit?customer=%s&reference=%[1]s", "/%s", "/api/v1/address/%s", "/scorechain/v1/addresses/%s", "/console/%s", "/docs/%s"}
	for _, secret := range secrets {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", secret} {
			for _, route := range routes {
				path := fmt.Sprintf(route, url.PathEscape(secret))
				h.raw(method, path, http.Header{"X-Api-Key": {key}}, "")
				h.raw(method, path, http.Header{"Authorization": {"Bearer " + secret}}, "")
			}
		}
		for _, name := range []string{"X-Request-Id", "Traceparent", "Tracestate", "Baggage", "User-Agent", "Referer", "Cookie", "X-Forwarded-For", "Accept", "Content-Type", "If-Match", "X-Api-Key"} {
			header := http.Header{"X-Api-Key": {key}, "Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}
			header[name] = []string{secret}
			if name == "X-Request-Id" && strings.Contains(secret, "-4711-") {
				continue // callers promise that their request ids are not customers
			}
			if name == "Cookie" || name == "Baggage" || name == "Tracestate" {
				header[name] = []string{"a=" + secret}
			}
			h.raw("GET", "/v1/lists", header, "")
			h.raw("POST", "/v1/check", header, "{}")
		}
		for _, body := range []string{`{"address":%q,"direction":"deposit","network":%[1]q}`, `{"address":%q,"direction":"deposit","reference":%[1]q,"customer":%[1]q}`, `{%q:1}`, `{"address":"x","direction":%q}`} {
			text := fmt.Sprintf(body, secret)
			h.raw("POST", "/v1/check", http.Header{"X-Api-Key": {key}}, text)
			h.raw("POST", "/v1/checks", http.Header{"X-Api-Key": {key}}, `{"checks":[`+text+`]}`)
			h.store.noLookups.Store(true)
			h.raw("POST", "/v1/check", http.Header{"X-Api-Key": {key}}, text)
			h.store.noLookups.Store(false)
		}
		h.raw("POST", "/v1/lists/ofac-sdn/versions?format=csv&dry_run=true", http.Header{"X-Api-Key": {key}}, "address\n"+secret+"\n")
	}
	spans := kept.GetSpans()
	if lines := len(h.accessLines()); lines < 500 || len(spans) < 500 {
		t.Errorf("%d lines and %d spans", lines, len(spans))
	}
	var traced strings.Builder
	for _, s := range spans {
		fmt.Fprintln(&traced, s.Name, s.Attributes, s.Events, s.Links, s.Status, s.SpanContext.TraceState(), s.Resource)
	}
	for where, text := range map[string]string{"the log": h.log.String(), "a span": traced.String()} {
		for _, secret := range append(secrets, key) {
			for _, form := range []string{secret, strings.ToLower(secret), secret[2:14], secret[len(secret)-12:]} {
				if i := strings.Index(text, form); i >= 0 {
					t.Errorf("%s holds %s: %s", where, secret, text[max(0, i-200):min(len(text), i+60)])
					break
				}
			}
		}
	}
}
