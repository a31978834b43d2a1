package api_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"interdict/lists/address"
	"interdict/loader"
	"interdict/loader/fetch"
	"interdict/loader/formats"
	"interdict/screening"
)

// generation is the number of the generation that answers are given from now.
func (h *house) generation() any {
	h.t.Helper()
	return h.by("till", "POST", "/v1/check", checkOf("0x52908400098527886E0F7030069857D2E4169EE7", "")).want(200)["screened"].(map[string]any)["generation"]
}

// resultOf screens an address.
func (h *house) resultOf(address string) any {
	h.t.Helper()
	return h.by("till", "POST", "/v1/check", checkOf(address, "")).want(200)["result"]
}

func row(address, entity string) string {
	return fmt.Sprintf(`{"address":%q,"entity":{"name":%q}}`+"\n", address, entity)
}

// evm makes the n-th of many addresses.
func evm(n int) string { return fmt.Sprintf("0xfeed0123456789%026x", n) }

func evmRows(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		b.WriteString(row(evm(i), "E"))
	}
	return b.String()
}

func TestListSettings(t *testing.T) {
	h := open(t, fourEyesOff)
	nothing := map[string]any{"active_version": 0.0, "latest_version": 0.0, "published": "", "addresses": 0.0, "listings": 0.0, "quarantined": 0.0,
		"fresh_at": nil, "age_seconds": nil, "fresh": false, "updated_by": "root"}
	means := func(action, category, authority string) map[string]any {
		return map[string]any{"deposit": action, "withdrawal": action, "category": category, "authority": authority}
	}
	with := func(settings map[string]any, more map[string]any) map[string]any {
		out := map[string]any{}
		for _, m := range []map[string]any{settings, more} {
			for k, v := range m {
				out[k] = v
			}
		}
		return out
	}
	defaults := map[string]any{"id": "mine", "name": "mine", "authority": "", "category": "other", "confidence": "confirmed", "policy": []any{},
		"max_age": "", "on_stale": "warn", "approvals": 1.0, "max_shrink": 0.2, "max_growth": 10.0, "max_quarantined": 0.75, "mandatory": false, "keep": 10.0,
		"means": means("review", "other", "")}
	got := h.by("root", "PUT", "/v1/lists/mine", map[string]any{}).want(201)
	same(t, "a new list has the defaults of the contract", with(defaults, nothing), without(got, "updated_at"))
	same(t, "GET", got, h.by("otto", "GET", "/v1/lists/mine", nil).want(200))

	all := map[string]any{"name": "Mine", "authority": "Us", "category": "internal", "confidence": "suspected", "max_age": "36h0m0s", "on_stale": "stop",
		"policy":    []any{map[string]any{"class": "exact", "category": "internal", "confidence": "suspected", "direction": "deposit", "action": "freeze"}, map[string]any{"action": "allow"}},
		"approvals": 2.0, "max_shrink": 0.0, "max_growth": 1.0, "max_quarantined": 1.0, "mandatory": true, "keep": 3.0,
		"source": map[string]any{"url": "https://example.org/list.csv", "format": "csv", "every": "6h0m0s", "by": "root"}}
	got = h.by("root", "PUT", "/v1/lists/mine", all).want(200)
	all["means"] = means("allow", "internal", "Us")
	same(t, "every setting is kept", with(with(map[string]any{"id": "mine"}, all), nothing), without(got, "updated_at"))
	got = h.by("root", "PUT", "/v1/lists/mine", map[string]any{"name": "Ours", "max_age": ""}).want(200)
	same(t, "what is absent keeps its value", with(with(with(map[string]any{"id": "mine"}, all), nothing), map[string]any{"name": "Ours", "max_age": ""}), without(got, "updated_at"))
	got = h.by("root", "PUT", "/v1/lists/ofac-sdn", nil).want(201)
	same(t, "a well-known list knows its name", map[string]any{"name": "OFAC SDN", "authority": "US Treasury, OFAC", "category": "sanctions"}, only(got, "name", "authority", "category"))
	ids := []any{}
	for _, l := range h.by("till", "GET", "/v1/lists", nil).want(200)["lists"].([]any) {
		ids = append(ids, l.(map[string]any)["id"])
	}
	same(t, "all lists", []any{"mine", "ofac-sdn"}, ids)
}

