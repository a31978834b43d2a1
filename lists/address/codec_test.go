package address

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcutil/bech32"
	mrtron "github.com/mr-tron/base58"
	"golang.org/x/crypto/blake2b"
	"pgregory.net/rapid"
)

// Our codecs against independent ones.

func TestBase58AgreesWithMrTron(t *testing.T) {
	ripple := mrtron.NewAlphabet(base58Ripple.digits)
	rapid.Check(t, func(t *rapid.T) {
		src := append(make([]byte, rapid.IntRange(0, 5).Draw(t, "zeros")), rapid.SliceOfN(rapid.Byte(), 0, 120).Draw(t, "bytes")...)
		for _, c := range []struct {
			ours   *base58
			theirs *mrtron.Alphabet
		}{{base58Bitcoin, mrtron.BTCAlphabet}, {base58Ripple, ripple}} {
			text := string(c.ours.encode(nil, src))
			if want := mrtron.EncodeAlphabet(src, c.theirs); text != want {
				t.Fatalf("%x is written %q, want %q", src, text, want)
			}
			if back, fail := c.ours.decode(nil, text); fail != nil || !bytes.Equal(back, src) {
				t.Fatalf("%q reads as %x (%v), want %x", text, back, fail, src)
			}
		}
	})
}

func TestBase58IsBounded(t *testing.T) {
	if _, fail := base58Bitcoin.decode(nil, strings.Repeat("z", maxBase58)); fail != nil {
		t.Error("the longest text is refused:", fail)
	}
	if _, fail := base58Bitcoin.decode(nil, strings.Repeat("z", maxBase58+1)); fail == nil || fail.Reason != BadLength {
		t.Error("a longer text is decoded:", fail)
	}
}

func TestBech32AgreesWithBtcutil(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hrp := rapid.StringMatching(`[a-z0-9_]{1,12}`).Draw(t, "hrp")
		data := rapid.SliceOfN(rapid.ByteRange(0, 31), 0, 300).Draw(t, "data")
		plain, err := bech32.Encode(hrp, data)
		if err != nil {
			t.Fatal(err)
		}
		m, err := bech32.EncodeM(hrp, data)
		if err != nil {
			t.Fatal(err)
		}
		for code, want := range map[bech32Code]string{bech32Plain: plain, bech32M: m} {
			if text := string(bech32Encode(nil, hrp, data, code)); text != want {
				t.Fatalf("it is written %q, want %q", text, want)
			}
			for _, text := range []string{want, strings.ToUpper(want)} {
				n, back, found, fail := bech32Decode(nil, text)
				if fail != nil || n != len(hrp) || !bytes.Equal(back, data) || found != code {
					t.Fatalf("%q reads as %d %x %x: %v", text, n, back, found, fail)
				}
			}
		}
	})
}

func TestBech32MalleabilityIsLeftToLengths(t *testing.T) {
	// BIP-173's checksum holds when q are put in before a final p: only the length tells. BIP-350 mended it.
	const text = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
	read1(t, "bitcoin", text)
	for _, network := range []string{"bitcoin", "litecoin"} {
		if _, err := Parse(nil, text[:len(text)-1]+"q"+text[len(text)-1:], network); err == nil {
			t.Error("a character more is taken under", network)
		}
	}
}

func TestBitsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.SliceOfN(rapid.Byte(), 0, 90).Draw(t, "payload")
		values := bits8to5(nil, payload)
		back, ok := bits5to8(nil, values)
		if !ok || !bytes.Equal(back, payload) {
			t.Fatalf("%x → %x → %x", payload, values, back)
		}
		if spare := len(values)*5 - len(payload)*8; spare > 0 {
			values[len(values)-1] |= 1
			if _, ok := bits5to8(nil, values); ok {
				t.Fatal("padding that is not zero is taken")
			}
		}
		if len(payload)%5 == 0 {
			if _, ok := bits5to8(nil, append(values, 0)); ok {
				t.Fatal("five bits of padding are taken")
			}
		}
	})
}

