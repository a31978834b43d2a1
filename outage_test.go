package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists"
	"interdict/lists/redisstore"
	"interdict/lists/storetest"
)

// publish uploads addresses as the next version of list deny and activates it.
func (s *server) publish(t *testing.T, settings, csv string) {
	t.Helper()
	var v struct{ Version int }
	s.call(t, http.MethodPut, "/v1/lists/deny", settings, nil)
	s.call(t, http.MethodPost, "/v1/lists/deny/versions", csv, &v)
	if status := s.call(t, http.MethodPost, fmt.Sprintf("/v1/lists/deny/versions/%d/activate?override=test", v.Version), "", nil); status != http.StatusOK {
		t.Fatalf("activate version %d: %d", v.Version, status)
	}
}

const denySettings = `{"category":"sanctions","approvals":0,"authority":"Us"}`

func denyRows(addresses ...string) string {
	out := "address,entity,programs,listed_on\n"
	for _, a := range addresses {
		out += a + ",Somebody,P1;P2,2025-01-02\n"
	}
	return out
}

// matches asks for one address and gives what it meets, with all provenance.
func (s *server) matches(t *testing.T, address string) any {
	t.Helper()
	var a struct {
		Result, Code string
		Matches      []any
	}
	s.call(t, http.MethodPost, "/v1/check", fmt.Sprintf(`{"address":%q,"direction":"deposit"}`, address), &a)
	if a.Result == "" {
		return a.Code
	}
	return a.Matches
}

// stop ends a server as Kubernetes does.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("it does not end well: %v", err)
	}
}

func (s *server) kill(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait()
}

