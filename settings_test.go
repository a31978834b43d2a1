package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update-settings", false, "write docs/settings.md anew")

const settingsHead = `# Settings

Every setting of ` + "`interdict serve`" + `, as ` + "`interdict config example`" + ` prints them. ` + "`max_lag`" + ` in a YAML file (` + "`--config FILE`" + `) is
` + "`INTERDICT_MAX_LAG`" + ` in the environment and ` + "`--max-lag`" + ` on the command line; later wins. ` + "`INTERDICT_…_FILE`" + ` names a file that
holds the value, for secrets. An unknown setting is an error; ` + "`interdict config check FILE`" + ` finds it before a start does.

`

func TestSettingsAreDocumented(t *testing.T) {
	all, err := serveSettings()
	if err != nil {
		t.Fatal(err)
	}
	want := settingsHead + settingsTable(all)
	file := filepath.Join("docs", "settings.md")
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil { //nolint:gosec // G306: a document
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("%s is not what the program says (%v): go test . -run Settings -update-settings", file, err)
	}
}

// The example is a settings file that serve understands, also with every default written out.
func TestExampleOfSettingsCanBeUsed(t *testing.T) {
	out, _ := said(t, 0, "config", "example")
	var plain strings.Builder
	for line := range strings.Lines(out) {
		if text, setting := strings.CutPrefix(line, "#"); setting && !strings.HasPrefix(text, " ") && !strings.HasSuffix(strings.TrimSpace(text), `""`) {
			plain.WriteString(text)
		} else {
			plain.WriteString(line)
		}
	}
	for name, text := range map[string]string{"example.yaml": out, "defaults.yaml": plain.String()} {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if said, _ := said(t, 0, "config", "check", file); !strings.Contains(said, "no mistake was found") {
			t.Errorf("%s: %s", name, said)
		}
	}
}

