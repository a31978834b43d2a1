package formats

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

func encoded(t testing.TB, e encoding.Encoding, text string) []byte {
	t.Helper()
	b, err := e.NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEveryEncodingOfASpreadsheetGivesTheSameRows(t *testing.T) {
	const table = "address,entity\r\n12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h,Zürich – Bürgli\r\n"
	want := []Row{{Address: "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h", EntityName: "Zürich – Bürgli", Locator: "line 2"}}
	le, be := unicode.LittleEndian, unicode.BigEndian
	for name, content := range map[string][]byte{
		"UTF-8":                       []byte(table),
		"UTF-8 with a mark":           append([]byte("\xef\xbb\xbf"), table...),
		"Windows-1252":                encoded(t, charmap.Windows1252, table),
		"UTF-16LE with a mark":        encoded(t, unicode.UTF16(le, unicode.UseBOM), table),
		"UTF-16BE with a mark":        encoded(t, unicode.UTF16(be, unicode.UseBOM), table),
		"UTF-16LE":                    encoded(t, unicode.UTF16(le, unicode.IgnoreBOM), table),
		"UTF-16BE":                    encoded(t, unicode.UTF16(be, unicode.IgnoreBOM), table),
		"old Macintosh line ends":     []byte(strings.ReplaceAll(table, "\r\n", "\r")),
		"UTF-16LE, packed":            gzipped(t, encoded(t, unicode.UTF16(le, unicode.UseBOM), table)),
		"Windows-1252, in an archive": zipped(t, "a.csv", string(encoded(t, charmap.Windows1252, table))),
	} {
		t.Run(name, func(t *testing.T) {
			rows, info, err := rowsOf(t, "auto", Options{}, memory("a.csv", content))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, rows); diff != "" {
				t.Error(diff)
			}
			if warned(info, "encoding") != strings.Contains(name, "1252") {
				t.Errorf("warnings: %+v", info.Warnings)
			}
		})
	}
}

func TestDeclaredEncodingsOfXML(t *testing.T) {
	doc := func(e string) string {
		return `<?xml version="1.0" encoding="` + e + `"?><sdnList><sdnEntry><uid>1</uid><lastName>ZÜRICH</lastName><idList><id><uid>2</uid><idType>Digital Currency Address - XBT</idType><idNumber>x</idNumber></id></idList></sdnEntry></sdnList>`
	}
	for name, content := range map[string][]byte{
		"utf-8":        []byte(doc("utf-8")),
		"ISO-8859-1":   encoded(t, charmap.ISO8859_1, doc("ISO-8859-1")),
		"windows-1252": encoded(t, charmap.Windows1252, doc("windows-1252")),
		"utf-16":       encoded(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), doc("utf-16")),
	} {
		rows, _, err := rowsOf(t, "auto", Options{}, memory("a.xml", content))
		if err != nil || len(rows) != 1 || rows[0].EntityName != "ZÜRICH" {
			t.Errorf("%s: %+v, %v", name, rows, err)
		}
	}
	// OFAC declares none and means UTF-8: what is not is damaged, and no Windows-1252
	refused(t, "auto", memory("a.xml", encoded(t, charmap.Windows1252, strings.Replace(doc("x"), ` encoding="x"`, "", 1))), "not UTF-8")
}
