package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"interdict/screening/selftest"
)

// tested is a store with two lists, one of which has a listing that is no address, and one that has expired.
func tested(t *testing.T) (data string) {
	t.Helper()
	data = t.TempDir()
	file := filepath.Join(t.TempDir(), "deny.ndjson")
	for list, rows := range map[string]string{
		"deny": `{"address":"` + canaryAlways + `"}` + "\n" + `{"address":"some account at an exchange"}` + "\n" + `{"address":"TUCsTq7TofTCJRRoHk6RvhMoS2mJLm5Yzq","network":"tron","valid_until":"2020-01-01"}` + "\n",
		"own":  `{"address":"bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a","network":"bitcoin-cash"}` + "\n",
	} {
		if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, errs := program(t, "", "load", list, file, "--activate", "--override", "test", "--data", data); code != exitDone {
			t.Fatal(errs)
		}
	}
	return data
}

func readReport(t *testing.T, out string) selftest.Report {
	t.Helper()
	var r selftest.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return r
}

// The same seed asks the same texts on a store and through a server, and each is answered as it must be.
func TestSelftest(t *testing.T) {
	data := tested(t)
	file := filepath.Join(t.TempDir(), "selftest.note")
	before := recordsIn(t, data)
	code, out, errs := program(t, "", "selftest", "--seed", "42", "--report", file, "--json", "--data", data)
	r := readReport(t, out)
	if code != exitDone || !r.Passed || len(r.Lists) != 2 || r.Generation != 2 || r.Vectors.Lines < 2000 || r.Vectors.Failed != 0 {
		t.Fatalf("%d\n%s%s", code, out, errs)
	}
	if after := recordsIn(t, data); after != before {
		t.Errorf("the test on a store is recorded: %d records, then %d", before, after)
	}
	deny := r.Lists[0]
	if deny.List != "deny" || deny.Version != 1 || deny.Sampled != 3 || deny.Expired != 1 || deny.Hits == 0 || deny.Refusals == 0 || deny.Hits+deny.Refusals != deny.Texts {
		t.Errorf("%+v", deny)
	}

	_, key, _ := program(t, "", "audit", "keys", "--data", data)
	key = strings.TrimSpace(key)
	code, out, errs = program(t, "", "selftest", "--verify", file, "--public-key", key, "--json")
	var opened selftest.Opened
	if err := json.Unmarshal([]byte(out), &opened); err != nil || code != exitDone {
		t.Fatalf("%d %v\n%s%s", code, err, out, errs)
	}
	if d := cmp.Diff(r, opened.Report); d != "" || len(opened.SHA256) != 64 || !cmp.Equal(opened.Keys, []string{"interdict"}) {
		t.Errorf("-printed +signed\n%s", d)
	}
	if code, out, _ := program(t, "", "selftest", "--verify", file, "--public-key", key); code != exitDone || !strings.Contains(out, "PASSED") || !strings.Contains(out, "--seed 42") {
		t.Errorf("%d\n%s", code, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(b), `"passed": true`, `"passed": false`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := program(t, "", "selftest", "--verify", file, "--public-key", key); code != exitError || out != "" {
		t.Errorf("a changed report: %d %s", code, out)
	}

	s := serve(t, "--data", data)
	code, out, errs = program(t, "", "selftest", "--seed", "42", "--json", "--server", s.base, "--key", testKey)
	through := readReport(t, out)
	if d := cmp.Diff(r.Lists, through.Lists); d != "" || code != exitDone || through.Subject != "server "+s.base {
		t.Errorf("%d %s-store +server\n%s", code, errs, d)
	}
	if code, _, errs := program(t, "", "selftest", "--data", data); code != exitError || !strings.Contains(errs, "--server") {
		t.Errorf("beside a server: %d %s", code, errs)
	}
}

// A server that clears what is listed, or answers what is no address, fails the test: at once, or with every failure in the report.
func TestSelftestFindsWrongAnswers(t *testing.T) {
	s := serve(t, "--data", tested(t))
	u, err := url.Parse(s.base)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(u)
	wrong := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text, ok := strings.CutPrefix(r.URL.Path, "/v1/addresses/"); ok && strings.HasPrefix(text, "0X") { // this spelling is not understood
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"check_id":"019ad2c4-7b1e-7cc0-8d2f-3a5b6c7d8e9f","result":"miss","address":{"input":"` + text + `","network":"ethereum","canonical":"x","identity":"evm:01"},
				"matches":[],"screened":{"generation":2,"as_of":"2026-01-01T00:00:00Z","lists":1,"listings":1},"checked_at":"2026-01-01T00:00:00Z"}`))
			return
		}
		forward.ServeHTTP(w, r)
	}))
	defer wrong.Close()
	args := []string{"selftest", "--server", wrong.URL, "--key", testKey}
	code, out, errs := program(t, "", args...)
	if code != exitError || !strings.Contains(errs, `WRONG  "0X`) || !strings.Contains(errs, "want hit on deny, got miss") || !strings.Contains(out, "FAILED") || strings.Contains(out, "list own") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	file := filepath.Join(t.TempDir(), "report.json")
	code, _, errs = program(t, "", append(args, "--report", file, "--journal", t.TempDir())...)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := readReport(t, string(b)) // not signed: there is no key
	if code != exitError || !strings.Contains(errs, "not signed") || r.Passed || len(r.Lists) != 2 || len(r.Failures) == 0 || r.Lists[0].Failed != len(r.Failures) {
		t.Errorf("%d %s\n%s", code, errs, b)
	}
	for _, f := range r.Failures {
		if f.List != "deny" || f.Listed != canaryAlways || f.How != "0X" || f.Want != "hit on deny" || f.Got != "miss" {
			t.Errorf("%+v", f)
		}
	}
	away := []string{"selftest", "--server", "http://127.0.0.1:1", "--key", testKey}
	if code, out, _ := program(t, "", away...); code != exitError || strings.Contains(out, "PASSED") {
		t.Errorf("without a server: %d %s", code, out)
	}
}

func TestSelftestOfTheProgramAlone(t *testing.T) {
	t.Chdir(t.TempDir())
	code, out, errs := program(t, "", "selftest")
	if code != exitDone || !strings.Contains(out, "no list was tested") || !strings.Contains(out, "PASSED") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	for _, args := range [][]string{{"--data", "nothing-here"}, {"--data", t.TempDir()}} {
		if code, out, errs := program(t, "", append([]string{"selftest"}, args...)...); code != exitError || strings.Contains(out, "PASSED") {
			t.Errorf("%v: %d\n%s%s", args, code, out, errs)
		}
	}
	for _, args := range [][]string{{"--sample", "0"}, {"--public-key", "x"}, {"--verify", "x"}} {
		if code, _, errs := program(t, "", append([]string{"selftest"}, args...)...); code != exitUsage {
			t.Errorf("%v: %d %s", args, code, errs)
		}
	}
}

// recordsIn counts the decisions and changes in the journal of a store.
func recordsIn(t *testing.T, data string) int {
	t.Helper()
	code, out, errs := program(t, "", "audit", "export", "--data", data)
	if code != exitDone {
		t.Fatal(errs)
	}
	return strings.Count(out, "\n")
}
