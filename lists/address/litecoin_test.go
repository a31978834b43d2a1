package address

import (
	"strings"
	"testing"
)

// mwebPublished is an MWEB address as Litecoin Core shows it.
const mwebPublished = "ltcmweb1qq20e2arnhvxw97katjkmsd35agw3capxjkrkh7dk8d30rczm8ypxuq329nwh2twmchhqn3jqh7ua4ps539f6aazh79jy76urqht4qa59ts3at6gf"

func TestLitecoin(t *testing.T) {
	oneIdentity(t, "litecoin", "LVg2kJoFNg45Nbpy53h7Fe1wKyeXVRhMH9", "litecoin:LVg2kJoFNg45Nbpy53h7Fe1wKyeXVRhMH9?amount=3.5",
		"bip122:12a765e31ffd4059bada1e25190f6e98:LVg2kJoFNg45Nbpy53h7Fe1wKyeXVRhMH9")
	// The OFAC list has M… forms; deposits may still come with the 3… of the same script.
	oneIdentity(t, "litecoin", "MQMcJhpWHYVeQArcZR3sBgyPZxxRtnH441", versioned("\x05", read1(t, "litecoin", "MQMcJhpWHYVeQArcZR3sBgyPZxxRtnH441").Key.Payload()))
	oneIdentity(t, "litecoin", mwebPublished, strings.ToUpper(mwebPublished), "litecoin:"+mwebPublished)
	related(t, SameScript, "litecoin", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "bitcoin", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy")
	unhinted(t, mwebPublished, "litecoin")
	unhinted(t, "LVg2kJoFNg45Nbpy53h7Fe1wKyeXVRhMH9", "litecoin")
	noTypo(t, "litecoin", "MQMcJhpWHYVeQArcZR3sBgyPZxxRtnH441", lettersBase58)
	noTypo(t, "litecoin", mwebPublished, lettersBech32)
}

func TestLitecoinRefused(t *testing.T) {
	keys := read1(t, "litecoin", mwebPublished).Key.Payload()
	short, long := bits8to5([]byte{0}, keys[:65]), bits8to5([]byte{0}, keys+"\x00")
	refused(t, "litecoin", map[Reason][]string{
		Testnet: {
			versioned("\x6f", bip173Program), "tltc1qw508d6qejxtdg4y5r3zarvary0c5xw7klfsuq0",
			string(bech32Encode(nil, "tmweb", bits8to5([]byte{0}, keys), bech32Plain)),
		},
		BadChecksum: {string(bech32Encode(nil, hrpMWEB, bits8to5([]byte{0}, keys), bech32M))},
		BadLength: {
			string(bech32Encode(nil, hrpMWEB, short, bech32Plain)),
			string(bech32Encode(nil, hrpMWEB, long, bech32Plain)),
		},
		UnsupportedKind: {string(bech32Encode(nil, hrpMWEB, bits8to5([]byte{1}, keys), bech32Plain))},
		WrongNetwork: {"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
			versioned("\x3a", bip173Program)}, // P2SH of the test network, which is P2PKH of Qtum
	})
}
