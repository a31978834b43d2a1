package loader_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"interdict/loader"
	"interdict/loader/formats"
)

// A spreadsheet runs no cell of a table that Interdict writes, and the reader of lists gets back what was written.
func TestNoCellOfATableIsAFormula(t *testing.T) {
	var cells []string
	for _, before := range []string{"", " ", "\t", "\n", "\r\n", "\v", "\u00a0", "\u3000", "\u200b", "\ufeff", "\u202e", "'", "''", "' "} {
		for _, sign := range []string{"=", "+", "-", "@", "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫"} {
			cells = append(cells, before+sign+"SUM(A1)", before+sign)
		}
	}
	for _, cell := range cells {
		if got := loader.SafeCells([]string{cell})[0]; got != "'"+cell {
			t.Errorf("%q is written as %q", cell, got)
		}
	}
	plain := []string{"", "a", "0", "0x1=2", "a=b", "'", "'a", "ü=1", " a", "\u3000a", "地址＝"}
	for _, cell := range plain {
		if got := loader.SafeCells([]string{cell})[0]; got != cell {
			t.Errorf("%q is written as %q", cell, got)
		}
	}

	var file bytes.Buffer
	w := csv.NewWriter(&file)
	write := func(row ...string) {
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	write("address", "entity")
	var want []string
	for _, cell := range append(cells, plain...) {
		write("0x098B716B8Aaf21512996dC57EB0615e2383E2f96", loader.SafeCells([]string{cell})[0])
		want = append(want, strings.Trim(cell, " \t\r\n\v"))
	}
	w.Flush()
	var got []string
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(file.Bytes())), nil }
	_, err := formats.Read(context.Background(), []formats.File{{Name: "a.csv", Open: open}}, "csv", formats.Options{}, func(r formats.Row) error {
		got = append(got, r.EntityName)
		return nil
	})
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}
