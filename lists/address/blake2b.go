package address

import (
	"hash"
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
