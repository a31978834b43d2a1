package kubetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const (
	alertsFile    = "../helm/interdict/files/alerts.yaml"
	dashboardFile = "../helm/interdict/files/dashboard.json"
	runbooks      = "../../docs/runbooks"
)

type rule struct {
	Alert, Record, Expr string
	Labels, Annotations map[string]string
}

// rules are those of alerts.yaml.
func rules(t *testing.T) (all []rule) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	read(t, alertsFile, &file)
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err == nil {
		err = yaml.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// promtool runs the tool that comes with Prometheus.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Fatalf("%v: install the package prometheus", err)
	}
	if out, err := exec.Command("promtool", args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// Each alert says how bad it is, what has happened and where to read on, has a runbook of its name, and a test that sees it silent, firing and over.
func TestAlertsAreDescribedAndTested(t *testing.T) {
	type step struct {
		Expr    string
		Samples []any `json:"exp_samples"`
	}
	tested := map[string]bool{}
	for _, name := range []string{"testdata/alerts.yaml", "testdata/alerts-hours.yaml"} {
		var file struct {
			Tests []struct {
				Name  string
				Steps []step `json:"promql_expr_test"`
			}
		}
		read(t, name, &file)
		for _, x := range file.Tests {
			alert, _, _ := strings.Cut(x.Name, " ")
			n := len(x.Steps)
			if n < 3 || len(x.Steps[0].Samples) != 0 || len(x.Steps[n-2].Samples) != 1 || len(x.Steps[n-1].Samples) != 0 {
				t.Errorf("%s: a test wants it silent, then firing, then over", x.Name)
			}
			for _, s := range x.Steps {
				if !strings.Contains(s.Expr, `alertname="`+alert+`"`) {
					t.Errorf("%s: %s asks for another alert", x.Name, s.Expr)
				}
				if _, severity, found := strings.Cut(s.Expr, `severity="`); found {
					severity, _, _ = strings.Cut(severity, `"`)
					tested[alert+" "+severity] = true
				} else {
					tested[alert] = true
				}
			}
		}
	}
	pages := map[string]bool{}
	for _, r := range rules(t) {
		if r.Alert == "" {
			continue
		}
		severity := r.Labels["severity"]
		if severity != "critical" && severity != "warning" {
			t.Errorf("%s: severity %q", r.Alert, severity)
		}
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s does not say what has happened", r.Alert)
		}
		if want := "docs/runbooks/" + r.Alert + ".md"; r.Annotations["runbook"] != want {
			t.Errorf("%s: runbook %q, not %q", r.Alert, r.Annotations["runbook"], want)
		}
		if !tested[r.Alert] && !tested[r.Alert+" "+severity] {
			t.Errorf("%s (%s) has no test in testdata", r.Alert, severity)
		}
		pages[r.Alert+".md"] = true
	}
	files, err := os.ReadDir(runbooks)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() != "README.md" && !pages[f.Name()] {
			t.Errorf("%s is the runbook of no alert", f.Name())
		}
		delete(pages, f.Name())
	}
	for page := range pages {
		t.Errorf("the runbook %s is missing", page)
	}
}

func TestAlertsFireAndEnd(t *testing.T) {
	promtool(t, "check", "rules", alertsFile)
	for _, file := range []string{"testdata/alerts.yaml", "testdata/alerts-hours.yaml"} {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			promtool(t, "test", "rules", file)
		})
	}
}

var (
	documentedRow  = regexp.MustCompile("(?m)^\\| (`interdict_.*`) \\| (\\w+) \\|")
	documentedName = regexp.MustCompile("`(\\w+)(?:{(.*?)})?`")
	metricInQuery  = regexp.MustCompile(`\b(?:interdict|process|go)_\w+`)
	runtimeMetrics = []string{"process_start_time_seconds", "process_resident_memory_bytes", "process_cpu_seconds_total", "go_goroutines"}
)

// documented returns the names of the series that docs/operations.md has. A test of the program compares that table with a running server.
func documented(t *testing.T) map[string]bool {
	t.Helper()
	b, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, row := range documentedRow.FindAllStringSubmatch(string(b), -1) {
		for _, m := range documentedName.FindAllStringSubmatch(row[1], -1) {
			if row[2] == "histogram" {
				all[m[1]+"_bucket"], all[m[1]+"_sum"], all[m[1]+"_count"] = true, true, true
			} else {
				all[m[1]] = true
			}
		}
	}
	for _, name := range runtimeMetrics {
		all[name] = true
	}
	return all
}

func TestAlertsAskForMetricsThatExist(t *testing.T) {
	known := documented(t)
	for _, r := range rules(t) {
		for _, name := range metricInQuery.FindAllString(r.Expr, -1) {
			if !known[name] {
				t.Errorf("%s%s asks for %s, which docs/operations.md does not have", r.Alert, r.Record, name)
			}
		}
	}
}

// The rules file is a mapping with groups alone, which a PrometheusRule can take as its spec.
func TestAlertsFitIntoAPrometheusRule(t *testing.T) {
	var file map[string]any
	read(t, alertsFile, &file)
	for key := range file {
		if !slices.Contains([]string{"groups"}, key) {
			t.Errorf("the key %s does not belong into a PrometheusRule", key)
		}
	}
}
