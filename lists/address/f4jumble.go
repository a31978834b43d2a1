package address

import (
	"encoding/binary"
	"math/bits"
)

// F4Jumble, the unkeyed four-round Feistel of ZIP-316 that makes every byte of a unified address depend on
// every other, and the BLAKE2b (RFC 7693) with personalisation that it is made of, which golang.org/x/crypto/blake2b
// does not offer.

// maxJumble is the longest message that a text of MaxText bytes can hold.
const maxJumble = MaxText * 5 / 8

// f4jumbleInverse undoes F4Jumble in place. The message has 48 to maxJumble bytes.
func f4jumbleInverse(message []byte) {
	left := min(64, len(message)/2)
	c, d := message[:left], message[left:]
	jumbleH(c, d, 1)
	jumbleG(d, c, 1)
	jumbleH(c, d, 0)
	jumbleG(d, c, 0)
}

// f4jumble is the way forward: from an item list to the bytes that are written.
func f4jumble(message []byte) {
	left := min(64, len(message)/2)
	a, b := message[:left], message[left:]
	jumbleG(b, a, 0)
	jumbleH(a, b, 0)
	jumbleG(b, a, 1)
	jumbleH(a, b, 1)
}

// jumbleH adds the hash of u, as long as dst, to dst.
func jumbleH(dst, u []byte, round byte) {
	sum := blake2bPerson(len(dst), [16]byte{'U', 'A', '_', 'F', '4', 'J', 'u', 'm', 'b', 'l', 'e', '_', 'H', round}, u)
	for i := range dst {
		dst[i] ^= sum[i]
	}
}

// jumbleG adds as many hashes of u as it takes to dst.
func jumbleG(dst, u []byte, round byte) {
	for part := 0; part*64 < len(dst); part++ {
		sum := blake2bPerson(64, [16]byte{'U', 'A', '_', 'F', '4', 'J', 'u', 'm', 'b', 'l', 'e', '_', 'G', round, byte(part), byte(part >> 8)}, u)
		for i, c := range dst[part*64 : min(len(dst), part*64+64)] {
			dst[part*64+i] = c ^ sum[i]
		}
	}
}

var blake2bIV = [8]uint64{
	0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
	0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
}

var blake2bSigma = [10][16]byte{
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
	{11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
	{7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
	{9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
	{2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
	{12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
	{13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
	{6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
	{10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
}

// blake2bPerson hashes data without a key; the first size bytes of sum are the hash.
func blake2bPerson(size int, person [16]byte, data []byte) (sum [64]byte) {
	h := blake2bIV
	h[0] ^= 0x01010000 ^ uint64(size)
	h[6] ^= binary.LittleEndian.Uint64(person[:8])
	h[7] ^= binary.LittleEndian.Uint64(person[8:])
	done := uint64(0)
	var block [128]byte
	for len(data) > 128 {
		copy(block[:], data)
		data = data[128:]
		done += 128
		blake2bBlock(&h, &block, done, 0)
	}
	block = [128]byte{}
	copy(block[:], data)
	blake2bBlock(&h, &block, done+uint64(len(data)), ^uint64(0))
	for i, v := range h {
		binary.LittleEndian.PutUint64(sum[8*i:], v)
	}
	return sum
}

func blake2bBlock(h *[8]uint64, block *[128]byte, done, last uint64) {
	var m [16]uint64
	for i := range m {
		m[i] = binary.LittleEndian.Uint64(block[8*i:])
	}
	v0, v1, v2, v3, v4, v5, v6, v7 := h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]
	v8, v9, v10, v11 := blake2bIV[0], blake2bIV[1], blake2bIV[2], blake2bIV[3]
	v12, v13, v14, v15 := blake2bIV[4]^done, blake2bIV[5], blake2bIV[6]^last, blake2bIV[7]
	for round := range 12 {
		s := &blake2bSigma[round%10]
		v0, v4, v8, v12 = blake2bMix(v0, v4, v8, v12, m[s[0]&15], m[s[1]&15])
		v1, v5, v9, v13 = blake2bMix(v1, v5, v9, v13, m[s[2]&15], m[s[3]&15])
		v2, v6, v10, v14 = blake2bMix(v2, v6, v10, v14, m[s[4]&15], m[s[5]&15])
		v3, v7, v11, v15 = blake2bMix(v3, v7, v11, v15, m[s[6]&15], m[s[7]&15])
		v0, v5, v10, v15 = blake2bMix(v0, v5, v10, v15, m[s[8]&15], m[s[9]&15])
		v1, v6, v11, v12 = blake2bMix(v1, v6, v11, v12, m[s[10]&15], m[s[11]&15])
		v2, v7, v8, v13 = blake2bMix(v2, v7, v8, v13, m[s[12]&15], m[s[13]&15])
		v3, v4, v9, v14 = blake2bMix(v3, v4, v9, v14, m[s[14]&15], m[s[15]&15])
	}
	h[0] ^= v0 ^ v8
	h[1] ^= v1 ^ v9
	h[2] ^= v2 ^ v10
	h[3] ^= v3 ^ v11
	h[4] ^= v4 ^ v12
	h[5] ^= v5 ^ v13
	h[6] ^= v6 ^ v14
	h[7] ^= v7 ^ v15
}

func blake2bMix(a, b, c, d, x, y uint64) (uint64, uint64, uint64, uint64) {
	a += b + x
	d = bits.RotateLeft64(d^a, -32)
	c += d
	b = bits.RotateLeft64(b^c, -24)
	a += b + y
	d = bits.RotateLeft64(d^a, -16)
	c += d
	b = bits.RotateLeft64(b^c, -63)
	return a, b, c, d
}
