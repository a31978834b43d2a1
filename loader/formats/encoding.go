package formats

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"interdict/lists/fault"
)

// What spreadsheets and publishers write: UTF-8 with and without a byte order mark, UTF-16 of both orders, Windows-1252.
// Here streams become UTF-8. Windows-1252 is decided line by line, where a line that is valid UTF-8 is taken as such (lines.go):
// the head of a file does not tell, SDN_ADVANCED.XML is ASCII for its first megabytes.

// text opens the input as UTF-8 without a byte order mark.
func (in *input) text() (io.ReadCloser, error) {
	if in.decode == nil {
		head, err := peek(in.open, 1024)
		if err != nil {
			return nil, err
		}
		if in.decode, err = decoderFor(in, head); err != nil {
			return nil, err
		}
	}
	rc, err := in.open()
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{in.decode(rc), rc}, nil
}

var declared = regexp.MustCompile(`^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']`)

func decoderFor(in *input, head []byte) (func(io.Reader) io.Reader, error) {
	with := func(e encoding.Encoding) (func(io.Reader) io.Reader, error) {
		return func(r io.Reader) io.Reader { return e.NewDecoder().Reader(r) }, nil
	}
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe, 0, 0}), bytes.HasPrefix(head, []byte{0, 0, 0xfe, 0xff}):
		return nil, fault.E(fault.Invalid, "%s: is in UTF-32; save it as UTF-8", in.name)
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), alternating(head, 1):
		return with(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM))
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}), alternating(head, 0):
		return with(unicode.UTF16(unicode.BigEndian, unicode.UseBOM))
	}
	if m := declared.FindSubmatch(bytes.TrimPrefix(head, bom)); m != nil {
		switch strings.ToLower(string(m[1])) {
		case "utf-8", "utf8", "us-ascii", "ascii":
		case "windows-1252", "cp1252", "iso-8859-1", "latin1":
			return with(charmap.Windows1252)
		default:
			return nil, fault.E(fault.Invalid, "%s: is in the encoding %s; save it as UTF-8", in.name, m[1])
		}
	}
	return func(r io.Reader) io.Reader {
		b := bufio.NewReaderSize(r, 64<<10)
		if mark, err := b.Peek(len(bom)); err == nil && bytes.Equal(mark, bom) {
			_, _ = b.Discard(len(bom)) // just peeked
		}
		return b
	}, nil
}

var bom = []byte("\xef\xbb\xbf")

// alternating tells UTF-16 without a byte order mark: ASCII characters whose other byte, the one at zero (0 or 1), is 0.
func alternating(head []byte, zero int) bool {
	if len(head) < 8 {
		return false
	}
	for i := range 8 {
		if (i%2 == zero) != (head[i] == 0) {
			return false
		}
	}
	return true
}

// windows1252 decodes bytes that are no UTF-8.
func windows1252(b []byte) string {
	s, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil { // it has a character for each byte
		return string(bytes.ToValidUTF8(b, []byte("\uFFFD")))
	}
	return string(s)
}

// sample reads the beginning of the input and refuses what is empty or no text.
func (in *input) sample() (*sample, error) {
	if in.sampled != nil {
		return in.sampled, nil
	}
	s := &sample{name: in.name, mapping: in.run.mapping, xlsx: in.workbook != nil}
	if !s.xlsx {
		rc, err := in.text()
		if err != nil {
			return nil, err
		}
		head := make([]byte, sampleSize)
		n, err := io.ReadFull(rc, head)
		s.head, s.whole = head[:n], errors.Is(err, io.EOF) || err == io.ErrUnexpectedEOF //nolint:errorlint // io.ReadFull's own; a wrapped one is an error of the stream
		if err := errors.Join(unlessEnd(err), rc.Close()); err != nil {
			return nil, err
		}
		switch {
		case s.whole && in.highest == 0:
			return nil, fault.E(fault.Invalid, "%s: is empty (0 bytes): whatever wrote it failed", in.name)
		case s.whole && len(bytes.Trim(s.head, " \t\r\n\v\f\x1a")) == 0:
			return nil, fault.E(fault.Invalid, "%s: is empty: it holds nothing but white space", in.name)
		case bytes.IndexByte(s.head, 0) >= 0:
			return nil, fault.E(fault.Invalid, "%s: is binary data (a NUL byte at %d), no list", in.name, bytes.IndexByte(s.head, 0))
		}
	}
	in.sampled = s
	return s, nil
}

func unlessEnd(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF { //nolint:errorlint // io.ReadFull's own; a wrapped one is an error of the stream
		return nil
	}
	return err
}

var htmlTitle = regexp.MustCompile(`(?is)<title[^>]*>\s*([^<]{1,100})`)

// strange explains a sample that no format claims, where more can be said than that.
func strange(s *sample) error {
	start := bytes.ToLower(bytes.TrimLeft(s.head[:min(len(s.head), 2048)], " \t\r\n"))
	html := bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
	if root := rootOf(s.head); html || root == "html" {
		title := ""
		if m := htmlTitle.FindSubmatch(s.head); m != nil {
			title = " (" + clip(strings.Join(strings.Fields(strings.ToValidUTF8(string(m[1]), "")), " ")) + ")"
		}
		return fault.E(fault.Invalid, "%s: is an HTML page%s, not a list: the download was refused or led elsewhere", s.name, title)
	} else if root != "" {
		return fault.E(fault.Invalid, "%s: is XML with the root element %.80q, of no known format (ofac_advanced has Sanctions, ofac_xml sdnList, ofac_enhanced sanctionsData)", s.name, root)
	}
	return nil
}
