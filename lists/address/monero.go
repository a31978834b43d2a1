package address

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
)

// Monero. Sources: "Monero address format" (CryptoNote standard 007, cryptonote_basic.cpp) and the base58 of CryptoNote: blocks of 8
// bytes as 11 digits each, the last one shorter. The checksum is the first four bytes of Keccak-256.
// An integrated address holds the keys of the standard one and a payment id: both are one identity. A subaddress
// cannot be linked to its wallet, by design.

// Network bytes of Monero's main network, and where they are used elsewhere.
const (
	moneroStandard   = 18
	moneroIntegrated = 19
	moneroSubaddress = 42
)

// moneroTests are the network bytes of testnet (53, 54, 63) and stagenet (24, 25, 36).
const moneroTests = "\x35\x36\x3f\x18\x19\x24"

func init() {
	register(Network{
		Name:    "monero",
		Aliases: []string{"xmr"},
		Assets:  []string{"XMR"},
		Schemes: []string{"monero"},
		Forms: []Form{
			{"standard", "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A", "Keccak-256"},
			{"subaddress", "888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoogDavup3H", "Keccak-256"},
			{"integrated", "4BfiDbmRvfiYRWN4j6ZxExMHpGLxmmZiA1PaUK3U4TRReD4or1y6sXsREmm59xHPxTJB5VW32a2mjKRC8uHKJYJUfBkmi8zG3YP41Go6vQ", "Keccak-256"},
		},
		Typos: "A checksum of 32 bits: a typing error is found.",
		rank:  44,
		// A bare 64 hex text is a payment id or transaction id more often than a key; one is on the OFAC list.
		hex64: true,
		fits: func(text string) bool {
			return len(text) > 90 && len(text) < 110 && (text[0] == '4' || text[0] == '8' || text[0] == '5' || text[0] == '7' || text[0] == '9' || text[0] == 'A' || text[0] == 'B')
		},
		decode: decodeMonero,
	})
	registerVariant(variant{VariantMonero, "monero", "standard", "monero", func(keys string) string { return moneroText(moneroStandard, keys) }})
	registerVariant(variant{VariantMoneroSubaddress, "monero", "subaddress", "monero", func(keys string) string { return moneroText(moneroSubaddress, keys) }})
	registerSpace(space{number: SpaceMonero})
}

// moneroKind is what a chain made from Monero's code has of its own: network bytes, those of its test networks, and variants.
type moneroKind struct {
	standard, integrated, subaddress byte
	tests                            string
	main, sub                        Variant
}

func decodeMonero(text string, a *Address) *Error {
	return decodeMoneroKind(text, a, &moneroKind{moneroStandard, moneroIntegrated, moneroSubaddress, moneroTests, VariantMonero, VariantMoneroSubaddress})
}

func decodeMoneroKind(text string, a *Address, c *moneroKind) *Error {
	if isHex(text) && (len(text) == 64 || len(text) == 16) {
		return refuse(UnsupportedKind, "it is a payment id, a transaction id or a key, not an address")
	}
	if len(text) != 95 && len(text) != 106 {
		return refuse(BadLength, "an address has 95 or 106 characters")
	}
	var room [80]byte
	body, fail := moneroDecode(room[:0], text)
	if fail != nil {
		return fail
	}
	body, sum := body[:len(body)-4], body[len(body)-4:]
	if digest := keccak256(body); string(digest[:4]) != string(sum) {
		return refuse(BadChecksum, "the Keccak-256 checksum does not match")
	}
	keys := body[1:65]
	switch {
	case body[0] == c.standard && len(body) == 65:
		a.setText(SpaceMonero, c.main, keys, text)
	case body[0] == c.subaddress && len(body) == 65:
		a.setText(SpaceMonero, c.sub, keys, text)
	case body[0] == c.integrated && len(body) == 73:
		a.setText(SpaceMonero, c.main, keys, moneroText(c.standard, string(keys)))
		a.Attributes = append(a.Attributes, Attribute{"payment_id", hex.EncodeToString(body[65:])})
	case indexByte(c.tests, body[0]):
		return refuse(Testnet, "its network byte is of a test network")
	case body[0] == c.standard || body[0] == c.subaddress || body[0] == c.integrated:
		return refuse(BadLength, "its length is not the one its network byte states")
	default:
		return refuse(WrongNetwork, "its network byte is of another network")
	}
	return nil
}

func indexByte(set string, c byte) bool {
	for i := range len(set) {
		if set[i] == c {
			return true
		}
	}
	return false
}

func moneroText(network byte, keys string) string {
	var room, out [106]byte
	room[0] = network
	body := append(room[:1], keys...)
	sum := keccak256(body)
	return string(moneroEncode(out[:0], append(body, sum[:4]...)))
}

// moneroDigits is how many digits a block of so many bytes takes.
var moneroDigits = [9]int{0, 2, 3, 5, 6, 7, 9, 10, 11}

// moneroDecode appends the bytes of all blocks; a block whose number does not fit is refused.
func moneroDecode(dst []byte, text string) ([]byte, *Error) {
	for start := 0; start < len(text); start += 11 {
		block := text[start:min(len(text), start+11)]
		size := 0
		for size < 8 && moneroDigits[size] != len(block) {
			size++
		}
		if moneroDigits[size] != len(block) {
			return dst, refuse(BadLength, "its last block has an impossible length")
		}
		number := uint64(0)
		for i := range len(block) {
			v := base58Bitcoin.value[block[i]]
			if v < 0 {
				return dst, refuseAt(BadCharacter, start+i, "it is no character of the base58 alphabet")
			}
			hi, lo := bits.Mul64(number, 58)
			sum, carry := bits.Add64(lo, uint64(v), 0)
			if hi != 0 || carry != 0 {
				return dst, refuse(BadChecksum, "a block in it is too large")
			}
			number = sum
		}
		if size < 8 && number>>(8*size) != 0 {
			return dst, refuse(BadChecksum, "a block in it is too large")
		}
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], number)
		dst = append(dst, b[8-size:]...)
	}
	return dst, nil
}

func moneroEncode(dst, src []byte) []byte {
	for start := 0; start < len(src); start += 8 {
		block := src[start:min(len(src), start+8)]
		number := uint64(0)
		for _, c := range block {
			number = number<<8 | uint64(c)
		}
		at := len(dst)
		for range moneroDigits[len(block)] {
			dst = append(dst, '1')
		}
		for i := len(dst) - 1; i >= at; i-- {
			dst[i] = base58Bitcoin.digits[number%58]
			number /= 58
		}
	}
	return dst
}
