package address

import (
	"encoding/base32"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The strkeys of SEP-23 ("Tests").
const (
	sep23Account  = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ"
	sep23Muxed0   = "MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUQ"
	sep23Muxed63  = "MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVAAAAAAAAAAAAAJLK"
	sep23Contract = "CA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUWDA"
)

func TestStellar(t *testing.T) {
	oneIdentity(t, "stellar", sep23Account, sep23Muxed0, sep23Muxed63, " "+sep23Account+"\n",
		"stellar:pubnet:"+sep23Account, "stellar:pubnet:"+sep23Muxed0, sep23Account+"-123456789",
		"web+stellar:pay?destination="+sep23Account+"&amount=120.1234567&memo=skdjfasf&msg=pay%20me",
		"web+stellar:pay?amount=1&destination="+sep23Muxed0, "stellar:"+sep23Account+"?amount=1")
	oneIdentity(t, "stellar", sep23Contract)
	related(t, None, "stellar", sep23Account, "stellar", sep23Contract)

	for text, want := range map[string][]Attribute{
		sep23Muxed0:                {{"muxed_id", "0"}},
		sep23Muxed63:               {{"muxed_id", "9223372036854775808"}},
		sep23Account + "-for Anna": nil, // white space inside
		sep23Account + "-2718":     {{"memo", "2718"}},
		"web+stellar:pay?destination=" + sep23Account + "&memo=27": {{"memo", "27"}},
	} {
		got, _ := Parse(nil, text, "stellar")
		if len(got) == 1 != (want != nil) || len(got) == 1 && !cmp.Equal(got[0].Attributes, want) {
			t.Errorf("%q: %+v, want %v", text, got, want)
		}
	}
}

func TestStellarRefused(t *testing.T) {
	refused(t, "stellar", map[Reason][]string{
		// The invalid cases of SEP-23, in its order.
		BadLength: {
			"GAAAAAAAACGC6",
			"GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZA",
			"GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUACUSI",
			"MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVAAAAAAAAAAAAAJLKA",
			"MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVAAAAAAAAAAAAAAV75I",
			sep23Account + "-" + strings.Repeat("x", 29),
		},
		BadChecksum: {
			"MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUR",
			"M47QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUQ",
			"MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUO",
			"BAAD6DBUX6J22DMZOHIEZTEQ64CVCHEDRKWZONFEUL5Q26QD7R76RGR4TV",
		},
		BadCharacter: {"MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUK==="},
		UnsupportedKind: {
			"G47QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVP2I",
			"PA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAQACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB6IBZGM",
			"LA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUPJN",
			"BAAD6DBUX6J22DMZOHIEZTEQ64CVCHEDRKWZONFEUL5Q26QD7R76RGR4TU",
			"BAAT6DBUX6J22DMZOHIEZTEQ64CVCHEDRKWZONFEUL5Q26QD7R76RGXACA",
			"web+stellar:tx?xdr=AAAAAP%2Byw%2BZEuNg533pUmwlYxfrq6%2FBoMJqiJ8vuQhf6rHWmAAAAZAB8NHAAAAABAAAAAAAAAAAAAAABAAAAAAAAAAYAAAABSFVHAAAAAABAH0wIyY3BJBS2qHdRPAV80M8hF7NBpxRjXyjuT9kEbH%2F%2F%2F%2F%2F%2F%2F%2F%2F%2FAAAAAAAAAAA%3D",
		},
		SecretMaterial: {"SBU2RRGLXH3E5CQHTD3ODLDF2BWDCYUSSBLLZ5GNW7JXHDIYKXZWHOKR", "SBU2RRGLXH3E5CQHTD3ODLDF2BWDCYUSSBLLZ5GNW7JXHDIYKXZWHOKA",
			"sbu2rrglxh3e5cqhtd3odldf2bwdcyussbllz5gnw7jxhdiykxzwhokr", "stellar:SBU2RRGLXH3E5CQHTD3ODLDF2BWDCYUSSBLLZ5GNW7JXHDIYKXZWHOKA"},
		NameNotAddress: {"jed*stellar.org"},
		WrongNetwork:   {"stellar:testnet:" + sep23Account, "algorand:wGHE2Pwdvd7S12BL5FaOP20EGYesN73k:" + sep23Account},
		TwoAddresses:   {"web+stellar:pay?destination=" + sep23Account + "&destination=" + sep23Account, sep23Account + "," + sep23Account},
		MixedCase:      {strings.ToLower(sep23Account), "g" + sep23Account[1:]},
	})
	wouldBe(t, "stellar", strings.ToLower(sep23Muxed0), sep23Account)
	wouldBe(t, "stellar", strings.ToLower(sep23Contract), sep23Contract)
}

func TestStellarTypos(t *testing.T) {
	for _, text := range []string{sep23Account, sep23Muxed63, sep23Contract} {
		noTypo(t, "stellar", text, lettersBase32+"018g")
	}
}

func TestStellarUnhinted(t *testing.T) {
	unhinted(t, sep23Account, "stellar")
	unhinted(t, sep23Muxed0, "stellar")
	unhinted(t, sep23Contract, "stellar")
	unhinted(t, "web+stellar:pay?destination="+sep23Account, "stellar")
}

// Any key is one identity in every spelling, as the base32 of the standard library writes it.
func TestStellarSpellings(t *testing.T) {
	strkey := func(version byte, payload []byte) string {
		raw := append([]byte{version}, payload...)
		raw = binary.LittleEndian.AppendUint16(raw, crc16(raw))
		return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw)
	}
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key")
		id := rapid.Uint64().Draw(t, "id")
		account := strkey(6<<3, key)
		muxed := strkey(12<<3, binary.BigEndian.AppendUint64(key[:32:32], id))
		oneIdentity(t, "stellar", account, muxed, "stellar:pubnet:"+muxed)
		oneIdentity(t, "stellar", strkey(2<<3, key))
	})
}

func BenchmarkParseStellar(b *testing.B) {
	benchParse(b, "stellar", map[string]string{"account": sep23Account, "muxed": sep23Muxed0})
}
