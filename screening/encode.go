package screening

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/screening/journal"
)

// appendJSON encodes an answer. The same bytes go to the caller and into the journal.
func (a *Answer) appendJSON(b []byte) []byte {
	b = append(b, `{"check_id":"`...)
	b = appendUUID(b, &a.CheckID)
	b = append(b, `","result":"`...)
	b = append(b, a.Result.String()...)
	if a.Direction != "" {
		b = append(b, `","action":"`...)
		b = append(b, a.Action...)
		b = append(b, `","direction":"`...)
		b = append(b, a.Direction...)
	}
	b = append(b, `","address":{"input":`...)
	b = appendString(b, a.Input)
	b = append(b, `,"network":`...)
	b = appendString(b, a.Network)
	if len(a.Networks) > 1 {
		b = append(b, `,"networks":`...)
		b = appendStrings(b, a.Networks)
	}
	b = append(b, `,"canonical":`...)
	b = appendString(b, a.Canonical)
	b = append(b, `,"identity":"`...)
	if a.Key == "" { // masked for the record
		b = append(b, a.Canonical...)
	} else {
		b = address.AppendIdentity(b, a.Key, a.Variant)
	}
	b = append(b, '"')
	if len(a.Attributes) > 0 {
		b = append(b, `,"attributes":{`...)
		for i, x := range a.Attributes {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, x.Name), ':')
			b = appendString(b, x.Value)
		}
		b = append(b, '}')
	}
	if len(a.Notices) > 0 {
		b = append(b, `,"notices":`...)
		b = appendStrings(b, a.Notices)
	}
	b = append(b, `},"matches":[`...)
	b, n := appendMatches(b, a.Matches)
	b = append(b, ']')
	if n < a.MatchesTotal {
		b = append(b, `,"matches_total":`...)
		b = strconv.AppendInt(b, int64(a.MatchesTotal), 10)
	}
	if len(a.Suppressed) > 0 {
		b = append(b, `,"suppressed":[`...)
		b, n = appendMatches(b, a.Suppressed)
		b = append(b, ']')
		if n < a.SuppressedTotal {
			b = append(b, `,"suppressed_total":`...)
			b = strconv.AppendInt(b, int64(a.SuppressedTotal), 10)
		}
	}
	b = append(b, `,"screened":`...)
	b = append(b, a.snapshot.ScreenedJSON...)
	b = append(b, `,"checked_at":"`...)
	b = appendTime(b, a.CheckedAt)
	return append(b, `"}`...)
}

// maxMatchesBytes limits the encoded matches of an answer, and again its suppressed matches, so that the answer fits into one record of
// the journal.
const maxMatchesBytes = journal.MaxPayloadBytes / 3

// appendMatches encodes as many matches as fit into maxMatchesBytes, at least one, and returns how many.
func appendMatches(b []byte, matches []Match) (_ []byte, n int) {
	start := len(b)
	for i := range matches {
		end := len(b)
		if i > 0 {
			b = append(b, ',')
		}
		if b = matches[i].appendJSON(b); len(b)-start <= maxMatchesBytes {
			continue
		}
		if i > 0 {
			return b[:end], i
		}
		m := matches[0]
		m.Attribution = truncateAttribution(m.Attribution)
		b = m.appendJSON(b[:end])
	}
	return b, len(matches)
}

// truncateAttribution returns an attribution with at most 100 programmes of at most 100 bytes, for one that does not fit into an answer.
func truncateAttribution(a *lists.Attribution) *lists.Attribution {
	short := *a
	short.Programs = slices.Clone(a.Programs[:min(len(a.Programs), 100)])
	for i, p := range short.Programs {
		short.Programs[i] = strings.ToValidUTF8(p[:min(len(p), 100)], "")
	}
	return &short
}

