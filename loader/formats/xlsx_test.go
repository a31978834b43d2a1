package formats

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"interdict/lists/fault"
)

// workbookOf makes a workbook with excelize: what another program writes, ours must read.
func workbookOf(t testing.TB, fill func(f *excelize.File)) []byte {
	t.Helper()
	f := excelize.NewFile()
	fill(f)
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func setRow(t testing.TB, f *excelize.File, sheet string, row int, cells ...any) {
	t.Helper()
	if err := f.SetSheetRow(sheet, fmt.Sprintf("A%d", row), &cells); err != nil {
		t.Fatal(err)
	}
}

// TestUpdateWorkbooks writes testdata/xlsx when asked to.
func TestUpdateWorkbooks(t *testing.T) {
	if !*update {
		t.Skip("only with -update")
	}
	book := workbookOf(t, func(f *excelize.File) {
		if err := f.SetSheetName("Sheet1", "Bitcoin"); err != nil {
			t.Fatal(err)
		}
		setRow(t, f, "Bitcoin", 1, "Wallets of the annex")
		setRow(t, f, "Bitcoin", 3, "Wallet Address", "Owner", "Date added", "Score", "Comment")
		setRow(t, f, "Bitcoin", 4, "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h", "YAN, Xiaobing", time.Date(2019, 8, 21, 15, 30, 0, 0, time.UTC), 7, " padded ")
		setRow(t, f, "Bitcoin", 5, "1Kuf2Rd8mDyAViwBozGTNYnvWL8uYFrkVo", nil, "2019-08-22")
		setRow(t, f, "Bitcoin", 7, 361738751)
		if err := f.SetCellRichText("Bitcoin", "B5", []excelize.RichTextRun{{Text: "Lazarus "}, {Text: "Group", Font: &excelize.Font{Bold: true}}}); err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{"Ethereum", "Notes"} {
			if _, err := f.NewSheet(s); err != nil {
				t.Fatal(err)
			}
		}
		setRow(t, f, "Ethereum", 1, "address", "chain", "valid_until")
		setRow(t, f, "Ethereum", 2, "0x098B716B8Aaf21512996dC57EB0615e2383E2f96", "ethereum", 47000.5)
		setRow(t, f, "Notes", 1, "This sheet explains the others.")
		if err := f.SetSheetVisible("Ethereum", false); err != nil {
			t.Fatal(err)
		}
	})
	if err := os.WriteFile("testdata/xlsx/wallets.xlsx", book, 0o644); err != nil {
		t.Fatal(err)
	}
}

// Excelize reads the same cells, wherever both can.
func TestWorkbooksAreReadAsExcelizeReadsThem(t *testing.T) {
	words := []string{"", "a", " b ", "ü", "<&>\"'", "x\ny", "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h"}
	book := workbookOf(t, func(f *excelize.File) {
		setRow(t, f, "Sheet1", 1, "address", "note", "entity", "asset")
		for i := range 200 {
			setRow(t, f, "Sheet1", i+2, fmt.Sprintf("address-%d", i), words[i%len(words)], words[(i*3)%len(words)], float64(i)/4)
		}
	})
	rows, _, err := rowsOf(t, "auto", Options{}, memory("a.xlsx", book))
	if err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(book), excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cells, err := f.GetRows("Sheet1")
	if err != nil {
		t.Fatal(err)
	}
	var want []Row
	for i, c := range cells[1:] {
		c = append(c, "", "", "", "")
		want = append(want, Row{Address: trim(c[0]), Note: trim(c[1]), EntityName: trim(c[2]), Asset: trim(c[3]), Locator: fmt.Sprintf("row %d", i+2)})
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
}

func TestDatesOfWorkbooksFollowTheirEpoch(t *testing.T) {
	for date1904, want := range map[bool]string{false: "2028-09-04", true: "2032-09-05"} {
		book := workbookOf(t, func(f *excelize.File) {
			if err := f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &date1904}); err != nil {
				t.Fatal(err)
			}
			setRow(t, f, "Sheet1", 1, "address", "valid_until")
			setRow(t, f, "Sheet1", 2, "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h", 47000)
		})
		rows, _, err := rowsOf(t, "auto", Options{}, memory("a.xlsx", book))
		if err != nil || len(rows) != 1 || rows[0].ValidUntil != want {
			t.Errorf("1904 %v: %+v, %v, want %s", date1904, rows, err, want)
		}
	}
}