// Every mistake is reported at once, with where the value comes from and what is allowed, and without the value of a secret.
func TestSettingsAreChecked(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "interdict.yaml")
	const secret = "hunter2-is-too-short"
	write := func(name, text string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	write("interdict.yaml", "max_lag: 3x\nmax_lg: 3s\ndata: {a: b}\nresident: -1\nholds: [x]\nshadow_trm: ftp://x\nshadow_scorechain: gopher\n"+
		"customers: hash\nmax_uploads: 5\nmax_uploads: 6\nlisten: 8080\n")
	t.Setenv("INTERDICT_FOUR_EYES", "maybe")
	t.Setenv("INTERDICT_TRCES", "x")
	t.Setenv("INTERDICT_REDIS", "redis://:"+secret+"@localhost:port")
	t.Setenv("INTERDICT_CUSTOMER_KEY_FILE", write("customer-key", secret))
	t.Setenv("INTERDICT_PEPPER_FILE", filepath.Join(dir, "none"))
	out, errs := said(t, exitError, "config", "check", file, "--", "--drain-delay", "soon", "--no-refresh", "--bootstrap-key="+secret, "--cache")
	out = strings.ReplaceAll(out, dir, "DIR")
	want := `settings file DIR/interdict.yaml, line 2: "max_lg" is not a setting; perhaps it should be max_lag
settings file DIR/interdict.yaml, line 3: "data" must be a plain value
settings file DIR/interdict.yaml, line 10: "max_uploads" stands here a second time
INTERDICT_PEPPER_FILE: pepper: open DIR/none: no such file or directory
environment: INTERDICT_TRCES is not a setting; perhaps it should be INTERDICT_TRACES
flag --cache: cache: has no value
flag --drain-delay: drain_delay: "soon" cannot be read; allowed: a duration such as 30s, 5m or 12h
environment, INTERDICT_FOUR_EYES: four_eyes: "maybe" is none of its values; allowed: on, off
settings file DIR/interdict.yaml, line 1: max_lag: "3x" cannot be read; allowed: a duration such as 30s, 5m or 12h
settings file DIR/interdict.yaml, line 4: resident: "-1" is out of range; allowed: a whole number from 0 to 1000000000
settings file DIR/interdict.yaml, line 7: --shadow-scorechain must be an http or https URL without user and query
settings file DIR/interdict.yaml, line 6: --shadow-trm must be an http or https URL without user and query
settings file DIR/interdict.yaml, line 11: --listen: "8080" is not HOST:PORT
environment, INTERDICT_REDIS: --redis: the URL of Redis: a host is missing, or a port is not a number from 1 to 65535
settings file DIR/interdict.yaml, line 5: --holds "x" is not FROM/TO
INTERDICT_CUSTOMER_KEY_FILE, DIR/customer-key: --customer-key: the key for customers has 20 bytes; it must have at least 32
flag --bootstrap-key: INTERDICT_BOOTSTRAP_KEY: must have 32 to 512 printable ASCII characters without blanks; openssl rand -hex 32 makes one
settings of serve: 8 from settings file DIR/interdict.yaml, 2 from environment, 1 from files that variables name, 3 from flags; N have their defaults
`
	if diff := cmp.Diff(want, regexp.MustCompile(`[0-9]+ have`).ReplaceAllString(out, "N have")); diff != "" || errs != "interdict: there are 17 mistakes in the settings\n" {
		t.Errorf("%s%s", errs, diff)
	}
	// As JSON, and what is wrong with a file as a whole. The lines of a file may hold secrets.
	write("interdict.yaml", "pepper: "+secret+": x\n")
	out, _ = said(t, exitError, "config", "check", "--json", "--config", file)
	var checked checkedSettings
	if err := json.Unmarshal([]byte(out), &checked); err != nil || len(checked.Mistakes) != 6 || strings.Contains(out, secret) || checked.Set[fromVariable] != 2 {
		t.Errorf("%v %s", err, out)
	}
	// Settings that would be left out without a word: those of a second document, and an empty file in place of a secret.
	write("interdict.yaml", "\ufeff---\n# production\n---\nmax_lag: 30s\nfour_eyes: \"on\"\n")
	t.Setenv("INTERDICT_PEPPER_FILE", write("empty", " \n"))
	out, _ = said(t, exitError, "config", "check", file)
	for _, want := range []string{"settings file DIR/interdict.yaml, line 4: a second document begins here, after --- or ...: write all settings into one\n", "INTERDICT_PEPPER_FILE: pepper: DIR/empty is empty\n"} {
		if !strings.Contains(strings.ReplaceAll(out, dir, "DIR"), want) {
			t.Errorf("%q is not in %s", want, out)
		}
	}
	for text, want := range map[string]int{"a: 1\n---\nb: 2\n": 3, "a: 1\n...\nb: 2\n": 3, "---\n---\na: 1\n": 3, "a: 1\n--- {b: 2}\n": 2, "%YAML 1.2\n---\na: 1\n": 0, "a: 1\n--- # end\n": 0, "# c\n---\n# d\na: 1\n---\n# e\n": 0, "a: |\n  ---\n  b\n": 0, "": 0} {
		if got := secondDocument([]byte(text)); got != want {
			t.Errorf("%q: %d, not %d", text, got, want)
		}
	}
	// Other commands refuse what is no setting, too, all at once.
	write("interdict.yaml", "max_lg: 3s\nlisen: x\n")
	if _, errs := said(t, exitUsage, "serve", "--config", file); !strings.Contains(errs, `"max_lg" is not a setting`) || !strings.Contains(errs, `line 2: "lisen" is not a setting; perhaps it should be listen`) {
		t.Error(errs)
	}
}

