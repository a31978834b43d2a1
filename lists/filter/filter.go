package filter

import (
	"math/bits"

	"github.com/bits-and-blooms/bloom/v3"
)

// Filter is the Bloom filter of one layer. It is built by one goroutine and, once complete,
// read by any number. Its zero value is not usable.
type Filter struct {
	layer string
	keys  int // the layer has, and Add must be called for
	added int
	bloom *bloom.BloomFilter
	words []uint64 // the bit set of bloom, without its bounds check
	m     uint64   // bits, a multiple of 64
	k     uint64   // locations of one key
}

// New makes an empty filter for all the keys of a layer. rate is the share of other keys that
// it may take for members, above 0 and below 1.
func New(layer string, keys int, rate float64) *Filter {
	m, k := bloom.EstimateParameters(uint(max(keys, 1)), rate)
	return wrap(layer, keys, make([]uint64, (m+63)/64), uint64(k))
}

func wrap(layer string, keys int, words []uint64, k uint64) *Filter {
	b := bloom.From(words, uint(k))
	return &Filter{layer: layer, keys: keys, bloom: b, words: b.BitSet().Words(), m: uint64(b.Cap()), k: uint64(b.K())}
}

// next makes a key's following location from the last one: a step of a linear congruential
// generator (multiplier by Steele and Vigna) over the whole hash, of which Mul64 takes the top bits.
func next(hash uint64) uint64 { return hash*0xd1342543de82ef95 + 0x9e3779b97f4a7c15 }

// Add makes a key a member, given its lists.Hash. Every key of the layer is added exactly once:
// WriteTo counts them.
func (f *Filter) Add(hash uint64) {
	for range f.k {
		at, _ := bits.Mul64(hash, f.m)
		f.words[at>>6] |= 1 << (at & 63)
		hash = next(hash)
	}
	f.added++
}

// MayContain tells whether the key with this lists.Hash may be in the layer.
// False is certain; true is wrong for the filter's rate of other keys.
func (f *Filter) MayContain(hash uint64) bool {
	for range f.k {
		at, _ := bits.Mul64(hash, f.m)
		if f.words[at>>6]&(1<<(at&63)) == 0 {
			return false
		}
		hash = next(hash)
	}
	return true
}

// SizeBytes is the memory that the bits take.
func (f *Filter) SizeBytes() int { return 8 * len(f.words) }
