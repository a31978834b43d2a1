package address

import "strings"

// cashChain is a chain that writes its addresses in cashaddr, and reads the base58 forms of its past.
// Sources: the CashAddr specification; CHIP-2022-02 (token-aware types 2 and 3); CHIP-2022-05 (P2SH32).
type cashChain struct {
	utxoChain
	prefix      string // main prefix, lower case
	tokenPrefix string // another prefix of the same hashes (SLP, eToken), with a checksum of its own
	tokens      bool   // types 2 and 3, token-aware
	p2sh32      Variant
	copay       string // versions of P2PKH and P2SH that BitPay and Copay wrote in 2018; "" if never
}

func (c *cashChain) register(n Network) {
	n.decode = c.decode
	n.fits = c.fits
	n.keepScheme = true
	n.Schemes = []string{c.prefix, c.tokenPrefix}
	n.Typos = "Every form has a checksum of 32 or 40 bits: a typing error is found."
	c.utxoChain.register(n)
	variants[c.p2pkh].render = func(payload string) string { return c.text(0, payload) }
	variants[c.p2sh].render = func(payload string) string { return c.text(1, payload) }
	if c.p2sh32 != 0 {
		registerVariant(variant{c.p2sh32, c.network, "p2sh32", c.network, func(payload string) string { return c.text(1, payload) }})
	}
}

func (c *cashChain) fits(text string) bool {
	if len(text) == 42 || len(text) == 61 {
		switch lower(text[0]) {
		case 'q', 'p':
			return true
		case 'z', 'r':
			return c.tokens
		}
	}
	return c.fitsBase58(text) || strings.IndexByte(text, ':') > 0 && c.isOwnPrefix(text[:strings.IndexByte(text, ':')])
}

func (c *cashChain) isOwnPrefix(prefix string) bool {
	return foldedEqual(prefix, c.prefix) || foldedEqual(prefix, c.tokenPrefix)
}

func (c *cashChain) decode(text string, a *Address) *Error {
	colon := strings.IndexByte(text, ':')
	if colon < 0 {
		if len(text) < 40 {
			return c.decodeLegacy(text, a)
		}
		return c.decodeCash(text, c.prefix, a)
	}
	if !c.isOwnPrefix(text[:colon]) {
		return refuse(WrongNetwork, "its prefix is of another network")
	}
	body := text[colon+1:]
	if len(body) < 40 && foldedEqual(text[:colon], c.prefix) {
		return c.decodeLegacy(body, a) // wallets wrote bitcoincash:1… before cashaddr
	}
	if small, capital := letterCase(text); small && capital {
		return refuse(MixedCase, "cashaddr is all lower or all upper case, its prefix too")
	}
	prefix := c.prefix
	if !foldedEqual(text[:colon], prefix) {
		prefix = c.tokenPrefix
	}
	return c.decodeCash(body, prefix, a)
}

// decodeLegacy reads base58check, of Bitcoin's versions or Copay's.
func (c *cashChain) decodeLegacy(text string, a *Address) *Error {
	var room [maxBase58]byte
	body, fail := base58Bitcoin.decodeCheck(room[:0], text)
	if fail != nil {
		return fail
	}
	if len(body) == 21 && c.copay != "" {
		switch body[0] {
		case c.copay[0]:
			body[0] = c.keyHash[0]
		case c.copay[1]:
			body[0] = c.script[0]
		}
	}
	isScript, hash, fail := c.split(body)
	if fail != nil {
		return fail
	}
	if isScript {
		c.fill(a, 1, SpaceScript160, c.p2sh, hash)
	} else {
		c.fill(a, 0, SpaceHash160, c.p2pkh, hash)
	}
	return nil
}

// decodeCash reads the part behind the colon.
func (c *cashChain) decodeCash(text, prefix string, a *Address) *Error {
	if len(text) > 112 {
		return refuse(BadLength, "it is longer than any cashaddr")
	}
	var data, room [112]byte
	values, fail := cashDecode(data[:0], prefix, text)
	if fail != nil {
		return fail
	}
	body, ok := bits5to8(room[:0], values)
	if !ok || len(body) < 1 {
		return refuse(BadLength, "its last bits are not zero padding")
	}
	version, hash := body[0], body[1:]
	if len(hash) != cashSizes[version&7] {
		return refuse(BadLength, "its length is not the one its version byte states")
	}
	kind := version >> 3
	if kind == 2 || kind == 3 {
		if !c.tokens || prefix != c.prefix {
			return refuse(UnsupportedKind, "it is of a reserved address type")
		}
		kind -= 2
	}
	switch {
	case kind == 0 && len(hash) == 20:
		c.fill(a, kind, SpaceHash160, c.p2pkh, hash)
	case kind == 1 && len(hash) == 20:
		c.fill(a, kind, SpaceScript160, c.p2sh, hash)
	case kind == 1 && len(hash) == 32 && c.p2sh32 != 0:
		c.fill(a, kind, SpaceScript32, c.p2sh32, hash)
	case kind > 1:
		return refuse(UnsupportedKind, "it is of a reserved address type")
	default:
		return refuse(BadLength, "no address of this type has a hash of this length")
	}
	return nil
}

// cashSizes are the hash lengths in bytes that the three low bits of the version byte state.
var cashSizes = [8]int{20, 24, 28, 32, 40, 48, 56, 64}

func (c *cashChain) fill(a *Address, kind byte, s Space, v Variant, hash []byte) {
	var out [96]byte
	a.set(s, v, hash, c.append(out[:0], kind, hash))
}

// append writes the canonical form: main prefix, not token-aware.
func (c *cashChain) append(dst []byte, kind byte, hash []byte) []byte {
	var body [33]byte
	var data [60]byte
	body[0] = kind << 3
	if len(hash) == 32 {
		body[0] |= 3
	}
	n := 1 + copy(body[1:], hash)
	return cashEncode(dst, c.prefix, bits8to5(data[:0], body[:n]))
}

func (c *cashChain) text(kind byte, hash string) string {
	var out [96]byte
	return string(c.append(out[:0], kind, []byte(hash)))
}
