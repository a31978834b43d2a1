package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"interdict/api/certs/certstest"
	"interdict/lists/storetest"
	"interdict/lists/storetest/freeaddr"
)

var (
	metricType  = regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`)
	metricValue = regexp.MustCompile(`(?m)^(\w+)(?:\{(.*)\})? \S+$`)
	metricLabel = regexp.MustCompile(`(\w+)="(?:[^"\\]|\\.)*"`)
	metricRow   = regexp.MustCompile("(?m)^\\| (`interdict_.*`) \\| (\\w+) \\| .+ \\|$")
	metricName  = regexp.MustCompile("`([^`]+)`")
)

// maxSeries is how many series a server has at most before it is used.
const maxSeries = 300

// exported returns the metrics of an answer as the table of docs/operations.md has them: "name{label,label}" and the type.
func exported(body string) map[string]string {
	labels := map[string]string{}
	for _, m := range metricValue.FindAllStringSubmatch(body, -1) {
		var names []string
		for _, label := range metricLabel.FindAllStringSubmatch(m[2], -1) {
			if label[1] != "le" {
				names = append(names, label[1])
			}
		}
		if slices.Sort(names); len(names) > 0 {
			labels[strings.TrimSuffix(m[1], "_bucket")] = "{" + strings.Join(names, ",") + "}"
		}
	}
	all := map[string]string{}
	for _, m := range metricType.FindAllStringSubmatch(body, -1) {
		if !strings.HasPrefix(m[1], "go_") && !strings.HasPrefix(m[1], "process_") {
			all[m[1]+labels[m[1]]] = m[2]
		}
	}
	return all
}

// Every metric of a server that does everything is in the table of docs/operations.md, with its type and labels, and the table has no others.
func TestMetricsAreDescribed(t *testing.T) {
	b, err := os.ReadFile("docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]string{}
	for _, row := range metricRow.FindAllStringSubmatch(string(b), -1) {
		for _, name := range metricName.FindAllStringSubmatch(row[1], -1) {
			described[name[1]] = row[2]
		}
	}

	ca, dir := certstest.NewCA(t, "authority"), t.TempDir()
	pair := ca.Issue(t, certstest.Named("one"))
	file := func(name string, b []byte) string { return certstest.Write(t, filepath.Join(dir, name), b) }
	data, bucket, redis := filepath.Join(dir, "data"), filepath.Join(dir, "bucket"), storetest.StartRedis(t)
	if err := os.Mkdir(bucket, 0o700); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := program(t, "", "load", "deny", file("deny.csv", []byte("address\n"+canaryAlways+"\n")), "--activate", "--data", data, "--redis", redis); code != exitDone {
		t.Fatal(errs)
	}
	listen, admin := freeaddr.Get(t), freeaddr.Get(t)
	start(t, "program", []string{"INTERDICT_BOOTSTRAP_KEY=" + testKey, "INTERDICT_LOG_LEVEL=error"}, "serve", "--listen", listen, "--admin-listen", admin,
		"--data", data, "--redis", redis, "--bucket", bucket, "--shadow-trm", "http://127.0.0.1:1", "--drain-delay", "0s", "--four-eyes", "off", "--tls-cert", file("tls.crt", pair.Cert), "--tls-key", file("tls.key", pair.Key))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: ca.Client(t), DisableKeepAlives: true}}
	send := func(method, url, body string) (status int, answer string) {
		req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+testKey)
		res, err := client.Do(req)
		if err != nil {
			return 0, ""
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			return 0, ""
		}
		return res.StatusCode, string(b)
	}
	base := "https://" + listen
	eventually(t, "the server is ready", 20*time.Second, func() bool { status, _ := send("GET", base+"/readyz", ""); return status == 200 })
	_, body := send("GET", "http://"+admin+"/metrics", "")
	if n := len(metricValue.FindAllString(body, -1)); n >= maxSeries {
		t.Errorf("%d series before anything is asked, at most %d were promised", n, maxSeries)
	}
	if problems, err := promlint.New(strings.NewReader(body)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("names that break the conventions: %v %v", problems, err)
	}
	if status, answer := send("POST", base+"/v1/check", `{"address":"`+canaryAlways+`","direction":"deposit"}`); status != 200 || !strings.Contains(answer, `"result":"hit"`) {
		t.Fatal(status, answer)
	}
	if status, answer := send("POST", base+"/public/v1/sanctions/screening", `[{"address":"`+canaryAlways+`"}]`); status != 201 {
		t.Fatal(status, answer)
	}
	if status, answer := send("POST", base+"/v1/check", `{"address":"nonsense","direction":"deposit"}`); status != 422 {
		t.Fatal(status, answer)
	}
	// The source is in an internal network: each attempt fails.
	if status, answer := send("PUT", base+"/v1/lists/deny", `{"source":{"url":"https://127.0.0.1:1/deny.csv","format":"csv","every":"1h"}}`); status != 200 {
		t.Fatal(status, answer)
	}
	eventually(t, "the list was asked for at its source", 60*time.Second, func() bool {
		_, body = send("GET", "http://"+admin+"/metrics", "")
		return strings.Contains(body, "interdict_refresh_total") && strings.Contains(body, "interdict_refresh_waiting")
	})
	if strings.Contains(body, canaryAlways) || strings.Contains(body, strings.ToLower(canaryAlways[2:])) {
		t.Error("a metric holds an address")
	}
	got := exported(body)
	if diff := cmp.Diff(described, got); diff != "" {
		t.Errorf("docs/operations.md (-) and a server (+):\n%s", diff)
	}
	for name, kind := range got {
		name, _, _ = strings.Cut(name, "{")
		if counter := strings.HasSuffix(name, "_total"); counter != (kind == "counter") {
			t.Errorf("%s is a %s", name, kind)
		}
	}
}
