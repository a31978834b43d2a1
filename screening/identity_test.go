package screening_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"interdict/lists/address"
	"interdict/screening"
)

// The network of a listing is that of its label, else the asked one, else the most common one for its form.
func TestNetworkOfAListing(t *testing.T) {
	h := open(t, time.Now)
	const p2sh, segwit = "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
	h.load(t, sanctions("deny"), "ndjson", row(btcA, "")+row(p2sh, "")+row(segwit, "")+row(strings.ToLower(evmA), "")+row(evmB, "bsc")+row(tronA, "near"))
	for _, c := range []struct{ address, network, want string }{
		{btcA, "", "bitcoin"}, {p2sh, "", "bitcoin"}, {segwit, "", "bitcoin"}, {evmA, "", "ethereum"}, {tronA, "", "tron"},
		{btcA, "bitcoin-cash", "bitcoin-cash"}, {p2sh, "litecoin", "litecoin"}, {evmA, "arbitrum", "arbitrum"}, {evmA, "eip155:8217", "kaia"}, {evmA, "eip155:82170", "eip155:82170"},
		{evmB, "ethereum", "bsc"}, {evmB, "", "bsc"}, {tronA, "tron", "tron"},
	} {
		a, err := h.ask(t, screening.Request{Address: c.address, Network: c.network})
		if err != nil || len(a.Matches) != 1 || a.Matches[0].Network != c.want {
			t.Errorf("%s asked on %q: %+v %v, want %s", c.address, c.network, a.Matches, err, c.want)
		}
	}
}

// A listed address is refused if its text proves another network than the asked one. A padded address is found.
func TestProvenNetworkIsNeverAMissOnAnother(t *testing.T) {
	h := open(t, time.Now)
	const segwit = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
	padded := "0x000000000000000000000000" + strings.ToLower(evmB[2:])
	wrongCase := "0x" + strings.Replace(evmA[2:], "D", "d", 1)
	h.load(t, sanctions("deny"), "ndjson", row(segwit, "NEAR")+row(wrongCase, "SUI")+row(padded, ""))
	for _, c := range []struct {
		address, network string
		class            address.Class // None: refused with wrong_network
	}{
		{segwit, "", address.Exact}, {segwit, "bitcoin", address.Exact}, {segwit, "near", address.None}, {segwit, "eos", address.None},
		{evmA, "", address.Exact}, {evmA, "ethereum", address.Exact}, {evmA, "aptos", address.None}, {evmA, "APT", address.None}, {evmA, "sui", address.None},
		{wrongCase, "ethereum", address.Raw}, {wrongCase, "", address.Raw},
		{evmB, "", address.Exact}, {evmB, "bsc", address.Exact}, {padded, "", address.Exact}, {padded, "aptos", address.Exact}, {padded, "polkadot", address.Exact},
	} {
		a, err := h.ask(t, screening.Request{Address: c.address, Network: c.network})
		var refused *screening.Refused
		switch {
		case c.class == address.None && (!errors.As(err, &refused) || refused.Cause.Reason != address.WrongNetwork || len(refused.Cause.Networks) == 0):
			t.Errorf("%s asked on %q: %+v %v", c.address, c.network, a.Matches, err)
		case c.class != address.None && (err != nil || len(a.Matches) == 0 || a.Matches[0].Class != c.class):
			t.Errorf("%s asked on %q: %+v %v, want %s", c.address, c.network, a.Matches, err, c.class)
		}
	}
}