func TestBlake2bAgreesWithXCrypto(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(t, "data")
		size := rapid.IntRange(1, 64).Draw(t, "size")
		h, err := blake2b.New(size, nil)
		if err != nil {
			t.Fatal(err)
		}
		h.Write(data)
		sum := blake2bPerson(size, [16]byte{}, data)
		if want := h.Sum(nil); !bytes.Equal(sum[:size], want) {
			t.Fatalf("BLAKE2b-%d of %x is %x, want %x", size*8, data, sum[:size], want)
		}
	})
}

// The personalisation itself is proved by the published unified addresses in zcash_test.go.
func TestF4JumbleUndoesItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		message := rapid.SliceOfN(rapid.Byte(), 48, maxJumble).Draw(t, "message")
		work := bytes.Clone(message)
		f4jumble(work)
		if bytes.Equal(work, message) {
			t.Fatal("nothing was mixed")
		}
		f4jumbleInverse(work)
		if !bytes.Equal(work, message) {
			t.Fatalf("%x came back as %x", message, work)
		}
	})
}

// cashaddrSpec holds test vectors of the CashAddr specification: payload, type, text.
var cashaddrSpec = []struct {
	kind    byte
	payload string
	prefix  string
	text    string
}{
	{0, "F5BF48B397DAE70BE82B3CCA4793F8EB2B6CDAC9", "bitcoincash", "bitcoincash:qr6m7j9njldwwzlg9v7v53unlr4jkmx6eylep8ekg2"},
	{1, "F5BF48B397DAE70BE82B3CCA4793F8EB2B6CDAC9", "bchtest", "bchtest:pr6m7j9njldwwzlg9v7v53unlr4jkmx6eyvwc0uz5t"},
	{1, "F5BF48B397DAE70BE82B3CCA4793F8EB2B6CDAC9", "pref", "pref:pr6m7j9njldwwzlg9v7v53unlr4jkmx6ey65nvtks5"},
	{15, "F5BF48B397DAE70BE82B3CCA4793F8EB2B6CDAC9", "prefix", "prefix:0r6m7j9njldwwzlg9v7v53unlr4jkmx6ey3qnjwsrf"},
	{0, "7ADBF6C17084BC86C1706827B41A56F5CA32865925E946EA", "bitcoincash", "bitcoincash:q9adhakpwzztepkpwp5z0dq62m6u5v5xtyj7j3h2ws4mr9g0"},
}

func TestCashaddrSpecification(t *testing.T) {
	for _, v := range cashaddrSpec {
		payload, err := hex.DecodeString(v.payload)
		if err != nil {
			t.Fatal(err)
		}
		size := byte(0)
		for cashSizes[size] != len(payload) {
			size++
		}
		values := bits8to5(nil, append([]byte{v.kind<<3 | size}, payload...))
		if got := string(cashEncode(nil, v.prefix, values)); got != v.text {
			t.Errorf("%s is written %q, want %q", v.payload, got, v.text)
		}
		back, fail := cashDecode(nil, v.prefix, v.text[len(v.prefix)+1:])
		if fail != nil || !bytes.Equal(back, values) {
			t.Errorf("%q: %x %v", v.text, back, fail)
		}
		if _, fail := cashDecode(nil, "other", v.text[len(v.prefix)+1:]); fail == nil || fail.Reason != BadChecksum {
			t.Errorf("%q is taken under another prefix", v.text)
		}
	}
}

func TestHashes(t *testing.T) {
	if got := keccak256(nil); hex.EncodeToString(got[:]) != "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470" {
		t.Errorf("Keccak-256 of nothing is %x", got)
	}
	long := keccak256(bytes.Repeat([]byte("a"), 300))
	if again := keccak256(bytes.Repeat([]byte("a"), 300)); long != again {
		t.Error("a pooled state is not reset")
	}
	// The public key of BIP-173's examples is the generator point.
	if got := hash160([]byte(generatorPoint)); string(got[:]) != bip173Program {
		t.Errorf("HASH160 of the generator point is %x", got)
	}
}
