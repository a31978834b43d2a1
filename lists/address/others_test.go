package address

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// otherForm is one form of a network of the third block of numbers.
type otherForm struct {
	network  string
	identity string // in front of the bytes
	size     int
	write    func(payload string) string
	shape    func(payload []byte) // makes random bytes a payload
	letters  string               // of the checksummed part; "": there is no checksum
	skip     int                  // characters in front that a typing error leaves alone
	named    bool                 // it is read only under its network
}

func otherForms() (forms []otherForm) {
	add := func(f otherForm) { forms = append(forms, f) }
	for i := range base58Chains {
		c := &base58Chains[i]
		for _, k := range c.kinds {
			add(otherForm{c.network, c.network + ":" + k.name, k.size, func(p string) string { return k.text(c.check, p) }, nil, lettersBase58, len(k.prefix) + 1, false})
		}
	}
	for i := range bech32Chains {
		c := &bech32Chains[i]
		for _, k := range c.kinds {
			add(otherForm{c.network, c.network + ":" + k.name, c.size, func(p string) string { return bech32Text(c.hrp, p, c.code) },
				func(p []byte) { p[0] |= 1; copy(p, k.lead) }, lettersBech32, len(c.hrp) + 1, false})
		}
	}
	for kind := 1; kind < len(pactusKinds); kind++ {
		add(otherForm{"pactus", "pactus:" + pactusKinds[kind].name, 20, func(p string) string { return textPactus(byte(kind), p) }, nil, lettersBech32, 4, false})
		add(otherForm{"nuls", "nuls:" + nulsKinds[kind].name, 20, func(p string) string { return nulsText(byte(kind), p) }, nil, lettersBase58, 6, false})
	}
	return append(forms, []otherForm{
		{"zilliqa", "zilliqa", 20, func(p string) string { return bech32Text("zil", p, bech32Plain) }, nil, lettersBech32, 4, false},
		{"nervos", "nervos", 53, textNervos, func(p []byte) { p[32] = 1 }, lettersBech32, 4, false},
		{"icon", "icon:account", 20, iconText("hx"), nil, "", 0, false},
		{"icon", "icon:contract", 20, iconText("cx"), nil, "", 0, false},
		{"siacoin", "siacoin", 32, textSiacoin, nil, "0123456789abcdef", 0, false},
		{"nem", "nem", 20, nemChains[0].text, nil, lettersBase32, 2, false},
		{"symbol-chain", "symbol-chain", 20, nemChains[1].text, nil, lettersBase32, 2, false},
		{"nimiq", "nimiq", 20, textNimiq, nil, base32Nimiq.letters, 5, false},
		{"lisk-l1", "lisk", 20, textLisk, nil, lisk32, 3, false},
		{"stacks", "stacks:p2pkh", 20, textStacks(stacksP2PKH), func(p []byte) { p[0] |= 8 }, c32, 2, false},
		{"stacks", "stacks:p2sh", 20, textStacks(stacksP2SH), func(p []byte) { p[0] |= 8 }, c32, 2, false},
		{"conflux", "conflux", 20, textConflux, func(p []byte) { p[0] = p[0]&15 | 0x10 }, confluxLetters, 4, false},
		{"oxen", "oxen:standard", 64, func(p string) string { return moneroText(oxenStandard, p) }, nil, lettersBase58, 1, false},
		{"oxen", "oxen:subaddress", 64, func(p string) string { return moneroText(oxenSubaddress, p) }, nil, lettersBase58, 1, false},
		{"everscale", "everscale", 33, func(p string) string { return "0:" + hex.EncodeToString([]byte(p[1:])) }, func(p []byte) { p[0] = 0 }, "", 0, true},
		{"aion", "aion", 32, func(p string) string { return "0x" + hex.EncodeToString([]byte(p)) }, func(p []byte) { p[0] = 0xa0 }, "", 0, true},
		{"arweave", "arweave", 32, textArweave, nil, "", 0, true},
		{"iost", "iost", 8, func(p string) string { return p }, func(p []byte) { letterise(p, "abcdefghijklmnopqrstuvwxyz0123456789_") }, "", 0, true},
	}...)
}

