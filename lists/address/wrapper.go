package address

import (
	"slices"
	"strings"
)

// unwrapped is the content of a wrapper.
type unwrapped struct {
	text     string     // the address inside
	offset   int        // its offset in the wrapped text
	networks []*Network // networks of the wrapper, the likeliest first; nil: no wrapper
	// attributes are the parameters of a payment URI.
	attributes []Attribute
}

// maxAttribute is the maximum length of a URI parameter that is kept, in bytes.
const maxAttribute = 64

// keep adds an attribute unless its value is empty or too long.
func (u *unwrapped) keep(name, value string) {
	if value != "" && len(value) <= maxAttribute {
		u.attributes = append(u.attributes, Attribute{name, value})
	}
}

// unwrap removes at most one wrapper: CAIP-10 (namespace:reference:address), an ERC-3770 short name,
// or a payment URI. A text without a known scheme stays unchanged: the colon can belong to the address
// (TON 0:…, XRP r…:tag). A wrapper of a network other than the hint is an error.
func unwrap(text string, colon int, hint *Network, u *unwrapped) *Error {
	u.text = text
	if colon == 0 || colon > 24 {
		return nil
	}
	rest := text[colon+1:]
	if second := strings.IndexByte(rest, ':'); second >= 0 && caipKind[text[:colon]] {
		id, behind := text[:colon+1+second], rest[second+1:]
		n := byCAIP2[id]
		if n == nil && text[:colon] == "eip155" && isDecimal(rest[:second]) {
			u.keep("chain_id", rest[:second])
			n = evmChain(id)
		}
		if n == nil {
			return refuse(WrongNetwork, "its CAIP-2 chain is not the network asked for, or not supported")
		}
		if hint != nil && hint.Name != n.Name {
			return refuse(WrongNetwork, "its CAIP-2 chain is not the network asked for")
		}
		u.text, u.offset, u.networks = behind, len(id)+1, []*Network{n}
		return nil
	}
	var room [24]byte
	for i := range colon {
		room[i] = lower(text[i])
	}
	list := byScheme[string(room[:colon])]
	if list == nil {
		return nil
	}
	if hint != nil && !slices.Contains(list, hint) && !slices.Contains(hint.Schemes, string(room[:colon])) {
		return refuse(WrongNetwork, "its URI scheme belongs to "+list[0].Name)
	}
	who := list[0]
	if hint != nil {
		who = hint
	}
	u.networks = list
	if who.keepScheme {
		path, query, _ := strings.Cut(text, "?")
		u.text = path
		return readQuery(path, query, u)
	}
	u.offset = colon + 1
	if who.uri == nil {
		return readURI(rest, u)
	}
	inner := *u // a copy, so that u does not escape to the heap
	fail := who.uri(string(room[:colon]), rest, &inner)
	*u = inner
	if fail != nil {
		return fail
	}
	if hint != nil && !slices.ContainsFunc(u.networks, func(n *Network) bool { return n.Name == hint.Name }) &&
		(len(u.networks) == 1 || !slices.Contains(hint.Schemes, string(room[:colon]))) {
		return refuse(WrongNetwork, "its chain is not the network asked for")
	}
	return nil
}

// readURI reads a URI like those of BIP-21 after its scheme: an optional "//", the address, a query.
func readURI(rest string, u *unwrapped) *Error {
	if strings.HasPrefix(rest, "//") {
		rest = rest[2:]
		u.offset += 2
	}
	if at := strings.IndexByte(rest, '#'); at >= 0 {
		return refuseAt(BadCharacter, -1, "a payment URI must not have a fragment")
	}
	path, query, _ := strings.Cut(rest, "?")
	u.text = path
	return readQuery(path, query, u)
}

// readQuery reads the parameters of a payment URI (BIP-21, ZIP-321, Solana Pay, Monero). It ignores unknown ones,
// as BIP-21 requires, but refuses unknown req-… parameters and those that pay another address.
func readQuery(path, query string, u *unwrapped) *Error {
	invoice := false
	for part := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(part, "=")
		if fail := secretInside(value); fail != nil {
			return fail
		}
		switch key = strings.ToLower(key); {
		case strings.HasPrefix(key, "req-"):
			return refuse(UnsupportedKind, "the URI requires an extension that is not supported (BIP-21 req-)")
		case key == "address" || key == "bc" && u.networks[0].Name == "bitcoin":
			// In ZIP-321 and BIP-321 the only address can be a parameter.
			if u.text != "" && !strings.EqualFold(u.text, value) {
				return refuse(TwoAddresses, "the URI pays more than one address: check each separately")
			}
			if path == "" {
				u.text = value
			}
		case strings.HasPrefix(key, "address."):
			return refuse(TwoAddresses, "the URI pays more than one address: check each separately")
		case key == "amount" || key == "tx_amount":
			u.keep("amount", value)
		case key == "dt" || key == "tag":
			u.keep("tag", value)
		case key == "tx_payment_id":
			u.keep("payment_id", value)
		case key == "memo" || key == "memoid":
			u.keep("memo", value)
		case key == "lightning" || key == "lno":
			invoice = true
		}
	}
	if invoice && u.text == "" {
		return refuse(InvoiceNotAddress, "the URI contains a Lightning invoice and no address")
	}
	return nil
}

// isDecimal reports whether text is a positive number of at most 18 digits without leading zeros.
func isDecimal(text string) bool {
	if text == "" || len(text) > 18 || text[0] == '0' {
		return false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}
