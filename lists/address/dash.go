package address

// Dash (dashpay/dash, chainparams.cpp).
var dash = utxoChain{
	network: "dash",
	keyHash: "\x4c", script: "\x10", first: "X7",
	tests: []string{"\x8c", "\x13"},
	p2pkh: VariantDashP2PKH, p2sh: VariantDashP2SH,
}

func init() {
	dash.register(Network{
		Assets:  []string{"DASH"},
		CAIP2:   []string{"bip122:00000ffd590b1485b3caadc19b22e637"},
		Schemes: []string{"dash"},
		Forms: []Form{
			{"P2PKH", versioned("\x4c", bip173Program), "base58check"},
			{"P2SH", versioned("\x10", bip173Program), "base58check"},
		},
		rank: 41,
	})
}