func TestColumnsOfAWorkbookCanBeMapped(t *testing.T) {
	book := workbookOf(t, func(f *excelize.File) {
		setRow(t, f, "Sheet1", 1, "Nr", "Konto", "Inhaber")
		setRow(t, f, "Sheet1", 2, 1, "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h", "X")
		if _, err := f.NewSheet("Other"); err != nil {
			t.Fatal(err)
		}
		setRow(t, f, "Other", 1, "Nr")
	})
	rows, info, err := rowsOf(t, "auto", Options{Mapping: map[string]string{"address": "konto", "entity": "Inhaber"}}, memory("a.xlsx", book))
	if err != nil || len(rows) != 1 || rows[0].Address != "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h" || rows[0].EntityName != "X" || !warned(info, "sheets_not_read") {
		t.Errorf("%+v %+v %v", rows, info, err)
	}
	if _, _, err := rowsOf(t, "auto", Options{Mapping: map[string]string{"address": "missing"}}, memory("a.xlsx", book)); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), `"missing"`) {
		t.Error(err)
	}
	// without a mapping the content shows which column it is
	if rows, _, err := rowsOf(t, "auto", Options{}, memory("a.xlsx", book)); err != nil || len(rows) != 1 || rows[0].Address != "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h" {
		t.Errorf("%+v %v", rows, err)
	}
	refused(t, "auto", memory("a.xlsx", workbookOf(t, func(f *excelize.File) { setRow(t, f, "Sheet1", 1, "Nr", "Konto") })), "no sheet")
}

