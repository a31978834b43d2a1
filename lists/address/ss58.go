package address

import (
	_ "embed"
	"slices"

	"golang.org/x/crypto/blake2b"
)

// Substrate chains: SS58 (docs.substrate.io, "SS58 address format"; registry: paritytech/ss58-registry).

// ss58Generic is the prefix that every chain takes: the account id written for no chain in particular.
const ss58Generic = 42

// ss58Chain is one row of the table.
type ss58Chain struct {
	variant Variant
	name    string
	prefix  uint16   // that of its canonical text
	also    []uint16 // further ones that it takes
	display string
	caip2   []string
	aliases []string
	assets  []string
}

//go:embed ss58.tsv
var ss58Table string

// ss58Chains are the rows of ss58.tsv, in its order.
var ss58Chains = func() (chains []ss58Chain) {
	for _, row := range tableRows("ss58.tsv", ss58Table, 8) {
		c := ss58Chain{variant: tableNumber[Variant]("ss58.tsv", row[0]), name: row[1], prefix: tableNumber[uint16]("ss58.tsv", row[2]),
			display: row[4], caip2: tableList(row[5]), aliases: tableList(row[6]), assets: tableList(row[7])}
		for _, also := range tableList(row[3]) {
			c.also = append(c.also, tableNumber[uint16]("ss58.tsv", also))
		}
		for i := range c.caip2 {
			c.caip2[i] = "polkadot:" + c.caip2[i]
		}
		chains = append(chains, c)
	}
	return chains
}()

// takes tells whether the chain takes a prefix.
func (c *ss58Chain) takes(prefix uint16) bool {
	return prefix == ss58Generic || prefix == c.prefix || c.variant == VariantSubstrate || slices.Contains(c.also, prefix)
}

// ss58ByPrefix finds the networks of a prefix. Those of the generic prefix are also the ones of an account id in hex: all chains share
// the bytes, and the look-up of one finds a listing of any.
var ss58ByPrefix = map[uint16][]*Network{}

// likeSS58 is a cheap test that passes over what no account of a Substrate chain is.
func likeSS58(text string) bool {
	return len(text) >= 47 && len(text) <= 49 || len(text) == 66 && text[0] == '0' && text[1]|0x20 == 'x'
}

// readsSS58 gives the networks whose prefix the text has.
func readsSS58(text string) []*Network {
	switch {
	case !likeSS58(text):
		return nil
	case len(text) == 66:
		return ss58ByPrefix[ss58Generic]
	}
	var room [maxBase58]byte
	raw, fail := base58Bitcoin.decode(room[:0], text)
	if fail != nil {
		return ss58ByPrefix[ss58Generic] // they refuse it, with the position of the fault
	}
	prefix, _, fail := splitSS58(raw)
	if fail != nil {
		return ss58ByPrefix[ss58Generic]
	}
	return ss58ByPrefix[prefix]
}

func init() {
	key := "\xd4\x35\x93\xc7\x15\xfd\xd3\x1c\x61\x14\x1a\xbd\x04\xa9\x9f\xd6\x82\x2c\x85\x58\x85\x4c\xcd\xe3\x9a\x56\x84\xe7\xa5\x6d\xa2\x7d" // Alice of Substrate's documentation
	for i := range ss58Chains {
		c := &ss58Chains[i]
		write := func(payload string) string {
			var room [64]byte
			return string(appendSS58(room[:0], c.prefix, []byte(payload)))
		}
		n := Network{
			Name:    c.name,
			Aliases: c.aliases,
			Assets:  c.assets,
			CAIP2:   c.caip2,
			Forms: []Form{
				{"SS58", write(key), "BLAKE2b of 2 bytes"},
				{"SS58 with the generic prefix 42", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "BLAKE2b of 2 bytes"},
				{"public key", "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d", "none"},
			},
			Typos:  "A checksum of 16 bits: a typing error passes once in 65,536. None in the hex form.",
			Family: "ss58",
			rank:   100,
			hex64:  true, // behind 0x; decodeSS58 refuses bare digits
			decode: func(text string, a *Address) *Error { return decodeSS58(text, c, a) },
		}
		if c.variant == VariantSubstrate {
			n.rank = 199 // behind the chain that the prefix names
			n.fits = likeSS58
		}
		if c.variant <= VariantSubstrate { // these were here before the table
			n.Schemes = []string{c.name}
		}
		registered := register(n)
		registerVariant(variant{c.variant, c.name, "", c.name, write})
		switch {
		case c.variant == VariantSubstrate:
		case c.variant < VariantSubstrate:
			ss58ByPrefix[ss58Generic] = append(ss58ByPrefix[ss58Generic], registered)
			fallthrough
		default:
			for _, prefix := range append(c.also, c.prefix) {
				if prefix != ss58Generic {
					ss58ByPrefix[prefix] = append(ss58ByPrefix[prefix], registered)
				}
			}
		}
	}
	registerFamily(100, readsSS58)
	registerSpace(space{number: SpaceSS58, relate: relateSS58})
}

