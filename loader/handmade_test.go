package loader_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
)

// Tables and lists as people make them. Each goes live without a reason, and every address in it is a listing.
func TestListsThatPeopleMake(t *testing.T) {
	const (
		eth1 = "0x098B716B8Aaf21512996dC57EB0615e2383E2f96"
		eth2 = "0x53b6936513e738f44FB50d2b9476730C0Ab3Bfc1"
		btc1 = "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h"
		btc2 = "1Kuf2Rd8mDyAViwBozGTNYnvWL8uYFrkVo"
		tron = "TUCsTq7TofTCJRRoHk6RvhMoS2mJLm5Yzq"
		xrp  = "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH"
	)
	for name, c := range map[string]struct {
		format, content string
		want            []string // address, asset, entity, category, note
	}{
		"several addresses in a cell": {"csv", "address,asset,entity\n\"" + btc1 + "; " + btc2 + "\",,Mixer\n\"" + eth1 + "\n" + eth2 + "\",,Exchange\n",
			[]string{btc1 + "||Mixer|other|", btc2 + "||Mixer|other|", eth1 + "||Exchange|other|", eth2 + "||Exchange|other|"}},
		"words beside an address": {"csv", "address,asset\n" + xrp + " (tag 104857),XRP\n" + eth1 + " (main wallet),ETH\n`" + eth2 + "`,ETH\n" + btc1 + ".,XBT\n",
			[]string{btc1 + "|XBT||other|", eth1 + "|ETH||other|main wallet", eth2 + "|ETH||other|", xrp + "|XRP||other|tag 104857"}},
		"a column of streets is no column of addresses": {"csv", "id,name,address,wallet_address\n1,A,\"12 Harbour Road, Town\"," + btc1 + "\n2,B,1 Main St," + eth1 + "\n",
			[]string{btc1 + "||A|other|", eth1 + "||B|other|"}},
		"an odd name of a column": {"csv", "Case,potential_ransom_wallet_addr,Start date\nX," + btc1 + ",24.2.2025\n",
			[]string{btc1 + "|||other|"}},
		"a column for each asset": {"csv", "name,BTC address,ETH address,Adresse (TRX)\nA," + btc1 + "," + eth1 + ",\nB,,," + tron + "\nC," + btc2 + ",n/a,-\n",
			[]string{btc1 + "|BTC|A|other|", btc2 + "|BTC|C|other|", eth1 + "|ETH|A|other|", tron + "|TRX|B|other|"}},
		"words for categories": {"csv", "address,category,confidence\n" + btc1 + ",RANSOMWARE,High\n" + eth1 + ",Phishing,Confirmed\n",
			[]string{btc1 + "|||ransomware|confidence: High", eth1 + "|||other|category: Phishing"}},
		"a destination tag": {"csv", "address,tag,asset\n" + xrp + ",104857,XRP\n",
			[]string{xrp + "|XRP||other|tag: 104857"}},
		"a cell too many and one too few": {"csv", "address,asset,entity\n" + btc1 + ",XBT,A, Ltd\n" + eth1 + ",ETH\nETH," + eth2 + "\n",
			[]string{btc1 + "|XBT|A|other|further cell: Ltd", eth1 + "|ETH||other|", eth2 + "|||other|the row: ETH | " + eth2}},
		"values that do not read": {"csv", "address,entity_type,listed_on,url\n" + btc1 + ",gang,soon,none of it\n",
			[]string{btc1 + "|||other|entity_type: gang; listed_on: soon; url: none of it"}},
		"comments and a title above the header": {"csv", "# made by hand\nWallets of 2025\nOwner,Wallet\nA," + btc1 + "\n",
			[]string{btc1 + "||A|other|"}},
		"an invisible character in a header": {"csv", "ow\u200bner,wal\u200blet\nA," + btc1 + "\n",
			[]string{btc1 + "||A|other|"}},
		"no header": {"auto", "Mixer,ETH," + eth1 + "\nExchange,BTC," + btc1 + "\n",
			[]string{btc1 + "|BTC|Exchange|other|", eth1 + "|ETH|Mixer|other|"}},
		"links": {"auto", "https://etherscan.io/address/" + eth1 + "\nhttps://tronscan.org/#/address/" + tron + "\n",
			[]string{tron + "|||other|https://tronscan.org/#/address/" + tron, eth1 + "|||other|https://etherscan.io/address/" + eth1}},
		"bullets": {"auto", "- " + eth1 + "\n* " + btc1 + "\n1. " + tron + "\n• ETH: " + eth2 + "\n",
			[]string{btc1 + "|||other|", tron + "|||other|", eth2 + "|ETH||other|", eth1 + "|||other|"}},
		"formulas": {"csv", "wallet,name\n\"=HYPERLINK(\"\"https://etherscan.io/address/" + eth1 + "\"\";\"\"" + eth1 + "\"\")\",A\n",
			[]string{eth1 + "||A|other|https://etherscan.io/address/" + eth1}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			v := b.mustStage(t, loader.StageOptions{Format: c.format}, c.content)
			b.activate(t, "deny", v.Number) // no guard trips
			var got []string
			if err := b.Listings(ctx, "deny", v.Number, func(l lists.Listing) error {
				got = append(got, strings.Join([]string{l.Address, l.Asset, l.Entity.Name, string(l.Category), l.Note}, "|"))
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if diff := cmp.Diff(c.want, got); diff != "" || v.Raw != 0 || v.Rows.Quarantined != 0 {
				t.Errorf("%+v\n%s", v, diff)
			}
		})
	}
}

// Of a table with columns for the transaction, the victim and the attacker none is guessed.
func TestATableOfTransactionsNeedsAMapping(t *testing.T) {
	table := "Transaction Hash,Victim Addresses,Attacker Addresses\n0x" + strings.Repeat("ab", 32) + "," + evmA + "," + evmB + "\n"
	for _, format := range []string{"auto", "csv"} {
		b := newBench(t)
		if _, err := b.stage(t, loader.StageOptions{Format: format}, table); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "mapping") || !strings.Contains(err.Error(), "Attacker Addresses") {
			t.Errorf("%s: %v", format, err)
		}
		v := b.mustStage(t, loader.StageOptions{Format: format, Mapping: map[string]string{"address": "attacker addresses"}}, table)
		if v.Addresses != 1 || v.Rows.Quarantined != 0 {
			t.Errorf("%s: %+v", format, v)
		}
	}
}

