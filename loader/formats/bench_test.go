package formats

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/xuri/excelize/v2"
)

// BenchmarkRead measures each parser, detection included, on rows that are made for it: bytes per second of the unpacked
// file, and allocations. ofac_advanced_real is the list of April 2025, 117 MB, as OFAC packs it not: gzip.
//
//	go test -run '^$' -bench 'Read/csv' -benchmem ./loader/formats
func BenchmarkRead(b *testing.B) {
	const address = "0x%040[1]x"
	rows := func(n int, format string) []byte {
		var buf bytes.Buffer
		for i := range n {
			fmt.Fprintf(&buf, format, i)
		}
		return buf.Bytes()
	}
	const n = 100_000
	for _, c := range []struct {
		name, format string
		content      []byte
		rows         int
	}{
		{"ofac_advanced", "ofac_advanced", advancedOf(20_000), 200},
		{"ofac_xml", "ofac_xml", wrap("<sdnList>", rows(n, "<sdnEntry><uid>%[1]d</uid><lastName>NAME</lastName><sdnType>Entity</sdnType><programList><program>SDGT</program></programList><idList><id><uid>1</uid><idType>Digital Currency Address - ETH</idType><idNumber>"+address+"</idNumber></id></idList></sdnEntry>\n"), "</sdnList>"), n},
		{"ofac_enhanced", "ofac_enhanced", wrap("<sanctionsData><entities>", rows(n, `<entity id="%[1]d"><names><name><isPrimary>true</isPrimary></name></names><features><feature id="1"><type>Digital Currency Address - ETH</type><value>`+address+"</value></feature></features></entity>\n"), "</entities></sanctionsData>"), n},
		{"ofac_csv", "ofac_csv", rows(n, "%[1]d,\"NAME, First\",\"individual\",\"SDGT\",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,\"DOB 1990; nationality Russia; Gender Male; Digital Currency Address - ETH "+address+".\"\r\n"), n},
		{"ftm", "ftm", rows(n, `{"id": "w-%[1]d", "caption": "x", "schema": "CryptoWallet", "properties": {"publicKey": ["`+address+`"], "currency": ["ETH"], "topics": ["sanction"]}, "datasets": ["us_ofac_sdn"], "last_seen": "2026-08-01T10:00:00", "target": true}`+"\n"), n},
		{"opensanctions_csv", "opensanctions_csv", wrap(simpleHeader, rows(n, `"rwre-%[1]d","CryptoWallet","0x%040[1]x","Locky","","","","0x%040[1]x","","","","ransomwhe.re","2023-04-20T15:28:17","2025-09-08T02:03:08","2023-04-20"`+"\n"), ""), n},
		{"israel_nbctf", "israel_nbctf", wrap(nbctfHeader+"ASO 53/25\n", rows(n, ",NAME %[1]d,802900241,,18.9.1992,"+address+",ETH\n"), ""), n},
		{"csv", "csv", wrap("address,asset,entity,listed_on,note\n", rows(n, "0x%040[1]x,ETH,\"Lazarus Group\",2019-09-13,row %[1]d\n"), ""), n},
		{"xlsx", "xlsx", bookOf(b, 20_000), 20_000},
		{"json", "json", wrap("[", rows(n, `{"address": "0x%040[1]x", "name": "Lazarus Group", "date": "2019-09-13", "note": "%[1]d"},`+"\n"), `"x"]`), n + 1},
		{"json_array", "json", wrap("[", rows(n, `"0x%040[1]x",`+"\n"), `"x"]`), n + 1},
		{"ndjson", "ndjson", rows(n, `{"address": "0x%040[1]x", "network": "ethereum", "asset": "ETH", "entity": {"id": "27307", "name": "Lazarus Group", "type": "entity"}, "programs": ["DPRK3"], "listed_on": "2019-09-13", "note": "%[1]d"}`+"\n"), n},
		{"text", "text", rows(n, "0x%040[1]x\n"), n},
		{"un_xml", "un_xml", wrap("<CONSOLIDATED_LIST><ENTITIES>", rows(n, "<ENTITY><DATAID>%[1]d</DATAID><FIRST_NAME>NAME</FIRST_NAME><COMMENTS1>Some words about the entity %[1]d.</COMMENTS1></ENTITY>\n"), "</ENTITIES></CONSOLIDATED_LIST>"), 0},
	} {
		b.Run(c.name, func(b *testing.B) { benchmark(b, c.format, memory("a", c.content), int64(len(c.content)), c.rows) })
	}
	b.Run("ofac_advanced_real", func(b *testing.B) {
		benchmark(b, "ofac_advanced", real(b, advanced2025), unpackedSize(b, advanced2025), 635)
	})
	// The rows are made while they are read: this costs less than a tenth of the time.
	b.Run("csv_million", func(b *testing.B) {
		const n = 1_000_000
		benchmark(b, "csv", File{"a.csv", func() (io.ReadCloser, error) { return io.NopCloser(&tableRows{n: n}), nil }}, n*tableRow+int64(len(tableHead)), n)
	})
}