// eventually waits for something that takes its time.
func eventually(t *testing.T, what string, limit time.Duration, f func() bool) {
	t.Helper()
	for start := time.Now(); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Since(start) > limit {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}

// Hits on an ordinary list are answered in full, provenance and all, while Redis is killed and while it hangs.
func TestHitsOnAResidentListNeedNoRedis(t *testing.T) {
	redis := storetest.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	s := serve(t, "--data", t.TempDir(), "--redis", redis.URL())
	s.publish(t, denySettings, denyRows(canaryAlways))
	want := s.matches(t, canaryAlways)
	if list, ok := want.([]any); !ok || len(list) != 1 {
		t.Fatalf("before: %v", want)
	}
	ask := func(what string) {
		t.Helper()
		for range 20 {
			if d := cmp.Diff(want, s.matches(t, canaryAlways)); d != "" {
				t.Fatalf("%s: %s", what, d)
			}
			if got := s.matches(t, canaryNever); !cmp.Equal(got, []any{}) {
				t.Fatalf("%s: a clean address: %v", what, got)
			}
		}
	}
	redis.Pause()
	start := time.Now()
	ask("while Redis hangs")
	if took := time.Since(start); took > 4*time.Second { // forty answers; one that waited for Redis would take 50 ms or more
		t.Errorf("forty answers took %v", took)
	}
	redis.Resume()
	redis.Kill()
	ask("while Redis is gone")
	redis.Start()
	eventually(t, "a new version after Redis is back", 10*time.Second, func() bool {
		return s.call(t, http.MethodPost, "/v1/lists/deny/versions?mode=add", denyRows(canaryOdd), nil) == http.StatusCreated
	})
	s.call(t, http.MethodPost, "/v1/lists/deny/versions/2/activate?override=test", "", nil)
	eventually(t, "the new generation", 10*time.Second, func() bool { return s.result(t, canaryOdd) == "hit" })
	if got := s.result(t, canaryAlways); got != "hit" {
		t.Errorf("after it: %s", got)
	}
}

// lose takes the newest generation out of a Redis, as a failover to a replica that was behind does: the head, the generation, what became of the
// versions, and the layer with its filter.
func lose(t *testing.T, url string) {
	t.Helper()
	ctx := t.Context()
	store, err := redisstore.Open(ctx, url, redisstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	g, _, err := lists.Current(ctx, store)
	if err != nil {
		t.Fatal(err)
	}
	before, _, err := lists.Read[lists.Generation](ctx, store, lists.DocGeneration(g.Number-1))
	if err != nil {
		t.Fatal(err)
	}
	is, was := g.Lists[0], before.Lists[0]
	v, _, err := lists.Read[lists.Version](ctx, store, lists.DocVersion(was.List.ID, was.Version))
	if err != nil {
		t.Fatal(err)
	}
	v.State = lists.Activated
	if err := store.Commit(ctx, lists.Put(lists.DocHead, lists.Head{Generation: before.Number, ID: before.ID}, lists.AnyRevision),
		lists.Change{Key: lists.DocGeneration(g.Number), Expect: lists.AnyRevision},
		lists.Put(lists.DocList(was.List.ID), was.List, lists.AnyRevision), lists.Put(lists.DocVersion(v.List, v.Number), v, lists.AnyRevision),
		lists.Change{Key: lists.DocVersion(is.List.ID, is.Version), Expect: lists.AnyRevision}); err != nil {
		t.Fatal(err)
	}
	for _, layer := range is.Layers {
		if slices.ContainsFunc(was.Layers, func(l lists.Layer) bool { return l.ID == layer.ID }) {
			continue
		}
		if err := errors.Join(store.DropLayer(ctx, layer.ID), store.DropBlob(ctx, lists.BlobFilter(layer.ID))); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *server) servedGeneration(t *testing.T) int {
	t.Helper()
	var a struct{ Screened struct{ Generation int } }
	s.call(t, http.MethodPost, "/v1/check", fmt.Sprintf(`{"address":%q,"direction":"deposit"}`, canaryNever), &a)
	return a.Screened.Generation
}

// A failover that loses an acknowledged activation loses no listing: replicas go on with it, nothing is built on the gap, and restore
// puts it back.
func TestWhatAFailoverLosesIsPutBack(t *testing.T) {
	redis := storetest.NewRedis(t)
	data := t.TempDir()
	s := serve(t, "--data", data, "--redis", redis.URL())
	other := serve(t, "--data", t.TempDir(), "--redis", redis.URL())
	s.publish(t, denySettings, denyRows(canaryAlways))
	s.publish(t, denySettings, denyRows(canaryAlways, canaryOdd))
	eventually(t, "both serve it", 10*time.Second, func() bool { return s.result(t, canaryOdd)+other.result(t, canaryOdd) == "hithit" })
	served := s.servedGeneration(t)
	time.Sleep(2500 * time.Millisecond) // for the cache, which follows once a second
	lose(t, redis.URL())

	var r struct{ Generation, Highest int }
	eventually(t, "the loss shows", 10*time.Second, func() bool {
		s.call(t, http.MethodGet, "/v1/replicas", "", &r)
		return r.Generation == served-1 && r.Highest == served
	})
	for range 10 {
		if got := s.result(t, canaryOdd) + other.result(t, canaryOdd); got != "hithit" || s.servedGeneration(t) != served {
			t.Fatalf("after the loss: %s from generation %d", got, s.servedGeneration(t))
		}
	}
	s.call(t, http.MethodPost, "/v1/lists/deny/versions", denyRows(canaryAlways, canaryEven), nil)
	var p struct{ Code, Detail string }
	if status := s.call(t, http.MethodPost, "/v1/lists/deny/versions/2/activate?override=test", "", &p); status != http.StatusConflict || !strings.Contains(p.Detail, "interdict restore") {
		t.Errorf("an activation on top of the gap: %d %+v", status, p)
	}
	code, out, errs := program(t, "", "restore", "--server", s.base, "--key", testKey, "--reason", "failover")
	if code != exitDone || !strings.Contains(out, "1 lists and 1 layers were put back") {
		t.Fatalf("restore: %d %s %s", code, out, errs)
	}
	eventually(t, "both go on", 10*time.Second, func() bool { return s.servedGeneration(t) > served && other.servedGeneration(t) > served })
	for _, x := range []*server{s, other} {
		if got := x.result(t, canaryAlways) + x.result(t, canaryOdd) + x.result(t, canaryEven); got != "hithitmiss" {
			t.Errorf("after it was put back: %s", got)
		}
	}
	if code, out, _ := program(t, "", "restore", "--server", s.base, "--key", testKey); code != exitDone || !strings.Contains(out, "nothing is lost") {
		t.Errorf("a second time: %d %s", code, out)
	}
	fresh := serve(t, "--data", t.TempDir(), "--redis", redis.URL())
	eventually(t, "a new server", 10*time.Second, func() bool { return fresh.result(t, canaryOdd) == "hit" })
	s.publish(t, denySettings, denyRows(canaryAlways, canaryEven))
	eventually(t, "the next version", 10*time.Second, func() bool { return other.result(t, canaryEven) == "hit" && other.result(t, canaryOdd) == "miss" })
}

// A store that goes on without what it lost does not take replicas along: neither side clears what the other one lists.
func TestDivergedHistoriesAreBroughtTogether(t *testing.T) {
	redis := storetest.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	data, file := t.TempDir(), filepath.Join(t.TempDir(), "deny.csv")
	s := serve(t, "--data", data, "--redis", redis.URL())
	s.publish(t, denySettings, denyRows(canaryAlways))
	s.publish(t, denySettings, denyRows(canaryAlways, canaryOdd))
	served := s.servedGeneration(t)
	s.stop(t) // so that nobody reports what is lost
	lose(t, redis.URL())
	load := func(list string, addresses ...string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(denyRows(addresses...)), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, errs := program(t, "", "load", list, file, "--activate", "--override", "test", "--redis", redis.URL(), "--journal", t.TempDir()); code != exitDone {
			t.Fatal(errs)
		}
	}
	load("other", canaryEven)
	load("other", canaryEven, canaryAlways)

	redis.Kill()
	dead := serve(t, "--data", data, "--redis", redis.URL()) // it comes up from its cache …
	if got := dead.servedGeneration(t); got != served {
		t.Fatalf("from the cache: generation %d", got)
	}
	dead.stop(t)
	redis.Start()
	code, out, errs := program(t, "", "restore", "--from", filepath.Join(data, "cache"), "--redis", redis.URL(), "--journal", t.TempDir(), "--json")
	if code != exitDone {
		t.Fatal(errs)
	}
	var done struct{ Generation int }
	if err := json.Unmarshal([]byte(out), &done); err != nil || done.Generation <= served {
		t.Fatal(out, err)
	}
	s = serve(t, "--data", data, "--redis", redis.URL())
	eventually(t, "both sides", 10*time.Second, func() bool { return s.result(t, canaryOdd)+s.result(t, canaryEven) == "hithit" })
}

func TestAServerStartsFromItsCacheWhileRedisIsGone(t *testing.T) {
	redis := storetest.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	data := t.TempDir()
	s := serve(t, "--data", data, "--redis", redis.URL())
	s.publish(t, denySettings, denyRows(canaryAlways, canaryOdd))
	want := s.matches(t, canaryAlways)
	s.stop(t)

	redis.Kill()
	s = serve(t, "--data", data, "--redis", redis.URL())
	if d := cmp.Diff(want, s.matches(t, canaryAlways)); d != "" {
		t.Errorf("from the cache: %s", d)
	}
	if got := s.result(t, canaryNever); got != "miss" {
		t.Errorf("a clean address: %s", got)
	}
	var ready struct {
		Checks []struct{ Name, Status, Detail string }
	}
	if status := s.call(t, http.MethodGet, "/readyz", "", &ready); status != http.StatusOK {
		t.Errorf("ready: %d %+v", status, ready)
	}
	said := false
	for _, c := range ready.Checks {
		said = said || c.Name == "cache" && c.Status == "warn"
	}
	if !said {
		t.Errorf("it does not say that it serves its cache: %+v", ready)
	}
	s.kill(t)

	// A layer that is too large for memory: its filter clears, its hits are held.
	redis.Start()
	s = serve(t, "--data", data, "--redis", redis.URL(), "--resident", "0")
	s.stop(t)
	redis.Kill()
	s = serve(t, "--data", data, "--redis", redis.URL(), "--resident", "0")
	if got := s.result(t, canaryNever); got != "miss" {
		t.Errorf("a clean address, by filter: %s", got)
	}
	if got := s.result(t, canaryAlways); got != "store_unavailable" {
		t.Errorf("a listed address, by filter: %s", got)
	}
	s.stop(t)

	// The age counts on: a list that wants to stop answers stops them, whatever the cache holds.
	redis.Start()
	s = serve(t, "--data", data, "--redis", redis.URL())
	s.publish(t, `{"max_age":"1ms","on_stale":"stop"}`, denyRows(canaryAlways))
	s.stop(t)
	redis.Kill()
	s = serve(t, "--data", data, "--redis", redis.URL())
	if got := s.result(t, canaryNever); got != "stale" {
		t.Errorf("beyond its age: %s", got)
	}
}

// A server that came up from its cache, and found its store again, can do so another time.
func TestTheCacheOutlivesItsUse(t *testing.T) {
	redis := storetest.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	data := t.TempDir()
	s := serve(t, "--data", data, "--redis", redis.URL())
	s.publish(t, denySettings, denyRows(canaryAlways))
	s.stop(t)
	for range 3 {
		redis.Kill()
		s = serve(t, "--data", data, "--redis", redis.URL())
		if got := s.result(t, canaryAlways) + s.result(t, canaryNever); got != "hitmiss" {
			t.Fatalf("from the cache: %s", got)
		}
		redis.Start()
		eventually(t, "the store again", 15*time.Second, func() bool {
			var v struct{ Checks []struct{ Name string } }
			s.call(t, http.MethodGet, "/readyz", "", &v)
			return !slices.ContainsFunc(v.Checks, func(c struct{ Name string }) bool { return c.Name == "cache" || c.Name == "refresh" })
		})
		s.stop(t)
	}
}

// Without a snapshot nobody is cleared, and a server that came up too early becomes ready by itself.
func TestAServerWithoutAnySnapshotWaitsForRedis(t *testing.T) {
	redis := storetest.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	data := t.TempDir()
	s := serve(t, "--data", data, "--redis", redis.URL())
	s.publish(t, denySettings, denyRows(canaryAlways))
	s.stop(t)
	redis.Kill()

	s = serve(t, "--data", t.TempDir(), "--redis", redis.URL())
	for _, address := range []string{canaryNever, canaryAlways} {
		if got := s.result(t, address); got != "store_unavailable" {
			t.Errorf("without any snapshot: %s", got)
		}
	}
	if status := s.call(t, http.MethodGet, "/readyz", "", nil); status != http.StatusServiceUnavailable {
		t.Errorf("ready: %d", status)
	}
	redis.Start()
	eventually(t, "the answer after Redis is back", 15*time.Second, func() bool { return s.result(t, canaryAlways) == "hit" })
	s.stop(t)

	// A damaged cache is none: whatever is broken in it, no address is cleared from it that is listed.
	for n := range 8 {
		r := rand.New(rand.NewPCG(7, uint64(n)))
		s = serve(t, "--data", data, "--redis", redis.URL())
		eventually(t, "ready", 10*time.Second, func() bool { return s.result(t, canaryAlways) == "hit" })
		s.stop(t)
		var files []string
		if err := filepath.WalkDir(filepath.Join(data, "cache"), func(path string, d os.DirEntry, err error) error {
			if info, ierr := d.Info(); err == nil && ierr == nil && info.Mode().IsRegular() && info.Size() > 0 {
				files = append(files, path)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		path := files[r.IntN(len(files))]
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n%2 == 0 {
			b = b[:r.IntN(len(b))]
		} else {
			for range 64 {
				b[r.IntN(len(b))] ^= 0x55
			}
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		redis.Kill()
		s = serve(t, "--data", data, "--redis", redis.URL())
		if got := s.result(t, canaryAlways); got == "miss" {
			t.Fatalf("%s is damaged, and a listed address is cleared", filepath.Base(path))
		}
		s.kill(t)
		redis.Start()
	}
}

// A server that is killed while it writes its cache starts again from the generation that it has answered from, or does not answer.
func TestAKillWhileTheCacheIsWritten(t *testing.T) {
	redis := storetest.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	data := t.TempDir()
	rows := func(canary string) string {
		out := denyRows(canaryAlways, canary)
		for i := range 20_000 {
			out += fmt.Sprintf("0xfeed%036x,E,,\n", i)
		}
		return out
	}
	canaries := []string{canaryOdd, canaryEven}
	s := serve(t, "--data", data, "--redis", redis.URL())
	s.publish(t, denySettings, rows(canaryOdd))
	s.stop(t)
	for n := range max(4, kills()/5) {
		s = serve(t, "--data", data, "--redis", redis.URL())
		next := canaries[(n+1)%2]
		want := map[string]string{canaryOdd: `["hit","hit","miss","miss"]`, canaryEven: `["hit","miss","hit","miss"]`}[next]
		s.publish(t, denySettings, rows(next))
		time.Sleep(time.Duration(rand.IntN(1500)) * time.Millisecond)
		s.kill(t)

		redis.Kill()
		s = serve(t, "--data", data, "--redis", redis.URL())
		state, err := json.Marshal([]string{s.result(t, canaryAlways), s.result(t, canaryOdd), s.result(t, canaryEven), s.result(t, canaryNever)})
		if got := string(state); err != nil || got != want && got != `["not_loaded","not_loaded","not_loaded","not_loaded"]` {
			t.Errorf("kill %d: %s instead of %s", n, got, want)
		}
		s.kill(t)
		redis.Start()
	}
}
