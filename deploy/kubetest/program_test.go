package kubetest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"interdict/lists/storetest/freeaddr"
)

// invocation is one way the program is started by what stands in deploy.
type invocation struct {
	name    string
	args    []string // without the program's own name
	env     map[string]string
	volumes []string // folders that it may write to; its root is read-only
}

func (i invocation) serves() bool { return i.args[0] == "serve" }

// scheme is that of the API.
func (i invocation) scheme() string {
	if i.env["INTERDICT_TLS_CERT"] != "" {
		return "https"
	}
	return "http"
}

// invocations are all of them: every workload of the chart with every value set, the replicas of compose.yaml, the Dockerfile's CMD.
func invocations(t *testing.T) []invocation {
	t.Helper()
	var all []invocation
	files := valueFiles(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for _, w := range renderChart(t, name, files[name]).workloads {
			if w.ours() {
				c := w.pod.Spec.Containers[0]
				i := invocation{name: name + "/" + w.kind, args: c.Args, env: variables(c)}
				for _, m := range c.VolumeMounts {
					if !m.ReadOnly {
						i.volumes = append(i.volumes, m.MountPath)
					}
				}
				all = append(all, i)
			}
		}
	}
	for _, s := range ourServices(compose(t)) {
		env := map[string]string{}
		for name, value := range s.Environment {
			env[name] = *value
		}
		i := invocation{name: "compose/" + s.Name, args: s.Command, env: env}
		for _, v := range s.Volumes {
			i.volumes = append(i.volumes, v.Target)
		}
		for _, mount := range s.Tmpfs {
			folder, _, _ := strings.Cut(mount, ":")
			i.volumes = append(i.volumes, folder)
		}
		all = append(all, i)
	}
	// deploy/README.md: docker run --read-only --tmpfs /tmp
	d := dockerfile(t)
	return append(all, invocation{name: "Dockerfile", args: d["CMD"], volumes: append(d["VOLUME"], "/tmp")})
}

// dockerfile gives the instructions of the last stage that have a JSON list, or words, as their value.
func dockerfile(t *testing.T) map[string][]string {
	t.Helper()
	content, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for line := range strings.Lines(string(content)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch name {
		case "FROM":
			clear(out)
		case "CMD", "ENTRYPOINT":
			var words []string
			if err := json.Unmarshal([]byte(value), &words); err != nil {
				t.Fatalf("Dockerfile: %s is not in its JSON form, and there is no shell to read the other: %v", name, err)
			}
			out[name] = words
		case "USER", "EXPOSE", "VOLUME":
			out[name] = strings.Fields(value)
		}
	}
	return out
}

func TestDockerfileAgreesWithTheManifests(t *testing.T) {
	d := dockerfile(t)
	for name, want := range map[string][]string{
		"ENTRYPOINT": {"/interdict"}, "USER": {"65532:65532"}, "EXPOSE": {"8080", "9090"}, "VOLUME": {"/var/lib/interdict"},
	} {
		if !slices.Equal(d[name], want) {
			t.Errorf("%s %q, the manifests count on %q", name, d[name], want)
		}
	}
	for name, want := range map[string]string{"--listen": ":8080", "--admin-listen": ":9090", "--data": "/var/lib/interdict"} {
		if got := flagOf(d["CMD"], name); got != want {
			t.Errorf("CMD has %s %q, not %q", name, got, want)
		}
	}
}

var scratch string // a folder for the whole run

func TestMain(m *testing.M) {
	becomeContained()
	var err error
	if scratch, err = os.MkdirTemp("", "interdict-kubetest-*"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(scratch) // a folder left among temporary ones is no failure
	os.Exit(code)
}

// build makes the program, once.
var build = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(scratch, "interdict")
	// -trimpath: what is compiled here is compiled for deploy/release, too
	cmd := exec.Command("go", "build", "-C", "../..", "-buildvcs=false", "-trimpath", "-o", binary, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // there is no C library in the container
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("the program does not build: %w\n%s", err, out)
	}
	return binary, nil
})

