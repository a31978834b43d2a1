package address

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Addresses of test networks that others have published: BIP-173, the CashAddr specification, CIP-19, wallets' documentation.
// Parse refuses them as Testnet; FromTestnet writes the same bytes for the main network.
func TestTestnetAddressesReadAsThoseOfTheMainNetwork(t *testing.T) {
	for _, x := range []struct{ text, network, main, of string }{
		{"tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", "", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bitcoin"},
		{"TB1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KXPJZSX", "BTC", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bitcoin"},
		{"tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7", "", "bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3", "bitcoin"},
		{"mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", "", "14JetYAhLevTRaePcAAX1vRMwaJt2QGRzp", "bitcoin"},
		{"2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc", "bitcoin", "38rjNhr9g3nVEPDLnMnEJ78GgEWi6yM4He", "bitcoin"},
		{"bchtest:pr6m7j9njldwwzlg9v7v53unlr4jkmx6eyvwc0uz5t", "", "bitcoincash:pr6m7j9njldwwzlg9v7v53unlr4jkmx6eyguug74nh", "bitcoin-cash"},
		{"addr_test1qz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgs68faae", "",
			"addr1qx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgse35a3x", "cardano"},
		{"stake_test1uqehkck0lajq8gr28t9uxnuvgcqrc6070x3k9r8048z8y5gssrtvn", "cardano", "stake1uyehkck0lajq8gr28t9uxnuvgcqrc6070x3k9r8048z8y5gh6ffgw", "cardano"},
		{"tm9iMLAuYMzJ6jtFLcA7rzUmfreGuKvr7Ma", "zcash", "t1Hsc1LR8yKnbbe3twRp88p6vFfC5t7DLbs", "zcash"},
		{"tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsy", "", "", ""},
		{"tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", "ethereum", "", ""},
		{"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "", "", ""}, // not of a test network
	} {
		main, of, _ := FromTestnet(x.text, x.network)
		if main != x.main || of != x.of {
			t.Errorf("%s under %q is %q of %q, not %q of %q", x.text, x.network, main, of, x.main, x.of)
		}
		if x.main == "" {
			continue
		}
		if _, err := Parse(nil, x.text, x.network); err == nil {
			t.Errorf("%s is not refused", x.text)
		}
		if _, err := Parse(nil, main, of); err != nil {
			t.Errorf("%s: %v", main, err)
		}
	}
}

// TestTestnetsRoundTrip holds ToTestnet against FromTestnet for every form of a network in the registry that has one for a test network.
func TestTestnetsRoundTrip(t *testing.T) {
	written := map[string]int{}
	for _, n := range networks {
		for _, f := range n.Forms {
			main, err := Parse(nil, f.Example, n.Name)
			if err != nil {
				continue
			}
			test := ToTestnet(main[0].Canonical, n.Name)
			if test == "" {
				continue
			}
			written[n.Name]++
			back, of, ok := FromTestnet(test, n.Name)
			if !ok || of != n.Name {
				t.Errorf("%s is not read as %s", test, n.Name)
				continue
			}
			again, err := Parse(nil, back, of)
			if err != nil || again[0].Key != main[0].Key || again[0].Variant != main[0].Variant {
				t.Errorf("%s of %s comes back as %s (%v)", f.Example, n.Name, back, err)
			}
		}
	}
	for _, name := range []string{"bitcoin", "litecoin", "bitcoin-cash", "ecash", "dogecoin", "dash", "zcash", "cardano", "xrp", "monero", "kaspa"} {
		if written[name] == 0 {
			t.Errorf("no form of %s has been tried", name)
		}
	}
}

func TestNamesOfTestNetworks(t *testing.T) {
	got := map[string]string{}
	for _, name := range []string{"bitcoin-testnet", "BTC_testnet4", "tron-shasta", "Shasta", "Sepolia", "litecoin regtest", "testnet", "bitcoin", "no-such-testnet"} {
		got[name], _ = TestnetOf(name)
	}
	want := map[string]string{"bitcoin-testnet": "bitcoin", "BTC_testnet4": "bitcoin", "tron-shasta": "tron", "Shasta": "tron", "Sepolia": "ethereum",
		"litecoin regtest": "litecoin", "testnet": "", "bitcoin": "", "no-such-testnet": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
