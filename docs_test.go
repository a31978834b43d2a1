package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"interdict/lists/storetest/freeaddr"
	"interdict/loader/formats"
)

// documents returns every Markdown file of the repository.
func documents(t *testing.T) []string { return filesOf(t, ".md") }

// filesOf returns the files of the repository with a suffix, test data left out.
func filesOf(t *testing.T, suffix string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && d.Name() != "." && d.Name() != ".ci") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(file, suffix) {
			files = append(files, filepath.ToSlash(file))
		}
		return nil
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files end with %s: %v", len(files), suffix, err)
	}
	return files
}

// block is a fenced shell block of a document.
type block struct {
	line       int
	text       string
	background bool   // a server that runs until the next such block, or the end of the document
	noTest     string // why it cannot run in a test
}

// blocks returns the shell blocks of a document in order. The word after "sh" marks a block that is not simply run:
//
//	```sh background        a server
//	```sh no-test: reason   cannot run here
func blocks(t *testing.T, name, text string) (out []block) {
	t.Helper()
	in, b, indent := "", block{}, ""
	for i, line := range strings.Split(text, "\n") {
		fence, isFence := strings.CutPrefix(strings.TrimLeft(line, " "), "```")
		switch {
		case in == "" && isFence:
			in, indent = "other", line[:len(line)-len(strings.TrimLeft(line, " "))]
			language, mark, _ := strings.Cut(fence, " ")
			if language != "sh" {
				if language == "bash" || language == "shell" || language == "console" {
					t.Errorf("%s:%d: a block of commands is marked %s, so that it is not tested: use sh", name, i+1, language)
				}
				continue
			}
			in, b = "sh", block{line: i + 1}
			reason, marked := strings.CutPrefix(mark, "no-test: ")
			switch {
			case marked && reason != "":
				b.noTest = reason
			case mark == "background":
				b.background = true
			case mark != "":
				t.Errorf("%s:%d: unknown mark %q", name, i+1, mark)
			}
		case isFence:
			if in == "sh" {
				out = append(out, b)
			}
			in = ""
		case in == "sh":
			b.text += strings.TrimPrefix(line, indent) + "\n"
		}
	}
	if in != "" {
		t.Errorf("%s: a block has no end", name)
	}
	return out
}

// script returns one bash script that runs the blocks of a document in order, as a reader would paste them.
func script(blocks []block, api string) string {
	var s strings.Builder
	s.WriteString("set -euo pipefail\nset -m\nserver=\n" +
		"stop() { if [[ -n $server ]]; then kill -- -$server; wait $server || true; server=; fi; }\ntrap stop EXIT\n")
	for _, b := range blocks {
		if b.noTest != "" {
			continue
		}
		fmt.Fprintf(&s, "echo '--- line %d' >&2\n", b.line)
		if !b.background {
			s.WriteString(b.text)
			continue
		}
		fmt.Fprintf(&s, "stop\n{\n%s} & server=$!\n", b.text)
		fmt.Fprintf(&s, "until curl -s -o /dev/null http://%s/livez; do kill -0 $server; sleep 0.1; done\n", api)
	}
	return s.String()
}

// Somebody who follows the documentation must get where it says. Every block of commands runs as printed, in a folder with the
// examples, in which only the ports are changed. The program is built in the repository, where the build cache is warm.
func TestDocumentedCommandsRun(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the program")
	}
	for _, need := range []string{"bash", "curl", "go"} {
		if _, err := exec.LookPath(need); err != nil {
			t.Fatalf("%v: install it, the documentation uses it", err)
		}
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir() // where README.md is followed; the other documents use the program that it builds
	names := slices.DeleteFunc(documents(t), func(name string) bool { return name == "README.md" })
	for _, name := range slices.Insert(names, 0, "README.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all := blocks(t, name, string(text))
		runnable := false
		for _, b := range all {
			if b.noTest != "" {
				t.Logf("%s:%d is not run: %s", name, b.line, b.noTest)
			}
			runnable = runnable || b.noTest == ""
		}
		if !runnable {
			continue
		}
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			if name != "README.md" {
				t.Parallel()
			}
			dir := home
			if name != "README.md" {
				dir = t.TempDir()
				if err := os.Symlink(filepath.Join(home, "interdict"), filepath.Join(dir, "interdict")); err != nil {
					t.Fatal(err)
				}
			}
			runDocument(t, root, dir, name, all)
		})
	}
}