func program(t *testing.T) string {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// stage is a folder that is a container's root, and the ports and secrets of what runs in it.
type stage struct {
	root    string
	ports   map[string]string // ":8080" → "127.0.0.1:41234"
	secrets map[string]string // content of the file that a variable names, by variable
	client  *http.Client
	scheme  string // of the API
}

func newStage(t *testing.T, secrets map[string]string) *stage {
	t.Helper()
	s := &stage{t.TempDir(), map[string]string{}, secrets, http.DefaultClient, "http"}
	if err := os.Chmod(s.root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(program(t), filepath.Join(s.root, "interdict")); err != nil {
		t.Fatal(err)
	}
	return s
}

// user is whom the containers run as, and the group that their volumes and secrets belong to.
const user = 65532

var anyPort = regexp.MustCompile(`(^|=)(:\d+)$`)

// command is the invocation as it stands, in a container with a read-only root. Only its ports are others: they are free ones on loopback.
func (s *stage) command(t *testing.T, i invocation, more ...string) *exec.Cmd {
	t.Helper()
	c := contained{Root: s.root, Volumes: i.volumes, User: user, Args: []string{"/interdict"}}
	for _, arg := range append(slices.Clone(i.args), more...) {
		if m := anyPort.FindStringSubmatch(arg); m != nil {
			arg = strings.TrimSuffix(arg, m[2]) + s.port(t, m[2])
		}
		c.Args = append(c.Args, arg)
	}
	for _, folder := range i.volumes {
		s.share(t, folder, 0o777|os.ModeSetgid)
	}
	for name, value := range i.env {
		secret, ok := s.secrets[name]
		switch {
		case ok:
			s.write(t, value, secret+"\n")
		case strings.HasSuffix(name, "_FILE"):
			t.Fatalf("%s: this test has nothing for %s", i.name, name)
		}
		c.Env = append(c.Env, name+"="+value)
	}
	return inContainer(t, c)
}

// write makes a file in the container, which the program can read.
func (s *stage) write(t *testing.T, path, content string) {
	t.Helper()
	s.share(t, filepath.Dir(path), 0o755)
	if err := os.WriteFile(filepath.Join(s.root, path), []byte(content), 0o444); err != nil && !errors.Is(err, os.ErrPermission) {
		t.Fatal(err)
	}
}

// share makes a folder in the container.
func (s *stage) share(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	folder := filepath.Join(s.root, path)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(folder, mode); err != nil {
		t.Fatal(err)
	}
}

func (s *stage) port(t *testing.T, port string) string {
	t.Helper()
	if s.ports[port] == "" {
		s.ports[port] = freeaddr.Get(t)
	}
	return s.ports[port]
}

// The program refuses a flag or an INTERDICT_ variable that it does not know, and reads what a …_FILE variable names.
func TestArgumentsAndVariablesAreKnown(t *testing.T) {
	secrets := secretsOf("redis://127.0.0.1:1")
	program(t) // one failure, not one for each
	for _, i := range invocations(t) {
		t.Run(i.name, func(t *testing.T) {
			if out, err := newStage(t, secrets).command(t, i, "--help").CombinedOutput(); err != nil {
				t.Errorf("%q with %v is refused: %v\n%s", i.args, i.env, err, out)
			}
		})
	}
	// --help does not hide a mistake
	i := invocations(t)[0]
	if err := newStage(t, secrets).command(t, i, "--lisen=x", "--help").Run(); err == nil {
		t.Error("a misspelt flag was accepted")
	}
	if err := newStage(t, secrets).command(t, i.and("INTERDICT_LISEN", "x"), "--help").Run(); err == nil {
		t.Error("a misspelt variable was accepted")
	}
}

const bootstrapKey = "b00757a9-a-key-that-only-this-test-uses-0123456789"

// secretsOf is a value for every secret that the manifests name. What is outside, but for Redis, is away.
func secretsOf(redis string) map[string]string {
	return map[string]string{
		"INTERDICT_REDIS_FILE": redis, "INTERDICT_REDIS_PASSWORD_FILE": redisPassword, "INTERDICT_BOOTSTRAP_KEY_FILE": bootstrapKey, "INTERDICT_KEY_FILE": bootstrapKey,
		"INTERDICT_ARCHIVE_FILE": "postgres://interdict@127.0.0.1:1/interdict", "INTERDICT_BUCKET_ACCESS_KEY_FILE": "access", "INTERDICT_BUCKET_SECRET_KEY_FILE": "secret",
		"INTERDICT_OIDC_CLIENT_SECRET_FILE": "secret", "INTERDICT_CUSTOMER_KEY_FILE": strings.Repeat("c", 32), "INTERDICT_PEPPER_FILE": strings.Repeat("p", 32),
		"INTERDICT_EDGE_ACCESS_KEY_FILE": "access", "INTERDICT_EDGE_SECRET_KEY_FILE": "secret", "INTERDICT_FOLLOW_TOKEN_FILE": bootstrapKey, "INTERDICT_RECORD_KEY_FILE": recordKey(),
	}
}

// recordKey makes a key that signs the record.
func recordKey() string {
	key, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed([]byte(strings.Repeat("r", ed25519.SeedSize))))
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
}

// bounded is whether everything that a value set needs is here: PostgreSQL, a bucket and an identity provider are not.
func (i invocation) bounded() bool { return i.env["INTERDICT_ARCHIVE_FILE"] == "" }

// The first hours of an installation, as deploy/README.md tells them: started without a list, a replica is alive and not
// ready; the bootstrap key opens it; then the servers fetch the list, or the CronJob's command loads it with a key of its own;
// the replica is ready.
func TestProgramRunsAsDeployed(t *testing.T) {
	program(t)
	all := invocations(t)
	loader := all[slices.IndexFunc(all, func(i invocation) bool { return !i.serves() })]
	list, err := os.ReadFile("../../docs/examples/sdn_advanced.xml")
	if err != nil {
		t.Fatal(err)
	}
	publisher := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(list) }))
	defer publisher.Close()
	for _, i := range all {
		if !i.serves() || i.follows() || i.name == "compose/interdict-2" { // the same as its neighbour
			continue
		}
		t.Run(i.name, func(t *testing.T) {
			values := strings.SplitN(i.name, "/", 2)[0]
			secrets := secretsOf("")
			switch {
			case values == "compose":
				redis := compose(t).Services["redis"]
				secrets["INTERDICT_REDIS_FILE"] = "redis://:" + redisPassword + "@" + startRedis(t, redis.Command, redis.HealthCheck.Test[1]) + "/0"
			case i.env["INTERDICT_REDIS"] != "":
				redis := container(t, values, "redis")
				i = i.and("INTERDICT_REDIS", "redis://"+startRedis(t, redis.Command, redis.ReadinessProbe.Exec.Command[2])+"/0")
			case i.env["INTERDICT_REDIS_FILE"] != "":
				secrets["INTERDICT_REDIS_FILE"] = "redis://" + redisServer(t) + "/0"
			}
			s := newStage(t, secrets)
			if i.scheme() == "https" {
				s.serveTLS(t)
			}
			if i.name == "Dockerfile" { // started by hand, so the key is given by hand
				i.env = map[string]string{"INTERDICT_BOOTSTRAP_KEY_FILE": "/run/key"}
			}
			refreshes := i.name == "default/StatefulSet" // servers look every ten seconds, so one is enough
			if refreshes {                               // the publisher of this test is on loopback
				i = i.and("INTERDICT_ALLOW_HTTP_SOURCES", "true").and("INTERDICT_ALLOW_INTERNAL_SOURCES", "true")
			}
			if i.env["INTERDICT_BUCKET"] != "" { // a server does not start without its bucket
				i = i.and("INTERDICT_BUCKET", "/bucket")
				i.volumes = append(i.volumes, "/bucket")
			}
			if i.env["INTERDICT_PUBLISH"] != "" {
				i = i.and("INTERDICT_PUBLISH", "/published")
				i.volumes = append(i.volumes, "/published")
			}
			stop := s.start(t, i)

			s.expect(t, ":8080", "GET", "/livez", "", http.StatusOK)
			if body := s.expect(t, ":8080", "GET", "/readyz", "", http.StatusServiceUnavailable); strings.Count(body, `"fail"`) != 1 || i.bounded() && warns(body) {
				t.Errorf("it lacks more than a list: %s", body)
			}
			s.expect(t, ":9090", "GET", "/metrics", "", http.StatusOK)
			s.expect(t, ":8080", "GET", "/metrics", "", http.StatusNotFound)

			if refreshes {
				s.run(t, invocation{name: "lists follow", args: []string{"lists", "follow", "ofac-sdn", "--url=" + publisher.URL + "/sdn_advanced.xml", "--server=" + s.url(":8080")},
					env: map[string]string{"INTERDICT_KEY_FILE": "/admin/key"}})
			} else {
				s.load(t, loader, publisher.URL)
			}
			s.await(t, "/readyz", http.StatusOK)
			if body := s.expect(t, ":8080", "GET", "/readyz", "", http.StatusOK); i.bounded() && warns(body) {
				t.Errorf("something is wrong: %s", body)
			}
			body := s.expect(t, ":8080", "POST", "/v1/check", `{"address": "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", "direction": "withdrawal"}`, http.StatusOK)
			if !strings.Contains(body, `"result":"hit"`) {
				t.Errorf("the loaded address is answered with %s", body)
			}
			if i.env["INTERDICT_PUBLISH"] != "" {
				s.awaitFile(t, "/published/v1/manifest")
			}
			stop()

			state := []string{"journal"}
			if i.env["INTERDICT_REDIS_FILE"]+i.env["INTERDICT_REDIS"] != "" {
				state = append(state, "cache")
			}
			for _, name := range state {
				if files, err := os.ReadDir(filepath.Join(s.root, "/var/lib/interdict", name)); err != nil || len(files) == 0 {
					t.Errorf("nothing is in the folder %s: %v", name, err)
				}
			}
		})
	}
}

