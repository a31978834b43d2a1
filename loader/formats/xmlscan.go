package formats

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// xmlScanner reads XML 1.0 as a stream, with bounds on depth, texts and attributes. It refuses a document with a DTD, and
// so every entity but the five predefined ones. It compares local names only: publishers have changed their namespaces and
// never their names. encoding/xml reads 20 to 30 MB a second and does not bound the depth; this scanner reads
// SDN_ADVANCED.XML, 117 MB, in less than a second.
//
// Texts and attributes that are read must be UTF-8, and their references are resolved. In the parts that are skipped only
// the tags are checked.
type xmlScanner struct {
	in       *input
	r        io.Reader
	buf      []byte
	pos, end int
	eof      bool
	lines    int64 // line ends before buf[0]

	open    []byte // the qualified names of the open elements, one after the other,
	starts  []int  // and where each begins
	name    []byte // local name of the element that starts
	attrs   []byte // its attributes, raw
	chars   []byte // the text, raw unless literal
	literal bool   // chars is a CDATA section
	closing bool   // the element that started was empty: its end comes next
	bad     error  // of an attribute that could not be resolved
	value   []byte // of an attribute, resolved
	content []byte // of an element, resolved
}

type xmlKind uint8

const (
	xmlStart xmlKind = iota + 1
	xmlEnd
	xmlText
	xmlEOF
)

const (
	// maxDepth bounds the nesting of elements; OFAC's files have twelve levels.
	maxDepth = 64
	// maxText bounds the bytes of texts and attributes that are read: names, addresses, comments. MaxLine bounds what is skipped.
	maxText = 16 << 10
)

func newXMLScanner(in *input, r io.Reader) *xmlScanner {
	return &xmlScanner{in: in, r: r}
}

func (x *xmlScanner) depth() int { return len(x.starts) }

func (x *xmlScanner) invalid(format string, args ...any) error {
	line := 1 + x.lines + int64(bytes.Count(x.buf[:x.pos], []byte{'\n'}))
	place := lineAt(line)
	if x.depth() > 0 {
		place += fmt.Sprintf(", in <%s>", truncate(string(x.open[x.starts[x.depth()-1]:]), maxQuoted))
	}
	return x.in.invalid(place, format, args...)
}

// fill reads more input after the bytes that are not consumed.
func (x *xmlScanner) fill() error {
	if x.eof {
		if x.depth() > 0 {
			return x.invalid("the file ends here: it is truncated; fetch it again")
		}
		return io.ErrUnexpectedEOF
	}
	if x.pos > 0 {
		x.lines += int64(bytes.Count(x.buf[:x.pos], []byte{'\n'}))
		x.end = copy(x.buf, x.buf[x.pos:x.end])
		x.pos = 0
	}
	if x.end > MaxLine {
		return x.invalid("a text or tag is longer than %d bytes", MaxLine)
	}
	if x.end == len(x.buf) {
		x.buf = append(x.buf, make([]byte, max(256<<10, len(x.buf)))...)
	}
	n, err := x.r.Read(x.buf[x.end:])
	if bytes.IndexByte(x.buf[x.end:x.end+n], 0) >= 0 {
		return x.invalid("a NUL byte follows: the file is damaged; fetch it again")
	}
	x.end += n
	if err == io.EOF { //nolint:errorlint // a wrapped io.EOF is an error, not the end of the file
		x.eof = true
		return nil
	}
	return err
}