// zipped makes an archive of names and contents, in order.
func zipped(t testing.TB, parts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		f, err := w.Create(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, parts[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const (
	bookXML  = `<workbook xmlns:r="x"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>`
	bookRels = `<Relationships><Relationship Id="rId1" Type="http://x/worksheet" Target="/xl/worksheets/sheet1.xml"/></Relationships>`
)

func bookWith(t testing.TB, sheet, shared string) File {
	t.Helper()
	return memory("a.xlsx", zipped(t, "xl/workbook.xml", bookXML, "xl/_rels/workbook.xml.rels", bookRels, "xl/worksheets/sheet1.xml", sheet, "xl/sharedStrings.xml", shared))
}

func TestDamagedWorkbooksAreRefused(t *testing.T) {
	const head = `<worksheet><sheetData><row><c t="inlineStr"><is><t>address</t></is></c></row>`
	for name, c := range map[string]struct {
		file  File
		words string
	}{
		"a text that is not there":  {bookWith(t, head+`<row><c t="s"><v>7</v></c></row></sheetData></worksheet>`, `<sst/>`), "does not exist"},
		"a negative text":           {bookWith(t, head+`<row><c t="s"><v>-1</v></c></row></sheetData></worksheet>`, `<sst/>`), "does not exist"},
		"cells out of order":        {bookWith(t, head+`<row><c r="B2"><v>1</v></c><c r="A2"><v>1</v></c></row></sheetData></worksheet>`, `<sst/>`), "invalid or repeated"},
		"a column beyond all":       {bookWith(t, head+`<row><c r="ZZZZ2"><v>1</v></c></row></sheetData></worksheet>`, `<sst/>`), "invalid or repeated"},
		"a reference of lower case": {bookWith(t, head+`<row><c r="a2"><v>1</v></c></row></sheetData></worksheet>`, `<sst/>`), "invalid or repeated"},
		"a DTD":                     {bookWith(t, `<!DOCTYPE x>`+head+`</sheetData></worksheet>`, `<sst/>`), "DTD"},
		"another root":              {bookWith(t, `<chart/>`, `<sst/>`), "worksheet"},
		"a cut sheet":               {bookWith(t, head, `<sst/>`), "truncated"},
		"no sheets":                 {memory("a.xlsx", zipped(t, "xl/workbook.xml", `<workbook/>`)), "no sheets"},
		"a sheet that is not there": {memory("a.xlsx", zipped(t, "xl/workbook.xml", bookXML, "xl/_rels/workbook.xml.rels", bookRels)), "missing"},
		"a column that comes twice": {bookWith(t, `<worksheet><sheetData><row><c><v>1</v></c></row><row/><row><c><v>1</v></c></row><row><c><v>1</v></c></row><row><c><v>1</v></c></row><row><c t="inlineStr"><is><t>address</t></is></c><c t="inlineStr"><is><t>Address</t></is></c></row></sheetData></worksheet>`, `<sst/>`), "twice"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, "auto", c.file, c.words) })
	}
}

// Not every program names the parts of a workbook as Excel does.
func TestPartsOfAWorkbookAreFoundByTheirRelations(t *testing.T) {
	const rels = `<Relationships><Relationship Id="rId1" Type="http://x/worksheet" Target="pages/one.xml"/><Relationship Id="rId2" Type="http://x/sharedStrings" Target="/xl/texts.xml"/></Relationships>`
	rows, _, err := rowsOf(t, "auto", Options{}, memory("a.xlsx", zipped(t, "xl/workbook.xml", bookXML, "xl/_rels/workbook.xml.rels", rels,
		"xl/pages/one.xml", `<worksheet><sheetData><row><c t="str"><f>A()</f><v>address</v></c><c t="s"><v>1</v></c></row><row><c t="s"><v>0</v></c><c t="b"><v>1</v></c></row></sheetData></worksheet>`,
		"xl/texts.xml", `<sst><si><t>a1</t><rPh><t>phonetic</t></rPh></si><si><r><t>no</t></r><r><t>te</t></r></si></sst>`)))
	if want := []Row{{Address: "a1", Note: "1", Locator: "row 2"}}; err != nil || cmp.Diff(want, rows) != "" {
		t.Errorf("%+v, %v", rows, err)
	}
}

func TestAWorkbookBehindAPasswordIsRefused(t *testing.T) {
	b := zipped(t, "xl/workbook.xml", bookXML)
	b[bytes.Index(b, []byte("PK\x01\x02"))+8] |= 1
	refused(t, "auto", memory("a.xlsx", b), "password")
}

func TestAWorkbookThatUnpacksToTooMuchIsRefused(t *testing.T) {
	row := `<row><c t="inlineStr"><is><t>` + strings.Repeat("A", 1000) + `</t></is></c></row>`
	bomb := `<worksheet><sheetData><row><c t="inlineStr"><is><t>address</t></is></c></row>` + strings.Repeat(row, 66_500) + `</sheetData></worksheet>`
	refused(t, "auto", bookWith(t, bomb, `<sst/>`), "bomb")
	texts := bookWith(t, `<worksheet/>`, `<sst>`+strings.Repeat(`<si><t>`+strings.Repeat("A", 10_000)+`</t></si>`, 5100)+`</sst>`)
	if _, _, err := rowsOf(t, "auto", Options{}, texts); !fault.Is(err, fault.TooLarge) {
		t.Errorf("got %v, want fault.TooLarge", err)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAMergedCellHoldsForAllItsRows(t *testing.T) {
	book := workbookOf(t, func(f *excelize.File) {
		setRow(t, f, "Sheet1", 1, "entity", "address", "asset")
		setRow(t, f, "Sheet1", 2, "Mixer", btc1, "XBT")
		setRow(t, f, "Sheet1", 3, nil, btc2)
		setRow(t, f, "Sheet1", 4, nil, tron1, "TRX")
		setRow(t, f, "Sheet1", 5, "Other", evm1, "ETH")
		check(t, f.MergeCell("Sheet1", "A2", "A4"))
		check(t, f.MergeCell("Sheet1", "C2", "C3"))
	})
	rows, _, err := rowsOf(t, "auto", Options{}, memory("a.xlsx", book))
	want := []Row{{Address: btc1, EntityName: "Mixer", Asset: "XBT", Locator: "row 2"}, {Address: btc2, EntityName: "Mixer", Asset: "XBT", Locator: "row 3"},
		{Address: tron1, EntityName: "Mixer", Asset: "TRX", Locator: "row 4"}, {Address: evm1, EntityName: "Other", Asset: "ETH", Locator: "row 5"}}
	if diff := cmp.Diff(want, rows); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

func TestHiddenSheetsAndRowsAreNamedAndReadWhenAskedFor(t *testing.T) {
	book := workbookOf(t, func(f *excelize.File) {
		setRow(t, f, "Sheet1", 1, "address")
		setRow(t, f, "Sheet1", 2, btc1)
		setRow(t, f, "Sheet1", 3, btc2)
		check(t, f.SetRowVisible("Sheet1", 3, false))
		_, err := f.NewSheet("Old")
		check(t, err)
		setRow(t, f, "Old", 1, "address")
		setRow(t, f, "Old", 2, evm1)
		check(t, f.SetSheetVisible("Old", false))
	})
	rows, info, err := rowsOf(t, "auto", Options{}, memory("a.xlsx", book))
	if err != nil || len(rows) != 1 || !warned(info, "hidden_sheets") || !warned(info, "hidden_rows") {
		t.Errorf("%+v %+v %v", rows, info, err)
	}
	rows, info, err = rowsOf(t, "auto", Options{Mapping: map[string]string{"hidden": "read"}}, memory("a.xlsx", book))
	if err != nil || len(rows) != 3 || len(info.Warnings) != 0 {
		t.Errorf("%+v %+v %v", rows, info, err)
	}
}

func TestASheetForEachChainAndAColumnForEachAsset(t *testing.T) {
	book := workbookOf(t, func(f *excelize.File) {
		check(t, f.SetSheetName("Sheet1", "TRON wallets"))
		setRow(t, f, "TRON wallets", 1, tron1) // no header
		setRow(t, f, "TRON wallets", 2, tron2)
		_, err := f.NewSheet("Others")
		check(t, err)
		setRow(t, f, "Others", 1, "Name", "BTC", "ETH")
		setRow(t, f, "Others", 2, "A", btc1, evm1)
		_, err = f.NewSheet("Notes")
		check(t, err)
		setRow(t, f, "Notes", 1, "remark", "by")
		setRow(t, f, "Notes", 2, "see "+evm2, "B")
	})
	rows, _, err := rowsOf(t, "auto", Options{}, memory("a.xlsx", book))
	want := []Row{{Address: tron1, Asset: "TRON", Locator: "sheet TRON wallets row 1"}, {Address: tron2, Asset: "TRON", Locator: "sheet TRON wallets row 2"},
		{Address: btc1, EntityName: "A", Asset: "BTC", Locator: "sheet Others row 2"}, {Address: evm1, EntityName: "A", Asset: "ETH", Locator: "sheet Others row 2 address 2"},
		{Address: "see " + evm2, Unread: true, Locator: "sheet Notes row 2", Problem: "sheets: this sheet has no column of addresses and is not read; name the column in the mapping"}}
	if diff := cmp.Diff(want, rows); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	refused(t, "auto", memory("a.xlsx", workbookOf(t, func(f *excelize.File) {
		setRow(t, f, "Sheet1", 1, "from", "to")
		setRow(t, f, "Sheet1", 2, evm1, evm2)
	})), "mapping")
}

// A cell in the last column does not make every row as wide, wherever it stands.
func TestACellFarToTheRightCostsNoMore(t *testing.T) {
	n := 4000
	if raceEnabled {
		n = 400
	}
	cell := func(column string, row int, text string) string {
		return fmt.Sprintf(`<c r="%s%d" t="inlineStr"><is><t>%s</t></is></c>`, column, row, text)
	}
	book := func(header string, row func(i int) string, after string) File {
		var b strings.Builder
		b.WriteString("<worksheet><sheetData>" + header)
		for i := 2; i < n+2; i++ {
			b.WriteString("<row>" + row(i) + "</row>")
		}
		b.WriteString("</sheetData>" + after + "</worksheet>")
		return bookWith(t, b.String(), "<sst/>")
	}
	evm := func(i int) string { return fmt.Sprintf("0x%040x", i) }
	narrow := "<row>" + cell("A", 1, "address") + cell("B", 1, "note") + "</row>"
	wide := "<row>" + cell("A", 1, "address") + cell("B", 1, "note") + cell("XFC", 1, "stray") + "</row>"
	plain := func(i int) string { return cell("A", i, evm(i)) }
	far := func(i int) string { return cell("A", i, evm(i)) + cell("XFC", i, "far") }
	once := func(i int) string {
		if i == n/2 {
			return far(i)
		}
		return plain(i)
	}
	merged := fmt.Sprintf(`<mergeCells><mergeCell ref="XFC%d:XFC%d"/></mergeCells>`, n/2, n)
	read := func(file File) (rows []Row, allocated uint64, err error) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		rows, _, err = rowsOf(t, "xlsx", Options{}, file)
		runtime.ReadMemStats(&after)
		return rows, after.TotalAlloc - before.TotalAlloc, err
	}
	_, usual, err := read(book(narrow, plain, ""))
	check(t, err)
	for name, c := range map[string]struct {
		file File
		note string // of the row in the middle
	}{
		"one row":                {book(narrow, once, ""), "further cell: far"},
		"every row":              {book(narrow, far, ""), "further cell: far"},
		"header":                 {book(wide, plain, ""), ""},
		"header and every row":   {book(wide, far, ""), ""},
		"merged":                 {book(narrow, once, merged), "further cell: far"},
		"header and merged":      {book(wide, once, merged), ""},
		"no header":              {book("", far, ""), ""},
		"the addresses":          {book("<row>"+cell("A", 1, "note")+cell("XFC", 1, "address")+"</row>", func(i int) string { return cell("XFC", i, evm(i)) }, ""), ""},
		"no column of addresses": {book("<row>"+cell("A", 1, "x")+"</row>", func(i int) string { return cell("A", i, "x") + cell("XFC", i, "far") }, ""), "-"},
	} {
		rows, allocated, err := read(c.file)
		if allocated > 5*usual {
			t.Errorf("%s: %d bytes for %d rows, %d without the cell", name, allocated, n, usual)
		}
		if c.note == "-" {
			if !fault.Is(err, fault.Invalid) || len(rows) != 0 {
				t.Errorf("%s: %d rows, %v", name, len(rows), err)
			}
			continue
		}
		if err != nil || len(rows) != n {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
			continue
		}
		got := rows[n/2-2]
		if want := (Row{Address: evm(n / 2), Note: c.note, Locator: got.Locator, EntityName: got.EntityName}); cmp.Diff(want, got) != "" {
			t.Errorf("%s: %s", name, cmp.Diff(want, got))
		}
	}
}

// Messages name the columns of a wide sheet as the sheet counts them, and a merged cell holds for its rows there, too.
func TestColumnsOfAWideSheetKeepTheirNumbers(t *testing.T) {
	book := workbookOf(t, func(f *excelize.File) {
		setRow(t, f, "Sheet1", 1, "address", "note")
		check(t, f.SetCellValue("Sheet1", "CV1", "entity"))
		check(t, f.SetCellValue("Sheet1", "CX1", "other wallets seen"))
		setRow(t, f, "Sheet1", 2, btc1, "first")
		check(t, f.SetCellValue("Sheet1", "CV2", "Mixer"))
		setRow(t, f, "Sheet1", 3, btc2)
		check(t, f.SetCellValue("Sheet1", "CX3", evm1+" and others"))
		check(t, f.SetCellValue("Sheet1", "CW4", tron1))
		for _, other := range []string{"CW2", "CX2", "CW3", "CX4"} { // so that these are no columns of addresses
			check(t, f.SetCellValue("Sheet1", other, "nothing"))
		}
		check(t, f.MergeCell("Sheet1", "CV2", "CV4"))
	})
	rows, _, err := rowsOf(t, "auto", Options{}, memory("a.xlsx", book))
	want := []Row{{Address: btc1, Note: "first", EntityName: "Mixer", Locator: "row 2"}, {Address: btc2, EntityName: "Mixer", Locator: "row 3"},
		{Address: evm1 + " and others", Unread: true, Locator: "row 3 column 102",
			Problem: `columns: "other wallets seen" holds an address and is not read; name the columns of addresses in the mapping`},
		{EntityName: "Mixer", Locator: "row 4", Unread: true, Problem: "address: missing, but column 101 holds one; name the columns of addresses in the mapping"}}
	if diff := cmp.Diff(want, rows); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	bare := workbookOf(t, func(f *excelize.File) {
		for i, address := range []string{btc1, btc2} {
			setRow(t, f, "Sheet1", i+1, address, "Somebody")
			check(t, f.SetCellValue("Sheet1", fmt.Sprintf("CV%d", i+1), fmt.Sprintf("case %d", i)))
		}
	})
	rows, _, err = rowsOf(t, "auto", Options{}, memory("a.xlsx", bare))
	want = []Row{{Address: btc1, EntityName: "Somebody", Note: "column 100: case 0", Locator: "row 1"}, {Address: btc2, EntityName: "Somebody", Note: "column 100: case 1", Locator: "row 2"}}
	if diff := cmp.Diff(want, rows); diff != "" || err != nil {
		t.Errorf("without a header: %v %s", err, diff)
	}
}