// A source may need a password; whoever reads the list's settings does not learn it, and may write them back.
func TestSourceShowsNoPassword(t *testing.T) {
	h := open(t, fourEyesOff)
	const secret = "https://kim:hunter2@example.org/list.csv?token=hunter3"
	shown := map[string]any{"url": "https://xxxxx@example.org/list.csv?token=xxxxx", "format": "csv", "every": "6h0m0s", "sha256_url": "https://example.org/sum?key=xxxxx", "by": "root"}
	a := h.by("root", "PUT", "/v1/lists/mine", map[string]any{"source": map[string]any{"url": secret, "format": "csv", "every": "6h", "sha256_url": "https://example.org/sum?key=hunter4"}})
	same(t, "source", shown, a.want(201)["source"].(map[string]any))
	for _, path := range []string{"/v1/lists", "/v1/lists/mine"} {
		if a := h.by("otto", "GET", path, nil); strings.Contains(string(a.body), "hunter") {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	stored := func() string {
		t.Helper()
		l, _, err := h.loader.List(t.Context(), "mine")
		if err != nil || l.Source == nil {
			t.Fatal(l, err)
		}
		return l.Source.URL
	}
	h.by("root", "PUT", "/v1/lists/mine", map[string]any{"source": shown}).want(200)
	same(t, "what was read and written back", secret, stored())
	h.by("root", "PUT", "/v1/lists/mine", map[string]any{"name": "another"}).want(200)
	same(t, "what was not named", secret, stored())
	moved := map[string]any{"url": "https://xxxxx@elsewhere.org/list.csv?token=xxxxx", "format": "csv", "every": "6h0m0s"}
	h.by("root", "PUT", "/v1/lists/mine", map[string]any{"source": moved}).want(200)
	same(t, "a password does not go to another host", "https://xxxxx@elsewhere.org/list.csv?token=xxxxx", stored())
	for _, source := range []map[string]any{{"url": "file:///etc/passwd"}, {"url": "example.org"}, {"format": "csv"}, {"url": "https://example.org/", "format": "nosuch"},
		{"url": "https://example.org/", "every": "1s"}, {"url": "https://example.org/", "sha256": "abc"}} {
		p := h.by("root", "PUT", "/v1/lists/mine", map[string]any{"source": source}).refused(problem{Status: 400, Code: "invalid_request"})
		if !strings.Contains(p.Detail, "source") {
			t.Errorf("%v: %s", source, p.Detail)
		}
	}
	got := h.by("root", "PUT", "/v1/lists/mine", map[string]any{"source": map[string]any{}}).want(200)
	same(t, "no source any more", nil, got["source"])
	if log := h.log.String(); strings.Contains(log, "hunter") {
		t.Errorf("%s", log)
	}
}

// What came of fetching a list can be seen, also when nothing came of it.
func TestSourceStatus(t *testing.T) {
	h := open(t)
	content := ""
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if content == "" {
			http.NotFound(w, nil)
			return
		}
		_, _ = io.WriteString(w, content)
	}))
	defer source.Close()
	h.by("root", "PUT", "/v1/lists/deny", map[string]any{"approvals": 0, "source": map[string]any{"url": source.URL + "/list.ndjson", "format": "ndjson", "every": "6h"}}).want(201)
	status := func() map[string]any {
		t.Helper()
		s, _ := h.by("otto", "GET", "/v1/lists/deny", nil).want(200)["source_status"].(map[string]any)
		return s
	}
	same(t, "before the first attempt", map[string]any(nil), status())
	refresh := func() {
		t.Helper()
		r := loader.NewRefresher(h.loader, loader.RefreshOptions{Owner: "test", By: "refresh", Fetch: fetch.Options{AllowInternal: true, AllowHTTP: true, Sleep: func(context.Context, time.Duration) error { return nil }}})
		if err := r.Refresh(t.Context(), []string{"deny"}, true, func(loader.Refreshed) {}); err != nil {
			t.Fatal(err)
		}
	}
	refresh()
	s := status()
	same(t, "a failure", map[string]any{"outcome": "failed", "consecutive_failures": 1.0, "running": false, "last_success": nil}, only(s, "outcome", "consecutive_failures", "running", "last_success"))
	if s["last_error"] == nil || s["next_attempt"] == nil {
		t.Errorf("%v", s)
	}
	content = row(lazarus, "E")
	refresh()
	s = status()
	same(t, "a success", map[string]any{"outcome": "activated", "consecutive_failures": 0.0, "running": false}, only(s, "outcome", "consecutive_failures", "running", "last_error"))
	if s["last_success"] == nil {
		t.Errorf("%v", s)
	}
	if err := h.screener.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	same(t, "answers", any("hit"), h.resultOf(lazarus))
}

func TestOnlyAListThatWasNeverActiveIsDeleted(t *testing.T) {
	h := screened(t)
	h.by("root", "DELETE", "/v1/lists/ofac-sdn", nil).refused(problem{Status: 409, Code: "conflict"})
	h.by("root", "PUT", "/v1/lists/empty", nil).want(201)
	h.by("root", "DELETE", "/v1/lists/empty", nil).want(204)
	h.by("root", "GET", "/v1/lists/empty", nil).refused(problem{Status: 404, Code: "not_found"})
}

func TestSettingsOfAnActiveListAreAGeneration(t *testing.T) {
	h := screened(t, fourEyesOff)
	before := h.generation()
	h.by("root", "PUT", "/v1/lists/ofac-sdn", map[string]any{"name": "Renamed", "policy": []any{map[string]any{"class": "exact", "direction": "withdrawal", "action": "review"}}}).want(200)
	got := h.by("till", "POST", "/v1/check", checkOf(lazarus, "")).want(200)
	same(t, "the policy decides at once", any("review"), got["action"])
	same(t, "the name is told at once", any("Renamed"), got["matches"].([]any)[0].(map[string]any)["list"].(map[string]any)["name"])
	same(t, "in the next generation", any(before.(float64)+1), h.generation())
	newest := h.by("otto", "GET", "/v1/generations?limit=1", nil).want(200)["generations"].([]any)[0]
	same(t, "which says why it came to be", map[string]any{"generation": 2.0, "by": "root", "action": "settings", "list": "ofac-sdn"},
		only(newest, "generation", "by", "action", "list"))
	list := h.by("otto", "GET", "/v1/lists/ofac-sdn", nil).want(200)
	same(t, "the list", map[string]any{"active_version": 1.0, "latest_version": 1.0, "addresses": 4.0, "listings": 4.0, "fresh": true},
		only(list, "active_version", "latest_version", "addresses", "listings", "fresh"))
}

