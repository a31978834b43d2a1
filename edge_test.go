package main

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"interdict/lists/storetest/freeaddr"
)

// A server follows another one over HTTP with an API key, goes on when that one is killed, and its lists are changed by no one else.
func TestAServerFollowsAnother(t *testing.T) {
	dir := t.TempDir()
	origin, node := filepath.Join(dir, "origin"), filepath.Join(dir, "node")
	load := func(address string) (code int, errs string) {
		code, _, errs = program(t, "address\n"+address+"\n", "load", "deny", "-", "--mode", "add", "--activate", "--data", origin)
		return code, errs
	}
	if code, errs := load(canaryAlways); code != exitDone {
		t.Fatal(errs)
	}
	code, vkey, errs := program(t, "", "audit", "keys", "--data", origin)
	if code != exitDone {
		t.Fatal(errs)
	}
	vkey = strings.TrimSpace(vkey)
	serve := func(data string, env []string, args ...string) (url string, kill func()) {
		t.Helper()
		listen := freeaddr.Get(t)
		cmd, _ := start(t, "program", append(env, "INTERDICT_BOOTSTRAP_KEY="+testKey, "INTERDICT_LOG_LEVEL=error"),
			append([]string{"serve", "--data", data, "--listen", listen, "--admin-listen", freeaddr.Get(t), "--drain-delay", "0s", "--four-eyes", "off"}, args...)...)
		return "http://" + listen, func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	}
	ask := func(url, method, path, body string) (status int, answer string) {
		req, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+testKey)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	check := func(url, address string) string {
		_, answer := ask(url, http.MethodPost, "/v1/check", fmt.Sprintf(`{"address":%q,"direction":"deposit"}`, address))
		for _, result := range []string{`"result":"hit"`, `"result":"miss"`, `"code":"not_loaded"`} {
			if strings.Contains(answer, result) {
				return result
			}
		}
		return answer
	}

	from, kill := serve(origin, nil)
	follow := []string{"--follow", from, "--follow-key", vkey, "--follow-every", "1s"}
	token := []string{"INTERDICT_FOLLOW_TOKEN=" + testKey}
	at, stop := serve(node, token, follow...)
	eventually(t, "the node is ready", 60*time.Second, func() bool {
		status, _ := ask(at, http.MethodGet, "/readyz", "")
		return status == http.StatusOK
	})
	if a, b := check(at, canaryAlways), check(at, canaryOdd); a != `"result":"hit"` || b != `"result":"miss"` {
		t.Errorf("%s, %s", a, b)
	}
	if code, _, errs := program(t, "address\n"+canaryOdd+"\n", "load", "deny", "-", "--mode", "add", "--activate", "--server", from, "--key", testKey); code != exitDone {
		t.Fatal(errs)
	}
	eventually(t, "the node has the change", 60*time.Second, func() bool { return check(at, canaryOdd) == `"result":"hit"` })
	if status, answer := ask(at, http.MethodPost, "/v1/lists/deny/retire", `{"reason":"test"}`); status != http.StatusConflict || !strings.Contains(answer, "change them there") {
		t.Errorf("a change on the node: %d %s", status, answer)
	}
	if status, answer := ask(at, http.MethodGet, "/v1/manifest", ""); status != http.StatusConflict {
		t.Errorf("the manifest of the node: %d %s", status, answer)
	}
	kill()
	stop()
	if code, _, errs := program(t, "", "serve", "--data", node); code != exitUsage || !strings.Contains(errs, "--follow") {
		t.Errorf("without --follow: %d %s", code, errs)
	}
	if code, _, errs := program(t, "address\n"+canaryEven+"\n", "load", "deny", "-", "--mode", "add", "--activate", "--data", node); code == exitDone || !strings.Contains(errs, "change them there") {
		t.Errorf("a command changes the lists of the node: %d %s", code, errs)
	}
	again, _ := serve(node, token, follow...)
	eventually(t, "the node answers from its folder, without the other server", 60*time.Second, func() bool { return check(again, canaryNever) == `"result":"miss"` })
	if got := check(again, canaryOdd); got != `"result":"hit"` {
		t.Errorf("after the start: %s", got)
	}
	for _, wrong := range [][]string{{"--follow", from}, {"--follow", from, "--follow-key", "x"}, {"--follow-key", vkey}, {"--follow", from, "--follow-key", vkey, "--redis", "redis://x"},
		{"--publish", dir, "--follow", from, "--follow-key", vkey}, {"--manifest-valid", "1s"}} {
		if code, _, errs := program(t, "", append([]string{"serve", "--data", filepath.Join(dir, "none")}, wrong...)...); code != exitUsage {
			t.Errorf("%q: %d %s", wrong, code, errs)
		}
	}
}
