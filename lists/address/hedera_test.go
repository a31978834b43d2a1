package address

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestHIP15(t *testing.T) {
	// HIP-15, "giving the correct checksum in all of the following examples", ledger id 0x00.
	for _, row := range []string{"0.0.1-dfkxr", "0.0.4-cjcuq", "0.0.5-ktach", "0.0.6-tcxjy", "0.0.12-uuuup", "0.0.123-vfmkw", "0.0.1234567890-zbhlt", "12.345.6789-aoyyt", "1.23.456-adpbr"} {
		number, want, _ := strings.Cut(row, "-")
		if got := hip15(number, hederaMainnet); string(got[:]) != want {
			t.Errorf("%s: %s, want %s", number, got, want)
		}
	}
}

func TestHedera(t *testing.T) {
	oneIdentity(t, "hedera", "0.0.123", "0.0.123-vfmkw", "hedera:mainnet:0.0.123", "hedera:mainnet:0.0.123-vfmkw", "0x000000000000000000000000000000000000007b", "0x000000000000000000000000000000000000007B")
	oneIdentity(t, "hedera", "0.0.0")
	oneIdentity(t, "hedera", "0.0.9223372036854775807", "0x0000000000000000000000007fffffffffffffff")
	oneIdentity(t, "hedera", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed")
	related(t, SameKey, "hedera", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "ethereum", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
	related(t, None, "hedera", "0.0.123", "ethereum", "0x000000000000000000000000000000000000007b")
	related(t, None, "hedera", "0.0.123", "hedera", "0.0.1230")
	test := hip15("0.0.123", hederaTestnet)
	refused(t, "hedera", map[Reason][]string{
		// HIP-15, "in such cases as these", less those with blanks inside.
		BadChecksum:  {"0.0.123-abcde", "0.0.124-vfmkw"},
		BadCharacter: {"0.00.123", "0.0.0123-vfmkw", "0.0.123#vfmkw", "0.0.+1", "0.0.1e5", "0,0,123", "0.0.0x7b", "0.0.123vfmkw"},
		BadLength: {"0.123", "0.0.123.", "0.0.123-vf", "0.0.123-vfm-kw", "0.0.123-vfmkwxxxx", "0.0.123-", "0.0.", "0.0.0.123", "0.0.9223372036854775808", "0x12",
			"123", "0.0", "0.0.-1"},
		MixedCase:        {"0.0.123-VFMKW", "0.0.123-vFmKw"},
		Testnet:          {"0.0.123-" + string(test[:])},
		UnsupportedKind:  {"1.0.123", "0.1.123", "12.345.6789-aoyyt"},
		SecretMaterial:   {"302e020100300506032b65700422042080a7ec2fd499d9cd3de54b9d10cb6e7a2821d20b73fadfd6dcd577f0d193b018"},
		NameNotAddress:   {"alice.hbar"},
		WrongNetwork:     {"hedera:testnet:0.0.123", "0x0000000000000000000000008000000000000000"}, // an EVM account, no number
		WhitespaceInside: {"0.0.123 - vfmkw"},
	})
	wouldBe(t, "hedera", "0.0.123-VFMKW", "0.0.123")
	wouldBe(t, "hedera", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
	unhinted(t, "0.0.123", "hedera")
	unhinted(t, "0.0.123-vfmkw", "hedera")
	unhinted(t, "0x000000000000000000000000000000000000007b", "ethereum", "hedera")
}

// HIP-15 promises to find a wrong, lost, added or swapped digit.
func TestHederaTypos(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := fmt.Sprint("0.0.", rapid.Uint64Range(10, 1<<40).Draw(t, "number"))
		sum := hip15(number, hederaMainnet)
		check := "-" + string(sum[:])
		oneIdentity(t, "hedera", number, number+check)
		at := rapid.IntRange(4, len(number)-2).Draw(t, "at")
		digit := string('0' + rapid.ByteRange(0, 9).Draw(t, "digit"))
		for _, typo := range []string{number[:at] + digit + number[at+1:], number[:at] + number[at+1:], number[:at] + digit + number[at:], number[:at] + number[at+1:at+2] + number[at:at+1] + number[at+2:]} {
			if typo == number || typo[4] == '0' {
				continue
			}
			if _, err := Parse(nil, typo+check, "hedera"); err == nil {
				t.Errorf("%s passes with the checksum of %s", typo, number)
			}
		}
	})
}

func BenchmarkParseHedera(b *testing.B) {
	benchParse(b, "hedera", map[string]string{"number": "0.0.1234567890", "checksum": "0.0.1234567890-zbhlt"})
}
