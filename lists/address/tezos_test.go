package address

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTezos(t *testing.T) {
	for _, k := range tezosKinds {
		text := k.example
		if !strings.HasPrefix(text, k.letters) {
			t.Errorf("%s is no %s", text, k.letters)
		}
		a := oneIdentity(t, "tezos", text, text+"%transfer", "tezos:NetXdQprcVkpaWU:"+text)
		noTypo(t, "tezos", text, lettersBase58)
		unhinted(t, text, "tezos")
		for _, other := range tezosKinds {
			if other.letters != k.letters {
				related(t, None, "tezos", text, "tezos", versioned(other.version, a.Key.Payload()))
			}
		}
	}
	a := read1(t, "tezos", "KT1PWx2mnDueood7fEmfbBDKx1D9BAnnXitn%transfer")
	if len(a.Attributes) != 1 || a.Attributes[0] != (Attribute{"entrypoint", "transfer"}) {
		t.Errorf("attributes %v", a.Attributes)
	}
	hash := strings.Repeat("h", 20)
	refused(t, "tezos", map[Reason][]string{
		BadLength:       {versioned("\x06\xa1\x9f", hash+"h"), versioned("\x06\xa1\x9f", hash[1:]), versioned("\x06\xa1\x9f", ""), versioned("\x02", "")},
		UnsupportedKind: {versioned("\x06\xa1\xa7", hash), versioned("\x00", hash+"hh")},
		BadChecksum:     {"1" + tezosKinds[0].example, strings.ToLower(tezosKinds[1].example), tezosKinds[0].example[:35] + "c"},
		BadCharacter:    {tezosKinds[1].example[:9] + "l" + tezosKinds[1].example[10:], tezosKinds[4].example + "%", tezosKinds[4].example + "%" + strings.Repeat("e", 32), tezosKinds[4].example + "%a/b"},
		SecretMaterial:  {"edsk3QoqBuvdamxouPhin7swCvkQNgq4jP5KZPbwWNnwdZpSpJiEbq"},
		NameNotAddress:  {"alice.tez"},
		WrongNetwork:    {"tezos:NetXnHfVqm9iesp:" + tezosKinds[0].example, "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"},
	})
	for _, text := range []string{"edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav", "BLockGenesisGenesisGenesisGenesisGenesisf79b5d1CoW2"} {
		if got, err := Parse(nil, text, "tezos"); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func TestTezosSpellings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.SampledFrom(tezosKinds).Draw(t, "kind")
		text := versioned(k.version, string(rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "hash")))
		if !strings.HasPrefix(text, k.letters) {
			t.Errorf("%s does not begin with %s", text, k.letters)
		}
		oneIdentity(t, "tezos", text, text+"%default", "tezos:mainnet:"+text)
	})
}

func BenchmarkParseTezos(b *testing.B) {
	benchParse(b, "tezos", map[string]string{"tz1": tezosKinds[0].example})
}
