package address

import "encoding/base64"

// Arweave. Source: Arweave HTTP API, "Addresses": the SHA-256 of a public key in base64url without padding, 43 characters.

func init() {
	register(Network{
		Name: "arweave", Aliases: []string{"ar"}, Assets: []string{"AR"}, CAIP2: []string{"arweave:7wIU7KolICAjClMlcZ38LZzshhI7xGkm"}, Schemes: []string{"arweave"},
		Forms: []Form{{"address", textArweave(exampleBytes[:32]), "none"}},
		Typos: "None can be detected: there is no checksum.",
		rank:  220, decode: decodeArweave,
	})
	registerVariant(variant{VariantArweave, "arweave", "", "arweave", textArweave})
	registerSpace(space{number: SpaceArweave})
}

func textArweave(payload string) string { return base64.RawURLEncoding.EncodeToString([]byte(payload)) }

func decodeArweave(text string, a *Address) *Error {
	if len(text) != 43 {
		return refuse(BadLength, "an address has 43 characters")
	}
	key, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(key) != 32 || textArweave(string(key)) != text {
		return refuse(BadCharacter, "it is not base64url of 32 bytes")
	}
	a.setText(SpaceArweave, VariantArweave, key, text)
	return nil
}
