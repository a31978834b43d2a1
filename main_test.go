package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/storetest"
	"interdict/lists/storetest/freeaddr"
	"interdict/loader"
	"interdict/screening"
	"interdict/screening/journal"
)

// TestMain lets the test binary be the program itself, so that tests can start real processes of it, and kill them.
func TestMain(m *testing.M) {
	switch os.Getenv("INTERDICT_TEST_AS") {
	case "program":
		main()
	case "loader":
		loadForever()
	default:
		os.Exit(m.Run())
	}
}

// program runs a command in this process.
func program(t testing.TB, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

// start runs the program as a process of its own.
func start(t testing.TB, as string, env []string, args ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(append(os.Environ(), "INTERDICT_TEST_AS="+as), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, bufio.NewReader(out)
}

const (
	canaryAlways = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
	canaryOdd    = "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB"
	canaryEven   = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
	canaryNever  = "1HLoD9E4SDFFPDiYfNYnkBLQ85Y51J3Zb1"
)

// loadForever activates one version after another: odd ones list canaryOdd, even ones canaryEven, all of them canaryAlways. It says what was
// acknowledged, and waits to be killed.
func loadForever() {
	ctx := context.Background()
	e := &env{ctx: ctx, stdout: os.Stdout, stderr: os.Stderr, logLevel: "warn"}
	f := &storeFlags{Data: os.Getenv("INTERDICT_TEST_DATA"), Redis: os.Getenv("INTERDICT_TEST_REDIS"), RedisPrefix: "interdict"}
	o, err := f.open(ctx, e.quiet())
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	settings := loader.NewList("canary", time.Now())
	settings.Approvals = 0
	for range 10_000 {
		l, _, err := o.loader.List(ctx, "canary")
		latest := 0
		if err == nil {
			latest = l.Latest
		}
		canary := canaryOdd
		if latest%2 == 1 { // the next one is even
			canary = canaryEven
		}
		rows := fmt.Sprintf("address,network\n%s,ethereum\n%s,ethereum\n# %d\n", canaryAlways, canary, latest)
		v, err := o.loader.Stage(ctx, "canary", []loader.Upload{{Name: "canary.csv", Body: strings.NewReader(rows)}},
			loader.StageOptions{Format: "csv", By: lists.Person("test"), Create: settings})
		if err == nil {
			var g *lists.Generation
			if g, err = o.loader.Activate(ctx, "canary", v.Number, loader.ActivateOptions{By: lists.Person("test"), Warrant: lists.Warrant{Alone: lists.AloneOperator}, Override: "test"}); err == nil {
				fmt.Println(g.Number, v.Number)
			}
		}
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
}

// kills is how often a process is killed: 20 times, or 200 when INTERDICT_LONG is set.
func kills() int {
	if os.Getenv("INTERDICT_LONG") != "" {
		return 200
	}
	return 20
}

func TestAKillAtAnyMomentLeavesTheOldGenerationOrTheNewOne(t *testing.T) {
	t.Run("embedded store", func(t *testing.T) { killLoader(t, &storeFlags{Data: t.TempDir()}) })
	t.Run("redis", func(t *testing.T) {
		killLoader(t, &storeFlags{Data: t.TempDir(), Redis: storetest.StartRedis(t), RedisPrefix: "interdict"})
	})
}

func killLoader(t *testing.T, f *storeFlags) {
	e := &env{ctx: t.Context(), stderr: io.Discard, logLevel: "error"}
	acknowledged, lives := 0, 0
	// A life without a generation makes the next ones longer: a busy machine must not keep the kills from what they are to hit.
	for span := 250 * time.Millisecond; lives < kills() || acknowledged < kills()/2 && lives < 10*kills(); lives++ {
		before := acknowledged
		cmd, out := start(t, "loader", []string{"INTERDICT_TEST_DATA=" + f.Data, "INTERDICT_TEST_REDIS=" + f.Redis})
		timer := time.AfterFunc(time.Duration(rand.Int64N(int64(span)))+60*time.Millisecond, func() { _ = cmd.Process.Kill() })
		for {
			line, err := out.ReadString('\n')
			if err != nil {
				break
			}
			if strings.HasPrefix(line, "error") {
				t.Fatal(line)
			}
			if _, err := fmt.Sscan(line, &acknowledged, new(int)); err != nil {
				t.Fatal(line, err)
			}
		}
		_ = cmd.Wait()
		timer.Stop()

		o, err := f.open(t.Context(), e.logger())
		if err != nil {
			t.Fatal("the store does not open after a kill:", err)
		}
		g, _, err := lists.Current(t.Context(), o.store)
		if err != nil {
			t.Fatal(err)
		}
		if g.Number < acknowledged || g.Number > acknowledged+1 {
			t.Fatalf("generation %d was acknowledged, %d is there", acknowledged, g.Number)
		}
		if acknowledged = g.Number; g.Number > 0 {
			holdsGeneration(t, o, &g)
		}
		if acknowledged == before {
			span += span / 4
		}
		o.close()
	}
	if acknowledged < kills()/2 {
		t.Errorf("only %d generations in %d lives: the test does not reach what it is about", acknowledged, lives)
	}
	t.Logf("%d generations, %d kills", acknowledged, lives)
}

// holdsGeneration asks for the canaries, which tell whether the whole of the generation is there and nothing else.
func holdsGeneration(t *testing.T, o *opened, g *lists.Generation) {
	t.Helper()
	s := screening.New(o.store, o.journal, uncounted{}, o.log, time.Now)
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	odd := g.Lists[0].Version%2 == 1
	for address, listed := range map[string]bool{canaryAlways: true, canaryOdd: odd, canaryEven: !odd, canaryNever: false} {
		want := screening.Miss
		if listed {
			want = screening.Hit
		}
		var a screening.Answer
		if err := s.Check(t.Context(), &screening.Request{Address: address}, &a); err != nil || a.Result != want {
			t.Fatalf("generation %d, version %d: %s is a %v (%v)", g.Number, g.Lists[0].Version, address, a.Result, err)
		}
	}
}

// uncounted is a screening.Metrics that counts nothing.
type uncounted struct{}

func (uncounted) Checked(*screening.Answer) {}
func (uncounted) Refused(string)            {}
func (uncounted) FilterPositive(bool)       {}

func TestFromFileToProof(t *testing.T) {
	redis := storetest.StartRedis(t)
	for name, store := range map[string][]string{
		"embedded store": {"--data", t.TempDir()},
		"redis":          {"--data", t.TempDir(), "--redis", redis},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "deny.csv")
			if err := os.WriteFile(file, []byte("address,network,entity\n"+canaryAlways+",ethereum,Somebody\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			with := func(args ...string) []string { return append(args, store...) }
			if code, out, errs := program(t, "", with("load", "deny", file, "--dry-run")...); code != exitDone || !strings.Contains(out, "1 added") {
				t.Fatalf("dry run: %d\n%s%s", code, out, errs)
			}
			if code, _, errs := program(t, "", with("check", canaryAlways)...); code != exitError || !strings.Contains(errs, "nothing has been activated") {
				t.Fatalf("a dry run loads: %d %s", code, errs)
			}
			if code, out, errs := program(t, "", with("load", "deny", file, "--activate")...); code != exitDone {
				t.Fatalf("load: %d\n%s%s", code, out, errs)
			}
			if code, out, errs := program(t, "", with("check", canaryNever)...); code != exitDone || !strings.HasPrefix(out, "MISS") {
				t.Fatalf("check: %d\n%s%s", code, out, errs)
			}
			code, out, errs := program(t, strings.ToLower(canaryAlways)+"\n"+canaryNever+"\n", with("check", "--json", "--direction", "deposit", "-")...)
			if code != exitHit || strings.Count(out, "\n") != 2 {
				t.Fatalf("check: %d\n%s%s", code, out, errs)
			}
			var a struct {
				Result  string
				Matches []struct {
					Entity struct{ Name string }
					Source struct{ File, Locator string }
				}
			}
			if err := json.Unmarshal([]byte(out[:strings.Index(out, "\n")]), &a); err != nil || a.Result != "hit" ||
				a.Matches[0].Source.File != "deny.csv" || a.Matches[0].Source.Locator != "line 2" || a.Matches[0].Entity.Name != "Somebody" {
				t.Errorf("the proof is %+v (%v)", a, err)
			}
			if code, _, errs := program(t, "", with("check", canaryNever, "nonsense")...); code != exitError || !strings.Contains(errs, "address 2") {
				t.Errorf("one that is no address: %d %s", code, errs)
			}
			for _, args := range [][]string{{"lists"}, {"lists", "versions", "deny"}, {"versions", "deny"}, {"diff", "deny", "0", "1"}, {"lists", "export", "deny"}} {
				if code, out, errs := program(t, "", with(args...)...); code != exitDone || !strings.Contains(out, "deny") && !strings.Contains(out, canaryAlways) {
					t.Errorf("%v: %d\n%s%s", args, code, out, errs)
				}
			}
		})
	}
}

func TestExportReadsBackAsTheSameList(t *testing.T) {
	data := t.TempDir()
	demo := filepath.Join(t.TempDir(), "demo.ndjson")
	if err := os.WriteFile(demo, demoList, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := program(t, "", "load", "demo", demo, "--activate", "--data", data); code != exitDone {
		t.Fatalf("%d\n%s%s", code, out, errs)
	}
	_, exported, _ := program(t, "", "export", "demo", "--data", data)
	code, out, errs := program(t, exported, "load", "demo", "-", "--dry-run", "--format", "ndjson", "--data", data)
	if code != exitDone || !strings.Contains(out, "0 added, 0 removed, 0 changed, 26 unchanged") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
}

func TestWrongUseIsExitCode2(t *testing.T) {
	for _, args := range [][]string{{}, {"nonsense"}, {"check"}, {"load", "x"}, {"serve", "--nonsense"}, {"load", "x", "y", "--mode", "sideways"},
		{"serve", "--demo", "--listen", "0.0.0.0:0"}, {"--config", "/does/not/exist", "version"}, {"keys", "create", "--role", "king"},
		{"serve", "--trusted-proxies", "10.0.0.0/8,proxy.internal"}, {"serve", "--max-uploads", "0"}, {"serve", "--upload-space", "0"}} {
		if code, _, errs := program(t, "", args...); code != exitUsage || errs == "" {
			t.Errorf("%v: exit code %d, %q", args, code, errs)
		}
	}
	for line, want := range map[string]string{
		"lists preview deny go.mod":        "open deny: no such file or directory: preview takes files only; to compare one with what is active on a list: --for deny",
		"lists generations --limit 0":      "--limit: must be at least 1",
		"webhooks deliveries ID --limit=0": "--limit: must be at least 1",
		"audit search --limit=-1":          "--limit: must be at least 1",
	} {
		if code, _, errs := program(t, "", strings.Fields(line)...); code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%s: exit code %d, %q", line, code, errs)
		}
	}
	const pem = "-----BEGIN PRIVATE KEY-----MC4CAQAwBQYDK2VwBCIEIA"
	for _, args := range [][]string{{pem}, {"check", pem}, {"check", "a", "--network", pem, pem}} {
		if _, out, errs := program(t, "", args...); strings.Contains(out+errs, pem[10:]) {
			t.Errorf("a key on the command line is repeated: %s%s", out, errs)
		}
	}
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"load", "--help"}, {"check", "--help"}, {"keys", "create", "--help"}, {"bench", "--help"}} {
		if code, out, _ := program(t, "", args...); code != exitDone || len(args) > 1 && !strings.Contains(out, "interdict") {
			t.Errorf("%v: exit code %d\n%s", args, code, out)
		}
	}
}

