package formats

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// recordReader reads the records of a delimited file (RFC 4180, and the variants in use): any separator, quoted fields that contain
// line ends, quotes in the middle of an unquoted field as plain characters. A record is at most MaxLine bytes long.
type recordReader struct {
	lines *lineReader
	sep   byte
	line  int64 // number of the line where the record begins
	// badQuotes describes what is wrong with the quotes of the record, whose fields are then a guess; "" if nothing is.
	badQuotes string
	fields    []string
	buf       []byte // the fields of a quoted record, one after the other,
	ends      []int  // and where each ends
}

func newRecordReader(in *input, r io.Reader, sep byte) *recordReader {
	return &recordReader{lines: newLineReader(in, r), sep: sep}
}

// eachRecord reads the input as a delimited file and calls fn after each record, whose fields are valid until fn returns.
func (in *input) eachRecord(sep byte, fn func(*recordReader) error) error {
	rc, err := in.text()
	if err != nil {
		return err
	}
	defer rc.Close()
	c := newRecordReader(in, rc, sep)
	for {
		if _, err := c.next(); errors.Is(err, io.EOF) {
			c.lines.warnEncoding()
			return nil
		} else if err != nil {
			return err
		}
		if err := fn(c); err != nil {
			return err
		}
	}
}

// shapeProblem returns the problem of a record with bad quotes or the wrong number of columns, or "". It returns an error if the record
// is incomplete because the file is truncated.
func (c *recordReader) shapeProblem(columns int) (string, error) {
	switch {
	case c.badQuotes != "":
		return "quotes: " + c.badQuotes, nil
	case len(c.fields) < columns && c.lines.unterminated:
		return "", c.truncated(columns)
	case len(c.fields) != columns:
		return fmt.Sprintf("columns: %d instead of %d", len(c.fields), columns), nil
	}
	return "", nil
}

// truncated returns the error of a record that is incomplete at the end of the file.
func (c *recordReader) truncated(columns int) error {
	return c.lines.in.invalid(lineAt(c.line), "%d of %d columns and no line end: the file is truncated; fetch it again", len(c.fields), columns)
}

// next returns the fields of the next record, valid until the next call. It returns io.EOF after the last.
// An empty line is a record of one empty field.
func (c *recordReader) next() ([]string, error) {
	line, err := c.lines.next()
	if err != nil {
		return nil, err
	}
	c.line, c.badQuotes = c.lines.n, ""
	c.fields = c.fields[:0]
	if bytes.IndexByte(line, '"') < 0 {
		c.splitLine(c.lines.decode(line))
		return c.fields, nil
	}
	return c.quotedRecord(line)
}

func (c *recordReader) splitLine(s string) {
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

func (c *recordReader) quotedRecord(line []byte) ([]string, error) {
	c.buf, c.ends = c.buf[:0], c.ends[:0]
	for {
		rest, err := c.field(line)
		if err != nil {
			return nil, err
		}
		c.ends = append(c.ends, len(c.buf))
		if rest == nil {
			break
		}
		line = rest
	}
	if c.badQuotes != "" && c.lines.n > c.line {
		return nil, c.lines.in.invalid(fmt.Sprintf("lines %d to %d", c.line, c.lines.n), "a quote opens here and %s: rows may be lost in between; correct the quotes", c.badQuotes)
	}
	start := 0
	if utf8.Valid(c.buf) {
		all := string(c.buf)
		for _, end := range c.ends {
			c.fields = append(c.fields, all[start:end])
			start = end
		}
		return c.fields, nil
	}
	c.lines.nonUTF8++
	for _, end := range c.ends {
		if f := c.buf[start:end]; utf8.Valid(f) {
			c.fields = append(c.fields, string(f))
		} else {
			c.fields = append(c.fields, windows1252(f))
		}
		start = end
	}
	return c.fields, nil
}

// field adds one field to buf and returns the text after its separator, or nil after the last field of the record.
func (c *recordReader) field(line []byte) ([]byte, error) {
	opened := bytes.TrimLeft(line, " ")
	if len(opened) == 0 || opened[0] != '"' {
		return c.bareField(line), nil
	}
	line = opened[1:]
	for {
		i := bytes.IndexByte(line, '"')
		switch {
		case i < 0: // the field continues in the next line
			c.buf = append(append(c.buf, line...), '\n')
			if len(c.buf) > MaxLine {
				return nil, c.lines.in.invalid(lineAt(c.line), "a quoted field is longer than %d bytes: its quote is probably never closed; correct it", MaxLine)
			}
			next, err := c.lines.next()
			if err == io.EOF { //nolint:errorlint // the end itself
				return nil, c.lines.in.invalid(lineAt(c.line), "a quote opens here and is never closed: the file is truncated or damaged; fetch it again")
			} else if err != nil {
				return nil, err
			}
			line = next
		case i+1 < len(line) && line[i+1] == '"':
			c.buf = append(c.buf, line[:i+1]...)
			line = line[i+2:]
		default:
			c.buf = append(c.buf, line[:i]...)
			line = bytes.TrimLeft(line[i+1:], " ")
			switch {
			case len(line) == 0:
				return nil, nil
			case line[0] == c.sep:
				return line[1:], nil
			}
			c.badQuotes = "text follows the closing quote"
			return c.bareField(line), nil
		}
	}
}

func (c *recordReader) bareField(line []byte) []byte {
	i := bytes.IndexByte(line, c.sep)
	if i < 0 {
		c.buf = append(c.buf, line...)
		return nil
	}
	c.buf = append(c.buf, line[:i]...)
	return line[i+1:]
}

// isBlank reports whether a record has no content.
func isBlank(fields []string) bool {
	for _, f := range fields {
		if trim(f) != "" {
			return false
		}
	}
	return true
}

// firstRecords returns up to n of the first records of a sample that have content.
func firstRecords(s *sample, sep byte, n int) [][]string {
	all, _ := firstRecordLines(s, sep, n)
	return all
}

// firstRecordLines is like firstRecords and also returns the line where each record begins.
func firstRecordLines(s *sample, sep byte, n int) (all [][]string, lines []int64) {
	c := &recordReader{lines: sampleLines(s), sep: sep}
	for range 50 + 2*n {
		fields, err := c.next()
		if err != nil || len(all) == n || c.lines.unterminated && !s.whole {
			break
		}
		if !isBlank(fields) {
			all = append(all, append([]string(nil), fields...))
			lines = append(lines, c.line)
		}
	}
	return all, lines
}
