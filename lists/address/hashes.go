package address

import (
	"hash"
	"hash/crc32"
	"sync"

	"golang.org/x/crypto/blake2b"
)

// blake2b32s and blake2b40s keep hashes of 4 bytes (Filecoin) and 5 bytes (Nano): the length is
// one of BLAKE2b's parameters, so that these are not the beginnings of a longer digest.
var (
	blake2b32s = sync.Pool{New: func() any { return &hasher{Hash: blake2bOf(4)} }}
	blake2b40s = sync.Pool{New: func() any { return &hasher{Hash: blake2bOf(5)} }}
)

func blake2bOf(sizeBytes int) hash.Hash {
	h, err := blake2b.New(sizeBytes, nil)
	if err != nil {
		panic(err) // only a size above 64 bytes fails
	}
	return h
}

// sumShort appends the digest of at most 64 bytes.
func sumShort(dst []byte, pool *sync.Pool, data []byte) []byte {
	h := pool.Get().(*hasher)
	h.Reset()
	h.Write(h.in[:copy(h.in[:], data)])
	dst = append(dst, h.Sum(h.out[:0])...)
	pool.Put(h)
	return dst
}

// crc16Table serves CRC-16/XMODEM: polynomial x¹⁶+x¹²+x⁵+1, start 0, no reflection.
// Stellar (SEP-23) and TON (TEP-2) use it, with opposite byte orders.
var crc16Table = func() (t [256]uint16) {
	for i := range t {
		crc := uint16(i) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
		t[i] = crc
	}
	return t
}()

func crc16(data []byte) uint16 {
	var crc uint16
	for _, b := range data {
		crc = crc<<8 ^ crc16Table[byte(crc>>8)^b]
	}
	return crc
}

// crc32Update is crc32.Update with the IEEE polynomial, which lets what it is given escape to the heap: for the
// few bytes of an address that costs more than the sum.
func crc32Update(crc uint32, data []byte) uint32 {
	crc = ^crc
	for _, b := range data {
		crc = crc32.IEEETable[byte(crc)^b] ^ crc>>8
	}
	return ^crc
}