// letterise makes bytes characters of an alphabet.
func letterise(p []byte, letters string) {
	for i := range p {
		p[i] = letters[int(p[i])%len(letters)]
	}
}

// laterNetworks are the networks of these forms, those of names and of EVM accounts.
const laterNetworks = "decred waves nebulas neo ontology aeternity mina multiversx oasis chia pactus nuls zilliqa nervos icon siacoin nem symbol-chain nimiq lisk-l1 stacks conflux oxen everscale aion arweave iost wax telos fio iotex ronin vechain callisto etherzero"

func init() {
	for _, network := range strings.Fields(laterNetworks) {
		ownNetworks[network] = ownOther
	}
	for _, c := range eosChains {
		ownNetworks[c.network] = ownNames
	}
	for _, network := range []string{"iotex", "ronin", "vechain", "callisto", "etherzero"} {
		ownNetworks[network] = ownTwin
	}
}

// ownOther makes a few lines of each form of a network.
func ownOther(m *maker) {
	for _, f := range otherForms() {
		if f.network != m.network {
			continue
		}
		draw := func() string {
			p := m.bytes(f.size)
			if f.shape != nil {
				f.shape(p)
			}
			return string(p)
		}
		p := draw()
		text := f.write(p)
		m.valid(text, text, f.identity+":"+hex.EncodeToString([]byte(p)), f.identity)
		m.same(text, "\t"+text+"\n", f.identity+": white space around it")
		m.different(m.network, text, m.network, f.write(draw()), f.identity+": two addresses")
		if f.letters != "" {
			form := ownForm{letters: f.letters, skip: f.skip}
			bad, reason := mutations[0].make(m, &form, text)
			m.invalid(bad, reason, f.identity+": "+mutations[0].why)
		} else {
			bad, reason := mutations[1].make(m, nil, text)
			m.invalid(bad, reason, f.identity+": "+mutations[1].why)
		}
	}
	m.invalid("alice@example.com", NameNotAddress, "a paymail, Lightning or federation name")
	m.invalid(versioned("\x41", string(m.bytes(20))), WrongNetwork, "an address of another network (Tron)")
	switch hash := string(m.bytes(33)); m.network {
	case "decred":
		m.invalid(sumBLAKE.text("\x0f\x21", hash[:20]), Testnet, "P2PKH of the test network")
		m.invalid(sumBLAKE.text("\x13\x86", hash), UnsupportedKind, "a public key")
	case "waves":
		m.invalid(sumWaves.text("\x01T", hash[:20]), Testnet, "an address of the test network")
	case "chia":
		m.invalid(bech32Text("txch", hash[:32], bech32M), Testnet, "an address of the test network")
	case "stacks":
		m.invalid(textStacks(stacksP2PKH)(hash[:20])+".pool", UnsupportedKind, "a contract")
		m.invalid(textStacks(26)(hash[:20]), Testnet, "an address of the test network")
		m.related(SameKey, "bitcoin", versioned("\x00", hash[:20]), "stacks", textStacks(stacksP2PKH)(hash[:20]), "one public key hash on two chains")
	case "nuls":
		m.related(SameKey, "bitcoin", versioned("\x00", hash[:20]), "nuls", nulsText(1, hash[:20]), "one public key hash on two chains")
	case "aeternity", "multiversx":
		text := string(base58Bitcoin.encode(nil, []byte(hash[:32])))
		mine := "ak_" + versioned("", hash[:32])
		if m.network == "multiversx" {
			mine = bech32Text("erd", hash[:32], bech32Plain)
		}
		m.related(SameKey, "solana", text, m.network, mine, "one ed25519 public key on two chains")
	case "zilliqa":
		m.same(bech32Text("zil", hash[:20], bech32Plain), "0x"+hex.EncodeToString([]byte(hash[:20])), "hex digits")
		m.same(bech32Text("zil", hash[:20], bech32Plain), "0x"+zilliqaCase([20]byte([]byte(hash[:20]))), "hex digits in Zilliqa's letter case")
		m.related(SameKey, "ethereum", renderEIP55(hash[:20]), "zilliqa", bech32Text("zil", hash[:20], bech32Plain), "the EVM account of the same 20 bytes")
	case "nervos":
		full := textNervos(nervosShortCodes[0] + "\x01" + hash[:20])
		m.same(full, bech32Text("ckb", "\x01\x00"+hash[:20], bech32Plain), "the short format of before 2021")
		m.same(full, bech32Text("ckb", "\x04"+nervosShortCodes[0]+hash[:20], bech32Plain), "the full format of before 2021")
		m.invalid(bech32Text("ckt", "\x00"+nervosShortCodes[0]+"\x01"+hash[:20], bech32M), Testnet, "an address of the test network")
	case "neo":
		m.related(SameScript, "ontology", versioned("\x17", hash[:20]), "neo", versioned("\x17", hash[:20]), "one verification script on two chains")
	case "nimiq":
		m.same(textNimiq(hash[:20]), strings.ReplaceAll(textNimiq(hash[:20]), " ", ""), "without blanks")
	case "nem":
		m.same(nemChains[0].text(hash[:20]), hyphened(nemChains[0].text(hash[:20])), "with hyphens")
	case "conflux":
		m.invalid("cfxtest:aajejuaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Testnet, "an address of the test network")
	case "oxen":
		m.same(moneroText(oxenStandard, hash+hash[:31]), moneroLong(oxenIntegrated, hash+hash[:31]+hash[:8]), "with a payment id")
	}
}

// moneroLong writes any number of bytes behind a network byte in Monero's format.
func moneroLong(network byte, payload string) string {
	body := append([]byte{network}, payload...)
	sum := keccak256(body)
	return string(moneroEncode(nil, append(body, sum[:4]...)))
}

// ownNames makes the lines of a chain with the names of EOS.
func ownNames(m *maker) {
	p := m.bytes(12)
	letterise(p, "12345abcdefghijklmnopqrstuvwxyz")
	name := string(p)
	m.valid(name, name, m.network+":"+hex.EncodeToString(eosBytes(name)), "account name")
	m.same(name, " "+name, "white space before it")
	m.different(m.network, name, "eos", name, "one name on two chains")
	m.invalid("EOS6rLktFMTFziAWnfCbS1sTugfgCi2f1y3dNzExGSLS7AjY8P5Ub", UnsupportedKind, "a public key")
	m.invalid("FIO6xSaQmNeMEa8oJPgiBe5FHUDvQ3Wxt5xc7M7JdG8Um7ikedoGB", UnsupportedKind, "a public key")
	m.invalid(strings.ToUpper(name), MixedCase, "a name in capitals")
}

// eosBytes packs a name of at most twelve letters.
func eosBytes(name string) []byte {
	var packed uint64
	for i := range len(name) {
		packed |= uint64(strings.IndexByte(eosLetters, name[i])) << (59 - 5*i)
	}
	return binary.BigEndian.AppendUint64(nil, packed)
}

// ownTwin makes the lines of an EVM chain with a form of its own.
func ownTwin(m *maker) {
	p := string(m.bytes(20))
	text := renderEIP55(p)
	m.valid(text, text, "evm:"+hex.EncodeToString([]byte(p)), "EIP-55")
	m.sameOn("ethereum", text, m.network, text, "one account of the EVM family on two of its chains")
	switch m.network {
	case "iotex":
		m.same(text, bech32Text("io", p, bech32Plain), "bech32")
	case "ronin":
		m.same(text, "ronin:"+text[2:], "ronin: in front of the digits")
		m.same(text, "ronin:"+text, "ronin: in front of 0x")
	default:
		m.same(text, strings.ToLower(text), "lower case")
	}
	m.different(m.network, text, m.network, renderEIP55(string(m.bytes(20))), "two accounts")
	m.invalid(flipCase(text), BadChecksum, "the case of one letter is not that of EIP-55")
}

// TestOtherForms: every form keeps its identity on the way through the store, is read without a network where it proves itself, and a
// changed character is refused wherever there is a checksum.
func TestOtherForms(t *testing.T) {
	forms := otherForms()
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom(forms).Draw(t, "form")
		p := rapid.SliceOfN(rapid.Byte(), f.size, f.size).Draw(t, "payload")
		if f.shape != nil {
			f.shape(p)
		}
		text := f.write(string(p))
		a := oneIdentity(t, f.network, text)
		if got := string(AppendIdentity(nil, a.Key, a.Variant)); got != f.identity+":"+hex.EncodeToString(p) {
			t.Errorf("%q is %s", text, got)
		}
		if alone, err := Parse(nil, text, ""); !f.named && err != nil {
			t.Errorf("%q without a network: %v %v", text, alone, err)
		} else if !f.named {
			found := false
			for i := range alone {
				found = found || alone[i].Variant == a.Variant && alone[i].Key == a.Key
			}
			if !found {
				t.Errorf("%q without a network is %+v", text, alone)
			}
		}
		if f.letters == "" {
			return
		}
		at := rapid.IntRange(f.skip, len(text)-1).Draw(t, "at")
		letter := rapid.SampledFrom([]byte(f.letters)).Draw(t, "letter")
		if text[at] == ' ' || text[at] == letter {
			return
		}
		if other := text[:at] + string(letter) + text[at+1:]; f.network != "nuls" {
			if got, err := Parse(nil, other, f.network); err == nil {
				t.Errorf("%s: a typo of %q passes: %q is %+v", f.network, text, other, got)
			}
		}
	})
}

