package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// No flag with a number takes what is no count, share or rate, whatever command it belongs to.
func TestNumbersThatAreNoCountShareOrRateAreRefused(t *testing.T) {
	parser, err := kong.New(&cli{}, kong.Name("interdict"), kong.Vars{"formats": "csv"}, kong.Exit(func(int) { t.Fatal("the program exits") }))
	if err != nil {
		t.Fatal(err)
	}
	duration := reflect.TypeFor[time.Duration]()
	tried := map[string]bool{}
	err = kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		n, ok := node.(*kong.Node)
		if !ok || n.Type == kong.ApplicationNode || len(n.Children) > 0 {
			return next(nil)
		}
		words := strings.Fields(strings.TrimPrefix(n.FullPath(), "interdict"))
		for _, p := range n.Positional {
			if p.Required {
				words = append(words, "1")
			}
		}
		for _, group := range n.AllFlags(false) {
			for _, f := range group {
				if f.Required {
					words = append(words, "--"+f.Name, "1")
				}
			}
		}
		for _, group := range n.AllFlags(true) {
			for _, f := range group {
				kind := f.Target.Type()
				for kind.Kind() == reflect.Pointer {
					kind = kind.Elem()
				}
				bad := []string{"-1", "1000000001"}
				switch zero := reflect.Zero(kind); {
				case kind == duration:
					bad = []string{"-1s"}
				case zero.CanFloat():
					bad = append(bad, "NaN", "Inf", "-Inf", "1e300", "-1e-9")
				case !zero.CanInt():
					continue
				}
				if f.Name == "limit" {
					bad = append(bad, "0")
				}
				for _, value := range bad {
					k, err := parser.Parse(append(words, "--"+f.Name+"="+value))
					if err == nil {
						err = checkNumbers(k)
					}
					if err == nil || !strings.Contains(err.Error(), "--"+f.Name) {
						t.Errorf("%v --%s %s: %v", words, f.Name, value, err)
					}
					tried[f.Name] = true
				}
			}
		}
		return next(nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"checks-per-second", "resident", "max-lag", "drain-delay", "max-shrink", "max-growth", "max-quarantined", "approvals", "keep", "size"} {
		if !tried[name] {
			t.Errorf("--%s was not tried", name)
		}
	}

	settings := filepath.Join(t.TempDir(), "interdict.yaml")
	for _, value := range []string{".nan", ".inf", "-.inf", "-1"} {
		if err := os.WriteFile(settings, []byte("checks_per_second: "+value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, errs := program(t, "", "serve", "--config", settings); code != exitUsage || !strings.Contains(errs, "--checks-per-second") {
			t.Errorf("settings file, %s: %d %s", value, code, errs)
		}
	}
	t.Setenv("INTERDICT_CHECKS_PER_SECOND", "NaN")
	if code, _, errs := program(t, "", "serve"); code != exitUsage || !strings.Contains(errs, "--checks-per-second") {
		t.Errorf("environment: %d %s", code, errs)
	}
}
