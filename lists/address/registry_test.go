package address

import (
	"os"
	"slices"
	"strings"
	"testing"

	"interdict/lists/fault"
)

// contractNetworks are the names of all networks, in the order of the generated pages: those that came first, then the tables.
var contractNetworks = firstNetworks + " " + utxoNetworks() + " " + laterNetworks

func utxoNetworks() string {
	names := make([]string, len(utxoRows))
	for i := range utxoRows {
		names[i] = utxoRows[i].name
	}
	return strings.Join(names, " ")
}

// firstNetworks are the names that must not change.
const firstNetworks = `bitcoin litecoin bitcoin-cash bitcoin-sv ecash bitcoin-gold dogecoin dash verge zcash monero ethereum ethereum-classic
arbitrum bsc polygon base optimism avalanche-c rootstock xdc harmony tron solana xrp stellar bnb cosmos osmosis injective evmos thorchain kava maya
secret terra akash axelar celestia dydx juno noble sei stargaze cardano polkadot kusama bittensor astar substrate ton algorand near aptos sui
starknet tezos filecoin hedera eos icp kaspa nano avalanche-x avalanche-p`

// ofTable tells the rows of the tables that are not described one by one.
func ofTable(n *Network) bool {
	return n.Family != "" && !slices.Contains(strings.Fields(contractNetworks), n.Name)
}

// vectorCosmos are the chains that the vectors are made of.
var vectorCosmos = cosmosChains[:17]

