package address

import (
	"crypto/sha512"
	"strings"
)

func init() {
	register(Network{
		Name:    "algorand",
		Aliases: []string{"algo"},
		Assets:  []string{"ALGO"},
		CAIP2:   []string{"algorand:wGHE2Pwdvd7S12BL5FaOP20EGYesN73k"},
		Schemes: []string{"algorand"},
		Forms: []Form{
			{"account", "7777777777777777777777777777777777777777777777777774MSJUVU", "last 4 bytes of SHA-512/256"},
		},
		Typos:  "A checksum of 32 bits: a typing error is found.",
		rank:   100,
		fits:   func(text string) bool { return len(text) == 58 },
		decode: decodeAlgorand,
	})
	registerVariant(variant{VariantAlgorand, "algorand", "", "algorand", func(payload string) string {
		return string(appendAlgorand(nil, []byte(payload)))
	}})
}

// decodeAlgorand reads 32 bytes of public key (or program hash) and the last four bytes of their
// SHA-512/256 in base32 without padding, as go-algorand does: its two spare bits are zero.
func decodeAlgorand(text string, a *Address) *Error {
	if len(text) != 58 {
		return refuse(BadLength, "an Algorand address has 58 characters")
	}
	var room [36]byte
	raw, reason, at := base32Upper.decode(room[:0], text)
	switch {
	case reason == BadCharacter && isLower(text[at]):
		return folded(refuseAt(MixedCase, at, "Algorand addresses are written in capitals"), strings.ToUpper(text), a, decodeAlgorand)
	case reason == BadCharacter:
		return refuseAt(BadCharacter, at, "not a letter of base32 (A–Z, 2–7)")
	}
	sum := sha512.Sum512_256(raw[:32])
	if reason != "" || string(raw[32:]) != string(sum[28:]) {
		return refuse(BadChecksum, "the SHA-512/256 checksum is wrong")
	}
	a.setText(SpaceEd25519, VariantAlgorand, raw[:32], text)
	return nil
}

func appendAlgorand(dst, key []byte) []byte {
	var room [36]byte
	sum := sha512.Sum512_256(key)
	return base32Upper.append(dst, append(append(room[:0], key...), sum[28:]...))
}
