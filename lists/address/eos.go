package address

import (
	"encoding/binary"
	"strings"
)

const eosLetters = ".12345abcdefghijklmnopqrstuvwxyz"

// eosChains are the other chains with the names of EOS. A name is another account on each of them.
var eosChains = []struct {
	network string
	aliases []string
	assets  []string
	caip2   []string
	variant Variant
}{
	{"wax", []string{"waxp"}, []string{"WAX", "WAXP"}, []string{"antelope:1064487b3cd1a897ce03ae5b6a865651"}, VariantWAX},
	{"telos", []string{"tlos"}, []string{"TLOS"}, []string{"antelope:4667b205c6838ef70ff7988f6e8257e8"}, VariantTelos},
	{"fio", []string{"fio-protocol"}, []string{"FIO"}, []string{"antelope:21dcae42c0182200e93f954a074011f9"}, VariantFIO},
}

func init() {
	for _, c := range eosChains {
		register(Network{
			Name: c.network, Aliases: c.aliases, Assets: c.assets, CAIP2: c.caip2, Schemes: []string{c.network},
			Forms: []Form{{"account name", "eosio.token", "none"}}, Typos: "None can be detected: names have no checksum.", named: true, rank: 220,
			decode: func(text string, a *Address) *Error {
				fail := decodeEOS(text, a)
				if fail == nil {
					a.Variant = c.variant
				} else if fail.Folded != nil {
					fail.Folded.Variant = c.variant
				}
				return fail
			},
		})
		registerVariant(variant{c.variant, c.network, "", c.network, func(payload string) string {
			return string(appendEOS(nil, binary.BigEndian.Uint64([]byte(payload))))
		}})
	}
	register(Network{
		Name:    "eos",
		Aliases: []string{"antelope", "eosio", "vaulta"},
		Assets:  []string{"EOS"},
		CAIP2:   []string{"antelope:aca376f206b8fc25a6ed44dbdc66547c", "eosio:aca376f206b8fc25a6ed44dbdc66547c"},
		Schemes: []string{"eos"},
		Forms:   []Form{{"account name", "eosio.token", "none"}},
		Typos:   "None can be detected: names have no checksum.",
		named:   true,
		decode:  decodeEOS,
	})
	registerVariant(variant{VariantEOS, "eos", "", "eos", func(payload string) string {
		return string(appendEOS(nil, binary.BigEndian.Uint64([]byte(payload))))
	}})
	registerSpace(space{number: SpaceEOS})
}

// decodeEOS reads an account name as Antelope packs it into 64 bits: twelve letters of five bits
// and a thirteenth of four, which can only be a dot, 1–5 or a–j. No hint, no reading: any short word is a name.
func decodeEOS(text string, a *Address) *Error {
	switch {
	case len(text) > 40 && (strings.HasPrefix(text, "EOS") || strings.HasPrefix(text, "FIO") || strings.HasPrefix(text, "PUB_")):
		return refuse(UnsupportedKind, "it is a public key, not an account name")
	case len(text) > 13:
		return refuse(BadLength, "a name has at most 13 letters")
	case text == "" || text[0] == '.' || text[len(text)-1] == '.':
		return refuse(BadCharacter, "a name neither begins nor ends with a dot")
	}
	var name uint64
	for i := range len(text) {
		v := strings.IndexByte(eosLetters, text[i])
		switch {
		case isUpper(text[i]):
			return folded(refuseAt(MixedCase, i, "names are written small"), strings.ToLower(text), a, decodeEOS)
		case v < 0:
			return refuseAt(BadCharacter, i, "a name has the letters a–z, 1–5 and dots only")
		case i < 12:
			name |= uint64(v) << (59 - 5*i)
		case v > 15:
			return refuseAt(BadCharacter, i, "the thirteenth letter is a–j or 1–5")
		default:
			name |= uint64(v)
		}
	}
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], name)
	a.setText(SpaceEOS, VariantEOS, key[:], text)
	return nil
}

func appendEOS(dst []byte, name uint64) []byte {
	for i := range 12 {
		dst = append(dst, eosLetters[name>>(59-5*i)&31])
	}
	dst = append(dst, eosLetters[name&15])
	for len(dst) > 0 && dst[len(dst)-1] == '.' {
		dst = dst[:len(dst)-1]
	}
	return dst
}
