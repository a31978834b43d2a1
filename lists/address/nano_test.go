package address

import (
	"math/big"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/blake2b"
	"pgregory.net/rapid"
)

// The genesis account of Nano, and the burn account of 32 zero bytes.
const (
	nanoGenesis = "nano_3t6k35gi95xu6tergt6p69ck76ogmitsa8mnijtpxm9fkcm736xtoncuohr3"
	nanoBurn    = "nano_1111111111111111111111111111111111111111111111111111hifc8npp"
)

// nanoOf writes an account with big numbers: 52 letters for the key, 8 for the reversed hash of 5 bytes.
func nanoOf(key []byte) string {
	const letters = "13456789abcdefghijkmnopqrstuwxyz"
	write := func(b []byte, n int) string {
		number, base, digit := new(big.Int).SetBytes(b), big.NewInt(32), new(big.Int)
		text := make([]byte, n)
		for i := n - 1; i >= 0; i-- {
			number.DivMod(number, base, digit)
			text[i] = letters[digit.Int64()]
		}
		return string(text)
	}
	h, _ := blake2b.New(5, nil)
	h.Write(key)
	sum := h.Sum(nil)
	slices.Reverse(sum)
	return "nano_" + write(key, 52) + write(sum, 8)
}

func TestNano(t *testing.T) {
	for _, text := range []string{nanoGenesis, nanoBurn} {
		body := text[5:]
		oneIdentity(t, "nano", text, "xrb_"+body, "xrb-"+body, "nano-"+body, "nano:"+text+"?amount=1", "xrb:xrb_"+body)
		noTypo(t, "nano", text, "13456789abcdefghijkmnopqrstuwxyz02lv")
		unhinted(t, text, "nano")
		unhinted(t, "xrb_"+body, "nano")
		wouldBe(t, "nano", strings.ToUpper(text), text)
		wouldBe(t, "nano", text[:30]+strings.ToUpper(text[30:]), text)
	}
	body := nanoGenesis[5:]
	refused(t, "nano", map[Reason][]string{
		WrongNetwork:    {"ban_" + body},
		UnsupportedKind: {body, "nano" + body, "nan_" + body},
		BadLength:       {nanoGenesis + "1", nanoGenesis[:64], "nano_1", "xrb_" + body[1:]},
		BadCharacter:    {"nano_0" + body[1:], "nano_4" + body[1:], "nano_" + body[:20] + "l" + body[21:], "nano_" + body[:59] + "0"},
		BadChecksum:     {"nano_1" + body[1:], "nano_" + body[:59] + "4"},
		MixedCase:       {strings.ToUpper(nanoGenesis)},
		SecretMaterial:  {strings.Repeat("5e", 32)},
	})
}

func TestNanoSpellings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := nanoOf(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key"))
		oneIdentity(t, "nano", text, "xrb_"+text[5:])
	})
}

func BenchmarkParseNano(b *testing.B) {
	benchParse(b, "nano", map[string]string{"account": nanoGenesis})
}
