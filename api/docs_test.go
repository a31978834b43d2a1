package api_test

import (
	"bytes"
	"context"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"interdict/api"
)

func TestDocumentationPage(t *testing.T) {
	h := open(t)
	media := map[string]string{"": "text/html; charset=utf-8", "index.html": "text/html; charset=utf-8", "start.js": "text/javascript; charset=utf-8", "swagger-ui.css": "text/css; charset=utf-8",
		"swagger-ui-bundle.js": "text/javascript; charset=utf-8", "favicon-32x32.png": "image/png"}
	for file, want := range media {
		a := h.by("otto", "GET", "/docs/"+file, nil)
		if a.status != 200 || len(a.body) == 0 {
			t.Fatalf("%s: %d", file, a.status)
		}
		same(t, "Content-Type of "+file, want, a.header.Get("Content-Type"))
		same(t, "X-Content-Type-Options", "nosniff", a.header.Get("X-Content-Type-Options"))
		policy := a.header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self';", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the policy %q does not say %s", file, policy, part)
			}
		}
		if strings.Contains(policy, "unsafe-eval") || strings.Contains(policy, "http") {
			t.Errorf("%s: %s", file, policy)
		}
	}
	page := string(h.by("otto", "GET", "/docs/", nil).body)
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if _, ok := media[m[1]]; !ok {
			t.Errorf("the page names %q, which is not served", m[1])
		}
	}
	if regexp.MustCompile(`<script>|\son\w+=|style=`).MatchString(page) {
		t.Error("the page holds inline code, which its own policy forbids")
	}
	if _, err := png.Decode(bytes.NewReader(h.by("otto", "GET", "/docs/favicon-32x32.png", nil).body)); err != nil {
		t.Error(err)
	}
	for _, file := range []string{"swagger-initializer.js", "../openapi.yaml", "nosuch", "favicon-16x16.png", "start.js/x"} {
		h.by("otto", "GET", "/docs/"+strings.ReplaceAll(file, "/", "%2F"), nil).refused(problem{Status: 404, Code: "not_found"})
	}

	t.Run("a browser can send a key as a password", func(t *testing.T) {
		h := h.in(t)
		for _, path := range []string{"/docs/", "/docs/start.js", "/openapi.yaml"} {
			a := h.do(call{method: "GET", path: path})
			a.refused(problem{Status: 401, Code: "unauthorized"})
			same(t, "challenges", []string{`Basic realm="interdict: an API key as password"`, `Bearer realm="interdict"`}, a.header.Values("WWW-Authenticate"))
			req := httptest.NewRequest("GET", path, nil)
			req.SetBasicAuth("", h.keyOf["otto"])
			if a := h.do(call{method: "GET", path: path, header: req.Header}); a.status != 200 {
				t.Errorf("%s: %d", path, a.status)
			}
		}
	})
	t.Run("openapi.yaml is the document", func(t *testing.T) {
		a := h.in(t).by("till", "GET", "/openapi.yaml", nil)
		if a.status != 200 || !bytes.Equal(a.body, api.OpenAPI()) {
			t.Errorf("%d", a.status)
		}
	})
	t.Run("on the admin address, without a key", func(t *testing.T) {
		srv := httptest.NewServer(api.DocsHandler())
		defer srv.Close()
		for file, want := range media {
			res, err := http.Get(srv.URL + "/docs/" + file)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			same(t, file, []any{200, want, true}, []any{res.StatusCode, res.Header.Get("Content-Type"), res.Header.Get("Content-Security-Policy") != ""})
		}
		for path, want := range map[string]int{"/openapi.yaml": 200, "/docs/nosuch": 404, "/v1/lists": 404, "/docs/../../etc/passwd": 404} {
			res, err := http.Get(srv.URL + path)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			same(t, path, want, res.StatusCode)
		}
		http.DefaultClient.CloseIdleConnections()
	})
}

// The page must work in a browser that holds it to its own policy: nothing is refused, every operation is shown.
func TestDocumentationPageInABrowser(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("INTERDICT_REQUIRE_CHROMIUM") != "" {
			t.Fatal(err)
		}
		t.Skip("no chromium: ", err)
	}
	srv := httptest.NewServer(api.DocsHandler())
	defer srv.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(), "--enable-logging=stderr", "--virtual-time-budget=30000", "--dump-dom", srv.URL+"/docs/")
	var dom, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &dom, &log
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "CONSOLE") {
			t.Errorf("the browser complains: %s", line)
		}
	}
	operations := 0
	for _, item := range document().Paths.Map() {
		operations += len(item.Operations())
	}
	same(t, "operations on the page", operations, len(regexp.MustCompile(`class="opblock opblock-`).FindAllString(dom.String(), -1)))
	if strings.Contains(dom.String(), "Failed to load API definition") || !strings.Contains(dom.String(), "What to do with the answer") {
		t.Errorf("%.3000s", dom.String())
	}
}
