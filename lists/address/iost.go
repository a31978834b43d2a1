package address

// IOST. Source: iost-official/go-iost, "Account": a name of 5 to 11 small letters, digits and underscores. A base58 text is a public key.

func init() {
	register(Network{
		Name: "iost", Assets: []string{"IOST"}, Schemes: []string{"iost"},
		Forms: []Form{{"account name", "admin_01", "none"}},
		Typos: "None can be detected: names have no checksum.",
		rank:  220, named: true, decode: decodeIOST,
	})
	registerVariant(variant{VariantIOST, "iost", "", "iost", func(payload string) string { return payload }})
	registerSpace(space{number: SpaceIOST})
}

func decodeIOST(text string, a *Address) *Error {
	switch n := len(text); {
	case n >= 43 && n <= 44 && base58Bitcoin.holds(text):
		return refuse(UnsupportedKind, "it is a public key, not an account name")
	case n < 5 || n > 11:
		return refuse(BadLength, "a name has 5 to 11 characters")
	}
	for i := range len(text) {
		switch c := text[i]; {
		case isUpper(c):
			return folded(refuseAt(MixedCase, i, "names are written small"), string(lowered(nil, text)), a, decodeIOST)
		case !isLower(c) && (c < '0' || c > '9') && c != '_':
			return refuseAt(BadCharacter, i, "a name has the letters a–z, digits and underscores only")
		}
	}
	a.setText(SpaceIOST, VariantIOST, []byte(text), text)
	return nil
}
