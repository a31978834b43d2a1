package address

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func init() {
	for _, c := range utxoTable {
		ownNetworks[c.network] = func(m *maker) { m.utxoRow(c) }
	}
}

// utxoRow makes a few lines of a chain of the table: the decoder is the one of Bitcoin, which has all the others.
func (m *maker) utxoRow(c *utxoChain) {
	key, script := m.bytes(20), m.bytes(20)
	p2pkh, p2sh := c.versioned(c.keyHash, string(key)), c.versioned(c.script, string(script))
	m.valid(p2pkh, p2pkh, c.network+":p2pkh:"+hex.EncodeToString(key), "P2PKH")
	m.valid(p2sh, p2sh, c.network+":p2sh:"+hex.EncodeToString(script), "P2SH")
	m.same(p2pkh, byName[c.network].Schemes[0]+":"+p2pkh+"?amount=0.5", "payment URI")
	m.different(m.network, p2pkh, m.network, c.versioned(c.script, string(key)), "key hash and script hash of the same 20 bytes")
	m.related(SameKey, "bitcoin", bitcoin.witnessText(0, string(key)), m.network, p2pkh, "one public key hash on two chains")
	f := ownForm{letters: lettersBase58, skip: 1}
	bad, reason := mutations[0].make(m, &f, p2pkh)
	m.invalid(bad, reason, "P2PKH: "+mutations[0].why)
	m.invalid(versioned("\x41", string(key)), WrongNetwork, "a version of another network (Tron)")
	if c.oldScript != "" {
		m.same(p2sh, c.versioned(c.oldScript, string(script)), "the older version of P2SH")
	}
	if c.hrp != "" {
		text := c.witnessText(0, string(key))
		m.valid(text, text, c.network+":p2wpkh:"+hex.EncodeToString(key), "P2WPKH")
		m.same(text, strings.ToUpper(text), "P2WPKH: capitals")
	}
}

// TestUTXOTable: every form of every row keeps its identity on the way through the store, shares its key with Bitcoin, and one
// changed character is refused under the network.
func TestUTXOTable(t *testing.T) {
	for i, c := range utxoTable {
		if c.p2pkh != utxoVariants+8*Variant(i) {
			t.Fatalf("%s has moved", c.network)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(utxoTable).Draw(t, "chain")
		hash := string(rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "hash"))
		p2pkh, p2sh := c.versioned(c.keyHash, hash), c.versioned(c.script, hash)
		texts := map[string]string{p2pkh: versioned("\x00", hash), p2sh: versioned("\x05", hash)}
		if c.hrp != "" {
			texts[c.witnessText(0, hash)] = bitcoin.witnessText(0, hash)
			texts[c.witnessText(0, hash+hash[:12])] = bitcoin.witnessText(0, hash+hash[:12])
			if !c.versionZero {
				texts[c.witnessText(1, hash+hash[:12])] = ""
			}
		}
		for text, onBitcoin := range texts {
			a := oneIdentity(t, c.network, text)
			if strings.IndexByte(byName[c.network].first, text[0]) < 0 {
				t.Errorf("%s: the first character of %q is not expected", c.network, text)
			}
			alone, err := Parse(nil, text, "")
			if err != nil || !slices.ContainsFunc(alone, func(b Address) bool { return b.Variant == a.Variant && b.Key == a.Key }) {
				t.Errorf("%q without a network is %+v %v", text, alone, err)
			}
			if onBitcoin != "" {
				want := SameKey
				if text == p2sh || len(a.Key) == 33 {
					want = SameScript
				}
				related(t, want, c.network, text, "bitcoin", onBitcoin)
			}
			at := rapid.IntRange(1, len(text)-1).Draw(t, "at")
			letters := lettersBase58
			if text != p2pkh && text != p2sh {
				letters = lettersBech32
			}
			other := text[:at] + string(rapid.SampledFrom([]byte(letters)).Draw(t, "letter")) + text[at+1:]
			if _, err := Parse(nil, other, c.network); err == nil && other != text {
				t.Errorf("%s: a typo of %q passes: %q", c.network, text, other)
			}
		}
		if class, _ := met(ptr(read1(t, "bitcoin", versioned("\x00", hash))), ptr(read1(t, c.network, c.versioned(c.script, nestedOf(hash))))); c.hrp != "" && class != SameKey || c.hrp == "" && class != SameScript {
			t.Errorf("%s: the nested SegWit address of a listed key hash is %v", c.network, class)
		}
	})
}

func ptr(a Address) *Address { return &a }

// nestedOf gives the hash of the nested SegWit script of a key hash.
func nestedOf(hash string) string {
	sum := hash160([]byte("\x00\x14" + hash))
	return string(sum[:])
}

// TestWalletCoreUTXO reads addresses that Trust Wallet Core 4 made.
func TestWalletCoreUTXO(t *testing.T) {
	for text, network := range walletCoreUTXO {
		oneIdentity(t, network, text)
	}
}

var walletCoreUTXO = map[string]string{
	"DBfzWNrB1c1BErJ3VMUomGnG7uF6aT2oyi": "pivx", "dgb1q4d8jg5aveltu2wuc6vventxztr40375u44s545": "digibyte",
	"grs1qxxu9668eucm9g7mxhj9p08qlydjlsyn09rrdjl": "groestlcoin", "Ffqz14cyvZYJavD76t6oHNDJnGiWcZMVxR": "groestlcoin",
	"MBsFgWq3rnVdCNps598iEDF6S1KHuBmQXo": "monacoin", "QhGGpFTonQiiWX3nvDkwevn1AxNwgDejwT": "qtum",
	"via1qp7dn7maveu453ghudj92zzrgaujjl6dkgjpc0l": "viacoin", "aDs9yjtBTz7vh4YJM16JD8ucfu6onq3erQ": "firo",
	"t1SeC2MXZ7TqpRNRCYw4qR5GfvwP4oGtVYi": "flux", "RVttEdNQPvj4VcsJmtMYya7UwFuMqXAvV2": "ravencoin",
	"18D6pAdHrRymwr7pEsuZKkbxfhnZ6aMFN2": "bitcoin-diamond", "sys1qa92wkxkfurkqu22j4p98dgmhg6adhejmc359qr": "syscoin",
	"znVyeY488P3HU76VUgaGygBiVdDLj1oR5MT": "horizen", "strax1qyxdj5az6ye86gq83rj0mmpc8jl2xu4vu5slnwg": "stratis",
	"RW5c7FBYszzFfgoUUMneQh8EXnENYBveCG": "komodo", "NVus9M53HNnMmzWRQYqUvekJnxu1QGUvcQ": "neblio",
}
