package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"interdict/lists/storetest"
)

// The whole way, from a file to the answer of two servers, on every way Redis may be set up.
func TestFromFileToAnswerOnEveryTopology(t *testing.T) {
	for name, setUp := range map[string]func(t *testing.T) (url string, env []string){
		"one server": func(t *testing.T) (string, []string) { return storetest.StartRedis(t), nil },
		"TLS":        func(t *testing.T) (string, []string) { return storetest.NewRedisTLS(t).URL(), nil },
		"Sentinel": func(t *testing.T) (string, []string) {
			master := storetest.NewRedis(t)
			storetest.NewReplica(t, master)
			return storetest.NewSentinels(t, 3, master), nil
		},
		"Cluster": func(t *testing.T) (string, []string) {
			url, _ := storetest.NewCluster(t, 3)
			return url, nil
		},
		// The rights that deploy/README.md names, a password from a file, and a prefix.
		"ACL user with its password in a file": func(t *testing.T) (string, []string) {
			r := storetest.NewRedis(t)
			r.Must(append([]string{"ACL", "SETUSER", "interdict", "on", ">hush-hush-1"}, rights(t, "screen")...)...)
			file := filepath.Join(t.TempDir(), "password")
			if err := os.WriteFile(file, []byte("hush-hush-1\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			return "redis://interdict@" + r.Addr, []string{"INTERDICT_REDIS_PASSWORD_FILE=" + file, "INTERDICT_REDIS_PREFIX=screen"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			url, env := setUp(t)
			// One server asks Redis for each hit. Its usual bound of 50 ms is too short for the first connection, with TLS, on a busy machine.
			if strings.Contains(url, "?") {
				url += "&timeout=5s"
			} else {
				url += "?timeout=5s"
			}
			for _, kv := range env {
				key, value, _ := strings.Cut(kv, "=")
				t.Setenv(key, value)
			}
			file := filepath.Join(t.TempDir(), "deny.csv")
			load := func(mode, rows string) {
				t.Helper()
				if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
					t.Fatal(err)
				}
				if code, _, errs := program(t, "", "load", "deny", file, "--mode", mode, "--activate", "--redis", url, "--journal", t.TempDir()); code != exitDone {
					t.Fatal(errs)
				}
			}
			load("replace", denyRows(canaryAlways))
			a, b := serve(t, "--data", t.TempDir(), "--redis", url), serve(t, "--data", t.TempDir(), "--redis", url, "--resident", "0")
			for _, s := range []*server{a, b} {
				eventually(t, "a server is ready", 10*time.Second, func() bool { return s.call(t, http.MethodGet, "/readyz", "", nil) == http.StatusOK })
				if got := s.result(t, canaryAlways) + s.result(t, canaryNever) + s.result(t, canaryOdd); got != "hitmissmiss" {
					t.Fatal(got)
				}
			}
			load("add", denyRows(canaryOdd))
			for i, s := range []*server{a, b} {
				eventually(t, fmt.Sprintf("server %d has what was added", i), 10*time.Second, func() bool { return s.result(t, canaryOdd) == "hit" })
			}
		})
	}
}

// rights are those that deploy/README.md tells to give, for a prefix.
func rights(t *testing.T, prefix string) []string {
	t.Helper()
	b, err := os.ReadFile("deploy/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, line, ok := strings.Cut(string(b), "ACL SETUSER interdict on >PASSWORD ")
	if !ok {
		t.Fatal("deploy/README.md names no rights")
	}
	line, _, _ = strings.Cut(line, "\n```")
	line = strings.ReplaceAll(strings.ReplaceAll(line, "\\\n", " "), "interdict:", prefix+":")
	return strings.Fields(strings.ReplaceAll(strings.ReplaceAll(line, "{interdict}", "{"+prefix+"}"), "'", ""))
}
