package kubetest

import (
	"context"
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
