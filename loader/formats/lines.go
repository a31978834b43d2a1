package formats

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

// lineReader reads a text line by line. A line is at most MaxLine bytes long.
type lineReader struct {
	in       *input
	r        io.Reader
	buf      []byte
	pos, end int
	eof      bool
	newline  byte
	n        int64 // number of the line last read, from 1
	// unterminated is set if the line last read had no line end: the file may be cut off there.
	unterminated bool
	// nonUTF8 counts the lines that are not UTF-8 and were read as Windows-1252.
	nonUTF8 int64
}

func newLineReader(in *input, r io.Reader) *lineReader {
	l := &lineReader{in: in, r: r, newline: '\n'}
	if s := in.sampled; s != nil && bytes.IndexByte(s.head, '\n') < 0 && bytes.IndexByte(s.head, '\r') >= 0 {
		l.newline = '\r' // as old Macintosh programs write
	}
	return l
}

// sampleLines reads the lines of a sample, in place.
func sampleLines(s *sample) *lineReader {
	l := newLineReader(&input{name: s.name, sampled: s}, nil)
	l.buf, l.end, l.eof = s.head, len(s.head), true
	return l
}

// eachLine reads the input line by line and calls fn for each line, which is valid until fn returns.
func (in *input) eachLine(fn func(l *lineReader, line []byte) error) error {
	rc, err := in.text()
	if err != nil {
		return err
	}
	defer rc.Close()
	l := newLineReader(in, rc)
	for {
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			l.warnEncoding()
			return nil
		} else if err != nil {
			return err
		}
		if err := fn(l, line); err != nil {
			return err
		}
	}
}

// next returns the next line without its end, valid until the next call. It returns io.EOF after the last.
func (l *lineReader) next() ([]byte, error) {
	scanned := 0
	for {
		if i := bytes.IndexByte(l.buf[l.pos+scanned:l.end], l.newline); i >= 0 {
			line := l.buf[l.pos : l.pos+scanned+i]
			l.pos += scanned + i + 1
			l.unterminated = false
			return l.line(line)
		}
		scanned = l.end - l.pos
		if scanned > MaxLine {
			return nil, l.in.invalid(lineAt(l.n+1), "longer than %d bytes; is this the right file?", MaxLine)
		}
		if l.eof {
			if scanned == 0 {
				return nil, io.EOF
			}
			line := l.buf[l.pos:l.end]
			l.pos = l.end
			l.unterminated = true
			return l.line(line)
		}
		if err := l.fill(); err != nil {
			return nil, err
		}
	}
}

func (l *lineReader) line(line []byte) ([]byte, error) {
	l.n++
	if len(line) > MaxLine {
		return nil, l.in.invalid(l.place(), "longer than %d bytes; is this the right file?", MaxLine)
	}
	if bytes.IndexByte(line, 0) >= 0 {
		return nil, l.in.invalid(l.place(), "contains a NUL byte: not a text file, or damaged; fetch it again")
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, nil
}

func (l *lineReader) fill() error {
	if l.pos > 0 {
		l.end = copy(l.buf, l.buf[l.pos:l.end])
		l.pos = 0
	}
	if l.end == len(l.buf) {
		l.buf = append(l.buf, make([]byte, max(256<<10, len(l.buf)))...)
	}
	n, err := l.r.Read(l.buf[l.end:])
	l.end += n
	if err == io.EOF { //nolint:errorlint // a wrapped io.EOF is an error, not the end of the file
		l.eof = true
		return nil
	}
	return err
}

func (l *lineReader) place() string { return lineAt(l.n) }

func lineAt(n int64) string { return numbered("line ", n) }

// decode returns bytes of the line as text.
func (l *lineReader) decode(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	l.nonUTF8++
	return windows1252(b)
}

// warnEncoding warns once about lines that are not UTF-8.
func (l *lineReader) warnEncoding() {
	if l.nonUTF8 > 0 && !l.in.encodingWarned {
		l.in.encodingWarned = true
		l.in.run.warn("encoding", "%s: %d lines are not UTF-8 and were read as Windows-1252", l.in.name, l.nonUTF8)
	}
}
