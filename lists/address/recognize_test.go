package address

import (
	"strings"
	"testing"
)

func TestRecognize(t *testing.T) {
	tron := "TUCsTq7TofTCJRRoHk6RvhMoS2mJLm5Yzq"
	hash := "5be5543ff73456ab9f2d207887e2af87322c651ea1a873c5b25b7ffae456c320"
	for want, texts := range map[Recognition][]string{
		Proving: {
			evmLower, evmChecked, "0x098b716B8Aaf21512996dC57EB0615e2383E2f96", evmChecked[2:], segwit, strings.ToUpper(segwit), tron, " " + tron + "\r\n",
			"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "bitcoin:" + segwit, "bitcoin:1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2?amount=1", "eip155:1:" + evmLower,
			"TUCsTq7Tof\u0422CJRRoHk6RvhMoS2mJLm5Yzq", "\ufeff" + evmLower, "0x" + evmPadding + evmLower[2:], "0.0.123-vfmkw", "rGWrZyQqhTp9Xu7G5Pkayo7bXjH4k4QYpf",
			"EQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPrHF", "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ", "aaaaa-aa",
			"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A",
		},
		Weak: {
			"EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "0x" + hash, "0.0.12345", "0:ca6e321c7cce9ecedf0a8ca2492ec8592494aa5fb5ce0387dff96ef6af982a3e", "f01234",
		},
		LikeAddress: {
			"x12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h", "xx12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h", "nTUCsTq7TofTCJRRoHk6RvhMoS2mJLm5Yzq", "a0x098B716B8Aaf21512996dC57EB0615e2383E2f96", // a letter stuck to it
			tron[:33], tron + "z", tron[:33] + "r", tron[:10] + "0" + tron[11:], strings.ToLower("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"), "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3",
			segwit[:41], segwit + "q", segwit[:41] + "5", segwit[:10] + "b" + segwit[11:], evmLower[:41], evmLower + "0", evmLower[:41] + "O", evmLower[2:], evmLower[:6] + "..." + evmLower[38:],
			segwit[:6] + "\u2026" + segwit[38:], "bitcoin:" + segwit[:41], "cosmos1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnrujsuv", "addr1qxck39ywz2wrpq6pyfjgfzhs9zyyd5h8dzy8p8yz3kr0cs",
			"GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGA", "EQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPrHG", "0.0.123-vfmkx",
			"rGWrZyQqhTp9Xu7G5Pkayo7bXjH4k4QYpg", "nano_1111111111111111111111111111111111111111111111111111hifc8npq", "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6b",
			versioned("\x0b", bip173Program), // a network that is not screened
			"EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v\u200b", evmLower + ", " + segwit, segwit + " (main)",
			"44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3B",
		},
		NotAddress: {
			"", " ", "x", "-", "0x", "n/a", "unknown", "main wallet", "alice", "alice.near", "relay.aurora", "bitcoin", "Bitcoin Cash", "104857", "8852", "365778523", "2023-11-05", "05.11.2023", "11/05/2023 10:15",
			"1,000.50", "12 Main Street, Springfield, IL 62704", "Straße des 17. Juni 135", "João da Silva", "Пушкина 12", "me@example.com", "vitalik.eth",
			"https://etherscan.io/address/" + evmLower, "https://example.org/details/12345678901234567890", "http://example.org", hash, strings.ToUpper(hash), "d41d8cd98f00b204e9800998ecf8427e",
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "550e8400-e29b-41d4-a716-446655440000", "ofac-sdn-27307", "DistinctParty 27307 Feature 36618", "NK-2vV5aJ6Ei7pm9PQyTmC3pq",
			"UnitedNationsSecurityCouncilSanctions", "3rdAvenueNewYorkCityBuildingThree", "TotalnetworktransfersoftheDepartment", "L1aW4aubDFB7yfras2S1mN3bqg9nwySY8nkoLmJebSLD5BWv3ENZ",
			"0x" + hash + hash, "ransomware-group-of-2019", "DPRK3", "SDGT", "1", "1.5", "+1 202 555 0100", "+12025550100", "DE89370400440532013000",
		},
	} {
		for _, text := range texts {
			if got := Recognize(text); got != want {
				t.Errorf("%q is recognized as %d, want %d", text, got, want)
			}
		}
	}
}

// TestRecognizeAgreesWithTheVectors: what reads alone is recognized, and no damaged address is taken for a plain word.
func TestRecognizeAgreesWithTheVectors(t *testing.T) {
	for _, v := range matrixTexts(t) {
		got, err := Parse(nil, v.text, "")
		if err != nil || got[0].Variant == VariantNearName || got[0].Variant == VariantEOS {
			continue
		}
		want := Weak
		body, _ := inner(v.text)
		for i := range got {
			if got[i].stands(body) {
				want = Proving
			}
		}
		if is := Recognize(v.text); is != want {
			t.Errorf("%s %q is recognized as %d, want %d", v.network, v.text, is, want)
		}
	}
	missed := 0
	for _, v := range ownVectors() {
		if v.Kind == "invalid" && v.Reason == BadChecksum && !isHex(v.Texts[0]) && Recognize(v.Texts[0]) == NotAddress {
			t.Logf("%v %q", v.Networks, v.Texts[0])
			missed++
		}
	}
	if missed > 0 {
		t.Errorf("%d addresses with a wrong checksum are not recognized", missed)
	}
}

func BenchmarkRecognize(b *testing.B) {
	for name, text := range map[string]string{
		"evm": evmLower, "bech32": segwit, "base58": "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "tron": "TUCsTq7TofTCJRRoHk6RvhMoS2mJLm5Yzq", "name": "Lazarus Group",
		"date": "2023-11-05", "street": "12 Main Street, Springfield, IL 62704", "url": "https://sanctionssearch.ofac.treas.gov/Details.aspx?id=27307",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Recognize(text)
			}
		})
	}
}
