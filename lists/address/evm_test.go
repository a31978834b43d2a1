package address

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The test cases of EIP-55 and EIP-1191, and what neither has: one letter case, ICAP and URIs.
func TestEVM(t *testing.T) {
	for _, text := range []string{
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
		"0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
		"0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
		"0xde709f2102306220921060314715629080e2fb77", "0x27b1fdb04752bbc536007a920d24acb045561c26",
	} {
		oneIdentity(t, "ethereum", text, strings.ToLower(text), "0x"+strings.ToUpper(text[2:]), "0X"+strings.ToUpper(text[2:]), "0X"+text[2:],
			text[2:], strings.ToLower(text[2:]), "eip155:1:"+text, "eip155:1:"+strings.ToLower(text), "eth:"+text,
			"ethereum:"+text, "ETHEREUM:"+text, "ethereum:"+text+"@1", "ethereum:pay-"+text+"@1?value=2.014e18", "ethereum:"+text+"?value=1",
			"ethereum:"+text[2:])
	}
	for chain, texts := range map[string][]string{
		"rootstock": {
			"0x5aaEB6053f3e94c9b9a09f33669435E7ef1bEAeD", "0xFb6916095cA1Df60bb79ce92cE3EA74c37c5d359",
			"0xDBF03B407c01E7CD3cBea99509D93F8Dddc8C6FB", "0xD1220A0Cf47c7B9BE7a2e6ba89F429762E7B9adB",
		},
		"ethereum": {
			"0x5aAeb6053F3e94c9b9A09F33669435E7EF1BEaEd", "0xFb6916095CA1dF60bb79CE92ce3Ea74C37c5D359",
			"0xdbF03B407C01E7cd3cbEa99509D93f8dDDc8C6fB", "0xd1220a0CF47c7B9Be7A2E6Ba89f429762E7b9adB",
		},
	} {
		for _, text := range texts {
			a, b := read1(t, chain, text), read1(t, chain, strings.ToLower(text))
			if a.Key != b.Key || a.Canonical != b.Canonical || a.Network != chain {
				t.Errorf("%s is not the account of its digits: %+v", text, a)
			}
		}
	}
	// ICAP: the example of go-ethereum's documentation, an account that begins with a zero byte.
	oneIdentity(t, "ethereum", "0x00c5496aEe77C1bA1f0854206A26DdA82a81D6D8", "XE7338O073KYGTWWZN0F2WZ0R8PX5ZPPZS",
		"xe7338o073kygtwwzn0f2wz0r8px5zppzs", "iban:XE7338O073KYGTWWZN0F2WZ0R8PX5ZPPZS")
}

func TestEVMIsOneIdentityOnAllChains(t *testing.T) {
	const text = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
	for _, network := range []string{"ethereum", "ethereum-classic", "arbitrum", "bsc", "polygon", "base", "optimism", "avalanche-c", "rootstock", "xdc", "harmony"} {
		a := read1(t, network, text)
		if a.Network != network || a.Canonical != text {
			t.Errorf("%s: %+v", network, a)
		}
		related(t, Exact, network, text, "ethereum", text)
		if a := read1(t, network, byName[network].CAIP2[0]+":"+text); a.Network != network {
			t.Errorf("%s: %+v", network, a)
		}
		for _, short := range byName[network].Short {
			if got, err := Parse(nil, short+":"+text, ""); err != nil || len(got) != 1 || got[0].Network != network {
				t.Errorf("%s: is %+v %v", short, got, err)
			}
		}
	}
	for text, network := range map[string]string{
		"ethereum:" + text + "@137": "polygon", "ethereum:" + text: "ethereum", text: "ethereum", "eip155:42161:" + text: "arbitrum",
		"xdc" + text[2:]: "xdc", "eip155:59144:" + text: "linea", "linea:" + text: "linea", "ethereum:" + text + "@59144": "linea",
		"eip155:59145:" + text: "eip155:59145", "ethereum:" + text + "@59145": "eip155:59145",
	} {
		unhinted(t, text, network)
	}
	oneIdentity(t, "ethereum", text)
	if a, b := read1(t, "xdc", text), read1(t, "xdc", "XDC"+strings.ToUpper(text[2:])); a.Key != b.Key || b.Canonical != text {
		t.Errorf("%+v", b)
	}
	if got := string(AppendIdentity(nil, read1(t, "bsc", text).Key, VariantEVM)); got != "evm:5aaeb6053f3e94c9b9a09f33669435e7ef1beaed" {
		t.Error(got)
	}
}

