package formats

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"interdict/lists/fault"
)

var update = flag.Bool("update", false, "write the golden files and the workbooks anew")

func memory(name string, content []byte) File {
	return File{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
}

func onDisk(path string) File {
	return File{Name: filepath.Base(path), Open: func() (io.ReadCloser, error) { return os.Open(path) }}
}

// rowsOf reads files and gives their rows.
func rowsOf(t testing.TB, format string, opts Options, files ...File) ([]Row, Info, error) {
	t.Helper()
	var rows []Row
	info, err := Read(t.Context(), files, format, opts, func(r Row) error {
		rows = append(rows, r)
		return nil
	})
	return rows, info, err
}

// mustRows reads a text that is in order.
func mustRows(t testing.TB, format, name, content string) ([]Row, Info) {
	t.Helper()
	rows, info, err := rowsOf(t, format, Options{}, memory(name, []byte(content)))
	if err != nil {
		t.Fatal(err)
	}
	return rows, info
}

// refused demands that a file is refused as fault.Invalid, with words in the message that help.
func refused(t *testing.T, format string, file File, words ...string) {
	t.Helper()
	_, _, err := rowsOf(t, format, Options{}, file)
	if !fault.Is(err, fault.Invalid) {
		t.Fatalf("%s as %s: got %v, want fault.Invalid", file.Name, format, err)
	}
	for _, w := range append(words, file.Name) {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s as %s: the error %q does not say %q", file.Name, format, err, w)
		}
	}
}

// warned tells whether there is a warning of that code.
func warned(info Info, code string) bool {
	return slices.ContainsFunc(info.Warnings, func(w Warning) bool { return w.Code == code })
}

// shown is a row in a golden file.
type shown struct {
	Address    string   `json:"address,omitempty"`
	Network    string   `json:"network,omitempty"`
	Asset      string   `json:"asset,omitempty"`
	EntityID   string   `json:"entity_id,omitempty"`
	EntityName string   `json:"entity,omitempty"`
	EntityType string   `json:"entity_type,omitempty"`
	Category   string   `json:"category,omitempty"`
	Confidence string   `json:"confidence,omitempty"`
	Programs   []string `json:"programs,omitempty"`
	Incident   string   `json:"incident,omitempty"`
	ListedOn   string   `json:"listed_on,omitempty"`
	ValidUntil string   `json:"valid_until,omitempty"`
	URL        string   `json:"url,omitempty"`
	Note       string   `json:"note,omitempty"`
	Locator    string   `json:"locator"`
	Problem    string   `json:"problem,omitempty"`
	Unread     bool     `json:"unread,omitempty"`
	Removed    bool     `json:"removed,omitempty"`
	Partial    bool     `json:"partial,omitempty"`
}

func golden(rows []Row, info Info) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(info)
	for _, r := range rows {
		_ = e.Encode(shown(r))
	}
	return b.Bytes()
}

// A fixture is a file in testdata/FORMAT, or a folder in it of files that belong together.
func fixtures(t testing.TB, format string) map[string][]File {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join("testdata", format))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	all := map[string][]File{}
	for _, e := range entries {
		path := filepath.Join("testdata", format, e.Name())
		switch {
		case e.IsDir():
			inner, err := os.ReadDir(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range inner {
				all[path] = append(all[path], onDisk(filepath.Join(path, f.Name())))
			}
		case !strings.HasSuffix(e.Name(), ".golden"):
			all[path] = []File{onDisk(path)}
		}
	}
	return all
}

func TestEachFormatHasAFixtureAndIsDetectedByItsContent(t *testing.T) {
	for _, name := range Names() {
		all := fixtures(t, name)
		if len(all) == 0 {
			t.Errorf("the format %s has no fixture in testdata/%s", name, name)
		}
		for path, files := range all {
			t.Run(path, func(t *testing.T) {
				rows, info, err := rowsOf(t, "auto", Options{}, files...)
				if err != nil {
					t.Fatal(err)
				}
				if info.Format != name {
					t.Fatalf("detected as %s", info.Format)
				}
				got := golden(rows, info)
				if *update {
					if err := os.WriteFile(path+".golden", got, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path + ".golden")
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), string(got)); diff != "" {
					t.Errorf("rows differ from %s.golden (-want +got), -update writes it anew:\n%s", path, diff)
				}
				named, _, err := rowsOf(t, name, Options{}, files...)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(rows, named); diff != "" {
					t.Errorf("named and detected differ:\n%s", diff)
				}
			})
		}
	}
}

