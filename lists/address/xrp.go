package address

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// The XRP Ledger. Sources: xrpl.org "Base58 encodings" (classic address r…, version 0x00, the ledger's own alphabet), XLS-5
// (X-address: prefix 05 44, account, flags, tag). The tag says whose the money is inside an exchange; the account is the same.

const (
	prefixX     = "\x05\x44"
	prefixTestX = "\x04\x93"
)

func init() {
	register(Network{
		Name:    "xrp",
		Aliases: []string{"ripple", "xrpl", "xrp-ledger"},
		Assets:  []string{"XRP"},
		CAIP2:   []string{"xrpl:0"},
		Schemes: []string{"xrp", "xrpl", "ripple"},
		Forms: []Form{
			{"classic", "rGWrZyQqhTp9Xu7G5Pkayo7bXjH4k4QYpf", "base58check"},
			{"X-address", "XVLhHMPHU98es4dbozjVtdWzVrDjtV18pX8yuPT7y4xaEHi", "base58check"},
			{"classic with tag", "rGWrZyQqhTp9Xu7G5Pkayo7bXjH4k4QYpf?dt=1", "base58check, not over the tag"},
		},
		Typos: "A checksum of 32 bits: a typing error is found, but not in a tag written behind.",
		rank:  62,
		fits: func(text string) bool {
			return text[0] == 'r' && len(text) >= 24 && len(text) < 64 || (text[0] == 'X' || text[0] == 'T') && len(text) > 44 && len(text) < 50
		},
		decode: decodeXRP,
	})
	registerVariant(variant{VariantXRP, "xrp", "", "xrp", func(payload string) string {
		var in [24]byte
		var out [48]byte
		return string(base58Ripple.encodeCheck(out[:0], append(in[:1], payload...)))
	}})
}

func decodeXRP(text string, a *Address) *Error {
	// A tag may stand behind a classic address: r…?dt=1, r…:1.
	account, tag := text, ""
	if at := strings.IndexAny(text, "?:"); at > 0 {
		account, tag = text[:at], text[at+1:]
		if text[at] == '?' {
			first, _, _ := strings.Cut(tag, "&")
			name, value, _ := strings.Cut(first, "=")
			if name != "dt" && name != "tag" {
				return refuse(BadCharacter, "it has a parameter that is no destination tag")
			}
			tag = value
		}
		if n, err := strconv.ParseUint(tag, 10, 32); err != nil || strconv.FormatUint(n, 10) != tag {
			return refuse(BadCharacter, "its destination tag is not a number of 32 bits")
		}
	}
	var room [maxBase58]byte
	body, fail := base58Ripple.decodeCheck(room[:0], account)
	if fail != nil {
		return fail
	}
	switch {
	case len(body) == 21 && body[0] == 0:
		a.setText(SpaceHash160, VariantXRP, body[1:], account)
	case len(body) == 31 && string(body[:2]) == prefixX:
		return decodeX(body[2:], tag, a)
	case len(body) == 31 && string(body[:2]) == prefixTestX:
		return refuse(Testnet, "it is an X-address of a test network")
	case len(body) == 34 || len(body) == 36:
		return refuse(UnsupportedKind, "it is a public key, not an address")
	default:
		return refuse(BadLength, "it does not hold an account of 20 bytes")
	}
	if tag != "" {
		a.Attributes = append(a.Attributes, Attribute{"tag", tag})
	}
	return nil
}

// decodeX reads the account, flags and tag of an X-address. behind is a tag that stood behind the text.
func decodeX(body []byte, behind string, a *Address) *Error {
	account, flags, tag := body[:20], body[20], binary.LittleEndian.Uint64(body[21:])
	switch {
	case flags > 1 || flags == 1 && tag > 1<<32-1:
		return refuse(UnsupportedKind, "an X-address with a tag of 64 bits is not defined yet")
	case flags == 0 && tag != 0:
		return refuse(BadChecksum, "its tag is set and said not to be")
	case behind != "" && (flags == 0 || behind != strconv.FormatUint(tag, 10)):
		return refuse(TwoAddresses, "the tag behind it is not the tag inside")
	}
	var in [24]byte
	var out [48]byte
	a.set(SpaceHash160, VariantXRP, account, base58Ripple.encodeCheck(out[:0], append(in[:1], account...)))
	if flags == 1 {
		a.Attributes = append(a.Attributes, Attribute{"tag", strconv.FormatUint(tag, 10)})
	}
	return nil
}
