package kubetest

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// compose loads deploy/compose.yaml against the schema of compose files, which knows no other fields.
func compose(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{"../compose.yaml"}, cli.WithResolvedPaths(false))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// ourServices are the services of compose.yaml that run the program.
func ourServices(project *types.Project) []types.ServiceConfig {
	var found []types.ServiceConfig
	for _, name := range project.ServiceNames() {
		if s := project.Services[name]; strings.HasPrefix(s.Image, "interdict:") {
			found = append(found, s)
		}
	}
	return found
}

func TestComposeReplicasAreHardenedAndKeepApart(t *testing.T) {
	project := compose(t)
	services := ourServices(project)
	if len(services) != 2 {
		t.Fatalf("%d replicas, two were expected", len(services))
	}
	state := map[string]bool{}
	for _, s := range services {
		if !s.ReadOnly || s.User != "65532:65532" || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s runs with more than it needs", s.Name)
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is open to the network", s.Name, port.Published)
			}
		}
		for name, value := range s.Environment {
			if !strings.HasSuffix(name, "_FILE") {
				if strings.Contains(name, "KEY") || strings.Contains(name, "REDIS") {
					t.Errorf("%s: %s is a secret and stands in the environment", s.Name, name)
				}
				continue
			}
			if !slices.ContainsFunc(s.Secrets, func(secret types.ServiceSecretConfig) bool { return *value == "/run/secrets/"+secret.Source }) {
				t.Errorf("%s: %s is %s, which is no secret of this service", s.Name, name, *value)
			}
		}
		for _, v := range s.Volumes {
			if v.Target != "/var/lib/interdict" || v.Type != types.VolumeTypeVolume || state[v.Source] {
				t.Errorf("%s: %s on %s: each replica keeps its journal on a volume of its own", s.Name, v.Source, v.Target)
			}
			state[v.Source] = true
		}
	}
	if len(state) != len(services) {
		t.Errorf("%d volumes for the state of %d replicas", len(state), len(services))
	}
	for name, secret := range project.Secrets {
		// git-ignored, and made by `make secrets`
		if !strings.HasPrefix(secret.File, "secrets/") && !strings.HasPrefix(secret.File, "../secrets/") {
			t.Errorf("secret %s is read from %s", name, secret.File)
		}
	}
}

// The other services are as closed as ours, are named by version, and have no secret where other users of the machine can read it.
func TestComposeServicesOfOthersAreHardenedAndKeepSecrets(t *testing.T) {
	project := compose(t)
	secret := regexp.MustCompile(`(?i)(--?requirepass|password[= ]\S|--pass)`)
	for _, name := range project.ServiceNames() {
		s := project.Services[name]
		if !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.User == "" {
			t.Errorf("%s runs with more than it needs", name)
		}
		_, tag, _ := strings.Cut(s.Image, ":")
		if strings.Count(tag, ".") < 1 && !strings.HasPrefix(s.Image, "interdict:") || tag == "latest" {
			t.Errorf("%s: the image %s is not named by version", name, s.Image)
		}
		if words := strings.Join(s.Command, " "); secret.MatchString(words) {
			t.Errorf("%s has a password on its command line: %s", name, words)
		}
		for variable, value := range s.Environment {
			if strings.Contains(variable, "PASSWORD") && !strings.HasSuffix(variable, "_FILE") && value != nil {
				t.Errorf("%s: %s is a secret and stands in the environment", name, variable)
			}
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is open to the network", name, port.Published)
			}
		}
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeBind {
				if _, err := os.Stat(filepath.Join("..", v.Source)); err != nil || !v.ReadOnly {
					t.Errorf("%s: %s is not there, or may be written: %v", name, v.Source, err)
				}
			}
		}
	}
	for name := range project.Secrets {
		makefile, err := os.ReadFile("../../Makefile")
		if err != nil || !strings.Contains(string(makefile), name) {
			t.Errorf("make secrets does not make %s: %v", name, err)
		}
	}
}

// Prometheus reads its configuration and the rules, and scrapes our services where they have their metrics.
func TestComposePrometheusScrapesOurServices(t *testing.T) {
	config, err := os.ReadFile("../compose/prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	alerts, err := filepath.Abs(alertsFile)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "prometheus.yml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(config), "/etc/prometheus/alerts.yaml", alerts)), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "config", file)
	var targets []string
	for _, s := range ourServices(compose(t)) {
		targets = append(targets, s.Name+flagOf(s.Command, "--admin-listen"))
	}
	if want := "[" + strings.Join(targets, ", ") + "]"; !strings.Contains(string(config), want) {
		t.Errorf("it does not scrape %s", want)
	}
	mounts := map[string]string{}
	for _, name := range []string{"prometheus", "grafana"} {
		for _, v := range compose(t).Services[name].Volumes {
			mounts[v.Target] = filepath.Clean(v.Source)
		}
	}
	for target, source := range map[string]string{"/etc/prometheus/alerts.yaml": "helm/interdict/files/alerts.yaml", "/etc/prometheus/prometheus.yml": "compose/prometheus.yml",
		"/var/lib/grafana-dashboards/interdict.json": "helm/interdict/files/dashboard.json"} {
		if mounts[target] != source {
			t.Errorf("%s is %q, not %s", target, mounts[target], source)
		}
	}
	var provider struct {
		Providers []struct{ Options struct{ Path string } }
	}
	read(t, "../compose/grafana/dashboards/interdict.yaml", &provider)
	var source struct {
		Datasources []struct{ Type, URL string }
	}
	read(t, "../compose/grafana/datasources/prometheus.yaml", &source)
	if provider.Providers[0].Options.Path != "/var/lib/grafana-dashboards" || source.Datasources[0].URL != "http://prometheus:9090" {
		t.Errorf("Grafana finds no dashboard or no data: %+v %+v", provider, source)
	}
}
