package lists

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestPlainText(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "",
		"Lazarus Group":                 "Lazarus Group",
		"\x1b[31mred\x1b[0m":            "[31mred[0m",
		"\x9b31mred":                    "\ufffd31mred", // a byte that is no UTF-8
		"\u009b31mred":                  "31mred",
		"a\x00b\x07c\x08d\x7fe":         "abcde",
		"one\ntwo\r\nthree\tfour\rfive": "one two three four five",
		"a\u2028b\u2029c\u0085d":        "a b c d",
		"invoice\u202efdp.exe":          "invoicefdp.exe",
		"\u2066a\u2069\u061cb\u200f":    "ab",
		"\ufeffa\u200bb\u2060c\u00add":  "abcd",
		"a\U000e0041\U000e007fb":        "ab",
		"می\u200cخواهم":                 "می\u200cخواهم", // the joiner is part of the word
		"\u0600\u0661":                  "\u0600\u0661",  // a sign that is shown
		"ümlaut 中文 שלום 🏴":              "ümlaut 中文 שלום 🏴",
		"\ufffd":                        "\ufffd",
	} {
		if got := PlainText(text); got != want {
			t.Errorf("%q becomes %q instead of %q", text, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		got := PlainText(rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text"))
		if !utf8.ValidString(got) || PlainText(got) != got {
			t.Fatalf("%q", got)
		}
		if i := strings.IndexFunc(got, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }); i >= 0 {
			t.Fatalf("%q at %d", got, i)
		}
	})
}
