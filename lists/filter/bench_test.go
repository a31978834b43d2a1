package filter

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
)

func key(n uint64) uint64 {
	var b [21]byte
	b[0] = 2
	binary.BigEndian.PutUint64(b[1:], n*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(b[13:], n)
	return xxhash.Sum64(b[:])
}

// BenchmarkRate gives the figures of the package comment.
//
//	go test ./lists/filter -run '^$' -bench Rate -benchtime 2000000x
func BenchmarkRate(b *testing.B) {
	for _, keys := range []int{1_000_000, 10_000_000} {
		members := make([]uint64, keys)
		for i := range members {
			members[i] = key(uint64(i))
		}
		others := make([]uint64, 1<<23)
		for i := range others {
			others[i] = key(1<<40 + uint64(i))
		}
		for _, rate := range []float64{1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-9} {
			start := time.Now()
			f := New("l", keys, rate)
			for _, h := range members {
				f.Add(h)
			}
			build := time.Since(start)
			wrong := 0
			for _, h := range others {
				if f.MayContain(h) {
					wrong++
				}
			}
			name := fmt.Sprintf("keys=%d/rate=%.0e", keys, rate)
			b.Run(name+"/miss", func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					f.MayContain(others[i&(len(others)-1)])
				}
				b.ReportMetric(float64(8*f.SizeBytes())/float64(keys), "bits/key")
				b.ReportMetric(float64(wrong)/float64(len(others)), "false-positives")
				b.ReportMetric(build.Seconds()/float64(keys)*1e6, "build-s/M")
			})
			b.Run(name+"/hit", func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					if !f.MayContain(members[i%keys]) {
						b.Fatal("a member was denied")
					}
				}
			})
		}
	}
}

// BenchmarkReduction compares ways from a hash to a bit; MayContain is the last.
func BenchmarkReduction(b *testing.B) {
	for _, keys := range []int{1_000_000, 10_000_000} {
		f := New("l", keys, Rate)
		for i := range uint64(keys) {
			f.Add(key(i))
		}
		others := make([]uint64, 1<<20)
		for i := range others {
			others[i] = key(1<<40 + uint64(i))
		}
		locations := func(dst []uint64, hash uint64) []uint64 {
			for range f.k {
				dst = append(dst, hash)
				hash = next(hash)
			}
			return dst
		}
		run := func(name string, test func(uint64) bool) {
			b.Run(fmt.Sprintf("keys=%d/%s", keys, name), func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					test(others[i&(len(others)-1)])
				}
			})
		}
		run("TestLocations", func(hash uint64) bool {
			var room [64]uint64
			return f.bloom.TestLocations(locations(room[:0], hash))
		})
		run("modulo", func(hash uint64) bool {
			for range f.k {
				if !f.bloom.BitSet().Test(uint(hash % f.m)) {
					return false
				}
				hash = next(hash)
			}
			return true
		})
		run("multiply", func(hash uint64) bool {
			for range f.k {
				at, _ := bits.Mul64(hash, f.m)
				if !f.bloom.BitSet().Test(uint(at)) {
					return false
				}
				hash = next(hash)
			}
			return true
		})
		run("multiply-words", f.MayContain)
	}
}
