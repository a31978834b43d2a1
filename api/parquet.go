package api

import (
	"io"
	"time"

	"github.com/parquet-go/parquet-go"

	"interdict/api/client"
)

// auditRow is a record as a row of a Parquet file. Its columns are those of AuditColumns.
type auditRow struct {
	At         time.Time `parquet:"at,timestamp(microsecond)"`
	Kind       string    `parquet:"kind,dict"`
	By         string    `parquet:"by,dict"`
	CheckID    string    `parquet:"check_id"`
	Address    string    `parquet:"address"`
	Network    string    `parquet:"network,dict"`
	Direction  string    `parquet:"direction,dict"`
	Reference  string    `parquet:"reference"`
	Customer   string    `parquet:"customer"`
	Result     string    `parquet:"result,dict"`
	Action     string    `parquet:"action,dict"`
	Generation int64     `parquet:"generation"`
	Identity   string    `parquet:"identity"`
	Lists      []string  `parquet:"lists,list"`
	Answer     string    `parquet:"answer"`
	Error      string    `parquet:"error"`
	Change     string    `parquet:"change"`
	Writer     string    `parquet:"writer,dict"`
	Sequence   int64     `parquet:"sequence"`
	SHA256     string    `parquet:"sha256"`
}

// mediaParquet is the registered media type of Parquet files.
const mediaParquet = "application/vnd.apache.parquet"

// rowsPerGroup and bytesPerGroup bound the memory of a ParquetWriter.
const (
	rowsPerGroup  = 20_000
	bytesPerGroup = 16 << 20
)

// ParquetWriter writes records as a Parquet file, compressed with zstd. It writes no Bloom filters: with them, readers have been seen to find nothing.
type ParquetWriter struct {
	w     *parquet.GenericWriter[auditRow]
	rows  int // in the group that is being written
	bytes int // of their longest texts
}

// NewParquetWriter returns a writer of a file to w.
func NewParquetWriter(w io.Writer) *ParquetWriter {
	return &ParquetWriter{w: parquet.NewGenericWriter[auditRow](w, parquet.Compression(&parquet.Zstd))}
}

// Write writes a record.
func (p *ParquetWriter) Write(r *client.AuditRecord) error {
	row := auditRow{At: r.At, Kind: r.Kind, By: r.By, Change: string(r.Change), Writer: r.Writer, Sequence: int64(r.Sequence)}
	if c := r.Check; c != nil {
		row.CheckID, row.Address, row.Network, row.Direction, row.Reference = c.CheckID, c.Request.Address, c.Request.Network, c.Request.Direction, c.Request.Reference
		row.Customer, row.Result, row.Action, row.Generation, row.Identity = c.Request.Customer, c.Result, c.Action, int64(c.Generation), c.Identity
		row.Lists, row.Answer, row.Error, row.SHA256 = c.Lists, string(c.Answer), string(c.Error), c.Record.SHA256
	}
	if _, err := p.w.Write([]auditRow{row}); err != nil {
		return err
	}
	p.rows++
	if p.bytes += len(row.Answer) + len(row.Change) + len(row.Error); p.rows < rowsPerGroup && p.bytes < bytesPerGroup {
		return nil
	}
	p.rows, p.bytes = 0, 0
	return p.w.Flush()
}

// Close ends the file.
func (p *ParquetWriter) Close() error { return p.w.Close() }
