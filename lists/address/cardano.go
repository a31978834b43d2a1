package address

import (
	"strings"
)

// Kinds of Shelley addresses: the upper four bits of the header (CIP-19). Of base, pointer and enterprise
// addresses bit 0 tells that the payment part is a script, and bit 1 of base addresses that the stake part is.
const (
	cardanoPointer    = 4
	cardanoEnterprise = 6
	cardanoByron      = 8
	cardanoReward     = 14
)

// credential is how many bytes the hash of a key or script has on Cardano.
const credential = 28

func init() {
	register(Network{
		Name:    "cardano",
		Aliases: []string{"ada"},
		Assets:  []string{"ADA"},
		CAIP2:   []string{"cip34:1-764824073"},
		Schemes: []string{"web+cardano", "cardano"},
		Forms: []Form{
			{"base address", "addr1qx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgse35a3x", "bech32"},
			{"pointer address", "addr1gx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer5pnz75xxcrzqf96k", "bech32"},
			{"enterprise address", "addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8", "bech32"},
			{"stake address", "stake1uyehkck0lajq8gr28t9uxnuvgcqrc6070x3k9r8048z8y5gh6ffgw", "bech32"},
			{"Byron address", "Ae2tdPwUPEZFRbyhz3cpfC2CumGzNkFBN2L42rcUc2yjQpEkxDbkPodpMAi", "CRC-32"},
			{"address in hex (CIP-30)", "619493315cd92eb5d8c4304e67b7e16ae36d61d34502694657811a2c8e", "none"},
		},
		Typos:  "The bech32 checksum finds up to four wrong characters, the CRC-32 of Byron addresses nearly every error; none can be found in hex.",
		rank:   100,
		fits:   fitsCardano,
		decode: decodeCardano,
	})
	shelley := func(payload string) string { return bech32Text("addr", payload, bech32Plain) }
	header := func(prefix string, kind byte) func(string) string {
		return func(payload string) string {
			return bech32Text(prefix, string([]byte{(kind|payload[0])<<4 | 1})+payload[1:], bech32Plain)
		}
	}
	registerVariant(variant{VariantCardanoBase, "cardano", "base", "cardano", shelley})
	registerVariant(variant{VariantCardanoPointer, "cardano", "pointer", "cardano", shelley})
	registerVariant(variant{VariantCardanoEnterprise, "cardano", "enterprise", "cardano", header("addr", cardanoEnterprise)})
	registerVariant(variant{VariantCardanoStake, "cardano", "stake", "cardano", header("stake", cardanoReward)})
	registerVariant(variant{VariantCardanoByron, "cardano", "byron", "cardano", func(payload string) string {
		if len(payload) == 32 {
			return "" // a hash: what the address holds is longer than a key may be
		}
		var room, human [2 * maxByron]byte
		return string(base58Bitcoin.encode(human[:0], appendByron(room[:0], payload)))
	}})
	registerSpace(space{SpaceCardano, linksCardano, nil})
	registerSpace(space{SpaceCardanoPayment, nil, relateCardano})
	registerSpace(space{SpaceCardanoStake, nil, relateCardano})
	registerSpace(space{number: SpaceCardanoByron})
}

func fitsCardano(text string) bool {
	switch {
	case len(text) < 58:
		return false
	case foldedPrefix(text, "addr1"), foldedPrefix(text, "stake1"):
		return true
	case strings.HasPrefix(text, "Ae2"), strings.HasPrefix(text, "Ddz"):
		return true
	}
	// In hex: 29 bytes with the header of mainnet (6, 7, e, f and 1), or 57 (0–3 and 1), or CBOR.
	switch len(text) {
	case 58:
		return text[1] == '1' && strings.IndexByte("67eEfF", text[0]) >= 0 && isHex(text)
	case 114:
		return text[1] == '1' && strings.IndexByte("0123", text[0]) >= 0 && isHex(text)
	}
	return foldedPrefix(text, "82d818") && isHex(text)
}

// decodeCardano reads bech32 (Shelley), base58 (Byron), or the hex that wallets hand to web pages (CIP-30). Which
// of the three a text is shows in its alphabet: bech32 has a prefix, base58 no zero.
func decodeCardano(text string, a *Address) *Error {
	switch {
	case foldedPrefix(text, "addr"), foldedPrefix(text, "stake"):
		return decodeShelley(text, a)
	case isHex(text) && len(text) >= 58:
		return decodeCardanoHex(text, a)
	case base58Bitcoin.holds(text):
		return decodeByron(text, a)
	}
	return decodeShelley(text, a)
}

func decodeCardanoHex(text string, a *Address) *Error {
	var room [maxByron]byte
	if len(text) > 2*len(room) {
		return refuse(BadLength, "no address has as many bytes")
	}
	raw, fail := hexDecode(room[:0], text)
	switch {
	case fail != nil:
		return fail
	case raw[0]>>4 == cardanoByron:
		return a.setByron(raw)
	}
	prefix := "addr"
	reward := raw[0]>>4 >= cardanoReward
	if reward {
		prefix = "stake"
	}
	return a.setShelley(raw, reward, bech32Text(prefix, string(raw), bech32Plain))
}

