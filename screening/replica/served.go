package replica

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"interdict/lists"
	"interdict/lists/fault"
)

// Served names the generation that a replica serves. It is written to disk before the first check is answered from that generation.
// The cache is written a second later and can be damaged; Served says which generation the cache must hold to be used.
type Served struct {
	StoreID string `json:"store_id,omitempty"`
	Store   string `json:"store"` // digest of the store's address, without secrets
	lists.Head
	// Lost is true if the store had lost that generation: then the cache alone must not be used.
	Lost bool `json:"lost,omitempty"`
}

// Of reports whether the store was at this address, or nothing has been served yet.
func (s Served) Of(store lists.Store) bool { return s.Store == "" || s.Store == storeDigest(store) }

// servedBytes is the size of the file: one sector, so that a write is never partial.
const servedBytes = 512

// ServedFile keeps a Served in a file:
//
//	crc32 of the JSON (8 hex digits) space JSON, padded with spaces
type ServedFile struct {
	mu      sync.Mutex
	f       *os.File
	last    Served
	damaged bool
}

// OpenServed opens the file and creates it if it does not exist.
func OpenServed(path string) (*ServedFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fault.E(fault.Unavailable, "open the file of the generation served: %w", err)
	}
	s := &ServedFile{f: f}
	dir, err := os.Open(filepath.Dir(path))
	if err == nil {
		err = errors.Join(dir.Sync(), dir.Close())
	}
	if err == nil {
		s.last, err = readServed(f)
		s.damaged = errors.Is(err, errServedDamaged)
	}
	if err != nil && !s.damaged {
		return nil, errors.Join(fault.E(fault.Unavailable, "read the file of the generation served: %w", err), f.Close())
	}
	return s, nil
}

// ReadServed reads the file at path. It returns the zero value if there is none.
func ReadServed(path string) (Served, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return Served{}, nil
	}
	if err != nil {
		return Served{}, fault.E(fault.Unavailable, "read the file of the generation served: %w", err)
	}
	defer f.Close()
	s, err := readServed(f)
	if err != nil {
		return s, fault.E(fault.Unavailable, "%s: %w", path, err)
	}
	return s, nil
}

// errServedDamaged is the error of a file with a wrong size or checksum.
var errServedDamaged = errors.New("the file of the generation served is damaged")

func readServed(f *os.File) (s Served, err error) {
	b := make([]byte, servedBytes+1)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return s, err
	}
	if n == 0 {
		return s, nil
	}
	if n != servedBytes {
		return s, errServedDamaged
	}
	sum, text, _ := bytes.Cut(bytes.TrimRight(b[:n], " "), []byte(" "))
	if string(sum) != fmt.Sprintf("%08x", crc32.ChecksumIEEE(text)) || json.Unmarshal(text, &s) != nil {
		return Served{}, errServedDamaged
	}
	return s, nil
}

// Read returns what was written last; known is false if the file is damaged.
func (s *ServedFile) Read() (last Served, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, !s.damaged
}

// write returns once the file survives a power failure.
func (s *ServedFile) write(next Served) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if next == s.last && !s.damaged {
		return nil
	}
	text, err := json.Marshal(next)
	if err != nil {
		return err
	}
	line := fmt.Sprintf("%08x %s", crc32.ChecksumIEEE(text), text)
	if len(line) > servedBytes {
		return fault.E(fault.Internal, "the record of the generation served has %d bytes; at most %d fit", len(line), servedBytes)
	}
	s.damaged = true // until the write is complete
	if _, err = s.f.WriteAt([]byte(line+strings.Repeat(" ", servedBytes-len(line))), 0); err == nil {
		err = s.f.Sync()
	}
	if err != nil {
		return fault.E(fault.Unavailable, "write the file of the generation served: %w", err)
	}
	s.last, s.damaged = next, false
	return nil
}

// Close closes the file.
func (s *ServedFile) Close() error { return s.f.Close() }

// storeDigest is a digest of a store's address.
func storeDigest(store lists.Store) string {
	sum := sha256.Sum256([]byte(store.Describe()))
	return hex.EncodeToString(sum[:16])
}
