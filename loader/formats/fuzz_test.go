package formats

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"interdict/lists/fault"
)

// fuzz reads anything as one format: it may refuse, with fault.Invalid and not much of an error; what it yields are proper rows; and a
// second reading gives the same.
func fuzz(f *testing.F, format string, seeds ...string) {
	for _, files := range fixtures(f, format) {
		if len(files) > 1 {
			continue
		}
		rc, err := files[0].Open()
		if err != nil {
			f.Fatal(err)
		}
		content, err := io.ReadAll(rc)
		if err != nil {
			f.Fatal(err)
		}
		if err := rc.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(content)
		f.Add(content[:len(content)/2])
		f.Add(bytes.ReplaceAll(content, []byte("1"), []byte("\xff")))
	}
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		file := memory("fuzz", content)
		rows, info, err := rowsOf(t, format, Options{MaxBytes: 64 << 20}, file)
		again, _, err2 := rowsOf(t, format, Options{MaxBytes: 64 << 20}, file)
		if (err == nil) != (err2 == nil) || len(rows) != len(again) {
			t.Fatalf("read twice: %d rows, %v; then %d rows, %v", len(rows), err, len(again), err2)
		}
		if err != nil {
			if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge) {
				t.Fatalf("%v (%s)", err, fault.KindOf(err))
			}
			if len(err.Error()) > 2000 {
				t.Fatalf("the error has %d bytes", len(err.Error()))
			}
			return
		}
		checkInfo(t, info, format)
		for _, r := range rows {
			checkRow(t, r)
		}
	})
}

func checkInfo(t *testing.T, info Info, format string) {
	t.Helper()
	if _, ok := isoDate(info.Published); info.Format != format || info.Published != "" && !ok {
		t.Fatalf("%+v", info)
	}
	for _, w := range info.Warnings {
		if w.Code == "" || len(w.Detail) > 3000 {
			t.Fatalf("%+v", w)
		}
	}
}

// checkRow holds what is promised of every row.
func checkRow(t *testing.T, r Row) {
	t.Helper()
	if r.Locator == "" || r.Address == "" && r.Problem == "" && !r.Removed || len(r.Problem) > 1000 {
		t.Fatalf("%+v", r)
	}
	if r.Problem != "" && !strings.Contains(r.Problem, ": ") {
		t.Fatalf("the problem %q names no field", r.Problem)
	}
	for _, d := range []string{r.ListedOn, r.ValidUntil} {
		if _, ok := isoDate(d); d != "" && !ok {
			t.Fatalf("the date %q: %+v", d, r)
		}
	}
	if !strings.Contains(" individual entity vessel aircraft ", " "+r.EntityType+" ") && r.EntityType != "" || r.URL != "" && !isWebURL(r.URL) && !strings.HasPrefix(r.URL, "https://sanctionssearch.ofac.treas.gov/") {
		t.Fatalf("%+v", r)
	}
	for _, s := range append([]string{r.Address, r.Network, r.Asset, r.EntityID, r.EntityName, r.Incident, r.Note, r.Problem, r.Locator}, r.Programs...) {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			t.Fatalf("%q: %+v", s, r)
		}
	}
	if trim(r.Address) != r.Address || trim(r.Asset) != r.Asset || trim(r.EntityName) != r.EntityName {
		t.Fatalf("not trimmed: %+v", r)
	}
}

