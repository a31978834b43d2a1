package address

import (
	"encoding/hex"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// script gives the output script of an address, which is what BIP-173 and BIP-350 state.
func script(a *Address) string {
	payload := hex.EncodeToString([]byte(a.Key.Payload()))
	switch a.Variant {
	case VariantBitcoinP2WPKH:
		return "0014" + payload
	case VariantBitcoinP2WSH:
		return "0020" + payload
	case VariantBitcoinP2TR:
		return "5120" + payload
	case VariantBitcoinWitness:
		program := payload[2:]
		return hex.EncodeToString([]byte{a.Key.Payload()[0] + 0x50, byte(len(program) / 2)}) + program
	case VariantBitcoinP2PKH:
		return "76a914" + payload + "88ac"
	case VariantBitcoinP2SH:
		return "a914" + payload + "87"
	}
	return "?"
}

// TestBitcoinScripts holds the valid main network addresses of BIP-350 (test vectors for v0-v16 native
// segregated witness addresses), of BIP-142 and BIP-13, and pay-to-anchor.
func TestBitcoinScripts(t *testing.T) {
	for text, want := range map[string]string{
		"BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4":                                 "0014751e76e8199196d454941c45d1b3a323f1433bd6",
		"bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y": "5128751e76e8199196d454941c45d1b3a323f1433bd6751e76e8199196d454941c45d1b3a323f1433bd6",
		"BC1SW50QGDZ25J":                       "6002751e",
		"bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs": "5210751e76e8199196d454941c45d1b3a323",
		"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0": "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
		"bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3": "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262",
		"bc1pfeessrawgf":                     "51024e73",
		"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2": "76a91477bff20c60e522dfaa3350c39b030a5d004e839a88ac",
		"3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy": "a914b472a266d0bd89c13706a4132ccfb16f7c3b9fcb87",
		"1111111111111111111114oLvT2":        "76a914000000000000000000000000000000000000000088ac",
	} {
		a := read1(t, "bitcoin", text)
		if got := script(&a); got != want {
			t.Errorf("%s pays %s, want %s", text, got, want)
		}
	}
}

func TestBitcoinRefused(t *testing.T) {
	refused(t, "bitcoin", map[Reason][]string{
		BadChecksum: {
			// BIP-350: the other checksum than the witness version demands.
			"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
			"BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL",
			"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",
			"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
			"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3",
		},
		BadCharacter: {
			"bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4",
			"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVNO",
		},
		UnsupportedKind: {
			"BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R", // version 17
			"bc1gmk9yu", // no data
			"xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8",
			"zpub6rFR7y4Q2AijBEqTUquhVz398htDFrtymD9xYYfG1m4wAcvPhXNfE3EfH1r1ADqtfSdVCToUG868RvUUkgDKf31mGDtKsAYz2oz2AGutZYs",
			"0250863ad64a87ae8a2fe83c1af1a8403cb53f53e486d8511dad8a04887e5b2352",
			"wpkh(0250863ad64a87ae8a2fe83c1af1a8403cb53f53e486d8511dad8a04887e5b2352)",
			"sp1qqgste7k9hx0qftg6qmwlkqtwuy6cycyavzmzj85c6qdfhjdpdjtdgqjuexzk6murw56suy3e0rd2cgqvycxttddwsvgxe2usfpxumr70xc9pkqwv",
			"PM8TJTLJbPRGxSbc8EJi42Wrr6QbNSaSSVJ5Y3E4pbCYiTHUskHg13935Ubb7q8tx9GVbh2UuRnBc3WSyJHhUrw8KhprKnn9eDznYGieTzFcwQRya4GA",
			"bitcoin:1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2?req-somethingyoudontunderstand=50",
		},
		BadLength: {
			"bc1pw5dgrnzv",
			"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav",
			"BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P",
			"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf",
			versioned("\x00", bip173Program[:19]),
			versioned("\x05", bip173Program+"\x00"),
			"bc1qw508d6q...7kv8f3t4",
		},
		Testnet: {
			"tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
			"bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
			"mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn",
			"2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc",
		},
		WrongNetwork: {
			"ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9",
			"DTsTdg3pnErWpbj6apPLr9qT2sfJHT3A3t",
			"TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW",
			"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
			"litecoin:LVg2kJoFNg45Nbpy53h7Fe1wKyeXVRhMH9",
			"bip122:12a765e31ffd4059bada1e25190f6e98:LVg2kJoFNg45Nbpy53h7Fe1wKyeXVRhMH9",
			"bip122:000000000933ea01ad0ee984209779ba:mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn",
		},
		MixedCase:         {"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3T4"},
		InvoiceNotAddress: {"bitcoin:?lightning=lnbc20m1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyq", "lnbc20m1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyq", "LNURL1DP68GURN8GHJ7UM9WFMXJCM99E3K7MF0V9CXJ0M385EKVCENXC6R2C35XVUKXEFCV5MKVV34X5EKZD3EV56NYD3HXQURZEPEXEJXXEPNXSCRVWFNV9NXZCN9XQ6XYEFHVGCXXCMYXYMNSERXFQ5FNS"},
		NameNotAddress:    {"satoshi@bitcoin.org", "satoshi.btc"},
		Empty:             {"", "  \n", "bitcoin:", "bitcoin:?amount=1"},
		TwoAddresses: {
			"bitcoin:1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2?bc=bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
			"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2;3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
			"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2\n3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
		},
		WhitespaceInside: {"1BvBMSEYstWetqTF n5Au4m4GFg7xJaNVN2"},
	})
	// One wrapper at most, none unfinished, none with a fragment.
	const good = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
	for _, text := range []string{"bitcoin:bitcoin:" + good, "bitcoin:" + good + "#x", "bitcoin://user@" + good, good + "?amount=1", good + "/", "0x" + good} {
		if got, err := Parse(nil, text, "bitcoin"); err == nil {
			t.Errorf("%q is taken for %s", text, got[0].Canonical)
		}
	}
}

func TestBitcoinSpellings(t *testing.T) {
	const p2pkh, p2wpkh = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
	oneIdentity(t, "bitcoin", p2pkh, " "+p2pkh+"\r\n", "bitcoin:"+p2pkh, "BITCOIN:"+p2pkh, "Bitcoin:"+p2pkh+"?amount=0.1&label=x%20y",
		"bip122:000000000019d6689c085ae165831e93:"+p2pkh, "bitcoin:"+p2pkh+"?lightning=lnbc1abc", "bitcoin://"+p2pkh, "bitcoin:?address="+p2pkh)
	oneIdentity(t, "bitcoin", p2wpkh, strings.ToUpper(p2wpkh), "BITCOIN:"+strings.ToUpper(p2wpkh)+"?AMOUNT=1", "bitcoin:"+p2wpkh+"?somethingelse=1",
		"bitcoin:?bc="+p2wpkh, "bitcoin:?lightning=lnbc1abc&bc="+p2wpkh)
	a := read1(t, "btc", "bitcoin:"+p2pkh+"?amount=0.1&label=x")
	if len(a.Attributes) != 1 || a.Attributes[0] != (Attribute{"amount", "0.1"}) {
		t.Errorf("attributes %v", a.Attributes)
	}
	unhinted(t, p2pkh, "bitcoin", "bitcoin-cash", "bitcoin-sv", "ecash", "bitcoin-diamond", "freicoin")
	p2sh := []string{"bitcoin", "litecoin", "bitcoin-cash", "bitcoin-sv", "ecash"}
	for _, c := range utxoTable {
		if (c.script == "\x05" || c.oldScript == "\x05") && c.check == sumSHA256 {
			p2sh = append(p2sh, c.network)
		}
	}
	unhinted(t, "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", p2sh...)
	unhinted(t, p2wpkh, "bitcoin")
	unhinted(t, "bitcoin:"+p2pkh, "bitcoin")
}

func TestBitcoinIdentity(t *testing.T) {
	for text, want := range map[string]string{
		"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2":         "bitcoin:p2pkh:77bff20c60e522dfaa3350c39b030a5d004e839a",
		"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4": "bitcoin:p2wpkh:751e76e8199196d454941c45d1b3a323f1433bd6",
		"bc1pfeessrawgf":                             "bitcoin:witness:014e73",
	} {
		a := read1(t, "bitcoin", text)
		if got := string(AppendIdentity(nil, a.Key, a.Variant)); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

func TestBitcoinRelations(t *testing.T) {
	p2pkh, p2wpkh := versioned("\x00", bip173Program), "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
	nested := "3JvL6Ymt8MVWiCNHC7oWU6nLeHNJKLZGLN" // P2SH-P2WPKH of the generator point
	related(t, Exact, "bitcoin", p2pkh, "bitcoin", p2pkh)
	related(t, SameKey, "bitcoin", p2pkh, "bitcoin", p2wpkh)
	related(t, SameKey, "bitcoin", p2pkh, "bitcoin", nested)
	related(t, SameKey, "bitcoin", p2wpkh, "bitcoin", nested)
	related(t, SameKey, "dogecoin", versioned("\x1e", bip173Program), "bitcoin", nested)
	related(t, SameKey, "bitcoin", p2wpkh, "litecoin", versioned("\x30", bip173Program))
	related(t, SameKey, "bitcoin", p2pkh, "bnb", bech32Text("bnb", bip173Program, bech32Plain))
	related(t, SameScript, "bitcoin", nested, "dogecoin", versioned("\x16", "\xbc"+read1(t, "bitcoin", nested).Key.Payload()[1:]))
	related(t, SameScript, "bitcoin", versioned("\x05", bip173Program), "litecoin", versioned("\x32", bip173Program))
	related(t, None, "bitcoin", p2pkh, "bitcoin", versioned("\x05", bip173Program))
	related(t, None, "bitcoin", bitcoin.witnessText(1, generatorPoint[1:]), "bitcoin", bitcoin.witnessText(0, generatorPoint[1:]))
	related(t, None, "bitcoin", bitcoin.witnessText(1, bip173Program), "bitcoin", p2wpkh)
	related(t, SameScript, "bitcoin", bitcoin.witnessText(0, generatorPoint[1:]), "litecoin", litecoin.witnessText(0, generatorPoint[1:]))

	// BIP-143, P2SH-P2WPKH: key hash 7909…0089, script hash 4733…2023.
	key, err := hex.DecodeString("79091972186c449eb1ded22b78e40d009bdf0089")
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hex.DecodeString("4733f37cf4db86fbc2efed2500b4f4e49f312023")
	if err != nil {
		t.Fatal(err)
	}
	related(t, SameKey, "bitcoin", versioned("\x00", string(key)), "bitcoin", versioned("\x05", string(hash)))
}

// TestWitnessScriptNested takes the P2SH-P2WSH example of BIP-143.
func TestWitnessScriptNested(t *testing.T) {
	program, err := hex.DecodeString("a16b5755f7f6f96dbd65f5f0d6ab9418b89af4b1f14a1bb8a09062c35f0dcb54")
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hex.DecodeString("9993a429037b5d912407a71c252019287b8d27a5")
	if err != nil {
		t.Fatal(err)
	}
	related(t, SameScript, "bitcoin", bitcoin.witnessText(0, string(program)), "bitcoin", versioned("\x05", string(hash)))
}

func TestDerivationIsNamed(t *testing.T) {
	listed := read1(t, "bitcoin", versioned("\x00", bip173Program))
	asked := read1(t, "bitcoin", "3JvL6Ymt8MVWiCNHC7oWU6nLeHNJKLZGLN")
	if _, how := met(&listed, &asked); how != "bitcoin p2pkh key hash → nested SegWit of bitcoin" {
		t.Error(how)
	}
}

func TestBitcoinTypos(t *testing.T) {
	for _, text := range []string{"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"} {
		noTypo(t, "bitcoin", text, lettersBase58)
	}
	for _, text := range []string{"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"} {
		noTypo(t, "bitcoin", text, lettersBech32)
	}
}

// TestUTXORoundTrips writes random hashes in every form of every chain of the family: each reads as one identity,
// without a hint as well, and comes back from what is stored.
func TestUTXORoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		chain := rapid.SampledFrom([]*utxoChain{&bitcoin, &litecoin, &bitcoinGold, &bitcoinSV, &dogecoin, &dash, &verge, &zcashTransparent}).Draw(t, "chain")
		hash := string(rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "hash"))
		version := rapid.SampledFrom([]string{chain.keyHash, chain.script}).Draw(t, "version")
		text := versioned(version, hash)
		if !chain.fits(text) {
			t.Fatalf("%s does not fit %s", text, chain.network)
		}
		spellings := []string{" " + text, text + "\n"}
		if version == chain.script && chain.oldScript != "" {
			spellings = append(spellings, versioned(chain.oldScript, hash))
		}
		a := oneIdentity(t, chain.network, text, spellings...)
		found := false
		readings, err := Parse(nil, text, "")
		for i := range readings {
			found = found || readings[i].Key == a.Key && readings[i].Variant == a.Variant
		}
		if !found {
			t.Fatalf("%s is not read as %s without a hint: %v", text, chain.network, err)
		}
		if chain.hrp == "" {
			return
		}
		witness := byte(rapid.IntRange(0, 16).Draw(t, "witness"))
		size := rapid.SampledFrom([]int{20, 32}).Draw(t, "size")
		if witness > 0 {
			size = rapid.IntRange(2, 40).Draw(t, "later size")
		}
		text = chain.witnessText(witness, string(rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "program")))
		oneIdentity(t, chain.network, text, strings.ToUpper(text))
		if !chain.fits(text) {
			t.Fatalf("%s does not fit %s", text, chain.network)
		}
	})
}
