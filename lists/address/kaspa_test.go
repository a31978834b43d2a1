package address

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Addresses of rusty-kaspa's tests (crypto/addresses): 32 bytes of zero, and a Schnorr key.
const (
	kaspaZero = "kaspa:qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqkx9awp4e"
	kaspaKey  = "kaspa:qr35ennsep3hxfe7lnz5ee7j5jgmkjswsn35ennsep3hxfe7ln35cdv0dy335"
)

// kaspaOf writes version and payload, under a prefix.
func kaspaOf(prefix string, version byte, payload []byte) string {
	return string(cashEncode(nil, prefix, bits8to5(nil, string(append([]byte{version}, payload...)))))
}

func TestKaspa(t *testing.T) {
	for _, text := range []string{kaspaZero, kaspaKey, "kaspa:prmgxlqn0ajaep5ga5ah48sztvfkxjyyxy0ys9kyd6xwdctlrjzzv657nf3ru", "kaspa:qyp8n0nx0muaewav2ksx99wwsu9swq5mlndjmn3gm9vl9q2mzmup0xqyr5q6q2p"} {
		bare := text[len(kaspaPrefix):]
		oneIdentity(t, "kaspa", text, bare, strings.ToUpper(text), strings.ToUpper(bare), text+"?amount=1")
		noTypo(t, "kaspa", bare, lettersBech32)
		unhinted(t, text, "kaspa")
		unhinted(t, bare, "kaspa")
		wouldBe(t, "kaspa", text[:20]+strings.ToUpper(text[20:]), text)
		wouldBe(t, "kaspa", strings.ToUpper(kaspaPrefix)+bare, text)
	}
	x := []byte(strings.Repeat("x", 32))
	schnorr, even, odd, script := kaspaOf("kaspa", 0, x), kaspaOf("kaspa", 1, append([]byte{2}, x...)), kaspaOf("kaspa", 1, append([]byte{3}, x...)), kaspaOf("kaspa", 8, x)
	related(t, SameKey, "kaspa", schnorr, "kaspa", even)
	related(t, SameKey, "kaspa", schnorr, "kaspa", odd)
	related(t, SameKey, "kaspa", even, "kaspa", odd)
	related(t, None, "kaspa", schnorr, "kaspa", script)
	refused(t, "kaspa", map[Reason][]string{
		Testnet:         {kaspaOf("kaspatest", 0, x), "kaspa:" + kaspaOf("kaspatest", 0, x)[10:], kaspaOf("kaspasim", 0, x), kaspaOf("kaspadev", 1, append([]byte{2}, x...))},
		BadLength:       {kaspaOf("kaspa", 0, x[1:]), kaspaOf("kaspa", 0, append([]byte{2}, x...)), kaspaOf("kaspa", 8, append([]byte{2}, x...)), kaspaOf("kaspa", 1, append([]byte{2, 2}, x...)), kaspaOf("kaspa", 0, nil), "kaspa:q"},
		UnsupportedKind: {kaspaOf("kaspa", 1, x), kaspaOf("kaspa", 2, x), kaspaOf("kaspa", 1, append([]byte{4}, x...)), "bitcoincash2:" + kaspaKey[6:]},
		BadChecksum:     {kaspaKey + "q", kaspaKey[:60]},
		WrongNetwork:    {"qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"}, // Bitcoin Cash without its prefix
	})
}

func TestKaspaSpellings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "payload")
		version := rapid.SampledFrom([]byte{0, 1, 8}).Draw(t, "version")
		if version == 1 {
			payload = append([]byte{rapid.SampledFrom([]byte{2, 3}).Draw(t, "parity")}, payload...)
		}
		text := kaspaOf("kaspa", version, payload)
		oneIdentity(t, "kaspa", text, text[6:], strings.ToUpper(text), strings.ToUpper(text[6:]))
	})
}

func BenchmarkParseKaspa(b *testing.B) {
	benchParse(b, "kaspa", map[string]string{"Schnorr": kaspaKey})
}
