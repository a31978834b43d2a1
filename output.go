package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/term"

	"interdict/api"
	"interdict/lists"
)

// What commands print may come from a list, whose author may have put characters into it that steer a terminal or turn the direction of its
// text. Everything is printed through a printer, except progress bars and the bytes of an upload.

// printer writes text to w with U+FFFD in place of every character that lists.Shown refuses, except line ends and tabs. With json they are
// written as \u escapes, which mean the same.
type printer struct {
	w    io.Writer
	json bool

	mu   sync.Mutex
	rest []byte // the first bytes of a character
	out  []byte
}

// Write writes whole characters and keeps the beginning of one until its end is written, too.
func (p *printer) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := b
	if len(p.rest) > 0 {
		text = append(p.rest, b...)
		p.rest = nil
	}
	p.out = p.out[:0]
	for len(text) > 0 {
		r, size := rune(text[0]), 1
		if r >= utf8.RuneSelf {
			if !utf8.FullRune(text) {
				p.rest = bytes.Clone(text)
				break
			}
			r, size = utf8.DecodeRune(text)
		}
		text = text[size:]
		switch {
		case r == '\n' || r == '\t' || lists.Shown(r):
			p.out = utf8.AppendRune(p.out, r)
		case r == '\r': // of a line end of Windows; alone it lets text write over other text
		case !p.json:
			p.out = utf8.AppendRune(p.out, utf8.RuneError)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			p.out = fmt.Appendf(p.out, `\u%04x\u%04x`, high, low)
		default:
			p.out = fmt.Appendf(p.out, `\u%04x`, r)
		}
	}
	if _, err := p.w.Write(p.out); err != nil {
		return 0, err
	}
	return len(b), nil
}

// asJSON returns a writer of JSON to w.
func asJSON(w io.Writer) io.Writer { return &printer{w: w, json: true} }

// terminal returns the terminal that progress is shown on, or nil.
func (e *env) terminal() *os.File { return terminalOf(e.stderr) }

// terminalOf returns the terminal that a writer ends at, or nil.
func terminalOf(w io.Writer) *os.File {
	if p, ok := w.(*printer); ok {
		w = p.w
	}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// file returns standard output for bytes that must not change. On a terminal they are printed like everything else.
func (e *env) file() io.Writer {
	if p, ok := e.stdout.(*printer); ok && terminalOf(p) == nil {
		return p.w
	}
	return e.stdout
}

// printJSON prints a value for programs.
func printJSON(w io.Writer, v any) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // our own types always encode
	}
	fmt.Fprintf(asJSON(w), "%s\n", b)
}

// printExactly prints a value for programs on one line, without changing the bytes of an answer in it.
func printExactly(w io.Writer, v any) error {
	b, err := api.EncodeExactly(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(asJSON(w), "%s\n", b)
	return err
}

// printResult prints what an operation has returned: as JSON, or with text.
func printResult[T any](e *env, asJSON bool, v T, err error, text func(T)) error {
	switch {
	case err != nil:
		return err
	case asJSON:
		printJSON(e.stdout, v)
	default:
		text(v)
	}
	return nil
}
