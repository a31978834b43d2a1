package address

import "strings"

// tezosKinds are the addresses of Tezos: base58check with three bytes of version (octez, base58.ml).
// Equal hashes under two of them are different accounts: the version tells the curve of the key.
var tezosKinds = []struct {
	letters string
	version string
	space   Space
	variant Variant
	name    string
	example string
}{
	{"tz1", "\x06\xa1\x9f", SpaceTezosTz1, VariantTezosTz1, "Ed25519 key hash", "tz1VSUr8wwNhLAzempoch5d6hLRiTh8Cjcjb"},
	{"tz2", "\x06\xa1\xa1", SpaceTezosTz2, VariantTezosTz2, "secp256k1 key hash", "tz2BFTyPeYRzxd5aiBchbXN3WCZhx7BqbMBq"},
	{"tz3", "\x06\xa1\xa4", SpaceTezosTz3, VariantTezosTz3, "P-256 key hash", "tz3WMqdzXqRWXwyvj5Hp2H7QEepaUuS7vd9K"},
	{"tz4", "\x06\xa1\xa6", SpaceTezosTz4, VariantTezosTz4, "BLS key hash", "tz4HVR6aty9KwsQFHh81C1G7gBdhxT8kuytm"},
	{"KT1", "\x02\x5a\x79", SpaceTezosKT1, VariantTezosKT1, "contract", "KT1PWx2mnDueood7fEmfbBDKx1D9BAnnXitn"},
	{"sr1", "\x06\x7c\x75", SpaceTezosSr1, VariantTezosSr1, "smart rollup", "sr1Ghq66tYK9y3r8CC1Tf8i8m5nxh8nTvZEf"},
}

func init() {
	n := Network{
		Name:    "tezos",
		Aliases: []string{"xtz"},
		Assets:  []string{"XTZ"},
		CAIP2:   []string{"tezos:NetXdQprcVkpaWU", "tezos:mainnet"},
		Schemes: []string{"tezos"},
		Typos:   "A checksum of 32 bits: a typing error is found.",
		rank:    100,
		fits: func(text string) bool {
			return len(text) >= 36 && (text[:2] == "tz" || text[:3] == "KT1" || text[:3] == "sr1")
		},
		decode: decodeTezos,
	}
	for _, k := range tezosKinds {
		n.Forms = append(n.Forms, Form{k.name + " (" + k.letters + "…)", k.example, "base58check"})
		registerVariant(variant{k.variant, "tezos", k.letters, "tezos", func(payload string) string {
			return versioned(k.version, payload)
		}})
		registerSpace(space{number: k.space})
	}
	n.Forms = append(n.Forms, Form{"contract and entrypoint", "KT1PWx2mnDueood7fEmfbBDKx1D9BAnnXitn%transfer", "base58check"})
	register(n)
}

// decodeTezos reads an address; the entrypoint that a call names behind % is no part of it.
func decodeTezos(text string, a *Address) *Error {
	text, entrypoint, called := strings.Cut(text, "%")
	if called && !isEntrypoint(entrypoint) {
		return refuseAt(BadCharacter, len(text)+1, "an entrypoint has at most 31 letters, digits, _ . % @")
	}
	var room [maxBase58]byte
	raw, fail := base58Bitcoin.decodeCheck(room[:0], text)
	switch {
	case fail != nil:
		return fail
	case len(raw) < 3:
		return refuse(BadLength, "a Tezos address has 36 characters")
	}
	for i := range tezosKinds {
		k := &tezosKinds[i]
		if string(raw[:3]) != k.version {
			continue
		}
		if len(raw) != 23 {
			return refuse(BadLength, "a Tezos address holds a hash of 20 bytes")
		}
		a.setText(k.space, k.variant, raw[3:], text)
		if called {
			a.Attributes = append(a.Attributes, Attribute{"entrypoint", entrypoint})
		}
		return nil
	}
	return refuse(UnsupportedKind, "the version is of no account, contract or rollup of Tezos")
}

// isEntrypoint follows the annotations of Michelson.
func isEntrypoint(text string) bool {
	for i := range len(text) {
		c := text[i]
		if !isLower(c) && !isUpper(c) && (c < '0' || c > '9') && c != '_' && (i == 0 || c != '.' && c != '%' && c != '@') {
			return false
		}
	}
	return text != "" && len(text) <= 31
}
