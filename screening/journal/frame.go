package journal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A record in a segment, all numbers little-endian, records back to back:
//
//	 0  checksum  uint32: CRC-32C of the payload, then of bytes 4 to 23; XOR the segment's mask
//	 4  length    24 bits: bytes of payload
//	 7  kind      uint8, never 0: the allocated zeros after the last record are no record
//	 8  sequence  uint64
//	16  time      int64: Unix nanoseconds
//	24  payload
const frameBytes = 24

// MaxPayloadBytes is the largest payload of a record.
const MaxPayloadBytes = 1 << 20

// Kind is the type of a record. Its number is part of the file format and never changes.
type Kind uint8

const (
	Check      Kind = iota + 1 // a decision: one address screened, hit or miss
	ListChange                 // a list created, or its settings changed
	Upload                     // a version staged
	Approval                   // a version approved
	Rejection                  // a version rejected
	Activation                 // a version made active: a new generation
	Rollback                   // an earlier version made active again: a new generation
	KeyCreated                 // an API key created
	KeyRevoked                 // an API key revoked
)

var kinds = [...]string{"", "check", "list change", "upload", "approval", "rejection", "activation", "rollback", "key created", "key revoked"}

func (k Kind) String() string {
	if k > 0 && int(k) < len(kinds) {
		return kinds[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func payloadSum(payload []byte) uint32 { return crc32.Update(0, castagnoli, payload) }

// frame is a record in a segment.
type frame struct {
	kind     Kind
	sequence uint64
	nanos    int64
	payload  []byte
}

func (f frame) size() int64 { return frameBytes + int64(len(f.payload)) }

// putFrame writes e as a record into dst, which has exactly its size. e.sum is the checksum of
// the payload. It runs with the lock held, and so must be fast.
func putFrame(dst []byte, mask uint32, sequence uint64, e *Entry) {
	putFrameHead(dst, mask, frame{e.Kind, sequence, e.Time.UnixNano(), e.Payload}, e.sum)
	copy(dst[frameBytes:], e.Payload)
}

func putFrameHead(dst []byte, mask uint32, f frame, payloadSum uint32) {
	binary.LittleEndian.PutUint32(dst[4:], uint32(f.kind)<<24|uint32(len(f.payload)))
	binary.LittleEndian.PutUint64(dst[8:], f.sequence)
	binary.LittleEndian.PutUint64(dst[16:], uint64(f.nanos))
	binary.LittleEndian.PutUint32(dst, mask^crc32.Update(payloadSum, castagnoli, dst[4:frameBytes]))
}

// frameSize returns the size of the record with this header, in bytes; 0 if the header is invalid.
func frameSize(head []byte) int64 {
	word := binary.LittleEndian.Uint32(head[4:])
	length := int64(word & (1<<24 - 1))
	if word>>24 == 0 || length > MaxPayloadBytes {
		return 0
	}
	return frameBytes + length
}

// getFrame decodes the record that is exactly src; ok is false if its checksum is wrong.
// The payload is a part of src.
func getFrame(src []byte, mask uint32) (f frame, ok bool) {
	f = frame{
		kind:     Kind(src[7]),
		sequence: binary.LittleEndian.Uint64(src[8:]),
		nanos:    int64(binary.LittleEndian.Uint64(src[16:])),
		payload:  src[frameBytes:],
	}
	sum := crc32.Update(payloadSum(f.payload), castagnoli, src[4:frameBytes])
	return f, sum^mask == binary.LittleEndian.Uint32(src)
}
