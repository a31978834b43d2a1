package lists

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"interdict/lists/address"
)

// PlainText returns a text on one line, without the characters that Shown refuses: what people see of it is what it holds. Line ends and tabs
// become blanks. Names, notes and reasons pass through it before they are stored.
func PlainText(s string) string {
	if isPlain(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case Shown(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return -1
	}, strings.ToValidUTF8(strings.ReplaceAll(s, "\r\n", "\n"), string(utf8.RuneError)))
}

func isPlain(s string) bool {
	for i, r := range s {
		if !Shown(r) || r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)) {
			return false
		}
	}
	return true
}

// Shown reports whether a character shows that it is there. Control characters do not, and some of them steer a terminal; the marks that change
// the direction of a text, tags, and blanks without width do not either. Those that join letters are part of words in some scripts.
func Shown(r rune) bool {
	switch {
	case r >= ' ' && r < 0x7f:
		return true
	case unicode.IsControl(r), r == '\u2028', r == '\u2029':
		return false
	case r == '\u200c', r == '\u200d', unicode.Is(unicode.Prepended_Concatenation_Mark, r):
		return true
	}
	return !unicode.Is(unicode.Cf, r)
}

// MaxText is the longest reason or note that is kept, in bytes.
const MaxText = 4096

// Reason returns a reason or a note that a person gave as it is recorded: without blanks around it and characters that do not show, with a digest
// in the place of a private key, a seed or an API key, and at most MaxText bytes.
func Reason(text string) string {
	return Truncate(address.Recordable(strings.TrimSpace(PlainText(text))), MaxText)
}

// Truncate cuts a text to at most n bytes, not within a character.
func Truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
