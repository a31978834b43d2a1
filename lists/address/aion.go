package address

import "encoding/hex"

// Aion. Source: aion, AddressUtils: 32 bytes in hex, the first of which is 0xa0. The network must be named: such a text is an account of
// Aptos and Sui more often.

func init() {
	register(Network{
		Name: "aion", Assets: []string{"AION"},
		Forms: []Form{{"account", "0xa02351a68ff7099b546138c82c37cada30815dd7b66715cc61f98792048b5e86", "none"}},
		Typos: "None can be detected: there is no checksum.",
		rank:  200, hex64: true, hexAccount: true, decode: decodeAion,
	})
	registerVariant(variant{VariantAion, "aion", "", "aion", func(payload string) string { return "0x" + hex.EncodeToString([]byte(payload)) }})
	registerSpace(space{number: SpaceAion})
}

func decodeAion(text string, a *Address) *Error {
	digits, _ := without0x(text)
	if len(digits) != 64 {
		return refuse(BadLength, "an account has 64 hex digits")
	}
	if fail := decodeHexAccount(text, a, SpaceAion, VariantAion); fail != nil {
		return fail
	}
	if digits[0]|0x20 != 'a' || digits[1] != '0' {
		return refuse(UnsupportedKind, "an account begins with a0")
	}
	return nil
}
