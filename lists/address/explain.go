package address

import (
	"slices"
	"strings"
)

// explain replaces the error of a failed decoding by a more specific one if it recognises the text. n is
// the network that was asked for, or nil. It runs after decoding, so that valid addresses cost nothing.
func explain(text string, n *Network, fail *Error, side Side) *Error {
	switch fail.Reason {
	case SecretMaterial, TwoAddresses, Ambiguous:
		return fail
	}
	if n != nil && side == Asked {
		if others := otherNetworks(text, n, fail); others != nil {
			fail.Networks = others
			if fail.Reason != WrongNetwork {
				fail.Reason, fail.Position, fail.Detail = WrongNetwork, -1, "it is an address of "+others[0]
			}
			return fail
		}
	}
	switch fail.Reason {
	case Testnet, InvoiceNotAddress, NameNotAddress:
		return fail
	}
	if fail.Folded != nil {
		return fail
	}
	if text == "" {
		fail.Reason, fail.Detail = Empty, "the address is empty"
		return fail
	}
	if reason, detail := knownText(text, n); reason != "" {
		fail.Reason, fail.Detail = reason, detail
		return fail
	}
	if n == nil && fail.Reason != BadChecksum && isForeign(text) {
		fail.Reason, fail.Detail = UnsupportedKind, "its checksum is right, but Interdict does not support its network"
		return fail
	}
	return fail
}

// otherNetworks returns the networks of a text that n refuses: those that it proves, or else Ethereum for 0x and 40
// hex digits, unless n refuses only their length or letter case.
func otherNetworks(text string, n *Network, fail *Error) []string {
	if len(text) < 7 {
		return nil
	}
	if others := proven(text); others != nil && !slices.Contains(others, n.Name) {
		return others
	}
	if isPlainEVM(text) && !n.hexAccount && fail.Folded == nil {
		if _, other := readAny(nil, text, 0, true); other == nil {
			return []string{"ethereum"}
		}
	}
	return nil
}

// isForeign reports whether text is base58check or bech32 with a right checksum, of any network.
func isForeign(text string) bool {
	var room [MaxText]byte
	if len(text) < 40 {
		if body, fail := base58Bitcoin.decodeCheck(room[:0], text); fail == nil && len(body) > 20 {
			return true
		}
	}
	_, _, _, fail := bech32Decode(room[:0], text)
	return fail == nil
}

// notAddress are prefixes of texts that are not addresses. They are compared without letter case.
var notAddress = []struct {
	prefix string
	reason Reason
	detail string
}{
	{"lnbc", InvoiceNotAddress, "it is a Lightning invoice"},
	{"lntb", InvoiceNotAddress, "it is a Lightning invoice"},
	{"lno1", InvoiceNotAddress, "it is a Lightning offer"},
	{"lni1", InvoiceNotAddress, "it is a Lightning invoice"},
	{"lnr1", InvoiceNotAddress, "it is a Lightning invoice request"},
	{"lnurl1", InvoiceNotAddress, "it is an LNURL"},
	{"lnurlp:", InvoiceNotAddress, "it is an LNURL"},
	{"lightning:", InvoiceNotAddress, "it is a Lightning payment request"},
	{"tb1", Testnet, "it is a test network address"},
	{"bcrt1", Testnet, "it is a test network address"},
	{"tltc1", Testnet, "it is a test network address"},
	{"rltc1", Testnet, "it is a test network address"},
	{"tmweb1", Testnet, "it is a test network address"},
	{"bchtest:", Testnet, "it is a test network address"},
	{"bchreg:", Testnet, "it is a test network address"},
	{"ectest:", Testnet, "it is a test network address"},
	{"ecregtest:", Testnet, "it is a test network address"},
	{"ztestsapling1", Testnet, "it is a test network address"},
	{"zregtestsapling1", Testnet, "it is a test network address"},
	{"utest1", Testnet, "it is a test network address"},
	{"uregtest1", Testnet, "it is a test network address"},
	{"textest1", Testnet, "it is a test network address"},
	{"tbnb1", Testnet, "it is a test network address"},
	{"xpub", UnsupportedKind, "it is an extended public key, not an address"},
	{"ypub", UnsupportedKind, "it is an extended public key, not an address"},
	{"zpub", UnsupportedKind, "it is an extended public key, not an address"},
	{"ltub", UnsupportedKind, "it is an extended public key, not an address"},
	{"mtub", UnsupportedKind, "it is an extended public key, not an address"},
	{"tpub", UnsupportedKind, "it is an extended public key, not an address"},
	{"sp1q", UnsupportedKind, "it is a silent payment address (BIP-352), which gives every payment a new address"},
	{"pm8t", UnsupportedKind, "it is a payment code (BIP-47), which gives every payment a new address"},
	{"wpkh(", UnsupportedKind, "it is an output descriptor, not an address"},
	{"pkh(", UnsupportedKind, "it is an output descriptor, not an address"},
	{"sh(", UnsupportedKind, "it is an output descriptor, not an address"},
	{"wsh(", UnsupportedKind, "it is an output descriptor, not an address"},
	{"tr(", UnsupportedKind, "it is an output descriptor, not an address"},
}

// knownText recognises texts that people enter instead of an address. reason is "" for other texts.
func knownText(text string, n *Network) (reason Reason, detail string) {
	if strings.Contains(text, "...") {
		return BadLength, "it is shortened for display: enter the whole address"
	}
	for i := range notAddress {
		if row := &notAddress[i]; foldedPrefix(text, row.prefix) && len(text) > len(row.prefix)+4 {
			return row.reason, row.detail
		}
	}
	if at := strings.IndexByte(text, '@'); at >= 0 {
		if at == 66 && isHex(text[:at]) {
			return InvoiceNotAddress, "it is a Lightning node"
		}
		return NameNotAddress, "it is a name (paymail, Lightning address): resolve it and enter the address"
	}
	switch {
	case strings.IndexByte(text, '$') >= 0:
		return NameNotAddress, "it is a name (PayString, handle): resolve it and enter the address"
	case strings.IndexByte(text, '*') > 0:
		return NameNotAddress, "it is a federation name: resolve it and enter the address"
	case isDomain(text) && (n == nil || !n.named):
		return NameNotAddress, "it is a name: resolve it and enter the address"
	}
	if len(text) > 50 && (strings.HasPrefix(text, "EOS") || strings.HasPrefix(text, "FIO") || strings.HasPrefix(text, "PUB_")) {
		return UnsupportedKind, "it is a public key, not an account"
	}
	digits, _ := without0x(text)
	if isHex(digits) {
		switch len(digits) {
		case 40:
			if n == nil && len(digits) == len(text) {
				return Ambiguous, "40 hex digits without 0x can be an account or a key hash: name the network"
			}
		case 66, 130:
			if digits[0] == '0' && strings.IndexByte("2346", digits[1]) >= 0 {
				return UnsupportedKind, "it is a public key, not an address"
			}
		case 64:
			if strings.HasPrefix(digits, "000000000000000000000000") {
				return BadLength, "it is an address padded to 32 bytes: enter its 20 bytes"
			}
		}
	}
	return "", ""
}

// isDomain reports whether text is a dotted name: letters, digits, hyphens and underscores between dots, with
// a letter in the last label.
func isDomain(text string) bool {
	last := strings.LastIndexByte(text, '.')
	if last < 1 || last == len(text)-1 {
		return false
	}
	letter := false
	for i := range len(text) {
		c := lower(text[i])
		switch {
		case 'a' <= c && c <= 'z':
			letter = letter || i > last
		case '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return letter
}
