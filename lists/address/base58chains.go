package address

import "strings"

// Chains whose addresses are base58 of version, payload and a checksum of four bytes, and which are not of Bitcoin's kind.
// Sources:
//   - Decred: dcrd, txscript/stdaddr and chaincfg/mainnetparams.go (BLAKE-256 of 14 rounds)
//   - Waves: "Address binary format" (Keccak-256 of BLAKE2b-256)
//   - Nebulas: "Nebulas address design" (SHA3-256); n1 account, n2 contract
//   - Neo: "Wallets" (version 23, since N3 53); Ontology uses version 23 as well
//   - aeternity: "Encoding scheme for API identifiers" (ak_, ct_)
//   - Mina: mina-signer, public-key.ts

// base58Kind is one version of such a chain.
type base58Kind struct {
	name    string
	prefix  string // in front of the base58 text
	version string
	size    int // of the payload, in bytes
	space   Space
	variant Variant
}

// base58Chain is one such chain.
type base58Chain struct {
	network string
	aliases []string
	assets  []string
	caip2   []string
	check   base58Sum
	kinds   []base58Kind
	// tests and others are versions that are refused: of test networks, and of what is no account.
	tests  []string
	others []string
}

var base58Chains = []base58Chain{
	{network: "decred", aliases: []string{"dcr"}, assets: []string{"DCR"}, caip2: []string{"bip122:298e5cc3d985bfe7f81dc135f360abe0"}, check: sumBLAKE,
		kinds: []base58Kind{{"p2pkh", "", "\x07\x3f", 20, SpaceDecred, VariantDecredP2PKH}, {"p2sh", "", "\x07\x1a", 20, SpaceDecredScript, VariantDecredP2SH}},
		tests: []string{"\x0f\x21", "\x0e\xfc", "\x28\xf7"}, others: []string{"\x13\x86", "\x07\x1f", "\x07\x01"}},
	{network: "waves", assets: []string{"WAVES"}, caip2: []string{"waves:087"}, check: sumWaves,
		kinds: []base58Kind{{"account", "", "\x01W", 20, SpaceWaves, VariantWaves}}, tests: []string{"\x01T"}},
	{network: "nebulas", aliases: []string{"nas"}, assets: []string{"NAS"}, check: sumSHA3,
		kinds: []base58Kind{{"account", "", "\x19\x57", 20, SpaceNebulas, VariantNebulas}, {"contract", "", "\x19\x58", 20, SpaceNebulas, VariantNebulasContract}}},
	{network: "neo", aliases: []string{"neo3", "neo-n3", "neo-legacy"}, assets: []string{"NEO", "GAS"},
		kinds: []base58Kind{{"n3", "", "\x35", 20, SpaceNeo, VariantNeo}, {"legacy", "", "\x17", 20, SpaceNeo, VariantNeoLegacy}}},
	{network: "ontology", aliases: []string{"ont"}, assets: []string{"ONT", "ONG"},
		kinds: []base58Kind{{"account", "", "\x17", 20, SpaceNeo, VariantOntology}}},
	{network: "aeternity", aliases: []string{"ae"}, assets: []string{"AE"},
		kinds: []base58Kind{{"account", "ak_", "", 32, SpaceEd25519, VariantAeternity}, {"contract", "ct_", "", 32, SpaceContract, VariantAeternityContract}}},
	{network: "mina", assets: []string{"MINA"}, caip2: []string{"mina:mainnet"},
		kinds: []base58Kind{{"account", "", "\xcb\x01\x01", 33, SpaceMina, VariantMina}}},
}

func init() {
	for i := range base58Chains {
		c := &base58Chains[i]
		n := Network{Name: c.network, Aliases: c.aliases, Assets: c.assets, CAIP2: c.caip2, Schemes: []string{c.network},
			Typos: "A checksum of 32 bits: a typing error is found.", rank: 130, decode: c.decode}
		least, most := 200, 0
		for _, k := range c.kinds {
			text := k.text(c.check, exampleBytes[:k.size])
			n.Forms = append(n.Forms, Form{k.name, text, "base58 with a checksum"})
			low, high := len(k.text(c.check, strings.Repeat("\x00", k.size))), len(k.text(c.check, strings.Repeat("\xff", k.size)))
			least, most = min(least, low), max(most, high)
			registerVariant(variant{k.variant, c.network, k.name, c.network, func(payload string) string {
				if len(payload) != k.size {
					return ""
				}
				return k.text(c.check, payload)
			}})
			n.first += k.firstLetters(c.check)
			if k.prefix == "" && c.check == sumSHA256 && k.size == 20 {
				claimVersion(k.version, k.space)
			}
		}
		n.fits = func(text string) bool {
			return len(text) >= least && len(text) <= most && strings.IndexByte(n.first, text[0]) >= 0
		}
		register(n)
	}
	for _, s := range []Space{SpaceDecred, SpaceDecredScript, SpaceWaves, SpaceNebulas, SpaceContract, SpaceMina} {
		registerSpace(space{number: s})
	}
	registerSpace(space{number: SpaceNeo, relate: relateNeo})
}

// relateNeo relates the addresses of one verification script on Neo and Ontology.
func relateNeo(_ Key, asked Variant, askedAs Role, listed Variant, listedAs Role) (Class, string) {
	if askedAs != 0 || listedAs != 0 {
		return None, ""
	}
	return SameScript, wordsOf(listed) + " → " + wordsOf(asked) + ": the same verification script"
}

// exampleBytes are the bytes of the examples: the generator point of secp256k1, so that a key is one.
const exampleBytes = generatorPoint

func (k *base58Kind) text(check base58Sum, payload string) string {
	return k.prefix + check.text(k.version, payload)
}

// firstLetters gives the characters with which the texts of the kind begin.
func (k *base58Kind) firstLetters(check base58Sum) string {
	low, high := k.text(check, strings.Repeat("\x00", k.size))[0], k.text(check, strings.Repeat("\xff", k.size))[0]
	if k.prefix != "" || low == high {
		return string(rune(low))
	}
	digits := base58Bitcoin.digits
	from, to := strings.IndexByte(digits, low), strings.IndexByte(digits, high)
	if from <= to {
		return digits[from : to+1]
	}
	return digits[from:] + digits[1:to+1]
}

func (c *base58Chain) decode(text string, a *Address) *Error {
	prefix := ""
	if c.kinds[0].prefix != "" {
		at := strings.IndexByte(text, '_')
		if at < 0 {
			return refuse(BadCharacter, "it has no prefix of an address")
		}
		prefix = text[:at+1]
	}
	var room [maxBase58]byte
	body, fail := base58Bitcoin.decodeSum(room[:0], text[len(prefix):], c.check)
	if fail != nil {
		if fail.Position >= 0 {
			fail.Position += len(prefix)
		}
		return fail
	}
	for i := range c.kinds {
		k := &c.kinds[i]
		if k.prefix != prefix || !strings.HasPrefix(string(body), k.version) {
			continue
		}
		if len(body) != len(k.version)+k.size {
			return refuse(BadLength, "its payload has another length than an address has")
		}
		a.setText(k.space, k.variant, body[len(k.version):], text)
		return nil
	}
	for _, version := range c.tests {
		if strings.HasPrefix(string(body), version) {
			return refuse(Testnet, "its version is of a test network")
		}
	}
	for _, version := range c.others {
		if strings.HasPrefix(string(body), version) {
			return refuse(UnsupportedKind, "it is a public key or a script, not an account")
		}
	}
	if prefix != "" {
		return refuse(UnsupportedKind, "its prefix is of no account and no contract")
	}
	return refuse(WrongNetwork, "its version is of another network")
}
