package api_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

// raw asks as root without undoing a compression.
func (h *house) rawBody(method, path, accept string, body string) (*http.Response, []byte) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.keyOf["root"])
	req.Header.Set("Accept-Encoding", accept)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}).Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return res, b
}

// Large answers of routes that only read are compressed for those who accept it, and hold the same bytes.
func TestLargeAnswersAreCompressed(t *testing.T) {
	h := screened(t)
	var rows strings.Builder
	for i := range 500 {
		fmt.Fprintf(&rows, `{"address":"0x%040x","network":"ethereum","entity":{"name":"Someone %d"}}`+"\n", 0x5000000000000000+i, i)
	}
	h.publish("long", sdn, rows.String())
	for _, path := range []string{"/openapi.yaml", "/v1/lists/long/export", "/v1/lists/long/versions/1/diff"} {
		plain, want := h.rawBody("GET", path, "identity", "")
		same(t, path+": status", 200, plain.StatusCode)
		same(t, path+": plain", "", plain.Header.Get("Content-Encoding"))
		res, got := h.rawBody("GET", path, "gzip", "")
		if len(want) < 4<<10 {
			same(t, path+": a short answer", "", res.Header.Get("Content-Encoding"))
			continue
		}
		same(t, path+": Content-Encoding", "gzip", res.Header.Get("Content-Encoding"))
		same(t, path+": Vary", []string{"Accept-Encoding"}, res.Header["Vary"])
		z, err := gzip.NewReader(strings.NewReader(string(got)))
		if err != nil {
			t.Fatal(err)
		}
		unpacked, err := io.ReadAll(z)
		if err != nil || string(unpacked) != string(want) || len(got) > len(want)/3 {
			t.Errorf("%s: %d bytes unpack to %d of %d: %v", path, len(got), len(unpacked), len(want), err)
		}
	}
	t.Run("and no others", func(t *testing.T) {
		h := h.in(t)
		checks := `{"checks":[` + strings.Repeat(`{"address":"`+lazarus+`","direction":"deposit"},`, 50) + `{"address":"` + genesis + `","direction":"deposit"}]}`
		for path, body := range map[string]string{"/v1/checks": checks, "/v1/lists/long": "", "/v1/addresses/" + lazarus: "", "/v1/keys": `{"name":"x","roles":["auditor"],"lists":["` + strings.Repeat("a", 40) + `"]}`} {
			method := "GET"
			if body != "" {
				method = "POST"
			}
			res, _ := h.rawBody(method, path, "gzip", body)
			if res.StatusCode/100 != 2 || res.Header.Get("Content-Encoding") != "" {
				t.Errorf("%s: %d, %s", path, res.StatusCode, res.Header.Get("Content-Encoding"))
			}
		}
		res, _ := h.rawBody("GET", "/v1/lists/nosuch/export", "gzip", "")
		same(t, "an error", []any{404, "application/problem+json"}, []any{res.StatusCode, res.Header.Get("Content-Type")})
	})
}

// No other site's page may read an answer: no route permits it, and a browser's question beforehand is refused. There is no setting that changes this.
func TestOtherSitesGetNothing(t *testing.T) {
	h := screened(t)
	methods := map[string][]string{}
	for _, r := range h.server.Handler().(*gin.Engine).Routes() {
		if !slices.Contains(methods[r.Path], r.Method) {
			methods[r.Path] = append(methods[r.Path], r.Method)
		}
	}
	for path, all := range methods {
		path = strings.NewReplacer("*file", "start.js", "*page", "", ":address", genesis, ":n", "1", ":id", "ofac-sdn", ":", "").Replace(path)
		for _, method := range append(all, http.MethodOptions) {
			req, err := http.NewRequestWithContext(t.Context(), method, h.url+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header = http.Header{"Origin": {"https://elsewhere.example"}, "Authorization": {"Bearer " + h.keyOf["max"]}}
			if method == http.MethodOptions {
				req.Header.Set("Access-Control-Request-Method", all[0])
				req.Header.Set("Access-Control-Request-Headers", "authorization, content-type")
			}
			res, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if method == http.MethodOptions && res.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("OPTIONS %s: %d", path, res.StatusCode)
			}
			for name := range res.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s %s: %s", method, path, name)
				}
			}
		}
	}
}
