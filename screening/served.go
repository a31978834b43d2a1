package screening

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"interdict/lists"
	"interdict/lists/fault"
)

// Served is what a replica notes on disk before it answers from a generation. The cache follows a second later and can be damaged;
// this note says whether it holds what was answered from.
type Served struct {
	StoreID string `json:"store_id,omitempty"`
	Store   string `json:"store"` // digest of the store's address, without secrets
	lists.Head
	// Lost tells that the store had lost that generation: the cache alone may not be answered from.
	Lost bool `json:"lost,omitempty"`
}

// Of reports whether the note is about a store at this address, or about none yet.
func (s Served) Of(store lists.Store) bool { return s.Store == "" || s.Store == addressOf(store) }

// servedBytes is the size of the file: one sector, so that it is written whole or not at all.
const servedBytes = 512

// ServedFile keeps a Served in a file:
//
//	crc32 of the JSON (8 hex digits) space JSON, filled up with spaces
type ServedFile struct {
	mu      sync.Mutex
	f       *os.File
	now     Served
	damaged bool
}

// OpenServed opens the file and makes it if there is none.
func OpenServed(path string) (*ServedFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fault.E(fault.Unavailable, "open the note of what is served: %w", err)
	}
	s := &ServedFile{f: f}
	dir, err := os.Open(filepath.Dir(path))
	if err == nil {
		err = errors.Join(dir.Sync(), dir.Close())
	}
	if err == nil {
		s.now, err = readServed(f)
		s.damaged = errors.Is(err, errServed)
	}
	if err != nil && !s.damaged {
		return nil, errors.Join(fault.E(fault.Unavailable, "read the note of what is served: %w", err), f.Close())
	}
	return s, nil
}

// ReadServed reads the file at path. It is the zero value when there is none.
func ReadServed(path string) (Served, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return Served{}, nil
	}
	if err != nil {
		return Served{}, fault.E(fault.Unavailable, "read the note of what is served: %w", err)
	}
	defer f.Close()
	s, err := readServed(f)
	if err != nil {
		return s, fault.E(fault.Unavailable, "%s: %w", path, err)
	}
	return s, nil
}

// errServed marks a file that cannot be understood.
var errServed = errors.New("the note of what is served is damaged")

func readServed(f *os.File) (s Served, err error) {
	b := make([]byte, servedBytes+1)
	n, err := f.ReadAt(b, 0)
	if n == 0 {
		return s, nil
	}
	if n != servedBytes {
		return s, errServed
	}
	sum, text, _ := bytes.Cut(bytes.TrimRight(b[:n], " "), []byte(" "))
	if string(sum) != fmt.Sprintf("%08x", crc32.ChecksumIEEE(text)) || json.Unmarshal(text, &s) != nil {
		return Served{}, errServed
	}
	return s, nil
}

// Read returns what was written last; known is false when the file is damaged.
func (s *ServedFile) Read() (now Served, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now, !s.damaged
}

// write returns when the note survives the death of the machine.
func (s *ServedFile) write(next Served) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if next == s.now && !s.damaged {
		return nil
	}
	text, err := json.Marshal(next)
	if err != nil {
		return err
	}
	line := fmt.Sprintf("%08x %s", crc32.ChecksumIEEE(text), text)
	if len(line) > servedBytes {
		return fault.E(fault.Internal, "the note of what is served has %d bytes", len(line))
	}
	s.damaged = true // until it is written whole
	if _, err = s.f.WriteAt([]byte(line+strings.Repeat(" ", servedBytes-len(line))), 0); err == nil {
		err = s.f.Sync()
	}
	if err != nil {
		return fault.E(fault.Unavailable, "write the note of what is served: %w", err)
	}
	s.now, s.damaged = next, false
	return nil
}

// Close closes the file.
func (s *ServedFile) Close() error { return s.f.Close() }

// addressOf is the digest of a store's address.
func addressOf(store lists.Store) string {
	sum := sha256.Sum256([]byte(store.Describe()))
	return hex.EncodeToString(sum[:16])
}
