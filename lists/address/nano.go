package address

import "strings"

// nanoAlphabet leaves out 0, 2, l and v, which are mistaken for others.
var nanoAlphabet = newAlphabet32("13456789abcdefghijkmnopqrstuwxyz")

// nanoPrefixes are the ways to begin an address; the first is today's.
var nanoPrefixes = []string{"nano_", "xrb_", "nano-", "xrb-"}

func init() {
	register(Network{
		Name:    "nano",
		Aliases: []string{"xno"},
		Assets:  []string{"XNO", "NANO"},
		Schemes: []string{"nano", "xrb"},
		Forms: []Form{
			{"account", "nano_1111111111111111111111111111111111111111111111111111hifc8npp", "BLAKE2b of 5 bytes"},
			{"account with the old prefix", "xrb_1111111111111111111111111111111111111111111111111111hifc8npp", "BLAKE2b of 5 bytes"},
		},
		Typos: "A checksum of 40 bits: a typing error is found.",
		rank:  100,
		fits: func(text string) bool {
			return len(text) >= 64 && (strings.HasPrefix(text, "nano") || strings.HasPrefix(text, "xrb"))
		},
		decode: decodeNano,
	})
	registerVariant(variant{VariantNano, "nano", "", "nano", func(payload string) string {
		return string(appendNano(nil, []byte(payload)))
	}})
	registerSpace(space{number: SpaceNano})
}

// decodeNano reads an account as the Nano node does: 52 letters for four zero bits and the 32 bytes
// of the public key, then 8 letters for the BLAKE2b-40 of the key with its bytes reversed.
func decodeNano(text string, a *Address) *Error {
	body := ""
	for _, p := range nanoPrefixes {
		if strings.HasPrefix(text, p) {
			body = text[len(p):]
			break
		}
	}
	switch {
	case strings.HasPrefix(text, "ban_"):
		return refuse(WrongNetwork, "ban_ is the prefix of Banano")
	case body == "" && strings.IndexFunc(text, func(r rune) bool { return r >= 'A' && r <= 'Z' }) >= 0:
		if foldedPrefix(text, "nano") || foldedPrefix(text, "xrb") {
			return folded(refuse(MixedCase, "Nano addresses are written small"), strings.ToLower(text), a, decodeNano)
		}
	}
	offset := len(text) - len(body)
	switch {
	case body == "":
		return refuse(UnsupportedKind, "a Nano address begins with nano_ or xrb_")
	case len(body) != 60:
		return refuse(BadLength, "60 letters stand behind the prefix")
	case body[0] != '1' && body[0] != '3':
		return refuseAt(BadCharacter, offset, "the first letter behind the prefix is 1 or 3")
	}
	var room [32]byte
	key, reason, at := decode32(nanoAlphabet, room[:0], body[:52], 4)
	if reason != "" {
		return nanoLetter(text, offset+at, a)
	}
	var check [5]byte
	if _, reason, at = nanoAlphabet.decode(check[:0], body[52:]); reason != "" {
		return nanoLetter(text, offset+52+at, a)
	}
	if check != nanoSum(key) {
		return refuse(BadChecksum, "the BLAKE2b checksum is wrong")
	}
	var human [65]byte
	a.set(SpaceNano, VariantNano, key, append(append(human[:0], "nano_"...), body...))
	return nil
}

func nanoLetter(text string, at int, a *Address) *Error {
	if isUpper(text[at]) {
		return folded(refuseAt(MixedCase, at, "Nano addresses are written small"), strings.ToLower(text), a, decodeNano)
	}
	return refuseAt(BadCharacter, at, "not a letter of Nano's alphabet, which has no 0, 2, l and v")
}

func nanoSum(key []byte) (sum [5]byte) {
	sumShort(sum[:0], &blake2b40s, key)
	for i, j := 0, 4; i < j; i, j = i+1, j-1 {
		sum[i], sum[j] = sum[j], sum[i]
	}
	return sum
}

func appendNano(dst, key []byte) []byte {
	sum := nanoSum(key)
	dst = nanoAlphabet.appendBehind(append(dst, "nano_"...), key, 4)
	return nanoAlphabet.append(dst, sum[:])
}
