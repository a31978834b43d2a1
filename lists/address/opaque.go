package address

import (
	"strings"
	"sync/atomic"

	"interdict/lists/fault"
)

// Opaque networks are networks that an operator names and no decoder is known for. Their addresses are compared as text.

// opaque holds the opaque networks: the name as the operator writes it, under the name as foldName writes it.
var opaque atomic.Pointer[map[string]string]

// maxOpaque is how many opaque networks there may be.
const maxOpaque = 100

// noticeText is the notice of an address that was compared as text.
const noticeText = "compared_as_text"

// SetOpaqueNetworks replaces the opaque networks of the program. A name that means a network or asset already is an error, and so is one
// that is not of 1 to 20 letters, digits, hyphens and underscores. A program calls it once, before it reads a list or answers a check.
func SetOpaqueNetworks(names []string) error {
	if len(names) > maxOpaque {
		return fault.E(fault.Invalid, "opaque_networks: %d names, more than %d", len(names), maxOpaque)
	}
	set := map[string]string{}
	for _, name := range names {
		folded := foldName(name)
		if len(name) > maxLabel || strings.ContainsFunc(name, notOpaque) || folded == "" {
			return fault.E(fault.Invalid, "opaque_networks: %.24q: give 1 to %d letters, digits, hyphens and underscores", name, maxLabel)
		}
		if n, several := lookup(name); n != nil || several != nil {
			known, _ := resolveNetwork(name)
			return fault.E(fault.Invalid, "opaque_networks: %q means %s, which Interdict decodes: take it out, or choose another name", name, known)
		}
		if other, twice := set[folded]; twice {
			return fault.E(fault.Invalid, "opaque_networks: %q and %q are the same name", other, name)
		}
		set[folded] = name
	}
	opaque.Store(&set)
	return nil
}

func notOpaque(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
}

// opaqueNetwork gives the name of an opaque network as the operator writes it; "" for any other name.
func opaqueNetwork(name string) string {
	if set := opaque.Load(); set != nil && name != "" {
		return (*set)[foldName(name)]
	}
	return ""
}

// parseText reads an address of an opaque network: as text, and as whatever else it is without a network, since a list may have read
// the row under another label. Texts that look like secrets are refused; 64 hex digits may be an account here.
func parseText(dst []Address, text, network string) ([]Address, error) {
	a, fail := readText(text, network)
	if fail != nil {
		return dst, fail
	}
	first := len(dst)
	dst, fail = read(append(dst, a), text, nil, Asked)
	if fail != nil {
		dst = dst[:first+1]
		if fail.Folded != nil { // a list is read in spite of the letter case
			dst = append(dst, *fail.Folded)
		}
	}
	return dst, nil
}

// readText makes the reading of a text as an address of an opaque network.
func readText(text, network string) (Address, *Error) {
	hint := &Network{Name: network, hex64: true}
	start, end, fail := clean(text, hint)
	if fail == nil {
		fail = secret(text[start:end], hint)
	}
	if fail == nil && ContainsSecret(text) {
		fail = hiddenSecret()
	}
	if fail == nil && start == end {
		fail = refuse(Empty, "the address is empty")
	}
	if fail != nil {
		return Address{}, fail.of(hint)
	}
	body := text[start:end]
	return Address{Network: network, Canonical: body, Key: rawKey(body), Variant: VariantRaw, Notices: []string{noticeText}}, nil
}

// comparedAsText says whether a listing with these labels is compared as text, too, and names its opaque network. Where no network of
// the label's name is known, an operator may name it as an opaque one later.
func comparedAsText(network, asset string) (name string, asText bool) {
	if name = opaqueNetwork(network); name == "" {
		name = opaqueNetwork(asset)
	}
	if name != "" || network == "" {
		return name, name != ""
	}
	n, several := lookup(network)
	return "", n == nil && several == nil
}
