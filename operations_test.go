package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/diskstore"
)

// varying are the parts of an output that differ from run to run, and by who acts.
var varying = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)`), "TIME"},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "UUID"},
	{regexp.MustCompile(`ik_[a-z2-7]{16}_\S{43}`), "KEY"},
	{regexp.MustCompile(`(http://[\d.:]+/console/welcome#)?iv_[a-z2-7]{16}_[\w-]{43}`), "INVITATION"},
	{regexp.MustCompile(`whsec_[A-Za-z0-9]{43}=`), "SECRET"},
	{regexp.MustCompile(`(?m)^([a-z2-7]{16}|bootstrap) *`), "ID "},
	{regexp.MustCompile(`"id": "[a-z2-7]{16}"`), "ID"},
	{regexp.MustCompile(`since \d{4}-\d\d-\d\d, (not used yet|last used TIME)|since \d{4}-\d\d-\d\d|revoked \d{4}-\d\d-\d\d`), "SINCE"},
	{regexp.MustCompile(`INTERDICT_BOOTSTRAP_KEY|(operator(:\w+)?|bootstrap|opener) *`), "SOMEBODY "},
	{regexp.MustCompile(`"took_ms": \d+|"age_seconds": \d+|"size_bytes": \d+`), "NUMBER"},
	{regexp.MustCompile(` --server http://[\d.:]+`), ""},
	{regexp.MustCompile(`\d+ of \d+ live replicas|"replicas_(live|serving)": \d+`), "REPLICAS"},
}

func steady(s string) string {
	for _, v := range varying {
		s = v.pattern.ReplaceAllString(s, v.with)
	}
	return s
}

