package address

// Bitcoin. Sources: BIP-13 (base58check P2SH), BIP-173, BIP-350, BIP-341; payment URIs BIP-21; CAIP-2 namespace bip122.
var bitcoin = utxoChain{
	network: "bitcoin",
	keyHash: "\x00", script: "\x05", hrp: "bc", first: "13",
	p2pkh: VariantBitcoinP2PKH, p2sh: VariantBitcoinP2SH, p2wpkh: VariantBitcoinP2WPKH,
	p2wsh: VariantBitcoinP2WSH, p2tr: VariantBitcoinP2TR, witness: VariantBitcoinWitness,
}

func init() {
	bitcoin.register(Network{
		Aliases: []string{"btc", "xbt", "lightning", "lightning-network", "btc-lightning"},
		Assets:  []string{"XBT", "BTC", "USDT", "OMNI"}, // Tether began on Omni, whose addresses are Bitcoin's
		CAIP2:   []string{"bip122:000000000019d6689c085ae165831e93"},
		Schemes: []string{"bitcoin"},
		Forms: []Form{
			{"P2PKH", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "base58check"},
			{"P2SH", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "base58check"},
			{"P2WPKH", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bech32"},
			{"P2WSH", "bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3", "bech32"},
			{"P2TR", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", "bech32m"},
			{"later witness version", "bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs", "bech32m"},
		},
		rank: 10,
	})
}
