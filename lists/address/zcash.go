package address

// Zcash. Sources: the protocol specification, section 5.6 (transparent, Sprout, Sapling); ZIP-316 (unified addresses);
// ZIP-320 (TEX, which names the same key hash as a t1 address and only forbids shielded senders); ZIP-321 (payment URI).

// zcashTransparent holds the transparent addresses, of two version bytes each.
var zcashTransparent = utxoChain{
	network: "zcash",
	keyHash: "\x1c\xb8", script: "\x1c\xbd", first: "t",
	tests: []string{"\x1d\x25", "\x1c\xba"},
	p2pkh: VariantZcashP2PKH, p2sh: VariantZcashP2SH,
}

const (
	versionSprout  = "\x16\x9a"
	testSprout     = "\x16\xb6"
	hrpTEX         = "tex"
	hrpSapling     = "zs"
	hrpUnified     = "u"
	sizeSapling    = 43
	paddingUnified = 16 // bytes behind the items: the human-readable part and zeros
)

// Type codes of the items of a unified address (ZIP-316).
const (
	itemP2PKH   = 0
	itemP2SH    = 1
	itemSapling = 2
	itemOrchard = 3
	// From here to itemMustEnd an item has to be understood by who reads it (ZIP-316, revision 1).
	itemMustStart = 0xe0
	itemMustEnd   = 0xfc
	itemLast      = 0x02000000
)

func init() {
	zcashTransparent.register(Network{
		Aliases: []string{"zec"},
		Assets:  []string{"ZEC"},
		CAIP2:   []string{"bip122:00040fe8ec8471911baa1db1266ea15d"},
		Schemes: []string{"zcash"},
		Forms: []Form{
			{"t1 (P2PKH)", versioned(zcashTransparent.keyHash, bip173Program), "base58check"},
			{"t3 (P2SH)", versioned(zcashTransparent.script, bip173Program), "base58check"},
			{"TEX", "tex1s2rt77ggv6q989lr49rkgzmh5slsksa9khdgte", "bech32m"},
			{"Sapling", bech32Text(hrpSapling, saplingExample, bech32Plain), "bech32"},
			{"unified", "u1l8xunezsvhq8fgzfl7404m450nwnd76zshscn6nfys7vyz2ywyh4cc5daaq0c7q2su5lqfh23sp7fkf3kt27ve5948mzpfdvckzaect2jtte308mkwlycj2u0eac077wu70vqcetkxf", "bech32m"},
		},
		Typos:  "Every form has a checksum of 30 or 32 bits, unified addresses one more: a typing error is found.",
		rank:   43,
		fits:   fitsZcash,
		decode: decodeZcash,
	})
	registerVariant(variant{VariantZcashSapling, "zcash", "sapling", "zcash", func(payload string) string {
		return bech32Text(hrpSapling, payload, bech32Plain)
	}})
	registerVariant(variant{VariantZcashUnified, "zcash", "unified", "zcash", textUnified})
	registerVariant(variant{VariantZcashSprout, "zcash", "sprout", "zcash", func(payload string) string {
		return versioned(versionSprout, payload)
	}})
	registerSpace(space{number: SpaceSapling, relate: func(_ Key, asked Variant, askedAs Role, listed Variant, listedAs Role) (Class, string) {
		return relateReceiver(None, VariantZcashSapling, asked, askedAs, listed, listedAs)
	}})
	registerSpace(space{number: SpaceOrchard, relate: func(_ Key, asked Variant, askedAs Role, listed Variant, listedAs Role) (Class, string) {
		return relateReceiver(None, 0, asked, askedAs, listed, listedAs)
	}})
	registerSpace(space{number: SpaceUnified, links: linksUnified})
	registerSpace(space{number: SpaceSprout})
}

// saplingExample is 43 bytes of our own making, with the shape of a diversifier and a key.
const saplingExample = generatorPoint + "Interdict!"

