package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/storetest"
)

// sourceOnThisMachine lets a command fetch from a test's server.
var sourceOnThisMachine = []string{"--allow-http-sources", "--allow-internal-sources"}

func TestFollowAndRefresh(t *testing.T) {
	sdn, err := os.ReadFile(filepath.Join("loader", "formats", "testdata", "ofac_advanced", "sdn_advanced.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var refuse atomic.Bool
	var agent atomic.Value
	ofac := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		agent.Store(r.UserAgent())
		switch {
		case r.URL.Path == "/labels.csv":
			_, _ = io.WriteString(w, "address,asset\n"+canaryAlways+",NOSUCHCOIN\n")
		case r.URL.Path != "/sdn.xml" || refuse.Load():
			w.WriteHeader(http.StatusForbidden)
		case r.Header.Get("If-Modified-Since") != "":
			w.WriteHeader(http.StatusNotModified)
		default:
			w.Header().Set("Last-Modified", "Wed, 19 Nov 2025 14:07:28 GMT")
			_, _ = w.Write(sdn)
		}
	}))
	defer ofac.Close()
	data := t.TempDir()
	do := func(code int, says string, args ...string) string {
		t.Helper()
		if args[0] == "refresh" {
			args = append(args, sourceOnThisMachine...)
		}
		got, out, errs := program(t, "", append(args, "--data", data)...)
		if got != code || !strings.Contains(out+errs, says) || strings.Contains(out+errs, "geheim") {
			t.Fatalf("%v: exit code %d\n%s%s", args, got, out, errs)
		}
		return out
	}
	do(exitError, "no store in the data folder", "refresh")
	do(exitError, "does not exist", "lists", "follow", "nonsense")
	do(exitError, "not for machines", "lists", "follow", "fbi-lazarus")
	do(exitDone, "goes live by itself", "lists", "follow", "ofac-sdn", "--url", ofac.URL+"/sdn.xml?token=geheim")
	do(exitDone, "ofac-sdn                   activated  version 1 is active as generation 1", "refresh")
	do(exitDone, "not_due    not before", "refresh")
	do(exitDone, "unchanged  version 1 is what the publisher has", "refresh", "--force", "--user-agent", "Mozilla/5.0 of our own, long enough for everybody")
	if agent.Load() != "Mozilla/5.0 of our own, long enough for everybody" {
		t.Errorf("asked as %q", agent.Load())
	}
	do(exitDone, "waits for 1 approvals", "lists", "follow", "ofac-sdn-xml", "--list", "second", "--approvals", "1", "--url", ofac.URL+"/sdn.xml")
	do(exitDone, "", "lists", "follow", "ofac-sdn", "--list", "third", "--url", ofac.URL+"/moved.xml")
	var told struct {
		Lists []struct {
			List, Outcome, Error string
			Version, Generation  int
		}
	}
	if err := json.Unmarshal([]byte(do(exitError, "1 of 3 lists could not be refreshed", "refresh", "--json")), &told); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range told.Lists {
		got = append(got, fmt.Sprint(x.List, " ", x.Outcome, " ", x.Version, " ", x.Generation, " ", strings.Contains(x.Error, "status 403")))
	}
	if d := cmp.Diff([]string{"ofac-sdn not_due 0 0 false", "second staged 1 0 false", "third failed 0 0 true"}, got); d != "" {
		t.Error(d)
	}
	refuse.Store(true)
	do(exitError, "failed     download from "+strings.TrimPrefix(ofac.URL, "http://")+": status 403 Forbidden", "refresh", "ofac-sdn", "--force")
	do(exitHit, "HIT", "check", "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h")
	do(exitDone, "follows no source any more", "lists", "unfollow", "third")
	do(exitDone, "not_due", "refresh")
	if code, _, errs := program(t, "", "refresh", "ofac-sdn", "--force", "--allow-internal-sources", "--data", data); code != exitError || !strings.Contains(errs, "1 of 1 lists") {
		t.Errorf("plain http is fetched without being allowed: %d %s", code, errs)
	}
	do(exitError, "no such list", "refresh", "nonsense")
	// A mirror may have another format than the source.
	do(exitUsage, `--format "cvs" is none of auto, `, "lists", "follow", "ofac-sdn-xml", "--list", "mirror", "--url", ofac.URL+"/labels.csv", "--format", "cvs")
	do(exitDone, "", "lists", "follow", "ofac-sdn-xml", "--list", "mirror", "--url", ofac.URL+"/labels.csv")
	do(exitError, "mirror                     failed", "refresh", "mirror")
	do(exitDone, "", "lists", "follow", "ofac-sdn-xml", "--list", "mirror", "--url", ofac.URL+"/labels.csv", "--format", "csv", "--approvals", "1")
	do(exitDone, "mirror                     staged", "refresh", "mirror", "--force")
	// A version is made with warnings: they are shown once, as load shows them.
	do(exitDone, "", "lists", "follow", "ultrasoundmoney-ofac-evm", "--list", "labels", "--url", ofac.URL+"/labels.csv")
	do(exitDone, "active as generation 2\n  warning   unknown_label: \"NOSUCHCOIN\" is not a known asset or network (1 rows)", "refresh", "labels")
	if out := do(exitDone, "unchanged", "refresh", "labels", "--force"); strings.Contains(out, "warning") {
		t.Errorf("an unchanged list warns: %s", out)
	}
	do(exitDone, "", "lists", "follow", "ultrasoundmoney-ofac-evm", "--list", "labels2", "--url", ofac.URL+"/labels.csv")
	var warned struct {
		Lists []struct {
			Outcome  string
			Warnings []lists.Finding
		}
	}
	if err := json.Unmarshal([]byte(do(exitDone, "", "refresh", "labels2", "--json")), &warned); err != nil || len(warned.Lists) != 1 || len(warned.Lists[0].Warnings) != 1 ||
		warned.Lists[0].Warnings[0].Code != "unknown_label" {
		t.Errorf("%v %+v", err, warned)
	}
	if _, out, _ := program(t, "", "lists", "sources", "--json"); !json.Valid([]byte(out)) || !strings.Contains(out, "SDN_ADVANCED.ZIP") {
		t.Errorf("sources: %s", out)
	}
}

