package address

import "golang.org/x/crypto/blake2b"

// Substrate chains: SS58 (docs.substrate.io, "SS58 address format"; registry: paritytech/ss58-registry).

// ss58Generic is the prefix that every chain takes: the account id written for no chain in particular.
const ss58Generic = 42

func init() {
	for _, c := range []struct {
		name    string
		aliases []string
		assets  []string
		caip2   []string
		variant Variant
		prefix  uint16 // that of its canonical text
		also    uint16 // another one in the registry that it takes
		example string
	}{
		{"polkadot", []string{"dot"}, []string{"DOT"}, []string{"polkadot:91b171bb158e2d3848fa23a9f1c25182"}, VariantPolkadot, 0, 0, "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"},
		{"kusama", []string{"ksm"}, []string{"KSM"}, []string{"polkadot:b0a8d493285c2df73290dfb7e61f870f"}, VariantKusama, 2, 2, "HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F"},
		// Bittensor writes the generic prefix; 13 is what it has in the registry.
		{"bittensor", []string{"tao"}, []string{"TAO"}, []string{"polkadot:2f0555cc76fc2840a25a6ea3b9637146"}, VariantBittensor, ss58Generic, 13, "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"},
		{"astar", []string{"astr"}, []string{"ASTR"}, []string{"polkadot:9eb76c5184c4ab8679d2d5d819fdf90b"}, VariantAstar, 5, 5, "ajYMsCKsEAhEvHpeA4XqsfiA9v1CdzZPrCfS6pEfeGHW9j8"},
		{"substrate", nil, nil, nil, VariantSubstrate, ss58Generic, 0, "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"},
	} {
		takes := func(prefix uint16) bool {
			return prefix == ss58Generic || prefix == c.prefix || prefix == c.also || c.variant == VariantSubstrate
		}
		rank := 100
		if c.variant == VariantSubstrate {
			rank = 199 // behind the chain that the prefix names
		}
		register(Network{
			Name:    c.name,
			Aliases: c.aliases,
			Assets:  c.assets,
			CAIP2:   c.caip2,
			Schemes: []string{c.name},
			Forms: []Form{
				{"SS58", c.example, "BLAKE2b of 2 bytes"},
				{"SS58 with the generic prefix 42", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "BLAKE2b of 2 bytes"},
				{"public key", "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d", "none"},
			},
			Typos: "A checksum of 16 bits: a typing error passes once in 65,536. None in the hex form.",
			rank:  rank,
			hex64: true, // behind 0x; decodeSS58 refuses bare digits
			fits: func(text string) bool {
				return len(text) >= 47 && len(text) <= 49 || len(text) == 66 && text[0] == '0' && text[1]|0x20 == 'x'
			},
			decode: func(text string, a *Address) *Error { return decodeSS58(text, takes, c.prefix, c.variant, a) },
		})
		registerVariant(variant{c.variant, c.name, "", c.name, func(payload string) string {
			var room [64]byte
			return string(appendSS58(room[:0], c.prefix, []byte(payload)))
		}})
	}
	registerSpace(space{number: SpaceSS58, relate: relateSS58})
}

func relateSS58(_ Key, _ Variant, askedAs Role, _ Variant, listedAs Role) (Class, string) {
	if askedAs != 0 || listedAs != 0 {
		return None, ""
	}
	return SameKey, "the same account id under the SS58 prefix of another chain; certain for keys, not for proxies, multisigs and pallets"
}

// decodeSS58 reads prefix, account id and checksum, or the id in hex behind 0x.
func decodeSS58(text string, takes func(uint16) bool, prefix uint16, v Variant, a *Address) *Error {
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
		a.set(SpaceSS58, v, id, appendSS58(human[:0], prefix, id))
		return nil
	}
	raw, fail := base58Bitcoin.decode(room[:0], text)
	if fail != nil {
		return fail
	}
	// One byte of prefix up to 63; above, 14 bits in two bytes, of which the first has 01 in front.
	var found uint16
	var id []byte
	switch {
	case len(raw) == 35 && raw[0] < 64:
		found, id = uint16(raw[0]), raw[1:33]
	case len(raw) == 36 && raw[0] >= 64 && raw[0] < 128:
		found, id = uint16(raw[0]&0x3f)<<2|uint16(raw[1])>>6|uint16(raw[1]&0x3f)<<8, raw[2:34]
	default:
		return refuse(BadLength, "an account id has 32 bytes, behind a prefix of one byte or two")
	}
	if sum := ss58Sum(raw[:len(raw)-2]); string(sum[:2]) != string(raw[len(raw)-2:]) {
		return refuse(BadChecksum, "the SS58 checksum is wrong")
	}
	switch {
	case found == 46 || found == 47:
		return refuse(UnsupportedKind, "the SS58 prefixes 46 and 47 are reserved")
	case len(raw) == 36 && found < 64:
		return refuse(UnsupportedKind, "an SS58 prefix below 64 is written in one byte")
	case !takes(found):
		return refuse(WrongNetwork, "the SS58 prefix is of another chain")
	}
	if found == prefix {
		a.setText(SpaceSS58, v, id, text)
	} else {
		a.set(SpaceSS58, v, id, appendSS58(human[:0], prefix, id))
	}
	return nil
}

func ss58Sum(body []byte) [blake2b.Size]byte {
	var room [48]byte
	return blake2b.Sum512(append(append(room[:0], "SS58PRE"...), body...))
}

func appendSS58(dst []byte, prefix uint16, id []byte) []byte {
	var room [36]byte
	body := append(append(room[:0], byte(prefix)), id...) // all prefixes here are below 64
	sum := ss58Sum(body)
	return base58Bitcoin.encode(dst, append(body, sum[:2]...))
}