func FuzzReadTagPack(f *testing.F) {
	fuzz(f, "tagpack", "title: x\ntags:\n- address: &a 0x12\n  <<: *a\n", "tags:\n - {address: [[[}\n", `{"title": "x", "tags": [{"address": 5}, []], "label": {}}`, "a: &a [x]\nb: [*a, *a]\ntitle: x\ntags:\n-\n  address: |\n    x\n")
}
func FuzzReadNotice(f *testing.F) {
	fuzz(f, "notice", "BTC: 12QtD5BFwRsdNsAZY76U\nVE1xyCGNTojH9h", "0x098B\u20262f96 and 0x098b716b8aaf21512996dc57eb0615e2383e2f960x", "T\u041d96tFMn8KGiYSLiw\u0441V3E2UiaJc8jmcbz3...", "[x](https://a/1\u200b23)")
}
func FuzzReadUKSanctions(f *testing.F) {
	fuzz(f, "uk_sanctions", "Report Date: x\nUnique ID,Name 6,Regime Name,Other Information\nA,B,C,\"ETH: 0x098B716B8Aaf21512996dC57EB0615e2383E2f96\n0x098B\"\n", "Unique ID,Regime Name,Name 1\n,,\nA,12QtD5BFwRsdNsAZY76U VE1xyCGNTojH9h")
}
func FuzzReadJapanMOF(f *testing.F) {
	fuzz(f, "japan_mof", "区分,番号,氏名（英語）,告示日付,その他\nA,1,B,令和元年1月1日,TJRabPrwbZy45sbavfcjinPJC18kjpRTv8及び\n")
}
func FuzzReadIssuerEvents(f *testing.F) {
	fuzz(f, "issuer_events", `{"format":"issuer_events","network":"tron"}`+"\n"+`{"event":"frozen","address":"x","block":1}`+"\n"+`{"events":1}`+"\n", `{"format":"issuer_events"}`+"\n"+`{"events":null}`)
}
func FuzzReadOFACAdvanced(f *testing.F) {
	fuzz(f, "ofac_advanced", `<Sanctions><DateOfIssue><Year>1</Year></DateOfIssue><ReferenceValueSets/></Sanctions>`, `<!DOCTYPE x><Sanctions/>`, `<Sanctions><ReferenceValueSets/><a b='>'/><![CDATA[]]></Sanctions>`)
}
func FuzzReadOFACXML(f *testing.F) {
	fuzz(f, "ofac_xml", `<sdnList><sdnEntry><idList><id><idType>Digital Currency Address - </idType><idNumber>&#65;</idNumber></id></idList></sdnEntry></sdnList>`)
}
func FuzzReadOFACEnhanced(f *testing.F) {
	fuzz(f, "ofac_enhanced", `<sanctionsData><entities><entity id="&amp;"/></entities></sanctionsData>`)
}
func FuzzReadOFACCSV(f *testing.F) {
	fuzz(f, "ofac_csv", sdnRow(1, "Digital Currency Address - XBT a; alt. Digital Currency Address - ."), sdnRow(2, strings.Repeat("y", 960)+"; Digital Currency Address - XBT 1234567"), "1,\"2")
}
func FuzzReadFTM(f *testing.F) {
	fuzz(f, "ftm", `{"op":"MOD","entity":{"id":"x","schema":"CryptoWallet","properties":{"publicKey":["a",{"id":"b"}]}}}`, `{"id":"\u0000","schema":"CryptoWallet","properties":{}}`)
}
func FuzzReadOpenSanctionsCSV(f *testing.F) { fuzz(f, "opensanctions_csv", simpleHeader) }
func FuzzReadIsraelNBCTF(f *testing.F) {
	fuzz(f, "israel_nbctf", nbctfHeader+",,,,,\"a\u200b (Address tag 1) *\",\n")
}
func FuzzReadCSV(f *testing.F) {
	fuzz(f, "csv", "address;date\n\xff;1.1.2020", "sep=|\naddress|x\n\"a\"\"|\n", "\xff\xfea\x00d\x00d\x00r\x00\n\x00x\x00")
}
func FuzzReadXLSX(f *testing.F) {
	fuzz(f, "xlsx", string(zipped(f, "xl/workbook.xml", bookXML, "xl/_rels/workbook.xml.rels", bookRels, "xl/worksheets/sheet1.xml",
		`<worksheet><sheetData><row r="1"><c r="A1" t="str"><v>address</v></c></row><row r="7"><c r="A7" t="s"><v>0</v></c></row></sheetData></worksheet>`, "xl/sharedStrings.xml", `<sst><si><r><t>a</t></r></si></sst>`)))
}
func FuzzReadJSON(f *testing.F) {
	fuzz(f, "json", `{"a":{"b":[{"address":"x","entries":[{"uid":1}]}]}}`, `[[[[]]]]`, `{"metadata":{"date":[]},"wallets":{"0x098B716B8Aaf21512996dC57EB0615e2383E2f96":null}}`)
}
func FuzzReadNDJSON(f *testing.F) {
	fuzz(f, "ndjson", `{"address":"a","address":"b"}`, `{"address":"\ud800"}`, "{}\n{}\n")
}
func FuzzReadText(f *testing.F) { fuzz(f, "text", "#\n;;\n,a\n", "\r\ra") }
func FuzzReadUN(f *testing.F) {
	fuzz(f, "un_xml", `<CONSOLIDATED_LIST dateGenerated="2026-02-27"><a><b>bitcoin</b></a></CONSOLIDATED_LIST>`)
}

// FuzzRead lets detection choose: packed, in any encoding, of any format or none.
func FuzzRead(f *testing.F) {
	for _, name := range Names() {
		for _, files := range fixtures(f, name) {
			rc, err := files[0].Open()
			if err != nil {
				f.Fatal(err)
			}
			content, err := io.ReadAll(rc)
			if err != nil {
				f.Fatal(err)
			}
			if err := rc.Close(); err != nil {
				f.Fatal(err)
			}
			f.Add(content)
			if len(content) < 2000 {
				f.Add(gzipped(f, content))
				f.Add(zstandard(f, content))
				f.Add(zipped(f, "a", string(content)))
			}
		}
	}
	if b, err := os.ReadFile("testdata/text/packed.txt.bz2"); err == nil {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		files := []File{memory("fuzz.csv", content)}
		looked, lookErr := Inspect(t.Context(), files, "auto", Options{MaxBytes: 64 << 20})
		if lookErr != nil && !fault.Is(lookErr, fault.Invalid) && !fault.Is(lookErr, fault.TooLarge) {
			t.Fatalf("%v (%s)", lookErr, fault.KindOf(lookErr))
		}
		rows, info, err := rowsOf(t, "auto", Options{MaxBytes: 64 << 20}, files...)
		if err == nil && looked.Format != info.Format {
			t.Fatalf("inspected as %q, read as %q", looked.Format, info.Format)
		}
		if err != nil {
			if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge) {
				t.Fatalf("%v (%s)", err, fault.KindOf(err))
			}
			return
		}
		checkInfo(t, info, info.Format)
		for _, r := range rows {
			checkRow(t, r)
		}
	})
}

// FuzzXML holds the scanner against encoding/xml: what ours takes and the other takes, too, means the same to both.
func FuzzXML(f *testing.F) {
	for _, d := range documents {
		f.Add(d)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		got, err := outline(strings.NewReader(doc))
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatal(err)
			}
			return
		}
		want, err := reference(strings.NewReader(doc))
		if err == nil && want != got {
			t.Fatalf("%q:\nours  %s\nother %s", doc, got, want)
		}
	})
}
