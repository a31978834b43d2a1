package address

import "strings"

const kaspaPrefix = "kaspa:"

// Versions of Kaspa addresses (rusty-kaspa, crypto/addresses).
const (
	kaspaSchnorr = 0 // x-only public key
	kaspaECDSA   = 1 // compressed public key
	kaspaScript  = 8 // hash of a script
)

func init() {
	register(Network{
		Name:       "kaspa",
		Aliases:    []string{"kas"},
		Assets:     []string{"KAS"},
		Schemes:    []string{"kaspa"},
		keepScheme: true,
		Forms: []Form{
			{"Schnorr key", "kaspa:qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqkx9awp4e", "40-bit BCH code"},
			{"ECDSA key", "kaspa:qyp8n0nx0muaewav2ksx99wwsu9swq5mlndjmn3gm9vl9q2mzmup0xqyr5q6q2p", "40-bit BCH code"},
			{"script hash", "kaspa:prmgxlqn0ajaep5ga5ah48sztvfkxjyyxy0ys9kyd6xwdctlrjzzv657nf3ru", "40-bit BCH code"},
			{"without prefix", "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqkx9awp4e", "40-bit BCH code"},
		},
		Typos:  "A checksum of 40 bits: a typing error is found.",
		rank:   100,
		fits:   func(text string) bool { return foldedPrefix(text, kaspaPrefix) || len(text) == 61 || len(text) == 63 },
		decode: decodeKaspa,
	})
	for _, v := range []struct {
		number  Variant
		kind    string
		version string
	}{
		{VariantKaspa, "schnorr", "\x00"},
		{VariantKaspaEven, "ecdsa02", "\x01\x02"},
		{VariantKaspaOdd, "ecdsa03", "\x01\x03"},
		{VariantKaspaScript, "script", "\x08"},
	} {
		registerVariant(variant{v.number, "kaspa", v.kind, "kaspa", func(payload string) string {
			var room, human [128]byte
			return string(cashEncode(human[:0], "kaspa", bits8to5(room[:0], v.version+payload)))
		}})
	}
	registerSpace(space{number: SpaceKaspa, relate: relateKaspa})
	registerSpace(space{number: SpaceKaspaScript})
}

// decodeKaspa reads version and payload under the cashaddr checksum of the prefix, written or not. A key is
// stored by its x coordinate, which its Schnorr and ECDSA address have in common.
func decodeKaspa(text string, a *Address) *Error {
	prefix, body, written := strings.Cut(text, ":")
	switch {
	case !written:
		body = text
	case foldedEqual(prefix, "kaspatest"), foldedEqual(prefix, "kaspadev"), foldedEqual(prefix, "kaspasim"):
		return refuse(Testnet, "it is a test network address")
	case !foldedEqual(prefix, "kaspa"):
		return refuse(UnsupportedKind, "the prefix is not kaspa")
	}
	offset := len(text) - len(body)
	var letters, room [128]byte
	if len(body) > len(letters) {
		return refuse(BadLength, "a Kaspa address has 61 or 63 characters behind the prefix")
	}
	data, fail := cashDecode(letters[:0], "kaspa", body)
	if fail != nil {
		if fail.Position >= 0 {
			fail.Position += offset
		}
		switch {
		case fail.Reason == BadChecksum && isKaspaTest(body):
			return refuse(Testnet, "the checksum is that of a test network")
		case fail.Reason == MixedCase:
			return folded(fail, strings.ToLower(text), a, decodeKaspa)
		}
		return fail
	}
	if small, capital := letterCase(text); small && capital {
		return folded(refuse(MixedCase, "prefix and payload are in different letter case"), strings.ToLower(text), a, decodeKaspa)
	}
	raw, whole := bits5to8(room[:0], data)
	if !whole || len(raw) < 33 {
		return refuse(BadLength, "the payload is too long or too short for its version")
	}
	s, v, payload := SpaceKaspa, VariantKaspa, raw[1:]
	switch raw[0] {
	case kaspaSchnorr:
	case kaspaScript:
		s, v = SpaceKaspaScript, VariantKaspaScript
	case kaspaECDSA:
		switch raw[1] {
		case 2:
			v = VariantKaspaEven
		case 3:
			v = VariantKaspaOdd
		default:
			return refuse(UnsupportedKind, "a compressed key begins with 2 or 3")
		}
		payload = raw[2:]
	default:
		return refuse(UnsupportedKind, "the version is of no known kind of address")
	}
	if len(payload) != 32 {
		return refuse(BadLength, "the payload is too long or too short for its version")
	}
	var human [72]byte
	canonical := append(human[:0], kaspaPrefix...)
	for i := range len(body) {
		canonical = append(canonical, lower(body[i]))
	}
	a.set(s, v, payload, canonical)
	return nil
}

// isKaspaTest tells whether the checksum is right under the prefix of a test network.
func isKaspaTest(body string) bool {
	for _, prefix := range [...]string{"kaspatest", "kaspadev", "kaspasim"} {
		var room [128]byte
		if _, fail := cashDecode(room[:0], prefix, body); fail == nil {
			return true
		}
	}
	return false
}

func relateKaspa(_ Key, _ Variant, askedAs Role, _ Variant, listedAs Role) (Class, string) {
	if askedAs != 0 || listedAs != 0 {
		return None, ""
	}
	return SameKey, "Schnorr and ECDSA address of one public key"
}
