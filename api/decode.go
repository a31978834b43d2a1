package api

import (
	"strings"
	"unicode/utf8"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening"
)

// The body of a check is so small and so frequent that it has its own strict decoder: it takes exactly the
// fields of the contract, refuses unknown and duplicate ones, wrong types and invalid UTF-8, and says where.
// Strings are cut out of the body without a copy where they hold no escapes. FuzzDecodeCheck holds it against a JSON library.

// scanner reads JSON text from left to right.
type scanner struct {
	s string
	i int
}

func (p *scanner) fail(what string) error {
	return fault.E(fault.Invalid, "JSON: %s at byte %d", what, p.i)
}

func (p *scanner) space() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

// take skips white space and consumes c if it is next.
func (p *scanner) take(c byte) bool {
	p.space()
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

// end makes sure that nothing but white space follows.
func (p *scanner) end() error {
	if p.space(); p.i < len(p.s) {
		return p.fail("something follows the end of the value")
	}
	return nil
}

// str reads a string.
func (p *scanner) str() (string, error) {
	if !p.take('"') {
		return "", p.fail("a string is expected")
	}
	for j := p.i; j < len(p.s); j++ {
		switch c := p.s[j]; {
		case c == '"':
			s := p.s[p.i:j]
			p.i = j + 1
			return s, nil
		case c == '\\' || c >= utf8.RuneSelf:
			return p.strSlow()
		case c < 0x20:
			p.i = j
			return "", p.fail("a string has a control character")
		}
	}
	p.i = len(p.s)
	return "", p.fail("a string has no end")
}

// strSlow reads the rest of a string that holds escapes or characters beyond ASCII.
func (p *scanner) strSlow() (string, error) {
	var b strings.Builder
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c == '"':
			p.i++
			return b.String(), nil
		case c < 0x20:
			return "", p.fail("a string has a control character")
		case c == '\\':
			if err := p.escape(&b); err != nil {
				return "", err
			}
		case c < utf8.RuneSelf:
			b.WriteByte(c)
			p.i++
		default:
			r, n := utf8.DecodeRuneInString(p.s[p.i:])
			if r == utf8.RuneError && n == 1 {
				return "", p.fail("the text is not valid UTF-8")
			}
			b.WriteRune(r)
			p.i += n
		}
	}
	return "", p.fail("a string has no end")
}

func (p *scanner) escape(b *strings.Builder) error {
	if p.i+1 >= len(p.s) {
		return p.fail("a string has no end")
	}
	c := p.s[p.i+1]
	if k := strings.IndexByte(`"\/bfnrt`, c); k >= 0 {
		b.WriteByte("\"\\/\b\f\n\r\t"[k])
		p.i += 2
		return nil
	}
	if c != 'u' {
		return p.fail("an escape is unknown")
	}
	r, ok := p.hex4(p.i + 2)
	if !ok {
		return p.fail("a \\u escape needs four hexadecimal digits")
	}
	n := 6
	if r >= 0xd800 && r < 0xe000 { // half of a surrogate pair
		low, ok := rune(0), false
		if strings.HasPrefix(p.s[min(p.i+6, len(p.s)):], `\u`) {
			low, ok = p.hex4(p.i + 8)
		}
		if !ok || r >= 0xdc00 || low < 0xdc00 || low >= 0xe000 {
			return p.fail("half of a surrogate pair")
		}
		r = 0x10000 + (r-0xd800)<<10 + (low - 0xdc00)
		n = 12
	}
	b.WriteRune(r)
	p.i += n
	return nil
}

