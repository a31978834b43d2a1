package address

import (
	"encoding/hex"
	"strings"
	"testing"

	mrtron "github.com/mr-tron/base58"
	"pgregory.net/rapid"
)

// An implicit account and its key, from the NEAR documentation ("Implicit accounts").
const (
	nearImplicit = "98793cd91a3f870fb126f66285808c7e094afcfc4eda8a970f6648cdf0dbd6de"
	nearKey      = "ed25519:BGCCDDHfysuuVnaNVtEhhqeT4k9Muyem3Kpgq2U1m9HX"
)

func TestNear(t *testing.T) {
	oneIdentity(t, "near", nearImplicit, nearKey, "near:mainnet:"+nearImplicit)
	// The valid ids of the nomicon (DataStructures/Account).
	for _, name := range []string{"ok", "bowen", "ek-2", "ek.near", "com", "google.com", "bowen.google.com", "near", "illia.cheap-accounts.near",
		"max_99.near", "100", "near2019", "over.9000", "a.bro", "bro.a", "system", "relay.aurora", strings.Repeat("a", 64), nearImplicit[:63]} {
		oneIdentity(t, "near", name, "near:mainnet:"+name, name+"\n")
	}
	oneIdentity(t, "near", "0x942eca55943462adba52981a4e009bd4956c8e0a")
	oneIdentity(t, "near", "0s942eca55943462adba52981a4e009bd4956c8e0a")
	related(t, SameKey, "near", "0x942eca55943462adba52981a4e009bd4956c8e0a", "ethereum", "0x942eca55943462adba52981a4e009bd4956c8e0a")
	related(t, None, "near", "0s942eca55943462adba52981a4e009bd4956c8e0a", "ethereum", "0x942eca55943462adba52981a4e009bd4956c8e0a")
	related(t, None, "near", nearImplicit, "aptos", nearImplicit)

	for text, noted := range map[string]bool{nearImplicit: false, nearImplicit[:63]: true, "0x942eca55943462adba52981a4e009bd4956c8e0a"[:41]: true, "alice.near": false, "cafe": false} {
		if a := read1(t, "near", text); len(a.Notices) > 0 != noted {
			t.Errorf("%s: notices %v", text, a.Notices)
		}
	}
	unhinted(t, "alice.near", "near")
	unhinted(t, nearKey, "near")
	unhinted(t, "0s942eca55943462adba52981a4e009bd4956c8e0a", "near")
	refused(t, "", map[Reason][]string{NameNotAddress: {"relay.aurora", "google.com", "vitalik.eth"}, SecretMaterial: {nearImplicit}})
	unhinted(t, "bowen")
}

func TestNearRefused(t *testing.T) {
	refused(t, "near", map[Reason][]string{
		// The invalid ids of the nomicon, those with signs of other networks' names apart.
		BadLength:        {"a", nearImplicit + "0", strings.Repeat("a", 65)},
		BadCharacter:     {"100-", "bo__wen", "_illia", ".near", "near.", "a..near", "a-_b", "-near"},
		MixedCase:        {"WAT", "Alice.near", strings.ToUpper(nearImplicit), "0x" + strings.ToUpper("942eca55943462adba52981a4e009bd4956c8e0a"), "0X942eca55943462adba52981a4e009bd4956c8e0a"},
		NameNotAddress:   {"me@google.com", "$$$"},
		WhitespaceInside: {"not ok"},
		Testnet:          {"alice.testnet"},
		SecretMaterial:   {"ed25519:" + mrtron.Encode([]byte(strings.Repeat("secret..", 8)))},
		WrongNetwork:     {"near:testnet:alice.testnet"},
	})
	refused(t, "near", map[Reason][]string{BadLength: {"ed25519:" + mrtron.Encode(make([]byte, 31)), "ed25519:" + mrtron.Encode(make([]byte, 33)), "ed25519:1" + nearKey[8:]}})
	wouldBe(t, "near", "Alice.Near", "alice.near")
	wouldBe(t, "near", strings.ToUpper(nearImplicit), nearImplicit)
}

func TestNearSpellings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key")
		oneIdentity(t, "near", hex.EncodeToString(key), "ed25519:"+mrtron.Encode(key))
		name := rapid.StringMatching(`(([a-z0-9]{1,5}[-_]){0,2}[a-z0-9]{1,5}\.){0,2}([a-z0-9]{1,4}[-_])?[a-z0-9]{2,6}`).Draw(t, "name")
		oneIdentity(t, "near", name, "near:mainnet:"+name)
	})
}

func BenchmarkParseNear(b *testing.B) {
	benchParse(b, "near", map[string]string{"name": "relay.aurora", "implicit": nearImplicit, "key": nearKey})
}