func TestWordsCanBeMapped(t *testing.T) {
	b := newBench(t)
	v := b.mustStage(t, loader.StageOptions{Mapping: map[string]string{"address": "A|B", "category": "Kind", "category:phishing": "scam"}},
		"A,B,Kind\n"+btcA+","+evmA+",Phishing\n")
	var got []string
	if err := b.Listings(ctx, "deny", v.Number, func(l lists.Listing) error {
		got = append(got, l.Address+" "+string(l.Category)+" "+l.Locator)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{evmA + " scam line 2 address 2", btcA + " scam line 2"}, got, cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Error(diff)
	}
	if len(v.Warnings) != 0 || len(got) != 2 {
		t.Errorf("%+v %v", v.Warnings, got)
	}
}

// One warning counts the unknown words of a list, whatever their number.
func TestUnknownWordsAreOneWarning(t *testing.T) {
	b := newBench(t)
	table := "address,category\n"
	for i := range 30 {
		table += fmt.Sprintf("0x%040x,word%d\n", i+1, i%15)
	}
	v := b.mustStage(t, loader.StageOptions{}, table)
	if len(v.Warnings) != 1 || v.Warnings[0].Code != "unknown_category" || !strings.Contains(v.Warnings[0].Detail, `30 rows`) ||
		!strings.Contains(v.Warnings[0].Detail, `"word0" (2)`) || !strings.Contains(v.Warnings[0].Detail, "and 5 more") {
		t.Errorf("%+v", v.Warnings)
	}
}

// An address and a key in one cell: the address is listed, the key stands nowhere.
func TestAKeyBesideAnAddressIsNotKept(t *testing.T) {
	const wif = "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ"
	phrase := strings.Repeat("abandon ", 11) + "about"
	for _, c := range []struct{ format, content string }{
		{"csv", "address,asset\n" + evmA + " " + wif + ",ETH\n" + evmB + " " + phrase + ",ETH\n"},
		{"csv", "address,asset\n\"" + evmA + "\nkey=" + wif + "\",ETH\n" + evmB + ",ETH\n"},
		{"text", evmA + " " + phrase + "\n" + evmB + ";" + wif + "\n"},
	} {
		b := newBench(t)
		v := b.mustStage(t, loader.StageOptions{Format: c.format}, c.content)
		shown := fmt.Sprintf("%+v", v)
		if err := b.Quarantine(ctx, "deny", 1, func(q lists.Quarantined) error { shown += fmt.Sprintf("%+v", q); return nil }); err != nil {
			t.Fatal(err)
		}
		if err := b.Listings(ctx, "deny", 1, func(x lists.Listing) error { shown += fmt.Sprintf("%+v", x); return nil }); err != nil {
			t.Fatal(err)
		}
		if v.Addresses != 2 || strings.Contains(shown, wif[:12]) || strings.Contains(shown, "abandon") || !strings.Contains(shown, "secret_material") {
			t.Errorf("%q: %s", c.content, shown)
		}
	}
}
