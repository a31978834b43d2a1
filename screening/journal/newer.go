package journal

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"interdict/lists/fault"
)

// Every format of a segment begins with a magic, a version and a checksum, so that this program knows a newer one when it sees it.

// latestFormat is the newest format that this program reads and writes.
const latestFormat = 2

// newestSealed is how many sealed segments are looked at: the last ones by name, which begins with the time of their writer.
const newestSealed = 8

// refuseNewer returns fault.Conflict if a newer version of the program has written segments in dir. Recovery would take them for damage.
func refuseNewer(dir string) error {
	names, err := readNames(dir)
	if err != nil {
		return fault.E(fault.Unavailable, "open journal: %w", err)
	}
	sealed := 0
	for _, name := range slices.Backward(names) {
		raw := strings.HasSuffix(name, ".log")
		if !strings.HasPrefix(name, "journal-") || !raw && !strings.HasSuffix(name, sealedSuffix) {
			continue
		}
		if !raw {
			if sealed++; sealed > newestSealed {
				continue
			}
		}
		version, err := formatOf(filepath.Join(dir, name))
		if err != nil {
			return fault.E(fault.Unavailable, "open journal: %w", err)
		}
		if version > latestFormat {
			return fault.E(fault.Conflict, "journal segment %s has format %d, and this version of interdict reads up to %d: use the version that wrote it", name, version, latestFormat)
		}
	}
	return nil
}

// formatOf returns the version in the header of a segment; 0 if it has no valid header.
func formatOf(path string) (uint32, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	b := make([]byte, headerPartBytes)
	if _, err := io.ReadFull(f, b); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	if m := [8]byte(b[:8]); m != magic && m != sealedMagic || binary.LittleEndian.Uint32(b[60:]) != crc32.Checksum(b[:60], castagnoli) {
		return 0, nil
	}
	return binary.LittleEndian.Uint32(b[8:]), nil
}
