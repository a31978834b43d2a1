package address

import (
	"crypto/sha3"
	"strings"
)

// NEM and Symbol. Sources: NEM technical reference, section 3.2 (Keccak-256, base32 of 25 bytes); Symbol technical reference, "Addresses"
// (SHA3-256, base32 of 24 bytes). The first byte is the network: 0x68 of both main networks. Both write hyphens for the reader.

const nemMain = 0x68

// nemChain is one of the two.
type nemChain struct {
	network string
	alias   string
	space   Space
	variant Variant
	letters int // without hyphens
	check   func(body []byte) [32]byte
}

var nemChains = [2]nemChain{
	{"nem", "xem", SpaceNEM, VariantNEM, 40, keccak256},
	{"symbol-chain", "xym", SpaceSymbol, VariantSymbol, 39, sha3.Sum256},
}

func init() {
	for i := range nemChains {
		c := &nemChains[i]
		plain := c.text(exampleBytes[:20])
		register(Network{
			Name: c.network, Aliases: []string{c.alias}, Assets: []string{strings.ToUpper(c.alias)}, Schemes: []string{c.network},
			Forms: []Form{{"address", plain, "base32"}, {"with hyphens", hyphened(plain), "base32"}},
			Typos: "A checksum of 24 to 32 bits: a typing error is found.",
			rank:  130, first: "NT",
			fits:   func(text string) bool { return len(text)-strings.Count(text, "-") == c.letters },
			decode: c.decode,
		})
		registerVariant(variant{c.variant, c.network, "", c.network, c.text})
		registerSpace(space{number: c.space})
	}
}

// hyphened puts a hyphen behind every six letters.
func hyphened(text string) string {
	var parts []string
	for ; len(text) > 6; text = text[6:] {
		parts = append(parts, text[:6])
	}
	return strings.Join(append(parts, text), "-")
}

func (c *nemChain) text(payload string) string {
	body := append([]byte{nemMain}, payload...)
	sum := c.check(body)
	return string(base32Upper.append(nil, append(body, sum[:c.letters*5/8-21]...)))
}

func (c *nemChain) decode(text string, a *Address) *Error {
	plain := strings.ReplaceAll(text, "-", "")
	switch {
	case len(plain) != c.letters:
		return refuse(BadLength, "an address has another number of letters")
	case plain != text && text != hyphened(plain):
		return refuse(BadCharacter, "hyphens stand behind every sixth letter")
	}
	body, reason, at := base32Upper.decode(nil, plain)
	if reason != "" {
		return refuseAt(reason, at, "it is not base32 in capitals")
	}
	sum := c.check(body[:21])
	switch {
	case string(sum[:len(body)-21]) != string(body[21:]):
		return refuse(BadChecksum, "the checksum does not match")
	case body[0] == 0x98:
		return refuse(Testnet, "its first byte is of a test network")
	case body[0] != nemMain:
		return refuse(WrongNetwork, "its first byte is of another network")
	}
	a.set(c.space, c.variant, body[1:21], []byte(plain))
	return nil
}