func TestNamesAreThoseOfTheContract(t *testing.T) {
	want := []string{"ofac_advanced", "ofac_xml", "ofac_enhanced", "ofac_csv", "ftm", "opensanctions_csv", "israel_nbctf",
		"uk_sanctions", "japan_mof", "tagpack", "issuer_events", "csv", "xlsx", "json", "ndjson", "text", "un_xml", "notice"}
	if diff := cmp.Diff(want, Names()); diff != "" {
		t.Error(diff)
	}
	seen := map[int]string{} // two formats of one order would be asked in a random one
	for _, f := range registered {
		if seen[f.order] != "" {
			t.Errorf("%s and %s have the same order", seen[f.order], f.name)
		}
		seen[f.order] = f.name
	}
}

func TestAWrongFormatByNameIsRefusedAndTheRightOneNamed(t *testing.T) {
	var wrong int
	for _, is := range Names() {
		for path, files := range fixtures(t, is) {
			for _, said := range Names() {
				_, info, err := rowsOf(t, said, Options{}, files...)
				switch {
				case said == is, said == "notice" && len(files) > 1:
				case err == nil && said == "notice" && slices.Contains([]string{"ofac_csv", "opensanctions_csv", "israel_nbctf", "uk_sanctions", "japan_mof", "csv", "text", "tagpack"}, is):
					// what is right, too: the addresses of any text
				case err == nil && said == "csv" && slices.Contains([]string{"opensanctions_csv", "text"}, is):
					// what is right, too: a table with a column of addresses, or of nothing else
				case err == nil:
					t.Errorf("%s was read as %s: %+v", path, said, info)
				case !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "looks like "+is):
					t.Errorf("%s as %s: %v", path, said, err)
				default:
					wrong++
				}
			}
		}
	}
	if wrong < 200 {
		t.Errorf("only %d pairs were tried", wrong)
	}
}

func TestWhatIsNoListIsRefusedInWords(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		words   []string
	}{
		"zero.csv":    {"", []string{"empty", "0 bytes"}},
		"blank.csv":   {" \r\n\t\n\x1a", []string{"empty", "white space"}},
		"bom.csv":     {"\xef\xbb\xbf", []string{"empty"}},
		"403.html":    {"<!DOCTYPE html>\n<html><head><title>403\n Forbidden</title></head><body>0x51E9d833Ecae4E8D9D8Be17300AEE6D3398C135D</body></html>", []string{"HTML", "403 Forbidden", "refused"}},
		"upper.csv":   {"\n <HTML><body>Request blocked</body></HTML>", []string{"HTML"}},
		"xhtml.csv":   {`<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>Gone</title></head></html>`, []string{"HTML", "Gone"}},
		"list.pdf":    {"%PDF-1.7\n%\xe2\xe3", []string{"PDF"}},
		"old.xls":     {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", []string{".xlsx"}},
		"a.7z":        {"7z\xbc\xaf\x27\x1c", []string{"7z"}},
		"a.xz":        {"\xfd7zXZ\x00", []string{"xz"}},
		"a.tar":       {strings.Repeat("\x00", 257) + "ustar\x00", []string{"tar"}},
		"image.csv":   {"\x89PNG\r\n\x1a\n", []string{"image"}},
		"binary.txt":  {"12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h\n\x00\x01\x02", []string{"binary", "NUL"}},
		"eu.xml":      {`<?xml version="1.0"?><export xmlns="http://eu.europa.ec/fpi/fsd/export"/>`, []string{"XML", "export", "sdnList"}},
		"prose.txt":   {"This is a sentence about wallets.\nAnd another.\n", []string{"no known format"}},
		"table.csv":   {"a,b,c\n1,2,3\n", []string{"header", "mapping", `"a"`}},
		"doc.json":    {`{"a": `, []string{"truncated"}},
		"utf32.csv":   {"\xff\xfe\x00\x00a\x00\x00\x00", []string{"UTF-32"}},
		"koi8.xml":    {`<?xml version="1.0" encoding="koi8-r"?><sdnList/>`, []string{"koi8-r", "UTF-8"}},
		"number.json": {`[1] [2]`, []string{"followed by another"}},
	} {
		t.Run(name, func(t *testing.T) { refused(t, "auto", memory(name, []byte(c.content)), c.words...) })
	}
}

