package formats

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// recordReader reads the records of a delimited file (RFC 4180, and what is made of it): any separator, quoted fields
// with line ends in them, quotes in the middle of bare fields taken as they are. A record is bounded by MaxLine.
type recordReader struct {
	lines *lineReader
	sep   byte
	line  int64 // in which the record begins
	// bad, when not "", says what is wrong with the quotes of the record; its fields are a guess.
	bad    string
	fields []string
	acc    []byte // the fields of a quoted record, one after the other,
	ends   []int  // and where each ends
}

func newRecordReader(in *input, r io.Reader, sep byte) *recordReader {
	return &recordReader{lines: newLineReader(in, r), sep: sep}
}

// next gives the fields of the next record, valid until the next call; io.EOF after the last.
// A line without content is a record of one empty field.
func (c *recordReader) next() ([]string, error) {
	line, err := c.lines.next()
	if err != nil {
		return nil, err
	}
	c.line, c.bad = c.lines.n, ""
	c.fields = c.fields[:0]
	if bytes.IndexByte(line, '"') < 0 {
		c.split(c.lines.string(line))
		return c.fields, nil
	}
	return c.quoted(line)
}

func (c *recordReader) split(s string) {
	for {
		i := strings.IndexByte(s, c.sep)
		if i < 0 {
			c.fields = append(c.fields, s)
			return
		}
		c.fields = append(c.fields, s[:i])
		s = s[i+1:]
	}
}

func (c *recordReader) quoted(line []byte) ([]string, error) {
	c.acc, c.ends = c.acc[:0], c.ends[:0]
	for {
		rest, err := c.field(line)
		if err != nil {
			return nil, err
		}
		c.ends = append(c.ends, len(c.acc))
		if rest == nil {
			break
		}
		line = rest
	}
	if c.bad != "" && c.lines.n > c.line {
		return nil, c.lines.in.invalid(fmt.Sprintf("lines %d to %d", c.line, c.lines.n), "a quote opens here and %s: rows may be lost in between", c.bad)
	}
	start := 0
	if utf8.Valid(c.acc) {
		all := string(c.acc)
		for _, end := range c.ends {
			c.fields = append(c.fields, all[start:end])
			start = end
		}
		return c.fields, nil
	}
	c.lines.foreign++
	for _, end := range c.ends {
		if f := c.acc[start:end]; utf8.Valid(f) {
			c.fields = append(c.fields, string(f))
		} else {
			c.fields = append(c.fields, windows1252(f))
		}
		start = end
	}
	return c.fields, nil
}

// field adds one field to acc and gives what follows its separator; nil if it was the last of the record.
func (c *recordReader) field(line []byte) ([]byte, error) {
	opened := bytes.TrimLeft(line, " ")
	if len(opened) == 0 || opened[0] != '"' {
		return c.bare(line), nil
	}
	line = opened[1:]
	for {
		i := bytes.IndexByte(line, '"')
		switch {
		case i < 0: // the field goes on in the next line
			c.acc = append(append(c.acc, line...), '\n')
			if len(c.acc) > MaxLine {
				return nil, c.lines.in.invalid(lineAt(c.line), "a quoted field is longer than %d bytes: is a quote never closed?", MaxLine)
			}
			next, err := c.lines.next()
			if err == io.EOF { //nolint:errorlint // the end itself
				return nil, c.lines.in.invalid(lineAt(c.line), "a quote that opens here is never closed: the file is truncated or damaged")
			} else if err != nil {
				return nil, err
			}
			line = next
		case i+1 < len(line) && line[i+1] == '"':
			c.acc = append(c.acc, line[:i+1]...)
			line = line[i+2:]
		default:
			c.acc = append(c.acc, line[:i]...)
			line = bytes.TrimLeft(line[i+1:], " ")
			switch {
			case len(line) == 0:
				return nil, nil
			case line[0] == c.sep:
				return line[1:], nil
			}
			c.bad = "text follows where it is closed"
			return c.bare(line), nil
		}
	}
}

func (c *recordReader) bare(line []byte) []byte {
	i := bytes.IndexByte(line, c.sep)
	if i < 0 {
		c.acc = append(c.acc, line...)
		return nil
	}
	c.acc = append(c.acc, line[:i]...)
	return line[i+1:]
}

// blank tells a record without content.
func blank(fields []string) bool {
	for _, f := range fields {
		if trim(f) != "" {
			return false
		}
	}
	return true
}

// heads gives the first records of a sample that have content, n at most, read with a separator.
func heads(s *sample, sep byte, n int) [][]string {
	all, _ := headLines(s, sep, n)
	return all
}

// headLines is heads, with the line where each record begins.
func headLines(s *sample, sep byte, n int) (all [][]string, lines []int64) {
	c := &recordReader{lines: sampleLines(s), sep: sep}
	for range 50 + 2*n {
		fields, err := c.next()
		if err != nil || len(all) == n || c.lines.torn && !s.whole {
			break
		}
		if !blank(fields) {
			all = append(all, append([]string(nil), fields...))
			lines = append(lines, c.line)
		}
	}
	return all, lines
}
