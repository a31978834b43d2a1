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

	"interdict/lists/address"
	"interdict/lists/fault"
)

// The encodings of spreadsheets and publishers: UTF-8 with and without a byte order mark, UTF-16 in both byte orders, Windows-1252.
// This file converts streams to UTF-8. Windows-1252 is recognised line by line, where a line is not valid UTF-8 (lines.go): the
// beginning of a file is not enough, SDN_ADVANCED.XML is ASCII for its first megabytes.

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
		return nil, fault.E(fault.Invalid, "%s: encoded in UTF-32; save it as UTF-8", in.name)
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
			return nil, fault.E(fault.Invalid, "%s: unsupported encoding %s; save it as UTF-8", in.name, m[1])
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

// alternating reports UTF-16 without a byte order mark: every other byte is 0, beginning with the one at zero (0 or 1).
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

// windows1252 decodes bytes that are not UTF-8.
func windows1252(b []byte) string {
	s, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil { // cannot happen: every byte has a character
		return string(bytes.ToValidUTF8(b, []byte("\uFFFD")))
	}
	return string(s)
}

// sample returns the beginning of the input. An empty input and binary data are errors.
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
			return nil, fault.E(fault.Invalid, "%s: empty (0 bytes); fetch it again", in.name)
		case s.whole && len(bytes.Trim(s.head, " \t\r\n\v\f\x1a")) == 0:
			return nil, fault.E(fault.Invalid, "%s: empty (only white space); fetch it again", in.name)
		case bytes.IndexByte(s.head, 0) >= 0:
			return nil, fault.E(fault.Invalid, "%s: binary data (a NUL byte at %d), not a list", in.name, bytes.IndexByte(s.head, 0))
		}
	}
	in.sampled = s
	return s, nil
}

// unlessEnd returns err, or nil if it says that the stream was shorter than asked for.
func unlessEnd(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF { //nolint:errorlint // io.ReadFull's own; a wrapped one is an error of the stream
		return nil
	}
	return err
}

var htmlTitle = regexp.MustCompile(`(?is)<title[^>]*>\s*([^<]{1,100})`)

// explainUnknown returns an error for a sample in a recognisable format that is not a list, or nil.
func explainUnknown(s *sample) error {
	start := bytes.ToLower(bytes.TrimLeft(s.head[:min(len(s.head), 2048)], " \t\r\n"))
	html := bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
	if root := rootOf(s.head); html || root == "html" {
		title := ""
		if m := htmlTitle.FindSubmatch(s.head); m != nil {
			title = " (" + truncate(strings.Join(strings.Fields(strings.ToValidUTF8(string(m[1]), "")), " "), maxQuoted) + ")"
		}
		return fault.E(fault.Invalid, "%s: an HTML page%s, not a list: the download was refused or redirected; check the URL", s.name, title)
	} else if root != "" {
		return fault.E(fault.Invalid, "%s: XML with the root element %s, which is not a known format (ofac_advanced has Sanctions, ofac_xml sdnList, ofac_enhanced sanctionsData)", s.name, address.Quote(root))
	}
	return nil
}