func TestUploadIsReportedWhole(t *testing.T) {
	h := open(t)
	h.by("root", "PUT", "/v1/lists/ofac-sdn", sdn).want(201)
	content := sdnRows + row(lazarus, "Lazarus Group, once more") + row(p2wpkh, "E") + row(p2wpkh, "E") + row("no address", "E")
	sum := sha256.Sum256([]byte(content))
	a := h.do(call{method: "POST", path: "/v1/lists/ofac-sdn/versions?format=ndjson&filename=dir/today.ndjson&note=first%20one", key: h.keyOf["ana"], body: content,
		header: http.Header{"Content-Type": {"application/x-ndjson"}}})
	got := a.want(201)
	same(t, "Location", "/v1/lists/ofac-sdn/versions/1", a.header.Get("Location"))
	same(t, "report", map[string]any{"list": "ofac-sdn", "version": 1.0, "state": "staged", "mode": "replace", "format": "ndjson", "file": "today.ndjson",
		"sha256": hex.EncodeToString(sum[:]), "size_bytes": float64(len(content)), "published": "", "gone": 0.0, "unread_rows": 0.0,
		"reading": map[string]any{"format": "ndjson", "category": "sanctions", "confidence": "confirmed", "authority": "US Treasury, OFAC",
			"formats": float64(formats.Rules), "address": float64(address.Rules)},
		"means":     map[string]any{"deposit": "freeze", "withdrawal": "reject", "category": "sanctions", "authority": "US Treasury, OFAC"},
		"rows":      map[string]any{"read": 8.0, "accepted": 5.0, "quarantined": 2.0, "duplicate": 1.0},
		"addresses": 6.0, "listings": 7.0, "raw": 2.0, "diff": map[string]any{"against": 0.0, "added": 7.0, "removed": 0.0, "changed": 0.0, "unchanged": 0.0},
		"guards": []any{}, "uploaded_by": "ana", "approvals": []any{}, "note": "first one"},
		without(got, "uploaded_at", "staged_at", "warnings", "layers", "sources"))
	same(t, "GET", got, h.by("otto", "GET", "/v1/lists/ofac-sdn/versions/1", nil).want(200))
	same(t, "all versions", []any{got}, h.by("otto", "GET", "/v1/lists/ofac-sdn/versions", nil).want(200)["versions"].([]any))
	h.by("till", "POST", "/v1/check", checkOf(lazarus, "")).refused(problem{Status: 503, Code: "not_loaded"}) // staged is not active
}

// rowsAddUp is the promise of every report.
func rowsAddUp(t *testing.T, version map[string]any) {
	t.Helper()
	rows := version["rows"].(map[string]any)
	n := func(name string) float64 { return rows[name].(float64) }
	if n("read") != n("accepted")+n("quarantined")+n("duplicate") {
		t.Errorf("read = accepted + quarantined + duplicate does not hold: %v", rows)
	}
}

// send uploads a body to list a.
func (h *house) send(query, media string, body []byte) *answer {
	h.t.Helper()
	return h.do(call{method: "POST", path: "/v1/lists/a/versions?format=ndjson" + query, key: h.keyOf["ana"], body: body, header: http.Header{"Content-Type": {media}}})
}

// form uploads a form to list a.
func (h *house) form(parts ...[3]string) *answer {
	h.t.Helper()
	body, media := multipartBody(h.t, parts...)
	return h.send("", media, body)
}

func TestRawAndAsAFormItIsTheSameUpload(t *testing.T) {
	h := open(t)
	h.by("root", "PUT", "/v1/lists/a", nil).want(201)
	content := []byte(row(lazarus, "E"))
	raw := h.send("", "text/plain", content).want(201)
	same(t, "name", any("upload"), raw["file"])
	got := h.form([3]string{"file", "list.ndjson", string(content)}).want(201)
	rowsAddUp(t, got)
	same(t, "report", without(raw, "version", "uploaded_at", "staged_at", "layers", "file"), without(got, "version", "uploaded_at", "staged_at", "layers", "file"))
	same(t, "name", any("list.ndjson"), got["file"])
	body, media := multipartBody(t, [3]string{"file", "list.ndjson", string(content)})
	same(t, "the query's name wins", any("other.ndjson"), h.send("&filename=other.ndjson", media, body).want(201)["file"])
	same(t, "no folders", any("passwd"), h.send("&filename=..%2F..%2Fetc%2Fpasswd", "text/plain", content).want(201)["file"])
}

func TestWrongFormStagesNothing(t *testing.T) {
	h := open(t)
	h.by("root", "PUT", "/v1/lists/a", nil).want(201)
	content := row(lazarus, "E")
	bad := problem{Status: 400, Code: "invalid_request"}
	h.form().refused(bad)
	h.form([3]string{"list", "list.ndjson", content}).refused(bad)
	h.form([3]string{"file", "", content}).refused(bad)                                         // a value, not a file
	h.form([3]string{"file", "l.ndjson", content}, [3]string{"format", "", "csv"}).refused(bad) // it would be passed over
	h.form([3]string{"file", "1", "x"}, [3]string{"file", "2", "x"}, [3]string{"file", "3", "x"}).refused(bad)
	body, media := multipartBody(t, [3]string{"file", "l.ndjson", content})
	h.send("", media, body[:len(body)-10]).refused(bad)
	h.send("", "multipart/form-data", body).refused(problem{Status: 415, Code: "unsupported_media_type"})
	h.send("", "multipart/mixed; boundary=x", body).refused(problem{Status: 415, Code: "unsupported_media_type"})
	h.send("&mode=append", "text/plain", []byte(content)).refused(bad)
	h.send("&note="+strings.Repeat("n", 4097), "text/plain", []byte(content)).refused(bad)
	same(t, "versions", []any{}, h.versions("a"))
}

