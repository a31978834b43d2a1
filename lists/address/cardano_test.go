package address

import (
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcutil/bech32"
	mrtron "github.com/mr-tron/base58"
	"pgregory.net/rapid"
)

// The addresses of CIP-19 ("Test vectors"), by header type.
var cip19 = map[string]string{
	"00": "addr1qx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgse35a3x",
	"01": "addr1z8phkx6acpnf78fuvxn0mkew3l0fd058hzquvz7w36x4gten0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgs9yc0hh",
	"02": "addr1yx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzerkr0vd4msrxnuwnccdxlhdjar77j6lg0wypcc9uar5d2shs2z78ve",
	"03": "addr1x8phkx6acpnf78fuvxn0mkew3l0fd058hzquvz7w36x4gt7r0vd4msrxnuwnccdxlhdjar77j6lg0wypcc9uar5d2shskhj42g",
	"04": "addr1gx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer5pnz75xxcrzqf96k",
	"05": "addr128phkx6acpnf78fuvxn0mkew3l0fd058hzquvz7w36x4gtupnz75xxcrtw79hu",
	"06": "addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8",
	"07": "addr1w8phkx6acpnf78fuvxn0mkew3l0fd058hzquvz7w36x4gtcyjy7wx",
	"14": "stake1uyehkck0lajq8gr28t9uxnuvgcqrc6070x3k9r8048z8y5gh6ffgw",
	"15": "stake178phkx6acpnf78fuvxn0mkew3l0fd058hzquvz7w36x4gtcccycj5",
}

// Byron addresses: of an Icarus wallet (Yoroi) and of Daedalus with its encrypted derivation path.
const (
	byronIcarus   = "Ae2tdPwUPEZFRbyhz3cpfC2CumGzNkFBN2L42rcUc2yjQpEkxDbkPodpMAi"
	byronDaedalus = "DdzFFzCqrhssmYoG5Eca1bKZFdGS8d6iag1mU4wbLeYcSPVvBNF2wRG8yhjzQqErbg63N6KJA4DHqha113tjKDpGEwS5x1dT2KfLSbSJ"
)

func TestCardanoShelley(t *testing.T) {
	for kind, text := range cip19 {
		_, data, err := bech32.DecodeNoLimit(text)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := bech32.ConvertBits(data, 5, 8, false)
		if err != nil {
			t.Fatal(err)
		}
		digits := hex.EncodeToString(raw)
		oneIdentity(t, "cardano", text, strings.ToUpper(text), digits, strings.ToUpper(digits), "web+cardano:"+text+"?amount=1.5", "cip34:1-764824073:"+text)
		noTypo(t, "cardano", text, lettersBech32)
		wouldBe(t, "cardano", strings.ToUpper(text[:20])+text[20:], text)
		unhinted(t, text, "cardano")
		if kind != "04" && kind != "05" {
			unhinted(t, digits, "cardano")
		}
		refused(t, "cardano", map[Reason][]string{
			BadLength: {bech32Long(t, text[:strings.IndexByte(text, '1')], raw[:len(raw)-1]), bech32Long(t, text[:strings.IndexByte(text, '1')], append(raw[:len(raw):len(raw)], 1))},
			Testnet:   {bech32Long(t, text[:strings.IndexByte(text, '1')], append([]byte{raw[0] &^ 15}, raw[1:]...))},
		})
	}
	related(t, SameKey, "cardano", cip19["00"], "cardano", cip19["06"])
	related(t, SameKey, "cardano", cip19["00"], "cardano", cip19["02"]) // stake part of another kind
	related(t, SameKey, "cardano", cip19["04"], "cardano", cip19["06"])
	related(t, SameScript, "cardano", cip19["01"], "cardano", cip19["07"])
	related(t, SameScript, "cardano", cip19["05"], "cardano", cip19["07"])
	related(t, SameStake, "cardano", cip19["00"], "cardano", cip19["01"])
	related(t, SameStake, "cardano", cip19["00"], "cardano", cip19["14"])
	related(t, SameStake, "cardano", cip19["03"], "cardano", cip19["15"])
	related(t, None, "cardano", cip19["06"], "cardano", cip19["07"])
	related(t, None, "cardano", cip19["07"], "cardano", cip19["15"]) // one script hash, but not the same part
	related(t, None, "cardano", cip19["02"], "cardano", cip19["14"])
	related(t, Exact, "cardano", cip19["00"], "cardano", cip19["00"])
}

// bech32Long writes bytes with the library of btcsuite, without the limit of 90 characters.
func bech32Long(t tester, prefix string, raw []byte) string {
	data, err := bech32.ConvertBits(raw, 8, 5, true)
	if err != nil {
		t.Fatalf("%v", err)
	}
	text, err := bech32.Encode(prefix, data)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return text
}

func TestCardanoByron(t *testing.T) {
	for _, text := range []string{byronIcarus, byronDaedalus} {
		raw, err := mrtron.Decode(text)
		if err != nil {
			t.Fatal(err)
		}
		oneIdentity(t, "cardano", text, hex.EncodeToString(raw), "cip34:1-764824073:"+text)
		noTypo(t, "cardano", text, lettersBase58)
		unhinted(t, text, "cardano")
		unhinted(t, hex.EncodeToString(raw), "cardano")
	}
	related(t, None, "cardano", byronIcarus, "cardano", byronDaedalus)
}