func decodeByron(text string, a *Address) *Error {
	var room [2 * maxByron]byte
	raw, fail := base58Bitcoin.decode(room[:0], text)
	switch {
	case fail != nil:
		return fail
	case len(raw) == 0 || raw[0]>>4 != cardanoByron:
		return refuse(UnsupportedKind, "it is no Byron address")
	}
	return a.setByron(raw)
}

func decodeShelley(text string, a *Address) *Error {
	var letters [256]byte
	cut, data, code, fail := bech32Decode(letters[:0], text)
	if fail != nil {
		return fail
	}
	prefix := text[:cut]
	reward := foldedEqual(prefix, "stake")
	switch {
	case foldedEqual(prefix, "addr"), reward:
	case foldedEqual(prefix, "addr_test"), foldedEqual(prefix, "stake_test"):
		return refuse(Testnet, "it is a test network address")
	case foldedPrefix(prefix, "addr_"), foldedPrefix(prefix, "stake_"), foldedPrefix(prefix, "acct_"), foldedPrefix(prefix, "pool"),
		foldedPrefix(prefix, "drep"), foldedPrefix(prefix, "cc_"), foldedEqual(prefix, "asset"), foldedEqual(prefix, "script"):
		return refuse(UnsupportedKind, "it is a key, script, pool, asset or representative (CIP-5), not an address")
	default:
		return refuse(WrongNetwork, "its prefix is of another network or kind")
	}
	if code != bech32Plain {
		return refuse(BadChecksum, "the checksum is bech32m; Cardano uses bech32")
	}
	var room [160]byte
	raw, whole := bits5to8(room[:0], data)
	if !whole || len(raw) < 1+credential {
		return refuse(BadLength, "the address is too short for its kind")
	}
	return a.setShelley(raw, reward, text)
}

// setShelley takes the bytes of an address or, if reward, a stake address. text is it in bech32, in either letter case.
func (a *Address) setShelley(raw []byte, reward bool, text string) *Error {
	kind, network := raw[0]>>4, raw[0]&15
	switch {
	case network == 0:
		return refuse(Testnet, "the header is of the test networks")
	case network != 1:
		return refuse(UnsupportedKind, "the header is of an unknown network")
	case kind == cardanoByron || kind > cardanoByron && kind < cardanoReward:
		return refuse(UnsupportedKind, "the header is of no known kind of address")
	case (kind >= cardanoReward) != reward:
		return refuse(UnsupportedKind, "the prefix and the header contradict each other")
	}
	want := 1 + credential
	if kind < cardanoPointer {
		want = 1 + 2*credential
	}
	if kind>>1 == cardanoPointer>>1 {
		if len(raw) < want || !isPointer(raw[want:]) {
			return refuse(BadLength, "a pointer is three numbers behind the payment credential")
		}
	} else if len(raw) != want {
		return refuse(BadLength, "the address is too long or too short for its kind")
	}
	var human [160]byte
	canonical := human[:0]
	for i := range len(text) {
		canonical = append(canonical, lower(text[i]))
	}
	// An enterprise or stake address is a credential and nothing else: it has that credential's key.
	var part [1 + credential]byte
	part[0] = kind & 1
	copy(part[1:], raw[1:])
	switch kind &^ 1 {
	case cardanoEnterprise:
		a.set(SpaceCardanoPayment, VariantCardanoEnterprise, part[:], canonical)
	case cardanoReward:
		a.set(SpaceCardanoStake, VariantCardanoStake, part[:], canonical)
	case cardanoPointer:
		a.set(SpaceCardano, VariantCardanoPointer, raw, canonical)
	default:
		a.set(SpaceCardano, VariantCardanoBase, raw, canonical)
	}
	return nil
}

// isPointer tells three numbers in groups of seven bits (CIP-19), each below 2^64 and without a leading group
// of zero, and nothing behind them.
func isPointer(raw []byte) bool {
	for range 3 {
		n := 0
		for n < len(raw) && raw[n]&0x80 != 0 {
			n++
		}
		if n == len(raw) || n >= 10 || n > 0 && raw[0] == 0x80 {
			return false
		}
		raw = raw[n+1:]
	}
	return len(raw) == 0
}

// linksCardano gives the credentials of a base or pointer address, for either side: whoever holds a credential
// listed, or asked for, is found by it.
func linksCardano(dst []Link, a *Address, _ Side) []Link {
	raw := a.Key.Payload()
	if a.Key.Space() != SpaceCardano || len(raw) < 1+credential {
		return dst
	}
	kind := raw[0] >> 4
	dst = append(dst, Link{credentialKey(SpaceCardanoPayment, kind&1, raw[1:1+credential]), RolePayment})
	if a.Variant == VariantCardanoBase {
		dst = append(dst, Link{credentialKey(SpaceCardanoStake, kind>>1&1, raw[1+credential:]), RoleStake})
	}
	return dst
}

