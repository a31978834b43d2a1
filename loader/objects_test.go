package loader_test

import (
	"slices"
	"testing"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/loader"
)

// Files of the shapes that people publish load without a guard, and every address in them is found, asked alone and without a network.
func TestEveryAddressOfAFileIsFound(t *testing.T) {
	const (
		tron  = "TUCsTq7TofTCJRRoHk6RvhMoS2mJLm5Yzq"
		btc   = "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h"
		btc2  = "1Kuf2Rd8mDyAViwBozGTNYnvWL8uYFrkVo"
		eth   = "0x098B716B8Aaf21512996dC57EB0615e2383E2f96"
		bech  = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
		simon = "id,schema,name,aliases,birth_date,countries,addresses,identifiers,sanctions,phones,emails,program_ids,dataset,first_seen,last_seen,last_change\n"
	)
	for name, c := range map[string]struct {
		content string
		want    []string
		format  string
	}{
		"nested wallets":     {`[{"name": "A", "wallets": [{"currency": "TRX", "address": "` + tron + `"}, {"currency": "ETH", "address": "` + eth + `"}]}]`, []string{tron, eth}, "auto"},
		"a key of addresses": {`{"sanctioned_addresses": ["` + btc + `", "` + btc2 + `"], "total_count": 2}`, []string{btc, btc2}, "auto"},
		"JSON lines":         {`{"name": "A", "addrs": ["` + btc + `"]}` + "\n" + `{"name": "B", "addrs": ["` + eth + `"]}` + "\n", []string{btc, eth}, "auto"},
		"a pack":             {"title: x\nabuse: sanction\ncurrency: BTC\ntags:\n- address: " + btc + "\n- address: " + eth + "\n  currency: ETH\n", []string{btc, eth}, "auto"},
		"a press release":    {"The wallets are BTC: " + bech + btc + btc2 + ". One more is TRX " + tron[:20] + "\n" + tron[20:] + ", they say.\n", []string{bech, btc, btc2, tron}, "notice"},
		"identifiers":        {simon + "w1,CryptoWallet," + eth + ",,,,," + eth + ";" + tron + ",,,,,x,,,\n", []string{eth, tron}, "auto"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			v := b.mustStage(t, loader.StageOptions{Format: c.format}, c.content)
			if len(v.Guards) != 0 || v.Rows.Quarantined != 0 || v.Addresses != len(c.want) {
				t.Errorf("%d addresses, rows %+v, guards %v", v.Addresses, v.Rows, v.Guards)
			}
			b.activate(t, "deny", 1)
			keys := map[address.Key]bool{}
			for k, err := range lists.WalkStack(ctx, b.store, v.Layers) {
				if err != nil {
					t.Fatal(err)
				}
				keys[k.Key] = true
			}
			for _, text := range c.want {
				readings, err := address.Parse(nil, text, "")
				if err != nil || !slices.ContainsFunc(readings, func(a address.Address) bool { return keys[a.Key] }) {
					t.Errorf("%s is not found (%v)", text, err)
				}
			}
		})
	}
}
