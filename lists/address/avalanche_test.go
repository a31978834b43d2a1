package address

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAvalanche(t *testing.T) {
	const bare = "avax1w508d6qejxtdg4y5r3zarvary0c5xw7k0l6nk9"
	for network, letter := range map[string]string{"avalanche-x": "X-", "avalanche-p": "P-"} {
		text := letter + bare
		oneIdentity(t, network, text, bare, strings.ToUpper(text), strings.ToUpper(bare))
		noTypo(t, network, text, lettersBech32, bare)
		unhinted(t, text, network)
		wouldBe(t, network, letter+strings.ToUpper(bare[:9])+bare[9:], text)
		key := []byte(read1(t, network, text).Key.Payload())
		refused(t, network, map[Reason][]string{
			BadLength:       {letter + bech32Of(t, "avax", append(key, key...)[:32]), letter + bech32Of(t, "avax", key[:19])},
			BadCharacter:    {letter + text, letter + "P-" + bare},
			BadChecksum:     {text[:40]},
			UnsupportedKind: {"NodeID-LnM8ju5anLMwSxi1N3FKygjiDz4Cj2An", "x-" + bare, "Z-" + bare},
			WrongNetwork:    {map[string]string{"X-": "P-", "P-": "X-"}[letter] + bare, "C-" + bare, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"},
			Testnet:         {letter + bech32Of(t, "fuji", key), bech32Of(t, "fuji", key)},
			SecretMaterial:  {"PrivateKey-ewoqjP7PxY4yr3iLTpLisriqt94hdyDFNgchSxGGztUrTXtNN"},
		})
	}
	unhinted(t, bare, "avalanche-x", "avalanche-p")
	related(t, SameKey, "avalanche-x", bare, "avalanche-p", bare)
	key := read1(t, "avalanche-x", bare).Key.Payload()
	related(t, SameKey, "avalanche-x", bare, "bitcoin", versioned("\x00", key))
	oneIdentity(t, "avalanche-x", "X-"+bare, "avax:imji8papUf2EhV3le337w1vgFauqkJg-:X-"+bare, "avax:imji8papUf2EhV3le337w1vgFauqkJg-:"+bare)
	oneIdentity(t, "avalanche-p", "P-"+bare, "avax:Rr9hnPVPxuUvrdCul-vjEsU1zmqKqRDo:"+bare)
	refused(t, "avalanche-p", map[Reason][]string{WrongNetwork: {"avax:imji8papUf2EhV3le337w1vgFauqkJg-:" + bare}})
}

func TestAvalancheSpellings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bare := bech32Of(t, "avax", rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "hash"))
		oneIdentity(t, "avalanche-x", "X-"+bare, bare, strings.ToUpper(bare))
		oneIdentity(t, "avalanche-p", "P-"+bare, bare)
		related(t, SameKey, "avalanche-x", bare, "avalanche-p", bare)
	})
}

func BenchmarkParseAvalanche(b *testing.B) {
	benchParse(b, "avalanche-x", map[string]string{"address": "X-avax1w508d6qejxtdg4y5r3zarvary0c5xw7k0l6nk9"})
}