// follows is whether the lists come from another server.
func (i invocation) follows() bool { return i.env["INTERDICT_FOLLOW"] != "" }

// A server that follows is ready with the lists of another one. It needs no Redis and no load, and outlives the other one.
func TestAFollowerRunsAsDeployed(t *testing.T) {
	program(t)
	all := invocations(t)
	find := func(what string, is func(invocation) bool) invocation {
		n := slices.IndexFunc(all, is)
		if n < 0 {
			t.Fatalf("no invocation is %s", what)
		}
		return all[n]
	}
	list, err := os.ReadFile("../../docs/examples/sdn_advanced.xml")
	if err != nil {
		t.Fatal(err)
	}
	publisher := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(list) }))
	defer publisher.Close()
	single := find("single", func(i invocation) bool { return i.name == "single/StatefulSet" })
	origin := newStage(t, secretsOf(""))
	stopOrigin := origin.start(t, single)
	origin.load(t, find("a loader", func(i invocation) bool { return !i.serves() }), publisher.URL)
	origin.await(t, "/readyz", http.StatusOK)
	key := origin.run(t, invocation{name: "audit keys", args: []string{"audit", "keys"}, env: map[string]string{"INTERDICT_DATA": single.env["INTERDICT_DATA"]}, volumes: single.volumes})

	edge := find("a follower", invocation.follows)
	if names := slices.Sorted(maps.Keys(edge.env)); slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "INTERDICT_REDIS") }) {
		t.Errorf("a variable names a Redis: %v", names)
	}
	s := newStage(t, secretsOf(""))
	stop := s.start(t, edge.and("INTERDICT_FOLLOW", origin.url(":8080")).and("INTERDICT_FOLLOW_KEY", strings.TrimSpace(key)).
		and("INTERDICT_FOLLOW_TOKEN_FILE", "/etc/interdict/secrets/follow_token"))
	s.await(t, "/readyz", http.StatusOK)
	if body := s.expect(t, ":8080", "GET", "/readyz", "", http.StatusOK); warns(body) {
		t.Errorf("something is wrong: %s", body)
	}
	stopOrigin()
	for address, want := range map[string]string{"0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf": `"result":"hit"`, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed": `"result":"miss"`} {
		if body := s.expect(t, ":8080", "POST", "/v1/check", fmt.Sprintf(`{"address": %q, "direction": "withdrawal"}`, address), http.StatusOK); !strings.Contains(body, want) {
			t.Errorf("%s is answered with %s", address, body)
		}
	}
	stop()
}

