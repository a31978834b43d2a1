package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists/storetest"
)

// succeed runs a command that must succeed.
func succeed(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := program(t, "", args...)
	if code != 0 {
		t.Fatalf("interdict %s: %d %s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// filled is a server with something of every kind. checker is a key that it has made.
func (s *server) filled(t *testing.T) (checker string) {
	t.Helper()
	s.publish(t, denySettings, denyRows(canaryAlways, canaryOdd))
	s.publish(t, denySettings, denyRows(canaryAlways, canaryEven))
	var key struct{ Key string }
	for _, x := range []struct {
		path, body string
		into       any
	}{
		{"/v1/keys", `{"name":"backend","roles":["checker"]}`, &key},
		{"/v1/people", `{"login":"ann","roles":["analyst"]}`, nil},
		{"/v1/webhooks", `{"url":"https://hooks.invalid/"}`, nil},
		{"/v1/holds", `{"from":"2026-01-01","to":"2026-02-01","reason":"a court asks"}`, nil},
		{"/v1/lists/deny/suppressions", fmt.Sprintf(`{"address":%q,"reason":"ours","until":%q}`, canaryEven, time.Now().Add(time.Hour).UTC().Format(time.RFC3339)), nil},
	} {
		var answer json.RawMessage
		if status := s.call(t, http.MethodPost, x.path, x.body, &answer); status != http.StatusCreated && status != http.StatusAccepted {
			t.Fatalf("%s: %d %s", x.path, status, answer)
		}
		if x.into != nil {
			if err := json.Unmarshal(answer, x.into); err != nil {
				t.Fatal(err)
			}
		}
	}
	return key.Key
}

// told is all that a server tells about what it keeps, without what changes by itself.
func (s *server) told(t *testing.T, checker string) map[string]any {
	t.Helper()
	out := map[string]any{}
	for _, path := range []string{"/v1/lists", "/v1/lists/deny", "/v1/lists/deny/versions", "/v1/lists/deny/versions/1", "/v1/lists/deny/suppressions", "/v1/generations",
		"/v1/keys", "/v1/people", "/v1/webhooks", "/v1/holds", "/v1/proposals", "/v1/lists/deny/versions/1/diff"} {
		var got any
		if status := s.call(t, http.MethodGet, path, "", &got); status != http.StatusOK {
			t.Fatalf("%s: %d %v", path, status, got)
		}
		out[path] = withoutTimes(got)
	}
	for _, a := range []string{canaryAlways, canaryOdd, canaryEven, canaryNever} {
		out[a] = s.matches(t, a)
	}
	for _, path := range []string{"/v1/lists/deny/export?as=csv", "/v1/lists/deny/export?as=published"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+testKey)
		out[path] = answerTo(t, req)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.base+"/v1/check", strings.NewReader(fmt.Sprintf(`{"address":%q,"direction":"deposit"}`, canaryAlways)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+checker)
	req.Header.Set("Content-Type", "application/json")
	if got := answerTo(t, req); !strings.Contains(got, `"result":"hit"`) {
		t.Errorf("with the key of the backend: %s", got)
	}
	return out
}

// answerTo is the body of an answer.
func answerTo(t *testing.T, req *http.Request) string {
	t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s %v", req.URL.Path, res.StatusCode, b, err)
	}
	return string(b)
}

// withoutTimes takes out what changes by itself: when a key was used last, how long ago something was, what waits to be delivered.
func withoutTimes(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for _, name := range []string{"last_used_at", "last_used", "age_seconds", "loaded_at", "served_at", "waiting"} {
			delete(x, name)
		}
		for _, y := range x {
			withoutTimes(y)
		}
	case []any:
		for _, y := range x {
			withoutTimes(y)
		}
	}
	return v
}

// A backup of a running server is restored into a store of the other kind, and that into one of the first kind: everything is the same, keys
// work, and the record can be verified.
func TestABackupIsRestoredIntoEitherKindOfStore(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	s := serve(t, "--data", in("first"))
	checker := s.filled(t)

	underLoad(t, s, func() {
		for i := range 3 {
			succeed(t, "backup", in(fmt.Sprintf("load%d", i)), "--server", s.base, "--key", testKey)
		}
	})
	for i := range 3 {
		data := in(fmt.Sprintf("restored%d", i))
		succeed(t, "restore", in(fmt.Sprintf("load%d", i)), "--data", data)
		r := serve(t, "--data", data)
		var was, is struct {
			Generations []json.RawMessage `json:"generations"`
		}
		s.call(t, http.MethodGet, "/v1/generations", "", &was)
		r.call(t, http.MethodGet, "/v1/generations", "", &is)
		if len(is.Generations) < 2 || len(was.Generations) < len(is.Generations) {
			t.Fatalf("%d generations were restored of %d", len(is.Generations), len(was.Generations))
		}
		r.stop(t)
		if out := succeed(t, "audit", "verify", "--data", data); !strings.Contains(out, " 0 findings") {
			t.Errorf("the record of a backup under load: %s", out)
		}
	}

	want := s.told(t, checker)
	succeed(t, "backup", in("a"), "--server", s.base, "--key", testKey)
	redis := storetest.NewRedis(t)
	succeed(t, "restore", in("a"), "--redis", redis.URL(), "--data", in("second"))
	second := serve(t, "--redis", redis.URL(), "--data", in("second"))
	if d := cmp.Diff(want, second.told(t, checker)); d != "" {
		t.Errorf("restored into Redis (-was +is): %s", d)
	}
	succeed(t, "backup", in("b"), "--redis", redis.URL(), "--data", in("second"))
	succeed(t, "restore", in("b"), "--data", in("third"))
	third := serve(t, "--data", in("third"))
	if d := cmp.Diff(want, third.told(t, checker)); d != "" {
		t.Errorf("restored into the embedded store (-was +is): %s", d)
	}
	for _, x := range []*server{second, third} {
		x.stop(t)
	}
	for _, args := range [][]string{{"--redis", redis.URL(), "--data", in("second")}, {"--data", in("third")}} {
		if out := succeed(t, append([]string{"audit", "verify"}, args...)...); !strings.Contains(out, " 0 findings") {
			t.Errorf("the record in %v: %s", args, out)
		}
	}
	// Of the backup that the record is in, only the beginning is there.
	out := succeed(t, "audit", "export", "--data", in("third"))
	if restores, backups := strings.Count(out, `"action":"restore"`), strings.Count(out, `"action":"backup"`); restores != 2 || backups != 7 {
		t.Errorf("%d records of restores and %d of backups", restores, backups)
	}
	for _, args := range [][]string{{"--data", in("third")}, {"--redis", redis.URL(), "--data", in("fourth")}} {
		code, _, errs := program(t, "", append([]string{"restore", in("a")}, args...)...)
		if code != exitError || !strings.Contains(errs, "not empty") {
			t.Errorf("a restore over %v: %d %s", args, code, errs)
		}
	}
	if code, _, errs := program(t, "", "restore", in("a"), "--data", in("fifth"), "--journal", filepath.Join(in("third"), "journal")); code != exitError || !strings.Contains(errs, "not empty") {
		t.Errorf("a restore over a record: %d %s", code, errs)
	}
}

// underLoad runs work while a server checks addresses and activates versions.
func underLoad(t *testing.T, s *server, work func()) {
	t.Helper()
	var stopped atomic.Bool
	var load sync.WaitGroup
	for range 2 {
		load.Go(func() {
			for !stopped.Load() {
				if got := s.result(t, canaryAlways); got != "hit" {
					t.Errorf("under load: %s", got)
					return
				}
			}
		})
	}
	load.Go(func() {
		for i := 0; !stopped.Load(); i++ {
			s.publish(t, denySettings, denyRows(canaryAlways, []string{canaryOdd, canaryEven}[i%2]))
		}
	})
	work()
	stopped.Store(true)
	load.Wait()
}

// A backup that is killed leaves no file under its name, and does not stand in the way of the next one.
func TestABackupThatIsKilledLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	data, file := filepath.Join(dir, "data"), filepath.Join(dir, "backup")
	rows := filepath.Join(dir, "rows.csv")
	var text strings.Builder
	text.WriteString("address\n")
	for i := range 20000 {
		fmt.Fprintf(&text, "0x%040x\n", i+1)
	}
	if err := os.WriteFile(rows, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	succeed(t, "load", "deny", rows, "--activate", "--data", data)
	killed := 0
	for range 5 {
		cmd, _ := start(t, "program", nil, "backup", file, "--data", data)
		eventually(t, "the backup has begun", 20*time.Second, func() bool {
			_, err := os.Stat(file + ".partial")
			_, whole := os.Stat(file)
			return err == nil || whole == nil
		})
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if _, err := os.Stat(file); err == nil { // it was faster
			succeed(t, "backup", "verify", file)
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			continue
		}
		killed++
	}
	if killed == 0 {
		t.Skip("every backup was faster than the kill")
	}
	succeed(t, "backup", file, "--data", data)
	succeed(t, "backup", "verify", file)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if d := cmp.Diff([]string{"backup", "data", "rows.csv"}, names); d != "" {
		t.Errorf("left over: %s", d)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if code, _, errs := program(t, "", "backup", file, "--data", data); code != exitError || !strings.Contains(errs, "exists") {
		t.Errorf("over an existing file: %d %s", code, errs)
	}
}
