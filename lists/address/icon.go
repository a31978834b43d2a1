package address

import "encoding/hex"

// ICON. Source: IIP-3 and the ICON JSON-RPC specification (T_ADDR_EOA, T_ADDR_SCORE): hx or cx and 40 hex digits in lower case.
// There is no checksum, but nothing else is written so: the prefix proves the network, and not that the digits are right.

func init() {
	register(Network{
		Name: "icon", Aliases: []string{"icx"}, Assets: []string{"ICX"}, Schemes: []string{"icon"},
		Forms: []Form{{"account", iconText("hx")(exampleBytes[:20]), "none"}, {"contract", iconText("cx")(exampleBytes[:20]), "none"}},
		Typos: "None can be detected: there is no checksum.",
		rank:  130, first: "hc",
		fits:   func(text string) bool { return len(text) == 42 && text[1] == 'x' },
		decode: decodeICON,
	})
	registerVariant(variant{VariantICON, "icon", "account", "icon", iconText("hx")})
	registerVariant(variant{VariantICONContract, "icon", "contract", "icon", iconText("cx")})
	registerSpace(space{number: SpaceICON})
}

func iconText(prefix string) func(payload string) string {
	return func(payload string) string { return prefix + hex.EncodeToString([]byte(payload)) }
}

func decodeICON(text string, a *Address) *Error {
	if len(text) < 2 || text[:2] != "hx" && text[:2] != "cx" {
		return refuse(BadCharacter, "an address begins with hx or cx")
	}
	var account [20]byte
	if fail := hex20(&account, text[2:]); fail != nil {
		if fail.Position >= 0 {
			fail.Position += 2
		}
		return fail
	}
	if _, capital := letterCase(text); capital {
		return folded(refuse(MixedCase, "hex digits are written small"), string(lowered(nil, text)), a, decodeICON)
	}
	v := VariantICON
	if text[0] == 'c' {
		v = VariantICONContract
	}
	a.setText(SpaceICON, v, account[:], text)
	return nil
}
