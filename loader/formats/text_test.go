package formats

import (
	stdcmp "cmp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLinesOfText(t *testing.T) {
	const a, b = "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h", "1Kuf2Rd8mDyAViwBozGTNYnvWL8uYFrkVo"
	for line, want := range map[string][]Row{
		"":                                     nil,
		"   ":                                  nil,
		"# " + a:                               nil,
		"// " + a:                              nil,
		"#5 " + a:                              {{Address: a}},
		"#12: " + a + " # why":                 {{Address: a, Note: "why"}},
		"#2024 was a bad year":                 nil,
		a:                                      {{Address: a}},
		" " + a + "\t":                         {{Address: a}},
		a + " # why":                           {{Address: a, Note: "why"}},
		a + "#why":                             {{Address: a, Note: "why"}},
		a + ";Name, First":                     {{Address: a, EntityName: "Name, First"}},
		a + `;"Name;Alias"`:                    {{Address: a, EntityName: "Name", Note: "also: Alias"}},
		a + ",Name":                            {{Address: a, EntityName: "Name"}},
		a + "\tName":                           {{Address: a, EntityName: "Name"}},
		a + " Some Name":                       {{Address: a, EntityName: "Some Name"}},
		a + "," + b:                            {{Address: a}, {Address: b, Locator: "line 2 address 2"}},
		a + " " + b:                            {{Address: a}, {Address: b, Locator: "line 2 address 2"}},
		a + ";":                                {{Address: a}},
		"name.eth":                             {{Address: "name.eth"}},
		a + ",mixer," + b:                      {{Address: a, Note: "mixer"}, {Address: b, Locator: "line 2 address 2"}},
		"- " + a:                               {{Address: a}},
		"1. " + a + " (cold)":                  {{Address: a, Note: "cold"}},
		"BTC: " + a:                            {{Address: a, Asset: "BTC"}},
		a + " (tag 104857)":                    {{Address: a, Note: "tag 104857"}},
		a + ", " + b + " (hot)":                {{Address: a}, {Address: b, Note: "hot", Locator: "line 2 address 2"}},
		"12QtD5BF…NTojH9h":                     {{Address: "12QtD5BF…NTojH9h"}},
		"https://etherscan.io/address/" + evm1: {{Address: evm1, Note: "https://etherscan.io/address/" + evm1}},
		a + "; -; " + "short":                  {{Address: a, EntityName: "-", Note: "also: short"}},
	} {
		rows, _ := mustRows(t, "text", "a.txt", a+"\n"+line+"\n"+b+"\n")
		for i := range want {
			want[i].Locator = stdcmp.Or(want[i].Locator, "line 2")
		}
		if diff := cmp.Diff(want, rows[1:len(rows)-1], cmp.Transformer("none", func(r []Row) []Row { return append([]Row{}, r...) })); diff != "" && len(want)+len(rows) > 2 {
			t.Errorf("%q:\n%s", line, diff)
		}
	}
}

// TestAddressesInCommentsAreNamed: a comment line is no row; that it holds an address is said.
func TestAddressesInCommentsAreNamed(t *testing.T) {
	_, info := mustRows(t, "text", "a.txt", oneAddress+"# "+btc1+" was delisted\n// old: "+evm1+"\n# Last Updated: 2025-11-20\n")
	if len(info.Warnings) != 1 || info.Warnings[0].Code != "commented_addresses" || !strings.Contains(info.Warnings[0].Detail, "2 comment lines") {
		t.Errorf("%+v", info.Warnings)
	}
}

func TestTheDateOfATextList(t *testing.T) {
	for comment, want := range map[string]string{"# Last Updated: 2025-11-20 04:16:47 UTC": "2025-11-20", "# last_updated:2025-11-20": "2025-11-20", "// Updated: 20.11.2025": "2025-11-20", "# Updated: soon": "", "# 2025-11-20": ""} {
		if _, info := mustRows(t, "text", "a.txt", comment+"\n"+oneAddress); info.Published != want {
			t.Errorf("%q: %q, want %q", comment, info.Published, want)
		}
	}
}
