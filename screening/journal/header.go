package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// The first bytes of a segment, all numbers little-endian:
//
//	  0  magic     8 bytes
//	  8  version   uint32: 2
//	 12  number    uint32: 1, 2, 3 … for the segments of a writer
//	 16  first     uint64: sequence number of the first record
//	 24  created   int64: Unix nanoseconds
//	 32  writer    16 bytes: UUID, version 7
//	 48  salt      uint64: random, 32 bits, also in the file's name
//	 56  reserved  4 bytes, zero
//	 60  checksum  uint32: CRC-32C of bytes 0 to 59
//	 64  previous  32 bytes, in a sealed segment only: SHA-256 of the writer's sealed segment before this one; zero for the
//	               first, and if the one before is not sealed
//	 96  reserved  28 bytes, zero
//	124  checksum  uint32, in a sealed segment only: CRC-32C of bytes 0 to 123
//
// A sealed segment has another magic.
const (
	headerBytes     = 128
	headerPartBytes = 64
)

var (
	magic       = [8]byte{0x89, 'I', 'D', 'J', '\r', '\n', 0x1a, '\n'}
	sealedMagic = [8]byte{0x89, 'I', 'D', 'Z', '\r', '\n', 0x1a, '\n'}
)

type header struct {
	version uint32
	number  uint32
	first   uint64
	created time.Time
	writer  uuid.UUID
	salt    uint64
}

func (h header) encode() []byte { return h.encodeAs(magic) }

func (h header) encodeAs(magic [8]byte) []byte {
	b := make([]byte, headerBytes)
	copy(b, magic[:])
	binary.LittleEndian.PutUint32(b[8:], h.version)
	binary.LittleEndian.PutUint32(b[12:], h.number)
	binary.LittleEndian.PutUint64(b[16:], h.first)
	binary.LittleEndian.PutUint64(b[24:], uint64(h.created.UnixNano()))
	copy(b[32:48], h.writer[:])
	binary.LittleEndian.PutUint64(b[48:], h.salt)
	binary.LittleEndian.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
	return b
}

// encodeSealed returns the header of a sealed segment.
func (h header) encodeSealed(previous [sha256.Size]byte) []byte {
	b := h.encodeAs(sealedMagic)
	copy(b[headerPartBytes:], previous[:])
	binary.LittleEndian.PutUint32(b[124:], crc32.Checksum(b[:124], castagnoli))
	return b
}

func decodeHeader(b []byte, version uint32, magic [8]byte) (header, error) {
	if len(b) < headerPartBytes {
		return header{}, fmt.Errorf("header of %d bytes, want %d", len(b), headerBytes)
	}
	if !bytes.Equal(b[:8], magic[:]) {
		return header{}, fmt.Errorf("not a journal segment: it begins with % x", b[:8])
	}
	if binary.LittleEndian.Uint32(b[60:]) != crc32.Checksum(b[:60], castagnoli) {
		return header{}, fmt.Errorf("header with a wrong checksum")
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != version {
		return header{}, fmt.Errorf("version %d, want version %d", v, version)
	}
	if b[23]&0x80 != 0 {
		return header{}, fmt.Errorf("first sequence number above 1<<63")
	}
	return header{
		version: version,
		number:  binary.LittleEndian.Uint32(b[12:]),
		first:   binary.LittleEndian.Uint64(b[16:]),
		created: time.Unix(0, int64(binary.LittleEndian.Uint64(b[24:]))),
		writer:  uuid.UUID(b[32:48]),
		salt:    binary.LittleEndian.Uint64(b[48:]),
	}, nil
}

// decodeSealed decodes the header of a sealed segment.
func decodeSealed(b []byte) (h header, previous [sha256.Size]byte, err error) {
	if h, err = decodeHeader(b, 2, sealedMagic); err != nil {
		return h, previous, err
	}
	if len(b) < headerBytes || binary.LittleEndian.Uint32(b[124:]) != crc32.Checksum(b[:124], castagnoli) {
		return h, previous, fmt.Errorf("header with a wrong checksum")
	}
	return h, [sha256.Size]byte(b[headerPartBytes:]), nil
}

// The name of a raw segment has the writer, the number and the salt. That of a sealed one also has its first sequence number, and the earliest
// and the latest millisecond of its records: of their times, and of the first 48 bits of their ids. So a reader need not open
// all files. A segment that was moved to an archive has a marker of the same name with another ending.

func rawName(writer uuid.UUID, number int, salt uint32) string {
	return fmt.Sprintf("journal-%s-%06d-%08x.log", writer, number, salt)
}

func sealedName(h header, from, to uint64) string {
	return fmt.Sprintf("journal-%s-%06d-%08x-%020d-%012x-%012x.zst", h.writer, h.number, uint32(h.salt), h.first, from, to)
}

// parseName returns what a file name says of a segment; ok is false for other files.
func parseName(name string) (s segmentInfo, ok bool) {
	rest, ok := strings.CutPrefix(name, "journal-")
	if !ok || len(rest) < 36 || rest[8] != '-' {
		return parseName1(name)
	}
	writer, err := uuid.Parse(rest[:36])
	rest = rest[36:]
	rest, archived := strings.CutSuffix(rest, archivedSuffix)
	rest, sealed := strings.CutSuffix(rest, sealedSuffix)
	if archived && sealed {
		return s, false
	}
	sealed = sealed || archived
	want := 2 // parts
	if sealed {
		want = 5
	} else if rest, ok = strings.CutSuffix(rest, ".log"); !ok {
		return s, false
	}
	var numbers [5]uint64
	for i := range want {
		part, ok := strings.CutPrefix(rest, "-")
		if !ok || err != nil {
			return s, false
		}
		end := strings.IndexByte(part+"-", '-')
		base := 16
		if i == 0 || i == 2 {
			base = 10
		}
		numbers[i], err = strconv.ParseUint(part[:end], base, 63)
		rest = part[end:]
	}
	if err != nil || rest != "" || numbers[0] > math.MaxUint32 || numbers[1] > math.MaxUint32 {
		return s, false
	}
	return segmentInfo{version: 2, sealed: sealed, archived: archived, writer: writer, number: uint32(numbers[0]), salt: numbers[1],
		first: numbers[2], from: numbers[3], to: numbers[4]}, true
}
