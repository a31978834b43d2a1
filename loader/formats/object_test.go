package formats

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	tronA = "TUCsTq7TofTCJRRoHk6RvhMoS2mJLm5Yzq"
	btcA  = "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h"
	btcB  = "1Kuf2Rd8mDyAViwBozGTNYnvWL8uYFrkVo"
	ethA  = "0x098B716B8Aaf21512996dC57EB0615e2383E2f96"
	ethB  = "0xa0e1c89Ef1a489c9C7dE96311eD5Ce5D32c20E4B"
	ethC  = "0x3Cffd56B47B7b41c56258D9C7731ABaDc360E073"
)

// Every object gives a listing for each of its addresses, however they are nested and named, and a JSON line is read as the same
// object in an array is.
func TestObjectsGiveAListingForEachAddress(t *testing.T) {
	for name, c := range map[string]struct {
		object string
		want   []Row
	}{
		"wallets as objects": {`{"name": "A", "program": "CYBER2", "wallets": [{"currency": "TRX", "address": "` + tronA + `"}, {"currency": "ETH", "address": "` + ethA + `"}]}`,
			[]Row{{Address: tronA, Asset: "TRX", EntityName: "A", Programs: []string{"CYBER2"}}, {Address: ethA, Asset: "ETH", EntityName: "A", Programs: []string{"CYBER2"}}}},
		"wallets before the name": {`{"wallets": [{"address": "` + tronA + `"}], "name": "A", "category": "scam"}`, []Row{{Address: tronA, EntityName: "A", Category: "scam"}}},
		"wallets as texts":        {`{"name": "A", "addrs": ["` + tronA + `", "` + ethA + `"]}`, []Row{{Address: tronA, EntityName: "A"}, {Address: ethA, EntityName: "A"}}},
		"deep":                    {`{"name": "A", "crypto": {"accounts": [{"details": {"chain": "tron", "wallet": "` + tronA + `"}}]}}`, []Row{{Address: tronA, Network: "tron", EntityName: "A"}}},
		"inner name":              {`{"name": "A", "wallets": [{"name": "hot", "address": "` + tronA + `"}]}`, []Row{{Address: tronA, EntityName: "hot"}}},
		"by chain":                {`{"name": "A", "wallets": {"eth": ["` + ethA + `"], "BTC": "` + btcA + `"}}`, []Row{{Address: btcA, Network: "BTC", EntityName: "A"}, {Address: ethA, Network: "eth", EntityName: "A"}}},
		"a member a chain":        {`{"name": "A", "btc_address": "` + btcA + `", "ethWallet": "` + ethA + `", "TRX": "` + tronA + `"}`, []Row{{Address: btcA, Network: "btc", EntityName: "A"}, {Address: ethA, Network: "eth", EntityName: "A"}, {Address: tronA, Network: "TRX", EntityName: "A"}}},
		"two in a text":           {`{"name": "A", "address": "` + tronA + `; ` + ethA + `"}`, []Row{{Address: tronA, EntityName: "A"}, {Address: ethA, EntityName: "A"}}},
		"beside a street":         {`{"name": "A", "address": "12 Main Street", "wallet_address": "` + ethA + `"}`, []Row{{Address: ethA, EntityName: "A", Note: "address: 12 Main Street"}}},
		"a street and wallets":    {`{"name": "A", "address": "12 Main Street", "wallets": ["` + ethA + `"]}`, []Row{{Address: ethA, EntityName: "A", Note: "address: 12 Main Street"}}},
		"under no known name":     {`{"name": "A", "moniker": "` + ethA + `"}`, []Row{{Address: ethA, EntityName: "A"}}},
		"in the link":             {`{"name": "A", "url": "https://etherscan.io/address/` + ethA + `"}`, []Row{{Address: ethA, EntityName: "A", URL: "https://etherscan.io/address/" + ethA}}},
		"keyed within":            {`{"name": "A", "list": {"` + ethA + `": {"note": "x"}, "` + tronA + `": "hot"}}`, []Row{{Address: tronA, EntityName: "A"}, {Address: ethA, EntityName: "A", Note: "x"}}},
		"an entity of its own":    {`{"entity": {"name": "A", "id": "7", "wallets": ["` + ethA + `"]}}`, []Row{{Address: ethA, EntityName: "A", EntityID: "7"}}},
		"transactions":            {`{"name": "A", "address": "` + ethA + `", "transactions": [{"hash": "0x` + strings.Repeat("a1b2", 16) + `", "to": "` + ethB + `"}]}`, []Row{{Address: ethA, EntityName: "A"}}},
		"ransomwhere":             {`{"address": "` + btcA + `", "blockchain": "bitcoin", "family": "F", "balanceUSD": 1.5, "transactions": [{"hash": "` + strings.Repeat("a1b2", 16) + `"}]}`, []Row{{Address: btcA, Network: "bitcoin", Incident: "F", Category: "ransomware"}}},
		"a network as object":     {`{"address": "` + ethA + `", "network": {"name": "ethereum"}, "token": {"symbol": "USDT"}}`, []Row{{Address: ethA, Network: "ethereum", Asset: "USDT"}}},
	} {
		for doc, format := range map[string]string{"[" + c.object + "]": "json", c.object + "\n" + c.object + "\n": "ndjson"} {
			rows, info := mustRows(t, "auto", "a", doc)
			if info.Format != format {
				t.Errorf("%s: read as %s", name, info.Format)
			}
			if format == "ndjson" {
				rows = rows[:len(rows)/2]
			}
			for i := range rows {
				rows[i].Locator = ""
			}
			if diff := cmp.Diff(c.want, rows); diff != "" {
				t.Errorf("%s as %s:\n%s", name, format, diff)
			}
		}
	}
}

