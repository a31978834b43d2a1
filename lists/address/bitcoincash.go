package address

// Bitcoin Cash. Sources: the CashAddr specification; CHIP-2022-02 (token-aware addresses); CHIP-2022-05 (P2SH32); the SLP
// address format, which is cashaddr with another prefix.
var bitcoinCash = cashChain{
	utxoChain: utxoChain{
		network: "bitcoin-cash",
		keyHash: "\x00", script: "\x05", first: "13CH",
		p2pkh: VariantBitcoinCashP2PKH, p2sh: VariantBitcoinCashP2SH,
	},
	prefix: "bitcoincash", tokenPrefix: "simpleledger", tokens: true,
	p2sh32: VariantBitcoinCashP2SH32,
	copay:  "\x1c\x28",
}

func init() {
	bitcoinCash.register(Network{
		Aliases: []string{"bch", "bitcoincash", "bcc"},
		Assets:  []string{"BCH"},
		CAIP2:   []string{"bip122:000000000000000000651ef99cb9fcbe"},
		Forms: []Form{
			{"P2PKH", "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", "cashaddr"},
			{"P2PKH without prefix", "qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", "cashaddr"},
			{"P2SH", "bitcoincash:ppm2qsznhks23z7629mms6s4cwef74vcwvn0h829pq", "cashaddr"},
			{"P2SH32", bitcoinCash.text(1, generatorPoint[1:]), "cashaddr"},
			{"legacy P2PKH", "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu", "base58check"},
			{"legacy P2SH", "3CWFddi6m4ndiGyKqzYvsFYagqDLPVMTzC", "base58check"},
		},
		rank: 30,
	})
}
