package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"regexp"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// The first bytes of a segment, all numbers little-endian. The header is written before the
// first record, the seal after the last.
//
//	  0  magic     8 bytes
//	  8  version   uint32: 1
//	 12  reserved  4 bytes, zero
//	 16  first     uint64: sequence number of the first record
//	 24  created   int64: Unix nanoseconds
//	 32  writer    16 bytes: UUID, version 7
//	 48  salt      uint64: random, also in the file's name
//	 56  reserved  4 bytes, zero
//	 60  checksum  uint32: CRC-32C of bytes 0 to 59
//	 64  length    int64: bytes of the sealed file
//	 72  next      uint64: the sequence number after the last record
//	 80  sealed    int64: Unix nanoseconds
//	 88  previous  32 bytes: SHA-256 of the writer's segment before this one as it was sealed;
//	               zero for the first, and if the one before could not be sealed
//	120  reserved  4 bytes, zero
//	124  checksum  uint32: CRC-32C of bytes 64 to 123, XOR the mask
//
// The salt, folded to 32 bits, is the mask of all checksums after the header. So the search for records after damage, which
// looks at every byte, does not mistake bytes that a caller chose, or records of another segment, for records of this one.
const (
	headerBytes = 128
	sealOffset  = 64
	version     = 1
)

var magic = [8]byte{0x89, 'I', 'D', 'J', '\r', '\n', 0x1a, '\n'}

type header struct {
	first   uint64
	created time.Time
	writer  uuid.UUID
	salt    uint64
}

// seal is the end of a segment: next-1 is the last record.
type seal struct {
	length   int64
	next     uint64
	sealed   time.Time
	previous [sha256.Size]byte
}

func maskOf(salt uint64) uint32 { return uint32(salt) ^ uint32(salt>>32) }

func (h header) encode() []byte {
	b := make([]byte, headerBytes)
	copy(b, magic[:])
	binary.LittleEndian.PutUint32(b[8:], version)
	binary.LittleEndian.PutUint64(b[16:], h.first)
	binary.LittleEndian.PutUint64(b[24:], uint64(h.created.UnixNano()))
	copy(b[32:48], h.writer[:])
	binary.LittleEndian.PutUint64(b[48:], h.salt)
	binary.LittleEndian.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
	return b
}

func decodeHeader(b []byte) (header, error) {
	if len(b) < sealOffset {
		return header{}, fmt.Errorf("header of %d bytes, want %d", len(b), headerBytes)
	}
	if !bytes.Equal(b[:8], magic[:]) {
		return header{}, fmt.Errorf("not a journal segment: it begins with % x", b[:8])
	}
	if binary.LittleEndian.Uint32(b[60:]) != crc32.Checksum(b[:60], castagnoli) {
		return header{}, fmt.Errorf("header with a wrong checksum")
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != version {
		return header{}, fmt.Errorf("version %d, only version %d is known", v, version)
	}
	if b[23]&0x80 != 0 {
		return header{}, fmt.Errorf("first sequence number above 1<<63")
	}
	return header{
		first:   binary.LittleEndian.Uint64(b[16:]),
		created: time.Unix(0, int64(binary.LittleEndian.Uint64(b[24:]))),
		writer:  uuid.UUID(b[32:48]),
		salt:    binary.LittleEndian.Uint64(b[48:]),
	}, nil
}

func (s seal) encode(mask uint32) []byte {
	b := make([]byte, headerBytes-sealOffset)
	binary.LittleEndian.PutUint64(b, uint64(s.length))
	binary.LittleEndian.PutUint64(b[8:], s.next)
	binary.LittleEndian.PutUint64(b[16:], uint64(s.sealed.UnixNano()))
	copy(b[24:], s.previous[:])
	binary.LittleEndian.PutUint32(b[60:], mask^crc32.Checksum(b[:60], castagnoli))
	return b
}

// decodeSeal decodes the seal from the first headerBytes of a segment. It returns nil if the segment is not
// sealed: it has zeros there.
func decodeSeal(b []byte, mask uint32) (*seal, error) {
	if len(b) < headerBytes {
		return nil, fmt.Errorf("header of %d bytes, want %d", len(b), headerBytes)
	}
	b = b[sealOffset:headerBytes]
	if allZero(b) {
		return nil, nil
	}
	s := seal{
		length:   int64(binary.LittleEndian.Uint64(b)),
		next:     binary.LittleEndian.Uint64(b[8:]),
		sealed:   time.Unix(0, int64(binary.LittleEndian.Uint64(b[16:]))),
		previous: [sha256.Size]byte(b[24:]),
	}
	if mask^crc32.Checksum(b[:60], castagnoli) != binary.LittleEndian.Uint32(b[60:]) {
		return nil, fmt.Errorf("seal with a wrong checksum")
	}
	if s.length < headerBytes {
		return nil, fmt.Errorf("seal over %d bytes", s.length)
	}
	return &s, nil
}

// The name of a segment consists of its first sequence number and its salt, that of a spare only of its salt.

func segmentName(first, salt uint64) string {
	return fmt.Sprintf("journal-%020d-%016x.log", first, salt)
}
func spareName(salt uint64) string { return fmt.Sprintf("spare-%016x.tmp", salt) }

var (
	segmentPattern = regexp.MustCompile(`^journal-(\d{20})-([0-9a-f]{16})\.log$`)
	sparePattern   = regexp.MustCompile(`^spare-([0-9a-f]{16})\.tmp$`)
)

// parseName returns the first sequence number and the salt of a segment, or the salt of a spare, from a file
// name; ok is false for other files.
func parseName(name string) (first, salt uint64, spare, ok bool) {
	if m := sparePattern.FindStringSubmatch(name); m != nil {
		salt, err := strconv.ParseUint(m[1], 16, 64)
		return 0, salt, true, err == nil
	}
	m := segmentPattern.FindStringSubmatch(name)
	if m == nil {
		return 0, 0, false, false
	}
	first, err := strconv.ParseUint(m[1], 10, 63)
	if err != nil {
		return 0, 0, false, false
	}
	salt, err = strconv.ParseUint(m[2], 16, 64)
	return first, salt, false, err == nil
}

func allZero(b []byte) bool {
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b) != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
