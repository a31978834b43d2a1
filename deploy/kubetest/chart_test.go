package kubetest

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	chartcommon "helm.sh/helm/v4/pkg/chart/common"
	chartutil "helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write deploy/kubernetes anew from the chart")

const chartFolder = "../helm/interdict"

// valueFiles are the value sets that the chart is tested with: its own values, the files of deploy/helm/values, and one with what else has a flag.
func valueFiles(t *testing.T) map[string]string {
	t.Helper()
	found, err := filepath.Glob("../helm/values/*.yaml")
	if err != nil || len(found) < 3 {
		t.Fatalf("files of values: %v, %v", found, err)
	}
	files := map[string]string{"default": "", "flags": "testdata/flags.yaml"}
	for _, file := range found {
		files[strings.TrimSuffix(filepath.Base(file), ".yaml")] = file
	}
	return files
}

func loadChart(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.LoadDir(chartFolder)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func readValues(t *testing.T, file string) map[string]any {
	t.Helper()
	if file == "" {
		return map[string]any{}
	}
	values, err := chartcommon.ReadValuesFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// parseValues reads values written as YAML.
func parseValues(t *testing.T, text string) map[string]any {
	t.Helper()
	values, err := chartcommon.ReadValues([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// template is `helm template interdict -n interdict`: the manifests in the order of their files.
func template(c *chart.Chart, values map[string]any) (string, error) {
	release := chartcommon.ReleaseOptions{Name: "interdict", Namespace: "interdict", Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(c, values, release, nil)
	if err != nil {
		return "", err
	}
	files, err := engine.Render(c, all)
	if err != nil {
		return "", err
	}
	var manifests []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if filepath.Ext(name) != ".yaml" {
			continue
		}
		for document := range strings.SplitSeq("\n"+files[name], "\n---") {
			if strings.Contains(document, "apiVersion:") {
				manifests = append(manifests, strings.TrimSpace(document)+"\n")
			}
		}
	}
	return strings.Join(manifests, "---\n"), nil
}

var templated sync.Map // name of a value set → what the chart makes of it

// renderChart renders the chart with a value set, and decodes it.
func renderChart(t *testing.T, name, file string) rendered {
	t.Helper()
	if r, ok := templated.Load(name); ok {
		return r.(rendered) //nolint:errcheck // stored below
	}
	content, err := template(loadChart(t), readValues(t, file))
	if err != nil {
		t.Fatalf("values %s: %v", name, err)
	}
	r := decode(t, name, []byte(content))
	templated.Store(name, r)
	return r
}

// eachChart runs a test for what the chart makes of every value set.
func eachChart(t *testing.T, test func(t *testing.T, name string, r rendered)) {
	t.Helper()
	files := valueFiles(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		t.Run(name, func(t *testing.T) { test(t, name, renderChart(t, name, files[name])) })
	}
}

func TestChartPassesHelmLint(t *testing.T) {
	for name, file := range valueFiles(t) {
		for _, m := range lint.RunAll(chartFolder, readValues(t, file), "interdict").Messages {
			if m.Severity > support.InfoSev {
				t.Errorf("values %s: %s", name, m.Error())
			}
		}
	}
}

// Whoever makes a mistake in the values reads which one it is, before anything is installed.
func TestWrongValuesAreRefused(t *testing.T) {
	c := loadChart(t)
	for values, want := range map[string]string{
		"replica: 3":                                                  "additional properties 'replica' not allowed",
		"replicas: three":                                             "at '/replicas': got string, want integer",
		"replicas: 0":                                                 "at '/replicas': minimum: got 0, want 1",
		"store: postgres":                                             "at '/store': value must be one of 'redis', 'embedded'",
		"image: {repository: ''}":                                     "at '/image/repository': minLength",
		"image: {digest: 'latest'}":                                   "at '/image/digest': 'latest' does not match pattern",
		"resources: {limits: {memory: lots}}":                         "at '/resources/limits/memory': 'lots' does not match pattern",
		"resources: {limits: {memory: null}}":                         "at '/resources/limits': missing property 'memory'",
		"secrets: {pepper: hunter2hunter2}":                           "at '/secrets/pepper': got string, want null or object",
		"secrets: {pepper: {secret: a}}":                              "at '/secrets/pepper': missing property 'key'",
		"secrets: {pepper: {secret: a, key: b, file: /c}}":            "at '/secrets/pepper': maxProperties",
		"settings: {pepper: hunter2hunter2}":                          "settings.pepper: this is a secret, use secrets.pepper",
		"settings: {listen: ':80'}":                                   "settings.listen: the chart sets this itself",
		"settings: {drain_delay: 9s}":                                 "settings.drain_delay: use drainSeconds",
		"settings: {max-lag: 30s}":                                    "at '/settings': additional properties 'max-lag' not allowed",
		"extraEnv: [{name: INTERDICT_PEPPER, value: x}]":              "at '/extraEnv/0/name'",
		"refresh: {by: cron}":                                         "at '/refresh/by': value must be one of 'servers', 'jobs', 'none'",
		"persistence: {accessMode: ReadWriteMany}":                    "at '/persistence/accessMode': value must be one of",
		"networkPolicy: {redis: {ports: [99999]}}":                    "at '/networkPolicy/redis/ports/0': maximum",
		"networkPolicy: {clientNamespaces: {interdict-client: null}}": "at '/networkPolicy/clientNamespaces': minProperties",

		"publish: {url: 'https://lists.example'}":                   "at '/publish/url'",
		"publish: {manifestValid: soon}":                            "at '/publish/manifestValid'",
		"follow: {url: 'ftp://lists.example'}":                      "at '/follow/url'",
		"follow: {keys: [secret]}":                                  "at '/follow/keys/0'",
		"settings: {follow_key: x}":                                 "settings.follow_key: use follow.keys",
		"settings: {follow_token: hunter2hunter2}":                  "settings.follow_token: this is a secret, use secrets.follow_token",
		"publish: {url: 's3://lists/prod'}":                         "publish.url with several replicas needs secrets.record_key",
		"follow: {url: 'https://lists.example'}":                    "follow.url needs store: embedded",
		"{store: embedded, follow: {url: /lists}}":                  "follow.url needs refresh.by: none",
		"{store: embedded, follow: {url: /a}, publish: {url: /b}}":  "leave out publish.url",
		"{store: embedded, refresh: {by: none}, follow: {url: /a}}": "follow.url and follow.keys go together",

		"secrets: {redis: null}":                             "store: redis needs secrets.redis",
		"{store: embedded, redis: {trial: {enabled: true}}}": "redis.trial.enabled needs store: redis",
		"postgresql: {trial: {enabled: true}}":               "postgresql.trial.enabled needs secrets.archive",
		"autoscaling: {keda: {enabled: true}}":               "autoscaling.keda.enabled needs autoscaling.keda.prometheus",
		"autoscaling: {minReplicas: 9}":                      "autoscaling.minReplicas is 9, more than maxReplicas, which is 6",
		"drainSeconds: 50":                                   "terminationGracePeriodSeconds is 60: after drainSeconds (50) open requests have 20 s",
		"refresh: {by: jobs, jobs: []}":                      "refresh.by: jobs needs refresh.jobs",
		"tls: {clientCA: true}":                              "tls.clientCA needs tls.secret",
		"ingress: {enabled: true}":                           "ingress.enabled needs ingress.host",
		"httpRoute: {enabled: true}":                         "httpRoute.enabled needs httpRoute.parentRefs",
		"tmpSize: 20Gi":                                      "resources.limits.ephemeral-storage is 11Gi, less than tmpSize (20Gi)",
		"tmpSize: 1Gi":                                       "tmpSize is 1Gi, less than the setting upload_space",
		"{secrets: {archive: {secret: a, key: b}}, settings: {archive: none}}": "settings.archive: this is a secret, use secrets.archive",
	} {
		_, err := template(c, parseValues(t, values))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v\nand should contain %q", values, err, want)
		}
	}
}

// Rules and dashboards have braces of their own, which are not Helm's.
func TestRulesAndDashboardAreTakenAsTheyAre(t *testing.T) {
	const (
		alerts    = "groups:\n  - name: interdict\n    rules:\n      - alert: NotReady\n        expr: interdict_ready == 0\n        for: 5m\n        annotations: {summary: \"{{ $labels.instance }} is not ready\"}\n"
		dashboard = "{\n  \"title\": \"{{instance}}\"\n}\n"
		enabled   = "monitoring: {prometheusRule: {enabled: true}, dashboard: {enabled: true}}"
	)
	c := loadChart(t)
	c.Files = slices.DeleteFunc(c.Files, func(f *chartcommon.File) bool { return strings.HasPrefix(f.Name, "files/") })
	c.Files = append(c.Files, &chartcommon.File{Name: "files/alerts.yaml", Data: []byte(alerts)}, &chartcommon.File{Name: "files/dashboard.json", Data: []byte(dashboard)})
	content, err := template(c, parseValues(t, enabled))
	if err != nil {
		t.Fatal(err)
	}
	r := decode(t, "rules", []byte(content))
	if len(r.rules) != 1 || len(r.configMaps) != 1 {
		t.Fatalf("%d PrometheusRules and %d ConfigMaps", len(r.rules), len(r.configMaps))
	}
	var want, got any
	if err := yaml.Unmarshal([]byte(alerts), &want); err != nil {
		t.Fatal(err)
	}
	b, err := yaml.Marshal(r.rules[0].Spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the rules differ from the file (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"interdict.json": dashboard}, r.configMaps[0].Data); diff != "" {
		t.Errorf("the dashboard differs from the file (-want +got):\n%s", diff)
	}
	if r.configMaps[0].Labels["grafana_dashboard"] != "1" {
		t.Errorf("Grafana finds no dashboard with the labels %v", r.configMaps[0].Labels)
	}
}

const madeFromChart = "# Made from deploy/helm/interdict by `make manifests`; change the chart instead.\n"

// What `kubectl apply -k` installs is what `helm install` installs.
func TestKustomizationsAreTheRenderedChart(t *testing.T) {
	for folder, values := range map[string]string{
		"base": "", "overlays/redis-trial": "../helm/values/redis-trial.yaml", "overlays/single": "../helm/values/single.yaml",
	} {
		content, err := template(loadChart(t), readValues(t, values))
		if err != nil {
			t.Fatalf("%s: %v", folder, err)
		}
		path, want := filepath.Join(kubernetes, folder, "interdict.yaml"), madeFromChart+content
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil { //nolint:gosec // a manifest is no secret
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s is not what the chart makes: run make manifests (-chart +file):\n%s", path, diff)
		}
	}
}

// The version of the chart's program is that of the image in the kustomizations.
func TestKustomizationsNameTheVersionOfTheChart(t *testing.T) {
	version := loadChart(t).Metadata.AppVersion
	for _, folder := range folders(t) {
		b, err := os.ReadFile(filepath.Join(folder, "kustomization.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "images:") && !strings.Contains(string(b), fmt.Sprintf("newTag: %q", version)) {
			t.Errorf("%s: its image is not of version %s", folder, version)
		}
	}
}
