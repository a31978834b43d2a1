package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"interdict/lists"
	"interdict/loader"
)

// settled waits until a version is no longer loading.
func (h *house) settled(path string) map[string]any {
	h.t.Helper()
	for range 600 {
		if v := h.by("otto", "GET", path, nil).want(200); v["state"] != "loading" {
			return v
		}
		time.Sleep(50 * time.Millisecond)
	}
	h.t.Fatal("it is still loading")
	return nil
}

func (h *house) send4(query string, body any) *answer {
	h.t.Helper()
	return h.do(call{method: "POST", path: "/v1/lists/deny/versions?" + query, key: h.keyOf["ana"], body: body, header: http.Header{"Content-Type": {"text/plain"}}})
}

func TestALargeUploadIsStagedAfterTheAnswer(t *testing.T) {
	h := open(t)
	h.by("root", "PUT", "/v1/lists/deny", map[string]any{"approvals": 0}).want(201)
	content := evmRows(0, 20_000)
	if len(content) <= 8<<20 {
		content += strings.Repeat("\n", 8<<20)
	}
	for query, status := range map[string]int{"": 202, "wait=true": 201, "wait=false": 202} {
		a := h.send4(query, content+strings.Repeat("\n", status+len(query)))
		v := a.want(status)
		if state := map[int]any{201: "staged", 202: "loading"}[status]; v["state"] != state {
			t.Errorf("%q: %v", query, v["state"])
		}
		v = h.settled(a.header.Get("Location"))
		same(t, "staged "+query, []any{"staged", 20_000.0, nil}, []any{v["state"], v["addresses"], v["progress"]})
	}
	small := h.send4("wait=false", row(evm(1), "E")).want(202)
	same(t, "a small one, not waited for", any("staged"), h.settled(fmt.Sprint("/v1/lists/deny/versions/", small["version"]))["state"])

	bad := h.send4("wait=false&format=ofac_advanced", row(evm(1), "E")).want(202)
	v := h.settled(fmt.Sprint("/v1/lists/deny/versions/", bad["version"]))
	if v["state"] != "failed" || v["error"] == nil {
		t.Errorf("what cannot be read: %v", v)
	}
	h.send4("wait=perhaps", "x").refused(problem{Status: 400, Code: "invalid_request"})
}

// A server that goes away does not leave a version that seems to load for ever.
func TestAnUploadIsGivenUpWithItsServer(t *testing.T) {
	h := open(t)
	h.by("root", "PUT", "/v1/lists/deny", map[string]any{"approvals": 0}).want(201)
	v := h.send4("wait=false", evmRows(0, 200_000)).want(202)
	h.server.Close()
	state := h.by("otto", "GET", fmt.Sprint("/v1/lists/deny/versions/", v["version"]), nil).want(200)["state"]
	if state != "failed" && state != "staged" {
		t.Errorf("it is %v", state)
	}
	same(t, "what comes later is staged before its answer", any("staged"), h.send4("wait=false", row(evm(1), "E")).want(201)["state"])
}

func TestMappingAndPublicationOfAnUpload(t *testing.T) {
	h := open(t)
	h.by("root", "PUT", "/v1/lists/deny", map[string]any{"approvals": 0}).want(201)
	table := "Konto,Owner,Victim\n" + lazarus + ",Lazarus,0x00000000219ab540356cbb839cbe05303d7705fa\n" // which column is meant does not show
	h.send4("format=csv", table).refused(problem{Status: 400, Code: "invalid_request"})
	v := h.send4("format=csv&published=2025-03-04&mapping="+"address=Konto;entity=Owner", table)
	if v.status == 400 { // a bare semicolon is no part of a query
		v = h.send4("format=csv&published=2025-03-04&mapping=address%3DKonto%3Bentity%3DOwner", table)
	}
	same(t, "report", map[string]any{"published": "2025-03-04", "addresses": 1.0}, only(v.want(201), "published", "addresses"))
	for _, mapping := range []string{"address", "address%3D", "%3DKonto", "address%3Da%3Baddress%3Db"} {
		h.send4("mapping="+mapping, table).refused(problem{Status: 400, Code: "invalid_request"})
	}
	h.send4("published=yesterday", table).refused(problem{Status: 400, Code: "invalid_request"})
}

