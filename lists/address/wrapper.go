package address

import (
	"slices"
	"strings"
)

// unwrapped is what a wrapper held.
type unwrapped struct {
	text     string     // the address inside
	offset   int        // where it begins in the text that was unwrapped
	networks []*Network // those that the wrapper names, the likeliest first; nil: no wrapper
	// attributes are what a payment URI says beside the address.
	attributes []Attribute
}

// maxAttribute is how many bytes of a URI parameter are kept.
const maxAttribute = 64

// keep adds an attribute if it has a value of sensible size.
func (u *unwrapped) keep(name, value string) {
	if value != "" && len(value) <= maxAttribute {
		u.attributes = append(u.attributes, Attribute{name, value})
	}
}

// unwrap takes at most one wrapper off: CAIP-10 (namespace:reference:address), an ERC-3770 short name,
// or a payment URI. What begins with no known name is left as it is: the colon may belong to the address
// (TON 0:…, XRP r…:tag). A wrapper that names another network than the hint is refused, never
// followed and never ignored.
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
			return refuse(WrongNetwork, "its CAIP-2 chain is not the network asked for, or is not screened")
		}
		if hint != nil && hint.Name != n.Name {
			return refuse(WrongNetwork, "its CAIP-2 chain is another than the network asked for")
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
		return refuse(WrongNetwork, "its scheme is of "+list[0].Name)
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
	inner := *u // a copy for the call, so that u can stay on the caller's stack
	fail := who.uri(string(room[:colon]), rest, &inner)
	*u = inner
	if fail != nil {
		return fail
	}
	if hint != nil && !slices.ContainsFunc(u.networks, func(n *Network) bool { return n.Name == hint.Name }) &&
		(len(u.networks) == 1 || !slices.Contains(hint.Schemes, string(room[:colon]))) {
		return refuse(WrongNetwork, "its chain is another than the network asked for")
	}
	return nil
}

// readURI reads what stands behind the scheme of a BIP-21 like URI: an optional "//", the address, a query.
func readURI(rest string, u *unwrapped) *Error {
	if strings.HasPrefix(rest, "//") {
		rest = rest[2:]
		u.offset += 2
	}
	if at := strings.IndexByte(rest, '#'); at >= 0 {
		return refuseAt(BadCharacter, -1, "a payment URI has no fragment")
	}
	path, query, _ := strings.Cut(rest, "?")
	u.text = path
	return readQuery(path, query, u)
}

// readQuery reads the parameters of a payment URI (BIP-21, ZIP-321, Solana Pay, Monero). Unknown ones are passed
// over, as BIP-21 asks, but not req-…, and none that pays somebody else than the address.
func readQuery(path, query string, u *unwrapped) *Error {
	invoice := false
	for part := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(part, "=")
		if fail := secretInside(value); fail != nil {
			return fail
		}
		switch key = strings.ToLower(key); {
		case strings.HasPrefix(key, "req-"):
			return refuse(UnsupportedKind, "the URI demands an extension that is not understood (BIP-21 req-)")
		case key == "address" || key == "bc" && u.networks[0].Name == "bitcoin":
			// ZIP-321 and BIP-321 may give the only address as a parameter.
			if u.text != "" && !strings.EqualFold(u.text, value) {
				return refuse(TwoAddresses, "the URI pays more than one address")
			}
			if path == "" {
				u.text = value
			}
		case strings.HasPrefix(key, "address."):
			return refuse(TwoAddresses, "the URI pays more than one address")
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
		return refuse(InvoiceNotAddress, "the URI holds a Lightning invoice and no address")
	}
	return nil
}

// isDecimal tells a number without leading zeros that fits a chain id.
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
