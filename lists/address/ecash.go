package address

// eCash (until 2021 Bitcoin Cash ABC). Source: the eCash address specification: cashaddr with the prefixes ecash and etoken.
var ecash = cashChain{
	utxoChain: utxoChain{
		network: "ecash",
		keyHash: "\x00", script: "\x05", first: "13",
		p2pkh: VariantECashP2PKH, p2sh: VariantECashP2SH,
	},
	prefix: "ecash", tokenPrefix: "etoken",
}

func init() {
	ecash.register(Network{
		Aliases: []string{"xec", "bcha"},
		Assets:  []string{"XEC", "BCHA"},
		Forms: []Form{
			{"P2PKH", ecash.text(0, bip173Program), "cashaddr"},
			{"P2SH", ecash.text(1, bip173Program), "cashaddr"},
			{"legacy P2PKH", "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu", "base58check"},
		},
		rank: 32,
	})
}
