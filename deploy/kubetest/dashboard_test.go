package kubetest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"interdict/lists/storetest/freeaddr"
)

type dashboard struct {
	UID        string
	Templating struct{ List []struct{ Name, Type string } }
	Panels     []struct {
		ID         int
		Type       string
		Title      string
		Datasource struct{ UID string }
		GridPos    struct{ X, Y, W, H int }
		Targets    []struct {
			RefID string
			Expr  string
		}
	}
}

func grafana(t *testing.T) (d dashboard) {
	t.Helper()
	b, err := os.ReadFile(dashboardFile)
	if err == nil {
		err = json.Unmarshal(b, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// queries returns the queries of the dashboard as Grafana would send them, by panel and letter.
func queries(t *testing.T, interval string) map[string]string {
	t.Helper()
	all := map[string]string{}
	fill := strings.NewReplacer("$job", ".*", "$instance", ".*", "$__rate_interval", interval)
	for _, p := range grafana(t).Panels {
		for _, target := range p.Targets {
			all[p.Title+" "+target.RefID] = fill.Replace(target.Expr)
		}
	}
	return all
}

func TestTheDashboardIsWellFormed(t *testing.T) {
	d := grafana(t)
	if d.UID != "interdict" || len(d.Templating.List) == 0 || d.Templating.List[0].Name != "datasource" || d.Templating.List[0].Type != "datasource" {
		t.Errorf("its first variable is not the data source: %+v", d.Templating.List)
	}
	rows, ids, titles := []string{}, map[int]bool{}, map[string]bool{}
	for i, p := range d.Panels {
		if ids[p.ID] || titles[p.Title] {
			t.Errorf("%s: its id or title is taken twice", p.Title)
		}
		ids[p.ID], titles[p.Title] = true, true
		if p.Type == "row" {
			rows = append(rows, p.Title)
			continue
		}
		if len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" {
			t.Errorf("%s has no query, or a data source of its own", p.Title)
		}
		for _, o := range d.Panels[:i] {
			a, b := p.GridPos, o.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("%s covers %s", p.Title, o.Title)
			}
		}
	}
	if want := []string{"State", "Traffic", "Answers", "Latency", "Lists", "Engine", "Record", "People"}; !slices.Equal(rows, want) {
		t.Errorf("rows %v, not %v", rows, want)
	}
	known := documented(t)
	for panel, query := range queries(t, "1m") {
		for _, name := range metricInQuery.FindAllString(query, -1) {
			if !known[name] {
				t.Errorf("%s asks for %s, which docs/operations.md does not have", panel, name)
			}
		}
	}
}

// On a running server every query of the dashboard is understood, and finds something wherever the server has the metrics that it asks for.
func TestQueriesOfTheDashboardFindSomething(t *testing.T) {
	if _, err := exec.LookPath("prometheus"); err != nil {
		t.Fatalf("%v: install the package prometheus", err)
	}
	dir, listen, admin, prom := t.TempDir(), freeaddr.Get(t), freeaddr.Get(t), freeaddr.Get(t)
	redis := "redis://" + redisServer(t)
	csv := filepath.Join(dir, "list.csv")
	if err := os.WriteFile(csv, []byte("address,network\n0x098B716B8Aaf21512996dC57EB0615e2383E2f96,ethereum\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	if out, err := exec.Command(program(t), "load", "deny", csv, "--activate", "--data", data, "--redis", redis).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	background(t, []string{"INTERDICT_BOOTSTRAP_KEY=" + bootstrapKey}, program(t), "serve", "--listen", listen, "--admin-listen", admin, "--data", data, "--redis", redis, "--drain-delay", "0s")

	config, err := os.ReadFile("../compose/prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	alerts, err := filepath.Abs(alertsFile)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "prometheus.yml")
	config = []byte(strings.NewReplacer("/etc/prometheus/alerts.yaml", alerts, "interdict-1:9090, interdict-2:9090", admin, "scrape_interval: 5s", "scrape_interval: 1s").Replace(string(config)))
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	background(t, nil, "prometheus", "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "tsdb"), "--web.listen-address="+prom, "--log.level=error")

	check := func() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+listen+"/v1/checks",
			strings.NewReader(`{"checks":[{"address":"0x098B716B8Aaf21512996dC57EB0615e2383E2f96","direction":"deposit"},{"address":"nonsense","direction":"deposit"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+bootstrapKey)
		if res, err := http.DefaultClient.Do(req); err == nil {
			res.Body.Close()
		}
	}
	missing := queries(t, "10s")
	if len(missing) < 50 {
		t.Fatalf("%d queries", len(missing))
	}
	// A server that has just been started is ahead of what was scraped: some queries need several samples.
	for deadline := time.Now().Add(60 * time.Second); len(missing) > 0 && time.Now().Before(deadline); time.Sleep(time.Second) {
		check()
		has := get(t, "http://"+admin+"/metrics")
		maps.DeleteFunc(missing, func(panel, query string) bool {
			var answer struct {
				Status, Error string
				Data          struct{ Result []any }
			}
			body := get(t, "http://"+prom+"/api/v1/query?query="+url.QueryEscape(query))
			if body == "" || has == "" {
				return false // it has not started yet
			}
			if err := json.Unmarshal([]byte(body), &answer); err != nil {
				return false
			}
			if answer.Error != "" {
				t.Errorf("%s: %s\n%s", panel, answer.Error, query)
				return true
			}
			asked := metricInQuery.FindAllString(query, -1)
			absent := slices.ContainsFunc(asked, func(name string) bool { return !strings.Contains(has, "\n"+name) })
			return len(answer.Data.Result) > 0 || up(t, prom) && (absent || strings.Contains(query, " > 0"))
		})
	}
	for panel, query := range missing {
		t.Errorf("%s finds nothing: %s", panel, query)
	}
}

// up reports whether Prometheus has scraped the server.
func up(t *testing.T, prom string) bool {
	return strings.Contains(get(t, "http://"+prom+"/api/v1/query?query=interdict_ready"), `"__name__"`)
}

// get returns what is at a URL; "" if it cannot be reached.
func get(t *testing.T, address string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	return string(b)
}

// background runs a program until the test ends.
func background(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was interrupted
	})
}
