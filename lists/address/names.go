package address

import (
	"slices"
	"strings"
)

// foldName writes the name of a network or asset as names are compared: in lower case, without blanks, hyphens, underscores and
// parentheses.
func foldName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '\t' || r == '\r' || r == '\n' || r == '\u00a0' || r == '-' || r == '_' || r == '(' || r == ')':
			return -1
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return r
	}, name)
}

// lookup finds the network of a name, alias or CAIP-2 id, and the networks that the name suggests as an asset code, the network itself
// left out. Exchanges also write a coin or network with the network in parentheses or behind a hyphen: "USDT (TRC20)", "USDT-TRC20".
func lookup(name string) (n *Network, several []*Network) {
	n, several = byName[name], byAsset[name]
	if n == nil && several == nil {
		folded := foldName(name)
		if n, several = byName[folded], byAsset[folded]; n == nil {
			n = evmChain(folded)
		}
	}
	switch {
	case n == nil && several == nil:
		return lookupPair(name)
	case len(several) == 1 && (n == nil || n == several[0]):
		return several[0], nil
	case n != nil && slices.Contains(several, n):
		several = slices.DeleteFunc(slices.Clone(several), func(o *Network) bool { return o == n })
	}
	return n, several
}

// lookupPair finds the network of "Ethereum (ERC20)", which is the first name's, and of "USDT (TRC20)" or "USDT-TRC20", where a coin
// that several networks have is followed by one of them.
func lookupPair(name string) (*Network, []*Network) {
	at := strings.LastIndexAny(strings.TrimRight(name, ") "), "(-_ ")
	if at < 0 {
		return nil, nil
	}
	head, tail := foldName(name[:at]), byName[foldName(name[at:])]
	if n := byName[head]; n != nil && tail != nil && strings.ContainsRune(name, '(') {
		return n, nil
	}
	if tail != nil && slices.Contains(byAsset[head], tail) {
		return tail, nil
	}
	return nil, nil
}

// evmChain makes the network of a CAIP-2 id eip155:N that no registered network has; nil for any other text.
func evmChain(id string) *Network {
	number, ok := strings.CutPrefix(id, "eip155:")
	if !ok || !isDecimal(number) {
		return nil
	}
	n := &Network{Name: id, Schemes: []string{"ethereum"}, evm: true, decode: decodeEVM, uri: readEVMURI}
	if evmTestnets[id] != "" {
		n.decode = decodeTestEVM
	}
	return n
}

// resolveNetwork names the one network; of an asset that lives on several, it is Ethereum, or the likeliest.
func resolveNetwork(name string) (string, bool) {
	n, several := lookup(name)
	switch ethereum := byName["ethereum"]; {
	case n != nil:
		return n.Name, true
	case slices.Contains(several, ethereum):
		return ethereum.Name, true
	case len(several) > 0:
		return several[0].Name, true
	}
	own := opaqueNetwork(name)
	return own, own != ""
}

func knownAsset(label string) bool {
	n, several := lookup(label)
	return n != nil || several != nil || opaqueNetwork(label) != ""
}
