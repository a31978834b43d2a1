package formats

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A workbook is shown by its first sheet with a column of addresses; without one, by its first sheet that has rows.
func TestInspectWorkbook(t *testing.T) {
	sheet := func(header, cell string) []byte {
		return zipped(t, "xl/workbook.xml", bookXML, "xl/_rels/workbook.xml.rels", bookRels, "xl/worksheets/sheet1.xml",
			`<worksheet><sheetData><row r="1"><c r="A1" t="str"><v>`+header+`</v></c><c r="B1" t="str"><v>owner</v></c></row>`+
				`<row r="2"><c r="A2" t="str"><v>`+cell+`</v></c><c r="B2" t="str"><v>X</v></c></row></sheetData></worksheet>`)
	}
	for _, x := range []struct {
		header, cell string
		want         Table
	}{
		{"Wallet No", "0x098B716B8Aaf21512996dC57EB0615e2383E2f96", Table{Columns: []Column{{"Wallet No", "address", 1}, {"owner", "entity", 0}},
			Rows: [][]string{{"0x098B716B8Aaf21512996dC57EB0615e2383E2f96", "X"}}, Mapping: map[string]string{"address": "Wallet No", "entity": "owner"}}},
		{"number", "7", Table{Columns: []Column{{"number", "", 0}, {"owner", "entity", 0}}, Rows: [][]string{{"7", "X"}}, Mapping: map[string]string{"entity": "owner"}, Missing: true}},
	} {
		got, err := Inspect(t.Context(), []File{memory("w.xlsx", sheet(x.header, x.cell))}, "auto", Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got.Table == nil {
			t.Fatalf("no table: %+v", got)
		}
		if x.want.Sheet = got.Table.Sheet; x.want.Sheet == "" {
			t.Error("the sheet has no name")
		}
		if d := cmp.Diff(&x.want, got.Table); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff("xlsx", got.Format); d != "" {
			t.Error(d)
		}
	}
}