func TestANULByteIsFoundWhereverItStands(t *testing.T) {
	const address = "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h"
	for format, c := range map[string][2]string{
		"text":     {"", address + "\n"},
		"csv":      {"address,note\n", address + ",x\n"},
		"ndjson":   {"", `{"address": "` + address + `"}` + "\n"},
		"ftm":      {"", `{"id": "x", "schema": "CryptoWallet", "properties": {}}` + "\n"},
		"ofac_xml": {"<sdnList>", "<sdnEntry></sdnEntry>"},
		"json":     {"[", `"` + address + `",`},
	} {
		content := c[0] + strings.Repeat(c[1], 1+2*sampleSize/len(c[1]))
		refused(t, format, memory("a", []byte(content+"\x00"+c[1])))
	}
}

func TestADirectoryIsRefused(t *testing.T) {
	refused(t, "auto", onDisk(t.TempDir()), "directory")
}

func TestWrongCallsAreRefused(t *testing.T) {
	list := memory("a.txt", []byte("12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h\n"))
	for _, c := range []struct {
		format string
		opts   Options
		files  []File
		word   string
	}{
		{"auto", Options{}, nil, "no file"},
		{"excel", Options{}, []File{list}, "ofac_advanced"},
		{"csv", Options{Mapping: map[string]string{"adress": "x"}}, []File{list}, "adress"},
		{"csv", Options{Mapping: map[string]string{"address": " "}}, []File{list}, "names no column"},
		{"auto", Options{}, []File{list, memory("b.txt", []byte("1Kuf2Rd8mDyAViwBozGTNYnvWL8uYFrkVo\n"))}, "no more than 1"},
		{"auto", Options{}, []File{list, memory("b.json", []byte(`["1Kuf2Rd8mDyAViwBozGTNYnvWL8uYFrkVo"]`))}, "different formats"},
		{"text", Options{}, []File{list, memory("b.json", []byte(`["1Kuf2Rd8mDyAViwBozGTNYnvWL8uYFrkVo"]`))}, "does not belong"},
		{"auto", Options{}, []File{list, memory("b.txt", []byte("What is this?"))}, "does not belong"},
		{"csv", Options{}, []File{memory("a.txt", []byte("What is this?")), memory("b.txt", []byte("And this?"))}, "none of these files"},
		{"auto", Options{}, []File{memory("a.txt", []byte("What is this?")), memory("b.txt", []byte("And this?"))}, "none of these files"},
	} {
		if _, _, err := rowsOf(t, c.format, c.opts, c.files...); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.word) {
			t.Errorf("%s: got %v, want fault.Invalid with %q", c.format, err, c.word)
		}
	}
}

func TestTheErrorOfTheCallerEndsTheReading(t *testing.T) {
	stop := errors.New("stop")
	for _, name := range Names() {
		for path, files := range fixtures(t, name) {
			rows, _, err := rowsOf(t, "auto", Options{}, files...)
			if err != nil || len(rows) == 0 {
				continue
			}
			n := 0
			_, err = Read(t.Context(), files, name, Options{}, func(Row) error { n++; return stop })
			if err != stop || n != 1 { //nolint:errorlint // the very error
				t.Errorf("%s: got %v after %d rows, want the caller's error after 1", path, err, n)
			}
		}
	}
}

