package address

import "strings"

// Nimiq. Source: nimiq/core-js, Address.js: NQ, two check digits as of an IBAN (ISO 13616), and 20 bytes in base32 with an alphabet of
// its own. It is written in groups of four with blanks.

var base32Nimiq = newAlphabet32("0123456789ABCDEFGHJKLMNPQRSTUVXY")

func init() {
	register(Network{
		Name: "nimiq", Assets: []string{"NIM"}, Schemes: []string{"nimiq", "web+nim"},
		Forms: []Form{{"address", textNimiq(exampleBytes[:20]), "ISO 7064 MOD 97-10"}, {"without blanks", strings.ReplaceAll(textNimiq(exampleBytes[:20]), " ", ""), "ISO 7064 MOD 97-10"}},
		Typos: "One wrong character and two that have changed places are found for certain, other errors with 99 %.",
		rank:  130, first: "N", fits: func(text string) bool { return len(text) == 36 && text[1] == 'Q' || isNimiq(text) }, decode: decodeNimiq,
	})
	registerVariant(variant{VariantNimiq, "nimiq", "", "nimiq", textNimiq})
	registerSpace(space{number: SpaceNimiq})
}

// isNimiq tells an address in nine groups of four.
func isNimiq(text string) bool {
	if len(text) != 44 || text[:2] != "NQ" {
		return false
	}
	for i := 4; i < len(text); i += 5 {
		if text[i] != ' ' || strings.IndexByte(text[i-4:i], ' ') >= 0 {
			return false
		}
	}
	for i := range len(text) {
		if c := text[i]; c != ' ' && base36(c) < 0 {
			return false
		}
	}
	return strings.IndexByte(text[40:], ' ') < 0
}

// ibanRest is the number of an IBAN, its first four characters behind, modulo 97; letters count from 10. −1: another character.
func ibanRest(text string) int {
	rest := 0
	for i := range len(text) {
		v := base36(text[(i+4)%len(text)])
		switch {
		case v < 0 || isLower(text[(i+4)%len(text)]):
			return -1
		case v < 10:
			rest = (rest*10 + v) % 97
		default:
			rest = (rest*100 + v) % 97
		}
	}
	return rest
}

func textNimiq(payload string) string {
	body := "NQ00" + string(base32Nimiq.append(nil, []byte(payload)))
	check := 98 - ibanRest(body)
	text := []byte(body)
	text[2], text[3] = byte('0'+check/10), byte('0'+check%10)
	var parts []string
	for i := 0; i+4 <= len(text); i += 4 {
		parts = append(parts, string(text[i:i+4]))
	}
	return strings.Join(parts, " ")
}

func decodeNimiq(text string, a *Address) *Error {
	plain := text
	if isNimiq(text) {
		plain = strings.ReplaceAll(text, " ", "")
	}
	if len(plain) != 36 || plain[:2] != "NQ" {
		return refuse(BadLength, "an address is NQ, two digits and 32 characters")
	}
	body, reason, at := base32Nimiq.decode(nil, plain[4:])
	if reason != "" {
		return refuseAt(reason, at+4, "it is no character of Nimiq's alphabet")
	}
	canonical := textNimiq(string(body))
	if strings.ReplaceAll(canonical, " ", "") != plain {
		return refuse(BadChecksum, "the check digits do not match")
	}
	a.set(SpaceNimiq, VariantNimiq, body, []byte(canonical))
	return nil
}
