package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// answering starts a server that answers everything in one way.
func answering(t *testing.T, h http.HandlerFunc) (url string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func withJSON(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// answerOf is a whole answer about canaryAlways; edits replace parts of it.
func answerOf(edits ...string) string {
	return strings.NewReplacer(edits...).Replace(`{"check_id":"019ad2c4-0000-7000-8000-000000000001","result":"miss","action":"allow","direction":"deposit",` +
		`"address":{"input":"` + canaryAlways + `","network":"ethereum","canonical":"` + canaryAlways + `","identity":"evm:x"},"matches":[],` +
		`"screened":{"generation":7,"as_of":"2026-01-02T03:04:05Z","lists":1,"listings":9},"checked_at":"2026-01-02T03:04:05Z","more":1}`)
}

func TestOnlyAWholeAnswerToTheQuestionCounts(t *testing.T) {
	const match = `"matches":[{"class":"exact","list":{"id":"l","name":"L","version":1},"listed":{"address":"x"},"category":"sanctions"}]`
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   int
	}{
		"a miss":                         {withJSON(200, answerOf()), exitDone},
		"a hit":                          {withJSON(200, answerOf(`"miss"`, `"hit"`, `"allow"`, `"freeze"`, `"matches":[]`, match)), exitHit},
		"an empty object":                {withJSON(200, `{}`), exitError},
		"a string":                       {withJSON(200, `"x"`), exitError},
		"null":                           {withJSON(200, `null`), exitError},
		"nothing":                        {withJSON(200, ``), exitError},
		"no content":                     {withJSON(204, ``), exitError},
		"an unknown result":              {withJSON(200, answerOf(`"miss"`, `"unknown"`)), exitError},
		"no result":                      {withJSON(200, answerOf(`"result":"miss",`, ``)), exitError},
		"an error object":                {withJSON(200, `{"error":{"code":"x"}}`), exitError},
		"a problem with status 200":      {withJSON(200, `{"status":503,"code":"not_loaded"}`), exitError},
		"a batch":                        {withJSON(200, `{"results":[`+answerOf()+`]}`), exitError},
		"two answers":                    {withJSON(200, answerOf()+answerOf()), exitError},
		"half an answer":                 {withJSON(200, answerOf()[:120]), exitError},
		"another address":                {withJSON(200, answerOf(canaryAlways, canaryOdd)), exitError},
		"another direction":              {withJSON(200, answerOf(`"deposit"`, `"withdrawal"`)), exitError},
		"no direction":                   {withJSON(200, answerOf(`"action":"allow","direction":"deposit",`, ``)), exitError},
		"a miss that is not allowed":     {withJSON(200, answerOf(`"allow"`, `"review"`)), exitError},
		"a miss with a match":            {withJSON(200, answerOf(`"matches":[]`, match)), exitError},
		"a miss without matches":         {withJSON(200, answerOf(`"matches":[],`, ``)), exitError},
		"a hit without a match":          {withJSON(200, answerOf(`"miss"`, `"hit"`)), exitError},
		"a miss against no listing":      {withJSON(200, answerOf(`"listings":9`, `"listings":0`)), exitError},
		"a miss against no list":         {withJSON(200, answerOf(`"lists":1`, `"lists":0`)), exitError},
		"a miss against no generation":   {withJSON(200, answerOf(`"generation":7`, `"generation":0`)), exitError},
		"a miss without what it is from": {withJSON(200, answerOf(`"screened"`, `"other"`)), exitError},
		"a miss without check_id":        {withJSON(200, answerOf(`"check_id"`, `"id"`)), exitError},
		"a refusal":                      {withJSON(503, `{"status":503,"code":"not_loaded","title":"No list is loaded"}`), exitError},
		"an answer with a bad status":    {withJSON(500, answerOf()), exitError},
		"a login page": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("<html>login</html>"))
		}, exitError},
		"an answer that is not JSON by its type": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(answerOf()))
		}, exitError},
		"an answer that breaks off": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "4000")
			withJSON(200, answerOf())(w, r)
		}, exitError},
		"a redirect to an answer": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				withJSON(200, answerOf())(w, r)
				return
			}
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, exitError},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"check", "--server", answering(t, c.answer), "--key", "k", "--direction", "deposit", canaryAlways}
			code, out, errs := program(t, "", args...)
			if code != c.want || c.want == exitError && (out != "" || !strings.Contains(errs, "address 1: ") || strings.Contains(errs, canaryAlways)) {
				t.Errorf("exit code %d\n%s%s", code, out, errs)
			}
			code, out, errs = program(t, "", append(args, "--json")...)
			var line struct {
				Result string
				Error  struct{ Code string }
			}
			if err := json.Unmarshal([]byte(out), &line); err != nil || strings.Count(out, "\n") != 1 {
				t.Fatalf("not one line of JSON: %v\n%s%s", err, out, errs)
			}
			if code != c.want || (line.Result == "") != (c.want == exitError) || (line.Error.Code == "") != (c.want != exitError) {
				t.Errorf("as JSON: exit code %d\n%s%s", code, out, errs)
			}
		})
	}
	miss := answerOf(`"action":"allow","direction":"deposit",`, ``)
	if code, out, errs := program(t, "", "check", "--server", answering(t, withJSON(200, miss)), canaryAlways); code != exitDone || !strings.Contains(out, "MISS") {
		t.Errorf("without a direction: %d\n%s%s", code, out, errs)
	}
}