func sortedLines(s string) string {
	lines := strings.Split(steady(s), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// A command prints the same on a store and through a server.
func TestCommandsDoTheSameOnAStoreAndThroughAServer(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const head = "address,asset,entity\n"
	first := write("first.csv", head+canaryAlways+",ETH,A\n"+canaryOdd+",ETH,B\n")
	second := write("second.csv", head+canaryAlways+",ETH,A\n"+canaryEven+",ETH,C\n")
	unread := write("unread.csv", head+canaryAlways+",ETH,A\n12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9i,XBT,D\n")
	// Each step has an exit code of its own; id stands for the id in the output of the step before.
	steps := []struct {
		code int
		args string
	}{
		{exitError, "lists show nosuch"},
		{exitError, "lists versions nosuch"},
		{exitError, "lists export nosuch"},
		{exitDone, "lists set deny --category internal --approvals 0 --max-age 72h --max-shrink 1"},
		{exitError, "lists set deny --category nonsense"},
		{exitError, "lists set deny --max-age soon"},
		{exitDone, "load deny " + first + " --dry-run"},
		{exitDone, "load deny " + first + " --activate"},
		{exitDone, "load deny " + first + " --activate"}, // the same bytes
		{exitDone, "load deny " + second + " --note later"},
		{exitDone, "lists versions deny"},
		{exitDone, "lists versions deny --json"},
		{exitDone, "lists diff deny 1 2"},
		{exitDone, "lists diff deny 1 2 --json"},
		{exitDone, "lists diff deny 0 2 --csv"},
		{exitError, "lists diff deny 1 9"},
		{exitDone, "lists activate deny 2"},
		{exitDone, "lists changes"},
		{exitDone, "lists changes --since start"},
		{exitDone, "lists changes --since start --list deny --json"},
		{exitError, "lists changes --since yesterday"},
		{exitError, "lists changes --list nosuch"},
		{exitError, "lists activate deny 9"},
		{exitDone, "load deny " + unread},
		{exitError, "lists activate deny 3"},
		{exitDone, "lists history " + canaryAlways},
		{exitError, "lists history nonsense"},
		{exitDone, "lists preview " + second + " --for deny --json"},
		{exitError, "lists preview go.mod --format ofac_xml"},
		{exitDone, "lists generations"},
		{exitDone, "lists generations 1"},
		{exitDone, "report traffic --from 2026-01-01 --to 2026-01-02"},
		{exitError, "proposals show nosuch"},
		{exitDone, "lists quarantine deny"},
		{exitDone, "lists quarantine deny 3 --csv"},
		{exitDone, "lists quarantine deny 3 --json"},
		{exitError, "lists quarantine deny 9"},
		{exitDone, "lists activate deny 3 --override looked"},
		{exitDone, "lists rollback deny --reason back"},
		{exitDone, "lists show"},
		{exitDone, "lists show --json"},
		{exitDone, "lists show deny"},
		{exitDone, "lists show deny --json"},
		{exitDone, "lists export deny"},
		{exitDone, "lists export deny --number 1 --as csv"},
		{exitDone, "lists export deny --as published"},
		{exitError, "lists export deny --number 9"},
		{exitError, "lists reject deny 2"},
		{exitDone, "suppress propose deny " + canaryAlways + " --reason wrong --until 2027-06-01"},
		{exitDone, "suppress show deny"},
		{exitError, "suppress approve deny nosuch"},
		{exitError, "suppress propose deny " + canaryNever + " --reason x --until 2027-06-01"},
		{exitDone, "keys create --name till --role checker"},
		{exitDone, "keys list"},
		{exitError, "keys revoke nosuch"},
		{exitError, "keys rotate nosuch"},
		{exitDone, "keys create --name short --person kim --role analyst --for deny-* --cidr 10.0.0.0/8 --rate 5 --expires 2036-01-01T00:00:00Z --json"},
		{exitError, "keys create --name bad --role analyst --cidr 10.0.0.1"},
		{exitDone, "people create kim@example.org --person Kim --role analyst --for deny-*"},
		{exitDone, "people create lee --role admin,approver --reason new --json"},
		{exitError, "people create LEE --role analyst"},
		{exitError, "people create mallory! --role analyst"},
		{exitUsage, "people create mallory --role root"},
		{exitDone, "people list"},
		{exitDone, "people list --json"},
		{exitError, "people roles nosuch --role analyst"},
		{exitError, "people reset nosuch"},
		{exitError, "people disable nosuch"},
		{exitDone, "webhooks create https://desk.example.org/in?token=hush --events list.*,alert.created --description desk"},
		{exitDone, "webhooks create https://desk.example.org/other --json"},
		{exitError, "webhooks create http://desk.example.org/in"},
		{exitError, "webhooks create https://127.0.0.1/in"},
		{exitError, "webhooks create https://desk.example.org/in --events nothing"},
		{exitDone, "webhooks list"},
		{exitDone, "webhooks list --json"},
		{exitError, "webhooks rotate nosuch"},
		{exitError, "webhooks test nosuch"},
		{exitError, "webhooks deliveries nosuch"},
		{exitError, "webhooks delete nosuch"},
		{exitDone, "audit holds add --from 2024-01-01 --to 2025-06-30 --reason subpoena"},
		{exitDone, "audit holds add --reason audit --json"},
		{exitError, "audit holds add --from yesterday --reason subpoena"},
		{exitUsage, "audit holds add --from 2024-01-01"},
		{exitDone, "audit holds list"},
		{exitDone, "audit holds list --json"},
		{exitError, "audit holds end nosuch --reason over"},
		{exitDone, "proposals list"},
		{exitDone, "proposals list --state all --json"},
		{exitError, "proposals approve nosuch"},
		{exitError, "proposals reject nosuch"},
		{exitDone, "lists set idle --name Idle"},
		{exitDone, "lists delete idle"},
		{exitError, "lists delete deny"},
		{exitDone, "lists follow ofac-sdn --list sdn --url https://mirror.example.org/sdn.zip --every 1h"},
		{exitDone, "lists follow ofac-sdn --list deny"},
		{exitError, "lists follow fbi-lazarus"},
		{exitError, "lists follow nonsense"},
		{exitDone, "lists unfollow deny"},
		{exitError, "lists unfollow deny"},
		{exitDone, "lists retire deny --reason over"},
		{exitError, "lists retire deny"},
		{exitDone, "lists show"},
	}
	data := t.TempDir()
	s := serve(t, "--data", t.TempDir(), "--no-refresh", "--four-eyes", "off")
	// The store is opened by hand once, so that both have a key.
	if code, _, errs := program(t, "", "keys", "create", "--name", "opener", "--role", "admin", "--data", data); code != exitDone {
		t.Fatal(errs)
	}
	for _, step := range steps {
		args := strings.Fields(step.args)
		code, out, errs := program(t, "", append(args, "--data", data)...)
		code2, out2, errs2 := program(t, "", append(args, "--server", s.base, "--key", testKey)...)
		if code != step.code || code2 != step.code {
			t.Errorf("%s: exit code %d on the store, %d through the server, not %d\n%s%s\n%s%s", step.args, code, code2, step.code, out, errs, out2, errs2)
			continue
		}
		if step.args == "keys list" { // they are ordered by their random ids
			out, out2 = sortedLines(out), sortedLines(out2)
		}
		if diff := cmp.Diff(steady(out), steady(out2)); diff != "" {
			t.Errorf("%s (-store +server):\n%s", step.args, diff)
		}
	}
	for _, x := range []struct {
		command   string
		code      int
		want      string
		codeStore int
	}{
		{"replicas", exitDone, "1 live, 0 behind, 0 lost; the store has generation", exitDone},
		{"ready --json", exitError, "has no active list: load and activate one", exitUsage}, // the only one was retired
		{"keys whoami", exitDone, "roles [admin]", exitUsage},
		{"report shadow", exitDone, "no service is asked", exitUsage},
	} {
		args := strings.Fields(x.command)
		if code, out, errs := program(t, "", append(args, "--server", s.base, "--key", testKey)...); code != x.code || !strings.Contains(out, x.want) {
			t.Errorf("%s: %d %s%s", x.command, code, out, errs)
		}
		if x.codeStore == exitUsage {
			args = slices.Concat(args, []string{"--key", testKey})
		} else {
			args = append(args, "--data", data)
		}
		if code, out, errs := program(t, "", args...); code != x.codeStore {
			t.Errorf("%s on a store: %d %s%s", x.command, code, out, errs)
		}
	}
}

// withoutCommand are the operations of the API that no command has, and why.
var withoutCommand = map[string]string{
	"likeChainalysis": "a drop-in endpoint", "likeTRM": "a drop-in endpoint", "likeScorechain": "a drop-in endpoint",
	"sandbox":     "for those who program a caller",
	"getManifest": "for servers that follow", "getObject": "for servers that follow", "streamChanges": "lists changes --follow uses it where it can",
	"livez": "for the orchestrator", "healthz": "for the orchestrator", "getOpenAPI": "a document", "getDocsFile": "a document",
}

// commandOf are the commands for the operations of the API.
var commandOf = map[string]string{
	"check": "check", "checks": "check", "lookUp": "check", "shadow": "report shadow", "getHistory": "lists history", "preview": "lists preview",
	"getLists": "lists show", "getChanges": "lists changes", "getList": "lists show", "putList": "lists set", "deleteList": "lists delete", "getVersions": "lists versions",
	"upload": "load", "getVersion": "lists versions", "diff": "lists diff", "quarantine": "lists quarantine", "approve": "lists approve", "reject": "lists reject",
	"activate": "lists activate", "exportVersion": "lists export", "exportActive": "lists export", "rollback": "lists rollback", "retire": "lists retire",
	"getSuppressions": "suppress show", "proposeSuppression": "suppress propose", "getSuppression": "suppress show", "approveSuppression": "suppress approve",
	"rejectSuppression": "suppress reject", "endSuppression": "suppress end", "getCheck": "audit show", "getReceipt": "audit receipt", "getAudit": "audit search",
	"getAlerts": "alerts list", "resolveAlert": "alerts resolve", "getCases": "cases list", "getCaseCounts": "cases counts", "bulkCases": "cases take", "getCase": "cases show", "takeCase": "cases take",
	"releaseCase": "cases release", "waitCase": "cases wait", "noteCase": "cases note", "recommendCase": "cases recommend", "resolveCase": "cases resolve",
	"attachToCase": "cases attach", "getAttachment": "cases save", "getRecordKeys": "audit keys", "getCheckpoints": "audit checkpoints", "replayCheck": "audit replay",
	"getEvidence": "audit evidence", "getGenerations": "lists generations", "getGeneration": "lists generations", "getReplicas": "replicas", "getTraffic": "report traffic",
	"getTimeliness": "report timeliness", "getBackup": "backup create", "restore": "restore", "getKeys": "keys list", "createKey": "keys create", "rotateKey": "keys rotate",
	"revokeKey": "keys revoke", "getMe": "keys whoami", "getPeople": "people list", "createPerson": "people create", "setRoles": "people roles", "resetPerson": "people reset",
	"disablePerson": "people disable", "getProposals": "proposals list", "getProposal": "proposals show", "approveProposal": "proposals approve",
	"rejectProposal": "proposals reject", "readyz": "ready", "getHolds": "audit holds list", "placeHold": "audit holds add", "endHold": "audit holds end",
	"getWebhooks": "webhooks list", "createWebhook": "webhooks create", "rotateWebhook": "webhooks rotate", "testWebhook": "webhooks test",
	"getDeliveries": "webhooks deliveries", "deleteWebhook": "webhooks delete",
}

// Who can call an operation can use a command for it.
func TestOperationsHaveCommands(t *testing.T) {
	parser, err := newParser(&cli{}, settings{}, io.Discard, io.Discard, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	commands := map[string]bool{}
	for _, node := range parser.Model.Leaves(true) {
		commands[node.Path()] = true
	}
	b, err := os.ReadFile("api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	operations := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^ +operationId: (\w+)$`).FindAllStringSubmatch(string(b), -1) {
		id := m[1]
		operations[id] = true
		if command := commandOf[id]; !commands[command] && withoutCommand[id] == "" {
			t.Errorf("the operation %s has no command: %q", id, command)
		}
	}
	for _, table := range []map[string]string{commandOf, withoutCommand} {
		for id := range table {
			if !operations[id] {
				t.Errorf("openapi.yaml has no operation %s", id)
			}
		}
	}
}

func TestReportTraffic(t *testing.T) {
	data := t.TempDir()
	store, err := diskstore.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	day := time.Now().UTC().AddDate(0, 0, -2).Truncate(24 * time.Hour)
	for i, server := range []string{"a", "b"} {
		d := lists.TrafficDay{Server: server, Day: day.Format(time.DateOnly)}
		d.Add(day.Add(time.Hour), 1, 20, 0)
		d.Add(day.Add(time.Hour+55*time.Minute), int64(i), 0, 3)
		d.Add(day.Add(5*time.Hour), 0, 1, 0)
		if err := store.Commit(t.Context(), lists.Put(lists.DocTraffic(server, d.Day), d, 0)); err != nil {
			t.Fatal(err)
		}
	}
	store.Close()
	at := func(hour int) string { return day.Add(time.Duration(hour) * time.Hour).Format(time.RFC3339) }
	out, _ := said(t, 0, "report", "traffic", "--data", data, "--from", at(0), "--to", at(3))
	want := "from                     checks       hits     misses     errors\n" +
		at(0) + "          0          0          0          0\n" + at(1) + "         49          3         40          6\n" + at(2) + "          0          0          0          0\n" +
		"all                          49          3         40          6\n"
	if diff := cmp.Diff(want, out); diff != "" {
		t.Error(diff)
	}
	out, _ = said(t, 0, "report", "traffic", "--data", data, "--from", at(0), "--to", at(24), "--step", "24h", "--json")
	var got client.Traffic
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if got.AsOf.IsZero() {
		t.Error("it does not say as of when")
	}
	if diff := cmp.Diff(client.Traffic{AsOf: got.AsOf, Step: "24h", Points: []client.TrafficPoint{{At: day, Checks: 51, Hits: 3, Misses: 42, Errors: 6}}}, got); diff != "" {
		t.Error(diff)
	}
}
