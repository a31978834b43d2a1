package formats

import (
	"encoding/csv"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"interdict/lists/fault"
)

func recordsOf(r io.Reader, sep byte) (all [][]string, err error) {
	c := newRecordReader(&input{name: "a"}, r, sep)
	for {
		fields, err := c.next()
		if err == io.EOF {
			return all, nil
		} else if err != nil {
			return all, err
		}
		all = append(all, slices.Clone(fields))
	}
}

func TestRecords(t *testing.T) {
	for text, want := range map[string][][]string{
		"":                                   nil,
		"a,b\nc,d":                           {{"a", "b"}, {"c", "d"}},
		"a,b\r\nc,d\r\n":                     {{"a", "b"}, {"c", "d"}},
		"\n\na":                              {{""}, {""}, {"a"}},
		`"a","b ""c""",` + "\n":              {{"a", `b "c"`, ""}},
		"\"a\nb\r\nc\",d\n":                  {{"a\nb\nc", "d"}},
		`a "b", c`:                           {{`a "b"`, " c"}},
		` "a" , "b"`:                         {{"a", "b"}},
		`"",""`:                              {{"", ""}},
		`36,"X",-0- ,"CUBA","a.k.a. 'BNC'."`: {{"36", "X", "-0- ", "CUBA", "a.k.a. 'BNC'."}},
		"\"Z\xfcrich\",\"ok\",\xe9":          {{"Zürich", "ok", "é"}},
		"Z\xfcrich,é":                        {{"Zürich", "Ã©"}},
	} {
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			got, err := recordsOf(r, ',')
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q:\n%s", text, diff)
			}
		}
	}
}

func TestQuotesThatMaySwallowRowsAreRefused(t *testing.T) {
	for text, word := range map[string]string{
		"a,b\n1,\"x\n2,y\n3,z\n":         "line 2: a quote opens here and is never closed",
		"a,b\n1,\"x\n2,\"y\n3,z\n":       "lines 2 to 3",
		"a,b\n\"1\n2,3\n4,5\"x,6\n7,8\n": "lines 2 to 4",
	} {
		if _, err := recordsOf(strings.NewReader(text), ','); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: got %v, want %q", text, err, word)
		}
	}
	rows, _ := mustRows(t, "csv", "a.csv", "address,note\nx,\"y\" z\n0x1,fine\n")
	want := []Row{{Address: "x", Locator: "line 2", Problem: "quotes: text follows the closing quote"}, {Address: "0x1", Note: "fine", Locator: "line 3"}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
}

// What encoding/csv writes comes back as it was.
func TestRecordsComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		field := rapid.StringOfN(rapid.SampledFrom([]rune("ab \",;\n'é闫")), 0, 8, -1)
		records := rapid.SliceOfN(rapid.SliceOfN(field, 1, 5), 0, 5).Draw(t, "records")
		sep := rapid.SampledFrom([]byte(separators)).Draw(t, "separator")
		var b strings.Builder
		w := csv.NewWriter(&b)
		w.Comma = rune(sep)
		w.UseCRLF = rapid.Bool().Draw(t, "CRLF")
		for _, r := range records {
			if len(r) == 1 && r[0] == "" {
				return // an empty line
			}
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
		w.Flush()
		got, err := recordsOf(strings.NewReader(b.String()), sep)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(records, got, cmp.Transformer("empty", func(r [][]string) int { return len(r) })); diff != "" && len(records) > 0 {
			t.Fatalf("%q:\n%s", b.String(), diff)
		}
		for i := range records {
			if !slices.Equal(records[i], got[i]) {
				t.Fatalf("%q: got %q, want %q", b.String(), got[i], records[i])
			}
		}
	})
}

func TestDates(t *testing.T) {
	for text, want := range map[string]string{
		"2025-02-26": "2025-02-26", "2025-02-26T10:00:00Z": "2025-02-26", "2025-02-26 04:16:47 UTC": "2025-02-26", "2025/2/6": "2025-02-06",
		"20250226": "2025-02-26", "26.02.2025": "2025-02-26", "1.7.2021": "2021-07-01", "26/02/2025": "2025-02-26", "02/26/2025": "2025-02-26",
		"05/05/2025": "2025-05-05", "7/18/17": "2017-07-18", "23.03.24": "2024-03-23", "26 Feb 2025": "2025-02-26", "February 26, 2025": "2025-02-26",
		"26-Feb-2025": "2025-02-26", "2024-02-29": "2024-02-29",
		"03/04/2025": "", "2025-02-30": "", "2025-13-01": "", "0025-01-01": "", "yesterday": "", "": "", "1/2/3": "", "18/7/17": "", "2025": "", "45000": "",
		"99999999999999999999-1-1": "", "-1-2-3": "", "2025-02-26Tomorrow": "",
	} {
		got, err := parseDate(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
}
