package address

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The example of docs.ton.org ("Smart contract addresses").
const (
	tonRaw           = "0:ca6e321c7cce9ecedf0a8ca2492ec8592494aa5fb5ce0387dff96ef6af982a3e"
	tonFriendly      = "EQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPrHF"
	tonNotBounceable = "UQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPuwA"
	tonTest          = "kQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPgpP"
	tonTestNot       = "0QDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPleK"
)

// friendly writes a user-friendly address by TEP-2.
func friendly(tag, workchain byte, hash []byte, encoding *base64.Encoding) string {
	raw := append([]byte{tag, workchain}, hash...)
	return encoding.EncodeToString(binary.BigEndian.AppendUint16(raw, crc16(raw)))
}

func TestTON(t *testing.T) {
	standard := strings.NewReplacer("-", "+", "_", "/").Replace
	oneIdentity(t, "ton", tonRaw, tonFriendly, tonNotBounceable, tonTest, tonTestNot,
		standard(tonFriendly), standard(tonNotBounceable), standard(tonTest), standard(tonTestNot),
		"0:"+strings.ToUpper(tonRaw[2:]), "tvm:-239:"+tonFriendly, "tvm:-239:"+tonRaw,
		"ton://transfer/"+tonFriendly+"?amount=1000", "ton://transfer/"+url.PathEscape(standard(tonFriendly)), "ton://transfer/"+tonRaw, "ton:"+tonRaw, "ton:"+tonFriendly)
	for text, want := range map[string]struct {
		attributes []Attribute
		notices    []string
	}{
		tonRaw:           {},
		tonFriendly:      {attributes: []Attribute{{"bounceable", "true"}}},
		tonNotBounceable: {attributes: []Attribute{{"bounceable", "false"}}},
		tonTest:          {[]Attribute{{"bounceable", "true"}}, []string{"testnet_flag"}},
	} {
		a := read1(t, "ton", text)
		if !cmp.Equal(a.Attributes, want.attributes) || !cmp.Equal(a.Notices, want.notices) {
			t.Errorf("%s: %v %v, want %v", text, a.Attributes, a.Notices, want)
		}
	}
	noTypo(t, "ton", tonFriendly, lettersBase64)
	unhinted(t, tonRaw, "ton", "everscale")
	unhinted(t, tonFriendly, "ton")
	related(t, None, "ton", tonRaw, "ton", "-1:"+tonRaw[2:])
	oneIdentity(t, "ton", "-1:3333333333333333333333333333333333333333333333333333333333333333", "Ef8zMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzM0vF") // the elector contract
}

func TestTONRefused(t *testing.T) {
	hash, _ := hex.DecodeString(tonRaw[2:])
	safe := base64.RawURLEncoding
	refused(t, "ton", map[Reason][]string{
		UnsupportedKind: {friendly(0x31, 0, hash, safe), friendly(0x10, 0, hash, safe), friendly(0xff, 0, hash, safe), friendly(0x11, 1, hash, safe), friendly(0x11, 0xfe, hash, safe),
			"1:" + tonRaw[2:], "-2:" + tonRaw[2:], "00:" + tonRaw[2:], "+0:" + tonRaw[2:]},
		BadLength:    {tonFriendly + "=", tonFriendly[:47], tonRaw + "0", tonRaw[:60], "0:", "-1:" + tonRaw[3:]},
		BadChecksum:  {strings.ToUpper(tonFriendly), tonFriendly[:47] + "E"},
		BadCharacter: {tonFriendly[:20] + "!" + tonFriendly[21:], "0:" + tonRaw[3:] + "g", mixBase64(t)},
		// What base64.Decode skips.
		WhitespaceInside: {tonFriendly[:12] + "\n" + tonFriendly[12:], tonFriendly[:12] + "\r\n" + tonFriendly[12:]},
		SecretMaterial:   {tonRaw[2:]},
		NameNotAddress:   {"foundation.ton"},
	})
}

// mixBase64 gives an address that has both a letter of standard base64 and one of the other.
func mixBase64(t *testing.T) string {
	for i := range 1 << 16 {
		hash := make([]byte, 32)
		binary.BigEndian.PutUint16(hash, uint16(i))
		hash[10] = byte(i)
		text := friendly(0x11, 0, hash, base64.RawURLEncoding)
		if at := strings.IndexAny(text, "-_"); at >= 0 && strings.ContainsAny(text[at+1:], "-_") {
			return text[:at] + strings.NewReplacer("-", "+", "_", "/").Replace(text[at:at+1]) + text[at+1:]
		}
	}
	t.Fatal("no such address")
	return ""
}

func TestTONSpellings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hash := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash")
		workchain := rapid.SampledFrom([]byte{0, 0xff}).Draw(t, "workchain")
		raw := "0:" + hex.EncodeToString(hash)
		if workchain != 0 {
			raw = "-1:" + raw[2:]
		}
		var spellings []string
		for _, tag := range []byte{0x11, 0x51, 0x91, 0xd1} {
			spellings = append(spellings, friendly(tag, workchain, hash, base64.RawURLEncoding), friendly(tag, workchain, hash, base64.RawStdEncoding))
		}
		oneIdentity(t, "ton", raw, append(spellings, strings.ToUpper(raw))...)
	})
}

func BenchmarkParseTON(b *testing.B) {
	benchParse(b, "ton", map[string]string{"friendly": tonFriendly, "raw": tonRaw})
}
