package address

import "strings"

// What the specifications publish: their examples and test vectors, each with the name of its source. Where one gives an address and
// no reason for refusing it, the reason is ours (lists/address, Reason).

// publishedVectors are those of one source about one network.
type publishedVectors struct {
	network, source string
	make            func(m *maker)
}

// refuses adds texts that a source calls invalid, for one reason.
func (m *maker) refuses(reason Reason, why string, texts ...string) {
	for _, text := range texts {
		m.invalid(text, reason, why)
	}
}

// spelled adds a canonical text with its identity, and other texts of it.
func (m *maker) spelled(canonical, identity, why string, texts ...string) {
	m.valid(canonical, canonical, identity, why)
	for _, text := range texts {
		m.same(canonical, text, why)
	}
}

var published = []publishedVectors{
	{"bitcoin", "BIP-350", func(m *maker) {
		const program = "751e76e8199196d454941c45d1b3a323f1433bd6"
		m.spelled("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bitcoin:p2wpkh:"+program, "version 0, 20 bytes", "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4")
		m.spelled("bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y", "bitcoin:witness:01"+program+program, "version 1, 40 bytes")
		m.spelled("bc1sw50qgdz25j", "bitcoin:witness:10751e", "version 16, 2 bytes", "BC1SW50QGDZ25J")
		m.spelled("bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs", "bitcoin:witness:02751e76e8199196d454941c45d1b3a323", "version 2, 16 bytes")
		m.spelled("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", "bitcoin:p2tr:79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798", "version 1, 32 bytes")
		m.refuses(BadChecksum, "bech32 where bech32m is due, or the reverse", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
			"BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh")
		m.refuses(BadCharacter, "a character outside of the alphabet", "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4")
		m.refuses(UnsupportedKind, "witness version 17, and no data at all", "BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R", "bc1gmk9yu")
		m.refuses(BadLength, "a program of a length that its version cannot have, or bits to spare", "bc1pw5dgrnzv",
			"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav", "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P",
			"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf")
		m.refuses(Testnet, "valid on a test network", "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7", "tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c")
	}},
	{"bitcoin", "BIP-173", func(m *maker) {
		m.spelled("bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3", "bitcoin:p2wsh:1863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262", "the example of P2WSH")
		m.refuses(MixedCase, "mixed case", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3T4")
		m.refuses(BadChecksum, "a wrong checksum", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5")
	}},
	{"bitcoin", "BIP-143", func(m *maker) {
		m.both(SameKey, "bitcoin", versioned("\x00", "\x79\x09\x19\x72\x18\x6c\x44\x9e\xb1\xde\xd2\x2b\x78\xe4\x0d\x00\x9b\xdf\x00\x89"), "bitcoin",
			versioned("\x05", "\x47\x33\xf3\x7c\xf4\xdb\x86\xfb\xc2\xef\xed\x25\x00\xb4\xf4\xe4\x9f\x31\x20\x23"), "P2PKH → P2SH-P2WPKH of one key")
		m.both(SameScript, "bitcoin", bitcoin.witnessText(0, "\xa1\x6b\x57\x55\xf7\xf6\xf9\x6d\xbd\x65\xf5\xf0\xd6\xab\x94\x18\xb8\x9a\xf4\xb1\xf1\x4a\x1b\xb8\xa0\x90\x62\xc3\x5f\x0d\xcb\x54"),
			"bitcoin", versioned("\x05", "\x99\x93\xa4\x29\x03\x7b\x5d\x91\x24\x07\xa7\x1c\x25\x20\x19\x28\x7b\x8d\x27\xa5"), "P2WSH → P2SH-P2WSH of one script")
	}},
	{"bitcoin", "BIP-21, its parameters behind an address of our own", func(m *maker) {
		address := versioned("\x00", string(m.bytes(20)))
		for _, uri := range []string{"", "?label=Luke-Jr", "?amount=20.3&label=Luke-Jr", "?amount=50&label=Luke-Jr&message=Donation%20for%20project%20xyz",
			"?somethingyoudontunderstand=50&somethingelseyoudontget=999"} {
			m.same(address, "bitcoin:"+address+uri, "payment URI")
		}
		m.same(address, "BITCOIN:"+address, "payment URI with its scheme in capitals")
		m.refuses(UnsupportedKind, "a parameter that has to be understood", "bitcoin:"+address+"?req-somethingyoudontunderstand=50&req-somethingelseyoudontget=999")
	}},
	{"bitcoin", "BIP-21", func(m *maker) {
		m.refuses(BadChecksum, "the address in the examples of the specification has a wrong checksum", "bitcoin:175tWpb8K1S7NmH4Zx6rewF9WQrcZv245W?amount=20.3&label=Luke-Jr")
	}},
	{"bitcoin", "BIP-32, BIP-38, BIP-39, SLIP-132: private keys of their test vectors", func(m *maker) {
		m.refuses(SecretMaterial, "an extended private key", "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi",
			"zprvAWgYBBk7JR8Gjrh4UJQ2uJdG1r3WNRRfURiABBE3RvMXYSrRJL62XuezvGdPvG6GFBZduosCc1YP5wixPox7zhZLfiUm8aunE96BBa4Kei5")
		m.refuses(SecretMaterial, "an encrypted private key", "6PRVWUbkzzsbcVac2qwfssoUJAN1Xhrg6bNk8J7Nzm5H7kxEbn2Nh2ZoGg")
		m.refuses(SecretMaterial, "a seed phrase", "legal winner thank year wave sausage worth useful legal winner thank yellow",
			"letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd amount doctor acoustic bless",
			"legal winner thank year wave sausage worth useful legal winner thank")
		m.refuses(UnsupportedKind, "an extended public key", "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8")
	}},
	{"bitcoin", "BOLT-11, LUD-01", func(m *maker) {
		const invoice = "lnbc2500u1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpuaztrnwngzn3kdzw5hydlzf03qdgm2hdq27cqv3agm2awhz5se903vruatfhq77w3ls4evs3ch9zw97j25emudupq63nyw24cg27h2rspfj9srp"
		m.refuses(InvoiceNotAddress, "a Lightning invoice", invoice, "lightning:"+invoice, "bitcoin:?lightning="+invoice)
		m.refuses(InvoiceNotAddress, "an LNURL", "LNURL1DP68GURN8GHJ7UM9WFMXJCM99E3K7MF0V9CXJ0M385EKVCENXC6R2C35XVUKXEFCV5MKVV34X5EKZD3EV56NYD3HXQURZEPEXEJXXEPNXSCRVWFNV9NXZCN9XQ6XYEFHVGCXXCMYXYMNSERXFQ5FNS")
		n := m.of("")
		n.source = m.source
		n.refuses(InvoiceNotAddress, "a Lightning invoice", invoice)
	}},
	{"bitcoin", "BIP-47, BIP-352, BIP-380", func(m *maker) {
		m.refuses(UnsupportedKind, "a code that makes a new address for every payment", "PM8TJTLJbPRGxSbc8EJi42Wrr6QbNSaSSVJ5Y3E4pbCYiTHUskHg13935Ubb7q8tx9GVbh2UuRnBc3WSyJHhUrw8KhprKnn9eDznYGieTzFcwQRya4GA",
			"sp1qqgste7k9hx0qftg6qmwlkqtwuy6cycyavzmzj85c6qdfhjdpdjtdgqjuexzk6murw56suy3e0rd2cgqvycxttddwsvgxe2usfpxumr70xc9pkqwv")
		m.refuses(UnsupportedKind, "an output descriptor", "pkh(02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5)")
	}},
	{"bitcoin-cash", "CashAddr specification", func(m *maker) {
		for _, pair := range cashaddrPairs {
			m.same(pair[1], pair[0], "legacy and new form")
			m.same(pair[1], strings.TrimPrefix(pair[1], "bitcoincash:"), "without the prefix")
		}
	}},
	{"zcash", "ZIP-320", func(m *maker) {
		m.same("t1VmmGiyjVNeCjxDZzg7vZmd99WyzVby9yC", "tex1s2rt77ggv6q989lr49rkgzmh5slsksa9khdgte", "the reference test vector")
	}},
	{"zcash", "ZIP-316 test vectors", func(m *maker) {
		m.same(unifiedPublished, strings.ToUpper(unifiedPublished), "unified address, in capitals")
	}},
	{"monero", "getmonero.org: the donation address of the project", func(m *maker) {
		m.same(moneroDonation, "monero:"+moneroDonation+"?tx_amount=239.39014&tx_description=donation", "payment URI")
		m.different("monero", moneroDonation, "monero", moneroSub, "standard address and a subaddress")
	}},
	{"ethereum", "EIP-55", func(m *maker) {
		for _, text := range []string{"0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D", "0xde709f2102306220921060314715629080e2fb77",
			"0x27b1fdb04752bbc536007a920d24acb045561c26", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
			"0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"} {
			m.valid(text, text, "evm:"+strings.ToLower(text[2:]), "checksum by letter case")
		}
	}},
	{"rootstock", "EIP-1191", func(m *maker) {
		for _, text := range []string{"0x5aaEB6053f3e94c9b9a09f33669435E7ef1bEAeD", "0xFb6916095cA1Df60bb79ce92cE3EA74c37c5d359",
			"0xDBF03B407c01E7CD3cBea99509D93F8Dddc8C6FB", "0xD1220A0Cf47c7B9BE7a2e6ba89F429762E7B9adB"} {
			m.same(strings.ToLower(text), text, "checksum by letter case, with the chain id 30")
		}
	}},
	{"ethereum", "EIP-681", func(m *maker) {
		m.same("0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359", "ethereum:0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359?value=2.014e18", "a payment")
		m.same("0x8e23ee67d1332ad560396262c48ffbb01f93d052",
			"ethereum:0x89205a3a3b2a69de6dbf7f01ed13b2108b2c43e7/transfer?address=0x8e23ee67d1332ad560396262c48ffbb01f93d052&uint256=1", "a token transfer pays the address in its parameter")
		m.different("ethereum", "0x89205a3a3b2a69de6dbf7f01ed13b2108b2c43e7", "ethereum",
			"ethereum:0x89205a3a3b2a69de6dbf7f01ed13b2108b2c43e7/transfer?address=0x8e23ee67d1332ad560396262c48ffbb01f93d052&uint256=1", "and not the token's contract")
	}},
	{"ethereum", "ICAP, as go-ethereum documents it", func(m *maker) {
		m.same("0x00c5496aEe77C1bA1f0854206A26DdA82a81D6D8", "XE7338O073KYGTWWZN0F2WZ0R8PX5ZPPZS", "direct ICAP")
		m.refuses(BadChecksum, "wrong check digits", "XE7438O073KYGTWWZN0F2WZ0R8PX5ZPPZS")
	}},
	{"ethereum", "EIP-137 (ENS)", func(m *maker) { m.refuses(NameNotAddress, "a name", "vitalik.eth", "wallet.vitalik.eth") }},
	{"harmony", "Harmony documentation", func(m *maker) {
		m.same("0x5a995AFEe7910Ae059Ba9Fd9d67E902dc17c7993", "one1t2v44lh8jy9wqkd6nlvavl5s9hqhc7vnp9mw8q", "the bech32 form of an account")
	}},
	{"tron", "TRON developer hub, \"Account model\"", func(m *maker) {
		m.spelled("TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW", "tron:5a523b449890854c8fc460ab602df9f31fe4293f", "an account", "415a523b449890854c8fc460ab602df9f31fe4293f",
			"0x5a523b449890854c8fc460ab602df9f31fe4293f")
	}},
	{"tron", "OFAC SDN list: one account under USDT and ETH", func(m *maker) {
		m.both(SameKey, "tron", "TXEsK1sEsKjZ1xtHitnyAAoqw3WLdYdRNW", "ethereum", "0xE950DC316b836e4EeFb8308bf32Bf7C72a1358FF", "the same 20 bytes")
	}},
	{"solana", "SPL Associated Token Account, test of Solana.Swift", func(m *maker) {
		m.related(SameKey, "solana", "3h1zGmCwsRJnVk5BuRNMLsPaQu1y2aqXqXDWYCgrp5UG", "solana", "3uetDDizgTtadDHZzyy9BqxrjQcozMEkxzbKhfZF4tG3", "listed owner → token account for USDC")
	}},
	{"xrp", "XLS-5", func(m *maker) {
		m.spelled("r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk59", "xrp:5e7b112523f68d2f5e879db4eac51c6698a69304", "classic and X-address", "X7AcgcsBL6XDcUb289X4mJ8djcdyKaB5hJDWMArnXr61cqZ",
			"X7AcgcsBL6XDcUb289X4mJ8djcdyKaGZMhc9YTE92ehJ2Fu", "X7AcgcsBL6XDcUb289X4mJ8djcdyKaLFuhLRuNXPrDeJd9A")
		m.same("rGWrZyQqhTp9Xu7G5Pkayo7bXjH4k4QYpf", "XVLhHMPHU98es4dbozjVtdWzVrDjtV18pX8yuPT7y4xaEHi", "classic and X-address with the largest tag")
		m.refuses(Testnet, "X-address of a test network", "T719a5UwUCnEs54UsxG9CJYYDhwmFCqkr7wxCcNcfZ6p5GZ")
	}},
	{"xrp", "xrpl.org", func(m *maker) {
		m.valid("rrrrrrrrrrrrrrrrrrrrrhoLvTp", "rrrrrrrrrrrrrrrrrrrrrhoLvTp", "xrp:0000000000000000000000000000000000000000", "ACCOUNT_ZERO")
		m.refuses(SecretMaterial, "a seed", "sn259rEFXrQrWyx3Q7XneWcwV6dfL", "sEdTM1uX8pu2do5XvTnutH6HsouMaM2")
		m.refuses(UnsupportedKind, "a public key", "aBPBK3evHN7NiPGsGuDo9MAMPyBmxnJNtjZS8C6oP2gDUwn8HNMz", "n9MXXueo837zYH36DvMc13BwHcqtfAWNJY5czWVbp7uYTj7x17TH")
	}},
	{"stellar", "SEP-23", func(m *maker) {
		const key = "3f0c34bf93ad0d9971d04ccc90f705511c838aad9734a4a2fb0d7a03fc7fe89a"
		m.spelled(sep23Account, "stellar:account:"+key, "account and muxed accounts", sep23Muxed0, sep23Muxed63)
		m.spelled(sep23Contract, "stellar:contract:"+key, "contract")
		m.different("stellar", sep23Account, "stellar", sep23Contract, "account and contract of the same 32 bytes")
		m.refuses(BadLength, "a length that no strkey of its kind has", "GAAAAAAAACGC6", "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZA",
			"GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUACUSI", "MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVAAAAAAAAAAAAAJLKA",
			"MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVAAAAAAAAAAAAAAV75I")
		m.refuses(BadChecksum, "a wrong checksum, or spare bits set", "MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUR",
			"M47QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUQ", "MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUO")
		m.refuses(BadCharacter, "padding", "MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUK===")
		m.refuses(UnsupportedKind, "a strkey that is no place to send to", "G47QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVP2I",
			"LA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUPJN", "BAAD6DBUX6J22DMZOHIEZTEQ64CVCHEDRKWZONFEUL5Q26QD7R76RGR4TU")
		m.refuses(SecretMaterial, "a seed", "SBU2RRGLXH3E5CQHTD3ODLDF2BWDCYUSSBLLZ5GNW7JXHDIYKXZWHOKR")
	}},
	{"cosmos", "Cosmos Hub: accounts of modules", func(m *maker) {
		m.valid(cosmosGov, cosmosGov, "cosmos:account:7b5fe22b5446f7c62ea27b8bd71cef94e03f3df2", "the module gov")
		m.valid(cosmosFees, cosmosFees, "cosmos:account:f1829676db577682e944fc3493d451b67ff3e29f", "the module fee_collector")
	}},
	{"injective", "Injective documentation, \"Accounts\"", func(m *maker) {
		m.same(injectiveDocs, injectiveDocsEVM, "the EVM form of an account")
		m.both(SameKey, "injective", injectiveDocs, "ethereum", injectiveDocsEVM, "Injective account → Ethereum account")
	}},
	{"cardano", "CIP-19", func(m *maker) {
		for _, header := range sortedKeys(cip19) {
			m.same(cip19[header], strings.ToUpper(cip19[header]), "header type "+header)
		}
		m.both(SameKey, "cardano", cip19["00"], "cardano", cip19["06"], "types 00 and 06: one payment key")
		m.both(SameKey, "cardano", cip19["04"], "cardano", cip19["06"], "types 04 and 06: one payment key")
		m.both(SameScript, "cardano", cip19["01"], "cardano", cip19["07"], "types 01 and 07: one payment script")
		m.both(SameStake, "cardano", cip19["00"], "cardano", cip19["14"], "types 00 and 14: one stake key")
		m.both(SameStake, "cardano", cip19["03"], "cardano", cip19["15"], "types 03 and 15: one stake script")
		m.different("cardano", cip19["06"], "cardano", cip19["07"], "types 06 and 07")
		m.refuses(Testnet, "of a test network", "addr_test1vz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzerspjrlsz", "stake_test1uqehkck0lajq8gr28t9uxnuvgcqrc6070x3k9r8048z8y5gssrtvn",
			"37btjrVyb4KDXBNC4haBVPCrro8AQPHwvCMp3RFhhSVWwfFmZ6wwzSK6JK1hY6wHNmtrpTf1kdbva8TCneM2YsiXT7mrzT21EacHnPpz5YyUdj64na")
		m.refuses(UnsupportedKind, "a key or script", "addr_vk1w0l2sr2zgfm26ztc6nl9xy8ghsk5sh6ldwemlpmp9xylzy4dtf7st80zhd", "stake_vk1px4j0r2fk7ux5p23shz8f3y5y2qam7s954rgf3lg5merqcj6aetsft99wu",
			"script1cda3khwqv60360rp5m7akt50m6ttapacs8rqhn5w342z7r35m37")
	}},
	{"substrate", "Substrate documentation, subkey: the account Alice", func(m *maker) {
		m.spelled(aliceSubstrate, "substrate:"+aliceKey[2:], "one account id under several prefixes", alicePolkadot, aliceKusama, aliceAstar, aliceKey)
		m.both(SameKey, "polkadot", alicePolkadot, "kusama", aliceKusama, "one account id on two chains")
		m.both(SameKey, "polkadot", alicePolkadot, "astar", aliceAstar, "one account id on two chains")
	}},
	{"ton", "TON documentation, \"Smart contract addresses\" (TEP-2)", func(m *maker) {
		m.spelled(tonRaw, "ton:00"+tonRaw[2:], "raw and user-friendly", tonFriendly, tonNotBounceable, tonTest, tonTestNot, strings.NewReplacer("-", "+", "_", "/").Replace(tonFriendly))
		m.same("-1:3333333333333333333333333333333333333333333333333333333333333333", "Ef8zMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzM0vF", "the elector contract")
	}},
	{"algorand", "Algorand documentation", func(m *maker) {
		m.valid(algorandZero, algorandZero, "algorand:"+strings.Repeat("0", 64), "the zero address")
	}},
	{"near", "NEAR nomicon and documentation", func(m *maker) {
		m.spelled(nearImplicit, "near:implicit:"+nearImplicit, "implicit account and its key", nearKey)
		for _, name := range []string{"ok", "bowen", "ek-2", "illia.cheap-accounts.near", "max_99.near", "100", "over.9000"} {
			m.same(name, "near:mainnet:"+name, "a valid account id")
		}
		m.refuses(BadCharacter, "an invalid account id", "100-", "bo__wen", "_illia", ".near", "near.", "a..near")
		m.refuses(MixedCase, "an invalid account id", "WAT")
		m.refuses(WhitespaceInside, "an invalid account id", "not ok")
		m.refuses(NameNotAddress, "an invalid account id", "me@google.com", "$$$")
	}},
	{"starknet", "CAIP-10, namespace starknet", func(m *maker) {
		const checked = "0x02DdfB499765c064eaC5039E3841AA5f382E73B598097a40073BD8B48170Ab57"
		m.same(strings.ToLower(checked), checked, "with the checksum of its letter case")
		m.same(checked, "starknet:SN_MAIN:"+checked, "CAIP-10")
	}},
	{"filecoin", "Filecoin specification, \"Address\"", func(m *maker) {
		for _, text := range filecoinSpec {
			m.same(text, "t"+text[1:], "the letter of the network is no part of an address")
		}
	}},
	{"hedera", "HIP-15", func(m *maker) {
		for _, row := range []string{"0.0.1-dfkxr", "0.0.4-cjcuq", "0.0.5-ktach", "0.0.6-tcxjy", "0.0.12-uuuup", "0.0.123-vfmkw", "0.0.1234567890-zbhlt"} {
			number, _, _ := strings.Cut(row, "-")
			m.same(number, row, "with its checksum")
		}
		m.refuses(BadChecksum, "a wrong checksum", "0.0.123-abcde", "0.0.124-vfmkw")
		m.refuses(BadCharacter, "a leading zero, or another separator", "0.00.123", "0.0.0123-vfmkw", "0.0.123#vfmkw")
		m.refuses(BadLength, "a wrong number of parts or letters", "0.123", "0.0.123.", "0.0.123-vf", "0.0.123-vfm-kw", "0.0.123-vfmkwxxxx")
		m.refuses(WhitespaceInside, "white space inside", "0.0.123 - vfmkw")
	}},
	{"eos", "nodeos: names and their 64 bits", func(m *maker) {
		m.valid("eosio", "eosio", "eos:5530ea0000000000", "a name")
		m.valid("eosio.token", "eosio.token", "eos:5530ea033482a600", "a name")
	}},
	{"icp", "ICRC-1, \"Textual encoding\"", func(m *maker) {
		const owner = "b56bf994b37ae8e79f5ce000be1727a6060ae4eef24736b7cc999c3c02"
		m.spelled(icrc1Owner, "icp:principal:"+owner, "the default account", strings.ToUpper(icrc1Owner))
		m.valid(icrc1One, icrc1One, "icp:icrc1:"+strings.Repeat("0", 63)+"1"+owner, "sub-account 1")
		m.valid(icrc1Many, icrc1Many, "icp:icrc1:0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"+owner, "a sub-account of 32 bytes")
		m.both(SameKey, "icp", icrc1Owner, "icp", icrc1One, "principal and sub-account")
		m.refuses(BadCharacter, "an error of the specification", icrc1Owner+"-q6bn32y.", "k2t6j2nvnp4zjm3-25dtz6xhaac7boj5gayfoj3xs-i43lp-teztq-6ae", icrc1Owner+"-6cc627i.01")
		m.refuses(BadLength, "an error of the specification", icrc1Owner+".1")
		m.refuses(BadChecksum, "an error of the specification", icrc1Owner+"-6cc627j.1")
	}},
	{"kaspa", "rusty-kaspa, crypto/addresses", func(m *maker) {
		m.same(kaspaZero, strings.ToUpper(kaspaZero), "a key of 32 zero bytes")
		m.same(kaspaKey, kaspaKey[6:], "without the prefix")
	}},
	{"nano", "Nano documentation", func(m *maker) {
		m.same(nanoGenesis, "xrb_"+nanoGenesis[5:], "the genesis account")
		m.valid(nanoBurn, nanoBurn, "nano:"+strings.Repeat("0", 64), "the burn account")
	}},
	{"sui", "SIP-15", func(m *maker) {
		m.refuses(SecretMaterial, "a private key", "suiprivkey1qzwant3kaegmjy4qxex93s0jzvemekkjmyv3r2sjwgnv2y479pgsywhveae")
	}},
}
