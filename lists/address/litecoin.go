package address

// Litecoin. P2SH is written M… since 2018 (litecoin 0.16) and was 3… before: both are one identity.
// MWEB addresses: LIP-0004; human-readable part ltcmweb, the original bech32 constant, version symbol 0, then 66 bytes:
// scan and spend public key (ltcsuite/ltcwallet and Litecoin Core agree on it).
var litecoin = utxoChain{
	network: "litecoin",
	keyHash: "\x30", script: "\x32", oldScript: "\x05", hrp: "ltc", first: "LM3",
	tests: []string{"\x3a"},
	p2pkh: VariantLitecoinP2PKH, p2sh: VariantLitecoinP2SH, p2wpkh: VariantLitecoinP2WPKH,
	p2wsh: VariantLitecoinP2WSH, p2tr: VariantLitecoinP2TR, witness: VariantLitecoinWitness,
}

const hrpMWEB = "ltcmweb"

func init() {
	litecoin.register(Network{
		Aliases: []string{"ltc", "xlt"},
		Assets:  []string{"LTC"},
		CAIP2:   []string{"bip122:12a765e31ffd4059bada1e25190f6e98"},
		Schemes: []string{"litecoin"},
		Forms: []Form{
			{"P2PKH", "LVg2kJoFNg45Nbpy53h7Fe1wKyeXVRhMH9", "base58check"},
			{"P2SH", "MQMcJhpWHYVeQArcZR3sBgyPZxxRtnH441", "base58check"},
			{"P2SH before 2018", versioned(litecoin.oldScript, bip173Program), "base58check"},
			{"P2WPKH", litecoin.witnessText(0, bip173Program), "bech32"},
			{"MWEB", textMWEB(mwebExample), "bech32"},
		},
		rank:   20,
		fits:   func(text string) bool { return litecoin.fits(text) || foldedPrefix(text, hrpMWEB+"1") },
		decode: decodeLitecoin,
	})
	registerVariant(variant{VariantLitecoinMWEB, "litecoin", "mweb", "litecoin", textMWEB})
}

// bip173Program is the key hash of the examples in BIP-173.
const bip173Program = "\x75\x1e\x76\xe8\x19\x91\x96\xd4\x54\x94\x1c\x45\xd1\xb3\xa3\x23\xf1\x43\x3b\xd6"

// mwebExample is twice the generator point of secp256k1.
const mwebExample = generatorPoint + generatorPoint
const generatorPoint = "\x02\x79\xbe\x66\x7e\xf9\xdc\xbb\xac\x55\xa0\x62\x95\xce\x87\x0b\x07\x02\x9b\xfc\xdb\x2d\xce\x28\xd9\x59\xf2\x81\x5b\x16\xf8\x17\x98"

func decodeLitecoin(text string, a *Address) *Error {
	if foldedPrefix(text, hrpMWEB+"1") {
		return decodeMWEB(text, a)
	}
	return litecoin.decode(text, a)
}

func decodeMWEB(text string, a *Address) *Error {
	var data [MaxText]byte
	_, values, code, fail := bech32Decode(data[:0], text)
	switch {
	case fail != nil:
		return fail
	case len(values) == 0 || values[0] != 0:
		return refuse(UnsupportedKind, "no such MWEB version")
	case code != bech32Plain:
		return refuse(BadChecksum, "an MWEB address is written in bech32, not bech32m")
	}
	var room [MaxText]byte
	keys, ok := bits5to8(room[:0], values[1:])
	if !ok || len(keys) != 66 {
		return refuse(BadLength, "an MWEB address holds two public keys of 33 bytes")
	}
	var out [160]byte
	data[0] = 0
	a.set(SpaceMWEB, VariantLitecoinMWEB, keys, bech32Encode(out[:0], hrpMWEB, bits8to5(data[:1], keys), bech32Plain))
	return nil
}

func textMWEB(keys string) string {
	var data, out [160]byte
	return string(bech32Encode(out[:0], hrpMWEB, bits8to5(data[:1], keys), bech32Plain))
}
