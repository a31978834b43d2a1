package buckettest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"interdict/lists/storetest/freeaddr"
)

const apiKey = "bootstrap-key-of-the-bucket-tests-0123"

// Addresses from examples in standards: nobody is accused of anything.
const (
	listed   = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
	added    = "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB"
	unlisted = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
)

// interdict is the built program with the folder of one server.
type interdict struct {
	program, data, addr string
	stop                func()
}

// run runs a command to its end and returns what it prints.
func (i *interdict) run(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), i.program, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("interdict %v: %v\n%s", args, err, &errs)
	}
	return strings.TrimSpace(out.String())
}

// serve starts the server; it ends with the test, or when stop is called.
func (i *interdict) serve(t *testing.T, args ...string) {
	t.Helper()
	i.addr = freeaddr.Get(t)
	cmd := exec.Command(i.program, append([]string{"serve", "--data", i.data, "--listen", i.addr, "--admin-listen", freeaddr.Get(t), "--drain-delay", "0s", "--four-eyes", "off"}, args...)...)
	cmd.Env = append(cmd.Environ(), "INTERDICT_BOOTSTRAP_KEY="+apiKey, "INTERDICT_EDGE_ACCESS_KEY="+accessKey, "INTERDICT_EDGE_SECRET_KEY="+secretKey)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	must(t, cmd.Start())
	i.stop = func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(func() {
		i.stop()
		if t.Failed() {
			t.Logf("serve %v:\n%s", args, &log)
		}
	})
}

// ready returns the status of the readiness probe; 0: no answer.
func (i *interdict) ready(t *testing.T) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+i.addr+"/readyz", http.NoBody)
	must(t, err)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// check returns the results of checks, or the codes of the errors.
func (i *interdict) check(t *testing.T, addresses ...string) (told []string) {
	t.Helper()
	for _, a := range addresses {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+i.addr+"/v1/check", strings.NewReader(fmt.Sprintf(`{"address":%q,"direction":"deposit"}`, a)))
		must(t, err)
		req.Header.Set("Authorization", "Bearer "+apiKey)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			told = append(told, "no answer")
			continue
		}
		var answer struct{ Result, Code string }
		must(t, json.NewDecoder(resp.Body).Decode(&answer))
		must(t, resp.Body.Close())
		told = append(told, fmt.Sprintf("%d %s%s", resp.StatusCode, answer.Result, answer.Code))
	}
	return told
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// anonymousReads lets everybody read objects, as a website does.
const anonymousReads = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::lists/*"}]}`

// Servers follow a server that publishes in a bucket, with keys of the bucket, or over plain HTTP. Without the bucket they
// answer and start from what they have, until it expires.
func TestServersFollowThroughABucket(t *testing.T) {
	program := filepath.Join(t.TempDir(), "interdict")
	build := exec.CommandContext(t.Context(), "go", "build", "-C", "../..", "-buildvcs=false", "-ldflags", "-s -w", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := startServer(t, t.TempDir())
	c := s.client(t)
	must(t, c.MakeBucket(t.Context(), "lists", minio.MakeBucketOptions{}))
	must(t, c.SetBucketPolicy(t.Context(), "lists", anonymousReads))
	bucket := fmt.Sprintf("s3://lists/prod?endpoint=http://127.0.0.1:%s&region=us-east-1", s.config.Port)

	origin := &interdict{program: program, data: t.TempDir()}
	origin.run(t, "address\n"+listed+"\n", "load", "deny", "-", "--activate", "--data", origin.data)
	vkey := origin.run(t, "", "audit", "keys", "--data", origin.data)
	origin.serve(t, "--publish", bucket, "--manifest-valid", "10s")
	follow := func(from string) []string {
		return []string{"--follow", from, "--follow-key", vkey, "--follow-every", "1s"}
	}
	sources := map[string]string{"one": bucket, "two": bucket, "over HTTP": "http://127.0.0.1:" + s.config.Port + "/lists/prod"}
	nodes := map[string]*interdict{}
	for name, from := range sources {
		nodes[name] = &interdict{program: program, data: t.TempDir()}
		nodes[name].serve(t, follow(from)...)
	}
	tell := func(addresses ...string) map[string][]string {
		t.Helper()
		told := map[string][]string{}
		for name, n := range nodes {
			told[name] = n.check(t, addresses...)
		}
		return told
	}
	all := func(want ...string) map[string][]string {
		return map[string][]string{"one": want, "two": want, "over HTTP": want}
	}
	eventually(t, "every node is ready", func() bool {
		for _, n := range nodes {
			if n.ready(t) != http.StatusOK {
				return false
			}
		}
		return true
	})
	if diff := cmp.Diff(all("200 hit", "200 miss", "200 miss"), tell(listed, added, unlisted)); diff != "" {
		t.Errorf("the first generation:\n%s", diff)
	}

	origin.run(t, "address\n"+added+"\n", "load", "deny", "-", "--mode", "add", "--activate", "--server", "http://"+origin.addr, "--key", apiKey)
	eventually(t, "every node has the change", func() bool { return cmp.Equal(tell(added), all("200 hit")) })
	if diff := cmp.Diff(all("200 hit", "200 hit", "200 miss"), tell(listed, added, unlisted)); diff != "" {
		t.Errorf("the second generation:\n%s", diff)
	}

	s.kill(t)
	origin.stop()
	for _, name := range []string{"one", "over HTTP"} { // "two" goes on
		nodes[name].stop()
		nodes[name].serve(t, follow(sources[name])...)
	}
	origin.serve(t, "--publish", bucket, "--manifest-valid", "10s")
	for _, name := range []string{"one", "over HTTP"} {
		eventually(t, "a node that is started without the bucket answers", func() bool { return cmp.Equal(nodes[name].check(t, listed), []string{"200 hit"}) })
	}
	eventually(t, "misses are stale", func() bool { return cmp.Equal(tell(unlisted), all("503 stale")) })
	if diff := cmp.Diff(all("200 hit", "200 hit", "503 stale"), tell(listed, added, unlisted)); diff != "" {
		t.Errorf("after the manifest has expired:\n%s", diff)
	}
	for name, n := range nodes {
		if got := n.ready(t); got != http.StatusServiceUnavailable {
			t.Errorf("%s is ready: %d", name, got)
		}
	}
	eventually(t, "the origin answers without the bucket", func() bool {
		return cmp.Equal(origin.check(t, listed, unlisted), []string{"200 hit", "200 miss"})
	})
}