func TestHarmony(t *testing.T) {
	const text = "one1tylm8ag9wsx0yzyakt20jkxclx4ccf2gaw4sq7"
	if a := read1(t, "harmony", strings.ToUpper("one1t2v44lh8jy9wqkd6nlvavl5s9hqhc7vnp9mw8q")); a.Canonical != "0x5a995AFEe7910Ae059Ba9Fd9d67E902dc17c7993" {
		t.Errorf("%+v", a)
	}
	refused(t, "harmony", map[Reason][]string{BadChecksum: {text}, BadLength: {bech32Text("one", bip173Program+"\x00", bech32Plain)}})
	refused(t, "ethereum", map[Reason][]string{WrongNetwork: {"one1t2v44lh8jy9wqkd6nlvavl5s9hqhc7vnp9mw8q"}})
	unhinted(t, "one1t2v44lh8jy9wqkd6nlvavl5s9hqhc7vnp9mw8q", "harmony")
}

func TestEVMRefused(t *testing.T) {
	const digits = "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
	refused(t, "ethereum", map[Reason][]string{
		BadLength: {
			"0x" + digits[1:], "0x" + digits + "0", "0x", "0x1", "0x000000000000000000000000" + digits, "0x5aAe...eAed",
			"XE7338O073KYGTWWZN0F2WZ0R8PX5ZPPZ", icapCode(strings.Repeat("Z", 31)),
		},
		BadChecksum: {
			"0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "eth:0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
			"XE7438O073KYGTWWZN0F2WZ0R8PX5ZPPZS",
		},
		BadCharacter:    {"0x" + digits[:39] + "g", "ethereum:0x" + digits + "@x"},
		MixedCase:       {"xE7338O073KYGTWWZN0F2WZ0R8PX5ZPPZS"},
		UnsupportedKind: {"XE81ETHXREGGAVOFYORK", "0x04fbbd579f570c71b4f02733b1ac28ebf0de5cd74838e25bda312fe49e799f6842dfde2356eb97293ab5b1732ade398d9a8ffa44b3a19d427a58e79788f7b71a28"},
		NameNotAddress:  {"vitalik.eth", "jesse.base.eth", "ethereum:vitalik.eth@1?value=1", "name.xyz", "ethereum:vitalik.eth/transfer?address=0x" + digits},
		SecretMaterial:  {strings.Repeat("5e1a76bc", 8), "0x" + strings.Repeat("5e1a76bc", 8), "0x" + strings.Repeat("5e1a76bc", 4) + " " + strings.Repeat("5e1a76bc", 4)},
		WrongNetwork: {
			"eip155:56:0x" + digits, "bnb:0x" + digits, "ethereum:0x" + digits + "@56", "gno:0x" + digits, "eip155:100:0x" + digits,
			"ethereum:0x" + digits + "@100", "TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "xdc" + digits,
		},
		TwoAddresses: {
			"0x" + digits + ",0x" + digits, "ethereum:0x" + digits + "/approve?address=0x" + digits,
			"ethereum:0x" + digits + "/transfer?address=0x" + digits + "&address=0x" + digits, "ethereum:0x" + digits + "?address=0x" + digits,
		},
		Empty: {"eth:", "eip155:1:", "ethereum:", "ethereum:0x" + digits + "/transfer?uint256=1", "ethereum:/transfer?address=0x" + digits},
	})
	for _, text := range []string{"0x0x" + digits, "eth:eth:0x" + digits, "eip155:x:0x" + digits, "eip155:01:0x" + digits, "41" + strings.ToLower(digits), "xdc0x" + digits} {
		for _, network := range []string{"ethereum", "xdc"} {
			if got, err := Parse(nil, text, network); err == nil {
				t.Errorf("%q is taken for %s", text, got[0].Canonical)
			}
		}
	}
	// Without 0x it may be a key hash; only an EVM network's name makes it an account.
	_, err := Parse(nil, digits, "")
	var fail *Error
	if !errors.As(err, &fail) || fail.Reason != Ambiguous {
		t.Error("40 digits without a network:", err)
	}
}

