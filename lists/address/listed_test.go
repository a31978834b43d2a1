package address

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// evmLower is an EVM account in one letter case, evmChecked one in that of EIP-55.
const (
	evmLower   = "0x901bb9583b24d97e995513c6778dc6888ab6870e"
	evmChecked = "0x098B716B8Aaf21512996dC57EB0615e2383E2f96"
	segwit     = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
)

// TestWhatATextProvesIsListed: a label never hides what a text proves, and a compatible one chooses among networks that share a proof.
func TestWhatATextProvesIsListed(t *testing.T) {
	padded := "0x" + evmPadding + evmLower[2:]
	contradicted, lookalikes, letterCase := ListedNotes{Contradicted: true}, ListedNotes{Lookalikes: true}, ListedNotes{LetterCase: true}
	of := func(network string) ListedNotes { return ListedNotes{Network: network} }
	for _, c := range []struct {
		text, network, asset, want string
		notes                      ListedNotes
	}{
		{segwit, "", "NEAR", "bitcoin near", contradicted},
		{segwit, "near", "", "bitcoin near", contradicted},
		{segwit, "", "APT", "bitcoin", contradicted},
		{segwit, "", "XBT", "bitcoin", of("bitcoin")},
		{segwit, "", "", "bitcoin", ListedNotes{}},
		{evmChecked, "", "APT", "ethereum", contradicted},
		{evmChecked, "", "SUI", "ethereum", contradicted},
		{evmChecked, "aptos", "", "ethereum", contradicted},
		{evmChecked, "near", "", "ethereum", contradicted},
		{evmChecked, "", "USDC", "ethereum", of("ethereum")},
		{evmChecked, "", "BNB", "bsc", of("bsc")},
		{evmChecked, "tron", "", "tron", of("tron")},
		{evmChecked[2:], "", "", "ethereum", ListedNotes{}},
		{evmChecked[2:], "", "SUI", "ethereum", contradicted},
		{evmLower, "", "STRK", "ethereum", contradicted},
		{evmLower, "", "SUI", "ethereum", contradicted},
		{strings.ToUpper(evmLower), "sui", "", "ethereum", contradicted},
		{evmLower, "starknet", "", "ethereum", contradicted},
		{evmLower, "near", "", "near", of("near")}, // an account of NEAR by the same key
		{evmLower, "eip155:8217", "", "kaia", of("kaia")},
		{evmLower, "eip155:82170", "", "eip155:82170", of("eip155:82170")},
		// A proof that several networks share stays with a label that it does not contradict.
		{"DTsTdg3pnErWpbj6apPLr9qT2sfJHT3A3t", "dogecoin", "", "dogecoin", of("dogecoin")},
		{"DTsTdg3pnErWpbj6apPLr9qT2sfJHT3A3t", "near", "", "dogecoin verge digibyte pivx divi denarius", contradicted},
		{"3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "", "LTC", "litecoin", of("litecoin")},
		{"TUCsTq7TofTCJRRoHk6RvhMoS2mJLm5Yzq", "", "XBT", "tron", contradicted},
		// One text is a script on one chain and a key on another: it is found under both.
		{"MQMcJhpWHYVeQArcZR3sBgyPZxxRtnH441", "", "LTC", "litecoin monacoin", of("litecoin")},
		{"MQMcJhpWHYVeQArcZR3sBgyPZxxRtnH441", "monacoin", "", "monacoin litecoin", of("monacoin")},
		// Padded to an ABI word.
		{padded, "", "", "ethereum polkadot kusama bittensor astar substrate aptos sui starknet", ListedNotes{}},
		{padded, "aptos", "", "ethereum aptos", contradicted},
		{padded, "", "ETH", "ethereum", of("ethereum")},
		{padded, "bsc", "", "bsc", of("bsc")},
		{padded[2:], "", "", "ethereum aptos sui near starknet", ListedNotes{}},
		{"0x" + strings.Repeat("0", 60) + "dee9", "sui", "", "sui", of("sui")},
		// A wrapper is a label, and like one it does not hide a proof.
		{"bitcoin:" + segwit, "", "NEAR", "bitcoin", contradicted},
		{"near:" + segwit, "", "", "bitcoin near", contradicted},
		{"arb1:" + evmLower, "", "", "arbitrum", of("arbitrum")},
		// Repaired.
		{"0x098b716B8Aaf21512996dC57EB0615e2383E2f96", "", "ETH", "ethereum", letterCase},
		{"0x098b716B8Aaf21512996dC57EB0615e2383E2f96", "", "", "ethereum", letterCase},
		{"0x098b716B8Aaf21512996dC57EB0615e2383E2f96", "", "SUI", "ethereum", ListedNotes{Contradicted: true, LetterCase: true}},
		{"TUCsTq7TofTCJRRoHk6RvhMoS2mJLm5Yzq"[:8] + "\u200b" + "TUCsTq7TofTCJRRoHk6RvhMoS2mJLm5Yzq"[8:], "tron", "", "tron", ListedNotes{Network: "tron", Lookalikes: true}},
		{"TUCsTq7Tof\u0422CJRRoHk6RvhMoS2mJLm5Yzq", "", "", "tron", lookalikes}, // a Cyrillic Т
		{"\ufeff" + segwit + "\u00a0", "", "", "bitcoin", lookalikes},
		{"b\u0441" + segwit[2:], "", "NEAR", "bitcoin near", ListedNotes{Contradicted: true, Lookalikes: true}},
		{"\uff10x" + evmLower[2:], "", "", "ethereum", lookalikes},                                  // a full-width 0
		{"EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt\u200b1v", "", "SOL", "", ListedNotes{}},        // proves nothing
		{"EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "", "XBT", "", ListedNotes{}},              // proves nothing against its label
		{"\u0437\u0430\u043c\u043e\u0440\u043e\u0436\u0435\u043d\u043e", "", "", "", ListedNotes{}}, // a word
	} {
		readings, notes, err := ParseListed(nil, c.text, c.network, c.asset)
		var got []string
		for i := range readings {
			got = append(got, readings[i].Network)
		}
		if (err == nil) != (c.want != "") || strings.Join(got, " ") != c.want || notes != c.notes {
			t.Errorf("%q labelled %q %q is of %v with %+v (%v), want %q with %+v", c.text, c.network, c.asset, got, notes, err, c.want, c.notes)
		}
	}
}

// TestAskedAgainstItsProof: a network that the text disproves is refused with what it is.
func TestAskedAgainstItsProof(t *testing.T) {
	for _, c := range []struct{ text, network, want string }{
		{segwit, "near", "bitcoin"}, {evmChecked, "aptos", "ethereum"}, {evmChecked, "sui", "ethereum"}, {evmChecked, "APT", "ethereum"},
		{evmChecked, "near", "ethereum"}, {evmChecked, "bitcoin", "ethereum"}, {evmLower, "bitcoin", "ethereum"}, {"near:" + segwit, "", "bitcoin"}, {"bitcoin:" + segwit, "litecoin", "bitcoin"},
		{"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "solana", "bitcoin bitcoin-cash bitcoin-sv ecash bitcoin-diamond freicoin"},
		{bech32Text("osmo", bip173Program, bech32Plain), "near", "osmosis"},
		{"0.0.123-vfmkw", "near", "hedera"},
		{"0x02DdfB499765c064eaC5039E3841AA5f382E73B598097a40073BD8B48170Ab57", "aptos", "starknet"},
		{"e78287cbc0ccac984699beb87aaaad5dd1408994c3abc7162a7ed351e41b8fb7", "near", "icp"},
		{"e78287cbc0ccac984699beb87aaaad5dd1408994c3abc7162a7ed351e41b8fb7", "bitcoin", "icp"},
	} {
		got, err := Parse(nil, c.text, c.network)
		var fail *Error
		ok := errors.As(err, &fail)
		if !ok || fail.Reason != WrongNetwork || strings.Join(fail.Networks, " ") != c.want || len(got) != 0 {
			t.Errorf("%s asked on %q: %+v %v, want %s", c.text, c.network, got, err, c.want)
		}
	}
}

// TestPaddedEVMAsked: an EVM account as an ABI word is looked up as that account, too, whichever network of accounts of 32 bytes is named.
func TestPaddedEVMAsked(t *testing.T) {
	account := read1(t, "ethereum", evmChecked)
	for _, text := range []string{"0x" + evmPadding + evmChecked[2:], "0x" + evmPadding + strings.ToLower(evmChecked[2:]), evmPadding + strings.ToLower(evmChecked[2:])} {
		for _, network := range []string{"", "aptos", "sui", "starknet"} {
			got, err := Parse(nil, text, network)
			if err != nil || !slices.ContainsFunc(got, func(a Address) bool { return a.Key == account.Key && a.Variant == VariantEVM }) {
				t.Errorf("%s asked on %q: %+v %v", text, network, got, err)
			}
			if network != "" && got[0].Network != network && !(network == "starknet" && strings.ToLower(text) != text) {
				t.Errorf("%s asked on %q: %+v", text, network, got)
			}
		}
		refused(t, "ethereum", map[Reason][]string{BadLength: {text}})
	}
	// A wrong letter case is refused as in the short form, and names the account for would_match.
	wrong := "0x" + evmPadding + "098b" + evmChecked[6:]
	for _, network := range []string{"", "aptos"} {
		_, err := Parse(nil, wrong, network)
		var fail *Error
		if !errors.As(err, &fail) || fail.Reason != BadChecksum || fail.Folded == nil || fail.Folded.Key != account.Key {
			t.Errorf("on %q: %v", network, err)
		}
	}
	for _, text := range []string{"0x" + strings.Repeat("0", 64), "0x" + strings.Repeat("0", 60) + "ffff"} {
		if got, err := Parse(nil, text, "aptos"); err != nil || len(got) != 1 {
			t.Errorf("%s: %+v %v", text, got, err)
		}
	}
}

// TestNamesAsExchangesWriteThem reads the names that withdrawal forms and lists have.
func TestNamesAsExchangesWriteThem(t *testing.T) {
	for names, want := range map[string]string{
		"ERC-20,ERC20,erc_20,Ethereum (ERC20),USDT-ERC20,USDT (ERC20)": "ethereum", "TRC-20,TRC20,Tron (TRC20),USDT-TRC20,USDT_TRC20,USDT TRC20": "tron",
		"BEP-20,BEP20,BNB Smart Chain (BEP20),BNB Smart Chain,Binance Smart Chain,BSC,BSC (BEP20),BNB-BSC,eip155:56": "bsc", "BEP2,BEP-2,BNB Beacon Chain": "bnb",
		"Arbitrum One,ARBITRUM_ONE,Arbitrum One (ERC20)": "arbitrum", "OP Mainnet,op-mainnet": "optimism", "Polygon PoS,MATIC,polygon": "polygon",
		"Avalanche C-Chain,AVAX C-Chain,AVAXC,avaxc,C-Chain": "avalanche-c", "Bitcoin Cash,bitcoin-cash,BITCOIN CASH,bitcoin_cash": "bitcoin-cash", "SOL,SPL,Solana (SPL)": "solana",
		"XLM": "stellar", "XRPL,XRP Ledger": "xrp", "TON": "ton", "Lightning,Lightning Network": "bitcoin", "Ethereum Classic": "ethereum-classic",
	} {
		for name := range strings.SplitSeq(names, ",") {
			if got, ok := ResolveNetwork(name); !ok || got != want || !KnownAsset(name) {
				t.Errorf("%q is %q (%v), want %q", name, got, ok, want)
			}
		}
	}
	refused(t, "Lightning", map[Reason][]string{InvoiceNotAddress: {"lnbc1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdp"}})
	a := read1(t, "eip155:82170", evmChecked)
	if b := read1(t, "eip155:82170", "eip155:82170:"+evmChecked); a.Network != "eip155:82170" || b.Network != a.Network || b.Key != a.Key {
		t.Errorf("%+v %+v", a, b)
	}
	for _, text := range []string{"ethereum:" + evmChecked + "@82170", "ethereum:" + evmChecked, strings.ToLower(evmChecked)} {
		if b := read1(t, "eip155:82170", text); b.Network != a.Network || b.Key != a.Key || b.Canonical != a.Canonical {
			t.Errorf("%s: %+v", text, b)
		}
	}
	refused(t, "eip155:82170", map[Reason][]string{WrongNetwork: {"eip155:1:" + evmChecked, segwit, "ethereum:" + evmChecked + "@1", "arb1:" + evmChecked}})
}