// next reads the next token. Names, attributes and text are valid until the next call.
func (x *xmlScanner) next() (xmlKind, error) {
	if x.bad != nil {
		return 0, x.bad
	}
	if x.closing {
		x.closing = false
		x.pop()
		return xmlEnd, nil
	}
	for {
		scanned := 0
		for {
			i := bytes.IndexByte(x.buf[x.pos+scanned:x.end], '<')
			if i >= 0 {
				scanned += i
				break
			}
			scanned = x.end - x.pos
			if x.eof && x.depth() == 0 {
				if len(bytes.TrimLeft(x.buf[x.pos:x.end], " \t\r\n")) > 0 {
					return 0, x.invalid("text outside the root element")
				}
				return xmlEOF, nil
			}
			if err := x.fill(); err != nil {
				return 0, err
			}
		}
		if scanned > 0 {
			x.chars, x.literal = x.buf[x.pos:x.pos+scanned], false
			if x.depth() > 0 {
				x.pos += scanned
				return xmlText, nil
			}
			if len(bytes.TrimLeft(x.chars, " \t\r\n")) > 0 {
				return 0, x.invalid("text outside the root element")
			}
			x.pos += scanned
		}
		kind, err := x.markup()
		if kind != 0 || err != nil {
			return kind, err
		}
	}
}

// markup reads the markup that begins with '<' at pos. Its kind is 0 if it is neither a tag nor a CDATA section.
func (x *xmlScanner) markup() (xmlKind, error) {
	for x.end-x.pos < len("<![CDATA[") && !x.eof {
		if err := x.fill(); err != nil {
			return 0, err
		}
	}
	switch b := x.buf[x.pos:x.end]; {
	case len(b) < 2:
		return 0, x.invalid("the file ends in the middle of a tag: it is truncated; fetch it again")
	case b[1] == '/':
		return x.endTag()
	case b[1] == '?':
		return 0, x.through("<?", "?>")
	case bytes.HasPrefix(b, []byte("<!--")):
		return 0, x.through("<!--", "-->")
	case bytes.HasPrefix(b, []byte("<![CDATA[")):
		if x.depth() == 0 {
			return 0, x.invalid("text outside the root element")
		}
		if err := x.through("<![CDATA[", "]]>"); err != nil {
			return 0, err
		}
		return xmlText, nil
	case b[1] == '!':
		return 0, x.invalid("document type declarations (DTD) are not supported: no list has one")
	}
	return x.startTag()
}

// through moves after the end mark of the markup that begins at pos and sets chars to the text between the marks.
func (x *xmlScanner) through(opening, mark string) error {
	for {
		if content := x.pos + len(opening); content < x.end {
			if i := bytes.Index(x.buf[content:x.end], []byte(mark)); i >= 0 {
				x.chars, x.literal = x.buf[content:content+i], true
				x.pos = content + i + len(mark)
				return nil
			}
		}
		if err := x.fill(); err != nil {
			return x.torn(err)
		}
	}
}

// torn explains the end of the file outside the root element.
func (x *xmlScanner) torn(err error) error {
	if err == io.ErrUnexpectedEOF { //nolint:errorlint // fill's own
		return x.invalid("the file ends in the middle of a tag: it is truncated; fetch it again")
	}
	return err
}

// tag returns the bytes between '<' and '>' and moves after them. A '>' may be part of an attribute.
func (x *xmlScanner) tag() ([]byte, error) {
	for {
		if i := tagEnd(x.buf[x.pos+1 : x.end]); i >= 0 {
			t := x.buf[x.pos+1 : x.pos+1+i]
			x.pos += i + 2
			return t, nil
		}
		if err := x.fill(); err != nil {
			return nil, x.torn(err)
		}
	}
}

func tagEnd(b []byte) int {
	end := bytes.IndexByte(b, '>')
	if end < 0 {
		return -1
	}
	if bytes.Count(b[:end], []byte{'"'})%2 == 0 && bytes.IndexByte(b[:end], '\'') < 0 {
		return end
	}
	quote := byte(0)
	for i, c := range b {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i
		}
	}
	return -1
}

