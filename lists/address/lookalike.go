package address

import (
	"strings"
	"unicode"
)

// lookalikes maps characters of the Cyrillic and Greek scripts to the ASCII characters that they look like (Unicode Technical Standard 39,
// confusables). Only texts that prove themselves after the replacement are accepted, so that a wrong entry does no harm.
var lookalikes = func() map[rune]byte {
	table := map[rune]byte{}
	for _, pair := range [...][2]string{
		{"АВЕЅІЈКМНОРСТУХҮԚԜѴԌԀӀ", "ABESIJKMHOPCTYXYQWVGDI"},
		{"аеѕіјкорстухүԛԝѵԁһӏьЬЗзбЧ", "aesijkopctyxyqwvdhlbb3364"},
		{"ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"},
		{"αγικνορστυχ", "ayikvopotux"},
		{"ıɡ", "ig"},
	} {
		letters := []rune(pair[0])
		for i, r := range letters {
			table[r] = pair[1][i]
		}
	}
	for r := '\uff01'; r <= '\uff5e'; r++ { // full-width forms
		table[r] = byte(r - '\uff01' + '!')
	}
	return table
}()

// invisible are invisible characters outside of the categories Cf (zero-width and bidirectional marks, byte order mark,
// soft hyphen) and Zs (no-break and other blanks).
var invisible = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x0085, Hi: 0x0085, Stride: 1}, {Lo: 0x034f, Hi: 0x034f, Stride: 1}, {Lo: 0x115f, Hi: 0x1160, Stride: 1},
	{Lo: 0x2028, Hi: 0x2029, Stride: 1}, {Lo: 0x3164, Hi: 0x3164, Stride: 1}, {Lo: 0xfe00, Hi: 0xfe0f, Stride: 1},
}}

// plainLetters replaces look-alike letters in a text that is not ASCII, and removes invisible characters. changed is false if
// the text was ASCII before, or is not ASCII afterwards.
func plainLetters(text string) (plain string, changed bool) {
	if len(text) > 3*MaxText || isASCII(text) {
		return text, false
	}
	plain = strings.Map(func(r rune) rune {
		switch {
		case r < 0x80:
			return r
		case lookalikes[r] != 0:
			return rune(lookalikes[r])
		case unicode.In(r, unicode.Cf, unicode.Zs, invisible):
			return -1
		}
		return r
	}, text)
	return plain, isASCII(plain)
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}