// An upload that does not arrive whole leaves nothing that could be activated, and changes no answer.
func TestTruncatedUploadStagesNothing(t *testing.T) {
	h := screened(t)
	content := evmRows(0, 500)
	multipart, media := multipartBody(t, [3]string{"file", "l.ndjson", content})
	for name, x := range map[string]struct{ header, body string }{
		"fewer bytes than announced": {fmt.Sprintf("Content-Length: %d\r\n", len(content)), content[:len(content)/2]},
		"cut at the end of a row":    {fmt.Sprintf("Content-Length: %d\r\n", len(content)), content[:strings.LastIndex(content[:len(content)/2], "\n")+1]},
		"one byte short":             {fmt.Sprintf("Content-Length: %d\r\n", len(content)), content[:len(content)-1]},
		"no byte at all":             {fmt.Sprintf("Content-Length: %d\r\n", len(content)), ""},
		"chunks without an end":      {"Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n", 1000, content[:1000])},
		"a broken chunk":             {"Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s", 1000, content[:500])},
		"a form":                     {fmt.Sprintf("Content-Length: %d\r\nContent-Type: %s\r\n", len(multipart), media), string(multipart[:len(multipart)/2])},
	} {
		t.Run(name, func(t *testing.T) {
			send := func() *net.TCPConn {
				conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
				if err == nil {
					err = conn.SetDeadline(time.Now().Add(20 * time.Second))
				}
				if err != nil {
					t.Fatal(err)
				}
				if _, err := fmt.Fprintf(conn, "POST /v1/lists/ofac-sdn/versions?format=ndjson HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s\r\n%s",
					h.keyOf["ana"], x.header, x.body); err != nil {
					t.Fatal(err)
				}
				return conn.(*net.TCPConn)
			}
			// The caller can still listen: he is told.
			conn := send()
			if err := conn.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			req, err := http.NewRequest("POST", h.url+"/v1/lists/ofac-sdn/versions?format=ndjson", nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(bufio.NewReader(conn), req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			conn.Close()
			if err != nil {
				t.Fatal(err)
			}
			a := &answer{t: t, asked: "truncated upload", status: res.StatusCode, header: res.Header, body: body}
			a.refused(problem{Status: 400, Code: "invalid_request"})
			if err := conforms(req, nil, false, res.StatusCode, res.Header, body); err != nil {
				t.Error(err)
			}
			// The caller is gone.
			conn = send()
			if err := conn.SetLinger(0); err != nil {
				t.Fatal(err)
			}
			conn.Close()
		})
	}
	// The server works off a cut connection in its own time; what it made of it must not appear later either.
	for range 20 {
		for _, v := range h.by("otto", "GET", "/v1/lists/ofac-sdn/versions", nil).want(200)["versions"].([]any) {
			if m := v.(map[string]any); m["version"] != 1.0 && m["state"] != "failed" {
				t.Fatalf("a version of half a file: %v", m)
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	same(t, "generation", any(1.0), h.generation())
	same(t, "answers", any("hit"), h.resultOf(lazarus))
	same(t, "nothing of the cut files", any("miss"), h.resultOf(evm(3)))
}

func TestUploadBeyondTheLimitIsRefusedAtOnce(t *testing.T) {
	h := screened(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "POST /v1/lists/ofac-sdn/versions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n", h.keyOf["ana"], 8<<30+1); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest("POST", h.url+"/v1/lists/ofac-sdn/versions", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := &answer{t: t, asked: "upload of 8 GiB and a byte", status: res.StatusCode, header: res.Header, body: body}
	a.refused(problem{Status: 413, Code: "too_large", Detail: "the body is larger than 8589934592 bytes"})
	if err := conforms(req, nil, false, res.StatusCode, res.Header, body); err != nil {
		t.Error(err)
	}
}

// A file that cannot be taken is a failed version: on record, and good for nothing.
func TestFailedUpload(t *testing.T) {
	h := screened(t)
	// Somebody lower-cased the file: every base58 address in it is destroyed.
	var b strings.Builder
	for range 12 {
		b.WriteString(row(strings.ToLower(p2pkh), "E"))
	}
	a := h.do(call{method: "POST", path: "/v1/lists/ofac-sdn/versions?format=ndjson", key: h.keyOf["ana"], body: b.String(), header: http.Header{"Content-Type": {"text/plain"}}})
	refusal := a.refused(problem{Status: 400, Code: "invalid_request"})
	v := h.by("otto", "GET", "/v1/lists/ofac-sdn/versions/2", nil).want(200)
	same(t, "version", map[string]any{"state": "failed", "error": refusal.Detail, "uploaded_by": "ana", "layers": []any{}}, only(v, "state", "error", "uploaded_by", "layers"))
	conflict := problem{Status: 409, Code: "conflict"}
	h.by("otto", "GET", "/v1/lists/ofac-sdn/versions/2/diff", nil).refused(conflict)
	h.by("ben", "POST", "/v1/lists/ofac-sdn/versions/2/approve", nil).refused(conflict)
	h.by("ben", "POST", "/v1/lists/ofac-sdn/versions/2/reject", nil).refused(conflict)
	h.by("ben", "POST", "/v1/lists/ofac-sdn/versions/2/activate", map[string]any{"override": "all the same"}).refused(conflict)
	same(t, "answers", any("hit"), h.resultOf(lazarus))
	if len(formats.Names()) == 0 {
		t.Skip("the readers of formats are not in this build")
	}
	for name, x := range map[string]struct{ query, body string }{
		"an empty file":            {"format=auto", ""},
		"an empty file of a kind":  {"format=ndjson", ""},
		"a format that is not one": {"format=nosuch", "x"},
		"a file of another format": {"format=ofac_advanced", row(lazarus, "E")},
		"half an archive":          {"format=auto", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03abc"},
	} {
		t.Run(name, func(t *testing.T) {
			h := h.in(t)
			h.do(call{method: "POST", path: "/v1/lists/ofac-sdn/versions?" + x.query, key: h.keyOf["ana"], body: x.body, header: http.Header{"Content-Type": {"text/plain"}}}).
				refused(problem{Status: 400, Code: "invalid_request"})
		})
	}
	for _, v := range h.by("otto", "GET", "/v1/lists/ofac-sdn/versions", nil).want(200)["versions"].([]any) {
		if state := v.(map[string]any)["state"]; state == "staged" {
			t.Errorf("%v", v)
		}
	}
}

// Nobody's list goes live on one person's word.
func TestApprovalIsByAnother(t *testing.T) {
	h := open(t)
	h.by("root", "PUT", "/v1/lists/deny", nil).want(201) // one approval, as the contract has it
	h.upload("dora", "deny", row(lazarus, "E"), "")
	path := "/v1/lists/deny/versions/1/"
	conflict, forbidden := problem{Status: 409, Code: "conflict"}, problem{Status: 403, Code: "forbidden"}

	h.by("ben", "POST", path+"activate", nil).refused(conflict)
	h.by("ben", "POST", path+"activate", map[string]any{"override": "I want it"}).refused(conflict) // a reason stands in for guards, not for people
	h.by("dora", "POST", path+"approve", nil).refused(forbidden)
	h.by("dora", "POST", path+"reject", nil).refused(forbidden)
	second := h.by("root", "POST", "/v1/keys", map[string]any{"name": "dora-2", "person": " DORA", "roles": []string{"approver"}}).want(202)
	h.by("ben", "POST", "/v1/proposals/"+second["proposal"].(map[string]any)["id"].(string)+"/approve", nil).want(200)
	p := h.do(call{method: "POST", path: path + "approve", key: second["key"].(string)}).refused(forbidden)
	if !strings.Contains(p.Detail, "same person") {
		t.Errorf("%+v", p)
	}
	h.do(call{method: "POST", path: path + "reject", key: second["key"].(string)}).refused(forbidden)

	got := h.by("ben", "POST", path+"approve", map[string]any{"reason": "looked at it"}).want(200)
	same(t, "approvals", map[string]any{"by": "ben", "reason": "looked at it", "digest": got["sha256"]}, without(got["approvals"].([]any)[0], "at", "credential"))
	h.by("ben", "POST", path+"approve", nil).refused(conflict)
	h.by("till", "POST", "/v1/check", checkOf(lazarus, "")).refused(problem{Status: 503, Code: "not_loaded"})
	h.by("dora", "POST", path+"activate", nil).want(200)
	same(t, "answers", any("hit"), h.resultOf(lazarus))
	h.by("cleo", "POST", path+"approve", nil).refused(conflict)
	h.by("cleo", "POST", path+"reject", nil).refused(conflict)

	t.Run("two approvals are two people", func(t *testing.T) {
		h := h.in(t)
		h.by("root", "PUT", "/v1/lists/deny", map[string]any{"approvals": 2}).want(200)
		h.upload("root", "deny", row(lazarus, "E")+row(p2pkh, "E"), "")
		path := "/v1/lists/deny/versions/2/"
		h.by("root", "POST", path+"approve", nil).refused(forbidden) // the rule binds admins too
		h.by("ben", "POST", path+"approve", nil).want(200)
		p := h.by("ben", "POST", path+"activate", nil).refused(conflict)
		if !strings.Contains(p.Detail, "1 of 2") {
			t.Errorf("%+v", p)
		}
		h.by("cleo", "POST", path+"approve", nil).want(200)
		h.by("ben", "POST", path+"activate", nil).want(200)
	})
	t.Run("a rejected version stays what it is", func(t *testing.T) {
		h := h.in(t)
		h.upload("ana", "deny", row(p2wpkh, "E"), "")
		path := "/v1/lists/deny/versions/3/"
		got := h.by("ben", "POST", path+"reject", map[string]any{"reason": "wrong file"}).want(200)
		same(t, "state", any("rejected"), got["state"])
		h.by("cleo", "POST", path+"approve", nil).refused(conflict)
		h.by("cleo", "POST", path+"activate", nil).refused(conflict)
		same(t, "answers", any("hit"), h.resultOf(lazarus))
	})
}

func TestActivationAndRollbackAreGenerations(t *testing.T) {
	h := screened(t)
	a := h.by("ben", "POST", "/v1/lists/ofac-sdn/rollback", nil)
	a.refused(problem{Status: 409, Code: "conflict"}) // there is nothing to go back to
	same(t, "not listed yet", any("miss"), h.resultOf(genesis))
	h.upload("ana", "ofac-sdn", sdnRows+row(genesis, "E"), "")
	same(t, "staged is not active", any("miss"), h.resultOf(genesis))
	got := h.by("ben", "POST", "/v1/lists/ofac-sdn/versions/2/activate", map[string]any{"override": "test"}).want(200)
	same(t, "activation", map[string]any{"generation": 2.0, "list": "ofac-sdn", "version": 2.0, "replicas": map[string]any{"live": 0.0, "serving": 0.0}}, without(got, "at", "took_ms"))
	same(t, "listed", any("hit"), h.resultOf(genesis))
	conflict := problem{Status: 409, Code: "conflict"}
	h.by("ben", "POST", "/v1/lists/ofac-sdn/versions/2/activate", nil).refused(conflict)
	match := h.by("till", "POST", "/v1/check", checkOf(lazarus, "")).want(200)["matches"].([]any)[0].(map[string]any)
	same(t, "a listing keeps the version it came in", map[string]any{"version": 2.0, "added_in": 1.0},
		map[string]any{"version": match["list"].(map[string]any)["version"], "added_in": match["added_in"]})

	got = h.by("cleo", "POST", "/v1/lists/ofac-sdn/rollback", map[string]any{"reason": "it was wrong"}).want(200)
	same(t, "rollback", map[string]any{"generation": 3.0, "list": "ofac-sdn", "version": 1.0}, only(got, "generation", "list", "version"))
	same(t, "not listed any more", any("miss"), h.resultOf(genesis))
	states := []any{}
	for _, v := range h.by("otto", "GET", "/v1/lists/ofac-sdn/versions", nil).want(200)["versions"].([]any) {
		states = append(states, only(v, "version", "state", "previous"))
	}
	same(t, "versions", []any{map[string]any{"version": 1.0, "state": "active"}, map[string]any{"version": 2.0, "state": "superseded", "previous": 1.0}}, states)

	all := h.by("otto", "GET", "/v1/generations", nil).want(200)
	told := []any{}
	for _, g := range all["generations"].([]any) {
		m := only(g, "generation", "by", "action", "list", "reason")
		m["version"] = g.(map[string]any)["lists"].([]any)[0].(map[string]any)["version"]
		told = append(told, m)
	}
	same(t, "generations, the newest first", []any{
		map[string]any{"generation": 3.0, "by": "cleo", "action": "rollback", "list": "ofac-sdn", "reason": "it was wrong", "version": 1.0},
		map[string]any{"generation": 2.0, "by": "ben", "action": "activate", "list": "ofac-sdn", "reason": "test", "version": 2.0},
		map[string]any{"generation": 1.0, "by": "ben", "action": "activate", "list": "ofac-sdn", "reason": "test", "version": 1.0},
	}, told)
	page := h.by("otto", "GET", "/v1/generations?offset=1&limit=1", nil).want(200)
	same(t, "a page of them", map[string]any{"total": 3.0, "offset": 1.0, "generations": all["generations"].([]any)[1:2]}, page)
	page = h.by("otto", "GET", "/v1/generations?offset=9223372036854775807", nil).want(200)
	same(t, "a page beyond the end", []any{}, page["generations"].([]any))
	one := h.by("otto", "GET", "/v1/generations/2", nil).want(200)
	same(t, "one generation", all["generations"].([]any)[1], any(one))
}

// A list that shrinks, grows or empties suddenly is never activated silently.
func TestGuardNeedsAReason(t *testing.T) {
	for name, x := range map[string]struct {
		from, to int    // addresses of the new version; the active one has 0 to 100
		mode     string // of the upload
		guards   []string
	}{
		"a fifth may go":          {0, 80, "replace", nil},
		"more than a fifth":       {0, 79, "replace", []string{"shrink"}},
		"the wrong file":          {5000, 5010, "replace", []string{"shrink"}},
		"ten times may come":      {0, 1000, "replace", nil},
		"more than ten times":     {0, 1001, "replace", []string{"growth"}},
		"everything removed":      {0, 100, "remove", []string{"empty", "shrink"}},
		"a large piece removed":   {0, 21, "remove", []string{"shrink"}},
		"a small piece added":     {100, 110, "add", nil},
		"far too much added":      {100, 1001, "add", []string{"growth"}},
		"a small piece is no end": {0, 20, "remove", nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			h.publish("deny", map[string]any{"approvals": 0}, evmRows(0, 100))
			v := h.upload("ana", "deny", evmRows(x.from, x.to), "&mode="+x.mode)
			rowsAddUp(t, v)
			codes := []string(nil)
			for _, g := range v["guards"].([]any) {
				codes = append(codes, g.(map[string]any)["code"].(string))
			}
			same(t, "guards", x.guards, codes)
			path := "/v1/lists/deny/versions/2/activate"
			if x.guards == nil {
				h.by("ben", "POST", path, nil).want(200)
				return
			}
			for _, a := range []*answer{h.by("ben", "POST", path, nil), h.by("ben", "POST", path, map[string]any{"override": " \t"}), h.by("ben", "POST", path+"?override=", nil)} {
				p := a.refused(problem{Status: 409, Code: "conflict"})
				if !strings.Contains(p.Detail, x.guards[0]) {
					t.Errorf("the detail does not name the guard: %s", p.Detail)
				}
			}
			same(t, "answers", any("hit"), h.resultOf(evm(5)))
			h.by("ben", "POST", path+"?override=they+said+so", nil).want(200)
			v = h.by("otto", "GET", "/v1/lists/deny/versions/2", nil).want(200)
			same(t, "who went past it, and why", map[string]any{"by": "ben", "reason": "they said so", "digest": v["sha256"]}, without(v["override"], "at", "credential"))
			h.by("ben", "POST", "/v1/lists/deny/rollback", nil).want(200)
			same(t, "and back", any("hit"), h.resultOf(evm(5)))
		})
	}
	t.Run("most of the rows did not parse", func(t *testing.T) {
		h := open(t)
		h.by("root", "PUT", "/v1/lists/deny", map[string]any{"approvals": 0}).want(201)
		h.upload("ana", "deny", row(lazarus, "E")+row("nonsense", "E")+row("more nonsense", "E")+row("still more", "E")+row("and more", "E"), "")
		h.by("ben", "POST", "/v1/lists/deny/versions/1/activate", nil).refused(problem{Status: 409, Code: "conflict"})
	})
}

// A change rests on the version that it was made for.
func TestChangeOfAVersionThatIsGone(t *testing.T) {
	h := open(t)
	h.publish("deny", map[string]any{"approvals": 0}, evmRows(0, 10))
	added := h.upload("ana", "deny", evmRows(10, 12), "&mode=add")
	same(t, "an addition counts on top of the active version", map[string]any{"addresses": 12.0, "listings": 12.0, "mode": "add",
		"diff": map[string]any{"against": 1.0, "added": 2.0, "removed": 0.0, "changed": 0.0, "unchanged": 0.0}}, only(added, "addresses", "listings", "mode", "diff"))
	h.upload("ana", "deny", evmRows(9, 10), "&mode=remove")
	h.by("ben", "POST", "/v1/lists/deny/versions/2/activate", nil).want(200)
	p := h.by("ben", "POST", "/v1/lists/deny/versions/3/activate", nil).refused(problem{Status: 409, Code: "conflict"})
	if !strings.Contains(p.Detail, "stage it again") {
		t.Errorf("%+v", p)
	}
	for n, want := range map[int]string{3: "hit", 9: "hit", 11: "hit", 12: "miss"} {
		same(t, evm(n), any(want), h.resultOf(evm(n)))
	}
}

// table reads a CSV answer.
func table(t *testing.T, a *answer) [][]string {
	t.Helper()
	if a.status != 200 || a.header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Fatalf("%s → %d %s %s", a.asked, a.status, a.header.Get("Content-Type"), a.body)
	}
	rows, err := csv.NewReader(strings.NewReader(string(a.body))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestDiff(t *testing.T) {
	h := screened(t)
	h.upload("ana", "ofac-sdn", strings.Join(strings.SplitAfter(sdnRows, "\n")[1:], "")+
		`{"address":"`+genesis+`","network":"bitcoin","asset":"XBT","entity":{"name":"=HYPERLINK(\"http://evil\")"},"programs":["A","B"],"listed_on":"2025-01-02"}`+"\n"+
		strings.Replace(strings.SplitAfter(sdnRows, "\n")[1], "Some One", "Some Other", 1), "")
	// One row of the four is gone, one came, one is there twice: as it was, and with another name.
	whole := h.by("otto", "GET", "/v1/lists/ofac-sdn/versions/2/diff", nil).want(200)
	same(t, "diff", map[string]any{"list": "ofac-sdn", "version": 2.0, "against": 1.0, "total": 3.0, "offset": 0.0,
		"counts": map[string]any{"against": 1.0, "added": 2.0, "removed": 1.0, "changed": 0.0, "unchanged": 3.0}}, without(whole, "rows"))
	byChange := map[string]any{}
	for _, r := range whole["rows"].([]any) {
		m := r.(map[string]any)
		byChange[m["change"].(string)+" "+m["listing"].(map[string]any)["entity"].(map[string]any)["name"].(string)] = m["listing"]
	}
	same(t, "rows", map[string]any{
		"removed Lazarus Group": map[string]any{"address": lazarus, "network": "ethereum", "asset": "ETH", "entity": map[string]any{"id": "27307", "name": "Lazarus Group", "type": "entity"},
			"category": "sanctions", "confidence": "confirmed", "programs": []any{"DPRK3"}, "incident": "", "listed_on": "2019-09-13", "valid_until": "",
			"url": "https://sanctionssearch.ofac.treas.gov/Details.aspx?id=27307", "note": "", "locator": "line 1", "added_in": 1.0},
		"added Some Other": map[string]any{"address": p2pkh, "network": "bitcoin", "asset": "XBT", "entity": map[string]any{"id": "1", "name": "Some Other", "type": "individual"},
			"category": "sanctions", "confidence": "confirmed", "programs": []any{"CYBER2"}, "incident": "", "listed_on": "", "valid_until": "", "url": "", "note": "", "locator": "line 5", "added_in": 2.0},
		`added =HYPERLINK("http://evil")`: map[string]any{"address": genesis, "network": "bitcoin", "asset": "XBT", "entity": map[string]any{"id": "", "name": `=HYPERLINK("http://evil")`, "type": ""},
			"category": "sanctions", "confidence": "confirmed", "programs": []any{"A", "B"}, "incident": "", "listed_on": "2025-01-02", "valid_until": "", "url": "", "note": "", "locator": "line 4", "added_in": 2.0},
	}, byChange)
	var paged []any
	for i := range 4 {
		p := h.by("otto", "GET", fmt.Sprintf("/v1/lists/ofac-sdn/versions/2/diff?against=1&limit=1&offset=%d", i), nil).want(200)
		same(t, "total", any(3.0), p["total"])
		paged = append(paged, p["rows"].([]any)...)
	}
	same(t, "page by page", whole["rows"].([]any), paged)
	same(t, "against nothing", any(5.0), h.by("otto", "GET", "/v1/lists/ofac-sdn/versions/2/diff?against=0", nil).want(200)["total"])
	same(t, "with itself", any(0.0), h.by("otto", "GET", "/v1/lists/ofac-sdn/versions/2/diff?against=2", nil).want(200)["total"])

	rows := table(t, h.do(call{method: "GET", path: "/v1/lists/ofac-sdn/versions/2/diff", key: h.keyOf["otto"], header: http.Header{"Accept": {"text/csv"}}}))
	cells := map[string][]string{}
	for _, r := range rows {
		cells[r[0]+" "+r[1]] = r
	}
	same(t, "CSV", map[string][]string{
		"change address":     {"change", "address", "network", "asset", "entity", "programs", "listed_on", "locator"},
		"removed " + lazarus: {"removed", lazarus, "ethereum", "ETH", "Lazarus Group", "DPRK3", "2019-09-13", "line 1"},
		"added " + p2pkh:     {"added", p2pkh, "bitcoin", "XBT", "Some Other", "CYBER2", "", "line 5"},
		"added " + genesis:   {"added", genesis, "bitcoin", "XBT", `'=HYPERLINK("http://evil")`, "A;B", "2025-01-02", "line 4"},
	}, cells)

	t.Run("the same address with something else said about it", func(t *testing.T) {
		h := h.in(t)
		h.upload("ana", "ofac-sdn", strings.Replace(sdnRows, "Lazarus Group", "Lazarus", 1), "")
		got := h.by("otto", "GET", "/v1/lists/ofac-sdn/versions/3/diff", nil).want(200)
		r := got["rows"].([]any)[0].(map[string]any)
		same(t, "row", []any{1.0, "changed", "Lazarus", "Lazarus Group"}, []any{got["total"], r["change"],
			r["listing"].(map[string]any)["entity"].(map[string]any)["name"], r["before"].(map[string]any)["entity"].(map[string]any)["name"]})
	})
}

func TestQuarantine(t *testing.T) {
	h := open(t)
	h.by("root", "PUT", "/v1/lists/deny", map[string]any{"approvals": 0, "max_quarantined": 1}).want(201)
	texts := []string{"=1+1", "+49 170 1234567", "-1", "@SUM(A1)", "not an address, really"}
	content := row(lazarus, "E")
	for _, text := range texts {
		content += row(text, text)
	}
	v := h.upload("ana", "deny", content, "")
	rowsAddUp(t, v)
	same(t, "rows", map[string]any{"read": 6.0, "accepted": 1.0, "quarantined": 5.0, "duplicate": 0.0}, v["rows"].(map[string]any))
	path := "/v1/lists/deny/versions/1/quarantine"
	whole := h.by("otto", "GET", path, nil).want(200)
	same(t, "page", map[string]any{"list": "deny", "version": 1.0, "total": 5.0, "offset": 0.0}, without(whole, "rows"))
	for i, r := range whole["rows"].([]any) {
		m := r.(map[string]any)
		same(t, "row", map[string]any{"locator": fmt.Sprintf("line %d", i+2), "address": texts[i], "entity": texts[i], "active": true}, without(r, "reason", "detail"))
		if m["reason"] == "" || m["detail"] == "" {
			t.Errorf("no reason: %v", m)
		}
	}
	var paged []any
	for i := 0; i < 6; i += 2 {
		paged = append(paged, h.by("otto", "GET", fmt.Sprintf("%s?limit=2&offset=%d", path, i), nil).want(200)["rows"].([]any)...)
	}
	same(t, "page by page", whole["rows"].([]any), paged)

	rows := table(t, h.do(call{method: "GET", path: path, key: h.keyOf["otto"], header: http.Header{"Accept": {"text/csv, application/json;q=0.5"}}}))
	same(t, "header", []string{"locator", "address", "network", "asset", "entity", "reason", "detail", "active", "unread"}, rows[0])
	for i, want := range []string{"'=1+1", "'+49 170 1234567", "'-1", "'@SUM(A1)", "not an address, really"} {
		same(t, "no cell is a formula", []string{want, want, "true"}, []string{rows[i+1][1], rows[i+1][4], rows[i+1][7]})
	}
	rows = table(t, h.do(call{method: "GET", path: path + "?limit=1&offset=4", key: h.keyOf["otto"], header: http.Header{"Accept": {"text/csv"}}}))
	same(t, "a page as CSV", 2, len(rows))

	h.by("ben", "POST", "/v1/lists/deny/versions/1/activate", nil).want(200)
	for _, text := range texts {
		got := h.by("till", "POST", "/v1/check", checkOf(text, "")).want(200)
		same(t, text, map[string]any{"result": "hit", "action": "review"}, only(got, "result", "action"))
	}
	clean := h.upload("ana", "deny", row(lazarus, "E"), "&note=clean")
	same(t, "none", []any{}, h.by("otto", "GET", "/v1/lists/deny/versions/"+number(clean["version"])+"/quarantine", nil).want(200)["rows"].([]any))
}

// An activation tells how many of the live servers answer from it.
func TestReplicas(t *testing.T) {
	h := screened(t)
	same(t, "nobody reports", []any{}, h.by("otto", "GET", "/v1/replicas", nil).want(200)["replicas"].([]any))
	h.follow("replica-a")
	other := *h
	other.screener = screening.New(h.store, h.journal, h.metrics, quiet(), h.clock.now)
	other.follow("replica-b")
	waitFor(t, "both report", func() bool {
		serving := 0
		for _, r := range h.by("otto", "GET", "/v1/replicas", nil).want(200)["replicas"].([]any) {
			if r.(map[string]any)["generation"] == 1.0 {
				serving++
			}
		}
		return serving == 2
	})
	h.upload("ana", "ofac-sdn", sdnRows+row(genesis, "E"), "")
	got := h.by("ben", "POST", "/v1/lists/ofac-sdn/versions/2/activate", map[string]any{"override": "test"}).want(200)
	same(t, "both serve it before the answer comes", map[string]any{"live": 2.0, "serving": 2.0}, got["replicas"].(map[string]any))
	all := h.by("otto", "GET", "/v1/replicas", nil).want(200)["replicas"].([]any)
	same(t, "replicas", []any{map[string]any{"id": "replica-a", "generation": 2.0, "lost": false}, map[string]any{"id": "replica-b", "generation": 2.0, "lost": false}},
		[]any{without(all[0], "since", "seen", "generation_id", "rules"), without(all[1], "since", "seen", "generation_id", "rules")})
	h.clock.advance(time.Hour)
	waitFor(t, "who reports again is live again", func() bool {
		return len(h.by("otto", "GET", "/v1/replicas", nil).want(200)["replicas"].([]any)) == 2
	})
}

func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}