func (x *xmlScanner) startTag() (xmlKind, error) {
	t, err := x.tag()
	if err != nil {
		return 0, err
	}
	if n := len(t); n > 0 && t[n-1] == '/' {
		t, x.closing = t[:n-1], true
	}
	n := 0
	for n < len(t) && !isSpace(t[n]) {
		n++
	}
	switch {
	case n == 0 || !nameStart(t[0]):
		return 0, x.invalid("a tag without a name")
	case x.depth() == maxDepth:
		return 0, x.invalid("elements nest deeper than %d", maxDepth)
	case x.depth() == 0 && x.name != nil:
		return 0, x.invalid("a second root element")
	}
	x.starts = append(x.starts, len(x.open))
	x.open = append(x.open, t[:n]...)
	x.name, x.attrs = local(t[:n]), t[n:]
	return xmlStart, nil
}

func (x *xmlScanner) endTag() (xmlKind, error) {
	t, err := x.tag()
	if err != nil {
		return 0, err
	}
	t = bytes.TrimRight(t[1:], " \t\r\n")
	if x.depth() == 0 || !bytes.Equal(x.open[x.starts[x.depth()-1]:], t) {
		return 0, x.invalid("</%s> closes no open element", truncate(string(t), maxQuoted))
	}
	x.pop()
	return xmlEnd, nil
}

func (x *xmlScanner) pop() {
	last := x.depth() - 1
	x.open = x.open[:x.starts[last]]
	x.starts = x.starts[:last]
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func nameStart(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == ':' || c >= utf8.RuneSelf
}

// local returns a name without its namespace prefix.
func local(name []byte) []byte {
	if prefix, rest, ok := bytes.Cut(name, []byte(":")); ok && len(prefix) > 0 && len(rest) > 0 && bytes.IndexByte(rest, ':') < 0 {
		return rest
	}
	return name
}

// attr returns an attribute of the element that has just started, by its local name, or "".
func (x *xmlScanner) attr(name string) string {
	rest := x.attrs
	for {
		rest = bytes.TrimLeft(rest, " \t\r\n")
		eq := bytes.IndexByte(rest, '=')
		if eq < 0 {
			if len(rest) > 0 {
				x.bad = x.invalid("an attribute without a value")
			}
			return ""
		}
		key := local(bytes.TrimRight(rest[:eq], " \t\r\n"))
		rest = bytes.TrimLeft(rest[eq+1:], " \t\r\n")
		if len(rest) < 2 || rest[0] != '"' && rest[0] != '\'' {
			x.bad = x.invalid("an attribute without quotes")
			return ""
		}
		end := bytes.IndexByte(rest[1:], rest[0])
		if end < 0 {
			x.bad = x.invalid("an attribute without quotes")
			return ""
		}
		if string(key) == name {
			value, err := x.resolve(x.value[:0], lineEnds(rest[1:1+end]))
			switch {
			case err != nil:
			case len(value) > maxText:
				err = x.invalid("the attribute %s is longer than %d bytes", name, maxText)
			case !utf8.Valid(value):
				err = x.invalid("the attribute %s is not UTF-8", name)
			}
			if err != nil {
				x.bad = err
			}
			x.value = value
			return string(value)
		}
		rest = rest[end+2:]
	}
}

// resolve appends raw text with its references replaced.
func (x *xmlScanner) resolve(to, raw []byte) ([]byte, error) {
	for {
		i := bytes.IndexByte(raw, '&')
		if i < 0 {
			return append(to, raw...), nil
		}
		to = append(to, raw[:i]...)
		raw = raw[i+1:]
		end := bytes.IndexByte(raw, ';')
		if end < 0 || end > 32 {
			return to, x.invalid("an & that does not begin a reference")
		}
		switch ref := string(raw[:end]); ref {
		case "lt":
			to = append(to, '<')
		case "gt":
			to = append(to, '>')
		case "amp":
			to = append(to, '&')
		case "quot":
			to = append(to, '"')
		case "apos":
			to = append(to, '\'')
		default:
			var n uint64
			err := strconv.ErrSyntax
			if hex, ok := strings.CutPrefix(ref, "#x"); ok {
				n, err = strconv.ParseUint(hex, 16, 32)
			} else if decimal, ok := strings.CutPrefix(ref, "#"); ok {
				n, err = strconv.ParseUint(decimal, 10, 32)
			}
			if err != nil || n == 0 || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
				return to, x.invalid("unknown entity &%s;", ref)
			}
			to = utf8.AppendRune(to, rune(n))
		}
		raw = raw[end+1:]
	}
}