// byron writes the outside of a Byron address around bytes, whatever these are.
func byron(body string) string {
	raw := append([]byte{0x82, 0xd8, 0x18, 0x58, byte(len(body))}, body...)
	return mrtron.Encode(binary.BigEndian.AppendUint32(append(raw, 0x1a), crc32.ChecksumIEEE([]byte(body))))
}

func TestCardanoRefused(t *testing.T) {
	root := "\x58\x1c" + strings.Repeat("r", 28)
	good := "\x83" + root + "\xa0\x00"
	for crc32.ChecksumIEEE([]byte(good)) < 1<<24 { // byron writes a CRC of four bytes only
		t.Fatal("choose another root")
	}
	oneIdentity(t, "cardano", byron(good))
	oneIdentity(t, "cardano", byron("\x83"+root+"\xa0\x02"))
	refused(t, "cardano", map[Reason][]string{
		Testnet: {
			"addr_test1vz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzerspjrlsz",
			"stake_test1uqehkck0lajq8gr28t9uxnuvgcqrc6070x3k9r8048z8y5gssrtvn",
			"60" + strings.Repeat("ab", 28),
			// CIP-19's Byron example is of a test network.
			"37btjrVyb4KDXBNC4haBVPCrro8AQPHwvCMp3RFhhSVWwfFmZ6wwzSK6JK1hY6wHNmtrpTf1kdbva8TCneM2YsiXT7mrzT21EacHnPpz5YyUdj64na",
			byron("\x83" + root + "\xa1\x02\x45\x1a\x41\x70\xcb\x17\x00"),
		},
		UnsupportedKind: {
			"addr_vk1w0l2sr2zgfm26ztc6nl9xy8ghsk5sh6ldwemlpmp9xylzy4dtf7st80zhd",
			"stake_vk1px4j0r2fk7ux5p23shz8f3y5y2qam7s954rgf3lg5merqcj6aetsft99wu",
			"script1cda3khwqv60360rp5m7akt50m6ttapacs8rqhn5w342z7r35m37",
			bech32Long(t, "pool", make([]byte, 28)), bech32Long(t, "drep", make([]byte, 29)), bech32Long(t, "asset", make([]byte, 20)),
			bech32Long(t, "addr", append([]byte{0xe1}, make([]byte, 28)...)), bech32Long(t, "stake", append([]byte{0x61}, make([]byte, 28)...)),
			bech32Long(t, "addr", append([]byte{0x91}, make([]byte, 28)...)), bech32Long(t, "addr", append([]byte{0x81}, make([]byte, 28)...)),
			bech32Long(t, "addr", append([]byte{0x62}, make([]byte, 28)...)),
			// CBOR that lies about itself: an array of 2^63 items, endless lengths, more than is there, long forms of short numbers.
			mrtron.Encode([]byte("\x82\xd8\x18\x5b\x7f\xff\xff\xff\xff\xff\xff\xff\x00")),
			mrtron.Encode([]byte("\x9b\x7f\xff\xff\xff\xff\xff\xff\xff")),
			mrtron.Encode([]byte("\x9f\xd8\x18\x40\x00\xff")),
			mrtron.Encode([]byte("\x82\xd8\x18\x5f\x41\x00\xff\x00")),
			mrtron.Encode([]byte("\x82")), mrtron.Encode([]byte("\x82\xd8")), mrtron.Encode([]byte("\x82\xd8\x18\x58")),
			byron("\x83" + root + "\xbf\xff\x00"), byron("\x83" + root + "\xa0\x18\x00"), byron("\x83" + root + "\xa0\x03"),
			byron("\x83" + root + "\xa0\x00\x00"), byron("\x83\x58\x1b" + strings.Repeat("r", 27) + "\xa0\x00"), byron("\x84" + root + "\xa0\x00\x00"),
			byron("\x83" + root + "\xbb\x7f\xff\xff\xff\xff\xff\xff\xff\x00"), byron("\x83" + root + "\xa1\x01\x5b\x7f\xff\xff\xff\xff\xff\xff\xff\x00"),
			byron("\x83" + root + "\xa2\x01\x41\x00\x01\x41\x00\x00"), byron("\x83" + root + "\xa1\x03\x41\x00\x00"),
		},
		BadChecksum: {
			cip19["00"][:100], bech32M1(t, cip19["06"]),
			mrtron.Encode(append([]byte("\x82\xd8\x18\x58\x21"+good), 0x1a, 1, 2, 3, 4)),
		},
		BadLength: {
			bech32Long(t, "addr", append([]byte{0x41}, make([]byte, 28)...)),                        // a pointer of nothing
			bech32Long(t, "addr", append(append([]byte{0x41}, make([]byte, 28)...), 1, 2, 0x80)),    // a number without end
			bech32Long(t, "addr", append(append([]byte{0x41}, make([]byte, 28)...), 1, 2, 3, 4)),    // four numbers
			bech32Long(t, "addr", append(append([]byte{0x41}, make([]byte, 28)...), 0x80, 1, 2, 3)), // a leading zero group
			"61" + strings.Repeat("ab", 29),
		},
		SecretMaterial: {"addr_sk1zvazs34hk7g9z0yqz8jxz0pfypmrvvmwp9qqysx8yzgwkhz9tq6qz9u5l3", "addr_xsk1ncgt8aru2r2rj35a3rjnnyjxf9pstrrmym8xsgfzxvljvactgv7nep0ufxx7fecj5qu6fp37x3m3u3cthz77t8wjhmqh3pa2873defs5009v23mwsqzectdujspw95kp9a8erpxunqvfcfwqnc47huk2n53dvhqc"},
		NameNotAddress: {"$handle", "alice.ada"},
		WrongNetwork:   {"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"},
	})
}

