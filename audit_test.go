package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"interdict/api"
	"interdict/lists"
	"interdict/lists/storetest/freeaddr"
	"interdict/screening/journal"
)

// An auditor works with the record of a server that runs, was killed, and has ended: shows, exports, verifies and proves its decisions. A
// witness has cosigned them.
func TestTheRecordIsReadVerifiedAndProved(t *testing.T) {
	data := t.TempDir()
	file := filepath.Join(t.TempDir(), "deny.csv")
	if err := os.WriteFile(file, []byte("address\n"+canaryAlways+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ok := func(args ...string) string {
		t.Helper()
		code, out, errs := program(t, "", args...)
		if code != exitDone {
			t.Fatalf("%v: %d\n%s%s", args, code, out, errs)
		}
		return out
	}
	ok("load", "deny", file, "--activate", "--data", data)
	key := strings.TrimSpace(ok("audit", "keys", "--data", data))

	listen := freeaddr.Get(t)
	_, out := start(t, "program", nil, "witness", "--listen", listen, "--dir", filepath.Join(t.TempDir(), "witness"), "--name", "auditor.example", "--log", key)
	line, err := out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	witness := regexp.MustCompile(`^--witness '(http://\S+ (auditor\.example\+\S+))'\n$`).FindStringSubmatch(line)
	if witness == nil {
		t.Fatalf("the witness prints %q", line)
	}

	check := func(s *server, address string) string {
		var a struct {
			CheckID string `json:"check_id"`
		}
		s.call(t, http.MethodPost, "/v1/check", fmt.Sprintf(`{"address":%q,"direction":"deposit","customer":"=c-19"}`, address), &a)
		return a.CheckID
	}
	s := serve(t, "--data", data, "--witness", witness[1])
	hit, miss := check(s, canaryAlways), check(s, canaryNever)
	through := []string{"--server", s.base, "--key", testKey}
	var receipt string
	eventually(t, "a receipt that the witness has cosigned", 20*time.Second, func() bool {
		code, out, _ := program(t, "", append([]string{"audit", "receipt", hit}, through...)...)
		receipt = out
		return code == exitDone && strings.Contains(out, "— auditor.example ")
	})
	if got := ok(append([]string{"audit", "keys"}, through...)...); strings.TrimSpace(got) != key {
		t.Errorf("the server has the keys %s", got)
	}
	if got, want := ok(append([]string{"audit", "show", hit, "--json"}, through...)...), ok("audit", "show", hit, "--json", "--data", data); got != want || !strings.Contains(want, `"result":"hit"`) {
		t.Errorf("through the server:\n%s\nfrom the folder:\n%s", got, want)
	}
	kept := filepath.Join(t.TempDir(), "checkpoints.json")
	eventually(t, "checkpoints in the store", 20*time.Second, func() bool {
		out := ok(append([]string{"audit", "checkpoints"}, through...)...)
		if err := os.WriteFile(kept, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
		return strings.Count(out, `"checkpoint"`) == 2
	})
	if out := ok(append([]string{"audit", "verify", "--data", data}, through...)...); !strings.Contains(out, ", 0 findings") {
		t.Errorf("%s", out)
	}
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait()
	for range 2 { // after a crash, and after an orderly end
		if out := ok("audit", "verify", "--data", data, "--against", kept); !strings.Contains(out, ", 0 findings") {
			t.Errorf("%s", out)
		}
		s = serve(t, "--data", data)
		check(s, canaryNever)
		if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		_ = s.cmd.Wait()
	}

	proof := filepath.Join(t.TempDir(), "receipt")
	if err := os.WriteFile(proof, []byte(receipt), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := ok("audit", "verify-receipt", proof, "--public-key", key, "--public-key", witness[2]); !strings.Contains(out, "The receipt is valid") || !strings.Contains(out, "Witness: auditor.example at ") ||
		!strings.Contains(out, "check       "+hit) || !strings.Contains(out, canaryAlways) {
		t.Errorf("%s", out)
	}
	if code, _, errs := program(t, strings.Replace(receipt, "extra AQ", "extra Ag", 1), "audit", "verify-receipt", "-", "--public-key", key); code != exitError || !strings.Contains(errs, "not of the record") {
		t.Errorf("a forged receipt: %d %s", code, errs)
	}

	seen := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(ok("audit", "export", "--data", data)), "\n") {
		var r struct {
			Kind  string
			Check struct {
				CheckID string `json:"check_id"`
			}
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		seen[r.Kind], seen[r.Check.CheckID] = true, true
	}
	if !seen[hit] || !seen[miss] || !seen["check"] || !seen["activation"] || !seen["key"] {
		t.Errorf("the export has %v", seen)
	}
	rows, err := csv.NewReader(strings.NewReader(ok("audit", "export", "--data", data, "--format", "csv", "--from", "2020-01-01", "--to", "2999-01-01"))).ReadAll()
	if err != nil || len(rows) < 5 || len(rows[0]) != len(api.AuditColumns) {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		if row[3] == hit && row[8] != "'=c-19" {
			t.Errorf("a cell that a spreadsheet would compute: %q", row[8])
		}
	}

	if out := ok("audit", "export", "--data", data, "--format", "parquet"); !strings.HasPrefix(out, "PAR1") || !strings.HasSuffix(out, "PAR1") {
		t.Errorf("%d bytes are not a Parquet file", len(out))
	}

	// Somebody deletes what the first server has written, all of it.
	writer := journalOf(t, data, hit)
	names, err := filepath.Glob(filepath.Join(data, "journal", "*"+writer+"*"))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range append(names, filepath.Join(data, "journal", "proof", writer)) {
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
	}
	if code, out, errs := program(t, "", "audit", "verify", "--data", data); code != exitError || !strings.Contains(out, writer+", writer: it is missing") || !strings.Contains(errs, "not what was signed") {
		t.Errorf("a deleted writer: %d\n%s%s", code, out, errs)
	}
}

// journalOf returns the writer that has recorded a check.
func journalOf(t *testing.T, data, checkID string) string {
	t.Helper()
	r, err := journal.Find(t.Context(), filepath.Join(data, "journal"), uuid.MustParse(checkID))
	if err != nil {
		t.Fatal(err)
	}
	return r.Writer.String()
}

// A server records the checkpoints of others once: those of writers that have ended are then known as recorded.
func TestCheckpointsOfOthersAreRecorded(t *testing.T) {
	f := storeFlags{Data: t.TempDir(), JournalSync: "hits"}
	e := &env{ctx: t.Context(), stderr: &strings.Builder{}, logLevel: "error"}
	openIt := func() *opened {
		o, err := f.open(t.Context(), e.logger())
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	first := openIt()
	if err := first.journal.Append(journal.ListChange, time.Now(), []byte("{}"), true); err != nil {
		t.Fatal(err)
	}
	id := first.journal.Writer().String()
	first.close()
	second := openIt()
	defer second.close()
	recorded := map[string]string{}
	for range 2 {
		if err := exchangeOnce(t.Context(), second, recorded); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for r, err := range journal.Read(t.Context(), f.journalDir()) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Kind == journal.Checkpoint && strings.Contains(string(r.Payload), id) {
			n++
		}
	}
	live, err := lists.LiveWriters(t.Context(), second.store)
	if n != 1 || err != nil || len(live) != 0 {
		t.Errorf("recorded %d times, still waiting: %+v, %v", n, live, err)
	}
	all, err := lists.AllWriters(t.Context(), second.store)
	if err != nil || len(all) != 1 || all[0].RecordedBy != second.journal.Writer().String() {
		t.Errorf("%+v, %v", all, err)
	}
}

// A signing key that is gone, and a folder that has no record, are told with what to do.
func TestARecordThatCannotBeOpened(t *testing.T) {
	data := t.TempDir()
	if code, _, errs := program(t, "", "audit", "keys", "--data", filepath.Join(data, "nosuch")); code != exitError || !strings.Contains(errs, "--journal or --data") {
		t.Errorf("%d %s", code, errs)
	}
	file := filepath.Join(data, "deny.csv")
	if err := os.WriteFile(file, []byte("address\n"+canaryAlways+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	load := []string{"load", "deny", file, "--data", data}
	if code, _, errs := program(t, "", load...); code != exitDone {
		t.Fatal(errs)
	}
	if err := os.Remove(filepath.Join(data, "journal", "keys", "signing.keys")); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := program(t, "", load...); code != exitError || !strings.Contains(errs, "restore") || !strings.Contains(errs, "signing.keys") {
		t.Errorf("%d %s", code, errs)
	}
}

// Sealed segments move to a bucket, are dropped here, and the record is verified with both.
func TestSegmentsMoveToABucket(t *testing.T) {
	data, bucket := t.TempDir(), t.TempDir()
	file := filepath.Join(t.TempDir(), "deny.csv")
	if err := os.WriteFile(file, []byte("address\n"+canaryAlways+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ok := func(args ...string) string {
		t.Helper()
		code, out, errs := program(t, "", append(args, "--data", data)...)
		if code != exitDone {
			t.Fatalf("%v: %d\n%s%s", args, code, out, errs)
		}
		return out
	}
	ok("load", "deny", file, "--activate")
	ok("check", canaryNever)
	if out := ok("audit", "archive", "--bucket", bucket, "--keep-local", "0s"); !strings.Contains(out, "2 segments sent") || !strings.Contains(out, "2 dropped here") {
		t.Errorf("%s", out)
	}
	if out := ok("audit", "verify"); !strings.Contains(out, "was not verified: records of it are in the bucket") {
		t.Errorf("%s", out)
	}
	if out := ok("audit", "verify", "--bucket", bucket); strings.Contains(out, "not verified") || !strings.Contains(out, " 0 findings") {
		t.Errorf("%s", out)
	}
	objects, err := filepath.Glob(filepath.Join(bucket, "*", "segments", "*"))
	if err != nil || len(objects) != 2 {
		t.Fatal(objects, err)
	}
	if err := os.Chmod(objects[0], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(objects[0], 100); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := program(t, "", "audit", "verify", "--bucket", bucket, "--data", data); code != exitError || !strings.Contains(out, filepath.Base(objects[0])) {
		t.Errorf("a truncated object: %d\n%s", code, out)
	}
}
