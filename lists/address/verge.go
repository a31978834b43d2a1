package address

// Verge (vergecurrency/verge, chainparams.cpp). Its P2PKH addresses are letter for letter Dogecoin's.
var verge = utxoChain{
	network: "verge",
	keyHash: "\x1e", script: "\x21", first: "DE",
	p2pkh: VariantVergeP2PKH, p2sh: VariantVergeP2SH,
}

func init() {
	verge.register(Network{
		Aliases: []string{"xvg"},
		Assets:  []string{"XVG"},
		Schemes: []string{"verge"},
		Forms: []Form{
			{"P2PKH", versioned("\x1e", bip173Program), "base58check"},
			{"P2SH", versioned("\x21", bip173Program), "base58check"},
		},
		rank: 42,
	})
}
