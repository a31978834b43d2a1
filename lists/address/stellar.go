package address

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// Version bytes of strkeys (SEP-23): the top five bits are the kind and give the first letter.
const (
	strkeyAccount  = 6 << 3  // G
	strkeyMuxed    = 12 << 3 // M
	strkeyContract = 2 << 3  // C
	strkeySeed     = 18 << 3 // S
)

// stellarKinds names the strkeys that are no place to send to.
var stellarKinds = map[byte]string{
	1 << 3:  "it is the id of a claimable balance (B…), not an account",
	11 << 3: "it is the id of a liquidity pool (L…), not an account",
	15 << 3: "it is a signed payload (P…), not an account",
	19 << 3: "it is the hash of a pre-authorised transaction (T…), not an account",
	23 << 3: "it is a hash signer (X…), not an account",
}

func init() {
	register(Network{
		Name:    "stellar",
		Aliases: []string{"xlm", "stellar-lumens"},
		Assets:  []string{"XLM"},
		CAIP2:   []string{"stellar:pubnet"},
		Schemes: []string{"stellar", "web+stellar"},
		Forms: []Form{
			{"account (G…)", "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ", "CRC-16"},
			{"muxed account (M…)", "MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUQ", "CRC-16"},
			{"contract (C…)", "CA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUWDA", "CRC-16"},
		},
		Typos:  "A checksum of 16 bits: a typing error passes once in 65,536.",
		rank:   100,
		fits:   fitsStellar,
		decode: decodeStellar,
		uri:    stellarURI,
	})
	registerVariant(variant{VariantStellar, "stellar", "account", "stellar", func(payload string) string {
		return string(appendStrkey(nil, strkeyAccount, []byte(payload)))
	}})
	registerVariant(variant{VariantStellarContract, "stellar", "contract", "stellar", func(payload string) string {
		return string(appendStrkey(nil, strkeyContract, []byte(payload)))
	}})
	registerSpace(space{number: SpaceStellarContract})
}

func fitsStellar(text string) bool {
	if len(text) < 56 {
		return false
	}
	switch text[0] {
	case 'G':
		return len(text) == 56 || text[56] == '-'
	case 'C', 'L':
		return len(text) == 56
	case 'M':
		return len(text) == 69
	case 'B':
		return len(text) == 58
	}
	return false
}

// decodeStellar reads a strkey by SEP-23. A muxed account is the account it lies in, its id an
// attribute; a memo behind a hyphen is what CAIP-10 of the stellar namespace adds to an account.
func decodeStellar(text string, a *Address) *Error {
	memo := ""
	if len(text) > 57 && text[0] == 'G' && text[56] == '-' {
		text, memo = text[:56], text[57:]
		if len(memo) > 28 && !(len(memo) == 64 && isHex(memo)) {
			return refuseAt(BadLength, 57, "a memo has at most 28 characters, or 64 hex digits")
		}
	}
	if len(text) > 120 {
		return refuse(BadLength, "no strkey is as long")
	}
	var room [80]byte
	raw, reason, at := base32Upper.decode(room[:0], text)
	switch {
	case reason == BadCharacter && isLower(text[at]):
		return folded(refuseAt(MixedCase, at, "strkeys are written in capitals"), strings.ToUpper(text), a, decodeStellar)
	case reason == BadCharacter:
		return refuseAt(BadCharacter, at, "not a letter of base32 (A–Z, 2–7)")
	case reason == BadLength || len(raw) < 3:
		return refuse(BadLength, "no strkey has this length")
	}
	version, body := raw[0], raw[1:len(raw)-2]
	switch version {
	case strkeySeed: // whatever its length and checksum: a mistyped seed gives its owner away as well
		return refuse(SecretMaterial, "it is a secret seed")
	case strkeyAccount, strkeyContract:
		if len(body) != 32 {
			return refuse(BadLength, "a strkey of this kind has 56 characters")
		}
	case strkeyMuxed:
		if len(body) != 40 {
			return refuse(BadLength, "a muxed account has 69 characters")
		}
	}
	if reason != "" || crc16(raw[:len(raw)-2]) != binary.LittleEndian.Uint16(raw[len(raw)-2:]) {
		return refuse(BadChecksum, "the CRC-16 is wrong")
	}
	switch version {
	case strkeyAccount:
		a.setText(SpaceEd25519, VariantStellar, body, text)
		if memo != "" {
			a.Attributes = append(a.Attributes, Attribute{"memo", memo})
		}
	case strkeyContract:
		a.setText(SpaceStellarContract, VariantStellarContract, body, text)
	case strkeyMuxed:
		id := strconv.FormatUint(binary.BigEndian.Uint64(body[32:]), 10)
		var human [56]byte
		a.set(SpaceEd25519, VariantStellar, body[:32], appendStrkey(human[:0], strkeyAccount, body[:32]))
		a.Attributes = append(a.Attributes, Attribute{"muxed_id", id})
	default:
		if kind := stellarKinds[version]; kind != "" {
			return refuse(UnsupportedKind, kind)
		}
		return refuse(UnsupportedKind, "no known kind of strkey")
	}
	return nil
}

// appendStrkey writes a payload as SEP-23 says.
func appendStrkey(dst []byte, version byte, payload []byte) []byte {
	var room [48]byte
	raw := append(append(room[:0], version), payload...)
	raw = binary.LittleEndian.AppendUint16(raw, crc16(raw))
	return base32Upper.append(dst, raw)
}

// stellarURI reads web+stellar:pay?destination=… (SEP-7), and stellar:ADDRESS as wallets write it.
func stellarURI(scheme, rest string, u *unwrapped) *Error {
	if scheme != "web+stellar" {
		return readURI(rest, u)
	}
	operation, query, _ := strings.Cut(rest, "?")
	if operation != "pay" {
		return refuse(UnsupportedKind, "the URI is no payment (SEP-7 pay)")
	}
	at := len(operation) + 1
	u.text = ""
	for part := range strings.SplitSeq(query, "&") {
		if destination, ok := strings.CutPrefix(part, "destination="); ok {
			if u.text != "" {
				return refuse(TwoAddresses, "the URI pays more than one address")
			}
			u.text = destination
			u.offset += at + len("destination=")
		}
		at += len(part) + 1
	}
	return readQuery(u.text, query, u)
}
