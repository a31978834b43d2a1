package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rooms says which rooms of the house each room may import.
//
//	fault ← address ← lists ← {filter, stores, screening, loader} ← api ← main
var rooms = map[string][]string{
	"lists/fault":              {},
	"lists/address":            {"lists/fault"},
	"lists":                    {"lists/address", "lists/fault"},
	"lists/filter":             {"lists", "lists/fault"},
	"lists/lease":              {"lists", "lists/fault"},
	"lists/egress":             {"lists/fault"},
	"lists/diskstore":          {"lists", "lists/address", "lists/fault"},
	"lists/redisstore":         {"lists", "lists/address", "lists/fault", "lists/timing"},
	"lists/storetest":          {"lists/storetest/freeaddr", "lists", "lists/address", "lists/fault"},
	"lists/storetest/freeaddr": {},
	"screening/journal":        {"lists/fault", "lists/timing"},
	"screening/replica":        {"lists", "lists/address", "lists/fault", "lists/filter"},
	"screening":                {"screening/journal", "screening/replica", "lists", "lists/address", "lists/fault", "lists/spans", "screening/sandbox"},
	"loader/events":            {"lists/address", "lists/egress", "lists/fault"},
	"loader/events/eventstest": {"loader/events"},
	"loader/formats":           {"loader/events", "lists/address", "lists/fault"}, // it asks only what looks like an address
	"loader/fetch":             {"lists/egress", "lists/fault"},
	"loader/build":             {"loader/formats", "lists", "lists/address", "lists/fault", "lists/filter"},
	"loader":                   {"loader/build", "loader/events", "loader/formats", "loader/fetch", "lists", "lists/address", "lists/fault", "lists/lease", "lists/spans"},
	"webhook":                  {"lists", "lists/address", "lists/egress", "lists/fault", "lists/lease", "lists/logs"},
	"api/auth":                 {"lists", "lists/address", "lists/fault"},
	"api/console":              {"api/auth", "api/client", "lists", "lists/fault"},
	"api/certs":                {"lists/fault"},
	"api/certs/certstest":      {},
	"api/bench":                {"api", "api/auth", "screening", "screening/journal", "loader", "lists"},
	"api/client":               {"lists", "lists/fault"},
	"api/client/clienttest":    {"api/client", "lists"},
	"api":                      {"api/auth", "api/client", "api/console", "screening", "screening/archive", "screening/journal", "screening/journal/proof", "screening/replica", "screening/report", "loader", "loader/build", "webhook", "lists", "lists/address", "lists/egress", "lists/fault", "screening/cases", "lists/spans", "api/idempotency", "screening/sandbox"},
	"lists/logs":               {},
	"lists/spans":              {},
	"api/otlp":                 {},
	"api/idempotency":          {"lists", "lists/fault"},
	"api/oapicodegen":          {}, // a module of its own, which pins a tool of tests
	"lists/timing":             {},
	"lists/backup":             {"lists", "lists/address", "lists/fault"},

	"screening/edge":          {"screening/archive/vault", "lists", "lists/address", "lists/fault", "lists/filter"},
	"screening/journal/proof": {"lists/fault"},
	"screening/sandbox":       {"lists", "lists/address", "lists/fault"},
	"screening/record":        {"screening/journal", "screening/journal/proof", "lists/fault"},
	"screening/cases":         {"lists", "lists/fault"},
	"screening/report":        {"screening", "lists", "lists/address", "lists/fault"},
	"screening/selftest":      {"lists", "lists/address", "lists/fault"},
	"screening/archive":       {"screening", "screening/journal", "lists", "lists/lease", "lists/address", "lists/fault"},

	"screening/archive/diskindex":       {"screening/archive", "screening/journal", "lists/address", "lists/fault"},
	"screening/archive/indextest":       {"screening/archive", "screening/journal", "lists/address", "lists/fault"},
	"screening/archive/vault":           {"screening/journal", "screening/journal/proof", "lists/fault"},
	"screening/archive/vault/vaulttest": {"screening/archive/vault", "screening/journal", "screening/journal/proof", "lists/fault"},
	"screening/archive/pgindex":         {"screening/archive", "screening/journal", "lists/address", "lists/fault"},
	"screening/archive/pgtest":          {"lists/storetest/freeaddr"},
}

func TestNoRoomImportsWhatIsAboveIt(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != "." || d.Name() == "testdata" || file == "deploy") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		room := path.Dir(filepath.ToSlash(file))
		if room == "." {
			return nil // main may import everything
		}
		seen[room] = true
		may, known := rooms[room]
		if !known {
			t.Errorf("%s: the room %s is not on the plan of the house", file, room)
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if other, ours := strings.CutPrefix(name, "interdict/"); ours && !slices.Contains(may, other) {
				t.Errorf("%s imports %s, which %s may not", file, other, room)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for room := range rooms {
		if !seen[room] {
			t.Errorf("the room %s on the plan is empty", room)
		}
	}
}
