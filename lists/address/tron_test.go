package address

import "testing"

// TestTron takes the example of Tron's documentation, and the address that OFAC lists under USDT whose 20 bytes it lists under ETH
// as well.
func TestTron(t *testing.T) {
	oneIdentity(t, "tron", "TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW", "415a523b449890854c8fc460ab602df9f31fe4293f", "0x415a523b449890854c8fc460ab602df9f31fe4293f",
		"0x5a523b449890854c8fc460ab602df9f31fe4293f", "tron:TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW", "tron:728126428:TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW")
	related(t, SameKey, "tron", "TXEsK1sEsKjZ1xtHitnyAAoqw3WLdYdRNW", "ethereum", "0xE950DC316b836e4EeFb8308bf32Bf7C72a1358FF")
	unhinted(t, "TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW", "tron")
	unhinted(t, "415a523b449890854c8fc460ab602df9f31fe4293f", "tron")
	noTypo(t, "tron", "TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW", lettersBase58)
}

func TestTronRefused(t *testing.T) {
	refused(t, "tron", map[Reason][]string{
		BadLength: {
			"41415a523b449890854c8fc460ab602df9f31fe4293f", "415a523b449890854c8fc460ab602df9f31fe429", "5a523b449890854c8fc460ab602df9f31fe4293f",
			versioned("\x41", bip173Program[:19]), "0x5a523b449890854c8fc460ab602df9f31fe4293",
		},
		Testnet:        {"a05a523b449890854c8fc460ab602df9f31fe4293f", versioned("\xa0", bip173Program)},
		WrongNetwork:   {versioned("\x00", bip173Program), versioned("\x42", bip173Program), "tron:0xcd8690dc:TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW"},
		BadCharacter:   {"425a523b449890854c8fc460ab602df9f31fe4293f", "TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sx0W"},
		BadChecksum:    {"TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMX", "0x5A523b449890854c8fc460ab602df9f31fe4293f"},
		SecretMaterial: {"5e1a76bc572fed175f983450164d59100f691b34e4241d761dea046cd89278e6"},
	})
}