func (p *scanner) hex4(at int) (r rune, ok bool) {
	if at+4 > len(p.s) {
		return 0, false
	}
	for _, c := range []byte(p.s[at : at+4]) {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// maxDepth is how deep a value that is skipped may nest.
const maxDepth = 32

// skip passes over any well-formed value.
func (p *scanner) skip(depth int) error {
	if depth > maxDepth {
		return p.fail("values nest too deeply")
	}
	if p.space(); p.i >= len(p.s) {
		return p.fail("a value is expected")
	}
	switch c := p.s[p.i]; {
	case c == '"':
		_, err := p.str()
		return err
	case c == '{' || c == '[':
		p.i++
		closing := c + 2 // '{' and '}', '[' and ']' are two apart
		if p.take(closing) {
			return nil
		}
		for {
			if c == '{' {
				if _, err := p.str(); err != nil {
					return err
				}
				if !p.take(':') {
					return p.fail("a colon is expected")
				}
			}
			if err := p.skip(depth + 1); err != nil {
				return err
			}
			if p.take(closing) {
				return nil
			}
			if !p.take(',') {
				return p.fail("a comma or an end is expected")
			}
		}
	default:
		for _, word := range [...]string{"true", "false", "null"} {
			if strings.HasPrefix(p.s[p.i:], word) {
				p.i += len(word)
				return nil
			}
		}
		return p.number()
	}
}

func (p *scanner) number() error {
	digits := func() bool {
		from := p.i
		for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
			p.i++
		}
		return p.i > from
	}
	at := func(c byte) bool { return p.i < len(p.s) && p.s[p.i] == c }
	if at('-') {
		p.i++
	}
	if at('0') {
		p.i++
	} else if !digits() {
		return p.fail("a value is expected")
	}
	if at('.') {
		if p.i++; !digits() {
			return p.fail("a number is malformed")
		}
	}
	if at('e') || at('E') {
		if p.i++; at('+') || at('-') {
			p.i++
		}
		if !digits() {
			return p.fail("a number is malformed")
		}
	}
	return nil
}

// maxField is how long reference, customer, network and asset may be.
const maxField = 256

// check reads one check object.
func (p *scanner) check(r *screening.Request) error {
	*r = screening.Request{By: r.By}
	if !p.take('{') {
		return p.fail("an object is expected")
	}
	var seen [6]bool
	if !p.take('}') {
		for {
			name, err := p.str()
			if err != nil {
				return err
			}
			var field int
			var into *string
			switch name {
			case "address":
				field, into = 0, &r.Address
			case "direction":
				field, into = 1, (*string)(&r.Direction)
			case "network":
				field, into = 2, &r.Network
			case "asset":
				field, into = 3, &r.Asset
			case "reference":
				field, into = 4, &r.Reference
			case "customer":
				field, into = 5, &r.Customer
			default:
				return p.fail("field " + address.Quote(name) + " is unknown")
			}
			if seen[field] {
				return p.fail("field " + name + " appears twice")
			}
			seen[field] = true
			if !p.take(':') {
				return p.fail("a colon is expected")
			}
			if p.space(); p.i < len(p.s) && p.s[p.i] != '"' {
				return p.fail("field " + name + " must be a string; another type was found")
			}
			if *into, err = p.str(); err != nil {
				return err
			}
			if field > 1 && len(*into) > maxField {
				return p.fail("field " + name + " is longer than 256 bytes, which ends")
			}
			if p.take('}') {
				break
			}
			if !p.take(',') {
				return p.fail("a comma or } is expected")
			}
		}
	}
	switch {
	case !seen[0]:
		return fault.E(fault.Invalid, "field address is missing")
	case !seen[1]:
		return fault.E(fault.Invalid, "field direction is missing")
	case r.Direction != lists.Deposit && r.Direction != lists.Withdrawal:
		return fault.E(fault.Invalid, "field direction is neither deposit nor withdrawal")
	}
	return nil
}

// decodeCheck reads the body of POST /v1/check.
func decodeCheck(body string, r *screening.Request) error {
	p := scanner{s: body}
	if err := p.check(r); err != nil {
		return err
	}
	return p.end()
}

// maxChecks is how many checks a batch may hold.
const maxChecks = 1000

// decodeChecks reads the body of POST /v1/checks. An item that is well-formed JSON but no check gets its own error;
// errs[i] is for requests[i].
func decodeChecks(body, by string, requests []screening.Request, errs []error) ([]screening.Request, []error, error) {
	p := scanner{s: body}
	if !p.take('{') {
		return nil, nil, p.fail("an object is expected")
	}
	if p.take('}') {
		return nil, nil, fault.E(fault.Invalid, "field checks is missing")
	}
	name, err := p.str()
	if err != nil {
		return nil, nil, err
	}
	if name != "checks" {
		return nil, nil, p.fail("field " + address.Quote(name) + " is unknown")
	}
	if !p.take(':') || !p.take('[') {
		return nil, nil, p.fail("field checks must be an array; another type was found")
	}
	if !p.take(']') {
		for {
			if len(requests) == maxChecks {
				return nil, nil, fault.E(fault.Invalid, "field checks has more than %d items", maxChecks)
			}
			p.space()
			start := p.i
			r := screening.Request{By: by}
			err := p.check(&r)
			if err != nil {
				p.i = start
				if malformed := p.skip(0); malformed != nil {
					return nil, nil, malformed
				}
			}
			requests, errs = append(requests, r), append(errs, err)
			if p.take(']') {
				break
			}
			if !p.take(',') {
				return nil, nil, p.fail("a comma or ] is expected")
			}
		}
	}
	if p.take(',') {
		switch name, err := p.str(); {
		case err != nil:
			return nil, nil, err
		case name == "checks":
			return nil, nil, p.fail("field checks appears twice")
		default:
			return nil, nil, p.fail("field " + address.Quote(name) + " is unknown")
		}
	}
	if !p.take('}') {
		return nil, nil, p.fail("} is expected")
	}
	return requests, errs, p.end()
}
