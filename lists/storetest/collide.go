package storetest

import (
	"encoding/binary"
	"math/bits"

	"interdict/lists"
	"interdict/lists/address"
)

const (
	prime1 = 0x9E3779B185EBCA87
	prime2 = 0xC2B2AE3D27D4EB4F
)

// Colliding makes n keys that have one Hash: an attacker can, so a store must bear it. XXH64 takes
// 32 bytes at a time into four lanes; whatever the first 8 bytes of a key do to the first lane, there
// are 8 bytes in its second half that undo it.
func Colliding(n int) []lists.Entry {
	round := func(lane, in uint64) uint64 { return bits.RotateLeft64(lane+in*prime2, 31) * prime1 }
	inverse := uint64(prime2) // Newton's iteration doubles the correct bits each time
	for range 6 {
		inverse *= 2 - prime2*inverse
	}
	start := uint64(prime1)
	start += prime2 // the first lane begins at their sum, overflow cut
	goal := round(start, 1)
	entries := make([]lists.Entry, n)
	for i := range entries {
		var key [64]byte
		first := uint64(i)<<8 | 1 // the first byte of a key is its space
		binary.LittleEndian.PutUint64(key[:], first)
		binary.LittleEndian.PutUint64(key[32:], (goal-round(start, first))*inverse)
		entries[i] = lists.Entry{Key: address.Key(key[:]), Refs: refs(uint64(i))}
	}
	Order(entries)
	return entries
}