func credentialKey(s Space, kind byte, hash string) Key {
	var room [2 + credential]byte
	return Key(append(append(room[:0], byte(s), kind), hash...))
}

// relateCardano names the class of two addresses that share a credential. A base address can be made with the stake
// part of a stranger, so that the same stake credential means the same wallet as a rule only.
func relateCardano(k Key, _ Variant, _ Role, _ Variant, _ Role) (Class, string) {
	switch script := k[1] == 1; {
	case k.Space() == SpaceCardanoStake:
		return SameStake, "the same stake credential"
	case script:
		return SameScript, "the same script as payment credential"
	}
	return SameKey, "the same payment credential"
}

// maxByron is how many bytes a Byron address may have: those with an encrypted derivation path have 76.
const maxByron = 128

// setByron takes the CBOR of a Byron address, the CRC-32 outside included (CIP-19, annex):
//
//	[24(bytes), crc32]; bytes = [root: 28 bytes, {? 1: bytes(encrypted path), ? 2: bytes(network)}, type: 0 key, 2 redemption]
//
// It is read by hand, in the one way in which wallets write it, for what a general CBOR decoder allows: lengths
// without end, and many texts for one address.
func (a *Address) setByron(raw []byte) *Error {
	if len(raw) > maxByron {
		return refuse(BadLength, "it is longer than any Byron address")
	}
	rest, ok := cborHead(raw, cborArray, 2)
	if ok {
		rest, ok = cborHead(rest, cborTag, 24)
	}
	body, rest, ok := cborItem(rest, ok)
	sum, rest, whole := cborNumber(rest, cborUnsigned)
	if !ok || !whole || len(rest) != 0 {
		return notByron()
	}
	if uint64(crc32Update(0, body)) != sum {
		return refuse(BadChecksum, "the CRC-32 is wrong")
	}
	rest, ok = cborHead(body, cborArray, 3)
	root, rest, ok := cborItem(rest, ok)
	attributes, rest, whole := cborNumber(rest, cborMap)
	if !ok || !whole || len(root) != credential || attributes > 2 {
		return notByron()
	}
	for last := uint64(0); attributes > 0; attributes-- {
		var name uint64
		name, rest, ok = cborNumber(rest, cborUnsigned)
		if ok = ok && name > last && name <= 2; !ok {
			return notByron()
		}
		if _, rest, ok = cborItem(rest, ok); !ok {
			return notByron()
		}
		if name == 2 {
			return refuse(Testnet, "it names a test network")
		}
		last = name
	}
	if kind, rest, ok := cborNumber(rest, cborUnsigned); !ok || kind > 2 || len(rest) != 0 {
		return notByron()
	}
	var human [2 * maxByron]byte
	a.set(SpaceCardanoByron, VariantCardanoByron, body, base58Bitcoin.encode(human[:0], raw))
	return nil
}

func notByron() *Error { return refuse(UnsupportedKind, "it is not the CBOR of a Byron address") }

// appendByron puts the outside back around the bytes of a Byron address.
func appendByron(dst []byte, body string) []byte {
	dst = append(dst, 0x82, 0xd8, 24)
	dst = appendCBOR(dst, cborBytes, uint64(len(body)))
	dst = append(dst, body...)
	return appendCBOR(dst, cborUnsigned, uint64(crc32Update(0, []byte(body))))
}

// Major types of CBOR (RFC 8949).
const (
	cborUnsigned = 0
	cborBytes    = 2
	cborArray    = 4
	cborMap      = 5
	cborTag      = 6
)

// cborNumber takes the head of an item of a major type off the front and gives its argument, which must be of
// definite length and in its shortest form.
func cborNumber(raw []byte, major byte) (n uint64, rest []byte, ok bool) {
	if len(raw) == 0 || raw[0]>>5 != major {
		return 0, raw, false
	}
	info, rest := raw[0]&31, raw[1:]
	if info < 24 {
		return uint64(info), rest, true
	}
	size := 1 << (info - 24)
	if info > 27 || len(rest) < size {
		return 0, raw, false
	}
	for _, b := range rest[:size] {
		n = n<<8 | uint64(b)
	}
	if size == 1 {
		return n, rest[1:], n >= 24
	}
	return n, rest[size:], n>>(4*size) != 0
}

// cborHead takes the head of an item off that must be this one.
func cborHead(raw []byte, major byte, want uint64) (rest []byte, ok bool) {
	n, rest, ok := cborNumber(raw, major)
	return rest, ok && n == want
}

// cborItem takes a byte string off, if all went well so far.
func cborItem(raw []byte, so bool) (item, rest []byte, ok bool) {
	n, rest, ok := cborNumber(raw, cborBytes)
	if !so || !ok || n > uint64(len(rest)) {
		return nil, raw, false
	}
	return rest[:n], rest[n:], true
}

func appendCBOR(dst []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(dst, major<<5|byte(n))
	case n < 1<<8:
		return append(dst, major<<5|24, byte(n))
	case n < 1<<16:
		return append(dst, major<<5|25, byte(n>>8), byte(n))
	}
	return append(dst, major<<5|26, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}
