package address

import "strings"

// Addresses of test networks. Parse refuses them: they are no places of money. A sandbox reads them as what they would be on the main
// network, which FromTestnet writes.

// testVersion is a base58check version of a test network, and the version of the main network that means the same.
type testVersion struct{ network, test, main string }

// The order counts: without a network, the first that has the version is taken. Sources: chainparams.cpp of each chain.
var testBase58 = []testVersion{
	{"bitcoin", "\x6f", "\x00"}, {"bitcoin", "\xc4", "\x05"},
	{"litecoin", "\x3a", "\x32"}, {"litecoin", "\x6f", "\x30"}, {"litecoin", "\xc4", "\x32"},
	{"dogecoin", "\x71", "\x1e"}, {"dogecoin", "\x6f", "\x1e"}, {"dogecoin", "\xc4", "\x16"},
	{"dash", "\x8c", "\x4c"}, {"dash", "\x13", "\x10"},
	{"zcash", "\x1d\x25", "\x1c\xb8"}, {"zcash", "\x1c\xba", "\x1c\xbd"},
	{"bitcoin-cash", "\x6f", "\x00"}, {"bitcoin-cash", "\xc4", "\x05"},
	{"ecash", "\x6f", "\x00"}, {"ecash", "\xc4", "\x05"},
	{"tron", "\xa0", "\x41"},
}

// testPrefix is the prefix of a bech32 or cashaddr text of a test network, without its separator.
type testPrefix struct{ network, test, main string }

var testBech32 = []testPrefix{
	{"bitcoin", "tb", "bc"}, {"bitcoin", "bcrt", "bc"},
	{"litecoin", "tltc", "ltc"}, {"litecoin", "rltc", "ltc"},
}

var testCashaddr = []testPrefix{
	{"bitcoin-cash", "bchtest", "bitcoincash"}, {"bitcoin-cash", "bchreg", "bitcoincash"},
	{"ecash", "ectest", "ecash"}, {"ecash", "ecregtest", "ecash"},
	{"kaspa", "kaspatest", "kaspa"}, {"kaspa", "kaspadev", "kaspa"}, {"kaspa", "kaspasim", "kaspa"},
}

// moneroMain is the network byte of the main network for each of moneroTests.
const moneroMain = "\x12\x13\x2a\x12\x13\x2a"

// testnetNames are the ends of the names of test networks, behind the name of the main network, and names without one.
var testnetNames = map[string]string{
	"testnet": "", "testnet3": "", "testnet4": "", "signet": "", "regtest": "", "stagenet": "", "devnet": "", "preprod": "", "preview": "",
	"chipnet": "bitcoin-cash", "shasta": "tron", "nile": "tron", "sepolia": "ethereum", "hoodi": "ethereum", "holesky": "ethereum",
	"amoy": "polygon",
}

// TestnetOf returns the main network of a test network by its name: bitcoin for "bitcoin-testnet", tron for "shasta" and "tron-shasta".
func TestnetOf(name string) (network string, ok bool) {
	name = strings.ToLower(trim(name))
	head, tail := "", name
	if at := strings.LastIndexAny(name, "-_ :"); at >= 0 {
		head, tail = name[:at], name[at+1:]
	}
	alone, known := testnetNames[tail]
	switch {
	case !known:
		return "", false
	case head == "":
		return alone, alone != ""
	}
	return resolveNetwork(head)
}

// FromTestnet writes an address of a test network as the main network would. network is that of the text, "" for any. The caller has to
// parse the result: only the checksum of the text has been looked at. ok is false for any other text, and for forms of test networks that it
// does not know.
func FromTestnet(text, network string) (main, of string, ok bool) {
	text = trim(text)
	if network != "" {
		if network, ok = resolveNetwork(network); !ok {
			return "", "", false
		}
	}
	for _, read := range [...]func(text, network string) (main, of string){fromTestBech32, fromTestCashaddr, fromTestShelley, fromTestMonero, fromTestBase58} {
		if main, of := read(text, network); main != "" {
			return main, of, true
		}
	}
	return "", "", false
}

func fromTestBech32(text, network string) (main, of string) {
	if len(text) > 90 {
		return "", ""
	}
	for _, p := range testBech32 {
		if network != "" && network != p.network || !foldedPrefix(text, p.test+"1") {
			continue
		}
		var letters, out [96]byte
		_, data, code, fail := bech32Decode(letters[:0], text)
		if fail != nil {
			return "", ""
		}
		return string(bech32Encode(out[:0], p.main, data, code)), p.network
	}
	return "", ""
}

