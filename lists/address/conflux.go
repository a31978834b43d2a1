package address

import "strings"

// Conflux Core. Source: CIP-37: cfx:, the code of cashaddr with an alphabet of its own, and a checksum over the prefix. Its 20 bytes
// begin with the kind of account; they are not those of an EVM account. QR codes have capitals and name the kind: CFX:TYPE.USER:….

const confluxLetters = "abcdefghjkmnprstuvwxyz0123456789"

var confluxToCash, cashToConflux = func() (to, from [256]byte) {
	for i := range len(confluxLetters) {
		to[confluxLetters[i]], from[bech32Digits[i]] = bech32Digits[i], confluxLetters[i]
	}
	return
}()

// confluxKinds are the first four bits of an account.
var confluxKinds = map[byte]string{0: "builtin", 1: "user", 8: "contract"}

func init() {
	user := "\x1a\x2f\x80\x34\x14\x09\x63\x9e\xa6\xa3\x5b\xbc\xab\x82\x99\x06\x61\x09\xaa\x55" // of CIP-37
	register(Network{
		Name: "conflux", Aliases: []string{"cfx", "conflux-core"}, Assets: []string{"CFX"}, CAIP2: []string{"conflux:cfx"}, Schemes: []string{"cfx"}, keepScheme: true,
		Forms: []Form{{"base32", textConflux(user), "that of cashaddr"}},
		Typos: "A checksum of 40 bits: a typing error is found.",
		rank:  130, first: "cC", fits: func(text string) bool { return foldedPrefix(text, "cfx:") }, decode: decodeConflux,
	})
	registerVariant(variant{VariantConflux, "conflux", "", "conflux", textConflux})
	registerSpace(space{number: SpaceConflux})
}

func textConflux(payload string) string {
	text := cashEncode(nil, "cfx", bits8to5(nil, "\x00"+payload))
	for i := 4; i < len(text); i++ {
		text[i] = cashToConflux[text[i]]
	}
	return string(text)
}

func decodeConflux(text string, a *Address) *Error {
	if small, capital := letterCase(text); small && capital {
		return refuse(MixedCase, "an address is all lower or all upper case")
	}
	text = strings.ToLower(text)
	parts := strings.Split(text, ":")
	switch {
	case parts[0] == "cfxtest" || strings.HasPrefix(parts[0], "net"):
		return refuse(Testnet, "it is a test network address")
	case parts[0] != "cfx" || len(parts) > 3 || len(parts) < 2:
		return refuse(BadCharacter, "an address begins with cfx:")
	}
	body := []byte(parts[len(parts)-1])
	for i, c := range body {
		if body[i] = confluxToCash[c]; body[i] == 0 {
			return refuse(BadCharacter, "it has a character that is not of Conflux's alphabet")
		}
	}
	values, fail := cashDecode(nil, "cfx", string(body))
	if fail != nil {
		return fail
	}
	payload, ok := bits5to8(nil, values)
	if !ok || len(payload) != 21 || payload[0] != 0 {
		return refuse(BadLength, "it does not hold a version byte of zero and 20 bytes")
	}
	kind, known := confluxKinds[payload[1]>>4]
	switch {
	case !known && string(payload[1:]) != strings.Repeat("\x00", 20):
		return refuse(UnsupportedKind, "no such kind of account")
	case len(parts) == 3 && parts[1] != "type."+kind && parts[1] != "type.null":
		return refuse(BadCharacter, "the kind that it names is not that of its bytes")
	}
	a.set(SpaceConflux, VariantConflux, payload[1:], []byte("cfx:"+parts[len(parts)-1]))
	return nil
}
