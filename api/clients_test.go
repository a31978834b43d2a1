package api_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runClient runs a program in a folder with the address and a key of the house in its environment.
func (h *house) runClient(dir string, name string, args ...string) string {
	h.t.Helper()
	return run(h.t, dir, []string{"INTERDICT_URL=" + h.url, "INTERDICT_TEST_KEY=" + h.keyOf["till"], "PYTHONDONTWRITEBYTECODE=1"}, name, args...)
}

func TestPythonClient(t *testing.T) {
	h := screened(t)
	h.runClient("python", "python3", "-W", "error", "-m", "unittest", "-q")
}

// The TypeScript client is built as a user would build it, from the types of this very openapi.yaml, and packed.
func TestTypeScriptClient(t *testing.T) {
	h := screened(t)
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "typescript"), os.DirFS("typescript")); err != nil {
		t.Fatal(err)
	}
	spec, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "openapi.yaml"), spec, 0o644); err != nil { //nolint:gosec // G306: not a secret
		t.Fatal(err)
	}
	dir = filepath.Join(dir, "typescript")
	h.runClient(dir, "npm", "ci", "--no-progress")
	h.runClient(dir, "npm", "run", "generate")
	h.runClient(dir, "npm", "run", "build")
	h.runClient(dir, "npm", "test")
	if out := h.runClient(dir, "npm", "pack", "--dry-run", "--json"); !strings.Contains(out, `"dist/index.d.ts"`) || strings.Contains(out, "test/") {
		t.Errorf("%s", out)
	}
}
