package address

// Dogecoin (dogecoin/src/chainparams.cpp). Its P2PKH addresses are letter for letter Verge's.
var dogecoin = utxoChain{
	network: "dogecoin",
	keyHash: "\x1e", script: "\x16", first: "D9A",
	tests: []string{"\x71"},
	p2pkh: VariantDogecoinP2PKH, p2sh: VariantDogecoinP2SH,
}

func init() {
	dogecoin.register(Network{
		Aliases: []string{"doge", "xdg"},
		Assets:  []string{"DOGE", "XDG"},
		CAIP2:   []string{"bip122:1a91e3dace36e2be3bf030a65679fe82"},
		Schemes: []string{"dogecoin", "doge"},
		Forms: []Form{
			{"P2PKH", versioned("\x1e", bip173Program), "base58check"},
			{"P2SH", versioned("\x16", bip173Program), "base58check"},
		},
		rank: 40,
	})
}
