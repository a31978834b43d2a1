package formats

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"interdict/lists/fault"
)

// The excerpt of every row of the test files has the address of the row, and little else.
func TestAnExcerptShowsTheRow(t *testing.T) {
	paths, err := filepath.Glob("testdata/*/*")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	seen := map[string]int{}
	for _, path := range paths {
		if strings.HasSuffix(path, ".golden") || strings.Contains(path, "/fuzz/") {
			continue
		}
		var rows []Row
		info, err := Read(t.Context(), []File{onDisk(path)}, "auto", Options{}, func(r Row) error {
			if r.Address != "" && r.Problem == "" && len(rows) < 40 {
				rows = append(rows, r)
			}
			return nil
		})
		if err != nil {
			continue // half of several files, or no list
		}
		for _, r := range rows {
			got, err := Excerpt(t.Context(), []File{onDisk(path)}, info.Format, Options{}, r.Locator, r.Address)
			if err != nil || !strings.Contains(closedUp(got), r.Address) || len(got) > 8*excerptBytes {
				t.Errorf("%s: %s %s: %v\n%.1000s", path, r.Locator, r.Address, err, got)
			}
			seen[info.Format]++
		}
	}
	for _, name := range Names() {
		if seen[name] == 0 {
			t.Errorf("no row of the format %s was looked at", name)
		}
	}
}

// closedUp removes the line ends of an excerpt, and what else a reader takes out of an address.
func closedUp(excerpt string) string {
	return strings.NewReplacer("\nline 13: ", "", " ", "", "\u200b", "").Replace(excerpt)
}

func TestExcerptOfLines(t *testing.T) {
	lines := "address,entity\n" + btc1 + ",one\n" + btc2 + ",two\n" + evm1 + ",three\n" + tron1 + ",four\n" + evm2 + ",five\n"
	for name, x := range map[string]struct{ file, locator, text, want string }{
		"in the middle": {lines, "line 4", evm1, "line 2: " + btc1 + ",one\nline 3: " + btc2 + ",two\nline 4: " + evm1 + ",three\nline 5: " + tron1 + ",four\nline 6: " + evm2 + ",five\n"},
		"at the end":    {lines, "line 6", evm2, "line 4: " + evm1 + ",three\nline 5: " + tron1 + ",four\nline 6: " + evm2 + ",five\n"},
		"no line end":   {strings.TrimSuffix(lines, "\n"), "line 6", evm2, "line 4: " + evm1 + ",three\nline 5: " + tron1 + ",four\nline 6: " + evm2 + ",five\n"},
		"of Windows":    {strings.ReplaceAll(lines, "\n", "\r\n"), "line 5 address 2", tron1, "line 3: " + btc2 + ",two\nline 4: " + evm1 + ",three\nline 5: " + tron1 + ",four\nline 6: " + evm2 + ",five\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Excerpt(t.Context(), []File{memory("a.csv", []byte(x.file))}, "csv", Options{}, x.locator, x.text)
			if err != nil || got != x.want {
				t.Errorf("%v\n%s\nwant\n%s", err, got, x.want)
			}
		})
	}
	if _, err := Excerpt(t.Context(), []File{memory("a.csv", []byte(lines))}, "csv", Options{}, "line 9", "x"); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	long := `{"address":"` + tron1 + `"}` + "\n" + `{"address":"` + btc1 + `","note":"` + strings.Repeat("n", 300<<10) + `"}` + "\n" + `{"note":"` + strings.Repeat("m", 300<<10) + `","address":"` + evm1 + `"}` + "\n"
	got, err := Excerpt(t.Context(), []File{memory("a.ndjson", []byte(long))}, "ndjson", Options{}, "line 3", evm1)
	if err != nil || !strings.Contains(got, evm1) || len(got) > 6*excerptBytes {
		t.Errorf("of a long line: %d bytes, %v", len(got), err)
	}
}

// Of several places with the same address the one that the locator names is shown, wherever it is in the file.
func TestExcerptOfOneOfSeveralPlaces(t *testing.T) {
	var file bytes.Buffer
	file.WriteString(`[`)
	for i := range 4000 {
		if i > 0 {
			file.WriteString(",\n")
		}
		file.WriteString(`{"id":"e-` + string(rune('a'+i%26)) + strings.Repeat("x", i%97) + `","address":"` + evm1 + `"}`)
		if i == 3210 {
			file.WriteString(`,{"id":"e-4711","address":"` + evm1 + `"}`)
		}
	}
	file.WriteString(`]`)
	got, err := Excerpt(t.Context(), []File{memory("a.json", file.Bytes())}, "json", Options{}, "entry e-4711", evm1)
	if err != nil || !strings.Contains(got, `"e-4711"`) {
		t.Errorf("%v\n%s", err, got)
	}
	if _, err := Excerpt(t.Context(), []File{memory("a.json", file.Bytes())}, "json", Options{}, "entry e-4711", btc1); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
}

func TestExcerptOfAWorkbook(t *testing.T) {
	book := workbookOf(t, func(f *excelize.File) {
		setRow(t, f, "Sheet1", 1, "Address", "Owner", "Remark")
		setRow(t, f, "Sheet1", 2, btc1, "A")
		setRow(t, f, "Sheet1", 3, evm1, "B\nand C", "seen")
	})
	got, err := Excerpt(t.Context(), []File{memory("a.xlsx", book)}, "xlsx", Options{}, "row 3", evm1)
	if want := "row 1: Address\tOwner\tRemark\nrow 3: " + evm1 + "\tB and C\tseen\n"; err != nil || got != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	if _, err := Excerpt(t.Context(), []File{memory("a.xlsx", book)}, "xlsx", Options{}, "row 30", evm1); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	if entries, err := os.ReadDir("testdata/xlsx"); err != nil || len(entries) == 0 {
		t.Error(err)
	}
}
