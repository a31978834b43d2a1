package loader_test

import (
	"fmt"
	"strings"
	"testing"

	"interdict/lists"
	"interdict/loader"
)

// TestKeysBesideAnAddressAreNotKept: a key in the name, the note or any other text of a row goes, the rest of the text stays.
func TestKeysBesideAnAddressAreNotKept(t *testing.T) {
	const (
		wif    = "L1aW4aubDFB7yfras2S1mN3bqg9nwySY8nkoLmJebSLD5BWv3ENZ"
		seed   = "legal winner thank year wave sausage worth useful legal winner thank yellow"
		apiKey = "ik_mfrggzdfmztwq2lk_9Yc0vVQqkq3r1nJ7mX2bT5wZ8aL4pE6uD0sGhKjRtFyA"
		rest   = "paid from"
	)
	for name, secret := range map[string]string{"private key": wif, "a key with a label": "key=" + wif, "seed": seed, "API key": apiKey} {
		for _, column := range []string{"entity", "entity_id", "entity_type", "programs", "incident", "listed_on", "valid_until", "url", "note", "category", "network", "asset", "address"} {
			t.Run(name+" in "+column, func(t *testing.T) {
				b := newBench(t)
				header, row := "address,note,"+column, evmA+","+rest+","+secret
				switch column {
				case "note":
					header, row = "address,note", evmA+","+rest+" "+secret
				case "address":
					header, row = "address,note", secret+","+rest+"\n"+evmA+","+rest
				}
				v := b.mustStage(t, loader.StageOptions{}, header+"\n"+row+"\n"+evmB+","+rest+"\n")
				shown := fmt.Sprintf("%+v", v)
				if err := b.Quarantine(ctx, "deny", 1, func(q lists.Quarantined) error { shown += fmt.Sprintf("%+v", q); return nil }); err != nil {
					t.Fatal(err)
				}
				if err := b.Listings(ctx, "deny", 1, func(x lists.Listing) error { shown += fmt.Sprintf("%+v", x); return nil }); err != nil {
					t.Fatal(err)
				}
				if v.Addresses != 2 || strings.Contains(shown, secret) || strings.Contains(shown, secret[4:24]) || !strings.Contains(shown, rest) && secret != seed {
					t.Error(shown)
				}
				if column != "category" && column != "network" && column != "asset" && !strings.Contains(shown, "secret_material") {
					t.Errorf("no warning: %s", shown)
				}
			})
		}
	}
}

// TestProseIsNoSecret: what publishers write beside an address stays as it is.
func TestProseIsNoSecret(t *testing.T) {
	for _, text := range []string{
		"This address is also associated with BCH and BSV forks of the chain, and was used for the ransom that was paid in May",
		"https://solscan.io/tx/5VERv8NMvzbJMEkV8xnrLkEaWRtSz9CosKDYjCJjBRnbJLgp8uirBgmQpbKhoR4tjF3ZpRzrFmBV6UjKdiSZkQUW",
		"tx 0x8da4ef21b864d2cc526dbdb2a120bd2874c36c9d0a1fb7f8c63d7f7a8b41de8f",
		"see also " + btcA + " and TUCsTq7TofTCJRRoHk6RvhMoS2mJLm5Yzq",
		"Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz",
		"ransomwhere-1123pjv8jzefqacv4w644pzqjzvway2zca",
	} {
		b := newBench(t)
		b.mustStage(t, loader.StageOptions{}, "address,entity,note\n"+evmA+",A,\""+text+"\"\n")
		if err := b.Listings(ctx, "deny", 1, func(x lists.Listing) error {
			if x.Note != text {
				t.Errorf("%q became %q", text, x.Note)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}
