package journal

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/google/uuid"
)

// A record in a raw segment, all numbers little-endian, records back to back:
//
//	 0  checksum  uint32: CRC-32C of the payload, then of the bytes from 4 to the payload; XOR the salt
//	 4  length    21 bits: bytes of payload
//	    form      2 bits: of the id
//	    zero      1 bit
//	 7  kind      uint8, never 0: zeros are no record
//	 8  sequence  uint32: the lower half of the sequence number
//	12  time      int64: Unix nanoseconds
//	20  id        none; or the last 10 bytes, if the first 6 are the milliseconds of the time, as in a
//	              UUIDv7 of that time; or all 16 bytes
//	    payload
//
// The salt is random for each writer. So the search for records after damage, which looks at every byte, does not
// mistake bytes that a caller chose for a record.
const (
	headBytes     = 20
	maxFrameBytes = headBytes + 16 + MaxPayloadBytes
)

// MaxPayloadBytes is the largest payload of a record.
const MaxPayloadBytes = 1 << 20

const (
	noID = iota
	shortID
	fullID
)

var idBytes = [...]int{noID: 0, shortID: 10, fullID: 16}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func payloadSum(payload []byte) uint32 { return crc32.Update(0, castagnoli, payload) }

// frame is a decoded record. bytes is its size in the segment.
type frame struct {
	kind     Kind
	sequence uint64
	nanos    int64
	id       uuid.UUID
	payload  []byte
	bytes    int
}

// millisOf returns the milliseconds of a time as the first 48 bits of a UUIDv7 hold them.
func millisOf(nanos int64) uint64 {
	ms := nanos / 1e6
	if nanos%1e6 < 0 {
		ms--
	}
	return uint64(ms) & (1<<48 - 1)
}

// idMillis returns the first 48 bits of an id, which are its time if it is a UUIDv7.
func idMillis(id uuid.UUID) uint64 { return binary.BigEndian.Uint64(id[:8]) >> 16 }

func formOf(id uuid.UUID, nanos int64) uint32 {
	switch {
	case id == uuid.Nil:
		return noID
	case idMillis(id) == millisOf(nanos):
		return shortID
	}
	return fullID
}

// completeID returns the id whose stored part is b.
func completeID(b []byte, nanos int64) (id uuid.UUID) {
	if len(b) == 10 {
		binary.BigEndian.PutUint64(id[:8], millisOf(nanos)<<16)
	}
	copy(id[16-len(b):], b)
	return id
}

// appendFrame appends e as a record. e.sum is the checksum of the payload. It runs with the lock held, and so must be fast.
func appendFrame(b []byte, salt uint32, sequence uint64, e *Entry) []byte {
	nanos := e.Time.UnixNano()
	form := formOf(e.ID, nanos)
	from := len(b)
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(e.Kind)<<24|form<<21|uint32(len(e.Payload)))
	b = binary.LittleEndian.AppendUint32(b, uint32(sequence))
	b = binary.LittleEndian.AppendUint64(b, uint64(nanos))
	b = append(b, e.ID[16-idBytes[form]:]...)
	binary.LittleEndian.PutUint32(b[from:], salt^crc32.Update(e.sum, castagnoli, b[from+4:]))
	return append(b, e.Payload...)
}

// frameSize returns the size of the record with this head, in bytes; 0 if the head is invalid.
func frameSize(head []byte) int {
	word := binary.LittleEndian.Uint32(head[4:])
	length, form := int(word&(1<<21-1)), word>>21&7
	if word>>24 == 0 || length > MaxPayloadBytes || form > fullID {
		return 0
	}
	return headBytes + idBytes[form] + length
}

// getFrame decodes the record that is exactly src; ok is false if its checksum is wrong. The payload is a part of src. near is
// a sequence number less than 1<<31 away, which completes the lower half.
func getFrame(src []byte, salt uint32, near uint64) (f frame, ok bool) {
	id := idBytes[binary.LittleEndian.Uint32(src[4:])>>21&3]
	f = frame{
		kind:     Kind(src[7]),
		sequence: near + uint64(int64(int32(binary.LittleEndian.Uint32(src[8:])-uint32(near)))),
		nanos:    int64(binary.LittleEndian.Uint64(src[12:])),
		payload:  src[headBytes+id:],
		bytes:    len(src),
	}
	f.id = completeID(src[headBytes:headBytes+id], f.nanos)
	sum := crc32.Update(payloadSum(f.payload), castagnoli, src[4:headBytes+id])
	return f, sum^salt == binary.LittleEndian.Uint32(src) && f.sequence-1 < 1<<63-1
}

// fit returns how many bytes of whole records at the start of b fit into room, and how many records these are.
func fit(b []byte, room int) (bytes int, records uint64) {
	for bytes < len(b) {
		size := frameSize(b[bytes:])
		if bytes+size > room {
			break
		}
		bytes, records = bytes+size, records+1
	}
	return bytes, records
}

func timeOf(nanos int64) time.Time { return time.Unix(0, nanos).UTC() }