func relateSS58(_ Key, _ Variant, askedAs Role, _ Variant, listedAs Role) (Class, string) {
	if askedAs != 0 || listedAs != 0 {
		return None, ""
	}
	return SameKey, "the same account id under the SS58 prefix of another chain; certain for keys, not for proxies, multisigs and pallets"
}

// decodeSS58 reads prefix, account id and checksum, or the id in hex behind 0x.
func decodeSS58(text string, c *ss58Chain, a *Address) *Error {
	var room [maxBase58]byte
	var human [64]byte
	if digits, prefixed := without0x(text); isHex(digits) && len(digits) >= 60 {
		switch {
		case len(digits) != 64:
			return refuse(BadLength, "an account id has 64 hex digits")
		case !prefixed && isICPAccount(digits):
			return refuse(WrongNetwork, "it is an account id of the Internet Computer")
		case !prefixed:
			return refuse(SecretMaterial, "64 hex digits without 0x are how secret seeds are written")
		}
		id, _ := hexDecode(room[:0], digits)
		a.set(SpaceSS58, c.variant, id, appendSS58(human[:0], c.prefix, id))
		return nil
	}
	raw, fail := base58Bitcoin.decode(room[:0], text)
	if fail != nil {
		return fail
	}
	found, id, fail := splitSS58(raw)
	if fail != nil {
		return fail
	}
	if sum := ss58Sum(raw[:len(raw)-2]); string(sum[:2]) != string(raw[len(raw)-2:]) {
		return refuse(BadChecksum, "the SS58 checksum is wrong")
	}
	switch {
	case found == 46 || found == 47:
		return refuse(UnsupportedKind, "the SS58 prefixes 46 and 47 are reserved")
	case len(raw) == 36 && found < 64:
		return refuse(UnsupportedKind, "an SS58 prefix below 64 is written in one byte")
	case !c.takes(found):
		return refuse(WrongNetwork, "the SS58 prefix is of another chain")
	}
	if found == c.prefix {
		a.setText(SpaceSS58, c.variant, id, text)
	} else {
		a.set(SpaceSS58, c.variant, id, appendSS58(human[:0], c.prefix, id))
	}
	return nil
}

// splitSS58 takes prefix and account id apart: one byte of prefix up to 63; above, 14 bits in two bytes, of which the first has 01 in front.
func splitSS58(raw []byte) (prefix uint16, id []byte, fail *Error) {
	switch {
	case len(raw) == 35 && raw[0] < 64:
		return uint16(raw[0]), raw[1:33], nil
	case len(raw) == 36 && raw[0] >= 64 && raw[0] < 128:
		return uint16(raw[0]&0x3f)<<2 | uint16(raw[1])>>6 | uint16(raw[1]&0x3f)<<8, raw[2:34], nil
	}
	return 0, nil, refuse(BadLength, "an account id has 32 bytes, behind a prefix of one byte or two")
}

func ss58Sum(body []byte) [blake2b.Size]byte {
	var room [48]byte
	return blake2b.Sum512(append(append(room[:0], "SS58PRE"...), body...))
}

func appendSS58(dst []byte, prefix uint16, id []byte) []byte {
	var room [40]byte
	body := room[:0]
	if prefix < 64 {
		body = append(body, byte(prefix))
	} else {
		body = append(body, 0x40|byte(prefix>>2)&0x3f, byte(prefix&3<<6)|byte(prefix>>8))
	}
	body = append(body, id...)
	sum := ss58Sum(body)
	return base58Bitcoin.encode(dst, append(body, sum[:2]...))
}