func TestEVMFolded(t *testing.T) {
	wouldBe(t, "ethereum", "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
	wouldBe(t, "bsc", "bnb:0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
	wouldBe(t, "xdc", "xdc5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "xdc5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
	wouldBe(t, "tron", "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
	_, err := Parse(nil, "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "")
	var fail *Error
	if !errors.As(err, &fail) || fail.Folded == nil || fail.Network != "" || fail.Folded.Network != "ethereum" {
		t.Error("without a network:", err)
	}
}

func TestTokenTransferScreensThePayee(t *testing.T) {
	const token, payee = "0xBa44CA77CD2D9c66D413501aDdC6159021A856B4", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
	a := read1(t, "ethereum", "ethereum:"+token+"@1/transfer?address="+payee+"&uint256=1e6")
	if a.Canonical != payee {
		t.Errorf("%s is screened", a.Canonical)
	}
	want := map[string]string{"chain_id": "1", "amount": "1e6", "token": token}
	for _, attribute := range a.Attributes {
		if want[attribute.Name] != attribute.Value {
			t.Error(attribute)
		}
		delete(want, attribute.Name)
	}
	if len(want) > 0 {
		t.Error("missing", want)
	}
}

func TestEVMTypos(t *testing.T) {
	// EIP-55: 15 check bits on average, a typo passes once in some thousands.
	const text = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
	passed, tried := 0, 0
	for i := 2; i < len(text); i++ {
		for _, c := range []byte("0123456789abcdefABCDEF") {
			if c == text[i] {
				continue
			}
			tried++
			if _, err := Parse(nil, text[:i]+string(c)+text[i+1:], "ethereum"); err == nil {
				passed++
			}
		}
	}
	if passed > tried/200 {
		t.Errorf("%d of %d typos pass", passed, tried)
	}
}

func TestEVMRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		account := rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "account")
		written := eip55(account, "")
		text := string(written[:])
		oneIdentity(t, "ethereum", text, strings.ToLower(text), icapText(account), "iban:"+strings.ToLower(icapText(account)))
		related(t, Exact, "ethereum", text, "harmony", bech32Text("one", string(account), bech32Plain))
		related(t, Exact, "ethereum", text, "xdc", "xdc"+text[2:])
		related(t, SameKey, "polygon", text, "tron", versioned("\x41", string(account)))
		tron := versioned("\x41", string(account))
		oneIdentity(t, "tron", tron, text, strings.ToLower(text), "41"+strings.ToLower(text[2:]), "41"+strings.ToUpper(text[2:]), "0x41"+text[2:],
			"tron:"+tron+"?amount=1", "tron:0x2b6653dc:"+tron)
	})
}

// icapText writes an account as ICAP, "basic" with 31 digits, or "direct" with 30 where they are enough.
func icapText(account []byte) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	number := append([]byte(nil), account...)
	var out []byte
	for range 31 {
		rest := 0
		for i, c := range number {
			rest = rest<<8 | int(c)
			number[i], rest = byte(rest/36), rest%36
		}
		out = append([]byte{digits[rest]}, out...)
	}
	return icapCode(strings.TrimPrefix(string(out), "0"))
}

// icapCode puts XE and the check digits in front.
func icapCode(digits string) string {
	rest := 0
	for i := range len(digits + "XE00") {
		if v := base36((digits + "XE00")[i]); v < 10 {
			rest = (rest*10 + v) % 97
		} else {
			rest = (rest*100 + v) % 97
		}
	}
	check := 98 - rest
	return "XE" + string([]byte{'0' + byte(check/10), '0' + byte(check%10)}) + digits
}
