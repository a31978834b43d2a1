package address

// Bitcoin Gold: Bitcoin's forms with versions and a prefix of its own (BTCGPU, chainparams.cpp).
var bitcoinGold = utxoChain{
	network: "bitcoin-gold",
	keyHash: "\x26", script: "\x17", hrp: "btg", first: "GA",
	p2pkh: VariantBitcoinGoldP2PKH, p2sh: VariantBitcoinGoldP2SH, p2wpkh: VariantBitcoinGoldP2WPKH,
	p2wsh: VariantBitcoinGoldP2WSH, p2tr: VariantBitcoinGoldP2TR, witness: VariantBitcoinGoldWitness,
}

func init() {
	bitcoinGold.register(Network{
		Aliases: []string{"btg", "bitcoingold"},
		Assets:  []string{"BTG"},
		Schemes: []string{"bitcoingold"},
		Forms: []Form{
			{"P2PKH", versioned("\x26", bip173Program), "base58check"},
			{"P2SH", versioned("\x17", bip173Program), "base58check"},
			{"P2WPKH", bitcoinGold.witnessText(0, bip173Program), "bech32"},
		},
		rank: 33,
	})
}