func fitsZcash(text string) bool {
	return zcashTransparent.fitsBase58(text) || foldedPrefix(text, "tex1") || foldedPrefix(text, "zs1") || foldedPrefix(text, "u1") ||
		len(text) > 90 && len(text) < 100 && text[:2] == "zc"
}

func decodeZcash(text string, a *Address) *Error {
	switch {
	case foldedPrefix(text, "u1"):
		return decodeUnified(text, a)
	case foldedPrefix(text, "ur1"), foldedPrefix(text, "zu1"):
		return refuse(UnsupportedKind, "it is a unified address of a later revision (ZIP-316)")
	case foldedPrefix(text, "zs1"):
		return decodeSapling(text, a)
	case foldedPrefix(text, "tex1"):
		return decodeTEX(text, a)
	case len(text) > 90 && len(text) < 100:
		return decodeSprout(text, a)
	}
	return zcashTransparent.decodeBase58(text, a)
}

// decodeTEX reads a ZIP-320 address: the destination of the t1 address with the same key hash.
func decodeTEX(text string, a *Address) *Error {
	if len(text) > 90 {
		return refuse(BadLength, "it is longer than a TEX address")
	}
	var data, room [96]byte
	var in, out [64]byte
	hash, fail := bech32Payload(data[:0], room[:0], text, hrpTEX, bech32M)
	if fail != nil {
		return fail
	}
	if len(hash) != 20 {
		return refuse(BadLength, "it does not hold a hash of 20 bytes")
	}
	a.set(SpaceHash160, VariantZcashP2PKH, hash, base58Bitcoin.encodeCheck(out[:0], append(append(in[:0], zcashTransparent.keyHash...), hash...)))
	return nil
}

func decodeSapling(text string, a *Address) *Error {
	if len(text) > 90 {
		return refuse(BadLength, "it is longer than a Sapling address")
	}
	var data, room, out [96]byte
	payload, fail := bech32Payload(data[:0], room[:0], text, hrpSapling, bech32Plain)
	if fail != nil {
		return fail
	}
	if len(payload) != sizeSapling {
		return refuse(BadLength, "a Sapling address holds 43 bytes")
	}
	a.set(SpaceSapling, VariantZcashSapling, payload, bech32Encode(out[:0], hrpSapling, bits8to5(data[:0], payload), bech32Plain))
	return nil
}

// decodeSprout reads a zc… address. The pool takes no more coins since 2020, but a list may name one.
func decodeSprout(text string, a *Address) *Error {
	var room [maxBase58]byte
	body, fail := base58Bitcoin.decodeCheck(room[:0], text)
	switch {
	case fail != nil:
		return fail
	case len(body) != 66:
		return refuse(BadLength, "a Sprout address holds 64 bytes")
	case string(body[:2]) == testSprout:
		return refuse(Testnet, "its version is of a test network")
	case string(body[:2]) != versionSprout:
		return refuse(WrongNetwork, "its version is of another network")
	}
	a.setText(SpaceSprout, VariantZcashSprout, body[2:], text)
	return nil
}

