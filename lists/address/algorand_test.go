package address

import (
	"crypto/sha512"
	"encoding/base32"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The address of 32 zero bytes, as the Algorand documentation gives it ("Zero address").
const algorandZero = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAY5HFKQ"

func algorandOf(key []byte) string {
	sum := sha512.Sum512_256(key)
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(append(key[:32:32], sum[28:]...))
}

func TestAlgorand(t *testing.T) {
	text := "7777777777777777777777777777777777777777777777777774MSJUVU"
	for _, text := range []string{algorandZero, text} {
		oneIdentity(t, "algorand", text, "algorand:wGHE2Pwdvd7S12BL5FaOP20EGYesN73k:"+text, "algorand://"+text+"?amount=1", "algorand://"+text)
		noTypo(t, "algorand", text, lettersBase32+"018a")
		unhinted(t, text, "algorand")
		wouldBe(t, "algorand", strings.ToLower(text), text)
	}
	refused(t, "algorand", map[Reason][]string{
		BadChecksum:  {text[:57] + "V", text[:57] + "W", text[:57] + "X"}, // the same bytes, but for spare bits
		BadLength:    {text[:57], text + "A", text + "======"},
		BadCharacter: {text[:30] + "1" + text[31:]},
		MixedCase:    {strings.ToLower(text), text[:10] + "a" + text[11:]},
		SecretMaterial: {"abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon invest",
			strings.Repeat("5e", 32)},
	})
	// One Ed25519 key on other chains.
	key := []byte(read1(t, "algorand", text).Key.Payload())
	related(t, SameKey, "algorand", text, "stellar", string(appendStrkey(nil, strkeyAccount, key)))
	related(t, SameKey, "algorand", text, "near", strings.Repeat("f", 64))
}

func TestAlgorandSpellings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := algorandOf(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key"))
		oneIdentity(t, "algorand", text, "algorand://"+text)
		// The last letter has two spare bits: of the four with the same bytes, one is the address.
		last := strings.IndexByte(lettersBase32, text[57])
		for bits := 1; bits < 4; bits++ {
			if _, err := Parse(nil, text[:57]+string(lettersBase32[last|bits]), "algorand"); err == nil {
				t.Errorf("%s: spare bits %d pass", text, bits)
			}
		}
	})
}

func BenchmarkParseAlgorand(b *testing.B) {
	benchParse(b, "algorand", map[string]string{"account": algorandZero})
}
