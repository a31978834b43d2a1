package filter

import (
	"math/bits"

	"github.com/bits-and-blooms/bloom/v3"
)

// Filter is the Bloom filter of one layer. One goroutine builds it; afterwards any number can use it. The zero value is not usable.
type Filter struct {
	layer string
	keys  int // number of keys of the layer
	added int // number of calls of Add
	bloom *bloom.BloomFilter
	words []uint64 // the bit set of bloom, without its bounds check
	m     uint64   // bits, a multiple of 64
	k     uint64   // number of locations of a key
}

// New returns an empty filter for a layer of keys keys. rate is the wanted share of false positives,
// greater than 0 and less than 1.
func New(layer string, keys int, rate float64) *Filter {
	m, k := bloom.EstimateParameters(uint(max(keys, 1)), rate)
	return wrap(layer, keys, make([]uint64, (m+63)/64), uint64(k))
}

func wrap(layer string, keys int, words []uint64, k uint64) *Filter {
	b := bloom.From(words, uint(k))
	return &Filter{layer: layer, keys: keys, bloom: b, words: b.BitSet().Words(), m: uint64(b.Cap()), k: uint64(b.K())}
}

// next returns the state for the next location of a key: a step of a linear congruential
// generator with the multiplier of Steele and Vigna. Mul64 scales its high bits to a location.
func next(hash uint64) uint64 { return hash*0xd1342543de82ef95 + 0x9e3779b97f4a7c15 }

// Add adds a key by its lists.Hash. Every key of the layer must be added exactly once: WriteTo checks the number.
func (f *Filter) Add(hash uint64) {
	for range f.k {
		at, _ := bits.Mul64(hash, f.m)
		f.words[at>>6] |= 1 << (at & 63)
		hash = next(hash)
	}
	f.added++
}

// MayContain reports whether the layer may have the key with this lists.Hash.
// False is certain. True is a false positive for a share of the other keys, the rate of the filter.
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

// SizeBytes returns the size of the bit set.
func (f *Filter) SizeBytes() int { return 8 * len(f.words) }
