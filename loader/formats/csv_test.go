package formats

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The names that people give to columns, each alone and with every separator.
func TestNamesOfColumnsAreUnderstood(t *testing.T) {
	for name, pick := range map[string]func(Row) string{
		"asset": asset, "Currency": asset, "COIN": asset, "symbol": asset, "token": asset,
		"network": network, "chain": network, "Blockchain": network,
		"name": entity, "Entity": entity, "label": entity, "tag": entity, "owner": entity, "description": entity,
		"category": func(r Row) string { return r.Category }, "confidence": func(r Row) string { return r.Confidence },
		"programs": func(r Row) string { return strings.Join(r.Programs, ";") }, "incident": func(r Row) string { return r.Incident },
		"entity_id": func(r Row) string { return r.EntityID }, "uid": func(r Row) string { return r.EntityID },
		"note": func(r Row) string { return r.Note }, "Comment": func(r Row) string { return r.Note },
	} {
		for i, address := range []string{"address", "wallet", "wallet_address", "Wallet Address", "publicKey", "public_key", "banned_address", "account", "addr"} {
			sep := string(separators[i%len(separators)])
			rows, info := mustRows(t, "auto", "a.csv", name+sep+address+"\nvalue"+sep+"a1\n")
			if len(rows) != 1 || rows[0].Address != "a1" || pick(rows[0]) != "value" || len(info.Warnings) != 0 {
				t.Errorf("%s%s%s: %+v %+v", name, sep, address, rows, info)
			}
		}
	}
	for _, name := range []string{"listed_on", "date", "date_added", "listed", "valid_until", "expires"} {
		rows, _ := mustRows(t, "auto", "a.csv", name+",address\n2025-02-26,a1\n")
		if len(rows) != 1 || rows[0].ListedOn+rows[0].ValidUntil != "2025-02-26" {
			t.Errorf("%s: %+v", name, rows)
		}
	}
	for _, name := range []string{"url", "reference", "source", "link"} {
		rows, _ := mustRows(t, "auto", "a.csv", name+",address\nhttps://example.com/a,a1\n")
		if len(rows) != 1 || rows[0].URL != "https://example.com/a" {
			t.Errorf("%s: %+v", name, rows)
		}
	}
}

func asset(r Row) string   { return r.Asset }
func network(r Row) string { return r.Network }
func entity(r Row) string  { return r.EntityName }

// The columns of our own csv are those that export writes.
func TestOurOwnColumns(t *testing.T) {
	const header = "address,network,asset,entity,entity_id,entity_type,category,confidence,programs,incident,listed_on,valid_until,url,note"
	if got := strings.Join(fieldNames[:], ","); got != header {
		t.Errorf("the columns are %s", got)
	}
	rows, info := mustRows(t, "csv", "a.csv", header+"\na1,tron,USDT,E,7,vessel,sanctions,confirmed,A;B,I,2020-01-02,2030-01-02,https://x.org,N\n")
	want := []Row{{Address: "a1", Network: "tron", Asset: "USDT", EntityName: "E", EntityID: "7", EntityType: "vessel", Category: "sanctions", Confidence: "confirmed",
		Programs: []string{"A", "B"}, Incident: "I", ListedOn: "2020-01-02", ValidUntil: "2030-01-02", URL: "https://x.org", Note: "N", Locator: "line 2"}}
	if diff := cmp.Diff(want, rows); diff != "" || len(info.Warnings) != 0 {
		t.Errorf("%+v %s", info, diff)
	}
}

func TestUnknownColumnsAreReported(t *testing.T) {
	_, info := mustRows(t, "csv", "a.csv", "address,colour,size,name,label\na1,red,7,N,L\n")
	if len(info.Warnings) != 1 || !strings.Contains(info.Warnings[0].Detail, `"colour", "size"`) {
		t.Errorf("%+v", info)
	}
}

