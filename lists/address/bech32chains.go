package address

import "strings"

// Chains whose addresses are bech32 or bech32m of whole bytes. Sources:
//   - MultiversX: mx-sdk-js-core, address.ts; a contract's 32 bytes begin with eight zeros
//   - Oasis: oasis-core, staking/api/address.go: version 0 and the hash of a context and a key
//   - Zilliqa: ZIP-1, ZRC; the 20 bytes are also written as hex
//   - Nervos: RFC 21 of the CKB: the full format of 2021 (bech32m), and the two before it (bech32)
//   - Pactus: pactus-project/pactus, crypto/address.go: the first five bits are the kind of address
//   - Chia: chia-blockchain, util/bech32m.py

// bech32Kind is one kind of address of such a chain.
type bech32Kind struct {
	name    string
	lead    string // bytes with which the payload begins; the first kind that matches is taken
	space   Space
	variant Variant
}

// bech32Chain is one such chain.
type bech32Chain struct {
	network string
	aliases []string
	assets  []string
	caip2   []string
	hrp     string
	test    string // human-readable part of a test network
	code    bech32Code
	size    int // of the payload, in bytes
	kinds   []bech32Kind
}

var bech32Chains = []bech32Chain{
	{network: "multiversx", aliases: []string{"elrond", "egld", "erd"}, assets: []string{"EGLD", "ERD"}, caip2: []string{"mvx:1"}, hrp: "erd", code: bech32Plain, size: 32,
		kinds: []bech32Kind{{"contract", "\x00\x00\x00\x00\x00\x00\x00\x00", SpaceContract, VariantMultiversXContract}, {"account", "", SpaceEd25519, VariantMultiversX}}},
	{network: "oasis", aliases: []string{"rose"}, assets: []string{"ROSE"}, hrp: "oasis", code: bech32Plain, size: 21,
		kinds: []bech32Kind{{"account", "\x00", SpaceOasis, VariantOasis}}},
	{network: "chia", aliases: []string{"xch"}, assets: []string{"XCH"}, hrp: "xch", test: "txch", code: bech32M, size: 32,
		kinds: []bech32Kind{{"account", "", SpaceChia, VariantChia}}},
}

func init() {
	for i := range bech32Chains {
		c := &bech32Chains[i]
		n := c.describe()
		for _, k := range c.kinds {
			n.Forms = append(n.Forms, Form{k.name, bech32Text(c.hrp, (k.lead + exampleBytes + exampleBytes)[:c.size], c.code), c.checksum()})
			registerVariant(variant{k.variant, c.network, k.name, c.network, func(payload string) string {
				if len(payload) != c.size {
					return ""
				}
				return bech32Text(c.hrp, payload, c.code)
			}})
		}
		n.decode = c.decode
		register(n)
	}
	registerSpace(space{number: SpaceOasis})
	registerSpace(space{number: SpaceChia})
}

// describe gives the network without its forms and its decoder.
func (c *bech32Chain) describe() Network {
	return Network{Name: c.network, Aliases: c.aliases, Assets: c.assets, CAIP2: c.caip2, Schemes: []string{c.network},
		Typos: "The bech32 checksum finds up to four wrong characters for certain.", rank: 130,
		first: c.hrp[:1] + strings.ToUpper(c.hrp[:1]), fits: func(text string) bool { return foldedPrefix(text, c.hrp+"1") }}
}

func (c *bech32Chain) checksum() string {
	if c.code == bech32M {
		return "bech32m"
	}
	return "bech32"
}

// lowered gives the text in lower case.
func lowered(dst []byte, text string) []byte {
	for i := range len(text) {
		dst = append(dst, lower(text[i]))
	}
	return dst
}

func (c *bech32Chain) decode(text string, a *Address) *Error {
	if c.test != "" && foldedPrefix(text, c.test+"1") {
		return refuse(Testnet, "it is a test network address")
	}
	var data, room, human [MaxText]byte
	payload, fail := bech32Payload(data[:0], room[:0], text, c.hrp, c.code)
	if fail != nil {
		return fail
	}
	if len(payload) != c.size {
		return refuse(BadLength, "its payload has another length than an address has")
	}
	for i := range c.kinds {
		if k := &c.kinds[i]; strings.HasPrefix(string(payload), k.lead) {
			a.set(k.space, k.variant, payload, lowered(human[:0], text))
			return nil
		}
	}
	return refuse(UnsupportedKind, "its version is of no account")
}
