package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"interdict/lists"
)

// Rows that were not read are shown with their place and the reason, the same way from a store and through a server.
func TestRowsThatWereNotReadAreShown(t *testing.T) {
	data := t.TempDir()
	file := filepath.Join(t.TempDir(), "deny.csv")
	cut := canaryOdd[:41]
	rows := fmt.Sprintf("address,network\n%s,ethereum\n=HYPERLINK(1),ethereum\n\x1b[2J%s,ethereum\n", canaryAlways, cut)
	for n := range 1001 { // more than a page of the API
		rows += fmt.Sprintf("text number %d,bitcoin\n", n)
	}
	if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := program(t, "", "load", "deny", file, "--data", data)
	if code != exitDone {
		t.Fatal(code, out, errs)
	}
	for _, want := range []string{"NOT READ  1003 of 1004 rows", "interdict lists quarantine deny 1\n", "NOT LIVE  "} {
		if !strings.Contains(out, want) {
			t.Errorf("load does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "raw match") {
		t.Errorf("load comforts:\n%s", out)
	}
	code, out, errs = program(t, "", "load", "deny", file, "--data", data, "--activate")
	if code != exitError || !strings.Contains(out, "NOT LIVE  ") || !strings.Contains(errs, "guarded") {
		t.Errorf("load --activate: %d\n%s%s", code, out, errs)
	}
	if code, out, errs = program(t, "", "load", "deny", file, "--data", data, "--activate", "--override", "test"); code != exitDone ||
		!strings.Contains(out, "NOT READ") || strings.Contains(out, "NOT LIVE") {
		t.Errorf("load --override: %d\n%s%s", code, out, errs)
	}
	if _, out, _ = program(t, "", "lists", "show", "--data", data); !strings.Contains(out, "1003 rows of version 3 were not read") {
		t.Errorf("lists show:\n%s", out)
	}

	test := func(t *testing.T, where ...string) {
		show := func(args ...string) string {
			t.Helper()
			code, out, errs := program(t, "", append(append([]string{"lists", "quarantine", "deny"}, args...), where...)...)
			if code != exitDone || !strings.Contains(errs, "1003 rows were not read") {
				t.Fatalf("%v: %d\n%s%s", args, code, out, errs)
			}
			return out
		}
		text := show("2")
		if strings.Count(text, "\n") != 1003 || strings.Contains(text, "\x1b") || !strings.Contains(text, cut) || !strings.HasPrefix(text, "line ") {
			t.Errorf("as text: %.500s", text)
		}
		var of3 []lists.Quarantined
		for line := range strings.Lines(show("--json")) { // of the latest version
			var q lists.Quarantined
			if err := json.Unmarshal([]byte(line), &q); err != nil || q.Locator == "" || q.Reason == "" || q.Detail == "" {
				t.Fatalf("%s: %v", line, err)
			}
			of3 = append(of3, q)
		}
		if len(of3) != 1003 || of3[0].Address != "=HYPERLINK(1)" || of3[1002].Address != "text number 1000" {
			t.Errorf("as JSON: %d rows, %+v … %+v", len(of3), of3[0], of3[len(of3)-1])
		}
		table, err := csv.NewReader(strings.NewReader(show("3", "--csv"))).ReadAll()
		if err != nil || len(table) != 1004 || table[0][0] != "locator" || table[1][1] != "'=HYPERLINK(1)" {
			t.Errorf("as CSV: %d rows, %v (%v)", len(table), table[:2], err)
		}
		for _, args := range [][]string{{"nosuch"}, {"deny", "9"}} {
			if code, out, errs := program(t, "", append(append([]string{"lists", "quarantine"}, args...), where...)...); code != exitError || out != "" {
				t.Errorf("%v: %d\n%s%s", args, code, out, errs)
			}
		}
	}
	t.Run("store", func(t *testing.T) { test(t, "--data", data) })
	t.Run("server", func(t *testing.T) {
		s := serve(t, "--data", data)
		test(t, "--server", s.base, "--key", testKey)
	})
}