func TestRetiredListLeavesTheAnswers(t *testing.T) {
	h := screened(t)
	h.publish("other", map[string]any{"approvals": 0}, `{"address":"`+p2wpkh+`"}`+"\n")
	h.by("ben", "POST", "/v1/lists/ofac-sdn/retire", map[string]any{"reason": " "}).refused(problem{Status: 400, Code: "invalid_request"})
	same(t, "before", any("hit"), h.resultOf(lazarus))
	h.by("ben", "POST", "/v1/lists/ofac-sdn/retire", map[string]any{"reason": "superseded by another list"}).want(200)
	got := h.checked(lazarus)
	same(t, "after", []any{"miss", 1.0}, []any{got["result"], got["screened"].(map[string]any)["lists"]})
	h.by("ben", "POST", "/v1/lists/ofac-sdn/retire", map[string]any{"reason": "again"}).refused(problem{Status: 409, Code: "conflict"})
	h.by("ben", "POST", "/v1/lists/nosuch/retire", map[string]any{"reason": "r"}).refused(problem{Status: 404, Code: "not_found"})
	h.by("otto", "GET", "/v1/lists/ofac-sdn/export", nil).refused(problem{Status: 404, Code: "not_found"})
}

// What is exported loads again to the same version, formulas and all.
func TestExportLoadsAgain(t *testing.T) {
	h := open(t)
	content := row(lazarus, "=HYPERLINK(1)") + row(p2pkh, "-Dash, and \\\"quotes\\\"") + row(evm(7), "'=quoted") + row("not an address", "X") +
		`{"address":"` + genesis + `","network":"bitcoin","asset":"XBT","entity":{"id":"1","name":"N","type":"entity"},"programs":["A","B"],"listed_on":"2024-01-02","valid_until":"2099-01-01","category":"mixer","confidence":"suspected","incident":"I","url":"https://example.org","note":"two\\nlines"}` + "\n"
	h.publish("deny", map[string]any{"approvals": 0, "category": "scam"}, content)
	for _, form := range []string{"", "?as=ndjson", "?as=csv"} {
		a := h.by("otto", "GET", "/v1/lists/deny/export"+form, nil)
		if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment; filename=") {
			t.Fatalf("%s: %d %v", form, a.status, a.header)
		}
		if form == "?as=csv" && !strings.Contains(string(a.body), "'=HYPERLINK(1)") {
			t.Errorf("a formula starts in %s", a.body)
		}
		v := h.send4("format="+map[bool]string{true: "csv", false: "ndjson"}[form == "?as=csv"], a.body).want(201)
		same(t, "diff of what was exported"+form, map[string]any{"against": 1.0, "added": 0.0, "removed": 0.0, "changed": 0.0, "unchanged": 5.0}, v["diff"].(map[string]any))
	}
	a := h.by("otto", "GET", "/v1/lists/deny/versions/1/export?as=published", nil)
	same(t, "the bytes as they came in", content, string(a.body))
	h.by("otto", "GET", "/v1/lists/deny/versions/1/export?as=pdf", nil).refused(problem{Status: 400, Code: "invalid_request"})
	h.by("otto", "GET", "/v1/lists/deny/export?as=pdf", nil).refused(problem{Status: 400, Code: "invalid_request"})
	h.by("otto", "GET", "/v1/lists/deny/versions/99/export", nil).refused(problem{Status: 404, Code: "not_found"})
}