func (m *Match) appendJSON(b []byte) []byte {
	a := m.Attribution
	b = append(b, `{"class":"`...)
	b = append(b, m.Class.String()...)
	b = append(b, '"')
	if m.Derivation != "" {
		b = appendMember(b, "derivation", m.Derivation)
	}
	b = append(b, `,"list":`...)
	b = append(b, m.stack.ListJSON...)
	b = append(b, `,"listed":{"address":`...)
	b = appendString(b, m.Listed)
	b = appendMember(b, "network", m.Network)
	b = appendMember(b, "asset", a.Asset)
	b = append(b, `},"entity":{"id":`...)
	b = appendString(b, a.Entity.ID)
	b = appendMember(b, "name", a.Entity.Name)
	b = appendMember(b, "type", a.Entity.Type)
	b = append(b, '}')
	b = appendMember(b, "category", string(m.category()))
	b = appendMember(b, "confidence", string(m.confidence()))
	b = append(b, `,"programs":`...)
	b = appendStrings(b, a.Programs)
	b = appendMember(b, "incident", a.Incident)
	b = appendMember(b, "listed_on", a.ListedOn)
	if a.ListedOnFrom != "" {
		b = appendMember(b, "listed_on_from", a.ListedOnFrom)
	}
	if a.ValidUntil != "" {
		b = appendMember(b, "valid_until", a.ValidUntil)
	}
	b = appendMember(b, "url", a.URL)
	if a.Note != "" {
		b = appendMember(b, "note", a.Note)
	}
	file, sum := m.layer.File, m.layer.SHA256
	if a.File != "" {
		file, sum = a.File, a.SHA256
	}
	b = append(b, `,"source":{"file":`...)
	b = appendString(b, file)
	b = appendMember(b, "sha256", sum)
	b = appendMember(b, "locator", m.Locator)
	b = append(b, `},"added_in":`...)
	b = strconv.AppendInt(b, int64(m.AddedIn), 10)
	if s := m.Suppression; s != nil {
		b = append(b, `,"suppression":{"id":`...)
		b = appendString(b, s.ID)
		b = appendMember(b, "reason", s.Reason)
		b = append(b, `,"until":"`...)
		b = appendTime(b, s.Until)
		b = append(b, '"')
		b = appendMember(b, "proposed_by", s.ProposedBy)
		b = appendMember(b, "approved_by", s.Decided.By)
		b = append(b, '}')
	}
	return append(b, '}')
}

func appendMember(b []byte, name, value string) []byte {
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	return appendString(b, value)
}

func appendStrings(b []byte, values []string) []byte {
	b = append(b, '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, v)
	}
	return append(b, ']')
}

// appendString appends a JSON string. Invalid UTF-8 becomes U+FFFD. The characters that are special in HTML and JavaScript are escaped
// too, so that an answer can be embedded in a page.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if verbatim[c] {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if (r != utf8.RuneError || n > 1) && r != '\u2028' && r != '\u2029' {
				i += n
				continue
			}
			b = append(b, s[from:i]...)
			b = appendEscape(b, uint16(r))
			i += n
			from = i
			continue
		}
		b = append(b, s[from:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			b = appendEscape(b, uint16(c))
		}
		i++
		from = i
	}
	return append(append(b, s[from:]...), '"')
}

// verbatim are the bytes that need no escape in a JSON string.
var verbatim = func() (p [256]bool) {
	for c := 0x20; c < utf8.RuneSelf; c++ {
		p[c] = !strings.ContainsRune(`"\<>&`, rune(c))
	}
	return p
}()

func appendEscape(b []byte, r uint16) []byte {
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', digits[r>>12], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

func appendUUID(b []byte, id *[16]byte) []byte {
	b = hex.AppendEncode(b, id[:4])
	for _, part := range [...][]byte{id[4:6], id[6:8], id[8:10], id[10:]} {
		b = hex.AppendEncode(append(b, '-'), part)
	}
	return b
}

// appendTime appends a time as RFC 3339 in UTC with milliseconds. time.AppendFormat with a layout takes three times as long.
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = appendTwoDigits(appendTwoDigits(b, year/100), year%100)
	b = appendTwoDigits(append(b, '-'), int(month))
	b = appendTwoDigits(append(b, '-'), day)
	b = appendTwoDigits(append(b, 'T'), hour)
	b = appendTwoDigits(append(b, ':'), minute)
	b = appendTwoDigits(append(b, ':'), second)
	ms := t.Nanosecond() / 1e6
	return append(b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z')
}

func appendTwoDigits(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }
