package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// The commands of runbooks are for servers in trouble and do not run in a test; the program knows each of them.
func TestCommandsOfRunbooksAreKnown(t *testing.T) {
	files, err := filepath.Glob("docs/runbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocks(t, file, string(text)) {
			for line := range strings.Lines(b.text) {
				words := strings.Fields(line)
				if b.noTest == "" || len(words) == 0 || words[0] != "./interdict" {
					continue
				}
				commands++
				ended := 0
				parser, err := newParser(&cli{}, settings{}, io.Discard, io.Discard, func(int) { ended++ }, kong.IgnoreFields(notNeeded(words[1:])...))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := parser.Parse(words[1:]); err != nil && ended == 0 {
					t.Errorf("%s: %s: %v", file, strings.TrimSpace(line), err)
				}
			}
		}
	}
	if commands < 20 {
		t.Errorf("%d commands were found", commands)
	}
}
