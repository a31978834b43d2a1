package address

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// folded completes a refusal for letter case: when the text in the right case decodes, the
// caller is told which address it would be. A secret stays one in any case. a is what the refused text was decoded into.
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
