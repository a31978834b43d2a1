package main

import (
	"archive/zip"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An auditor replays a check, asks what was listed earlier, and takes the evidence along: on a store, and through a server.
func TestAnAuditorLooksBack(t *testing.T) {
	data := t.TempDir()
	run := func(want int, args ...string) string {
		t.Helper()
		code, out, errs := program(t, "", args...)
		if code != want {
			t.Fatalf("%v: %d instead of %d\n%s%s", args, code, want, out, errs)
		}
		return out
	}
	load := func(address string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "deny.csv")
		if err := os.WriteFile(file, []byte("address\n"+address+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		run(exitDone, "load", "deny", file, "--activate", "--override", "test", "--data", data)
	}
	load(canaryAlways)
	s := serve(t, "--data", data)
	var answer struct {
		CheckID string `json:"check_id"`
	}
	s.call(t, http.MethodPost, "/v1/check", `{"address":"`+canaryAlways+`","direction":"deposit"}`, &answer)
	listed := time.Now().UTC().Format(time.RFC3339Nano)
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait()
	load(canaryNever)

	look := func(where ...string) map[string]string {
		t.Helper()
		with := func(args ...string) []string { return append(args, where...) }
		out := map[string]string{
			"replay": run(exitDone, with("audit", "replay", answer.CheckID)...),
			"then":   run(exitHit, with("check", canaryAlways, "--json", "--at", listed)...),
			"now":    run(exitDone, with("check", canaryAlways, "--at", time.Now().UTC().Format(time.RFC3339Nano))...),
		}
		run(exitError, with("check", canaryAlways, "--at", "2020-01-01")...)
		run(exitUsage, with("check", canaryAlways, "--at", "yesterday")...)
		run(exitUsage, with("check", canaryAlways, "--at", listed, "--direction", "deposit")...)
		run(exitError, with("audit", "replay", "019ad2c4-7b1e-7cc0-8d2f-3a5b6c7d8e9f")...)
		for _, text := range []string{"recorded    hit, review, 1 matches\n", "then        hit, review, 1 matches (generation 1, at ", "now         miss, allow, 0 matches (generation 2, at ", `  result: "hit" → "miss"` + "\n"} {
			if !strings.Contains(out["replay"], text) {
				t.Errorf("audit replay does not print %q:\n%s", text, out["replay"])
			}
		}
		archive := filepath.Join(t.TempDir(), "evidence.zip")
		if err := os.WriteFile(archive, []byte(run(exitDone, with("audit", "evidence", answer.CheckID)...)), 0o600); err != nil {
			t.Fatal(err)
		}
		z, err := zip.OpenReader(archive)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		dir := t.TempDir()
		for _, name := range []string{"receipt.tlog-proof", "public-keys.txt"} {
			f, err := z.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(f)
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, name), b, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		key, err := os.ReadFile(filepath.Join(dir, "public-keys.txt"))
		if err != nil {
			t.Fatal(err)
		}
		if text := run(exitDone, "audit", "verify-receipt", filepath.Join(dir, "receipt.tlog-proof"), "--public-key", strings.TrimSpace(string(key))); !strings.Contains(text, answer.CheckID) {
			t.Errorf("%s", text)
		}
		return out
	}
	here := look("--data", data)
	s = serve(t, "--data", data)
	through := look("--server", s.base, "--key", testKey)
	if here["then"] != through["then"] || !strings.Contains(here["then"], `"generation":1,`) {
		t.Errorf("look-ups of then:\n%s%s", here["then"], through["then"])
	}
}
