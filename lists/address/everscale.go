package address

import (
	"encoding/hex"
	"strings"
)

// Everscale. Source: the address of TON's first network, which Everscale went on with: workchain and 64 hex digits.

func init() {
	register(Network{
		Name: "everscale", Aliases: []string{"ever", "free-ton", "freeton"}, Assets: []string{"EVER"},
		Forms: []Form{{"raw", "0:" + hex.EncodeToString([]byte(exampleBytes[:32])), "none"}},
		Typos: "None can be detected: there is no checksum.",
		rank:  210, first: "0-",
		fits:   func(text string) bool { return len(text) >= 66 && len(text) <= 67 && strings.Contains(text[:3], ":") },
		decode: decodeEverscale,
	})
	registerVariant(variant{VariantEverscale, "everscale", "", "everscale", func(payload string) string {
		workchain := "0:"
		if payload[0] == 0xff {
			workchain = "-1:"
		}
		return workchain + hex.EncodeToString([]byte(payload[1:]))
	}})
	registerSpace(space{number: SpaceEverscale})
}

func decodeEverscale(text string, a *Address) *Error {
	workchain, digits, found := strings.Cut(text, ":")
	if !found || workchain != "0" && workchain != "-1" {
		return refuse(BadCharacter, "an address is workchain 0 or -1, a colon and 64 hex digits")
	}
	if len(digits) != 64 {
		return refuse(BadLength, "the account is not 64 hex digits")
	}
	var room [33]byte
	if workchain == "-1" {
		room[0] = 0xff
	}
	payload, fail := hexDecode(room[:1], digits)
	if fail != nil {
		fail.Position += len(workchain) + 1
		return fail
	}
	a.set(SpaceEverscale, VariantEverscale, payload, lowered(nil, text))
	return nil
}
