package address

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The donation address of the Monero project, and one of its subaddresses.
const (
	moneroDonation = "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A"
	moneroSub      = "888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoogDavup3H"
)

// moneroWrite writes any network byte and payload with its checksum.
func moneroWrite(body string) string {
	sum := keccak256([]byte(body))
	return string(moneroEncode(nil, append([]byte(body), sum[:4]...)))
}

func TestMonero(t *testing.T) {
	keys := read1(t, "monero", moneroDonation).Key.Payload()
	oneIdentity(t, "monero", moneroDonation, " "+moneroDonation, "monero:"+moneroDonation+"?tx_amount=1.5&tx_description=x",
		moneroWrite("\x13"+keys+"\x00\x00\x00\x00\x00\x00\x00\x00"), moneroWrite("\x13"+keys+"\x01\x02\x03\x04\x05\x06\x07\x08"))
	oneIdentity(t, "monero", moneroSub, "monero:"+moneroSub)
	related(t, None, "monero", moneroDonation, "monero", moneroWrite("\x2a"+keys))
	related(t, None, "monero", moneroDonation, "monero", moneroSub)
	a := read1(t, "monero", moneroWrite("\x13"+keys+"\x01\x02\x03\x04\x05\x06\x07\x08"))
	if len(a.Attributes) != 1 || a.Attributes[0] != (Attribute{"payment_id", "0102030405060708"}) {
		t.Error("the payment id is", a.Attributes)
	}
	unhinted(t, moneroDonation, "monero")
	unhinted(t, moneroSub, "monero")
	noTypo(t, "monero", moneroDonation, lettersBase58)
}

func TestMoneroRefused(t *testing.T) {
	keys := read1(t, "monero", moneroDonation).Key.Payload()
	refused(t, "monero", map[Reason][]string{
		Testnet: {moneroWrite("\x35" + keys), moneroWrite("\x3f" + keys), moneroWrite("\x18" + keys), moneroWrite("\x24" + keys), moneroWrite("\x36" + keys + "12345678")},
		BadLength: {
			moneroWrite("\x13" + keys), moneroWrite("\x12" + keys + "12345678"), moneroDonation[:94], moneroDonation + "1",
		},
		WrongNetwork:    {moneroWrite("\x11" + keys)},
		UnsupportedKind: {strings.Repeat("5e1a76bc", 8), "4d036dc6c4769282"},
		BadChecksum:     {strings.Repeat("z", 95), "4" + strings.Repeat("1", 94)},
		SecretMaterial:  {"sequence atlas unveil summon pebbles tuesday beer rudely snake rockets different fuselage woven tagged bested dented vegan hover rapid fawns obvious muppet randomly seasons randomly"},
		TwoAddresses:    {"monero:" + moneroDonation + ";" + moneroSub},
	})
}

func TestMoneroBlocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, "bytes")
		text := string(moneroEncode(nil, src))
		back, fail := moneroDecode(nil, text)
		if fail != nil || string(back) != string(src) {
			t.Fatalf("%x → %q → %x %v", src, text, back, fail)
		}
	})
}