// independent holds addresses that other implementations made: Trust Wallet Core 4, symbol-chain-sdk 3, and those of the specifications of Mina,
// Lisk, Conflux (CIP-37), Stacks, NEM, Oxen, Neo and Chia.
var independent = []struct{ network, text string }{
	{"aeternity", "ak_2e9Nr5ZLp4stzrngfAqzyxcPAh48inbuURE8btxKd8ftrsPu1b"},
	{"aeternity", "ak_2HYPsD7or5MKhgxutHtbNhFxNWR2JQ8fXq9pXb1zLiGumB8s3p"},
	{"aion", "0xa02351a68ff7099b546138c82c37cada30815dd7b66715cc61f98792048b5e86"},
	{"aion", "0xa023a00d8a614aaf634b6c296f8be7bc2f80078293ca33fb411b031bc5524c59"},
	{"callisto", "0xf3ad85E62Bf8e23f8547d7b83BDf942Ece7E2325"},
	{"callisto", "0xb49919E5765508b9631bAa028CF89939Ed32018C"},
	{"decred", "DsbNovo4MkmktiojqXAUHzzpZgGqKtDmUAU"},
	{"decred", "DsRi3PCWoo13P3aFfLj4Uw6d8BQWsqRkvnp"},
	{"icon", "hxef46ae38897cab170a98f110d1184249e8a4ebf0"},
	{"icon", "hx52628ab20c918e9a5967aedbbdb5bc95fb013e71"},
	{"iotex", "io1x6kzh97wklrnhqdqlteks73uw2lfcl9za208mc"},
	{"iotex", "io17r4u2jct0gx6hfffxzzx53ht65nd69t4sdf2r3"},
	{"nebulas", "n1XruTtJa9XCLwvwnazaWLVcZTBorTReSbn"},
	{"nebulas", "n1G7WHEh9MkjBYjoB6ZyfzjsJgGft4Yo5YL"},
	{"nuls", "NULSd6Hgfqet1r9B1waCefPuxNjz4VcmLXy8Q"},
	{"nuls", "NULSd6HgVKL2EWM4hwgjjFtLamxbiqCZNwmsj"},
	{"nimiq", "NQ61 36QP 74XX FEMS VCG2 K5UP 5L2B QKFN 4SFM"},
	{"nimiq", "NQ65 FKY5 VAUS 8J57 6UG1 9YL4 1BY8 SXAP LXJP"},
	{"ontology", "ASS6RxnUmtBTcMh7VtYoJSPJjGkBK53X5a"},
	{"ontology", "AY9BLKZGGPC6EtUrEGBW98as7RvwR5JrmV"},
	{"neo", "AUfsivxpueQ2assAQcwJPkR1r3mCwYhj4p"},
	{"neo", "AQLa7FLYWPbG8szDpnGikUzFaqVEgccYX6"},
	{"vechain", "0xF715Ca335f52016f0B54e1EF6fAd8Da16D0965E1"},
	{"vechain", "0x089A175879563372bCc8b86206fC97BE9755E206"},
	{"zilliqa", "zil1rtse40selrkf3l3nldt5nrum02nx6605pu0hhz"},
	{"zilliqa", "zil12rnfd6hrqmy8v8fqjafzw8mh6mc2evel7z2rsv"},
	{"waves", "3P9rSZKkxMZYjhwB9LwRyvLeHmq1bVYAsdp"},
	{"waves", "3PP7qV4WNrP3xrHR97CwDDsv5gGTzGjuhRh"},
	{"multiversx", "erd1h820cr9k5ccjywszm9ysvmnkyedgl52334g0tjn55fm3l64tml8s2v7p5l"},
	{"multiversx", "erd1n4zsqse2ssmkgnjg6y4sp9rclj2wh8x6lvn933mzfyuygtgzyrvsahsc5s"},
	{"oasis", "oasis1qqe2l87gsq46nw8734uuj2jjksc6xy3f3cwjr2xd"},
	{"oasis", "oasis1qql5vqa83amdl0znvzr4c367aqrzffswmsf73mng"},
	{"ronin", "ronin:074174AfEEbcfF0C52681E40EbFECdBDb5A5Ad6d"},
	{"ronin", "ronin:B8e123DdE74E7A0f1E6Cd11dbFb5320730185e1E"},
	{"nervos", "ckb1qzda0cr08m85hc8jlnfp3zer7xulejywt49kt2rr0vthywaa50xwsq0s4m4d7mdd29he77c0nqvlfnh9233dqfqlvmvsz"},
	{"nervos", "ckb1qzda0cr08m85hc8jlnfp3zer7xulejywt49kt2rr0vthywaa50xwsq02f7l4gh2cl4yng9ej28jfq6eglacdzxqgkxlu7"},
	{"everscale", "0:bea551d571f50d6c4fa0049b54088a3dfe3ce6d5cd720193c7c62c06cd9e9fc9"},
	{"everscale", "0:061f28c27e3988cb896a5ef0b064d4d1adb98b045688adf2810808bb2d66f7f7"},
	{"pactus", "pc1rgxu4thljqnzjwhzr6dwg4ukqn8phxe8h4epqp5"},
	{"pactus", "pc1rc7k77esdf3v7f7jmughcyze8v5q4l6ypprhglj"},
	{"mina", "B62qkYa1o6Mj6uTTjDQCob7FYZspuhkm4RRQhgJg9j4koEBWiSrTQrS"},
	{"lisk-l1", "lskdxc4ta5j43jp9ro3f8zqbxta9fn6jwzjucw7yt"},
	{"conflux", "cfx:aarc9abycue0hhzgyrr53m6cxedgccrmmyybjgh4xg"},
	{"conflux", "CFX:TYPE.USER:AARC9ABYCUE0HHZGYRR53M6CXEDGCCRMMYYBJGH4XG"},
	{"stacks", "SP2J6ZY48GV1EZ5V2V5RB9MP66SW86PYKKNRV9EJ7"},
	{"stacks", "SP000000000000000000002Q6VF78"},
	{"nem", "NAPRILC6USCTAY7NNXB4COVKQJL427NPCEERGKS6"},
	{"nem", "NB2S2GL6WZTBYEUTDPFKW5TY3RX32GBMBRM2QG4C"},
	{"symbol-chain", "NBZBQVGVMMYOP6UNGD3VJBRJS5JHDFDPLE434EA"},
	{"oxen", "LA8VDcoJgiv2bSiVqyaT6hJ67LXbnQGpf9Uk3zh9ikUKPJUWeYbgsd9gxQ5ptM2hQNSsCaRETQ3GM9FLDe7BGqcm4ve69bh"},
	{"neo", "NZNos2WqTbu5oCgyfss9kUJgBXJqhuYAaj"},
	{"chia", "xch1f0ryxk6qn096hefcwrdwpuph2hm24w69jnzezhkfswk0z2jar7aq5zzpfj"},
	{"decred", "Dcur2mcGjmENx4DhNqDctW5wJCVyT3Qeqkx"},
	{"siacoin", "27f405bf5c5caf0db56316b76dfc3067846cffcf8f2ffda5d5f754114ec1db35b3f6310fb25b"},
}

func TestIndependentAddresses(t *testing.T) {
	for _, v := range independent {
		read1(t, v.network, v.text)
	}
}
