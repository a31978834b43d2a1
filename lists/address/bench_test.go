package address

import "testing"

// benchmarks holds one text of every common form, and the network it is read under ("" for none).
var benchmarks = []struct{ name, text, network string }{
	{"evm", "0x098B716B8Aaf21512996dC57EB0615e2383E2f96", "ethereum"},
	{"evm lower", "0x098b716b8aaf21512996dc57eb0615e2383e2f96", "ethereum"},
	{"evm no hint", "0x098B716B8Aaf21512996dC57EB0615e2383E2f96", ""},
	{"evm EIP-681", "ethereum:0x098B716B8Aaf21512996dC57EB0615e2383E2f96@1?value=1e18", "ethereum"},
	{"evm ICAP", "XE7338O073KYGTWWZN0F2WZ0R8PX5ZPPZS", "ethereum"},
	{"harmony bech32", "one1t2v44lh8jy9wqkd6nlvavl5s9hqhc7vnp9mw8q", "harmony"},
	{"bitcoin P2WPKH", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bitcoin"},
	{"bitcoin P2WSH", "bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3", "bitcoin"},
	{"bitcoin P2TR", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", "bitcoin"},
	{"bitcoin P2PKH", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "bitcoin"},
	{"bitcoin P2SH", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "bitcoin"},
	{"bitcoin P2PKH no hint", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", ""},
	{"bitcoin P2WPKH no hint", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", ""},
	{"litecoin P2SH old", versioned("\x05", bip173Program), "litecoin"},
	{"litecoin MWEB", textMWEB(mwebExample), "litecoin"},
	{"bitcoin-cash", "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", "bitcoin-cash"},
	{"dogecoin", versioned("\x1e", bip173Program), "dogecoin"},
	{"zcash t1", versioned("\x1c\xb8", bip173Program), "zcash"},
	{"zcash Sapling", bech32Text("zs", saplingExample, bech32Plain), "zcash"},
	{"zcash unified", "u1l8xunezsvhq8fgzfl7404m450nwnd76zshscn6nfys7vyz2ywyh4cc5daaq0c7q2su5lqfh23sp7fkf3kt27ve5948mzpfdvckzaect2jtte308mkwlycj2u0eac077wu70vqcetkxf", "zcash"},
	{"monero standard", "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A", "monero"},
	{"monero integrated", "4BfiDbmRvfiYRWN4j6ZxExMHpGLxmmZiA1PaUK3U4TRReD4or1y6sXsREmm59xHPxTJB5VW32a2mjKRC8uHKJYJUfBkmi8zG3YP41Go6vQ", "monero"},
	{"tron", "TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW", "tron"},
	{"tron hex", "415a523b449890854c8fc460ab602df9f31fe4293f", "tron"},
	{"solana", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "solana"},
	{"xrp", "rGWrZyQqhTp9Xu7G5Pkayo7bXjH4k4QYpf", "xrp"},
	{"xrp X", "XVLhHMPHU98es4dbozjVtdWzVrDjtV18pX8yuPT7y4xaEHi", "xrp"},
	{"bnb", bech32Text("bnb", bip173Program, bech32Plain), "bnb"},
}

// BenchmarkParse measures the check path: parse, and the keys that are looked up for it.
func BenchmarkParse(b *testing.B) {
	for _, row := range benchmarks {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			var readings []Address
			var keys []Link
			for b.Loop() {
				var err error
				readings, err = Parse(readings[:0], row.text, row.network)
				if err != nil {
					b.Fatal(err)
				}
				keys = keys[:0]
				for i := range readings {
					if i > 0 && SameLinks(&readings[i], &readings[i-1]) {
						continue
					}
					keys = Links(append(keys, Link{Key: readings[i].Key}), &readings[i], Asked)
				}
			}
		})
	}
}

// BenchmarkLinksListed measures what indexing a listing costs beside its own key.
func BenchmarkLinksListed(b *testing.B) {
	for _, row := range benchmarks {
		readings, err := Parse(nil, row.text, row.network)
		if err != nil {
			b.Fatal(row.name, err)
		}
		if len(Links(nil, &readings[0], Listed)) == 0 {
			continue
		}
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			var keys []Link
			for b.Loop() {
				keys = Links(keys[:0], &readings[0], Listed)
			}
		})
	}
}
