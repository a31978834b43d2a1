package address

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcutil/bech32"
	"pgregory.net/rapid"
)

// bech32Of writes bytes with the library of btcsuite, which shares no code with ours.
func bech32Of(t tester, prefix string, payload []byte) string {
	data, err := bech32.ConvertBits(payload, 8, 5, true)
	if err != nil {
		t.Fatalf("%v", err)
	}
	text, err := bech32.Encode(prefix, data)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return text
}

// Published: Injective documentation ("Accounts"), Cosmos Hub module accounts as explorers show them.
const (
	injectiveDocs    = "inj14au322k9munkmx5wrchz9q30juf5wjgz2cfqku"
	injectiveDocsEVM = "0xAF79152AC5dF276D9A8e1E2E22822f9713474902"
	cosmosGov        = "cosmos10d07y265gmmuvt4z0w9aw880jnsr700j6zn9kn"
	cosmosFees       = "cosmos17xpfvakm2amg962yls6f84z3kell8c5lserqta"
	cosmosBonded     = "cosmos1fl48vsnmsdzcv85q5d2q4z5ajdha8yu34mf0eh"
)

func TestCosmosEthKeys(t *testing.T) {
	oneIdentity(t, "injective", injectiveDocs, injectiveDocsEVM, strings.ToLower(injectiveDocsEVM), strings.ToUpper(injectiveDocs), "cosmos:injective-1:"+injectiveDocs)
	wouldBe(t, "injective", strings.ToLower(injectiveDocsEVM[:30])+strings.ToUpper(injectiveDocsEVM[30:]), injectiveDocs)
	related(t, SameKey, "injective", injectiveDocs, "ethereum", injectiveDocsEVM)
	account := []byte(read1(t, "injective", injectiveDocs).Key.Payload())
	related(t, SameKey, "injective", injectiveDocs, "evmos", bech32Of(t, "evmos", account))
	related(t, SameKey, "injective", bech32Of(t, "injvaloper", account), "evmos", bech32Of(t, "evmos", account))
	related(t, SameKey, "injective", bech32Of(t, "injvaloper", account), "ethereum", injectiveDocsEVM)
	// The hash of an eth_secp256k1 key is another than that of the same bytes on a chain with Cosmos keys.
	related(t, None, "injective", injectiveDocs, "cosmos", bech32Of(t, "cosmos", account))
	refused(t, "kava", map[Reason][]string{WrongNetwork: {injectiveDocsEVM, injectiveDocs}})
	refused(t, "sei", map[Reason][]string{WrongNetwork: {injectiveDocsEVM}})
}

// Module accounts have the same bytes on every chain, and nobody has a key to them.
func TestCosmosModules(t *testing.T) {
	for _, text := range []string{cosmosGov, cosmosFees, cosmosBonded} {
		a := oneIdentity(t, "cosmos", text)
		if a.Key.Space() != SpaceCosmosModule || len(a.Notices) != 1 {
			t.Errorf("%s: space %d, notices %v", text, a.Key.Space(), a.Notices)
		}
		payload := []byte(a.Key.Payload())
		related(t, None, "cosmos", text, "osmosis", bech32Of(t, "osmo", payload))
		related(t, None, "cosmos", text, "bitcoin", versioned("\x00", string(payload)))
		related(t, None, "injective", bech32Of(t, "inj", payload), "ethereum", fmt.Sprintf("0x%x", payload))
		related(t, Exact, "cosmos", text, "cosmos", strings.ToUpper(text))
	}
}