// Of two servers on one store, one fetches the sources of lists, and one publishes. Both servers show how it goes.
func TestServersRefreshTheirLists(t *testing.T) {
	var asked atomic.Int32
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path == "/gone.csv" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, "address\n"+canaryAlways+"\n")
	}))
	defer source.Close()
	redis := storetest.StartRedis(t)
	for _, id := range []string{"deny", "gone"} {
		url := strings.Replace(source.URL, "http://", "http://me:geheim@", 1) + "/" + id + ".csv?token=geheim"
		if code, _, errs := program(t, "", "lists", "follow", "ultrasoundmoney-ofac-evm", "--list", id, "--url", url, "--data", t.TempDir(), "--redis", redis); code != exitDone {
			t.Fatal(errs)
		}
	}
	newKey := func() {
		t.Helper()
		_, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("INTERDICT_RECORD_KEY", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	}
	newKey() // of both
	publish := []string{"--redis", redis, "--four-eyes", "off", "--publish", t.TempDir()}
	shared := append(slices.Clip(publish), sourceOnThisMachine...)
	s, other := serve(t, append(shared, "--data", t.TempDir())...), serve(t, append(shared, "--data", t.TempDir())...)
	type view struct {
		Source struct{ URL string }
		Status *struct {
			Outcome, Detail string
			Failures        int        `json:"consecutive_failures"`
			LastError       string     `json:"last_error"`
			LastSuccess     *time.Time `json:"last_success"`
			NextAttempt     time.Time  `json:"next_attempt"`
		} `json:"source_status"`
	}
	var deny, gone view
	for end := time.Now().Add(60 * time.Second); deny.Status == nil || deny.Status.Outcome == "" || gone.Status == nil || gone.Status.Outcome == ""; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing is fetched")
		}
		s.call(t, http.MethodGet, "/v1/lists/deny", "", &deny)
		s.call(t, http.MethodGet, "/v1/lists/gone", "", &gone)
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("two lists are asked for %d times", n)
	}
	if x := deny.Status; x.Outcome != "activated" || x.LastSuccess == nil || time.Until(x.NextAttempt) < 23*time.Hour {
		t.Errorf("deny: %+v", x)
	}
	if x := gone.Status; x.Outcome != "failed" || x.Failures != 1 || !strings.Contains(x.LastError, "status 404") || x.LastSuccess != nil {
		t.Errorf("gone: %+v", x)
	}
	if !strings.HasPrefix(deny.Source.URL, "http://xxxxx@127.0.0.1:") || !strings.HasSuffix(deny.Source.URL, "/deny.csv?token=xxxxx") {
		t.Errorf("everybody sees %s", deny.Source.URL)
	}
	for end := time.Now().Add(time.Minute); s.result(t, canaryAlways) != "hit" || other.result(t, canaryAlways) != "hit"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("what was fetched is not answered from")
		}
	}
	// What was read can be written back, and {} ends it.
	put := func(body string) (v view) {
		t.Helper()
		if status := s.call(t, http.MethodPut, "/v1/lists/deny", body, &v); status != http.StatusOK {
			t.Fatalf("change: %d", status)
		}
		return v
	}
	if v := put(fmt.Sprintf(`{"source":{"url":%q,"format":"csv","every":"48h"}}`, deny.Source.URL)); v.Status == nil || time.Until(v.Status.NextAttempt) < 47*time.Hour {
		t.Errorf("the URL is another one now: %+v", v.Status)
	}
	if v := put(`{"source":{}}`); v.Source.URL != "" || v.Status != nil {
		t.Errorf("%+v", v)
	}
	// One of them publishes, and both know that. When it ends, the other one does.
	roles := func(servers ...*server) (all []string) {
		for _, one := range servers {
			var ready client.Readiness
			one.call(t, http.MethodGet, "/readyz", "", &ready)
			for _, c := range ready.Checks {
				if c.Name == "publish" {
					all = append(all, c.Status+": "+c.Detail)
				}
			}
		}
		slices.Sort(all)
		if len(all) != len(servers) {
			t.Fatalf("checks of publishing: %q", all)
		}
		return all
	}
	await := func(want []string, servers ...*server) {
		t.Helper()
		for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			if got := roles(servers...); slices.Equal(got, want) {
				return
			} else if time.Now().After(end) {
				t.Fatalf("who publishes: %q, not %q", got, want)
			}
		}
	}
	await([]string{"ok: another server publishes", "ok: this server publishes"}, s, other)
	// One with another key could not: followers would refuse what it signs.
	newKey()
	stranger := serve(t, append(slices.Clip(publish), "--data", t.TempDir(), "--no-refresh", "--cache", "none")...)
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if got := roles(stranger); strings.HasPrefix(got[0], "warn: another server publishes, and this one could not take over: v1/manifest in ") {
			break
		} else if time.Now().After(end) {
			t.Fatalf("with another key: %q", got)
		}
	}
	if err := stranger.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := stranger.cmd.Wait(); err != nil {
		t.Errorf("it does not end well: %v", err)
	}
	if roles(s)[0] != "ok: this server publishes" {
		s, other = other, s
	}
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("it does not end well: %v", err)
	}
	await([]string{"ok: this server publishes"}, other)
}

func TestRefreshMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := newRefreshMetrics(registry)
	gathered := func() (out []string) {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, x := range f.GetMetric() {
				text := strings.TrimPrefix(f.GetName(), "interdict_refresh_")
				for _, l := range x.GetLabel() {
					text += " " + l.GetValue()
				}
				out = append(out, fmt.Sprint(text, " ", x.GetCounter().GetValue()+x.GetGauge().GetValue()))
			}
		}
		return out
	}
	if got := gathered(); len(got) != 0 {
		t.Errorf("before anything is known: %v", got)
	}
	m.Refreshed("a", lists.RefreshFailed)
	m.Refreshed("a", lists.RefreshFailed)
	m.Refreshed("b", lists.RefreshStaged)
	m.Known(map[string]lists.Refresh{"a": {LastAttempt: time.Unix(100, 0), Failures: 2}})
	m.Known(map[string]lists.Refresh{"b": {LastAttempt: time.Unix(200, 0), LastSuccess: time.Unix(150, 5e8), Outcome: lists.RefreshWaiting}})
	if d := cmp.Diff([]string{"attempt_timestamp_seconds b 200", "consecutive_failures b 0", "success_timestamp_seconds b 150.5", "total a failed 2", "total b staged 1", "waiting b 1"}, gathered()); d != "" {
		t.Error(d)
	}
}
