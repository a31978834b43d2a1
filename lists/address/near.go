package address

import (
	"encoding/hex"
	"strings"
)

func init() {
	register(Network{
		Name:  "near",
		CAIP2: []string{"near:mainnet"},
		// No wallet uses the scheme near: in another way.
		Schemes: []string{"near"},
		Assets:  []string{"NEAR"},
		Forms: []Form{
			{"named account", "relay.aurora", "none"},
			{"implicit account", "98793cd91a3f870fb126f66285808c7e094afcfc4eda8a970f6648cdf0dbd6de", "none"},
			{"public key", "ed25519:BGCCDDHfysuuVnaNVtEhhqeT4k9Muyem3Kpgq2U1m9HX", "none"},
			{"ETH-implicit account", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "none"},
			{"deterministic account", "0s5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "none"},
		},
		Typos:  "None can be detected: neither names nor keys have a checksum.",
		rank:   200,
		named:  true,
		hex64:  true,
		fits:   fitsNear,
		decode: decodeNear,
	})
	registerVariant(variant{VariantNearImplicit, "near", "implicit", "near", func(payload string) string {
		return hex.EncodeToString([]byte(payload))
	}})
	registerVariant(variant{VariantNearEVM, "near", "evm", "near", func(payload string) string {
		return "0x" + hex.EncodeToString([]byte(payload))
	}})
	registerVariant(variant{VariantNearDeterministic, "near", "deterministic", "near", func(payload string) string {
		return "0s" + hex.EncodeToString([]byte(payload))
	}})
	registerVariant(variant{VariantNearName, "near", "name", "near", func(payload string) string { return payload }})
	registerSpace(space{number: SpaceNearName})
	registerSpace(space{number: SpaceNearDeterministic})
}

// fitsNear reports whether text can be a NEAR account without a hint. Names outside of .near need one, as any word can be such a name, and
// so does the 0x form, which is an EVM account.
func fitsNear(text string) bool {
	return strings.HasSuffix(text, ".near") || strings.HasPrefix(text, "ed25519:") ||
		len(text) == 64 && isHex(text) || len(text) == 42 && text[:2] == "0s"
}

// decodeNear reads an account id (NEAR nomicon, DataStructures/Account): a name, or an implicit account,
// which is a key in hex. It refuses capital letters, which no account id has.
func decodeNear(text string, a *Address) *Error {
	if strings.HasPrefix(text, "ed25519:") {
		return decodeNearKey(text, a)
	}
	switch _, capital := letterCase(text); {
	case capital:
		at := strings.IndexFunc(text, func(r rune) bool { return r >= 'A' && r <= 'Z' })
		return folded(refuseAt(MixedCase, at, "an account id has lower-case letters only"), strings.ToLower(text), a, decodeNear)
	case len(text) < 2 || len(text) > 64:
		return refuse(BadLength, "an account id has 2 to 64 characters")
	}
	separated := true // at the beginning, and after each of . - _
	for i := range len(text) {
		switch c := text[i]; {
		case isLower(c) || c >= '0' && c <= '9':
			separated = false
		case c != '.' && c != '-' && c != '_':
			return refuseAt(BadCharacter, i, "an account id has only the characters a–z, 0–9, - _ .")
		case separated:
			return refuseAt(BadCharacter, i, "- _ . must be between letters or digits")
		default:
			separated = true
		}
	}
	var room [32]byte
	switch {
	case separated:
		return refuseAt(BadCharacter, len(text)-1, "- _ . must be between letters or digits")
	case len(text) == 64 && isHex(text):
		key, _ := hexDecode(room[:0], text)
		a.setText(SpaceEd25519, VariantNearImplicit, key, text)
	case len(text) == 42 && text[:2] == "0x" && isHex(text[2:]):
		account, _ := hexDecode(room[:0], text[2:])
		a.setText(SpaceEVM, VariantNearEVM, account, text)
	case len(text) == 42 && text[:2] == "0s" && isHex(text[2:]):
		account, _ := hexDecode(room[:0], text[2:])
		a.setText(SpaceNearDeterministic, VariantNearDeterministic, account, text)
	case strings.HasSuffix(text, ".testnet"):
		return refuse(Testnet, "names that end in .testnet belong to the test network")
	default:
		// The name looks like the key of an implicit account with missing or additional digits.
		if digits, prefixed := without0x(text); isHex(digits) && (len(digits) >= 40 || prefixed) {
			a.Notices = append(a.Notices, shortAddress)
		}
		a.setText(SpaceNearName, VariantNearName, []byte(text), text)
	}
	return nil
}

// decodeNearKey reads a public key, ed25519: and base58. Its implicit account is the hex of its 32 bytes.
func decodeNearKey(text string, a *Address) *Error {
	const prefix = len("ed25519:")
	var room [maxBase58]byte
	key, fail := base58Bitcoin.decode(room[:0], text[prefix:])
	switch {
	case fail != nil:
		if fail.Position >= 0 {
			fail.Position += prefix
		}
		return fail
	case len(key) == 64:
		return refuse(SecretMaterial, "it is a secret key")
	case len(key) != 32:
		return refuse(BadLength, "an Ed25519 public key has 32 bytes")
	}
	var human [64]byte
	a.set(SpaceEd25519, VariantNearImplicit, key, hex.AppendEncode(human[:0], key))
	return nil
}
