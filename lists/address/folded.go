package address

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// folded completes a refusal for letter case: when the text in the right case decodes, the
// caller is told which address it would be. a is what the refused text was decoded into.
func folded(fail *Error, text string, a *Address, decode func(string, *Address) *Error) *Error {
	would := Address{Network: a.Network}
	if decode(text, &would) == nil {
		fail.Folded = &would
	}
	return fail
}