func TestColumnsCanBeMapped(t *testing.T) {
	const table = "Nr;Kontonummer;address;Inhaber\n1;a1;Main Street 1;X\n"
	rows, info, err := rowsOf(t, "auto", Options{Mapping: map[string]string{"address": "kontonummer", "entity": "Inhaber"}}, memory("a.csv", []byte(table)))
	if err != nil || len(rows) != 1 || rows[0].Address != "a1" || rows[0].EntityName != "X" || !warned(info, "unknown_columns") {
		t.Errorf("%+v %+v %v", rows, info, err)
	}
	_, _, err = rowsOf(t, "csv", Options{Mapping: map[string]string{"address": "Konto"}}, memory("a.csv", []byte(table)))
	if err == nil || !strings.Contains(err.Error(), `no column "Konto"`) {
		t.Error(err)
	}
	for _, header := range []string{"address,address", "address,Address", "x,x"} {
		if _, _, err := rowsOf(t, "csv", Options{Mapping: map[string]string{"address": strings.Split(header, ",")[0]}}, memory("a.csv", []byte(header+"\na,b\n"))); err == nil || !strings.Contains(err.Error(), "twice") {
			t.Errorf("%s: %v", header, err)
		}
	}
}

func TestAColumnOfAddressesNeedsNoHeader(t *testing.T) {
	for _, format := range []string{"auto", "csv"} {
		rows, info := mustRows(t, format, "a.csv", "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h\r\n\"1Kuf2Rd8mDyAViwBozGTNYnvWL8uYFrkVo\"\r\n")
		if len(rows) != 2 || rows[0].Address != "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h" || rows[0].Locator != "line 1" {
			t.Errorf("%s: %+v %+v", format, rows, info)
		}
	}
	rows, _ := mustRows(t, "csv", "a.csv", "7,12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h,XBT,Someone\n")
	want := []Row{{Address: "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h", Asset: "XBT", EntityName: "Someone", Note: "column 1: 7", Locator: "line 1"}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
}

// A file without a header shows no address, nor what may be a key, in its error.
func TestALongCellIsNotRepeatedInAnError(t *testing.T) {
	const secret = "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ"
	_, _, err := rowsOf(t, "csv", Options{Mapping: map[string]string{"address": "Konto"}}, memory("a.csv", []byte("X,"+secret+",a note that is longer than any name of a column would be\n")))
	if err == nil || strings.Contains(err.Error(), secret[:10]) || strings.Contains(err.Error(), "any name") || !strings.Contains(err.Error(), `"X"`) {
		t.Error(err)
	}
}

func TestARaggedRowIsAProblemAndKeepsItsAddress(t *testing.T) {
	rows, _ := mustRows(t, "csv", "a.csv", "asset,address,name\nXBT,a1\nXBT\nXBT,a3,N,\nXBT,a4,N,more\n,,\n")
	var got []string
	for _, r := range rows {
		got = append(got, r.Address+" "+r.Problem)
	}
	if diff := cmp.Diff([]string{"a1 columns: 2 instead of 3; correct the row", " columns: 1 instead of 3; correct the row", "a3 ", "a4 columns: 4 instead of 3; correct the row"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAWideTableIsFoundByItsSeparator(t *testing.T) {
	for _, sep := range separators {
		s := string(sep)
		rows, _ := mustRows(t, "auto", "a.csv", strings.Join([]string{"entity", "address", "note"}, s)+"\n"+strings.Join([]string{"a", "a1", `"x,y;z|` + "\t" + `"`}, s)+"\n")
		if len(rows) != 1 || rows[0].Address != "a1" || rows[0].Note != trim("x,y;z|\t") {
			t.Errorf("%q: %+v", s, rows)
		}
	}
}

func TestEachLineHasItsPlace(t *testing.T) {
	rows, _ := mustRows(t, "csv", "a.csv", "address,note\n\na1,\"x\ny\"\na2,z\n")
	if len(rows) != 2 || rows[0].Locator != "line 3" || rows[1].Locator != "line 5" {
		t.Errorf("%+v", rows)
	}
	if got := fmt.Sprint(columnOf("A1"), columnOf("Z9"), columnOf("AA1"), columnOf("XFD1"), columnOf("1")); got != "0 25 26 16383 -1" {
		t.Error(got)
	}
}
