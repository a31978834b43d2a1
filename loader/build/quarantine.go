package build

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"strconv"

	"interdict/lists/fault"
)

// Quarantined is a row that could not be read, and why. Its text is still screened byte for byte, unless Active is false: then there is no
// text, or one that must not be kept.
type Quarantined struct {
	Locator string `json:"locator"`
	Address string `json:"address"`
	Network string `json:"network,omitempty"`
	Asset   string `json:"asset,omitempty"`
	Entity  string `json:"entity,omitempty"`
	Reason  string `json:"reason"`
	Detail  string `json:"detail"`
	Active  bool   `json:"active"`
	// Unread is set when the row holds something like an address. A version with such a row is activated only with a reason.
	Unread bool `json:"unread,omitempty"`
}

// QuarantineColumns are the column names of a table of quarantined rows.
var QuarantineColumns = []string{"locator", "address", "network", "asset", "entity", "reason", "detail", "active", "unread"}

// Cells returns the row under QuarantineColumns.
func (q *Quarantined) Cells() []string {
	return []string{q.Locator, q.Address, q.Network, q.Asset, q.Entity, q.Reason, q.Detail, strconv.FormatBool(q.Active), strconv.FormatBool(q.Unread)}
}

// quarantineFile holds quarantined rows as ndjson in a temporary file.
type quarantineFile struct {
	f *os.File
	w *bufio.Writer
}

func newQuarantineFile(dir string) (*quarantineFile, error) {
	f, err := newTemp(dir)
	if err != nil {
		return nil, err
	}
	return &quarantineFile{f, bufio.NewWriterSize(f, 64<<10)}, nil
}

func (q *quarantineFile) put(row Quarantined) error {
	b, err := json.Marshal(row)
	if err == nil {
		_, err = q.w.Write(append(b, '\n'))
	}
	if err != nil {
		return diskError(err)
	}
	return nil
}

func (q *quarantineFile) flush() error {
	if err := q.w.Flush(); err != nil {
		return diskError(err)
	}
	return nil
}

// ReadQuarantine yields the quarantined rows of a record.
func ReadQuarantine(record io.Reader, yield func(Quarantined) error) error {
	scanner := bufio.NewScanner(record)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var q Quarantined
		if err := json.Unmarshal(scanner.Bytes(), &q); err != nil {
			return fault.E(fault.Unavailable, "the record of quarantined rows is damaged: %w", err)
		}
		if err := yield(q); err != nil {
			return err
		}
	}
	return scanner.Err()
}
