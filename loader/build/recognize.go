package build

import (
	"slices"
	"strings"
	"unicode"

	"interdict/lists/address"
)

// likeAddress reports whether a text that could not be read, or one of its pieces, looks like an address. A user id of an exchange does not,
// and neither does a text of 64 hex digits.
func likeAddress(text string) bool {
	if recognized(text) {
		return true
	}
	text = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) { // characters without width
			return -1
		}
		return r
	}, text)
	pieces := strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`,;|/()[]<>"'`+"`", r) })
	return slices.ContainsFunc(pieces, recognized)
}

func recognized(text string) bool {
	switch address.Recognize(text) {
	case address.LikeAddress, address.Proving:
		return true
	case address.Weak: // a word may be an account's name
		return len(text) >= 32 && !isHex64(text)
	}
	return false
}