// root reads up to the root element and returns its name.
func (x *xmlScanner) root() (string, error) {
	kind, err := x.next()
	if err == nil && kind != xmlStart {
		err = x.invalid("no root element: not an XML file")
	}
	if err != nil {
		return "", err
	}
	return string(x.name), nil
}

// each calls fn for every child of the element that has just started. fn may read the child with each or text; the rest of
// the child is skipped. each returns after the end of the element.
func (x *xmlScanner) each(fn func(name []byte) error) error {
	depth := x.depth()
	for {
		kind, err := x.next()
		if err != nil {
			return err
		}
		switch kind {
		case xmlStart:
			if err := fn(x.name); err != nil {
				return err
			}
			if err := x.skip(depth); err != nil {
				return err
			}
		case xmlEnd:
			return nil
		}
	}
}

// eachNamed calls fn for every child of that name.
func (x *xmlScanner) eachNamed(child string, fn func() error) error {
	return x.each(func(name []byte) error {
		if string(name) != child {
			return nil
		}
		return fn()
	})
}

// skip reads until no more than depth elements are open.
func (x *xmlScanner) skip(depth int) error {
	for x.depth() > depth {
		if _, err := x.next(); err != nil {
			return err
		}
	}
	return nil
}

// text reads the element that has just started to its end and returns its own text, trimmed.
func (x *xmlScanner) text() (string, error) {
	text, err := x.whole()
	return trim(text), err
}

// whole is like text and keeps the white space around it.
func (x *xmlScanner) whole() (string, error) {
	depth := x.depth()
	all := x.content[:0]
	for {
		kind, err := x.next()
		if err != nil {
			return "", err
		}
		switch kind {
		case xmlStart:
			err = x.skip(depth)
		case xmlText:
			if all, err = x.own(all); err == nil && len(all) > maxText {
				err = x.invalid("a text is longer than %d bytes", maxText)
			}
		case xmlEnd:
			x.content = all
			if !utf8.Valid(all) {
				return "", x.invalid("the text before this is not UTF-8")
			}
			return string(all), x.bad
		}
		if err != nil {
			return "", err
		}
	}
}

// own appends the text of the current token.
func (x *xmlScanner) own(to []byte) ([]byte, error) {
	if x.literal {
		return append(to, lineEnds(x.chars)...), nil
	}
	return x.resolve(to, lineEnds(x.chars))
}

// lineEnds replaces each line end by a line feed, as XML requires.
func lineEnds(b []byte) []byte {
	if bytes.IndexByte(b, '\r') < 0 {
		return b
	}
	return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
}

// finish reads the rest of the document, which may have only comments after the root element.
func (x *xmlScanner) finish() error {
	kind, err := x.next()
	if err == nil && kind != xmlEOF {
		err = x.invalid("content after the root element")
	}
	return err
}

// rootOf returns the local name of the root element at the beginning of a document, or "".
func rootOf(head []byte) string {
	if t := bytes.TrimLeft(head, " \t\r\n"); len(t) == 0 || t[0] != '<' {
		return ""
	}
	x := &xmlScanner{in: &input{}, buf: head, end: len(head), eof: true}
	name, err := x.root()
	if err != nil {
		return ""
	}
	return name
}

// readXML reads a document with the expected root element. fn is called at the start of the root element and reads it with each.
func (in *input) readXML(root string, fn func(x *xmlScanner) error) error {
	rc, err := in.text()
	if err != nil {
		return err
	}
	defer rc.Close()
	x := newXMLScanner(in, rc)
	name, err := x.root()
	if err != nil {
		return err
	}
	if name != root {
		return in.invalid("root element", "<%s> instead of <%s>", truncate(name, maxQuoted), root)
	}
	if err := fn(x); err != nil {
		return err
	}
	return x.finish()
}