// What a start refuses before it asks a server is found by the check, with the same words.
func TestWhatAStartRefusesIsFoundByTheCheck(t *testing.T) {
	noPEM := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(noPEM, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := map[string]string{"--listen": "0.0.0.0:9090", "--bucket": "s3:///x", "--archive": "postgres://u@h:99999/my_db", "--publish": "s3:///y"}
	args := []string{"config", "check", "--", "--tls-cert", noPEM, "--tls-key", noPEM}
	for name, value := range wrong {
		args = append(args, name, value)
	}
	found, _ := said(t, exitError, args...)
	found, _, _ = strings.Cut(found, "settings of serve")
	want := `flag --listen: --listen 0.0.0.0:9090 and --admin-listen 127.0.0.1:9090 are the same port: each needs one of its own
flag --archive: --archive: postgres h:99999/my_db: its host, port, a file that it names, or one of its parameters (it has none) cannot be used
flag --bucket: --bucket: open bucket: the address names no bucket: s3://bucket/prefix?endpoint=…&region=…
flag --publish: --publish: open bucket: the address names no bucket: s3://bucket/prefix?endpoint=…&region=…
flag --tls-cert: --tls-cert and --tls-key: TLS: … and …: tls: failed to find any PEM data in certificate input
`
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
	for name, value := range wrong {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a server that starts would go on
		var refused bytes.Buffer
		code := run(ctx, []string{"serve", "--data", filepath.Join(t.TempDir(), "data"), name, value}, strings.NewReader(""), io.Discard, &refused)
		cancel()
		text := strings.TrimSpace(refused.String())
		text, _, _ = strings.Cut(text, "\n")
		text = text[strings.LastIndex(text, "interdict: ")+len("interdict: "):]
		if code == exitDone || !strings.Contains(found, strings.TrimPrefix(text, "serve: ")) {
			t.Errorf("%s %s: the start says %d\n%s", name, value, code, &refused)
		}
	}
	// No server is asked, and none is there.
	said(t, 0, "config", "check", "--", "--bucket", "s3://record/x?endpoint=http://127.0.0.1:1", "--archive", "postgres://u@127.0.0.1:1/x", "--publish", "s3://lists/?endpoint=http://127.0.0.1:1")
}

func TestTwoAddressesOfOnePort(t *testing.T) {
	for _, x := range []struct {
		listen, admin string
		demo          bool
		want          string
	}{
		{":8080", "0.0.0.0:8080", false, "are the same port"},
		{"[::]:9090", "127.0.0.1:9090", false, "are the same port"},
		{"10.0.0.1:80", ":http", false, "are the same port"},
		{"[::ffff:127.0.0.1]:9090", "127.0.0.1:9090", false, "are the same port"},
		{"LOCALHOST:80", "localhost:80", false, "are the same port"},
		{"127.0.0.1:0", ":0", false, ""},
		{"127.0.0.1:9000", "127.0.0.2:9000", false, ""},
		{"[::1]:9090", "127.0.0.1:9090", false, ""},
		{":8080", ":9090", false, ""},
		{"127.0.0.1:9090", "127.0.0.1:9090", true, ""}, // it takes a free one
		{"8080", ":9090", false, `--listen: "8080" is not HOST:PORT`},
		{":8080", ":nothing", false, `--admin-listen: ":nothing" is not HOST:PORT`},
		{":8080", ":70000", false, `--admin-listen: ":70000" is not HOST:PORT`},
	} {
		err := errors.Join((&serveCmd{Listen: x.listen, AdminListen: x.admin, Demo: x.demo}).listenMistakes()...)
		if x.want == "" && err != nil || x.want != "" && (err == nil || !strings.Contains(err.Error(), x.want)) {
			t.Errorf("%+v: %v", x, err)
		}
	}
}

// The closing line counts the settings of serve, and says of those of other commands what was checked.
func TestOnlySettingsOfServeAreCounted(t *testing.T) {
	t.Setenv("INTERDICT_SERVER", "http://127.0.0.1:8080")
	t.Setenv("INTERDICT_MAX_LAG", "5s")
	out, _ := said(t, 0, "config", "check")
	want := "no mistake was found\nsettings of serve: 1 from environment; N have their defaults\nsettings of other commands: 1; of these only the values were checked\n"
	if diff := cmp.Diff(want, regexp.MustCompile(`[0-9]+ have`).ReplaceAllString(out, "N have")); diff != "" {
		t.Error(diff)
	}
}

func TestVersionAndCompletion(t *testing.T) {
	version, _ := said(t, 0, "version")
	if flag, _ := said(t, 0, "--version"); flag != version || !strings.HasPrefix(version, "interdict ") {
		t.Errorf("%q and %q", version, flag)
	}
	if words := completed(t, "interdict lis"); words != "lists\n" {
		t.Errorf("%q", words)
	}
}

// The manual has every command and flag, in the sections of man-pages(7). Lines of roff other than text are known macros.
func TestManual(t *testing.T) {
	page, _ := said(t, 0, "man")
	var sections, macros []string
	for line := range strings.Lines(page) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == ".SH" {
			sections = append(sections, strings.Trim(rest, `"`))
		}
		if strings.HasPrefix(line, ".") && !slices.Contains(macros, name) {
			macros = append(macros, name)
		}
	}
	if diff := cmp.Diff([]string{"NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "COMMON FLAGS", "EXAMPLES", "ENVIRONMENT", "FILES", "EXIT STATUS", "SEE ALSO"}, sections); diff != "" {
		t.Error(diff)
	}
	slices.Sort(macros)
	if diff := cmp.Diff(strings.Fields(".B .BR .EE .EX .I .PP .RE .RI .RS .SH .SS .TH .TP .ad .br .nr"), macros); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{
		".SS \"interdict backup [create] <file> [flags]\"\n", ".SS \"interdict lists set <list> [flags]\"\n",
		".TP\n.B \"\\-\\-max\\-lag=DURATION\"\n", " Default: 60s. Environment: INTERDICT_MAX_LAG.\n",
		".EX\ninterdict backup verify interdict.backup\n.EE\n", "\n.I \"<file>\"\nFile that is written; it must not exist.\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the manual lacks %q", want)
		}
	}
	if groff, err := exec.LookPath("groff"); err == nil {
		c := exec.Command(groff, "-man", "-Tutf8", "-ww", "-z")
		c.Stdin = strings.NewReader(page)
		if out, err := c.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("groff: %v\n%s", err, out)
		}
	}
}