// What may be an address and is not read stops the load.
func TestAnAddressThatIsNotReadIsSaid(t *testing.T) {
	for name, object := range map[string]string{
		"of a victim":        `{"attacker_address": "` + ethA + `", "victim": "` + ethB + `"}`,
		"of two, which":      `{"alpha": "` + ethA + `", "beta": "` + ethB + `"}`,
		"in the note":        `{"name": "A", "note": "paid to ` + ethA + ` and others"}`,
		"twice":              `{"address": "` + ethA + `", "address": "` + ethB + `"}`,
		"in a list of lists": `{"address": "` + ethA + `", "sender": {"x": ["` + ethB + `"]}}`,
	} {
		rows, _ := mustRows(t, "json", "a.json", "["+object+"]")
		if !slices.ContainsFunc(rows, func(r Row) bool { return r.Unread && r.Problem != "" }) {
			t.Errorf("%s: %+v", name, rows)
		}
	}
}

func TestAnEmptyListOfAddressesIsNoRow(t *testing.T) {
	rows, info := mustRows(t, "json", "a.json", `[{"name": "A", "addrs": []}, {"name": "B", "addrs": ["`+ethA+`"]}, {"name": "C", "wallets": []}]`)
	if len(rows) != 1 || rows[0].EntityName != "B" || !warned(info, "no_addresses") {
		t.Errorf("%+v %+v", rows, info)
	}
}

// The key of a list of addresses is its network only if it is the name of one.
func TestKeysOfLists(t *testing.T) {
	for doc, want := range map[string]Row{
		`{"sanctioned_addresses": ["` + btcA + `"], "last_updated": "2025-01-20T00:00:00Z", "total_count": 1}`: {Address: btcA},
		`{"tags": ["` + btcA + `"]}`:                                   {Address: btcA},
		`{"blockedWallets": ["` + btcA + `"]}`:                         {Address: btcA},
		`{"result": [{"address": "` + btcA + `"}]}`:                    {Address: btcA},
		`{"tags": ["exchange", "hack"], "list": ["` + btcA + `"]}`:     {Address: btcA, Note: "tags: exchange; hack"},
		`{"0221": {"tron": ["` + tronA + `"]}}`:                        {Address: tronA, Network: "tron", Incident: "0221"},
		`{"Example Group": {"program": "P", "eth": ["` + ethA + `"]}}`: {Address: ethA, Network: "eth", Incident: "Example Group", Programs: []string{"P"}},
		`{"Example Group": {"eth": "` + ethA + `"}}`:                   {Address: ethA, Network: "eth", Incident: "Example Group"},
		`{"Example Exchange": "` + ethA + `"}`:                         {Address: ethA, EntityName: "Example Exchange"},
		`{"name": "Example Exchange", "wallets": ["` + ethA + `"]}`:    {Address: ethA, EntityName: "Example Exchange"},
		`{"btc_addresses": ["` + btcA + `"]}`:                          {Address: btcA, Network: "btc"},
	} {
		rows, _ := mustRows(t, "auto", "a.json", doc)
		for i := range rows {
			rows[i].Locator = ""
		}
		if diff := cmp.Diff([]Row{want}, rows); diff != "" {
			t.Errorf("%s:\n%s", doc, diff)
		}
	}
}

