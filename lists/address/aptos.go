package address

import (
	"encoding/hex"
	"strings"
)

// An account is written with its 64 digits, or with some of the zeros in front left out: the SDKs refuse one that lacks more than four.
// The accounts of the system are also known by up to four digits: 0x1, 0x1000. What lies between has lost digits in copying, or is
// an EVM account.
const (
	minHexAccount = 60
	maxHexSystem  = 4
)

// shortAddress is the notice for an account written with fewer than 64 digits: on chains that fill up
// with zeros in front, a text that lost digits in copying is a valid other account.
const shortAddress = "short_address"

func init() {
	registerHexAccounts(Network{
		Name:    "aptos",
		Aliases: []string{"apt"},
		Assets:  []string{"APT"},
		CAIP2:   []string{"aptos:1", "aptos:mainnet"},
		Schemes: []string{"aptos"},
		Forms: []Form{
			{"account", "0x00007c137f65dc8688ed3b7a9e025b13634884311e4816c46e8ce6e17f1c8426", "none"},
			{"leading zeros left out", "0x7c137f65dc8688ed3b7a9e025b13634884311e4816c46e8ce6e17f1c8426", "none"},
			{"without 0x", "00007c137f65dc8688ed3b7a9e025b13634884311e4816c46e8ce6e17f1c8426", "none"},
		},
		decode: func(text string, a *Address) *Error {
			return decodeHexAccount(text, a, SpaceAptos, VariantAptos)
		},
	}, SpaceAptos, VariantAptos)
	registerHexAccounts(Network{
		Name:    "sui",
		Assets:  []string{"SUI"},
		CAIP2:   []string{"sui:mainnet", "sui:35834a8a"},
		Schemes: []string{"sui"},
		Forms: []Form{
			{"account", "0x00007c137f65dc8688ed3b7a9e025b13634884311e4816c46e8ce6e17f1c8426", "none"},
			{"leading zeros left out", "0x7c137f65dc8688ed3b7a9e025b13634884311e4816c46e8ce6e17f1c8426", "none"},
			{"without 0x", "00007c137f65dc8688ed3b7a9e025b13634884311e4816c46e8ce6e17f1c8426", "none"},
		},
		decode: func(text string, a *Address) *Error {
			return decodeHexAccount(text, a, SpaceSui, VariantSui)
		},
	}, SpaceSui, VariantSui)
}

// registerHexAccounts registers a chain whose accounts are 32 bytes in hex without a checksum.
func registerHexAccounts(n Network, s Space, v Variant) {
	n.Typos = "None can be detected: there is no checksum, and a text that lost digits is another account; fewer than 64 digits are told by the notice short_address."
	n.hex64, n.hexAccount = true, true
	n.rank = 200
	n.fits = fitsHexAccount
	register(n)
	registerVariant(variant{v, n.Name, "", n.Name, func(payload string) string {
		return "0x" + hex.EncodeToString([]byte(payload))
	}})
	registerSpace(space{number: s})
}

// fitsHexAccount takes what can be a whole account. Shorter texts are read only when the network is
// named: 40 digits are an EVM account, and a few digits are anything.
func fitsHexAccount(text string) bool {
	digits, prefixed := without0x(text)
	return len(digits) == 64 || prefixed && len(digits) >= minHexAccount && len(digits) < 64
}

// decodeHexAccount reads the hex digits of an account, which fill the 32 bytes from the right.
func decodeHexAccount(text string, a *Address, s Space, v Variant) *Error {
	account, fail := hexAccount(text, a)
	if fail != nil {
		return fail
	}
	var human [66]byte
	a.set(s, v, account[:], hex.AppendEncode(append(human[:0], "0x"...), account[:]))
	return nil
}

// hexAccount gives the 32 bytes of an account with or without 0x, and leaves the notice about short ones.
func hexAccount(text string, a *Address) (account [32]byte, fail *Error) {
	digits, prefixed := without0x(text)
	offset := len(text) - len(digits)
	switch {
	case digits == "":
		return account, refuse(BadLength, "no digits follow 0x")
	case strings.Contains(digits, "::"):
		return account, refuse(UnsupportedKind, "it is the name of a Move type or function, not an account")
	}
	if len(digits) <= 64 {
		if fail = hexRight(account[:], digits); fail != nil {
			fail.Position += offset
			return account, fail
		}
	} else if isHex(digits) {
		return account, refuse(BadLength, "an account has at most 64 hex digits")
	} else {
		return account, refuse(BadCharacter, "an account has hex digits only")
	}
	switch n := len(digits); {
	case n >= minHexAccount:
	case !prefixed:
		return account, refuse(BadLength, "without 0x an account has 60 to 64 hex digits")
	case n > maxHexSystem:
		return account, refuse(BadLength, "an account has 60 to 64 hex digits behind 0x, or one to four if it is the system's")
	}
	if len(digits) < 64 && [30]byte(account[:30]) != [30]byte{} {
		a.Notices = append(a.Notices, shortAddress)
	}
	return account, nil
}

// hexRight decodes digits, at most two for each byte of dst, so that they end where dst ends.
func hexRight(dst []byte, digits string) *Error {
	for i := range len(digits) {
		v := hexValue[digits[i]]
		if v < 0 {
			return refuseAt(BadCharacter, i, "not a hex digit")
		}
		back := len(digits) - 1 - i // hex digits behind this one
		dst[len(dst)-1-back/2] |= byte(v) << (4 * (back & 1))
	}
	return nil
}
