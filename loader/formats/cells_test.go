package formats

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	evm1  = "0x7F367cC41522cE07553e823bf3be79A889DEbe1B"
	evm2  = "0x901bb9583b24d97e995513c6778dc6888ab6870e"
	tron1 = "TNZxGWCwvsHr6JxQxzoeDXV597Yf7Zb7nV"
	tron2 = "TC8axQvzJEVR3NKN6mZnJtGy7537GEmh38"
	btc1  = "1Ge6rDuyCdYVGhXZjcK4251q67GXMKx6xK"
	btc2  = "3My1ffQr5qQzmq4aBFgRqwRYqfB5zPAt8t"
	xrp1  = "rKM5oQ2NdaS3o8ran4PKsESnhfxzfUqCJm"
	hash  = "0xabababababababababababababababababababababababababababababababab"
)

func TestPieces(t *testing.T) {
	for _, c := range []struct {
		cell string
		want []cellAddress
	}{
		{"", nil},
		{"n/a", nil},
		{"12 Harbour Road, Sampletown", nil},
		{"exchange user 1234567", nil},
		{"tx " + hash, nil},
		{evm1 + " tx " + hash, []cellAddress{{Address: evm1, Note: "tx (64 hex digits)"}}},
		{evm1, []cellAddress{{Address: evm1}}},
		{" \u00a0\u200b" + btc1 + "\ufeff\u3000", []cellAddress{{Address: btc1}}},
		{"`" + evm2 + "`", []cellAddress{{Address: evm2}}},
		{"'" + evm2, []cellAddress{{Address: evm2}}},
		{"“" + evm2 + "”", []cellAddress{{Address: evm2}}},
		{btc1 + ".", []cellAddress{{Address: btc1}}},
		{"[" + btc1 + "],", []cellAddress{{Address: btc1}}},
		{tron1 + "; " + tron2, []cellAddress{{Address: tron1}, {Address: tron2}}},
		{evm1 + "\n" + evm2, []cellAddress{{Address: evm1}, {Address: evm2}}},
		{evm1 + "\r\n\r\n" + evm2 + "\n", []cellAddress{{Address: evm1}, {Address: evm2}}},
		{btc1 + "/" + btc2, []cellAddress{{Address: btc1}, {Address: btc2}}},
		{btc1 + `\n` + btc2 + `\r\n` + tron1 + `\` + xrp1, []cellAddress{{Address: btc1}, {Address: btc2}, {Address: tron1}, {Address: xrp1}}},
		{btc1 + "; x" + btc2, []cellAddress{{Address: btc1}, {Address: "x" + btc2, Unread: true}}},
		{btc1 + " / " + btc2 + " | " + tron1, []cellAddress{{Address: btc1}, {Address: btc2}, {Address: tron1}}},
		{btc1 + " " + btc2, []cellAddress{{Address: btc1}, {Address: btc2}}},
		{btc1 + ", " + btc1, []cellAddress{{Address: btc1}}},
		{xrp1 + " (tag 104857)", []cellAddress{{Address: xrp1, Note: "tag 104857"}}},
		{xrp1 + ", memo 123", []cellAddress{{Address: xrp1, Note: "memo 123"}}},
		{evm1 + " (main wallet)", []cellAddress{{Address: evm1, Note: "main wallet"}}},
		{"ETH: " + evm1, []cellAddress{{Address: evm1, Label: "ETH"}}},
		{"USDT:" + tron1, []cellAddress{{Address: tron1, Label: "USDT"}}},
		{evm1 + " (ETH)", []cellAddress{{Address: evm1, Label: "ETH"}}},
		{"Bitcoin " + btc1, []cellAddress{{Address: btc1, Label: "Bitcoin"}}},
		{"BTC " + btc1 + " ETH " + evm1, []cellAddress{{Address: btc1, Label: "BTC"}, {Address: evm1, Label: "ETH"}}},
		{"BTC: " + btc1 + "; ETH: " + evm1, []cellAddress{{Address: btc1, Label: "BTC"}, {Address: evm1, Label: "ETH"}}},
		{btc1 + " (BTC), " + evm1 + " (ETH)", []cellAddress{{Address: btc1, Label: "BTC"}, {Address: evm1, Label: "ETH"}}},
		{"ETH:\n" + evm1 + "\n" + evm2, []cellAddress{{Address: evm1, Label: "ETH"}, {Address: evm2, Label: "ETH"}}},
		{"- " + evm1, []cellAddress{{Address: evm1}}},
		{"* " + btc1, []cellAddress{{Address: btc1}}},
		{"• " + btc1, []cellAddress{{Address: btc1}}},
		{"1. " + tron1, []cellAddress{{Address: tron1}}},
		{"12) " + tron1 + " cold", []cellAddress{{Address: tron1, Note: "cold"}}},
		{"> " + evm1, []cellAddress{{Address: evm1}}},
		{"| ETH | " + evm1 + " | Example |", []cellAddress{{Address: evm1, Label: "ETH", Note: "Example"}}},
		{"https://etherscan.io/address/" + evm1, []cellAddress{{Address: evm1, Note: "https://etherscan.io/address/" + evm1}}},
		{"etherscan.io/address/" + evm1 + "#tokentxns", []cellAddress{{Address: evm1, Note: "etherscan.io/address/" + evm1 + "#tokentxns"}}},
		{"https://tronscan.org/#/address/" + tron1, []cellAddress{{Address: tron1, Note: "https://tronscan.org/#/address/" + tron1}}},
		{"https://etherscan.io/tx/" + hash, nil},
		{`=HYPERLINK("https://etherscan.io/address/` + evm1 + `";"` + evm1 + `")`, []cellAddress{{Address: evm1, Note: "https://etherscan.io/address/" + evm1}}},
		{`=HYPERLINK("https://etherscan.io/address/` + evm1 + `","0x7F36…be1B")`, []cellAddress{{Address: evm1, Note: "https://etherscan.io/address/" + evm1}}},
		{"[" + evm1 + "](https://etherscan.io/address/" + evm1 + ")", []cellAddress{{Address: evm1}}},
		{"0x7F36…Be1B", []cellAddress{{Address: "0x7F36…Be1B", Unread: true}}},
		{evm1 + evm2, []cellAddress{{Address: evm1}, {Address: evm2}}},
		{btc1 + btc2 + tron1, []cellAddress{{Address: btc1}, {Address: btc2}, {Address: tron1}}},
		{evm1 + "USDT", []cellAddress{{Address: evm1, Label: "USDT"}}},
		{evm1 + "Ox12", []cellAddress{{Address: evm1}, {Address: "Ox12", Unread: true}}},
		{"TNZxGWCwvsHr6JxQxzoeDXV5 97Yf7Zb7nV", []cellAddress{{Address: tron1}}},
		// Forms that hold separators stay whole.
		{"bitcoin:" + btc1 + "?amount=0.1&label=x", []cellAddress{{Address: "bitcoin:" + btc1 + "?amount=0.1&label=x"}}},
		{"eip155:1:" + evm1, []cellAddress{{Address: "eip155:1:" + evm1}}},
		{"see eip155:1:" + evm1, []cellAddress{{Address: "eip155:1:" + evm1, Note: "see"}}},
	} {
		if diff := cmp.Diff(c.want, splitCell(c.cell)); diff != "" {
			t.Errorf("%q: -want +got\n%s", c.cell, diff)
		}
	}
}

// A key beside an address stands in no note. The whole cell goes to the loader, which refuses it, and the address is listed.
func TestPiecesKeepNoSecret(t *testing.T) {
	const wif = "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ" // of a published example
	const words = "legal winner thank year wave sausage worth useful legal winner thank yellow"
	const note = "a key or seed beside the address was removed"
	for _, cell := range []string{evm1 + " " + wif, evm1 + "; key=" + wif, evm1 + " p2wpkh:" + wif, evm1 + "\n" + words, evm1 + " -----BEGIN PRIVATE KEY----- abc",
		evm1 + " private key " + hash} {
		want := []cellAddress{{Address: cell, Unread: true}, {Address: evm1, Note: note}}
		if diff := cmp.Diff(want, splitCell(cell)); diff != "" {
			t.Errorf("%q: %s", cell, diff)
		}
	}
	want := []cellAddress{{Address: evm1, Note: "transaction (64 hex digits)"}}
	if diff := cmp.Diff(want, splitCell(evm1+" transaction "+hash)); diff != "" {
		t.Error(diff)
	}
	for _, cell := range []string{wif, words, "p2wpkh:" + wif} {
		if got := splitCell(cell); got != nil {
			t.Errorf("%q: %+v", cell, got)
		}
	}
}

// FuzzPieces: an address that stands alone between blanks is found, whatever surrounds it.
func FuzzPieces(f *testing.F) {
	for _, s := range []string{"", "(tag 104857)", "ETH:", "; ", "https://etherscan.io/address/", "\"", "1.", "a/b", "\xff", "…", "0x"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		for _, a := range []string{evm1, btc1, tron1} {
			cell := before + " " + a + " " + after
			found := slices.ContainsFunc(splitCell(cell), func(p cellAddress) bool { return sameAddress(p.Address, a) })
			if !found {
				t.Fatalf("%q: %+v", cell, splitCell(cell))
			}
		}
	})
}
