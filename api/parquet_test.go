package api_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"interdict/api"
	"interdict/api/client"
)

// Every record that was written is read back, in order, and is found by its value.
func TestParquetIsReadBack(t *testing.T) {
	var b bytes.Buffer
	w := api.NewParquetWriter(&b)
	const n = 45_000 // several groups of rows
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for i := range n {
		r := &client.AuditRecord{Kind: "check", At: at.Add(time.Duration(i) * time.Microsecond), Writer: "w", Sequence: uint64(i + 1),
			Check: &client.CheckRecord{CheckID: fmt.Sprint("id-", i), Result: "miss", Lists: []string{"a", "b"}[:i%3%2*2], Request: client.Asked{Address: fmt.Sprintf("0x%040x", i)}, Answer: []byte(`{"x":1}`)}}
		if i%10 == 0 {
			r = &client.AuditRecord{Kind: "upload", At: r.At, Writer: "w", Sequence: r.Sequence, Change: []byte(`{"action":"stage"}`)}
		}
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	type row struct {
		At       time.Time `parquet:"at,timestamp(microsecond)"`
		Kind     string    `parquet:"kind"`
		CheckID  string    `parquet:"check_id"`
		Address  string    `parquet:"address"`
		Answer   string    `parquet:"answer"`
		Change   string    `parquet:"change"`
		Sequence int64     `parquet:"sequence"`
	}
	rows, err := parquet.Read[row](bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil || len(rows) != n {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, got := range rows {
		want := row{At: at.Add(time.Duration(i) * time.Microsecond), Kind: "check", CheckID: fmt.Sprint("id-", i), Address: fmt.Sprintf("0x%040x", i), Answer: `{"x":1}`, Sequence: int64(i + 1)}
		if i%10 == 0 {
			want = row{At: want.At, Kind: "upload", Change: `{"action":"stage"}`, Sequence: want.Sequence}
		}
		if got.At = got.At.UTC(); got != want {
			t.Fatalf("row %d: %+v instead of %+v", i, got, want)
		}
	}
}

// Few large records fill a group as many small ones do, and no column has a Bloom filter.
func TestParquetIsWrittenInBoundedMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("it runs without the race detector")
	}
	var b bytes.Buffer
	w := api.NewParquetWriter(&b)
	answer := bytes.Repeat([]byte("x"), 1<<20)
	for i := range 40 {
		if err := w.Write(&client.AuditRecord{Kind: "check", Sequence: uint64(i + 1), Check: &client.CheckRecord{Answer: answer}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var rows []int64
	for _, g := range f.Metadata().RowGroups {
		rows = append(rows, g.NumRows)
		for _, c := range g.Columns {
			if c.MetaData.BloomFilterOffset != 0 {
				t.Errorf("column %v has a Bloom filter", c.MetaData.PathInSchema)
			}
		}
	}
	same(t, "rows of the groups", []int64{16, 16, 8}, rows)
}
