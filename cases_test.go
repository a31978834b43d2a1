package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An analyst works on a case from the command line, and it stays resolved when the server starts again.
func TestACaseIsWorkedOnFromTheCommandLine(t *testing.T) {
	data, file := t.TempDir(), filepath.Join(t.TempDir(), "deny.csv")
	if err := os.WriteFile(file, []byte("address\n"+canaryAlways+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := program(t, "", "load", "deny", file, "--activate", "--data", data); code != exitDone {
		t.Fatalf("%s%s", out, errs)
	}
	s := serve(t, "--data", data)
	run := func(want int, args ...string) string {
		t.Helper()
		code, out, errs := program(t, "", append(args, "--server", s.base, "--key", testKey)...)
		if code != want {
			t.Fatalf("%v: %d instead of %d\n%s%s", args, code, want, out, errs)
		}
		return out + errs
	}
	has := func(out string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(out, part) {
				t.Errorf("%q is not in\n%s", part, out)
			}
		}
	}
	var ids []string
	for range 2 {
		var a struct {
			CheckID string `json:"check_id"`
		}
		s.call(t, http.MethodPost, "/v1/check", fmt.Sprintf(`{"address":%q,"direction":"deposit","reference":"dep-1"}`, canaryAlways), &a)
		ids = append(ids, a.CheckID)
	}
	eventually(t, "cases", 20*time.Second, func() bool { return strings.Contains(run(exitDone, "cases"), "2 cases\n") })
	has(run(exitDone, "cases", "list", "--queue", "exact", "--kind", "hit", "--state", "new"), ids[0], ids[1], "reference dep-1", "2 cases\n")
	has(run(exitDone, "cases", "take", ids[0], ids[1]), ids[0], ids[1], "investigating")
	has(run(exitDone, "cases", "counts"), "2 cases\n", "2 exact", "0 new, 2 investigating", ": 2\n")
	run(exitDone, "cases", "wait", ids[0], "--reason", "asked for papers", "--until", "2999-01-01")
	has(run(exitDone, "cases", "--state", "waiting"), "waits until 2999-01-01T00:00:00Z: asked for papers", "1 cases\n")
	run(exitUsage, "cases", "wait", ids[0], "--reason", "r", "--until", "tomorrow")
	run(exitDone, "cases", "note", ids[0], "--text", "they came")
	run(exitDone, "cases", "release", ids[1])
	has(run(exitDone, "cases", "attach", ids[0], file), "attachment 1: deny.csv")
	saved := filepath.Join(t.TempDir(), "saved")
	run(exitDone, "cases", "save", ids[0], "1", saved)
	if b, err := os.ReadFile(saved); err != nil || string(b) != "address\n"+canaryAlways+"\n" {
		t.Errorf("saved %q, %v", b, err)
	}
	run(exitError, "cases", "save", ids[0], "1", saved) // it exists
	has(run(exitError, "cases", "resolve", ids[0], "nosuch", "--outcome", "true_match", "--reason", "frozen"), "nosuch", "1 of 2 cases have not changed", "resolved by")
	has(run(exitDone, "cases", "recommend", ids[1], "--outcome", "false_positive", "--reason", "shared"), "recommended by")
	has(run(exitError, "cases", "resolve", ids[1], "--outcome", "false_positive", "--reason", "shared"), "by the same person")
	has(run(exitDone, "cases", "show", ids[0]), "resolved by", "they came", "file 1: deny.csv", `"result":"hit"`)
	has(run(exitDone, "cases", "show", ids[0], "--json"), `"outcome":"true_match"`, `"do":"attach"`)
	run(exitError, "cases", "show", "nosuch")
	if code, _, errs := program(t, "", "cases", "--data", data); code != exitUsage || !strings.Contains(errs, "in the index of a server") {
		t.Errorf("%d %s", code, errs)
	}
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait()
	if err := os.RemoveAll(filepath.Join(data, "index")); err != nil { // it is filled again
		t.Fatal(err)
	}
	s = serve(t, "--data", data)
	eventually(t, "the index", 20*time.Second, func() bool { return strings.Contains(run(exitDone, "cases", "--state", "all"), "2 cases\n") })
	has(run(exitDone, "cases", "list", "--state", "resolved"), ids[0], "frozen", "1 cases\n")
}
