package address

import (
	"strings"
	"unicode"
)

// manyWords is the number of words from which a text is treated as a seed phrase: BIP-39 has 12 to 24,
// Monero 25, and one can get lost in copying.
const manyWords = 11

// clean returns the position of the address in the text, without surrounding ASCII white space. It
// refuses texts that are not an address of any network: more than MaxText bytes, characters other than
// printable ASCII, white space inside, more than one field. It repairs nothing: a text without its
// zero-width space, or with a Latin instead of a Cyrillic letter, is not the text
// that was entered. hint determines only which secrets to look for.
func clean(text string, hint *Network) (start, end int, fail *Error) {
	if len(text) > MaxText {
		return 0, 0, refuse(BadLength, "it is longer than 512 bytes")
	}
	end = len(text)
	for start < end && isSpace(text[start]) {
		start++
	}
	for end > start && isSpace(text[end-1]) {
		end--
	}
	if start == end {
		return 0, 0, refuse(Empty, "the address is empty")
	}
	for i := start; i < end; i++ {
		c := text[i]
		if c <= ' ' || c > '~' || c == ',' || c == ';' {
			if isNimiq(text[start:end]) {
				return start, end, nil // the one address that is written with blanks
			}
			return 0, 0, unclean(text[start:end], start, i-start, hint)
		}
	}
	return start, end, nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// trim removes surrounding ASCII white space.
func trim(text string) string { return strings.Trim(text, " \t\r\n") }

// unclean returns the error of a text with a forbidden character at i. offset is the position of body in the text of the caller.
func unclean(body string, offset, i int, hint *Network) *Error {
	fields := strings.FieldsFunc(body, func(r rune) bool { return r == ',' || r == ';' || unicode.IsSpace(r) })
	words := 0
	for _, field := range fields {
		if isWord(field) {
			words++
		}
	}
	switch {
	case words >= manyWords:
		return refuse(SecretMaterial, "it looks like a seed phrase; treat the wallet as exposed")
	case strings.HasPrefix(body, "-----BEGIN"):
		return refuse(SecretMaterial, "it looks like a key file; treat the key as exposed")
	case len(fields) >= 32 && isByteArray(body):
		return refuse(SecretMaterial, "it looks like the bytes of a secret key; treat the key as exposed")
	}
	// A secret with a blank or a label next to it is a secret, too.
	for _, field := range append(fields, strings.Join(fields, "")) {
		if fail := secret(field, hint); fail != nil {
			return fail
		}
	}
	c := body[i]
	long := 0
	for _, field := range fields {
		if len(field) >= 20 {
			long++
		}
	}
	switch {
	case strings.Contains(body, "…"):
		return refuseAt(BadLength, offset+strings.Index(body, "…"), "it is shortened for display: enter the whole address")
	case long > 1 && (isSpace(c) || c == ',' || c == ';'):
		return refuseAt(TwoAddresses, offset+i, "it contains more than one address: check each separately")
	case isSpace(c):
		return refuseAt(WhitespaceInside, offset+i, "it contains white space")
	case c < ' ' || c == 0x7f:
		return refuseAt(BadCharacter, offset+i, "it contains a control character")
	case c > 0x7f:
		return refuseAt(BadCharacter, offset+i, "it contains a character outside ASCII: an invisible one, or a letter of another script")
	}
	return refuseAt(BadCharacter, offset+i, "it contains a comma or a semicolon")
}

// isWord reports whether field can be a word of a seed phrase: letters of any script, optionally with a derivation path
// ("about//Alice").
func isWord(field string) bool {
	field, _, _ = strings.Cut(field, "/")
	n := 0
	for _, r := range field {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) {
			return false
		}
		n++
	}
	return n > 0 && n <= 16
}

// isByteArray reports whether body is numbers in brackets, as in the file of a Solana command-line wallet.
func isByteArray(body string) bool {
	return body[0] == '[' && strings.Trim(body, "[]0123456789,; \t\r\n") == ""
}
