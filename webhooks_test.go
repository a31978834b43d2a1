package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"interdict/api/client"
	"interdict/lists/storetest"
)

// told is one request that a receiver of webhooks has got.
type told struct {
	ID, Type string
	Data     map[string]any
}

// desk is a receiver of webhooks that verifies them by the reference implementation, its clock included.
type desk struct {
	*httptest.Server
	mu       sync.Mutex
	all      []told
	verifier *standard.Webhook
	answer   func(n int) int
}

func newDesk(t *testing.T, answer func(n int) int) *desk {
	d := &desk{answer: answer}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		x := told{ID: r.Header.Get("webhook-id")}
		if err == nil {
			err = json.Unmarshal(body, &x)
		}
		d.mu.Lock()
		if err == nil {
			err = d.verifier.Verify(body, r.Header)
		}
		if err != nil {
			t.Errorf("a webhook: %v: %s", err, body)
		}
		d.all = append(d.all, x)
		n := len(d.all)
		d.mu.Unlock()
		w.WriteHeader(d.answer(n))
	}))
	t.Cleanup(d.Close)
	return d
}

func always(status int) func(int) int { return func(int) int { return status } }

// trust makes the desk expect signatures with a secret.
func (d *desk) trust(t *testing.T, secret string) {
	t.Helper()
	v, err := standard.NewWebhook(strings.TrimSpace(secret))
	if err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.verifier = v
}

func (d *desk) got() []told {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.all)
}

// types counts what was told by type.
func (d *desk) types() map[string]int {
	out := map[string]int{}
	for _, x := range d.got() {
		out[x.Type]++
	}
	return out
}

// order makes a webhook for a desk through a server.
func (s *server) order(t *testing.T, d *desk, events ...string) *client.NewWebhook {
	t.Helper()
	var made client.NewWebhook
	body, err := json.Marshal(client.WebhookRequest{URL: d.URL, Events: events})
	if err != nil {
		t.Fatal(err)
	}
	if status := s.call(t, http.MethodPost, "/v1/webhooks", string(body), &made); status != http.StatusCreated {
		t.Fatal(status)
	}
	d.trust(t, made.Secret)
	return &made
}

var allowLoopback = []string{"--webhook-allow", "127.0.0.0/8"}