func benchmark(b *testing.B, format string, file File, size int64, want int) {
	b.Helper()
	b.ReportAllocs()
	b.SetBytes(size)
	for b.Loop() {
		n := 0
		info, err := Read(b.Context(), []File{file}, "auto", Options{}, func(Row) error { n++; return nil })
		if err != nil || info.Format != format || n != want {
			b.Fatalf("%d rows, want %d; %+v, %v", n, want, info, err)
		}
	}
	if want > 0 {
		b.ReportMetric(float64(want)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	}
}

func wrap(head string, body []byte, tail string) []byte {
	return append(append([]byte(head), body...), tail...)
}

// advancedOf makes an advanced file of n parties, one in a hundred with an address.
func advancedOf(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`<Sanctions><ReferenceValueSets><FeatureTypeValues><FeatureType ID="345">Digital Currency Address - ETH</FeatureType></FeatureTypeValues></ReferenceValueSets><DistinctParties>`)
	for i := range n {
		kind := 8
		if i%100 == 0 {
			kind = 345
		}
		fmt.Fprintf(&b, `<DistinctParty FixedRef="%[1]d"><Comment /><Profile ID="%[1]d" PartySubTypeID="4"><Identity ID="1" FixedRef="%[1]d" Primary="true" False="false"><Alias FixedRef="%[1]d" AliasTypeID="1403" Primary="true" LowQuality="false"><DocumentedName ID="4" FixedRef="%[1]d" DocNameStatusID="1"><DocumentedNamePart><NamePartValue NamePartGroupID="11" ScriptID="215" ScriptStatusID="1" Acronym="false">YAN</NamePartValue></DocumentedNamePart></DocumentedName></Alias><NamePartGroups><MasterNamePartGroup><NamePartGroup ID="11" NamePartTypeID="1520" /></MasterNamePartGroup></NamePartGroups></Identity><Feature ID="%[1]d" FeatureTypeID="%[2]d"><FeatureVersion ID="29462" ReliabilityID="1"><Comment /><VersionDetail DetailTypeID="1432">0x%040[1]x</VersionDetail></FeatureVersion></Feature></Profile></DistinctParty>`+"\r\n", i, kind)
	}
	b.WriteString(`</DistinctParties></Sanctions>`)
	return b.Bytes()
}

func bookOf(b *testing.B, n int) []byte {
	b.Helper()
	f := excelize.NewFile()
	w, err := f.NewStreamWriter("Sheet1")
	if err != nil {
		b.Fatal(err)
	}
	if err := w.SetRow("A1", []any{"address", "asset", "entity"}); err != nil {
		b.Fatal(err)
	}
	for i := range n {
		if err := w.SetRow(fmt.Sprintf("A%d", i+2), []any{fmt.Sprintf("0x%040x", i), "ETH", "Lazarus Group"}); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	var buf bytes.Buffer
	if err := f.Write(&buf); err != nil {
		b.Fatal(err)
	}
	return buf.Bytes()
}

func unpackedSize(b *testing.B, path string) int64 {
	b.Helper()
	rc, err := onDisk(filepath.Join(shared, path)).Open()
	if err != nil {
		b.Fatal(err)
	}
	defer rc.Close()
	z, err := gzip.NewReader(rc)
	if err != nil {
		b.Fatal(err)
	}
	n, err := io.Copy(io.Discard, z)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// tableRows writes a table of n rows, with a different address in each.
type tableRows struct {
	n, i int
	row  []byte
	left []byte
}

const tableHead = "address,network,asset,entity,listed_on,note\n"

var tableRow = int64(len("0x0000000000000000000000000000000000000000,ethereum,ETH,\"Lazarus Group\",2019-09-13,made for a benchmark\n"))

func (t *tableRows) Read(p []byte) (int, error) {
	if t.row == nil {
		t.row = []byte("0x" + strings.Repeat("0", 40) + ",ethereum,ETH,\"Lazarus Group\",2019-09-13,made for a benchmark\n")
		t.left = []byte(tableHead)
	}
	n := 0
	for {
		c := copy(p[n:], t.left)
		t.left = t.left[c:]
		if n += c; n == len(p) {
			return n, nil
		}
		if t.i == t.n {
			return n, io.EOF
		}
		t.i++
		for i, v := 0, t.i; v > 0; i, v = i+1, v>>4 {
			t.row[41-i] = "0123456789abcdef"[v&15]
		}
		t.left = t.row
	}
}
