package formats

import "testing"

func TestTheUNListHasNoRowsUntilItMentionsAWallet(t *testing.T) {
	for text, want := range map[string]int{
		"Worked for Hong Kong Electronics, height 180 cm, strong.": 0,
		"Uses virtual currency wallets.":                           1,
		"Cryptocurrency: see annex":                                1,
		"BITCOIN":                                                  1,
	} {
		rows, info := mustRows(t, "auto", "un.xml", `<CONSOLIDATED_LIST><ENTITIES><ENTITY><DATAID>9</DATAID><FIRST_NAME>X</FIRST_NAME><COMMENTS1>`+text+`</COMMENTS1></ENTITY></ENTITIES></CONSOLIDATED_LIST>`)
		if len(rows) != want || !warned(info, "no_addresses") {
			t.Errorf("%q: %+v %+v", text, rows, info)
		}
		for _, r := range rows {
			if r.Problem == "" || r.Address != "" || r.EntityName != "X" || r.Locator != "DATAID 9" {
				t.Errorf("%+v", r)
			}
		}
	}
}

func TestAnAddressInATextOfTheUNListIsRead(t *testing.T) {
	rows, _ := mustRows(t, "auto", "un.xml", `<CONSOLIDATED_LIST><ENTITIES><ENTITY><DATAID>9</DATAID><FIRST_NAME>X</FIRST_NAME><COMMENTS1>Uses USDT: `+tronA+` and ETH: `+ethA+`.</COMMENTS1></ENTITY></ENTITIES></CONSOLIDATED_LIST>`)
	if len(rows) != 2 || rows[0].Address != tronA || rows[1].Address != ethA || rows[0].EntityName != "X" || rows[0].Problem+rows[1].Problem != "" {
		t.Errorf("%+v", rows)
	}
}
