package address

// EVM chains that write their accounts in a way of their own beside 0x. It is one account: one identity with its 0x form.
//   - IoTeX: iotex-address, bech32 with the prefix io
//   - Ronin: "ronin:" in front of the digits, with 0x or without

func init() {
	for _, n := range []Network{
		{Name: "iotex", Aliases: []string{"iotx", "iotex-network"}, Assets: []string{"IOTX"}, CAIP2: []string{"eip155:4689"}, Short: []string{"iotex"},
			Forms: []Form{{"bech32", bech32Text("io", exampleBytes[:20], bech32Plain), "bech32"}},
			first: "iI", fits: func(text string) bool { return foldedPrefix(text, "io1") }, decode: decodeIoTeX},
		{Name: "ronin", Aliases: []string{"ron"}, Assets: []string{"RON"}, CAIP2: []string{"eip155:2020"}, Short: []string{"ronin"}},
		{Name: "vechain", Aliases: []string{"vet"}, Assets: []string{"VET", "VTHO"}, CAIP2: []string{"eip155:100009"}},
		{Name: "callisto", Aliases: []string{"clo", "callisto-network"}, Assets: []string{"CLO"}, CAIP2: []string{"eip155:820"}, Short: []string{"clo"}},
		{Name: "etherzero", Aliases: []string{"etz"}, Assets: []string{"ETZ"}, CAIP2: []string{"eip155:90"}},
	} {
		n.Forms = append(n.Forms, Form{"EIP-55", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "letter case, when mixed"})
		n.Schemes = []string{"ethereum", n.Name}
		n.Typos = "Only in mixed case (EIP-55); in one case every typing error is another valid address."
		n.evm, n.uri, n.rank = true, readEVMURI, 140
		if n.decode == nil {
			n.decode = decodeEVM
		}
		register(n)
	}
}

func decodeIoTeX(text string, a *Address) *Error {
	if !foldedPrefix(text, "io1") {
		return decodeEVM(text, a)
	}
	var data, room [96]byte
	account, fail := bech32Payload(data[:0], room[:0], text, "io", bech32Plain)
	if fail != nil {
		return fail
	}
	if len(account) != 20 {
		return refuse(BadLength, "it does not hold 20 bytes")
	}
	canonical := eip55(account, "")
	a.set(SpaceEVM, VariantEVM, account, canonical[:])
	return nil
}
