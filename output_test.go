package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"interdict/lists"
	"interdict/lists/diskstore"
)

// shady is a text that turns a terminal red, writes over its line, and turns its direction.
const shady = "x\x1b[31m\ry\u202ez\u009b2J\x07\u200b\U000e0041"

// shownOnly fails for a character that steers a terminal or does not show.
func shownOnly(t *testing.T, what, text string) {
	t.Helper()
	for i, r := range text {
		if r != '\n' && r != '\t' && !lists.Shown(r) {
			t.Errorf("%s prints %q: %q", what, r, text[max(0, i-40):min(len(text), i+40)])
			return
		}
	}
}

// A list whose author, uploader and settings are hostile cannot steer the terminal of whoever looks at it, not even if an older program has stored
// what they gave.
func TestNoCommandPrintsWhatSteersATerminal(t *testing.T) {
	data := t.TempDir()
	dir := t.TempDir()
	quoted := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	file := filepath.Join(dir, "bad.ndjson")
	raw := "account " + shady
	content := `{"address":"` + canaryAlways + `","asset":` + quoted(shady) + `,"entity":{"name":` + quoted(shady) + `},"note":` + quoted(shady) + "}\n" +
		`{"address":` + quoted(raw) + `,"entity":{"name":` + quoted(shady) + "}}\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(want int, args ...string) string {
		t.Helper()
		code, out, errs := program(t, "", append(args, "--data", data)...)
		if code != want {
			t.Fatalf("%v: %d\n%s%s", args, code, out, errs)
		}
		shownOnly(t, strings.Join(args, " "), out)
		shownOnly(t, strings.Join(args, " "), errs)
		return out
	}
	run(exitDone, "load", "deny", file, "--note", shady, "--name", shady, "--authority", shady, "--activate", "--override", shady)
	run(exitDone, "suppress", "propose", "deny", raw, "--reason", shady, "--until", time.Now().AddDate(0, 1, 0).Format(time.DateOnly))

	// An older program stored names as they were given.
	store, err := diskstore.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	l, revision, err := lists.Read[lists.List](t.Context(), store, lists.DocList("deny"))
	if err != nil {
		t.Fatal(err)
	}
	l.Name, l.Authority, l.UpdatedBy = shady, shady, shady
	v, versionRevision, err := lists.Read[lists.Version](t.Context(), store, lists.DocVersion("deny", 1))
	if err != nil {
		t.Fatal(err)
	}
	v.File, v.Note, v.UploadedBy = shady, shady, shady
	v.Warnings = append(v.Warnings, lists.Finding{Code: "old", Detail: shady})
	if err := store.Commit(t.Context(), lists.Put(lists.DocList("deny"), l, revision), lists.Put(lists.DocVersion("deny", 1), v, versionRevision)); err != nil {
		t.Fatal(err)
	}
	store.Close()

	for _, command := range []string{"lists", "lists show deny", "lists show deny --json", "lists versions deny", "lists versions deny --json", "lists diff deny 0 1",
		"lists diff deny 0 1 --json", "lists diff deny 0 1 --csv", "lists quarantine deny", "lists quarantine deny --json", "lists quarantine deny --csv",
		"lists changes --since start", "lists changes --since start --json", "lists generations 1", "lists history " + canaryAlways, "lists preview " + file + " --for deny",
		"lists export deny", "lists export deny --as csv", "suppress show deny", "suppress show deny --json"} {
		if run(exitDone, strings.Fields(command)...) == "" {
			t.Errorf("%s prints nothing", command)
		}
	}
	for _, more := range [][]string{nil, {"--json"}, {"--explain"}, {"--explain", "--json"}} {
		run(exitHit, append([]string{"check", raw, canaryAlways}, more...)...)
	}
	if code, _, errs := program(t, "", "lists", "show", shady, "--data", data); code != exitError {
		t.Errorf("%d %s", code, errs)
	} else {
		shownOnly(t, "an error", errs)
	}

	// JSON means the same; a file gets the bytes that were uploaded.
	var row struct{ Listing struct{ Address string } }
	found := false
	for line := range strings.Lines(run(exitDone, "lists", "diff", "deny", "0", "1", "--json")) {
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		found = found || row.Listing.Address == raw
	}
	if !found {
		t.Error("JSON has another address than the list")
	}
	table, err := csv.NewReader(strings.NewReader(run(exitDone, "lists", "diff", "deny", "0", "1", "--csv"))).ReadAll()
	if err != nil || len(table) != 3 {
		t.Errorf("%d rows of CSV, %v", len(table), err)
	}
	if code, out, errs := program(t, "", "lists", "export", "deny", "--as", "published", "--data", data); code != exitDone || out != content {
		t.Errorf("%d %s: %q", code, errs, out)
	}
}

// What arrives in pieces is printed as what arrives at once.
func TestPrinterTakesPieces(t *testing.T) {
	text := "plain ü中🏴 \x1b[1m " + shady + "\xff\xc3" + "end\r\n"
	for _, json := range []bool{false, true} {
		var whole, pieces bytes.Buffer
		if _, err := (&printer{w: &whole, json: json}).Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		p := &printer{w: &pieces, json: json}
		for i := range len(text) {
			if n, err := p.Write([]byte{text[i]}); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}
		if whole.String() != pieces.String() || !utf8.ValidString(whole.String()) {
			t.Errorf("%q\n%q", whole.String(), pieces.String())
		}
		shownOnly(t, "the printer", whole.String())
	}
}
