package address

// Pactus. Source: pactus-project/pactus, crypto/address.go: bech32m with the prefix pc; the first five bits are the kind of address.
var pactusKinds = [4]struct {
	variant Variant
	name    string
}{{}, {VariantPactusValidator, "validator"}, {VariantPactusBLS, "bls"}, {VariantPactusEd25519, "ed25519"}}

func init() {
	c := bech32Chain{network: "pactus", aliases: []string{"pac"}, assets: []string{"PAC"}, hrp: "pc"}
	n := c.describe()
	for kind, k := range pactusKinds[1:] {
		kind++
		n.Forms = append(n.Forms, Form{k.name, textPactus(byte(kind), exampleBytes[:20]), "bech32m"})
		registerVariant(variant{k.variant, "pactus", k.name, "pactus", func(payload string) string { return textPactus(byte(kind), payload) }})
	}
	n.decode = decodePactus
	register(n)
	registerSpace(space{number: SpacePactus})
}

func textPactus(kind byte, hash string) string {
	var data, out [96]byte
	data[0] = kind
	return string(bech32Encode(out[:0], "pc", bits8to5(data[:1], hash), bech32M))
}

func decodePactus(text string, a *Address) *Error {
	if foldedPrefix(text, "tpc1") {
		return refuse(Testnet, "it is a test network address")
	}
	var data, room, human [96]byte
	if len(text) > 90 {
		return refuse(BadLength, "an address has 42 characters")
	}
	cut, values, code, fail := bech32Decode(data[:0], text)
	switch {
	case fail != nil:
		return fail
	case !foldedEqual(text[:cut], "pc"):
		return refuse(WrongNetwork, "its prefix is of another network or kind")
	case code != bech32M:
		return refuse(BadChecksum, "an address is written in bech32m, not bech32")
	case len(values) == 0 || values[0] < 1 || int(values[0]) >= len(pactusKinds):
		return refuse(UnsupportedKind, "no such kind of address")
	}
	hash, ok := bits5to8(room[:0], values[1:])
	if !ok || len(hash) != 20 {
		return refuse(BadLength, "an address holds 20 bytes")
	}
	a.set(SpacePactus, pactusKinds[values[0]].variant, hash, lowered(human[:0], text))
	if values[0] == 1 {
		a.Notices = append(a.Notices, "validator_address")
	}
	return nil
}