func TestNetworksAreTheContract(t *testing.T) {
	want := strings.Fields(contractNetworks)
	var got []string
	for _, n := range Networks() {
		if ofTable(&n) {
			continue
		}
		got = append(got, n.Name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("registered are %v\nwant %v", got, want)
	}
}

// TestForms demands what the generated page needs: every form has an example that parses, without a hint as well
// where the network is one that is guessed.
func TestForms(t *testing.T) {
	for _, n := range Networks() {
		if len(n.Forms) == 0 || n.Typos == "" {
			t.Errorf("%s is not documented", n.Name)
		}
		for _, form := range n.Forms {
			a := read1(t, n.Name, form.Example)
			if a.Network != n.Name || form.Name == "" || form.Checksum == "" {
				t.Errorf("%s %q: %+v", n.Name, form.Name, a)
			}
			if network, text, ok := Render(a.Key, a.Variant); ok {
				back := read1(t, network, text)
				if back.Key != a.Key || back.Variant != a.Variant {
					t.Errorf("%s %q comes back from the store as %s", n.Name, form.Example, text)
				}
			}
			if len(a.Key) > MaxKey {
				t.Errorf("%s %q: a key of %d bytes", n.Name, form.Name, len(a.Key))
			}
		}
	}
}

func TestNetworksIsACopy(t *testing.T) {
	all := Networks()
	all[0].Aliases[0] = "spoilt"
	all[0].Forms[0].Example = "spoilt"
	if again := Networks(); again[0].Aliases[0] == "spoilt" || again[0].Forms[0].Example == "spoilt" {
		t.Error("a caller can change the registry")
	}
}

func TestResolveNetwork(t *testing.T) {
	for name, want := range map[string]string{
		"bitcoin": "bitcoin", "BTC": "bitcoin", "xbt": "bitcoin", "XBT": "bitcoin", "eth": "ethereum", "eip155:1": "ethereum", "eip155:56": "bsc",
		"matic": "polygon", "bip122:000000000019d6689c085ae165831e93": "bitcoin", "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp": "solana",
		// OFAC's codes.
		"ARB": "arbitrum", "BCH": "bitcoin-cash", "BSC": "bsc", "BSV": "bitcoin-sv", "BTG": "bitcoin-gold", "DASH": "dash", "DOGE": "dogecoin",
		"ETC": "ethereum-classic", "ETH": "ethereum", "LTC": "litecoin", "eip155:999999": "eip155:999999", "SOL": "solana", "TRX": "tron", "USDC": "ethereum", "USDT": "ethereum",
		"XMR": "monero", "XRP": "xrp", "XVG": "verge", "ZEC": "zcash", " btc ": "bitcoin", "BNB": "bnb",
	} {
		if got, ok := ResolveNetwork(name); !ok || got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
		if !KnownAsset(name) {
			t.Errorf("%q is not known", name)
		}
	}
	for _, name := range []string{"PTR", "MIOTA", "eip155:x", "eip155:01", "eip155:", "ens", "bitcoinn", "Foo (Bar)", "USDT-Foo", "Bitcoin Chain"} {
		if got, ok := ResolveNetwork(name); ok || KnownAsset(name) {
			t.Errorf("%q is %q", name, got)
		}
		if _, err := Parse(nil, cleanAddress, name); !fault.Is(err, fault.UnsupportedNetwork) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAnAssetCodeOfSeveralChainsTriesThemAll(t *testing.T) {
	for text, want := range map[string]string{
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed": "ethereum", "TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW": "tron", cleanAddress: "bitcoin",
	} {
		if got := read1(t, "USDT", text); got.Network != want {
			t.Errorf("%s is of %s", text, got.Network)
		}
	}
	refused(t, "USDT", map[Reason][]string{BadChecksum: {"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3"}})
}

// TestListedLabels holds what real lists do to labels (OFAC, Israel, OpenSanctions).
func TestListedLabels(t *testing.T) {
	const hex64 = "5be5543ff73456ab9f2d207887e2af87322c651ea1a873c5b25b7ffae456c320"
	for _, c := range []struct{ text, network, asset, want string }{
		{"TUCsTq7TofTCJRRoHk6RvhMoS2mJLm5Yzq", "", "XBT", "tron"},
		{"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "", "XBT", "bitcoin"},
		{"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "", "USDT", "bitcoin"},
		{"3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "", "USDT", "bitcoin"},
		{"3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "", "LTC", "litecoin"},
		{"1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu", "", "BCH", "bitcoin-cash"},
		{"qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", "", "BCH", "bitcoin-cash"},
		{"1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu", "", "BSV", "bitcoin-sv"},
		{"TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW", "", "USDT", "tron"},
		{"0xE950DC316b836e4EeFb8308bf32Bf7C72a1358FF", "", "USDT", "ethereum"},
		{"0xE950DC316b836e4EeFb8308bf32Bf7C72a1358FF", "", "BSC", "bsc"},
		{"0xE950DC316b836e4EeFb8308bf32Bf7C72a1358FF", "", "XBT", "ethereum"},
		{"0xE950DC316b836e4EeFb8308bf32Bf7C72a1358FF", "", "BNB", "bsc"},
		{"0xE950DC316b836e4EeFb8308bf32Bf7C72a1358FF", "BNB", "", "bsc"},
		{bech32Text("bnb", bip173Program, bech32Plain), "", "BNB", "bnb"},
		{"DTsTdg3pnErWpbj6apPLr9qT2sfJHT3A3t", "", "XVG", "verge"},
		{"DTsTdg3pnErWpbj6apPLr9qT2sfJHT3A3t", "", "DOGE", "dogecoin"},
		{"DTsTdg3pnErWpbj6apPLr9qT2sfJHT3A3t", "", "XBT", "dogecoin verge digibyte pivx divi denarius"},
		{"TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW", "bitcoin", "USDT", "tron"},
		{"TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW", "Ethereum", "", "tron"},
		{"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "no such", "PTR", "bitcoin bitcoin-cash bitcoin-sv ecash bitcoin-diamond freicoin"},
		{"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "", "Bitcoin", "bitcoin"},
		{"EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "", "SOL", "solana"},
		{"EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "", "", "solana"},
		{"EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "", "XBT", ""},       // proves nothing against its label
		{"0xE950DC316b836e4EeFb8308bf32Bf7C72a1358fF", "", "ETH", "ethereum"}, // only its letter case is wrong
		{"41e950dc316b836e4eefb8308bf32bf7c72a1358ff", "", "XBT", ""},
		{hex64, "", "XMR", ""},
		{hex64, "", "", ""},
		{"0x" + hex64, "", "XBT", ""},
	} {
		readings, _, err := ParseListed(nil, c.text, c.network, c.asset)
		var got []string
		for i := range readings {
			got = append(got, readings[i].Network)
		}
		if (err == nil) != (c.want != "") || strings.Join(got, " ") != c.want {
			t.Errorf("%s labelled %q %q is of %v (%v), want %q", c.text, c.network, c.asset, got, err, c.want)
		}
	}
}

// TestUnscreenedNetworksAreTold: a right checksum under no network we know is not called a typing error.
func TestUnscreenedNetworksAreTold(t *testing.T) {
	refused(t, "", map[Reason][]string{
		UnsupportedKind: {versioned("\x0b", bip173Program), bech32Text("xyz", "\x00"+bip173Program, bech32Plain)},
		BadChecksum:     {"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"},
		NameNotAddress:  {"vitalik.eth", "satoshi@example.com"},
	})
}

func TestRawKey(t *testing.T) {
	const text = "5be5543ff73456ab9f2d207887e2af87322c651ea1a873c5b25b7ffae456c320"
	k := RawKey(" " + text + "\r\n")
	if k != RawKey(text) || k.Space() != SpaceRaw || k == RawKey(strings.ToUpper(text)) {
		t.Errorf("%q", k)
	}
	if long := RawKey(strings.Repeat(text, 4)); len(long) > MaxKey || long == RawKey(strings.Repeat(text, 3)) {
		t.Errorf("%q", long)
	}
	if class, how := Relate(k, VariantRaw, 0, VariantRaw, 0); class != Raw || how != "" {
		t.Error(class, how)
	}
	if got := string(AppendIdentity(nil, k, VariantRaw)); !strings.HasPrefix(got, "raw:35626535") {
		t.Error(got)
	}
	if _, _, ok := Render(k, VariantRaw); ok {
		t.Error("a raw text is rendered")
	}
}

// TestUnknownNumbersSayNothing: numbers that this version does not know, from a newer store, relate nothing and crash nothing.
func TestUnknownNumbersSayNothing(t *testing.T) {
	k := Key("\xfa123")
	if class, _ := Relate(k, 60000, 0, 60001, 0); class != None {
		t.Error(class)
	}
	if class, _ := Relate("", 2, 0, 3, 0); class != None {
		t.Error(class)
	}
	if network, text, ok := Render(k, 60000); ok || network != "" || text != "" {
		t.Error(network, text)
	}
	if got := AppendIdentity(nil, k, 60000); len(got) != 0 {
		t.Errorf("%q", got)
	}
	if got := Links(nil, &Address{Key: k, Variant: 60000}, Asked); got != nil {
		t.Error(got)
	}
	for v := range Variant(200) {
		for _, k := range []Key{"", "\x02", "\x0e12", "\x07", "\x0b\x01"} {
			Render(k, v)
			AppendIdentity(nil, k, v)
		}
	}
}

// TestOFACAddressesParse reads what the OFAC list held on 2025-11-20, without labels.
func TestOFACAddressesParse(t *testing.T) {
	data, err := os.ReadFile("../../../shared/data/ofac_extracted/complete_wallet_list_2025-11-20.txt")
	if err != nil {
		t.Skip("the shared data is not here: ", err)
	}
	read, raw := 0, 0
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		read++
		for _, parse := range []func() ([]Address, error){
			func() ([]Address, error) { return Parse(nil, line, "") },
			func() ([]Address, error) { readings, _, err := ParseListed(nil, line, "", ""); return readings, err },
		} {
			got, err := parse()
			switch {
			case err != nil && len(line) == 64 && isHex(line):
				raw++
			case err != nil:
				t.Errorf("%s: %v", line, err)
			case len(got) == 0:
				t.Errorf("%s: no reading and no error", line)
			}
		}
	}
	if read != 761 || raw != 2 {
		t.Errorf("%d addresses, %d raw", read, raw/2)
	}
}
