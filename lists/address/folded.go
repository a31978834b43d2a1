package address

import "strings"

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// folded completes the error of a text in the wrong letter case. If the text in the right case decodes, it sets
// Folded. If that is a secret, it returns the error for a secret. a is the address that the refused text was decoded into.
func folded(fail *Error, text string, a *Address, decode func(string, *Address) *Error) *Error {
	would := Address{Network: a.Network}
	switch right := decode(text, &would); {
	case right == nil:
		fail.Folded = &would
	case right.Reason == SecretMaterial:
		return right
	}
	return fail
}

// decodeFolding is decode that tries lower case as well: bech32 and its like refuse a mixture before they know the address. It does not for ICAP, because an
// address of Dash can look like that.
func (n *Network) decodeFolding(text string, a *Address) *Error {
	fail := n.decode(text, a)
	if fail == nil || fail.Reason != MixedCase || fail.Folded != nil || foldedPrefix(text, "xe") {
		return fail
	}
	return folded(fail, strings.ToLower(text), a, n.decode)
}