// load makes the list and a key for the CronJob, and runs its command.
func (s *stage) load(t *testing.T, cron invocation, publisher string) {
	t.Helper()
	s.expect(t, ":8080", "PUT", "/v1/lists/ofac-sdn", `{"approvals": 0}`, http.StatusCreated)
	env := map[string]string{"INTERDICT_KEY_FILE": "/admin/key"}
	if s.scheme == "https" {
		env["INTERDICT_CA"] = cron.env["INTERDICT_CA"]
	} else {
		cron.env = maps.Clone(cron.env)
		delete(cron.env, "INTERDICT_CA")
	}
	key := s.run(t, invocation{name: "keys create", args: []string{"keys", "create", "--name=loader", "--role=analyst,approver", "--server=" + s.url(":8080")}, env: env})
	cron.args = slices.Clone(cron.args)
	for n, arg := range cron.args {
		if strings.HasPrefix(arg, "https://") {
			cron.args[n] = publisher + "/sdn_advanced.xml"
		}
		if strings.HasPrefix(arg, "--server=") {
			cron.args[n] = "--server=" + s.url(":8080")
		}
	}
	s.secrets["INTERDICT_KEY_FILE"] = strings.TrimSpace(key)
	s.run(t, cron)
}

// run runs a command that ends, and returns its output.
func (s *stage) run(t *testing.T, i invocation) string {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := s.command(t, i)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%q: %v\n%s%s", i.args, err, &out, &errs)
	}
	return out.String()
}

