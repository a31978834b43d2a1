package address

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestHexAccounts(t *testing.T) {
	const long = "0x00007c137f65dc8688ed3b7a9e025b13634884311e4816c46e8ce6e17f1c8426"
	for _, network := range []string{"aptos", "sui"} {
		oneIdentity(t, network, long, strings.ToUpper(long), "0x"+strings.ToUpper(long[2:]), long[2:], "0x"+long[6:], long[6:], "0X"+long[6:], "0x0"+long[6:])
		oneIdentity(t, network, "0x"+strings.Repeat("0", 63)+"1", "0x1", "0x01", "0X1")
		oneIdentity(t, network, "0x"+strings.Repeat("0", 64), "0x0")
		for text, short := range map[string]bool{long: false, long[2:]: false, "0x" + long[6:]: true, long[:65]: true, "0x1": false, "0xffff": false} {
			if a := read1(t, network, text); slices.Contains(a.Notices, shortAddress) != short {
				t.Errorf("%s %q: notices %v", network, text, a.Notices)
			}
		}
		// What is lost at the end is not filled up there, what is lost in front is not a zero.
		related(t, None, network, long, network, long[:65])
		related(t, None, network, "0x7"+long[3:], network, "0x"+long[3:])
		refused(t, network, map[Reason][]string{
			BadLength:       {long + "0", "0x", "0X", "1", "8852", "0x10000", long[:61], long[2:61], "0x901bb9583b24d97e995513c6778dc6888ab6870e", "901bb9583b24d97e995513c6778dc6888ab6870e"},
			BadCharacter:    {long[:65] + "g", "0x0x1", "0xO", long + "z"},
			UnsupportedKind: {long + "::coin::Coin", "0x1::aptos_coin::AptosCoin", "0x2::sui::SUI"},
			NameNotAddress:  {"alice.apt", "alice.sui", "me@sui", "@handle1"},
			SecretMaterial:  {"suiprivkey1qzwant3kaegmjy4qxex93s0jzvemekkjmyv3r2sjwgnv2y479pgsywhveae"},
		})
	}
	related(t, None, "aptos", long, "sui", long)
	related(t, None, "aptos", long, "starknet", long)
	oneIdentity(t, "aptos", long, "aptos:1:"+long, "aptos:mainnet:0x"+long[6:])
	oneIdentity(t, "sui", long, "sui:mainnet:"+long)
	refused(t, "sui", map[Reason][]string{WrongNetwork: {"aptos:1:" + long, "sui:testnet:" + long}})

	unhinted(t, long, "polkadot", "kusama", "bittensor", "astar", "substrate", "aptos", "sui", "starknet")
	unhinted(t, "0x"+long[6:], "aptos", "sui", "starknet")
	unhinted(t, "0x1")
	refused(t, "", map[Reason][]string{SecretMaterial: {"7" + long[3:]}})
}

func TestStarknet(t *testing.T) {
	// CAIP-10 of the starknet namespace.
	const checked = "0x02DdfB499765c064eaC5039E3841AA5f382E73B598097a40073BD8B48170Ab57"
	plain := strings.ToLower(checked)
	oneIdentity(t, "starknet", plain, checked, "0x"+strings.ToUpper(plain[2:]), "0x"+plain[3:], "0x"+checked[3:], plain[2:], "starknet:SN_MAIN:"+checked)
	oneIdentity(t, "starknet", "0x"+strings.Repeat("0", 63)+"1", "0x1")
	oneIdentity(t, "starknet", "0x07"+strings.Repeat("f", 62))
	refused(t, "starknet", map[Reason][]string{
		BadLength:      {"0x08" + strings.Repeat("0", 62), "0x" + strings.Repeat("f", 64), plain + "0", "0x0800000000000011000000000000000000000000000000000000000000000001"},
		BadChecksum:    {checked[:4] + "d" + checked[5:], checked[:65] + "8", "0x02dD" + plain[6:]},
		WrongNetwork:   {"starknet:SN_GOERLI:" + checked},
		NameNotAddress: {"alice.stark"},
	})
	wouldBe(t, "starknet", "0x02dD"+plain[6:], plain)
	noted := read1(t, "starknet", plain[:2]+plain[3:]+"0") // the leading zero lost, a digit added
	if !slices.Contains(noted.Notices, "out_of_range") {
		t.Errorf("notices %v", noted.Notices)
	}
	related(t, None, "starknet", plain, "starknet", noted.Canonical)
}

// Every letter case but those of no checksum and the right one is refused.
func TestStarknetCase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var account [32]byte
		copy(account[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "account"))
		account[0] &= 7
		zeros := rapid.IntRange(0, 4).Draw(t, "zeros")
		clear(account[:zeros])
		plain := "0x" + hex.EncodeToString(account[:])
		var right [64]byte
		starknetCase(&right, account)
		lost := min(4, 64-len(strings.TrimLeft(plain[2:], "0"))) // zeros in front that may be left out
		oneIdentity(t, "starknet", plain, "0x"+string(right[:]), "0x"+string(right[lost:]), "0x"+plain[2+lost:], strings.ToUpper(plain))
		at := rapid.IntRange(0, 63).Draw(t, "at")
		if wrong := right; isLower(wrong[at]|0x20) && wrong[at]|0x20 > '9' {
			wrong[at] ^= 0x20
			text := "0x" + string(wrong[:])
			if small, capital := letterCase(text[2:]); small && capital {
				wouldBe(t, "starknet", text, plain)
			}
		}
	})
}

func BenchmarkParseHexAccounts(b *testing.B) {
	benchParse(b, "aptos", map[string]string{"account": "0x00007c137f65dc8688ed3b7a9e025b13634884311e4816c46e8ce6e17f1c8426"})
	benchParse(b, "starknet", map[string]string{"checksum": "0x02DdfB499765c064eaC5039E3841AA5f382E73B598097a40073BD8B48170Ab57", "lower": "0x02ddfb499765c064eac5039e3841aa5f382e73b598097a40073bd8b48170ab57"})
}
