package address

import (
	"slices"
	"strings"
	"testing"

	"interdict/lists/fault"
)

// opaqueNetworks sets the opaque networks for one test.
func opaqueNetworks(t *testing.T, names ...string) {
	t.Helper()
	if err := SetOpaqueNetworks(names); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opaque.Store(nil) })
}

func TestOpaqueNetworkComparesText(t *testing.T) {
	const hex64 = "5be5543ff73456ab9f2d207887e2af87322c651ea1a873c5b25b7ffae456c320"
	texts := []string{"foo_7Hq2", hex64, evmChecked, segwit, "0x" + hex64, "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3", "alice.near"}
	if _, err := Parse(nil, texts[0], "foo"); !fault.Is(err, fault.UnsupportedNetwork) {
		t.Fatal(err)
	}
	// Listed before the network was named, and with it.
	listings := map[string][]Key{}
	list := func() {
		for _, text := range texts {
			for _, asset := range []string{"", "NEAR"} {
				readings, notes, err := ParseListed(nil, text, "foo", asset)
				if err != nil {
					listings[text] = append(listings[text], RawKey(text))
					continue
				}
				listings[text] = append(listings[text], readings[0].Key)
				if notes.AsText() {
					listings[text] = append(listings[text], RawKey(text))
				}
			}
		}
	}
	list()
	opaqueNetworks(t, "foo", "Bar-2")
	list()
	for _, text := range texts {
		for _, name := range []string{"foo", "FOO", "f-oo"} {
			readings, err := Parse(nil, " "+text+"\n", name)
			if err != nil || readings[0].Network != "foo" || readings[0].Key != RawKey(text) || readings[0].Variant != VariantRaw ||
				readings[0].Canonical != text || !slices.Equal(readings[0].Notices, []string{"compared_as_text"}) {
				t.Errorf("%s: %+v %v", text, readings, err)
			}
			for _, keys := range [][]Key{listings[text]} {
				if !slices.ContainsFunc(readings, func(a Address) bool { return slices.Contains(keys, a.Key) }) {
					t.Errorf("%s is listed under %q and missed: %+v", text, keys, readings)
				}
			}
		}
		readings, notes, err := ParseListed(nil, text, "foo", "")
		if err != nil || notes.Network != "foo" || notes.Contradicted || !notes.AsText() && readings[0].Variant != VariantRaw {
			t.Errorf("%s: %+v %+v %v", text, readings, notes, err)
		}
	}
	// What a list has read as something else, before the network was named, is found as that.
	for _, text := range []string{evmChecked, segwit} {
		own := read1(t, "", text)
		readings, err := Parse(nil, text, "foo")
		if err != nil || len(readings) != 2 || readings[1].Key != own.Key {
			t.Errorf("%s: %+v %v", text, readings, err)
		}
	}
	wrong := strings.ToLower(evmChecked[:20]) + strings.ToUpper(evmChecked[20:])
	if readings, err := Parse(nil, wrong, "foo"); err != nil || len(readings) != 2 || readings[1].Key != read1(t, "", evmChecked).Key {
		t.Errorf("%+v %v", readings, err)
	}
	if got, ok := ResolveNetwork("bar2"); !ok || got != "Bar-2" || !KnownAsset("BAR-2") {
		t.Error(got, ok)
	}
	refused(t, "foo", map[Reason][]string{
		Empty: {"", " "}, WhitespaceInside: {"a b"}, BadCharacter: {"fo\u043e"}, BadLength: {strings.Repeat("a", MaxText+1)},
		SecretMaterial: {"5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ", "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi"},
	})
}

func TestOpaqueNamesThatClash(t *testing.T) {
	for _, names := range [][]string{{"bitcoin"}, {"XBT"}, {"erc-20"}, {"usdt"}, {"eip155:5"}, {"eip155:999999"}, {""}, {"--"}, {"a b"}, {"a,b"}, {"foo", "F-OO"},
		{strings.Repeat("a", 21)}, {"acala"}, {"usdt-trc20"}, make([]string, 101)} {
		if err := SetOpaqueNetworks(names); !fault.Is(err, fault.Invalid) || opaque.Load() != nil {
			t.Errorf("%q: %v", names, err)
		}
	}
}
