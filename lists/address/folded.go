package address

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
