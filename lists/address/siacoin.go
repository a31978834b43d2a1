package address

import (
	"encoding/hex"

	"golang.org/x/crypto/blake2b"
)

// Siacoin. Source: Sia, types/unlockhash.go: the unlock hash of 32 bytes and the first six of its BLAKE2b-256, in hex.

func init() {
	register(Network{
		Name: "siacoin", Aliases: []string{"sia", "sc"}, Assets: []string{"SC"}, Schemes: []string{"siacoin"},
		Forms: []Form{{"address", textSiacoin(exampleBytes[:32]), "BLAKE2b-256"}},
		Typos: "A checksum of 48 bits: a typing error is found.",
		rank:  130, first: hexLetters, fits: func(text string) bool { return len(text) == 76 && isHex(text) }, decode: decodeSiacoin,
	})
	registerVariant(variant{VariantSiacoin, "siacoin", "", "siacoin", textSiacoin})
	registerSpace(space{number: SpaceSiacoin})
}

func textSiacoin(payload string) string {
	sum := blake2b.Sum256([]byte(payload))
	return hex.EncodeToString([]byte(payload)) + hex.EncodeToString(sum[:6])
}

// isSiacoin tells 76 hex digits with the checksum of an address.
func isSiacoin(digits string) bool {
	var room [40]byte
	b, fail := hexDecode(room[:0], digits)
	if fail != nil || len(b) != 38 {
		return false
	}
	sum := blake2b.Sum256(b[:32])
	return string(sum[:6]) == string(b[32:])
}

func decodeSiacoin(text string, a *Address) *Error {
	if len(text) != 76 {
		return refuse(BadLength, "an address has 76 hex digits")
	}
	var room [40]byte
	b, fail := hexDecode(room[:0], text)
	if fail != nil {
		return fail
	}
	if !isSiacoin(text) {
		return refuse(BadChecksum, "the BLAKE2b checksum does not match")
	}
	var human [76]byte
	a.set(SpaceSiacoin, VariantSiacoin, b[:32], lowered(human[:0], text))
	return nil
}
