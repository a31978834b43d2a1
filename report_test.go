package main

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/api/client"
	"interdict/screening/report"
)

func TestReportDue(t *testing.T) {
	for _, x := range []struct {
		args []string
		code int
		out  string
	}{
		{[]string{"blocked", "2026-12-18"}, exitDone, "2027-01-05\n"},
		{[]string{"rejected", "2026-03-03T03:00:00Z"}, exitDone, "2026-03-16\n"}, // in New York still 2 March
		{[]string{"unblocked", "2026-03-03T03:00:00Z", "--timezone", "UTC"}, exitDone, "2026-03-17\n"},
		{[]string{"blocked", "2026-12-18", "--json"}, exitDone, "{\n  \"date\": \"2026-12-18\",\n  \"due\": \"2027-01-05\",\n  \"kind\": \"blocked\"\n}\n"},
		{[]string{"frozen", "2026-12-18"}, exitUsage, ""},
		{[]string{"blocked", "18.12.2026"}, exitUsage, ""},
		{[]string{"blocked", "2026-12-18", "--timezone", "Mars/Olympus"}, exitUsage, ""},
	} {
		code, out, errs := program(t, "", append([]string{"report", "due"}, x.args...)...)
		if code != x.code || out != x.out {
			t.Errorf("%v: %d %q %s", x.args, code, out, errs)
		}
	}
}