// A folder that cannot be written, and that a server can do without, is a warning: in the log, and in /readyz.
func TestAServerStartsWithoutCacheAndTemporaryFolder(t *testing.T) {
	for _, i := range invocations(t) {
		if i.name != "default/StatefulSet" {
			continue
		}
		delete(i.env, "INTERDICT_DATA") // so that it is ./data, on the read-only root
		i.env["INTERDICT_JOURNAL"] = "/var/lib/interdict/journal"
		i.volumes = slices.DeleteFunc(i.volumes, func(folder string) bool { return folder == "/tmp" })
		s := newStage(t, map[string]string{"INTERDICT_BOOTSTRAP_KEY_FILE": bootstrapKey, "INTERDICT_REDIS_FILE": "redis://" + redisServer(t) + "/0"})
		stop := s.start(t, i)
		body := s.expect(t, ":8080", "GET", "/readyz", "", http.StatusServiceUnavailable)
		for _, want := range []string{`{"name":"cache","status":"warn"`, `data/cache`, "--cache", `{"name":"spool","status":"warn"`, "TMPDIR"} {
			if !strings.Contains(body, want) {
				t.Errorf("/readyz does not say %s: %s", want, body)
			}
		}
		s.expect(t, ":8080", "PUT", "/v1/lists/ofac-sdn", `{"approvals": 0}`, http.StatusCreated)
		if body := s.expect(t, ":8080", "POST", "/v1/lists/ofac-sdn/versions?format=text", "{}", http.StatusServiceUnavailable); !strings.Contains(body, "TMPDIR") {
			t.Errorf("an upload is refused with %s", body)
		}
		stop()
		return
	}
	t.Fatal("there is no default/StatefulSet")
}

// and is the invocation with one more variable.
func (i invocation) and(name, value string) invocation {
	env := maps.Clone(i.env)
	if env == nil {
		env = map[string]string{}
	}
	env[name] = value
	i.env = env
	return i
}

// start runs a server until stop, which sends SIGTERM as Kubernetes does and wants an orderly end.
func (s *stage) start(t *testing.T, i invocation) (stop func()) {
	t.Helper()
	cmd := s.command(t, i.and("INTERDICT_DRAIN_DELAY", "0s"))
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			_ = cmd.Process.Kill()
			err := <-ended
			t.Logf("the program ended with %v, and said:\n%s", err, &log)
		}
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", s.ports[":8080"])
		if err == nil {
			conn.Close()
			break
		}
		select {
		case err := <-ended:
			stopped = true
			t.Fatalf("%q with %v ended: %v\n%s", i.args, i.env, err, &log)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%q listens on no %s", i.args, s.ports[":8080"])
		}
	}
	return func() {
		t.Helper()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			stopped = true
			if err != nil {
				t.Errorf("after SIGTERM: %v\n%s", err, &log)
			}
		case <-time.After(30 * time.Second):
			t.Error("it does not end within 30 s of SIGTERM")
		}
	}
}

// expect asks with the bootstrap key and gives the body; the status, if any is fine (0).
func (s *stage) expect(t *testing.T, port, method, path, body string, want int) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.url(port)+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+bootstrapKey)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if want != 0 && res.StatusCode != want {
		t.Fatalf("%s %s answers %d, not %d: %s", method, path, res.StatusCode, want, got)
	}
	if want == 0 {
		return strconv.Itoa(res.StatusCode)
	}
	return string(got)
}