func TestACancelledContextEndsTheReading(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range Names() {
		for path, files := range fixtures(t, name) {
			_, err := Read(cancelled, files, name, Options{}, func(Row) error { return nil })
			if !errors.Is(err, context.Canceled) || !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	many := bytes.Repeat([]byte("12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h\n"), 100_000)
	n := 0
	_, err := Read(ctx, []File{memory("a.txt", many)}, "auto", Options{}, func(Row) error {
		if n++; n == 10 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || n > 20_000 {
		t.Errorf("got %v after %d rows", err, n)
	}
}

// failing gives a reader that fails after some bytes.
func failing(name string, content []byte, after int, err error) File {
	return File{Name: name, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(content[:after]), errorReader{err})), nil
	}}
}

type errorReader struct{ err error }

func (e errorReader) Read([]byte) (int, error) { return 0, e.err }

func TestErrorsOfTheSourceKeepTheirKind(t *testing.T) {
	gone := fault.E(fault.Unavailable, "the disk is gone")
	plain := errors.New("input/output error")
	for _, name := range Names() {
		for path, files := range fixtures(t, name) {
			if len(files) > 1 {
				continue
			}
			rc, err := files[0].Open()
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(rc)
			if err := errors.Join(err, rc.Close()); err != nil {
				t.Fatal(err)
			}
			for _, after := range []int{0, 1, len(content) / 2, len(content)} {
				if _, _, err := rowsOf(t, "auto", Options{}, failing(path, content, after, gone)); !errors.Is(err, gone) || !fault.Is(err, fault.Unavailable) {
					t.Errorf("%s after %d bytes: got %v, want the error of the source", path, after, err)
				}
				if _, _, err := rowsOf(t, name, Options{}, failing(path, content, after, plain)); !errors.Is(err, plain) || !fault.Is(err, fault.Internal) {
					t.Errorf("%s after %d bytes: got %v (%s), want the error of the source", path, after, err, fault.KindOf(err))
				}
				// a stream that breaks off is no error of ours, nor the end of the file
				if _, _, err := rowsOf(t, name, Options{}, failing(path, content, after, io.ErrUnexpectedEOF)); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "breaks off") {
					t.Errorf("%s after %d bytes: got %v, want that the stream breaks off", path, after, err)
				}
			}
		}
	}
	missing := File{Name: "x", Open: func() (io.ReadCloser, error) { return nil, gone }}
	if _, _, err := rowsOf(t, "auto", Options{}, missing); !errors.Is(err, gone) {
		t.Error(err)
	}
}

func TestMoreBytesThanAllowedAreRefused(t *testing.T) {
	for _, name := range Names() {
		for path, files := range fixtures(t, name) {
			_, _, err := rowsOf(t, "auto", Options{MaxBytes: 20}, files...)
			if !fault.Is(err, fault.TooLarge) {
				t.Errorf("%s: got %v, want fault.TooLarge", path, err)
			}
		}
	}
}

// A truncated file of any format is refused, or its last row is a problem or complete: never half an address as a listing.
func TestATruncatedFileIsNeverAShorterList(t *testing.T) {
	for _, name := range []string{"ofac_advanced", "ofac_xml", "ofac_enhanced", "un_xml", "json", "xlsx"} {
		for path, files := range fixtures(t, name) {
			rc, err := files[0].Open()
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(rc)
			if err := errors.Join(err, rc.Close()); err != nil {
				t.Fatal(err)
			}
			content = bytes.TrimRight(content, "\n")
			for n := range len(content) {
				if n > 200 && n%37 != 0 && n < len(content)-50 {
					continue
				}
				if _, _, err := rowsOf(t, name, Options{}, memory(path, content[:n])); err == nil || !fault.Is(err, fault.Invalid) {
					t.Fatalf("%s cut off after %d of %d bytes: got %v, want fault.Invalid", path, n, len(content), err)
				}
			}
		}
	}
	for name, content := range map[string]string{
		"ndjson":            `{"address": "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h"}` + "\n" + `{"address": "1Kuf2Rd8mDyAViw`,
		"ftm":               `{"id": "a", "schema": "CryptoWallet", "properties": {"publicKey": ["12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h"]}}` + "\n" + `{"id": "b", "schema": "CryptoWallet", "properties": {"publicKey": ["1Kuf`,
		"csv":               "address,asset,entity\n12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h,XBT,X\n1Kuf2Rd8mDyAViw",
		"opensanctions_csv": `"id","schema","name","aliases","identifiers"` + "\n" + `"a","CryptoWallet","12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h","","12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h"` + "\n" + `"b","CryptoWallet","1Kuf2Rd8mDyAViw`,
		"ofac_csv":          "36,\"A\",-0- ,\"CUBA\",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \r\n37,\"B\",-0- ,\"CU",
	} {
		refused(t, name, memory(name, []byte(content)), "truncated")
	}
}
