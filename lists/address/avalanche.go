package address

import "strings"

// Avalanche's X and P chain; the C chain is of the EVM family (evm.go).

func init() {
	for _, c := range []struct {
		letter, name, caip2 string
		variant             Variant
	}{
		{"X", "avalanche-x", "avax:imji8papUf2EhV3le337w1vgFauqkJg-", VariantAvalancheX},
		{"P", "avalanche-p", "avax:Rr9hnPVPxuUvrdCul-vjEsU1zmqKqRDo", VariantAvalancheP},
	} {
		register(Network{
			Name:    c.name,
			Aliases: []string{string(lower(c.letter[0])) + "-chain", "avax-" + string(lower(c.letter[0]))},
			Assets:  []string{"AVAX"},
			CAIP2:   []string{c.caip2},
			Forms: []Form{
				{"address", c.letter + "-avax1w508d6qejxtdg4y5r3zarvary0c5xw7k0l6nk9", "bech32"},
				{"without the chain's letter", "avax1w508d6qejxtdg4y5r3zarvary0c5xw7k0l6nk9", "bech32"},
			},
			Typos: "The bech32 checksum finds up to four wrong characters for certain.",
			rank:  100,
			fits: func(text string) bool {
				return len(text) > 2 && (text[:2] == c.letter+"-" || foldedPrefix(text, "avax1"))
			},
			decode: func(text string, a *Address) *Error { return decodeAvalanche(text, c.letter[0], c.variant, a) },
		})
		registerVariant(variant{c.variant, c.name, "", c.name, func(payload string) string {
			return c.letter + "-" + bech32Text("avax", payload, bech32Plain)
		}})
	}
}

// decodeAvalanche reads the chain's letter, which may be left out when the network is named, and bech32 of
// the hash160 of a secp256k1 key (docs.avax.network, "Cryptographic primitives").
func decodeAvalanche(text string, letter byte, v Variant, a *Address) *Error {
	offset := 0
	if len(text) > 1 && text[1] == '-' {
		switch text[0] {
		case letter:
			offset = 2
		case 'X', 'P', 'C':
			return refuseAt(WrongNetwork, 0, "it is an address of another chain of Avalanche")
		default:
			return refuseAt(UnsupportedKind, 0, "the letters of Avalanche's chains are X, P and C")
		}
	}
	body := text[offset:]
	switch {
	case len(body) > 1 && body[1] == '-':
		return refuseAt(BadCharacter, offset, "the chain's letter stands twice")
	case foldedPrefix(text, "nodeid-"):
		return refuse(UnsupportedKind, "it is the id of a node, not an address")
	case foldedPrefix(body, "fuji1"):
		return refuse(Testnet, "it is a test network address")
	}
	var data [96]byte
	var room [60]byte
	account, fail := bech32Payload(data[:0], room[:0], body, "avax", bech32Plain)
	if fail != nil {
		if fail.Position >= 0 {
			fail.Position += offset
		}
		if fail.Reason == MixedCase {
			return folded(fail, text[:offset]+strings.ToLower(body), a, func(text string, a *Address) *Error {
				return decodeAvalanche(text, letter, v, a)
			})
		}
		return fail
	}
	if len(account) != 20 {
		return refuse(BadLength, "an address holds 20 bytes")
	}
	var human [48]byte
	canonical := append(human[:0], letter, '-')
	for i := range len(body) {
		canonical = append(canonical, lower(body[i]))
	}
	a.set(SpaceHash160, v, account, canonical)
	return nil
}
