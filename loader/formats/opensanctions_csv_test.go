package formats

import (
	"slices"
	"strings"
	"testing"
)

const simpleHeader = `"id","schema","name","aliases","birth_date","countries","addresses","identifiers","sanctions","phones","emails","dataset","first_seen","last_seen","last_change"` + "\n"

// Older files have no program_ids; the id is in lower case and the postal address no address.
func TestTheAddressOfASimpleTargetIsItsNameNotItsID(t *testing.T) {
	rows, info := mustRows(t, "auto", "targets.simple.csv", simpleHeader+
		`"rwre-1abc","CryptoWallet","1aBc","","","","1 Street","1aBc","","","","R","2023-04-20T15:28:17","2025-09-08T02:03:08","2023-04-20T15:28:17"`+"\n"+
		`"rwre-2","CryptoWallet","A wallet","","","","","1DeF","","","","R","","",""`+"\n"+
		`"rwre-3","CryptoWallet","","","","","","","","","","R","","",""`+"\n")
	if len(rows) != 3 || rows[0].Address != "1aBc" || rows[1].Address != "1DeF" || rows[2].Problem != "name: missing" || info.Published != "2025-09-08" {
		t.Errorf("%+v %+v", rows, info)
	}
	refused(t, "opensanctions_csv", memory("a.csv", []byte("\"id\",\"schema\",\"name\",\"a\",\"b\"\nx\n")), "identifiers")
}

func TestEachIdentifierIsAListing(t *testing.T) {
	for cells, want := range map[string][]string{
		ethA + `","` + ethA + ";" + ethB: {ethA, ethB}, `A wallet","` + ethA + "; " + ethB: {ethA, ethB}, ethA + `","` + ethB: {ethA, ethB}, ethA + `","`: {ethA},
		ethA + `","` + ethA + ";" + ethA: {ethA}, `Account","361738751;` + ethA: {"", ethA},
	} {
		name, identifiers, _ := strings.Cut(cells, `","`)
		rows, _ := mustRows(t, "opensanctions_csv", "targets.simple.csv", simpleHeader+`"w","CryptoWallet","`+name+`","","","","1 Street","`+identifiers+`","","","","R","","",""`+"\n")
		var got []string
		for _, r := range rows {
			got = append(got, r.Address)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", cells, got, want)
		}
	}
}
