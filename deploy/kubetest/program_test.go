package kubetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// invocation is one way the program is started by what stands in deploy.
type invocation struct {
	name    string
	args    []string // without the program's own name
	env     map[string]string
	volumes []string // folders that it may write to; its root is read-only
}

func (i invocation) serves() bool { return i.args[0] == "serve" }

// invocations are all of them: every workload of every folder, the replicas of compose.yaml, the Dockerfile's CMD.
func invocations(t *testing.T) []invocation {
	t.Helper()
	var all []invocation
	for _, folder := range folders(t) {
		for _, w := range render(t, folder).workloads {
			if w.ours() {
				c := w.pod.Spec.Containers[0]
				i := invocation{name: filepath.Base(folder) + "/" + w.kind, args: c.Args, env: variables(c)}
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
	secrets map[string]string // content of the file that a …_FILE variable names, by variable
}

func newStage(t *testing.T, secrets map[string]string) *stage {
	t.Helper()
	s := &stage{t.TempDir(), map[string]string{}, secrets}
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
		if strings.HasSuffix(name, "_FILE") {
			secret, ok := s.secrets[name]
			if !ok {
				t.Fatalf("%s: this test has nothing for %s", i.name, name)
			}
			s.write(t, value, secret+"\n")
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
		s.ports[port] = freePort(t)
	}
	return s.ports[port]
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// The program refuses a flag or an INTERDICT_ variable that it does not know, and reads what a …_FILE variable names.
func TestArgumentsAndVariablesAreKnown(t *testing.T) {
	secrets := map[string]string{"INTERDICT_REDIS_FILE": "redis://127.0.0.1:1", "INTERDICT_BOOTSTRAP_KEY_FILE": "k", "INTERDICT_KEY_FILE": "k"}
	program(t) // one failure, not one for each
	for _, i := range invocations(t) {
		t.Run(i.name, func(t *testing.T) {
			if out, err := newStage(t, secrets).command(t, i, "--help").CombinedOutput(); err != nil {
				t.Errorf("%q with %v is refused: %v\n%s", i.args, i.env, err, out)
			}
			// --help does not hide a mistake
			if err := newStage(t, secrets).command(t, i, "--lisen=x", "--help").Run(); err == nil {
				t.Error("a misspelt flag was accepted")
			}
			if err := newStage(t, secrets).command(t, i.and("INTERDICT_LISEN", "x"), "--help").Run(); err == nil {
				t.Error("a misspelt variable was accepted")
			}
		})
	}
}

const bootstrapKey = "b00757a9-a-key-that-only-this-test-uses-0123456789"

// The first hours of an installation, as deploy/README.md tells them: started without a list, a replica is alive and not
// ready; the bootstrap key opens it, makes the list and the loader's key; the CronJob's command loads; the replica is ready.
func TestProgramRunsAsDeployed(t *testing.T) {
	program(t)
	loader := map[string]invocation{}
	all := invocations(t)
	for _, i := range all {
		if !i.serves() {
			loader[strings.SplitN(i.name, "/", 2)[0]] = i
		}
	}
	for _, i := range all {
		if !i.serves() {
			continue
		}
		t.Run(i.name, func(t *testing.T) {
			secrets := map[string]string{"INTERDICT_BOOTSTRAP_KEY_FILE": bootstrapKey}
			if i.env["INTERDICT_REDIS_FILE"] != "" {
				secrets["INTERDICT_REDIS_FILE"] = "redis://" + redisServer(t) + "/0"
			}
			s := newStage(t, secrets)
			if i.name == "Dockerfile" { // started by hand, so the key is given by hand
				i.env = map[string]string{"INTERDICT_BOOTSTRAP_KEY_FILE": "/run/key"}
			}
			stop := s.start(t, i)

			s.expect(t, ":8080", "GET", "/livez", "", http.StatusOK)
			if body := s.expect(t, ":8080", "GET", "/readyz", "", http.StatusServiceUnavailable); strings.Count(body, `"fail"`) != 1 || warns(body) {
				t.Errorf("it lacks more than a list: %s", body)
			}
			s.expect(t, ":9090", "GET", "/metrics", "", http.StatusOK)
			s.expect(t, ":8080", "GET", "/metrics", "", http.StatusNotFound)
			s.expect(t, ":8080", "PUT", "/v1/lists/ofac-sdn", `{"approvals": 0}`, http.StatusCreated)

			cron, ok := loader[strings.SplitN(i.name, "/", 2)[0]]
			if !ok {
				cron = loader["base"]
			}
			var key bytes.Buffer
			create := s.command(t, invocation{name: "keys create",
				args: []string{"keys", "create", "--name=loader", "--role=analyst,approver", "--server=http://" + s.ports[":8080"]},
				env:  map[string]string{"INTERDICT_KEY_FILE": "/loader/bootstrap"}}.with(s, bootstrapKey))
			create.Stdout = &key
			if err := create.Run(); err != nil {
				t.Fatalf("keys create: %v", err)
			}
			const listed = "0x098B716B8Aaf21512996dC57EB0615e2383E2f96"
			publisher := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, "address,network\n%s,ethereum\n", listed)
			}))
			defer publisher.Close()
			cron.args = slices.Clone(cron.args)
			for n, arg := range cron.args {
				if strings.HasPrefix(arg, "https://") {
					cron.args[n] = publisher.URL + "/list.csv"
				}
				if strings.HasPrefix(arg, "--server=") {
					cron.args[n] = "--server=http://" + s.ports[":8080"]
				}
			}
			if out, err := s.command(t, cron.with(s, strings.TrimSpace(key.String()))).CombinedOutput(); err != nil {
				t.Fatalf("%q: %v\n%s", cron.args, err, out)
			}
			if body := s.expect(t, ":8080", "GET", "/readyz", "", http.StatusOK); warns(body) {
				t.Errorf("something is wrong: %s", body)
			}
			body := s.expect(t, ":8080", "POST", "/v1/check", `{"address": "`+listed+`", "direction": "withdrawal"}`, http.StatusOK)
			if !strings.Contains(body, `"result":"hit"`) {
				t.Errorf("the loaded address is answered with %s", body)
			}
			stop()

			state := []string{"journal"}
			if i.env["INTERDICT_REDIS_FILE"] != "" {
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

// A folder that cannot be written, and that a server can do without, is a warning: in the log, and in /readyz.
func TestAServerStartsWithoutCacheAndTemporaryFolder(t *testing.T) {
	for _, i := range invocations(t) {
		if i.name != "base/StatefulSet" {
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
	t.Fatal("there is no base/StatefulSet")
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

// with gives the file of INTERDICT_KEY_FILE its content.
func (i invocation) with(s *stage, key string) invocation {
	s.secrets["INTERDICT_KEY_FILE"] = key
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

// expect asks with the bootstrap key and gives the body.
func (s *stage) expect(t *testing.T, port, method, path, body string, want int) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("http://%s%s", s.ports[port], path), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+bootstrapKey)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != want {
		t.Fatalf("%s %s answers %d, not %d: %s", method, path, res.StatusCode, want, got)
	}
	return string(got)
}

// redisServer starts a Redis that ends with the test.
func redisServer(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("INTERDICT_REQUIRE_REDIS") != "" {
			t.Fatal("redis-server is not installed, and INTERDICT_REQUIRE_REDIS is set")
		}
		t.Skip("redis-server is not installed")
	}
	addr := freePort(t)
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
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return addr
		}
	}
	t.Fatal("redis-server does not answer")
	return ""
}

// warns reports whether a readiness probe warns of anything but setup: a new server has one administrator.
func warns(body string) bool {
	return strings.Count(body, `"warn"`) > strings.Count(body, `{"name":"setup","status":"warn"`)
}
