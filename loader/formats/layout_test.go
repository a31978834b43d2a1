package formats

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"interdict/lists/fault"
)

// found reads a table and shows its rows as "address asset".
func foundAddresses(t *testing.T, opts Options, content string) ([]string, Info, error) {
	t.Helper()
	rows, info, err := rowsOf(t, "auto", opts, memory("a.csv", []byte(content)))
	var got []string
	for _, r := range rows {
		got = append(got, strings.TrimSpace(r.Address+" "+r.Asset+stringIf(r.Problem != "", " !"+r.Problem)))
	}
	return got, info, err
}

func TestColumnsOfAddressesAreFoundByTheirContent(t *testing.T) {
	for table, want := range map[string][]string{
		"id,Crypto wallet\n1," + btc1 + "\n":                                              {btc1},
		"id,Adresse (BTC)\n1," + btc1 + "\n":                                              {btc1 + " BTC"},
		"id,Contract Address\n1," + evm1 + "\n":                                           {evm1},
		"Sanctioned Addresses;Who\n" + tron1 + ";A\n":                                     {tron1},
		"x,y\n1," + evm1 + "\n2," + evm2 + "\n":                                           {evm1, evm2},
		"name,adresse\nA,1 rue du Port\n":                                                 nil,
		"wallet,Wallet 2\n" + btc1 + "," + btc2 + "\n":                                    {btc1, btc2},
		"btc,eth\n" + btc1 + ",\n," + evm1 + "\n":                                         {btc1 + " btc", evm1 + " eth"},
		"address,address lower\n" + evm1 + "," + strings.ToLower(evm1) + "\n":             {evm1},
		"tx hash,wallet\n" + hash + "," + evm1 + "\n":                                     {evm1},
		"address,url\n" + evm1 + ",https://etherscan.io/address/" + evm1:                  {evm1},
		"name,link\nA,https://etherscan.io/address/" + evm1 + "\n":                        {evm1},
		"address,note\n" + evm1 + ",see " + evm2 + "\n":                                   {evm1},
		"address\n" + tron1 + ";" + tron2 + "\n" + btc1 + "; " + btc2 + ";" + evm1 + "\n": {tron1, tron2, btc1, btc2, evm1},
		"address,who\n" + tron1 + ",A," + tron2 + "\n":                                    {tron1, tron2},
		// one row of the column holds two kinds of text
		"address,x\n" + btc1 + ",1\nuser 77,2\nuser 78,3\n": {btc1, "user 77", "user 78"},
	} {
		got, _, err := foundAddresses(t, Options{}, table)
		if diff := cmp.Diff(want, got); diff != "" || (err != nil) != (want == nil) {
			t.Errorf("%q: %v\n%s", table, err, diff)
		}
	}
}

func TestUnclearColumnsNeedAMapping(t *testing.T) {
	for _, header := range []string{"from,to", "victim address,attacker address", "address,token address", "wallet,funded by"} {
		table := header + "\n" + evm1 + "," + evm2 + "\n"
		if _, _, err := foundAddresses(t, Options{}, table); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "mapping") {
			t.Errorf("%s: %v", header, err)
		}
		first, second, _ := strings.Cut(header, ",")
		got, _, err := foundAddresses(t, Options{Mapping: map[string]string{"address": second}}, table)
		if diff := cmp.Diff([]string{evm2}, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", header, err, diff)
		}
		got, _, err = foundAddresses(t, Options{Mapping: map[string]string{"address": first + "|" + second}}, table)
		if diff := cmp.Diff([]string{evm1, evm2}, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", header, err, diff)
		}
	}
}

// An address in a column that is not read, or in a row without one, stops the version.
func TestAnAddressInAnotherColumnIsUnread(t *testing.T) {
	table := "address,colour\n" + strings.Repeat(evm1+",red\n", 150) + evm1 + "," + btc1 + "\n," + btc2 + "\n"
	rows, _ := mustRows(t, "csv", "a.csv", table)
	var unread []string
	for _, r := range rows {
		if r.Unread {
			unread = append(unread, r.Locator+": "+r.Problem)
		}
	}
	want := []string{`line 152 column 2: columns: "colour" holds an address and is not read; name the columns of addresses in the mapping`,
		"line 153: address: missing, but column 2 holds one; name the columns of addresses in the mapping"}
	if diff := cmp.Diff(want, unread); diff != "" || len(rows) != 153 {
		t.Errorf("%d rows\n%s", len(rows), diff)
	}
}

func TestTheOrderOfDayAndMonthIsThatOfTheColumn(t *testing.T) {
	far := strings.Repeat(evm1+",01/01/2020\n", 200)
	for table, want := range map[string]string{
		evm1 + ",03/04/2024\n" + far + evm2 + ",12/31/2023\n":                    "2024-03-04",
		evm1 + ",03/04/2024\n" + far + evm2 + ",31/12/2023\n":                    "2024-04-03",
		evm1 + ",3-4-24\n" + evm2 + ",31-12-23\n":                                "2024-04-03",
		evm1 + ",03/04/2024 10:00\n" + evm2 + ",12/31/2023\n":                    "2024-03-04",
		evm1 + ",03/04/2024\n":                                                   "", // nothing shows the order
		evm1 + ",03/04/2024\n" + evm2 + ",31/12/2023\n" + btc1 + ",12/31/2023\n": "",
		evm1 + ",24.2.2025\n":                                                    "2025-02-24",
		evm1 + ",45000\n":                                                        "2023-03-15", // a day number of a spreadsheet
		evm1 + ",45000.75\n":                                                     "2023-03-15",
	} {
		rows, info := mustRows(t, "csv", "a.csv", "address,date\n"+table)
		if rows[0].ListedOn != want || rows[0].Problem != "" {
			t.Errorf("%.60q: %+v, want %s", table, rows[0], want)
		}
		if want == "" && (rows[0].Note == "" || !warned(info, "unread_dates")) {
			t.Errorf("%.60q: the date is lost: %+v %+v", table, rows[0], info)
		}
	}
}

func TestAMappingTranslatesWords(t *testing.T) {
	rows, _, err := rowsOf(t, "csv", Options{Mapping: map[string]string{"category:phishing": "scam", "entity_type:gang": "entity", "network:ether": "ethereum"}},
		memory("a.csv", []byte("address,category,entity_type,network\n"+evm1+",Phishing,Gang,Ether\n")))
	want := []Row{{Address: evm1, Category: "scam", EntityType: "entity", Network: "ethereum", Locator: "line 2"}}
	if diff := cmp.Diff(want, rows); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	for key, value := range map[string]string{"colour": "x", "address:x": "y", "category:": "x", "entity": "a|b", "address": "a||b", "hidden": "yes"} {
		if _, err := parseMapping(map[string]string{key: value}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
	if got := fmt.Sprint(pathOf("data.*.wallets[].address"), pathOf("Wallet No")); got != "[{data 0} {* 0} {wallets 1} {address 0}] []" {
		t.Error(got)
	}
}