func TestLaterSettingsWinAndUnknownOnesAreRefused(t *testing.T) {
	dir := t.TempDir()
	settings := filepath.Join(dir, "interdict.yaml")
	write := func(s string) {
		if err := os.WriteFile(settings, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// The command says what folder it uses by failing to make it below a file.
	for _, name := range []string{"from-flag", "from-env", "from-file-variable", "from-settings"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folder := func(args ...string) string {
		_, _, errs := program(t, "", append([]string{"lists"}, args...)...)
		for _, name := range []string{"from-flag", "from-env", "from-file-variable", "from-settings"} {
			if strings.Contains(errs, name) {
				return name
			}
		}
		return errs
	}
	write("data: " + dir + "/from-settings/data\n")
	if got := folder("--config", settings); got != "from-settings" {
		t.Errorf("settings file: %s", got)
	}
	named := filepath.Join(dir, "named")
	if err := os.WriteFile(named, []byte(dir+"/from-file-variable/data\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("INTERDICT_DATA_FILE", named)
	if got := folder("--config", settings); got != "from-file-variable" {
		t.Errorf("…_FILE: %s", got)
	}
	if err := os.Unsetenv("INTERDICT_DATA_FILE"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("INTERDICT_DATA", dir+"/from-env/data")
	if got := folder("--config", settings); got != "from-env" {
		t.Errorf("environment: %s", got)
	}
	if got := folder("--config", settings, "--data", dir+"/from-flag/data"); got != "from-flag" {
		t.Errorf("flag: %s", got)
	}
	for _, bad := range []string{"dta: x\n", "data: [1]\n", "data: x\ndata: y\n", "- x\n"} {
		write(bad)
		if code, _, errs := program(t, "", "lists", "--config", settings); code != exitUsage || !strings.Contains(errs, "settings file") {
			t.Errorf("settings %q: %d %s", bad, code, errs)
		}
	}
	for settings, want := range map[string]string{"[foo, bitcoin]": "bitcoin", "[foo, 1]": "plain value", "foo,BTC": "BTC", "[a b]": "a b"} {
		write("opaque_networks: " + settings + "\n")
		if code, _, errs := program(t, "", "version", "--config", filepath.Join(dir, "interdict.yaml")); code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("opaque_networks: %s: %d %s", settings, code, errs)
		}
	}
	t.Cleanup(func() { _ = address.SetOpaqueNetworks(nil) })
	for _, settings := range []string{"[foo, bar]", "foo,bar", "foo"} {
		_ = address.SetOpaqueNetworks(nil)
		write("opaque_networks: " + settings + "\n")
		if code, _, errs := program(t, "", "version", "--config", filepath.Join(dir, "interdict.yaml")); code != exitDone || !address.KnownAsset("foo") {
			t.Errorf("opaque_networks: %s: %d %s", settings, code, errs)
		}
	}
	t.Setenv("INTERDICT_DTA", "x")
	if code, _, errs := program(t, "", "lists"); code != exitUsage || !strings.Contains(errs, "INTERDICT_DTA") {
		t.Errorf("unknown variable: %d %s", code, errs)
	}
}

func TestALockedDataFolderIsSaidPlainly(t *testing.T) {
	data := t.TempDir()
	o, err := (&storeFlags{Data: data}).open(t.Context(), (&env{stderr: io.Discard}).quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	cmd, _ := start(t, "program", nil, "lists", "--data", data)
	_ = cmd.Wait() // its exit code is what counts
	if cmd.ProcessState.ExitCode() != exitError {
		t.Errorf("exit code %d", cmd.ProcessState.ExitCode())
	}
}

var curlLine = regexp.MustCompile(`^curl -s (\S+) -H '([^:]+): ([^']+)' -H '([^:]+): ([^']+)' -d '([^']+)'$`)

func TestTheDemonstrationPrintsTwoLinesThatWork(t *testing.T) {
	cmd, out := start(t, "program", nil, "serve", "--demo", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	var results []string
	for len(results) < 2 {
		line, err := out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		m := curlLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		req, err := http.NewRequest(http.MethodPost, m[1], strings.NewReader(m[6]))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(m[2], m[3])
		req.Header.Set(m[4], m[5])
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var a struct{ Result string }
		if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		results = append(results, a.Result)
	}
	if results[0] != "hit" || results[1] != "miss" {
		t.Errorf("they answer %v", results)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it does not end well: %v", err)
	}
}

// server is a running process of the program.
type server struct {
	cmd  *exec.Cmd
	base string // http://127.0.0.1:PORT
}

const testKey = "bootstrap-key-of-a-test-server-0123456789"

// serve starts a server process on free ports and waits until it answers.
func serve(t *testing.T, args ...string) *server {
	t.Helper()
	listen, admin := freeaddr.Get(t), freeaddr.Get(t)
	cmd, _ := start(t, "program", []string{"INTERDICT_BOOTSTRAP_KEY=" + testKey, "INTERDICT_LOG_LEVEL=error"},
		append([]string{"serve", "--listen", listen, "--admin-listen", admin, "--drain-delay", "0s"}, args...)...)
	s := &server{cmd, "http://" + listen}
	answers(t, s.base)
	return s
}

// answers waits until a server answers.
func answers(t *testing.T, base string) {
	t.Helper()
	eventually(t, "the server answers", time.Minute, func() bool {
		res, err := http.Get(base + "/livez")
		if err == nil {
			res.Body.Close()
		}
		return err == nil
	})
}

// call makes a request and decodes the answer.
func (s *server) call(t *testing.T, method, path, body string, into any) (status int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	if strings.HasPrefix(body, "{") {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(b, into); err != nil {
			t.Fatalf("%s %s: %s: %v", method, path, b, err)
		}
	}
	return res.StatusCode
}

// result asks for one address: "hit", "miss", or the code of the error.
func (s *server) result(t *testing.T, address string) string {
	t.Helper()
	var a struct{ Result, Code string }
	s.call(t, http.MethodPost, "/v1/check", fmt.Sprintf(`{"address":%q,"direction":"deposit"}`, address), &a)
	return a.Result + a.Code
}

func TestWhatOneServerActivatesTheOtherAnswers(t *testing.T) {
	redis := storetest.StartRedis(t)
	a := serve(t, "--data", t.TempDir(), "--redis", redis)
	b := serve(t, "--data", t.TempDir(), "--redis", redis)
	if got := b.result(t, canaryAlways); got != "not_loaded" {
		t.Fatalf("before anything is loaded: %s", got)
	}
	if status := a.call(t, http.MethodPut, "/v1/lists/deny", `{"category":"sanctions","approvals":0}`, nil); status != http.StatusCreated {
		t.Fatalf("create: %d", status)
	}
	var slowest time.Duration
	for i := 1; i <= 10; i++ {
		canary := fmt.Sprintf("0x%040x", i)
		rows := fmt.Sprintf("address,network\n%s,ethereum\n%s,ethereum\n", canaryAlways, canary)
		var v struct{ Version int }
		if status := a.call(t, http.MethodPost, "/v1/lists/deny/versions?filename=deny.csv", rows, &v); status != http.StatusCreated || v.Version != i {
			t.Fatalf("upload: %d, version %d", status, v.Version)
		}
		start := time.Now()
		var m struct {
			Generation int
			Replicas   struct{ Live, Serving int }
		}
		if status := a.call(t, http.MethodPost, fmt.Sprintf("/v1/lists/deny/versions/%d/activate", i), `{"override":"test"}`, &m); status != http.StatusOK || m.Generation != i {
			t.Fatalf("activate: %d, generation %d", status, m.Generation)
		}
		if got := a.result(t, canary); got != "hit" {
			t.Fatalf("the server that activated says %s", got)
		}
		for b.result(t, canary) != "hit" {
			if time.Since(start) > 5*time.Second {
				t.Fatal("the other server does not follow")
			}
			time.Sleep(5 * time.Millisecond)
		}
		slowest = max(slowest, time.Since(start))
		if i > 1 && (m.Replicas.Live != 2 || m.Replicas.Serving != 2) {
			t.Errorf("generation %d: %+v", i, m.Replicas)
		}
	}
	t.Logf("the slowest of 10 took %v", slowest)

	// The command beside them: what it loads, both serve.
	file := filepath.Join(t.TempDir(), "other.csv")
	if err := os.WriteFile(file, []byte("address\n"+canaryNever+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := program(t, "", "load", "other", file, "--activate", "--data", t.TempDir(), "--redis", redis)
	if code != exitDone || !strings.Contains(out, "2 of 2 live replicas serve it") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	if x, y := a.result(t, canaryNever), b.result(t, canaryNever); x != "hit" || y != "hit" {
		t.Errorf("they say %s and %s", x, y)
	}
}

func TestAServerThatIsKilledHasRecordedEveryDecisionItGave(t *testing.T) {
	data := t.TempDir()
	file := filepath.Join(data, "deny.csv")
	if err := os.WriteFile(file, []byte("address\n"+canaryAlways+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := program(t, "", "load", "deny", file, "--activate", "--data", data); code != exitDone {
		t.Fatal(errs)
	}
	given := map[string]bool{}
	for range 3 {
		s := serve(t, "--data", data)
		for i := range 50 {
			var a struct {
				CheckID string `json:"check_id"`
			}
			s.call(t, http.MethodPost, "/v1/check", fmt.Sprintf(`{"address":"0x%040x","direction":"deposit"}`, i), &a)
			given[a.CheckID] = true
		}
		if err := s.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = s.cmd.Wait()
	}
	for r, err := range journal.Read(t.Context(), filepath.Join(data, "journal")) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Kind != journal.Check {
			continue
		}
		d, err := screening.DecodeRecord(r.Kind, r.ID, r.Time, r.Payload)
		if err != nil {
			t.Fatal(err)
		}
		delete(given, d.CheckID())
	}
	if len(given) != 0 {
		t.Errorf("%d decisions were given and are not in the journal", len(given))
	}
}

func TestAServerWithoutItsRedisHoldsHitsAndClearsMisses(t *testing.T) {
	redis := storetest.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	s := serve(t, "--data", t.TempDir(), "--redis", redis.URL(), "--resident", "0") // no layer is small enough to be held
	s.call(t, http.MethodPut, "/v1/lists/deny", `{"category":"sanctions","approvals":0}`, nil)
	s.call(t, http.MethodPost, "/v1/lists/deny/versions", "address\n"+canaryAlways+"\n", nil)
	if status := s.call(t, http.MethodPost, "/v1/lists/deny/versions/1/activate", "", nil); status != http.StatusOK {
		t.Fatalf("activate: %d", status)
	}
	redis.Kill()
	start := time.Now()
	if got := s.result(t, canaryNever); got != "miss" {
		t.Errorf("a clean address: %s", got)
	}
	var p struct {
		Code          string
		PossibleMatch bool `json:"possible_match"`
	}
	if status := s.call(t, http.MethodPost, "/v1/check", fmt.Sprintf(`{"address":%q,"direction":"deposit"}`, canaryAlways), &p); status != http.StatusServiceUnavailable ||
		p.Code != "store_unavailable" || !p.PossibleMatch {
		t.Errorf("a listed address: %d %+v", status, p)
	}
	var ready struct{ Status string }
	if status := s.call(t, http.MethodGet, "/readyz", "", &ready); status != http.StatusOK {
		t.Errorf("ready: %d %+v", status, ready)
	}
	if took := time.Since(start); took > 10*time.Second { // it hangs
		t.Errorf("three answers without Redis took %v", took)
	}
	redis.Start()
	for s.result(t, canaryAlways) != "hit" {
		if time.Since(start) > 15*time.Second {
			t.Fatal("it does not come back")
		}
		time.Sleep(50 * time.Millisecond)
	}
}