// bothWays runs check on a store, and through a server on it.
func bothWays(t *testing.T, data string, test func(t *testing.T, check func(stdin string, args ...string) (code int, stdout, stderr string))) {
	t.Helper()
	t.Run("store", func(t *testing.T) {
		test(t, func(stdin string, args ...string) (int, string, string) {
			return program(t, stdin, append([]string{"check", "--data", data}, args...)...)
		})
	})
	t.Run("server", func(t *testing.T) {
		s := serve(t, "--data", data)
		test(t, func(stdin string, args ...string) (int, string, string) {
			return program(t, stdin, append([]string{"check", "--server", s.base, "--key", testKey}, args...)...)
		})
	})
}

func TestCheckPrintsOneLineOfJSONForEachLineOfInput(t *testing.T) {
	data := listFile(t, "address\n"+canaryAlways+"\n")
	wrongCase := strings.Replace(canaryAlways, "B", "b", 1)
	bothWays(t, data, func(t *testing.T, check func(string, ...string) (int, string, string)) {
		stdin := canaryNever + "\n\nnonsense\r\n  " + canaryAlways + " \n" + strings.Repeat("x", 200_000) + "\n \n" + wrongCase + "\n" + canaryOdd // no newline at the end
		want := []string{"miss", "invalid_address empty", "invalid_address", "hit", "invalid_address bad_length", "invalid_address empty", "invalid_address bad_checksum would_match", "miss"}
		for _, direction := range []string{"", "deposit"} {
			code, out, errs := check(stdin, "--json", "--direction", direction, "-")
			var got []string
			for line := range strings.Lines(out) {
				var x struct {
					Result string
					Error  struct {
						Code, Reason string
						WouldMatch   bool `json:"would_match"`
					}
				}
				if err := json.Unmarshal([]byte(line), &x); err != nil {
					t.Fatal(err, line)
				}
				text := x.Result
				if x.Result == "" {
					text = x.Error.Code + " " + x.Error.Reason
				}
				if x.Error.WouldMatch {
					text += " would_match"
				}
				got = append(got, text)
			}
			if len(got) != len(want) {
				t.Fatalf("%d lines instead of %d\n%s%s", len(got), len(want), out, errs)
			}
			for i := range want {
				if !strings.HasPrefix(got[i], want[i]) || got[i] == "" {
					t.Errorf("line %d is %q, not %q", i+1, got[i], want[i])
				}
			}
			if code != exitHit || !strings.Contains(errs, "address 2: not an address: empty") || !strings.Contains(errs, "5 of 8 addresses got no answer") {
				t.Errorf("exit code %d\n%s", code, errs)
			}
		}
		code, out, errs := check(canaryNever+"\n\n", "-")
		if code != exitError || strings.Count(out, "MISS") != 1 || !strings.Contains(errs, "address 2: ") {
			t.Errorf("a miss and a blank line: %d\n%s%s", code, out, errs)
		}
		if code, out, errs := check("", wrongCase); code != exitError || !strings.Contains(errs, "only the letter case is wrong, and the address in its right case is listed") {
			t.Errorf("a listed address in the wrong case: %d\n%s%s", code, out, errs)
		}
		if code, _, errs := check("", strings.Replace(canaryOdd, "B", "b", 1)); code != exitError || strings.Contains(errs, "letter case is wrong, and") {
			t.Errorf("another address in the wrong case: %d\n%s", code, errs)
		}
		for _, args := range [][]string{{"-"}, {"--json", "-"}} {
			if code, out, errs := check("", args...); code != exitError || out != "" || !strings.Contains(errs, "no address") {
				t.Errorf("%v with empty standard input: %d\n%s%s", args, code, out, errs)
			}
		}
	})
}

