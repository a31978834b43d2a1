package address

// Bitcoin SV kept Bitcoin's base58 addresses and its payment scheme. P2SH outputs have not been made
// since 2020 (Genesis upgrade), but old ones stay.
var bitcoinSV = utxoChain{
	network: "bitcoin-sv",
	keyHash: "\x00", script: "\x05", first: "13",
	p2pkh: VariantBitcoinSVP2PKH, p2sh: VariantBitcoinSVP2SH,
}

func init() {
	bitcoinSV.register(Network{
		Aliases: []string{"bsv", "bitcoinsv", "bchsv"},
		Assets:  []string{"BSV", "BCHSV"},
		CAIP2:   []string{"bip122:000000000000000001d956714215d96f"},
		Schemes: []string{"bitcoin", "bitcoinsv", "bsv"},
		Forms: []Form{
			{"P2PKH", "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu", "base58check"},
			{"P2SH", "3CWFddi6m4ndiGyKqzYvsFYagqDLPVMTzC", "base58check"},
		},
		rank: 31,
	})
}
