package address

import (
	"errors"
	"testing"
)

// FuzzParse: no text crashes the parser, and what is read is the same after a way through the store.
func FuzzParse(f *testing.F) {
	names := []string{""}
	for _, n := range Networks() {
		names = append(names, n.Name)
		for _, form := range n.Forms {
			f.Add(form.Example, uint8(len(names)-1))
			f.Add(form.Example, uint8(0))
			for _, scheme := range n.Schemes {
				f.Add(scheme+":"+form.Example+"?amount=1&label=x", uint8(len(names)-1))
			}
			for _, id := range n.CAIP2 {
				f.Add(id+":"+form.Example, uint8(0))
			}
		}
	}
	for _, text := range secrets {
		f.Add(text, uint8(0))
	}
	for _, text := range []string{
		"ethereum:0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed@1/transfer?address=0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed&uint256=1",
		"bitcoin:?bc=bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4&req-x=1", "zcash:?address=&address.1=", "::::", "eip155:1:", "$", "@", ".", "*",
	} {
		f.Add(text, uint8(1))
	}
	f.Fuzz(func(t *testing.T, text string, pick uint8) {
		network := names[int(pick)%len(names)]
		readings, err := Parse(nil, text, network)
		if err != nil {
			var fail *Error
			switch {
			case !errors.As(err, &fail):
				t.Fatalf("%q: %v", text, err)
			case len(readings) != 0:
				t.Fatalf("%q: an error and %d readings", text, len(readings))
			case fail.Position < -1 || fail.Position > len(text):
				t.Fatalf("%q: position %d", text, fail.Position)
			case len(fail.Detail) > 200:
				t.Fatalf("%q: %s", text, fail.Detail)
			}
		} else if len(readings) == 0 {
			t.Fatalf("%q: neither a reading nor an error", text)
		}
		for i := range readings {
			a := &readings[i]
			if len(a.Key) < 2 || len(a.Key) > MaxKey || a.Canonical == "" || a.Variant < 2 || network != "" && a.Network != network && !elsewhere(a, network) {
				t.Fatalf("%q: %+v", text, a)
			}
			var proof *Error
			if back, err := Parse(nil, a.Canonical, a.Network); errors.As(err, &proof) && proof.Reason == WrongNetwork && proof.Networks != nil {
				continue // without a network it is also read as what it does not prove
			} else if err != nil || back[0].Key != a.Key || back[0].Variant != a.Variant || back[0].Canonical != a.Canonical {
				t.Fatalf("%q has the canonical text %q, which is %+v %v", text, a.Canonical, back, err)
			}
			if class, _ := Relate(a.Key, a.Variant, 0, a.Variant, 0); class != Exact {
				t.Fatalf("%q relates to itself as %v", text, class)
			}
			if n, canonical, ok := Render(a.Key, a.Variant); ok {
				if back, err := Parse(nil, canonical, n); err != nil || back[0].Key != a.Key || back[0].Variant != a.Variant {
					t.Fatalf("%q is rendered as %q of %s, which is %+v %v", text, canonical, n, back, err)
				}
			}
			for _, side := range []Side{Listed, Asked} {
				for _, link := range Links(nil, a, side) {
					if len(link.Key) < 2 || len(link.Key) > MaxKey || link.Role == 0 {
						t.Fatalf("%q has the link %+v", text, link)
					}
				}
			}
		}
		if listed, _, err := ParseListed(nil, text, network, ""); err == nil && len(listed) == 0 {
			t.Fatalf("%q: listed as nothing", text)
		}
	})
}

// elsewhere tells the readings that are given beside that of the network asked for: the EVM account that a padded text holds, and
// the coin BNB on another network.
func elsewhere(a *Address, network string) bool {
	return a.Variant == VariantEVM && (byName[network].hex64 || network == "bnb" && a.Network == "bsc")
}