// Old versions keep their reports and their bytes; the last ones can be compared and gone back to.
func TestOldVersionsAreKeptAsPublished(t *testing.T) {
	h := open(t)
	settings := map[string]any{"approvals": 0, "keep": 1, "max_shrink": 1}
	for n := range 5 {
		h.publish("deny", settings, evmRows(n, n+3))
	}
	h.clock.advance(time.Hour)
	if _, err := h.loader.Stage(t.Context(), "deny", []loader.Upload{{Name: "l", Body: strings.NewReader(evmRows(9, 12))}}, loader.StageOptions{By: lists.Person("ana")}); err != nil {
		t.Fatal(err)
	}
	var forgotten []any
	for _, v := range h.by("otto", "GET", "/v1/lists/deny/versions", nil).want(200)["versions"].([]any) {
		forgotten = append(forgotten, v.(map[string]any)["forgotten"])
	}
	same(t, "forgotten", []any{true, true, nil, nil, nil, nil}, forgotten) // 5 is active, 4 the way back, 3 is kept
	h.by("otto", "GET", "/v1/lists/deny/versions/2/export", nil).refused(problem{Status: 409, Code: "conflict"})
	h.by("otto", "GET", "/v1/lists/deny/versions/6/diff?against=1", nil).refused(problem{Status: 409, Code: "conflict"})
	same(t, "its bytes", evmRows(0, 3), string(h.by("otto", "GET", "/v1/lists/deny/versions/1/export?as=published", nil).body))
	h.by("ben", "POST", "/v1/lists/deny/rollback", nil).want(200)
	same(t, "rolled back", any("hit"), h.resultOf(evm(3)))
	layers, err := h.store.Layers(t.Context())
	if err != nil || len(layers) != 4 {
		t.Errorf("%d layers are left, %v", len(layers), err)
	}
	var v struct{ Layers []any }
	if err := json.Unmarshal(h.by("otto", "GET", "/v1/lists/deny/versions/1", nil).body, &v); err != nil || len(v.Layers) != 0 {
		t.Error(v, err)
	}
}

// The uploaded bytes have what was left out of the list: not everybody may see them, and a header warns of keys.
func TestPublishedBytesAreForAnalystsAndAuditors(t *testing.T) {
	h := open(t)
	h.by("root", "PUT", "/v1/lists/deny", map[string]any{"approvals": 0}).want(201)
	const wif = "L1aW4aubDFB7yfras2S1mN3bqg9nwySY8nkoLmJebSLD5BWv3ENZ"
	warning := map[string]string{evmRows(0, 3): "", evmRows(0, 3) + row(evm(9), "key "+wif): "secret_material", evmRows(0, 3) + row(wif, "E"): "secret_material",
		evmRows(0, 2) + `{"address":"` + evm(9) + `","colour":"` + wif + `"}` + "\n": "secret_material"}
	for content, want := range warning {
		v := h.send4("format=ndjson", content).want(201)
		for _, path := range []string{fmt.Sprint("/v1/lists/deny/versions/", v["version"], "/export"), "/v1/lists/deny/export"} {
			h.by("ben", "POST", fmt.Sprint("/v1/lists/deny/versions/", v["version"], "/activate"), map[string]any{"override": "test"})
			for _, who := range []string{"till", "ben"} {
				h.by(who, "GET", path+"?as=published", nil).refused(problem{Status: 403, Code: "forbidden"})
				if a := h.by(who, "GET", path+"?as=csv", nil); a.status != 200 || strings.Contains(string(a.body), wif) || a.header.Get("X-Interdict-Warning") != "" {
					t.Errorf("csv for %s: %d %v %s", who, a.status, a.header, a.body)
				}
			}
			for _, who := range []string{"ana", "otto", "root"} {
				a := h.by(who, "GET", path+"?as=published", nil)
				same(t, "the bytes for "+who, []any{200, content, want}, []any{a.status, string(a.body), a.header.Get("X-Interdict-Warning")})
			}
		}
	}
}
