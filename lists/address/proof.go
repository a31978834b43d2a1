package address

import "slices"

// A text proves itself when it carries a checksum that an accident passes with a chance of 2^-16 or less. Other forms take nearly any
// text: account names, hex and base58 without a checksum. What a text proves counts whatever network is named with it:
// a listing is indexed under it, and a check that names another network is refused, never answered with a miss.

// proves tells whether the text that reads as a proves itself.
func (a *Address) proves(text string) bool {
	if digits, _ := without0x(text); isHex(digits) {
		switch a.Variant {
		case VariantICPAccount, VariantSiacoin:
			return true
		case VariantStarknet: // the letter case is a checksum of nearly as many bits as there are letters
			small, capital := hexCase(digits)
			return small && capital && len(digits) >= minHexAccount
		}
		small, capital := hexCase(digits)
		return small && capital && len(digits) == 40 && a.Variant != VariantZilliqa
	}
	switch a.Variant {
	case VariantSolana, VariantNearImplicit, VariantNearName, VariantNearEVM, VariantNearDeterministic, VariantEOS, VariantFilecoinID,
		VariantWAX, VariantTelos, VariantFIO, VariantIOST, VariantArweave, VariantEverscale, VariantLiskNumber:
		return false
	case VariantTON:
		return len(text) == 48 // the raw form has no checksum
	case VariantHedera:
		return len(text) > 5 && text[len(text)-6] == '-'
	}
	return true
}

// stands tells whether a listed text is taken for a whatever its label says: it proves itself, or it is 0x and 40 hex digits,
// padded with zeros to 32 bytes or not.
func (a *Address) stands(text string) bool {
	return a.proves(text) || a.Variant == VariantEVM && (isPlainEVM(text) || paddedEVM(text) != "")
}

// disprovable tells whether the text that reads as a may prove another network: nearly any text has such a reading.
func (a *Address) disprovable(text string) bool {
	switch a.Variant {
	case VariantNearName, VariantNearDeterministic, VariantEOS, VariantWAX, VariantTelos, VariantFIO, VariantIOST, VariantArweave, VariantHedera:
		return true
	case VariantSolana:
		// A text of both cases that holds 32 bytes in base58 holds none of the lengths that have a checksum.
		small, capital := letterCase(text)
		return !small || !capital
	case VariantAion, VariantNearImplicit, VariantAptos, VariantSui, VariantStarknet:
		return hexDisprovable(text)
	}
	return a.Key.Space() == SpaceSS58 && hexDisprovable(text)
}

// hexDisprovable tells hex digits that may be those of another network: without 0x, or in both letter cases.
func hexDisprovable(text string) bool {
	digits, has0x := without0x(text)
	if !has0x {
		return isHex(digits)
	}
	small, capital := hexCase(digits)
	return small && capital
}

// contradictions names the networks that the text proves, where its reading as a proves nothing; nil for none.
func contradictions(text string, a *Address) []string {
	if !a.disprovable(text) || a.proves(text) {
		return nil
	}
	return proven(text)
}

// proven names the networks that a text proves; nil for none.
func proven(text string) (names []string) {
	var room [4]Address
	readings, _ := readAny(room[:0], text, 0, true)
	for i := range readings {
		if readings[i].proves(text) && !slices.Contains(names, readings[i].Network) {
			names = append(names, readings[i].Network)
		}
	}
	return names
}

// wrongNetwork refuses a text that is an address of other networks than the one asked for.
func wrongNetwork(others []string) *Error {
	fail := refuse(WrongNetwork, "it is an address of "+others[0])
	fail.Networks = others
	return fail
}

// versionSpaces holds the key space of each version of base58check texts, splitLetters the characters with which a text begins whose
// version means different keys on different chains: M… is a script of Litecoin and a key of Monacoin.
var (
	versionSpaces = map[string]Space{}
	splitLetters  [128]bool
)

// claimVersion says that a version of a hash of 20 bytes means keys of a space.
func claimVersion(version string, s Space) {
	if old := versionSpaces[version]; old != 0 && old != s {
		for _, c := range []byte(firstLetters(version)) {
			splitLetters[c] = true
		}
	}
	versionSpaces[version] = s
}

// maySplit tells whether a text may prove more than one key: a listing is indexed under all of them, whatever its label.
func maySplit(text string) bool {
	return len(text) >= 24 && len(text) <= 37 && splitLetters[firstOf(text)]
}

// isPlainEVM tells 0x and 40 hex digits.
func isPlainEVM(text string) bool {
	return len(text) == 42 && text[0] == '0' && text[1]|0x20 == 'x' && isHex(text[2:])
}

// evmPadding is how an EVM account is filled up to the 32 bytes of an ABI word, an event topic or a bridge's recipient.
const evmPadding = "000000000000000000000000"

// paddedEVM gives the 40 digits behind the zeros of a padded EVM account; "" for any other text. The accounts 0x0 to 0xffff of
// chains with accounts of 32 bytes are their system's, and no EVM accounts.
func paddedEVM(text string) string {
	if n := len(text); n != 64 && n != 66 {
		return ""
	}
	digits, _ := without0x(text)
	if len(digits) != 64 || digits[:24] != evmPadding || digits[24:60] == evmPadding+"000000000000" || !isHex(digits) {
		return ""
	}
	return digits[24:]
}

// readPadded adds the EVM reading of a padded account. Its letter case is a checksum as in the short form. Any other text adds nothing.
func readPadded(dst []Address, text string) ([]Address, *Error) {
	digits := paddedEVM(text)
	if digits == "" {
		return dst, nil
	}
	dst = append(dst, Address{Network: "ethereum"})
	if fail := decodeEVMHex(digits, len(text)-len(digits), "", &dst[len(dst)-1]); fail != nil {
		return dst[:len(dst)-1], fail
	}
	return dst, nil
}