// bech32M1 writes an address with the checksum of bech32m.
func bech32M1(t *testing.T, text string) string {
	prefix, data, err := bech32.DecodeNoLimit(text)
	if err != nil {
		t.Fatal(err)
	}
	m, err := bech32.EncodeM(prefix, data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestCardanoSpellings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]byte{0, 1, 2, 3, 4, 5, 6, 7, 14, 15}).Draw(t, "kind")
		raw := append([]byte{kind<<4 | 1}, rapid.SliceOfN(rapid.Byte(), 28, 28).Draw(t, "payment")...)
		prefix := "addr"
		switch {
		case kind < 4:
			raw = append(raw, rapid.SliceOfN(rapid.Byte(), 28, 28).Draw(t, "stake")...)
		case kind < 6:
			// Shelley began with slot 4,492,800; a smaller one would make 64 hex digits, which are taken for a secret.
			for _, least := range []uint64{4492800, 0, 0} {
				n := rapid.Uint64Min(least).Draw(t, "number")
				group := []byte{byte(n & 127)}
				for n >>= 7; n > 0; n >>= 7 {
					group = append([]byte{byte(n&127) | 128}, group...)
				}
				raw = append(raw, group...)
			}
		case kind >= 14:
			prefix = "stake"
		}
		text := bech32Long(t, prefix, raw)
		oneIdentity(t, "cardano", text, strings.ToUpper(text), hex.EncodeToString(raw))
		if kind < 4 {
			payment := bech32Long(t, "addr", append([]byte{(6|kind&1)<<4 | 1}, raw[1:29]...))
			stake := bech32Long(t, "stake", append([]byte{(14|kind>>1)<<4 | 1}, raw[29:]...))
			want := SameKey
			if kind&1 == 1 {
				want = SameScript
			}
			related(t, want, "cardano", text, "cardano", payment)
			related(t, SameStake, "cardano", text, "cardano", stake)
		}
	})
}

func TestCardanoByronSpellings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := "\x83\x58\x1c" + string(rapid.SliceOfN(rapid.Byte(), 28, 28).Draw(t, "root"))
		// Wallets have none, or one of 28 bytes. (A text of 86 to 88 characters is taken for a secret key.)
		if path := rapid.SliceOfN(rapid.Byte(), 26, 80).Draw(t, "path"); rapid.Bool().Draw(t, "has a path") {
			body += "\xa1\x01" + string(appendCBOR(nil, cborBytes, uint64(len(path)))) + string(path)
		} else {
			body += "\xa0"
		}
		body += string(rapid.SampledFrom([]byte{0, 1, 2}).Draw(t, "type"))
		if crc32.ChecksumIEEE([]byte(body)) < 1<<16 {
			t.Skip("byron writes a CRC of four bytes only")
		}
		raw := appendByron(nil, body)
		text := mrtron.Encode(raw)
		a := read1(t, "cardano", text)
		if b := read1(t, "cardano", hex.EncodeToString(raw)); b.Key != a.Key || b.Variant != a.Variant || a.Canonical != text {
			t.Errorf("%q is not one identity", text)
		}
		_, rendered, ok := Render(a.Key, a.Variant)
		if len(body) < MaxKey && (!ok || rendered != text) || len(body) >= MaxKey && ok {
			t.Errorf("%q renders as %q, %v", text, rendered, ok)
		}
	})
}

// Whatever bytes stand where CBOR should: an answer, and no panic.
func TestCardanoAnyCBOR(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := append([]byte{0x82, 0xd8, 0x18}, rapid.SliceOfN(rapid.Byte(), 0, 130).Draw(t, "raw")...)
		for _, text := range []string{mrtron.Encode(raw), hex.EncodeToString(raw)} {
			if got, err := Parse(nil, text, "cardano"); (err == nil) != (len(got) == 1) {
				t.Errorf("%q: %v, %v", text, got, err)
			}
		}
	})
}

func BenchmarkParseCardano(b *testing.B) {
	benchParse(b, "cardano", map[string]string{"base": cip19["00"], "enterprise": cip19["06"], "stake": cip19["14"],
		"Byron Icarus": byronIcarus, "Byron Daedalus": byronDaedalus, "hex": "61" + strings.Repeat("ab", 28)})
}
