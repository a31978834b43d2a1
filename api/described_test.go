package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// copyFolder copies a folder of this package into a temporary one, so that nothing is installed beside the sources.
func copyFolder(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS(name)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// run runs a program in a folder and returns what it prints.
func run(t testing.TB, dir string, env []string, name string, args ...string) string {
	t.Helper()
	ctx, end := context.WithTimeout(t.Context(), 5*time.Minute)
	defer end()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// The linter that most integrators use finds no error in openapi.yaml, and no warning but those below.
func TestOpenAPIPassesRedocly(t *testing.T) {
	file, err := filepath.Abs("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := copyFolder(t, "openapilint")
	run(t, dir, nil, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress")
	allowed := []string{ // the probes answer 405 at most, as every path does
		"warn operation-4xx-response #/paths/~1livez/get/responses",
		"warn operation-4xx-response #/paths/~1healthz/get/responses",
		"warn operation-4xx-response #/paths/~1readyz/get/responses",
	}
	same(t, "findings", allowed, strings.Split(strings.TrimSpace(run(t, dir, nil, "node", "lint.mjs", file)), "\n"))
}

// maxGenerated is how many lines of client may be generated: of the whole API, and of the operations with tag Checks, which are what a payment service needs.
var maxGenerated = map[string]int{"whole": 42_000, "checks": 3_300}

// A Go client that oapi-codegen makes of openapi.yaml compiles, and reads every kind of answer as what it is.
func TestGeneratedGoClient(t *testing.T) {
	h, empty := screened(t), open(t)
	file, err := filepath.Abs("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := copyFolder(t, "oapicodegen")
	smoke := filepath.Join(dir, "testdata", "smoke")
	for name, most := range maxGenerated {
		config := filepath.Join(dir, "testdata", name+".yaml")
		out := filepath.Join(smoke, name, "client.gen.go")
		if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil { //nolint:gosec // G301: not a secret
			t.Fatal(err)
		}
		run(t, dir, nil, "go", "tool", "oapi-codegen", "-config", config, "-o", out, file)
		code, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(code, []byte("\n")); n == 0 || n > most {
			t.Errorf("%s: %d lines are generated, at most %d are expected", name, n, most)
		}
	}
	answers := run(t, dir, []string{"INTERDICT_URL=" + h.url, "INTERDICT_TEST_KEY=" + h.keyOf["till"], "INTERDICT_EMPTY_URL=" + empty.url,
		"INTERDICT_EMPTY_KEY=" + empty.keyOf["till"]}, "go", "run", "./testdata/smoke")
	var got map[string]any
	if err := json.Unmarshal([]byte(answers), &got); err != nil {
		t.Fatalf("%v: %s", err, answers)
	}
	same(t, "what the generated client reads", map[string]any{
		"hit":       []any{200.0, "hit", "reject"},
		"miss":      []any{200.0, "miss", "allow"},
		"batch":     []any{"miss", "error invalid_address", "hit"},
		"mistaken":  []any{"error", ""}, // an item without an answer, read as one: neither a miss nor an action
		"wrong key": []any{401.0, "unauthorized"},
		"no lists":  []any{503.0, "not_loaded", 1.0},
		"lists":     []any{200.0, "ofac-sdn"},
	}, got)
}