func runDocument(t *testing.T, root, dir, name string, all []block) {
	tools := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "docs", "examples"), os.DirFS("docs/examples")); err != nil {
		t.Fatal(err)
	}
	realGo, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	wrapper := fmt.Sprintf(`#!/bin/bash
if [[ "$1 $2" == "build -o" ]]; then set -- build -o "$PWD/$3" "${@:4}"; fi
exec '%s' -C '%s' "$@"
`, realGo, root)
	if err := os.WriteFile(filepath.Join(tools, "go"), []byte(wrapper), 0o700); err != nil {
		t.Fatal(err)
	}
	api, admin, redis := freeaddr.Get(t), freeaddr.Get(t), freeaddr.Get(t)
	commands := script(all, api)
	for documented, free := range map[string]string{"127.0.0.1:8080": api, "127.0.0.1:9090": admin, "6379": redis[strings.LastIndex(redis, ":")+1:]} {
		commands = strings.ReplaceAll(commands, documented, free)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", commands)
	cmd.Dir = dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = append(os.Environ(), "PATH="+tools+":"+os.Getenv("PATH"), "GOFLAGS="+os.Getenv("GOFLAGS")+" -buildvcs=false",
		"INTERDICT_LISTEN="+api, "INTERDICT_ADMIN_LISTEN="+admin, "INTERDICT_DRAIN_DELAY=0s")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", name, err, out)
	}
	if testing.Verbose() {
		t.Logf("%s\n%s", name, out)
	}
}

func TestBlocksOfADocument(t *testing.T) {
	got := blocks(t, "x.md", "a\n```sh\none\n```\n1. b\n\n   ```sh no-test: a reason\n   two\n     three\n   ```\n```json\n{}\n```\n```sh background\nfour\n```\n")
	want := []block{{line: 2, text: "one\n"}, {line: 7, text: "two\n  three\n", noTest: "a reason"}, {line: 14, text: "four\n", background: true}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %+v", got)
	}
}

var (
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	pathInText = regexp.MustCompile("`((?:api|deploy|docs|lists|loader|screening|\\.ci)/[\\w./*-]+)`")
	mdInGo     = regexp.MustCompile(`[\w./-]*\w\.md\b`)
	goComment  = regexp.MustCompile(`(?m)(?:^|\s)//.*$`)
)

// A reader must find what a document points to.
func TestDocumentsPointToWhatIsThere(t *testing.T) {
	for _, name := range documents(t) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(b), -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if _, err := os.Stat(path.Join(path.Dir(name), target)); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			}
		}
		for _, m := range pathInText.FindAllStringSubmatch(string(b), -1) {
			found, err := filepath.Glob(m[1])
			if beside, _ := filepath.Glob(path.Join(path.Dir(name), m[1])); err != nil || len(found)+len(beside) == 0 {
				t.Errorf("%s names %s, which does not exist", name, m[1])
			}
		}
	}
}

// A comment must not send its reader to a document that is not in the repository.
func TestCommentsPointToWhatIsThere(t *testing.T) {
	for _, name := range filesOf(t, ".go") {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, comment := range goComment.FindAllString(string(b), -1) {
			for _, target := range mdInGo.FindAllString(comment, -1) {
				_, fromRoot := os.Stat(target)
				if _, beside := os.Stat(path.Join(path.Dir(name), target)); fromRoot != nil && beside != nil {
					t.Errorf("%s: %s is not in the repository: %s", name, target, strings.TrimSpace(comment))
				}
			}
		}
	}
}

// The tables of formats and of error codes are written by hand.
func TestDocumentsAreComplete(t *testing.T) {
	read := func(name string) string {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	listed := read("docs/lists.md")
	for _, name := range formats.Names() {
		if !strings.Contains(listed, "`"+name+"`") {
			t.Errorf("docs/lists.md does not name the format %s", name)
		}
	}
	_, codes, ok := strings.Cut(read("api/openapi.yaml"), "enum: [invalid_request,")
	if !ok {
		t.Fatal("api/openapi.yaml has no codes of errors")
	}
	codes, _, _ = strings.Cut(codes, "]")
	contract := read("docs/contract.md")
	for _, code := range strings.FieldsFunc("invalid_request,"+codes, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }) {
		if !strings.Contains(contract, "`"+code+"`") {
			t.Errorf("docs/contract.md does not name the code %s", code)
		}
	}
}

func TestREADMEFitsTheScreen(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(b), "\n") {
		if n := utf8.RuneCountInString(line); n > 120 {
			t.Errorf("README.md:%d has %d columns", i+1, n)
		}
	}
}