// url is where the program listens on a port of the manifests.
func (s *stage) url(port string) string {
	if port == ":8080" {
		return s.scheme + "://" + s.ports[port]
	}
	return "http://" + s.ports[port]
}

// await polls until a path is answered as wanted.
func (s *stage) await(t *testing.T, path string, want int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		got := s.expect(t, ":8080", "GET", path, "", 0)
		if got == strconv.Itoa(want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("GET %s still answers %s, not %d", path, got, want)
		}
	}
}

// awaitFile polls until a file is there.
func (s *stage) awaitFile(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		_, err := os.Stat(filepath.Join(s.root, path))
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// redisPath is where redis-server is.
func redisPath(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("INTERDICT_REQUIRE_REDIS") != "" {
			t.Fatal("redis-server is not installed, and INTERDICT_REQUIRE_REDIS is set")
		}
		t.Skip("redis-server is not installed")
	}
	return path
}

// redisServer starts a Redis that ends with the test.
func redisServer(t *testing.T) string {
	t.Helper()
	path := redisPath(t)
	addr := freeaddr.Get(t)
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed, as it says
	})
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return addr
		}
	}
	t.Fatal("redis-server does not answer")
	return ""
}

const redisPassword = "f0e1d2c3b4a5968778695a4b3c2d1e0f"

// container is one of what the chart makes of a value set.
func container(t *testing.T, values, name string) corev1.Container {
	t.Helper()
	for _, w := range renderChart(t, values, valueFiles(t)[values]).workloads {
		for _, c := range w.pod.Spec.Containers {
			if c.Name == name {
				return c
			}
		}
	}
	t.Fatalf("values %s: no container %s", values, name)
	return corev1.Container{}
}

// startRedis starts a Redis with the command of a manifest, and waits for its probe, a line of shell. Only its port, its folder and the file of its
// password are others. It returns its address.
func startRedis(t *testing.T, command []string, probe string) string {
	t.Helper()
	redisPath(t)
	dir, addr := t.TempDir(), freeaddr.Get(t)
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte(redisPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	here := func(words []string) *exec.Cmd {
		words = slices.Clone(words)
		for i, word := range words {
			words[i] = strings.NewReplacer("port 6379", "port "+port, "redis-cli", "redis-cli -p "+port, "dir /data", "dir "+dir,
				"/etc/redis/secret/password", password, "/run/secrets/redis_password", password).Replace(word)
		}
		return exec.Command(words[0], words[1:]...) //nolint:noctx // it ends with the test
	}
	cmd := here(command)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("redis-server ends with %v after SIGTERM:\n%s", err, &log)
		}
	})
	for deadline := time.Now().Add(20 * time.Second); here([]string{"sh", "-c", probe}).Run() != nil; time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("redis-server ended: %v\n%s", err, &log)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("redis-server does not pass its readiness probe")
		}
	}
	for _, name := range []string{"cmdline", "environ"} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", cmd.Process.Pid, name))
		if err == nil && bytes.Contains(b, []byte(redisPassword)) {
			t.Errorf("whoever lists processes reads the password of Redis in %s", name)
		}
	}
	if out, err := exec.Command("redis-cli", "-p", port, "config", "get", "maxmemory-policy").CombinedOutput(); err != nil || !bytes.Contains(out, []byte("NOAUTH")) { //nolint:noctx // it answers at once
		t.Errorf("without the password Redis says %s (%v)", out, err)
	}
	return addr
}

// serveTLS makes a certificate for the API, and trusts it.
func (s *stage) serveTLS(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(90 * 24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
	s.secrets["INTERDICT_TLS_CERT"], s.secrets["INTERDICT_CA"] = certPEM, certPEM
	s.secrets["INTERDICT_TLS_KEY"] = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(certPEM))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	s.client, s.scheme = &http.Client{Transport: transport}, "https"
}

// warns reports whether a readiness probe warns of anything but setup: a new server has one administrator.
func warns(body string) bool {
	return strings.Count(body, `"warn"`) > strings.Count(body, `{"name":"setup","status":"warn"`)
}
