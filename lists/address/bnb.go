package address

// BNB Beacon Chain: bech32 with the prefix bnb and the 20-byte hash of a compressed secp256k1 key
// (BEP-2 wallets, coin type 714). The chain was shut down in 2024; its addresses stay on lists.
func init() {
	register(Network{
		Name:    "bnb",
		Aliases: []string{"bnb-beacon", "binance-chain", "bep2", "bnb-beacon-chain"},
		Assets:  []string{"BNB", "BEP2"},
		CAIP2:   []string{"cosmos:Binance-Chain-Tigris"},
		Schemes: []string{"bnb"},
		Forms:   []Form{{"account", bech32Text("bnb", bip173Program, bech32Plain), "bech32"}},
		Typos:   "A checksum of 30 bits: a typing error is found.",
		rank:    63,
		fits:    func(text string) bool { return foldedPrefix(text, "bnb1") },
		decode:  decodeBNB,
	})
	registerVariant(variant{VariantBNB, "bnb", "", "bnb", func(payload string) string {
		return bech32Text("bnb", payload, bech32Plain)
	}})
}

func decodeBNB(text string, a *Address) *Error {
	if len(text) > 90 {
		return refuse(BadLength, "it is longer than any bech32 account")
	}
	var data, room, out [96]byte
	account, fail := bech32Payload(data[:0], room[:0], text, "bnb", bech32Plain)
	if fail != nil {
		return fail
	}
	if len(account) != 20 {
		return refuse(BadLength, "it does not hold 20 bytes")
	}
	a.set(SpaceHash160, VariantBNB, account, bech32Encode(out[:0], "bnb", bits8to5(data[:0], account), bech32Plain))
	return nil
}
