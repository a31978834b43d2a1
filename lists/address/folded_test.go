package address

import (
	"errors"
	"strings"
	"testing"
)

// Whoever writes a listed address in mixed letter case must not pass for somebody else: the refusal names the address that it would be.
func TestAMixtureOfLetterCaseNamesTheAddress(t *testing.T) {
	for network, right := range map[string]string{
		"bitcoin":      "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
		"litecoin":     "ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9",
		"bitcoin-cash": "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
		"cardano":      "addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8",
		"cosmos":       "cosmos10d07y265gmmuvt4z0w9aw880jnsr700j6zn9kn",
		"zilliqa":      "zil12rnfd6hrqmy8v8fqjafzw8mh6mc2evel7z2rsv",
		"conflux":      "cfx:aarc9abycue0hhzgyrr53m6cxedgccrmmyybjgh4xg",
	} {
		want, err := Parse(nil, right, network)
		if err != nil {
			t.Errorf("%s %s: %v", network, right, err)
			continue
		}
		last := len(right) - 1
		for right[last] >= '0' && right[last] <= '9' {
			last--
		}
		half := len(right) / 2
		for _, text := range []string{right[:last] + strings.ToUpper(right[last:]), right[:half] + strings.ToUpper(right[half:]), strings.ToUpper(right[:1]) + right[1:]} {
			for _, asked := range []string{network, ""} {
				var fail *Error
				if _, err := Parse(nil, text, asked); !errors.As(err, &fail) || fail.Reason != MixedCase || fail.Folded == nil || fail.Folded.Key != want[0].Key {
					t.Errorf("%q asked as %q: %v", text, asked, err)
				}
				rows, notes, err := ParseListed(nil, text, asked, "")
				if err != nil || len(rows) == 0 || rows[0].Key != want[0].Key || !notes.LetterCase {
					t.Errorf("%q listed as %q: %v %v %v", text, asked, rows, notes, err)
				}
			}
		}
	}
	// A Dash address can look like an ICAP code in mixed letter case.
	var fail *Error
	if _, err := Parse(nil, "xE7338O073KYGTWWZN0F2WZ0R8PX5ZPPZS", "ethereum"); !errors.As(err, &fail) || fail.Reason != MixedCase || fail.Folded != nil {
		t.Errorf("ICAP: %v", err)
	}
}
