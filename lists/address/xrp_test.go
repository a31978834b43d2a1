package address

import (
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

// xText writes an X-address.
func xText(prefix, account string, flags byte, tag uint64) string {
	body := append([]byte(prefix), account...)
	body = append(body, flags)
	return string(base58Ripple.encodeCheck(nil, binary.LittleEndian.AppendUint64(body, tag)))
}

// TestXRP takes the test vectors of XLS-5.
func TestXRP(t *testing.T) {
	oneIdentity(t, "xrp", "r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk59", "X7AcgcsBL6XDcUb289X4mJ8djcdyKaB5hJDWMArnXr61cqZ", "X7AcgcsBL6XDcUb289X4mJ8djcdyKaGZMhc9YTE92ehJ2Fu",
		"X7AcgcsBL6XDcUb289X4mJ8djcdyKaLFuhLRuNXPrDeJd9A", "r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk59?dt=1", "r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk59:4294967295",
		"ripple:r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk59?amount=1&dt=7", "xrpl:0:r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk59", "xrpl:0:X7AcgcsBL6XDcUb289X4mJ8djcdyKaB5hJDWMArnXr61cqZ",
		"xrp:r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk59")
	oneIdentity(t, "xrp", "rGWrZyQqhTp9Xu7G5Pkayo7bXjH4k4QYpf", "XVLhHMPHU98es4dbozjVtdWzVrDjtV18pX8yuPT7y4xaEHi")
	oneIdentity(t, "xrp", "rrrrrrrrrrrrrrrrrrrrrhoLvTp") // ACCOUNT_ZERO
	for text, tag := range map[string]string{
		"X7AcgcsBL6XDcUb289X4mJ8djcdyKaGZMhc9YTE92ehJ2Fu":                "1",
		"XVLhHMPHU98es4dbozjVtdWzVrDjtV18pX8yuPT7y4xaEHi":                "4294967295",
		"r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk59?dt=4242":                     "4242",
		"r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk59:7":                           "7",
		"ripple:r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk59?dt=7":                 "7",
		"X7AcgcsBL6XDcUb289X4mJ8djcdyKaGZMhc9YTE92ehJ2Fu?dt=1":           "1",
		"xrpl:0:r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk59:7":                    "7",
		"r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk59?dt=12&amount=3&currency=XRP": "12",
	} {
		if a := read1(t, "xrp", text); len(a.Attributes) != 1 || a.Attributes[0] != (Attribute{"tag", tag}) {
			t.Errorf("%s: %v", text, a.Attributes)
		}
	}
	unhinted(t, "r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk59", "xrp")
	unhinted(t, "X7AcgcsBL6XDcUb289X4mJ8djcdyKaB5hJDWMArnXr61cqZ", "xrp")
	related(t, SameKey, "xrp", string(base58Ripple.encodeCheck(nil, []byte("\x00"+bip173Program))), "bitcoin", versioned("\x00", bip173Program))
	noTypo(t, "xrp", "r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk59", lettersBase58)
	noTypo(t, "xrp", "X7AcgcsBL6XDcUb289X4mJ8djcdyKaB5hJDWMArnXr61cqZ", lettersBase58)
}

func TestXRPRefused(t *testing.T) {
	const account = "r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk59"
	refused(t, "xrp", map[Reason][]string{
		Testnet:         {"T719a5UwUCnEs54UsxG9CJYYDhwmFCqkr7wxCcNcfZ6p5GZ"},
		SecretMaterial:  {"sn259rEFXrQrWyx3Q7XneWcwV6dfL", "sEdTM1uX8pu2do5XvTnutH6HsouMaM2", "p97evg5Rht7ZB7DbEpVqmV3yiSBMxR3pRBKJyLcRWt7SL5gEeBb"},
		UnsupportedKind: {"aBPBK3evHN7NiPGsGuDo9MAMPyBmxnJNtjZS8C6oP2gDUwn8HNMz", "n9MXXueo837zYH36DvMc13BwHcqtfAWNJY5czWVbp7uYTj7x17TH", xText(prefixX, bip173Program, 2, 1), xText(prefixX, bip173Program, 1, 1<<32)},
		NameNotAddress:  {"alice$example.com", "alice.xrp", "$alice"},
		BadLength:       {string(base58Ripple.encodeCheck(nil, []byte("\x00\x00"+bip173Program)))},
		BadChecksum:     {"r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk58", xText(prefixX, bip173Program, 0, 1)},
		BadCharacter:    {account + "?dt=x", account + "?dt=4294967296", account + ":01", account + "?memo=1"},
		TwoAddresses:    {"X7AcgcsBL6XDcUb289X4mJ8djcdyKaGZMhc9YTE92ehJ2Fu?dt=2", "X7AcgcsBL6XDcUb289X4mJ8djcdyKaB5hJDWMArnXr61cqZ:2"},
	})
}

func TestXRPRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		account := string(rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "account"))
		tag := uint64(rapid.Uint32().Draw(t, "tag"))
		text := string(base58Ripple.encodeCheck(nil, []byte("\x00"+account)))
		oneIdentity(t, "xrp", text, xText(prefixX, account, 0, 0), xText(prefixX, account, 1, tag))
		unhinted(t, text, "xrp")
		unhinted(t, xText(prefixX, account, 1, tag), "xrp")
	})
}

func TestBNB(t *testing.T) {
	text := bech32Text("bnb", bip173Program, bech32Plain)
	oneIdentity(t, "bnb", text, "bnb:"+text)
	unhinted(t, text, "bnb")
	related(t, SameKey, "bnb", text, "bitcoin", versioned("\x00", bip173Program))
	refused(t, "bnb", map[Reason][]string{
		Testnet:      {bech32Text("tbnb", bip173Program, bech32Plain)},
		BadChecksum:  {bech32Text("bnb", bip173Program, bech32M)},
		BadLength:    {bech32Text("bnb", bip173Program+"x", bech32Plain)},
		WrongNetwork: {"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"},
	})
	// The coin has another network, of which 0x is an address.
	if got := read1(t, "BNB", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"); got.Network != "bsc" {
		t.Errorf("%+v", got)
	}
	noTypo(t, "bnb", text, lettersBech32)
}