// decodeUnified reads a unified address of ZIP-316 revision 0.
func decodeUnified(text string, a *Address) *Error {
	var data, room [MaxText]byte
	message, fail := bech32Payload(data[:0], room[:0], text, hrpUnified, bech32M)
	if fail != nil {
		return fail
	}
	if len(message) < 48 {
		return refuse(BadLength, "it is too short for a unified address")
	}
	f4jumbleInverse(message)
	items, padding := message[:len(message)-paddingUnified], message[len(message)-paddingUnified:]
	if string(padding) != hrpUnified+"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" {
		return refuse(BadChecksum, "its padding does not match: it was altered and given a new checksum")
	}
	last, transparent, shielded := -1, false, false
	for rest := items; len(rest) > 0; {
		code, value, behind, ok := nextItem(rest)
		switch {
		case !ok:
			return refuse(BadLength, "its items do not fill it")
		case code <= last:
			return refuse(UnsupportedKind, "its items are not in order, or one is there twice")
		case code == itemP2SH && last == itemP2PKH:
			return refuse(UnsupportedKind, "it holds two transparent receivers")
		case code <= itemP2SH && len(value) != 20, (code == itemSapling || code == itemOrchard) && len(value) != sizeSapling:
			return refuse(BadLength, "a receiver in it has the wrong length")
		case code >= itemMustStart && code <= itemMustEnd:
			return refuse(UnsupportedKind, "it holds an item that has to be understood and is not")
		}
		transparent = transparent || code <= itemP2SH
		shielded = shielded || code > itemP2SH
		last, rest = code, behind
	}
	if !shielded {
		return refuse(UnsupportedKind, "it holds no shielded receiver")
	}
	var canonical []byte
	if text[0] == 'U' {
		canonical = data[:0]
		for i := range len(text) {
			canonical = append(canonical, lower(text[i]))
		}
	}
	a.set(SpaceUnified, VariantZcashUnified, items, nil)
	if canonical != nil {
		a.Canonical = string(canonical)
	} else {
		a.Canonical = text
	}
	return nil
}

// nextItem takes one item off: type code, length (both CompactSize) and value.
func nextItem(b []byte) (code int, value, rest []byte, ok bool) {
	code, b, ok = compactSize(b)
	if !ok {
		return 0, nil, nil, false
	}
	n, b, ok := compactSize(b)
	if !ok || n > len(b) {
		return 0, nil, nil, false
	}
	return code, b[:n], b[n:], true
}

// compactSize reads Bitcoin's variable integer, in its shortest form and not above the largest type code.
func compactSize(b []byte) (int, []byte, bool) {
	if len(b) == 0 {
		return 0, nil, false
	}
	width, least := 0, 0
	switch b[0] {
	case 0xfd:
		width, least = 2, 0xfd
	case 0xfe:
		width, least = 4, 0x10000
	case 0xff:
		return 0, nil, false
	default:
		return int(b[0]), b[1:], true
	}
	if len(b) <= width {
		return 0, nil, false
	}
	n := 0
	for i := width; i > 0; i-- {
		n = n<<8 | int(b[i])
	}
	return n, b[1+width:], n >= least && n <= itemLast
}

// textUnified writes an item list. The SHA-256 of a longer list cannot be written.
func textUnified(items string) string {
	if len(items) == 32 {
		return ""
	}
	var room, data, out [MaxText]byte
	message := append(append(room[:0], items...), hrpUnified...)
	message = message[:len(items)+paddingUnified]
	f4jumble(message)
	return string(bech32Encode(out[:0], hrpUnified, bits8to5(data[:0], message), bech32M))
}

// linksUnified gives every receiver of a unified address as a key. The items are read from the canonical text
// again where the key is only a hash of them.
func linksUnified(dst []Link, a *Address, _ Side) []Link {
	var data, room [MaxText]byte
	items := append(room[:0], a.Key.Payload()...)
	if len(items) == 32 {
		message, fail := bech32Payload(data[:0], room[:0], a.Canonical, hrpUnified, bech32M)
		if fail != nil || len(message) < 48 {
			return dst
		}
		f4jumbleInverse(message)
		items = message[:len(message)-paddingUnified]
	}
	for len(items) > 0 {
		code, value, rest, ok := nextItem(items)
		if !ok {
			return dst
		}
		switch code {
		case itemP2PKH:
			dst = append(dst, Link{makeKey(SpaceHash160, string(value)), RoleReceiver})
		case itemP2SH:
			dst = append(dst, Link{makeKey(SpaceScript160, string(value)), RoleReceiver})
		case itemSapling:
			dst = append(dst, Link{makeKey(SpaceSapling, string(value)), RoleReceiver})
		case itemOrchard:
			dst = append(dst, Link{makeKey(SpaceOrchard, string(value)), RoleReceiver})
		}
		items = rest
	}
	return dst
}