// Only our own export is strict: a line with a field that it does not have says so, in a file that begins with our own fields alone.
func TestOurOwnLinesAreStrict(t *testing.T) {
	rows, _ := mustRows(t, "auto", "a.ndjson", `{"address": "`+ethA+`", "category": "scam"}`+"\n"+`{"addr": "`+ethB+`"}`+"\n")
	if len(rows) != 2 || rows[1].Problem != "addr: unknown field" || !rows[1].Unread {
		t.Errorf("%+v", rows)
	}
	rows, _ = mustRows(t, "auto", "a.ndjson", `{"addr": "`+ethB+`"}`+"\n"+`{"address": "`+ethA+`", "category": "scam"}`+"\n")
	if len(rows) != 2 || rows[0].Address != ethB || rows[1].Address != ethA || rows[0].Problem+rows[1].Problem != "" {
		t.Errorf("%+v", rows)
	}
}

// Objects that nest deeply or have many members are read in linear time.
func TestHostileObjects(t *testing.T) {
	deep := strings.Repeat(`{"wallets":`, 5000) + `"` + ethA + `"` + strings.Repeat("}", 5000)
	refused(t, "json", memory("deep.json", []byte("["+deep+"]")), "deeper")
	many := map[string]string{}
	for i := range 900 {
		many["w"+strings.Repeat("x", i)] = strings.ToLower(ethA)
	}
	b, err := json.Marshal([]any{many})
	if err != nil {
		t.Fatal(err)
	}
	if rows, _ := mustRows(t, "json", "many.json", string(b)); len(rows) != 900 {
		t.Errorf("%d rows", len(rows))
	}
}

// A JSON listing with an invalid value is read, and the value is reported as in a table.
func TestInvalidValuesInJSONAreReported(t *testing.T) {
	const want = "soon"
	for doc, format := range map[string]string{
		`[{"address": "` + ethA + `", "date": "soon"}]`:                                            "json",
		`{"date_listed": "soon", "wallets": ["` + ethA + `"]}`:                                     "json",
		`{"wallet": "` + ethA + `", "date": "soon"}` + "\n" + `{"wallet": "` + ethB + `"}`:         "ndjson",
		`{"title": "x", "creator": "y", "tags": [{"address": "` + ethA + `", "lastmod": "soon"}]}`: "tagpack",
	} {
		rows, info := mustRows(t, "auto", "a", doc)
		if info.Format != format || len(rows) == 0 || rows[0].Problem != "" || !strings.Contains(rows[0].Note, want) || !warned(info, "unread_dates") {
			t.Errorf("%s: %+v %+v", doc, rows, info)
		}
	}
	rows, info := mustRows(t, "json", "a", `[{"address": "`+ethA+`", "url": "nowhere", "entity_type": "gang"}]`)
	if len(rows) != 1 || !warned(info, "unread_urls") || !warned(info, "unknown_entity_types") {
		t.Errorf("%+v %+v", rows, info)
	}
}

// The name of a column and of a JSON member names the asset in the same ways.
func TestNamesOfColumnsAndMembersNameTheirAsset(t *testing.T) {
	for _, name := range []string{"btc_address", "btcAddress", "btcaddress", "BTC wallet", "Wallet (BTC)", "btcaddresses"} {
		rows, _ := mustRows(t, "csv", "a.csv", "owner,"+name+",eth_address\nA,12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h,"+ethA+"\n")
		if len(rows) != 2 || !strings.EqualFold(rows[0].Asset, "btc") {
			t.Errorf("csv %s: %+v", name, rows)
		}
		rows, _ = mustRows(t, "json", "a.json", `[{"owner": "A", "`+name+`": "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h"}]`)
		if len(rows) != 1 || !strings.EqualFold(rows[0].Network, "btc") {
			t.Errorf("json %s: %+v", name, rows)
		}
	}
}
