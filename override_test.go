package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// One reason is for one decision: what stands in a file or in the environment would go past every guard there will ever be.
func TestAnOverrideIsAFlagOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "deny.csv")
	if err := os.WriteFile(file, []byte("address\nno address\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := filepath.Join(t.TempDir(), "interdict.yaml")
	if err := os.WriteFile(settings, []byte("override: whatever\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := program(t, "", "load", "deny", file, "--activate", "--data", t.TempDir(), "--config", settings); code != exitUsage || !strings.Contains(errs, "override") {
		t.Errorf("from a file: %d, %s", code, errs)
	}
	for _, name := range []string{"INTERDICT_OVERRIDE", "INTERDICT_OVERRIDE_FILE"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, settings)
			for _, args := range [][]string{{"load", "deny", file, "--activate"}, {"lists", "activate", "deny", "1"}} {
				if code, _, errs := program(t, "", append(args, "--data", t.TempDir())...); code != exitUsage || !strings.Contains(errs, name) {
					t.Errorf("%v: %d, %s", args, code, errs)
				}
			}
		})
	}
	if code, _, errs := program(t, "", "load", "deny", file, "--activate", "--data", t.TempDir()); code != exitError || !strings.Contains(errs, "needs an override") {
		t.Errorf("without: %d, %s", code, errs)
	}
}

// The report and the list say what a hit will lead to, whatever the list is called.
func TestTheReportSaysWhatAHitLeadsTo(t *testing.T) {
	data := t.TempDir()
	file := filepath.Join(t.TempDir(), "sdn.csv")
	row := `36,"LAZARUS GROUP",-0- ,"DPRK3",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,"Digital Currency Address - ETH ` + canaryAlways + `."` + "\r\n"
	if err := os.WriteFile(file, []byte(row), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := program(t, "", "load", "us-treasury", file, "--format", "ofac_csv", "--activate", "--data", data)
	if code != exitDone || !strings.Contains(out, "deposit: freeze, withdrawal: reject (sanctions, authority US Treasury, OFAC)") {
		t.Fatalf("load: %d, %s%s", code, out, errs)
	}
	_, out, _ = program(t, "", "lists", "show", "--data", data)
	for _, want := range []string{"deposit: freeze, withdrawal: reject (sanctions, authority US Treasury, OFAC)", "never stale"} {
		if !strings.Contains(out, want) {
			t.Errorf("lists show lacks %q: %s", want, out)
		}
	}
	code, out, _ = program(t, "", "check", canaryAlways, "--direction", "withdrawal", "--data", data, "--json")
	if code != exitHit || !strings.Contains(out, `"action":"reject"`) || !strings.Contains(out, `"category":"sanctions"`) || !strings.Contains(out, `"name":"OFAC SDN"`) {
		t.Errorf("check: %d, %s", code, out)
	}
}