// Nobody types "backup create FILE": the word of a default subcommand may be left out, and is shown so.
func TestCommandsAreShownAsTheyAreTyped(t *testing.T) {
	for command, want := range map[string][]string{
		"backup --help":        {"Usage: interdict backup <file> [flags]\n       interdict backup <command> [flags]\n", "<file>    File that is written", "--recipient", "  backup [create] ", "  backup verify "},
		"backup create --help": {"Usage: interdict backup [create] <file> [flags]\n"},
		"audit holds --help":   {"Usage: interdict audit holds [flags]\n       interdict audit holds <command> [flags]\n", "  audit holds [list] ", "  audit holds add "},
		"cases --help":         {"Usage: interdict cases [flags]\n"},
		"--help":               {"Usage: interdict <command> [flags]\n", "  backup [create] ", "  lists [show] ", "  lists versions "},
	} {
		out, _ := said(t, 0, strings.Fields(command)...)
		for _, text := range want {
			if !strings.Contains(out, text) {
				t.Errorf("interdict %s does not say %q:\n%s", command, text, out)
			}
		}
	}
	for line, want := range map[string]string{"interdict backup --rec": "--recipient", "interdict backup v": "verify", "interdict backup verify --rec": "", "interdict alerts --state a": "all"} {
		if words := completed(t, line); !slices.Contains(strings.Split(words, "\n"), want) || want == "" && strings.Contains(words, "recipient") {
			t.Errorf("%s is completed with %q, not with %q", line, words, want)
		}
	}
}

// completed returns the words that a shell is given for a line.
func completed(t *testing.T, line string) string {
	t.Helper()
	t.Setenv("COMP_LINE", line)
	t.Setenv("COMP_POINT", strconv.Itoa(len(line)))
	words, _ := said(t, 0)
	return words
}

// said runs a command that must end with a code, and returns what it prints.
func said(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	code, stdout, stderr := program(t, "", args...)
	if code != want {
		t.Fatalf("interdict %v: %d instead of %d\n%s%s", args, code, want, stdout, stderr)
	}
	return stdout, stderr
}

// A command line that describes only its own command says and does what the whole one does.
func TestACommandLineOfItsCommandIsTheWholeOne(t *testing.T) {
	for _, command := range []string{"backup", "lists", "load", "config"} {
		if fields := notNeeded([]string{command}); (command == "config") != (fields == nil) {
			t.Errorf("%s leaves out %d commands", command, len(fields))
		}
		_, alone, _ := program(t, "", command, "--help")
		_, whole, _ := program(t, "", "--log-level=info", command, "--help")
		if alone == "" || alone != whole {
			t.Errorf("%s --help alone:\n%s\nwith all commands:\n%s", command, alone, whole)
		}
	}
	if notNeeded([]string{"lod"}) != nil || notNeeded([]string{"load", "--config", "x"}) != nil || notNeeded(nil) != nil {
		t.Error("the whole command line is needed")
	}
	t.Setenv("INTERDICT_MAX_LAGG", "1s")
	if code, _, errs := program(t, "", "load", "x"); code != exitUsage || !strings.Contains(errs, "INTERDICT_MAX_LAGG is not a setting; perhaps it should be INTERDICT_MAX_LAG") {
		t.Errorf("%d %s", code, errs)
	}
}
