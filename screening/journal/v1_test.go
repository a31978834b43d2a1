package journal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// The writer of format 1, for tests.

func name1(first, salt uint64) string { return fmt.Sprintf("journal-%020d-%016x.log", first, salt) }
func spareName1(salt uint64) string   { return fmt.Sprintf("spare-%016x.tmp", salt) }

// image1 builds the bytes of a segment of format 1 with these payloads as records from first on.
func image1(first, salt uint64, payloads ...string) []byte {
	image := header{version: 1, first: first, created: testTime, writer: testWriter, salt: salt}.encode()
	for i, p := range payloads {
		b := make([]byte, frame1Bytes, frame1Bytes+len(p))
		binary.LittleEndian.PutUint32(b[4:], uint32(Check)<<24|uint32(len(p)))
		binary.LittleEndian.PutUint64(b[8:], first+uint64(i))
		binary.LittleEndian.PutUint64(b[16:], uint64(testTime.UnixNano()))
		binary.LittleEndian.PutUint32(b, maskOf(salt)^crc32.Update(payloadSum([]byte(p)), castagnoli, b[4:]))
		image = append(image, append(b, p...)...)
	}
	return image
}

// sealedImage1 is image1 with a seal.
func sealedImage1(first, salt uint64, payloads ...string) []byte {
	image := image1(first, salt, payloads...)
	copy(image[seal1Offset:], encodeSeal1(seal1{int64(len(image)), first + uint64(len(payloads))}, maskOf(salt)))
	return image
}

func encodeSeal1(s seal1, mask uint32) []byte {
	b := make([]byte, headerBytes-seal1Offset)
	binary.LittleEndian.PutUint64(b, uint64(s.length))
	binary.LittleEndian.PutUint64(b[8:], s.next)
	binary.LittleEndian.PutUint64(b[16:], uint64(testTime.UnixNano()))
	binary.LittleEndian.PutUint32(b[60:], mask^crc32.Checksum(b[:60], castagnoli))
	return b
}