func TestCheckClearsNobodyAgainstNothing(t *testing.T) {
	data := listFile(t, "address\n"+canaryAlways+"\n")
	if code, _, errs := program(t, "", "lists", "retire", "deny", "--reason", "test", "--data", data); code != exitDone {
		t.Fatal(errs)
	}
	for name, data := range map[string]string{"all lists are retired": data, "no list was ever active": emptyStore(t)} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, data, func(t *testing.T, check func(string, ...string) (int, string, string)) {
				code, out, errs := check(canaryNever+"\n"+canaryAlways+"\n", "--json", "-")
				if code != exitError || strings.Count(out, `"code":"not_loaded"`) != 2 || strings.Contains(out, "miss") {
					t.Errorf("%d\n%s%s", code, out, errs)
				}
			})
		})
	}
}

func TestReadingCommandsMakeNoStore(t *testing.T) {
	there := listFile(t, "address\n"+canaryAlways+"\n")
	for _, args := range [][]string{
		{"check", canaryNever}, {"check", "--explain", canaryNever}, {"check", "--json", "-"}, {"lists"}, {"lists", "show"}, {"lists", "versions", "deny"},
		{"lists", "diff", "deny", "0", "1"}, {"lists", "quarantine", "deny"}, {"lists", "export", "deny"}, {"suppress", "show", "deny"}, {"keys", "list"},
	} {
		for _, folder := range []string{"missing", "empty"} {
			data := filepath.Join(t.TempDir(), folder)
			if folder == "empty" {
				data = filepath.Dir(data)
			}
			code, out, errs := program(t, canaryNever+"\n", append(args, "--data", data)...)
			if code != exitError || out != "" || !strings.Contains(errs, "no store in the data folder "+data) {
				t.Errorf("%v on a folder that is %s: %d\n%s%s", args, folder, code, out, errs)
			}
			if entries, err := os.ReadDir(data); err == nil && (folder == "missing" || len(entries) > 0) {
				t.Errorf("%v made something in the folder: %v", args, entries)
			}
		}
		if args[0] == "check" {
			continue // it is recorded
		}
		before := contents(t, there)
		if code, _, errs := program(t, "", append(args, "--data", there)...); code != exitDone {
			t.Errorf("%v: %d %s", args, code, errs)
		}
		if after := contents(t, there); after != before {
			t.Errorf("%v changed the data folder:\n%s\n%s", args, before, after)
		}
	}
}

// contents names the files of a folder with their sizes and the times of their last change.
func contents(t *testing.T, folder string) (all string) {
	t.Helper()
	err := filepath.Walk(folder, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			all += fmt.Sprintln(path, info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