func fromTestCashaddr(text, network string) (main, of string) {
	prefix, body, written := strings.Cut(text, ":")
	if !written || len(body) > 112 {
		return "", ""
	}
	for _, p := range testCashaddr {
		if network != "" && network != p.network || !foldedEqual(prefix, p.test) {
			continue
		}
		var letters [112]byte
		var out [128]byte
		data, fail := cashDecode(letters[:0], p.test, body)
		if fail != nil {
			return "", ""
		}
		return string(cashEncode(out[:0], p.main, data)), p.network
	}
	return "", ""
}

func fromTestShelley(text, network string) (main, of string) {
	if network != "" && network != "cardano" {
		return "", ""
	}
	for test, prefix := range map[string]string{"addr_test": "addr", "stake_test": "stake"} {
		if !foldedPrefix(text, test+"1") || len(text) > 200 {
			continue
		}
		var room, letters [256]byte
		raw, fail := bech32Payload(letters[:0], room[:0], text, test, bech32Plain)
		if fail != nil || len(raw) == 0 || raw[0]&15 != 0 {
			return "", ""
		}
		raw[0] |= 1
		return bech32Text(prefix, string(raw), bech32Plain), "cardano"
	}
	return "", ""
}

func fromTestMonero(text, network string) (main, of string) {
	if network != "" && network != "monero" || len(text) != 95 && len(text) != 106 {
		return "", ""
	}
	var room [80]byte
	body, fail := moneroDecode(room[:0], text)
	if fail != nil || len(body) < 5 {
		return "", ""
	}
	body, sum := body[:len(body)-4], body[len(body)-4:]
	at := strings.IndexByte(moneroTests, body[0])
	if digest := keccak256(body); at < 0 || string(digest[:4]) != string(sum) {
		return "", ""
	}
	return moneroText(moneroMain[at], string(body[1:])), "monero"
}

func fromTestBase58(text, network string) (main, of string) {
	if len(text) > 60 {
		return "", ""
	}
	var room [maxBase58]byte
	if network == "" || network == "xrp" {
		if body, fail := base58Ripple.decodeCheck(room[:0], text); fail == nil && len(body) == 31 && string(body[:2]) == prefixTestX {
			return string(base58Ripple.encodeCheck(nil, append([]byte(prefixX), body[2:]...))), "xrp"
		}
	}
	body, fail := base58Bitcoin.decodeCheck(room[:0], text)
	if fail != nil {
		return "", ""
	}
	for _, v := range testBase58 {
		if (network == "" || network == v.network) && len(body) == len(v.test)+20 && string(body[:len(v.test)]) == v.test {
			return versioned(v.main, string(body[len(v.test):])), v.network
		}
	}
	return "", ""
}

// ToTestnet writes the address of a main network as its first test network does, for the table of test addresses; "" if FromTestnet reads no
// such form.
func ToTestnet(main, network string) string {
	for _, p := range testBech32 {
		var letters, out [96]byte
		if p.network != network || !strings.HasPrefix(main, p.main+"1") || len(main) > 90 {
			continue
		}
		if _, data, code, fail := bech32Decode(letters[:0], main); fail == nil {
			return string(bech32Encode(out[:0], p.test, data, code))
		}
	}
	for _, p := range testCashaddr {
		var letters [112]byte
		body, written := strings.CutPrefix(main, p.main+":")
		if p.network != network || !written || len(body) > 112 {
			continue
		}
		if data, fail := cashDecode(letters[:0], p.main, body); fail == nil {
			return string(cashEncode(nil, p.test, data))
		}
	}
	if network == "cardano" {
		for prefix, test := range map[string]string{"addr": "addr_test", "stake": "stake_test"} {
			var room, letters [256]byte
			if raw, fail := bech32Payload(letters[:0], room[:0], main, prefix, bech32Plain); fail == nil {
				raw[0] &^= 1
				return bech32Text(test, string(raw), bech32Plain)
			}
		}
	}
	var room [maxBase58]byte
	switch network {
	case "monero":
		var whole [80]byte
		if body, fail := moneroDecode(whole[:0], main); fail == nil {
			if at := strings.IndexByte(moneroMain, body[0]); at >= 0 {
				return moneroText(moneroTests[at], string(body[1:len(body)-4]))
			}
		}
		return ""
	case "xrp":
		if body, fail := base58Ripple.decodeCheck(room[:0], main); fail == nil && len(body) == 21 {
			return string(base58Ripple.encodeCheck(nil, append(append([]byte(prefixTestX), body[1:]...), make([]byte, 9)...)))
		}
		return ""
	case "tron": // Shasta and Nile write addresses as the main network does
		return ""
	}
	body, fail := base58Bitcoin.decodeCheck(room[:0], main)
	if fail != nil {
		return ""
	}
	for _, v := range testBase58 {
		if v.network == network && len(body) == len(v.main)+20 && string(body[:len(v.main)]) == v.main {
			return versioned(v.test, string(body[len(v.main):]))
		}
	}
	return ""
}
