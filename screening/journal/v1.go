package journal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"regexp"
	"strconv"
)

// Format 1, which was written until the journal had compressed segments, and is still read. The header is that of format 2 without a
// number. After the last record a seal is written into it, all numbers little-endian:
//
//	 64  length    int64: bytes of the sealed file
//	 72  next      uint64: the sequence number after the last record
//	 80  sealed    int64: Unix nanoseconds
//	 88  previous  32 bytes: SHA-256 of the writer's segment before this one as it was sealed
//	120  reserved  4 bytes, zero
//	124  checksum  uint32: CRC-32C of bytes 64 to 123, XOR the mask
//
// A record, back to back:
//
//	 0  checksum  uint32: CRC-32C of the payload, then of bytes 4 to 23; XOR the mask
//	 4  length    24 bits: bytes of payload
//	 7  kind      uint8, never 0
//	 8  sequence  uint64
//	16  time      int64: Unix nanoseconds
//	24  payload
//
// The mask is the salt of the segment, folded to 32 bits. The file has zeros after the last record until it is sealed.
const (
	frame1Bytes = 24
	seal1Offset = 64
)

// seal1 is the end of a segment of format 1: next-1 is the last record.
type seal1 struct {
	length int64
	next   uint64
}

// decodeSeal1 decodes the seal from the header of a segment. It returns nil if the segment is not sealed.
func decodeSeal1(b []byte, mask uint32) (*seal1, error) {
	if len(b) < headerBytes {
		return nil, fmt.Errorf("header of %d bytes, want %d", len(b), headerBytes)
	}
	b = b[seal1Offset:headerBytes]
	if allZero(b) {
		return nil, nil
	}
	s := seal1{length: int64(binary.LittleEndian.Uint64(b)), next: binary.LittleEndian.Uint64(b[8:])}
	if mask^crc32.Checksum(b[:60], castagnoli) != binary.LittleEndian.Uint32(b[60:]) {
		return nil, fmt.Errorf("seal with a wrong checksum")
	}
	if s.length < headerBytes {
		return nil, fmt.Errorf("seal over %d bytes", s.length)
	}
	return &s, nil
}

// frame1Size returns the size of the record with this head, in bytes; 0 if the head is invalid.
func frame1Size(head []byte) int {
	word := binary.LittleEndian.Uint32(head[4:])
	length := int(word & (1<<24 - 1))
	if word>>24 == 0 || length > MaxPayloadBytes {
		return 0
	}
	return frame1Bytes + length
}

// getFrame1 decodes the record that is exactly src.
func getFrame1(src []byte, mask uint32) (f frame, ok bool) {
	f = frame{
		kind:     Kind(src[7]),
		sequence: binary.LittleEndian.Uint64(src[8:]),
		nanos:    int64(binary.LittleEndian.Uint64(src[16:])),
		payload:  src[frame1Bytes:],
		bytes:    len(src),
	}
	sum := crc32.Update(payloadSum(f.payload), castagnoli, src[4:frame1Bytes])
	return f, sum^mask == binary.LittleEndian.Uint32(src)
}

// maskOf folds a salt to 32 bits. That of format 2 has no more.
func maskOf(salt uint64) uint32 { return uint32(salt) ^ uint32(salt>>32) }

var (
	pattern1 = regexp.MustCompile(`^journal-(\d{20})-([0-9a-f]{16})\.log$`)
	spare1   = regexp.MustCompile(`^spare-([0-9a-f]{16})\.tmp$`) // it has no records, or its new name did not reach the disk
)

func parseName1(name string) (s segmentInfo, ok bool) {
	s.version = 1
	if m := spare1.FindStringSubmatch(name); m != nil {
		s.spare = true
		s.salt, _ = strconv.ParseUint(m[1], 16, 64)
		return s, true
	}
	m := pattern1.FindStringSubmatch(name)
	if m == nil {
		return s, false
	}
	first, err := strconv.ParseUint(m[1], 10, 63)
	s.first = first
	s.salt, _ = strconv.ParseUint(m[2], 16, 64)
	return s, err == nil
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
