package address

import (
	"encoding/binary"
	"encoding/hex"
	"net/url"
	"strings"
)

// Bits of the tag byte of a user-friendly address (TEP-2).
const (
	tonBounceable    = 0x11
	tonNonBounceable = 0x51
	tonTestnetOnly   = 0x80
)

// base64Value gives the 6 bits of a letter of either base64 alphabet, 0xff for others.
var base64Value = func() (v [256]uint8) {
	for i := range v {
		v[i] = 0xff
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		v[c] = uint8(i)
	}
	v['-'], v['_'] = 62, 63
	return v
}()

func init() {
	register(Network{
		Name:    "ton",
		Aliases: []string{"toncoin", "the-open-network"},
		Assets:  []string{"TON"},
		CAIP2:   []string{"tvm:-239"},
		Schemes: []string{"ton"},
		Forms: []Form{
			{"bounceable", "EQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPrHF", "CRC-16"},
			{"not bounceable", "UQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPuwA", "CRC-16"},
			{"in standard base64", "EQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff+W72r5gqPrHF", "CRC-16"},
			{"with the test network's flag", "kQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPgpP", "CRC-16"},
			{"raw", "0:ca6e321c7cce9ecedf0a8ca2492ec8592494aa5fb5ce0387dff96ef6af982a3e", "none"},
		},
		Typos: "A checksum of 16 bits: a typing error passes once in 65,536. None in the raw form.",
		rank:  100,
		fits: func(text string) bool {
			return len(text) == 48 || strings.HasPrefix(text, "0:") || strings.HasPrefix(text, "-1:")
		},
		decode: decodeTON,
		uri:    tonURI,
	})
	registerVariant(variant{VariantTON, "ton", "", "ton", func(payload string) string {
		var room [67]byte
		return string(appendTON(room[:0], []byte(payload)))
	}})
	registerSpace(space{number: SpaceTON})
}

// decodeTON reads an account raw (workchain:hash) or in one of the eight user-friendly spellings of
// TEP-2: bounceable or not, for test networks only or not, in either base64 alphabet. They are one account;
// what the tag asks of a sender is an attribute or a notice.
func decodeTON(text string, a *Address) *Error {
	if workchain, hash, ok := strings.Cut(text, ":"); ok {
		return decodeTONRaw(workchain, hash, a)
	}
	if len(text) != 48 {
		return refuse(BadLength, "a user-friendly address has 48 characters, without padding")
	}
	var raw [36]byte
	var standard, safe bool
	for i := 0; i < 48; i += 4 {
		var group uint32
		for j := i; j < i+4; j++ {
			c := text[j]
			v := base64Value[c]
			if v == 0xff {
				return refuseAt(BadCharacter, j, "not a letter of base64")
			}
			standard = standard || c == '+' || c == '/'
			safe = safe || c == '-' || c == '_'
			group = group<<6 | uint32(v)
		}
		raw[i/4*3], raw[i/4*3+1], raw[i/4*3+2] = byte(group>>16), byte(group>>8), byte(group)
	}
	switch {
	case standard && safe:
		return refuse(BadCharacter, "it mixes the two base64 alphabets")
	case crc16(raw[:34]) != binary.BigEndian.Uint16(raw[34:]):
		return refuse(BadChecksum, "the CRC-16 is wrong")
	}
	switch raw[0] &^ tonTestnetOnly {
	case tonBounceable:
		a.Attributes = append(a.Attributes, Attribute{"bounceable", "true"})
	case tonNonBounceable:
		a.Attributes = append(a.Attributes, Attribute{"bounceable", "false"})
	default:
		return refuseAt(UnsupportedKind, 0, "the tag is of no account")
	}
	if raw[1] != 0 && raw[1] != 0xff {
		return refuse(UnsupportedKind, "accounts are in workchain 0 or −1")
	}
	if raw[0]&tonTestnetOnly != 0 {
		a.Notices = append(a.Notices, "testnet_flag")
	}
	a.setTON(raw[1:34])
	return nil
}

func decodeTONRaw(workchain, hash string, a *Address) *Error {
	var raw [33]byte
	switch workchain {
	case "0":
	case "-1":
		raw[0] = 0xff
	default:
		return refuse(UnsupportedKind, "accounts are in workchain 0 or −1")
	}
	if len(hash) != 64 {
		return refuse(BadLength, "the hash behind the workchain has 64 hex digits")
	}
	if fail := hexRight(raw[1:], hash); fail != nil {
		fail.Position += len(workchain) + 1
		return fail
	}
	a.setTON(raw[:])
	return nil
}

func (a *Address) setTON(raw []byte) {
	var human [67]byte
	a.set(SpaceTON, VariantTON, raw, appendTON(human[:0], raw))
}

// appendTON writes the raw form: the one spelling that asks nothing of a sender.
func appendTON(dst, raw []byte) []byte {
	if raw[0] == 0xff {
		dst = append(dst, "-1:"...)
	} else {
		dst = append(dst, "0:"...)
	}
	return hex.AppendEncode(dst, raw[1:])
}

// tonURI reads ton://transfer/ADDRESS?… (github.com/ton-blockchain/wallet-api), whose address may have its
// + and / percent-encoded, and ton:ADDRESS.
func tonURI(_, rest string, u *unwrapped) *Error {
	if fail := readURI(rest, u); fail != nil {
		return fail
	}
	if strings.HasPrefix(u.text, "transfer/") {
		u.text = u.text[len("transfer/"):]
		u.offset += len("transfer/")
	}
	if strings.IndexByte(u.text, '%') >= 0 {
		plain, err := url.PathUnescape(u.text)
		if err != nil {
			return refuse(BadCharacter, "the percent-encoding is broken")
		}
		u.text = plain
	}
	return nil
}