// What was frozen by checks is reported from the journal and through a server alike, until it is released.
func TestReportBlocked(t *testing.T) {
	data := t.TempDir()
	file := filepath.Join(t.TempDir(), "sdn.ndjson")
	if err := os.WriteFile(file, []byte(`{"address":"`+canaryAlways+`","category":"sanctions","programs":["DPRK3"],"entity":{"name":"=Lazarus","id":"7"}}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := program(t, "", "load", "sdn", file, "--activate", "--data", data); code != exitDone {
		t.Fatal(errs)
	}
	s := serve(t, "--data", data)
	check := func(address, direction, reference string) string {
		var a client.Answer
		s.call(t, http.MethodPost, "/v1/check", fmt.Sprintf(`{"address":%q,"direction":%q,"reference":%q,"customer":"c-19","asset":"ETH"}`, address, direction, reference), &a)
		return a.CheckID
	}
	first := check(canaryAlways, "deposit", "dep-1")
	check(canaryAlways, "deposit", "dep-1") // the same property
	second := check(canaryAlways, "deposit", "dep-2")
	check(canaryAlways, "withdrawal", "wd-1") // rejected: nothing is held
	check(canaryNever, "deposit", "dep-3")    // a miss

	year := time.Now().AddDate(0, 6, 1).Year() // whose 30 June is yet to come
	releases := filepath.Join(t.TempDir(), "releases.csv")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(releases, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rows := func(code int, args ...string) [][]string {
		t.Helper()
		got, out, errs := program(t, "", append([]string{"report", "blocked", "--year", fmt.Sprint(year)}, args...)...)
		if got != code || code == exitDone && !strings.Contains(errs, "is not over") {
			t.Fatalf("%v: %d\n%s%s", args, got, out, errs)
		}
		all, err := csv.NewReader(strings.NewReader(out)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	local, server := []string{"--data", data}, []string{"--server", s.base, "--key", testKey}
	both := func(code int, args ...string) [][]string {
		t.Helper()
		fromJournal := rows(code, append(args, local...)...)
		var fromServer [][]string
		eventually(t, "the index has all records", 30*time.Second, func() bool {
			got, out, _ := program(t, "", append(append([]string{"report", "blocked", "--year", fmt.Sprint(year)}, args...), server...)...)
			if got != code {
				return false
			}
			fromServer, _ = csv.NewReader(strings.NewReader(out)).ReadAll()
			return len(fromServer) == len(fromJournal)
		})
		if d := cmp.Diff(fromJournal, fromServer); d != "" {
			t.Errorf("-from the journal +through the server\n%s", d)
		}
		return fromJournal
	}
	columns := func(row []string, names ...string) (out []string) {
		for _, name := range names {
			for i, column := range report.HoldingColumns {
				if column == name {
					out = append(out, row[i])
				}
			}
		}
		return out
	}
	all := both(exitDone)
	if len(all) != 3 || !cmp.Equal(all[0], report.HoldingColumns) {
		t.Fatalf("%q", all)
	}
	want := []string{first, "2", "c-19", "dep-1", "deposit", canaryAlways, "ETH", "", "", "sdn", "'=Lazarus (7)", "DPRK3", "yes", ""}
	names := []string{"check_id", "checks", "customer", "reference", "direction", "address", "asset", "amount", "value_usd", "lists", "entities", "programs", "held_on_30_june", "released_at"}
	if d := cmp.Diff(want, columns(all[1], names...)); d != "" {
		t.Errorf("-want +got\n%s", d)
	}

	today := time.Now().UTC().Add(time.Minute).Format(time.RFC3339)
	write("note,check_id,released_at\nlicence 7," + second + "," + today + "\n")
	all = both(exitDone, "--releases", releases)
	if got := columns(all[2], "check_id", "held_on_30_june", "released_at", "release_note"); !cmp.Equal(got, []string{second, "no", today, "licence 7"}) {
		t.Errorf("%q", got)
	}
	write("check_id,released_at\n019ad2c4-7b1e-7cc0-8d2f-3a5b6c7d8e9f," + today + "\n")
	if all = rows(exitError, append([]string{"--releases", releases}, local...)...); len(all) != 3 {
		t.Errorf("a release of something else: %q", all)
	}
	for what, text := range map[string]string{"no column": "check_id\nx\n", "no id": "check_id,released_at\nx,2026-01-01\n", "no time": "check_id,released_at\n" + first + ",soon\n",
		"before the block": "check_id,released_at\n" + first + ",2020-01-01\n", "half a row": "check_id,released_at\n" + first + "\n"} {
		write(text)
		if code, out, errs := program(t, "", append([]string{"report", "blocked", "--year", fmt.Sprint(year), "--releases", releases}, local...)...); code != exitError || out != "" {
			t.Errorf("%s: %d %s%s", what, code, out, errs)
		}
	}
	if code, _, errs := program(t, "", "report", "blocked", "--year", "2020", "--data", t.TempDir()); code != exitError || !strings.Contains(errs, "folder of the journal") {
		t.Errorf("without a journal: %d %s", code, errs)
	}
}

// Timeliness is the same on a store and through a server.
func TestReportTimeliness(t *testing.T) {
	data := t.TempDir()
	file := filepath.Join(t.TempDir(), "deny.csv")
	if err := os.WriteFile(file, []byte("address\n"+canaryAlways+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := program(t, "", "load", "deny", file, "--activate", "--data", data); code != exitDone {
		t.Fatal(errs)
	}
	if code, out, errs := program(t, "", "report", "timeliness", "--data", data); code != exitDone || !strings.Contains(out, "deny: 1 activations") || !strings.Contains(out, "active → served      not known") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	s := serve(t, "--data", data)
	through := []string{"report", "timeliness", "deny", "--server", s.base, "--key", testKey}
	var out string
	eventually(t, "the version is served", 20*time.Second, func() bool {
		_, out, _ = program(t, "", through...)
		return strings.Contains(out, "active → served      median ")
	})
	code, table, errs := program(t, "", append(through, "--csv")...)
	all, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if code != exitDone || err != nil || len(all) != 2 || !cmp.Equal(all[0], report.TimelinessColumns) || !cmp.Equal(all[1][:4], []string{"deny", "1", "1", "activate"}) {
		t.Errorf("%d\n%s%s%v", code, table, errs, err)
	}
	if code, _, _ := program(t, "", append(through, "--csv", "--json")...); code != exitUsage {
		t.Errorf("both forms: %d", code)
	}
	through[2] = "nosuch"
	if code, _, errs := program(t, "", through...); code != exitError || !strings.Contains(errs, "no such list") {
		t.Errorf("a list that does not exist: %d %s", code, errs)
	}
}