func TestCosmosKinds(t *testing.T) {
	key := sha256.Sum256([]byte("a contract, or the source of a key hash"))
	for _, c := range cosmosChains {
		account, contract := bech32Of(t, c.prefix, key[:20]), bech32Of(t, c.prefix, key[:])
		valoper := bech32Of(t, c.prefix+"valoper", key[:20])
		oneIdentity(t, c.name, account, strings.ToUpper(account), c.caip2[0]+":"+account)
		oneIdentity(t, c.name, contract, strings.ToUpper(contract))
		oneIdentity(t, c.name, valoper, strings.ToUpper(valoper))
		related(t, SameKey, c.name, account, c.name, valoper)
		related(t, None, c.name, account, c.name, contract)
		unhinted(t, account, c.name)
		unhinted(t, contract, c.name)
		unhinted(t, valoper, c.name)
		noTypo(t, c.name, account, lettersBech32)
		at := strings.LastIndexAny(account, "acdefghjklmnpqrstuvwxyz")
		wouldBe(t, c.name, account[:at]+strings.ToUpper(account[at:]), account)

		m, err := bech32.ConvertBits(key[:20], 8, 5, true)
		if err != nil {
			t.Fatal(err)
		}
		bech32m, err := bech32.EncodeM(c.prefix, m)
		if err != nil {
			t.Fatal(err)
		}
		refused(t, c.name, map[Reason][]string{
			BadChecksum: {bech32m, account[:len(account)-1]},
			BadLength: {bech32Of(t, c.prefix, key[:19]), bech32Of(t, c.prefix, key[:21]), bech32Of(t, c.prefix, append(key[:32:32], 0)),
				bech32Of(t, c.prefix, nil), bech32Of(t, c.prefix+"valoper", key[:])},
			UnsupportedKind: {bech32Of(t, c.prefix+"valcons", key[:20]), bech32Of(t, c.prefix+"pub", append([]byte{0xeb, 0x5a, 0xe9, 0x87, 0x21}, key[:]...)),
				bech32Of(t, c.prefix+"valoperpub", key[:]), bech32Of(t, c.prefix+"valconspub", key[:])},
			Testnet:      {bech32Of(t, "t"+c.prefix, key[:20])},
			WrongNetwork: {bech32Of(t, "unknown", key[:20]), bech32Of(t, c.prefix+"x", key[:20])},
		})
		if c.eth {
			continue
		}
		related(t, SameKey, c.name, account, "bitcoin", versioned("\x00", string(key[:20])))
		related(t, SameKey, c.name, account, "avalanche-x", "X-"+bech32Of(t, "avax", key[:20]))
		for _, other := range cosmosChains {
			switch {
			case other.name == c.name:
			case other.eth:
				related(t, None, c.name, account, other.name, bech32Of(t, other.prefix, key[:20]))
			default:
				related(t, SameKey, c.name, account, other.name, bech32Of(t, other.prefix, key[:20]))
				related(t, None, c.name, contract, other.name, bech32Of(t, other.prefix, key[:]))
				refused(t, other.name, map[Reason][]string{WrongNetwork: {account, contract}})
			}
		}
	}
}

// BIP-173's weakness: q's before a final p leave the checksum as it is. Twenty of them make the length of
// a contract, which nothing can tell.
func TestCosmosInsertedQ(t *testing.T) {
	for i := range 400 {
		sum := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
		text := bech32Of(t, "cosmos", sum[:20])
		if !strings.HasSuffix(text, "p") {
			continue
		}
		for n := 1; n < 20; n++ {
			refused(t, "cosmos", map[Reason][]string{BadLength: {text[:len(text)-1] + strings.Repeat("q", n) + "p"}})
		}
		return
	}
	t.Error("no address ends with p")
}

func TestCosmosSpellings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(cosmosChains).Draw(t, "chain")
		size := rapid.SampledFrom([]int{20, 32}).Draw(t, "size")
		text := bech32Of(t, c.prefix, rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "payload"))
		oneIdentity(t, c.name, text, strings.ToUpper(text), "\t"+text+"\r\n", c.caip2[0]+":"+text)
	})
}

func BenchmarkParseCosmos(b *testing.B) {
	benchParse(b, "cosmos", map[string]string{"account": "cosmos1n8z78ny6aad7pjl4ymda50h2h4htc9px8hr7hw", "contract": "cosmos1yyzve7lvmj24ejzqapxj0zhcplxlw5w4w802kyexej6azchnax3q6pdwv6"})
	benchParse(b, "injective", map[string]string{"account": injectiveDocs, "EVM form": injectiveDocsEVM})
}
