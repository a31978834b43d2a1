package address

// Tron: 0x41 and the 20 bytes of an EVM account, as base58check (T…), as hex with the 41, and, as its virtual
// machine and JSON-RPC show it, as 0x with or without the 41. Source: TRON developer hub, "Account model".

func init() {
	register(Network{
		Name:    "tron",
		Aliases: []string{"trx", "trc20", "trc10"},
		Assets:  []string{"TRX", "USDT", "USDC", "USDD", "TUSD", "TRC20"},
		CAIP2:   []string{"tron:0x2b6653dc", "tron:728126428"},
		Schemes: []string{"tron"},
		Forms: []Form{
			{"base58check", "TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW", "base58check"},
			{"hex", "415a523b449890854c8fc460ab602df9f31fe4293f", "none"},
			{"0x41", "0x415a523b449890854c8fc460ab602df9f31fe4293f", "none"},
			{"0x", "0x5a523b449890854c8fc460ab602df9f31fe4293f", "letter case, when mixed"},
		},
		Typos: "In T… form, by a checksum of 32 bits; in hex form only in mixed case with 0x.",
		rank:  61,
		fits: func(text string) bool {
			return text[0] == 'T' && len(text) > 30 && len(text) < 38 || len(text) == 42 && text[0] == '4' && text[1] == '1' && isHex(text)
		},
		decode: decodeTron,
	})
	registerVariant(variant{VariantTron, "tron", "", "tron", func(payload string) string { return versioned("\x41", payload) }})
}

func decodeTron(text string, a *Address) *Error {
	digits, has0x := without0x(text)
	switch {
	case has0x && len(digits) == 40:
		// The form of the virtual machine, with EIP-55 where the case is mixed.
		fail := decodeEVMHex(digits, 2, "", a)
		if fail != nil {
			if fail.Folded != nil {
				toTron(fail.Folded)
			}
			return fail
		}
		toTron(a)
		return nil
	case has0x || len(text) != 34 && isHex(text):
		return decodeTronHex(digits, len(text)-len(digits), a)
	}
	var room [maxBase58]byte
	body, fail := base58Bitcoin.decodeCheck(room[:0], text)
	switch {
	case fail != nil:
		return fail
	case len(body) != 21:
		return refuse(BadLength, "it does not hold 20 bytes")
	case body[0] == 0xa0:
		return refuse(Testnet, "its version is of a test network")
	case body[0] != 0x41:
		return refuse(WrongNetwork, "its version is of another network")
	}
	a.setText(SpaceEVM, VariantTron, body[1:], text)
	return nil
}

// decodeTronHex reads 41 and 40 digits. A text of 40 digits is refused without 0x: it may be one with the 41 that lost its end.
func decodeTronHex(digits string, offset int, a *Address) *Error {
	if len(digits) != 42 {
		return refuse(BadLength, "a hex address of Tron has 42 digits, 41 in front")
	}
	var room [21]byte
	body, fail := hexDecode(room[:0], digits)
	switch {
	case fail != nil:
		if fail.Position >= 0 {
			fail.Position += offset
		}
		return fail
	case body[0] == 0xa0:
		return refuse(Testnet, "its version is of a test network")
	case body[0] != 0x41:
		return refuse(BadCharacter, "a hex address of Tron begins with 41")
	}
	var out [40]byte
	a.set(SpaceEVM, VariantTron, body[1:], base58Bitcoin.encodeCheck(out[:0], body))
	return nil
}

// toTron makes a Tron address of an EVM one.
func toTron(a *Address) {
	var body [21]byte
	var out [40]byte
	body[0] = 0x41
	copy(body[1:], a.Key.Payload())
	a.set(SpaceEVM, VariantTron, body[1:], base58Bitcoin.encodeCheck(out[:0], body[:]))
}
