package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"interdict/screening"
)

// listFile loads and activates a list in a fresh folder.
func listFile(t *testing.T, rows string) (data string) {
	t.Helper()
	data = t.TempDir()
	file := filepath.Join(t.TempDir(), "deny.csv")
	if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := program(t, "", "load", "deny", file, "--activate", "--data", data); code != exitDone {
		t.Fatalf("load: %d\n%s%s", code, out, errs)
	}
	return data
}

// emptyStore makes a store that holds no list.
func emptyStore(t *testing.T) (data string) {
	t.Helper()
	f := &storeFlags{Data: t.TempDir()}
	o, err := f.open(t.Context(), (&env{stderr: io.Discard}).quiet())
	if err != nil {
		t.Fatal(err)
	}
	o.close()
	return f.Data
}

func TestCheckExplainTellsReadingKeysListsAndAnswer(t *testing.T) {
	data := listFile(t, "address,network,entity\n1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa,bitcoin,Somebody\n")
	const related = "bc1qvt5s0v2uhuna2sjnn84ldu8m2r4m3rcc4048ry" // P2WPKH of the listed key hash
	code, out, errs := program(t, "", "check", "--explain", "--network", "bitcoin", " bitcoin:"+related+"?amount=1", "--data", data)
	if code != exitHit || errs != "" {
		t.Errorf("exit code %d, %s", code, errs)
	}
	for _, want := range []string{
		"white space around it does not count", "URI scheme bitcoin",
		"READ  as an address of bitcoin: bitcoin p2wpkh\n", "bitcoin:p2wpkh:62e907b15cbf27d5425399ebf6f0fb50ebb88f18\n", `amount "1"`,
		"KEY   its own key\n", "0262e907b15cbf27d5425399ebf6f0fb50ebb88f18\n", "same_key    bitcoin p2wpkh: the same public key hash\n",
		"bitcoin p2pkh 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa\n", "KEY   its nested SegWit form", "; the store has it\n",
		"WITH  generation 1 of ", "deny, version 1, last fresh ", "HIT  " + related + " (bitcoin)\n", "Somebody",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if code, out, errs := program(t, "", "check", "--explain", canaryAlways, "--data", data); code != exitDone ||
		!strings.Contains(out, "none holds it for possible") || !strings.Contains(out, "MISS  "+canaryAlways) {
		t.Errorf("a miss: %d\n%s%s", code, out, errs)
	}
	code, out, errs = program(t, "", "check", "--explain", "1A1zP1eP5Q0efi2DMPTfTL5SLmv7DivfNa", "--data", data)
	if code != exitError || !strings.Contains(out, "REFUSED  bad_character") || !strings.Contains(out, "byte 10") || !strings.Contains(errs, "address 1") {
		t.Errorf("a refusal: %d\n%s%s", code, out, errs)
	}
	if code, out, _ := program(t, "", "check", "--explain", "\x1b[2Jnonsense\n", "--data", data); code != exitError || strings.Contains(out, "\x1b") {
		t.Errorf("what steers a terminal is printed as it is: %d %q", code, out)
	}
	// One explanation a line, of every address.
	code, out, _ = program(t, related+"\nnonsense\n", "check", "--explain", "--json", "-", canaryAlways, "--data", data)
	var results []string
	for line := range strings.Lines(out) {
		var x screening.Explanation
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			t.Fatal(err, line)
		}
		results = append(results, x.Outcome.Result)
	}
	if code != exitHit || strings.Join(results, " ") != "hit refused miss" {
		t.Errorf("as JSON: %d, %v", code, results)
	}
}

func TestCheckExplainNeedsNoListButTheStoreItself(t *testing.T) {
	code, out, errs := program(t, "", "check", "--explain", canaryAlways, "--data", emptyStore(t))
	if code != exitError || !strings.Contains(out, "READ  as an address of ethereum") || !strings.Contains(out, "WITH  nothing") ||
		strings.Contains(out, "MISS") || !strings.Contains(errs, "nothing has been activated") {
		t.Errorf("without a list: %d\n%s%s", code, out, errs)
	}
	if code, _, errs := program(t, "", "check", "--explain", canaryAlways, "--server", "http://127.0.0.1:1"); code != exitUsage || !strings.Contains(errs, "--explain") {
		t.Errorf("through a server: %d %s", code, errs)
	}
}