// What people do with lists is told, each thing once, although two servers see it, and although commands do it, too.
func TestWhatHappensIsToldOnce(t *testing.T) {
	redis := storetest.StartRedis(t)
	args := append([]string{"--redis", redis, "--four-eyes", "on", "--allow-http-sources", "--allow-internal-sources"}, allowLoopback...)
	a, b := serve(t, append(args, "--data", t.TempDir())...), serve(t, append(args, "--data", t.TempDir())...)
	d := newDesk(t, always(http.StatusNoContent))
	made := a.order(t, d)
	a.publish(t, denySettings, denyRows(canaryAlways)) // generation 1
	file := filepath.Join(t.TempDir(), "other.csv")
	if err := os.WriteFile(file, []byte(denyRows(canaryOdd)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := program(t, "", "load", "other", file, "--activate", "--redis", redis, "--data", t.TempDir()); code != exitDone { // generation 2
		t.Fatal(errs)
	}
	// Two more people, so that a change needs both.
	for _, person := range []string{"ana", "ben"} {
		if status := b.call(t, http.MethodPost, "/v1/keys", fmt.Sprintf(`{"name":%q,"roles":["approver"]}`, person), nil); status != http.StatusCreated {
			t.Fatal(status)
		}
	}
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	if status := b.call(t, http.MethodPut, "/v1/lists/followed", fmt.Sprintf(`{"approvals":1,"source":{"url":%q,"every":"1h"}}`, dead.URL+"/list.csv?token=hush"), nil); status != http.StatusCreated {
		t.Fatal(status)
	}
	var proposed struct{ Proposal client.Proposal }
	if status := b.call(t, http.MethodPut, "/v1/lists/followed", `{"approvals":0,"reason":"hush"}`, &proposed); status != http.StatusAccepted {
		t.Fatal(status)
	}
	if status := a.call(t, http.MethodPost, "/v1/proposals/"+proposed.Proposal.ID+"/reject", `{"reason":"no"}`, nil); status != http.StatusOK {
		t.Fatal(status)
	}
	code, out, errs := program(t, "", "webhooks", "test", made.ID, "--server", b.base, "--key", testKey)
	if code != exitDone || !strings.Contains(out, "delivered") {
		t.Errorf("%d %s%s", code, out, errs)
	}
	want := map[string]int{"list.activated": 2, "proposal.created": 1, "proposal.decided": 1, "list.failed": 1, "ping": 1}
	eventually(t, "all is told", 90*time.Second, func() bool { return cmp.Equal(want, d.types()) })
	for _, x := range d.got() {
		if text := fmt.Sprint(x.Data); strings.Contains(text, "hush") || x.Type == "list.activated" && x.Data["list"] != "deny" && x.Data["list"] != "other" ||
			x.Type == "proposal.decided" && (x.Data["state"] != "withdrawn" || x.Data["id"] != proposed.Proposal.ID) {
			t.Errorf("%s %s", x.Type, text)
		}
	}
	code, out, errs = program(t, "", "webhooks", "deliveries", made.ID, "--redis", redis)
	if code != exitDone || strings.Count(out, "\n") != 6 || !strings.Contains(out, "status 204") {
		t.Errorf("%d %s%s", code, out, errs)
	}
}

// A server that is killed between two attempts, or within one, loses nothing: the next one goes on.
func TestAKilledServerLosesNoDelivery(t *testing.T) {
	data := t.TempDir()
	args := append([]string{"--data", data, "--no-refresh"}, allowLoopback...)
	const fails = 1
	d := newDesk(t, func(n int) int {
		if n <= fails {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	s := serve(t, args...)
	s.order(t, d, "list.*")
	s.publish(t, denySettings, denyRows(canaryAlways))
	for n := 1; n <= fails; n++ {
		eventually(t, fmt.Sprintf("attempt %d", n), 60*time.Second, func() bool { return len(d.got()) >= n })
		if err := s.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = s.cmd.Wait()
		s = serve(t, args...)
	}
	eventually(t, "it is delivered", 60*time.Second, func() bool {
		code, out, _ := program(t, "", "webhooks", "list", "--server", s.base, "--key", testKey)
		return code == exitDone && strings.Contains(out, " 0 waiting")
	})
	ids := map[string]bool{}
	for _, x := range d.got() {
		ids[x.ID] = true
	}
	if got := d.got(); len(ids) != 1 || got[0].Type != "list.activated" || len(got) > fails+2 {
		t.Errorf("%+v", got)
	}
}

// A webhook that was made on the store works once a server runs, and without --webhook-allow nothing inside is reached.
func TestWebhooksOnAStoreAndWithoutLeave(t *testing.T) {
	data := t.TempDir()
	d := newDesk(t, always(http.StatusOK))
	run := func(want int, args ...string) (out, errs string) {
		t.Helper()
		code, out, errs := program(t, "", append(args, "--data", data)...)
		if code != want {
			t.Fatalf("%v: %d %s%s", args, code, out, errs)
		}
		return out, errs
	}
	run(exitError, "webhooks", "create", d.URL)
	secret, errs := run(exitDone, append([]string{"webhooks", "create", d.URL}, allowLoopback...)...)
	d.trust(t, secret)
	id := regexp.MustCompile(`webhook ([a-z2-7]{16}) for \*`).FindStringSubmatch(errs)[1]
	run(exitDone, "webhooks", "test", id)
	file := filepath.Join(t.TempDir(), "deny.csv")
	if err := os.WriteFile(file, []byte(denyRows(canaryAlways)), 0o600); err != nil {
		t.Fatal(err)
	}
	run(exitDone, "load", "deny", file, "--activate")

	closed := serve(t, "--data", data)
	eventually(t, "it was tried", 30*time.Second, func() bool {
		_, out, _ := program(t, "", "webhooks", "deliveries", id, "--server", closed.base, "--key", testKey)
		return strings.Count(out, "127.0.0.1 is not in a network that is allowed") == 2
	})
	if got := d.got(); len(got) != 0 {
		t.Fatalf("it was reached: %+v", got)
	}
	if err := closed.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = closed.cmd.Wait()
	serve(t, append([]string{"--data", data}, allowLoopback...)...)
	eventually(t, "both are delivered", 60*time.Second, func() bool { return cmp.Equal(map[string]int{"ping": 1, "list.activated": 1}, d.types()) })
}
