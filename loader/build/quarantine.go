package build

import (
	"bufio"
	"encoding/json"
	"io"
	"os"

	"interdict/lists"
	"interdict/lists/fault"
)

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

func (q *quarantineFile) put(row lists.Quarantined) error {
	b, err := json.Marshal(row)
	if err == nil {
		_, err = q.w.Write(append(b, '\n'))
	}
	if err != nil {
		return diskError(q.f, err)
	}
	return nil
}

func (q *quarantineFile) flush() error {
	if err := q.w.Flush(); err != nil {
		return diskError(q.f, err)
	}
	return nil
}

// ReadQuarantine yields the quarantined rows of a record.
func ReadQuarantine(record io.Reader, yield func(lists.Quarantined) error) error {
	scanner := bufio.NewScanner(record)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var q lists.Quarantined
		if err := json.Unmarshal(scanner.Bytes(), &q); err != nil {
			return fault.E(fault.Unavailable, "the record of quarantined rows is damaged: %w", err)
		}
		if err := yield(q); err != nil {
			return err
		}
	}
	return scanner.Err()
}
