package address

// NULS. Source: nuls-v2, AddressTool.java: NULSd and the base58 of chain id (two bytes, the lowest first), type, the 20 bytes of a key's
// RIPEMD160(SHA256), and the exclusive or of all of them.

var nulsKinds = [4]struct {
	space   Space
	variant Variant
	name    string
}{{}, {SpaceHash160, VariantNuls, "account"}, {SpaceNuls, VariantNulsContract, "contract"}, {SpaceNuls, VariantNulsMultisig, "multisig"}}

func init() {
	n := Network{
		Name: "nuls", Assets: []string{"NULS"}, Schemes: []string{"nuls"},
		Typos: "A checksum of 8 bits beside 24 fixed ones: one typing error in 256 is another valid address.",
		rank:  130, first: "N", fits: func(text string) bool { return len(text) > 30 && text[:4] == "NULS" }, decode: decodeNuls,
	}
	for kind, k := range nulsKinds[1:] {
		write := func(payload string) string { return nulsText(byte(kind+1), payload) }
		n.Forms = append(n.Forms, Form{k.name, write(exampleBytes[:20]), "exclusive or of the bytes"})
		registerVariant(variant{k.variant, "nuls", k.name, "nuls", write})
	}
	register(n)
	registerSpace(space{number: SpaceNuls})
}

func nulsText(kind byte, hash string) string {
	body := append([]byte{1, 0, kind}, hash...)
	var sum byte
	for _, b := range body {
		sum ^= b
	}
	return string(base58Bitcoin.encode([]byte("NULSd"), append(body, sum)))
}

func decodeNuls(text string, a *Address) *Error {
	switch {
	case len(text) > 6 && text[:5] == "tNULS":
		return refuse(Testnet, "it is a test network address")
	case len(text) < 6 || text[:5] != "NULSd":
		return refuse(BadCharacter, "an address begins with NULSd")
	}
	var room [maxBase58]byte
	body, fail := base58Bitcoin.decode(room[:0], text[5:])
	switch {
	case fail != nil:
		if fail.Position >= 0 {
			fail.Position += 5
		}
		return fail
	case len(body) != 24:
		return refuse(BadLength, "an address holds 24 bytes")
	}
	var sum byte
	for _, b := range body {
		sum ^= b
	}
	switch {
	case sum != 0:
		return refuse(BadChecksum, "the exclusive or of the bytes does not match")
	case body[0] != 1 || body[1] != 0:
		return refuse(BadChecksum, "the chain id is not that of the prefix")
	case body[2] < 1 || int(body[2]) >= len(nulsKinds):
		return refuse(UnsupportedKind, "no such type of address")
	}
	k := &nulsKinds[body[2]]
	a.setText(k.space, k.variant, body[3:23], text)
	return nil
}
