package address

import (
	"slices"
	"testing"
)

// SameLinks saves a check the hashes of links that it has already: it must never say so of links that differ.
func TestSameLinksAreTheSame(t *testing.T) {
	shared := 0
	for _, v := range ownVectors() {
		readings, err := Parse(nil, v.Texts[0], "")
		if err != nil {
			continue
		}
		for i := range readings {
			for j := range readings {
				a, b := &readings[i], &readings[j]
				if i == j || !SameLinks(a, b) {
					continue
				}
				shared++
				for _, side := range []Side{Asked, Listed} {
					if !slices.Equal(Links(nil, a, side), Links(nil, b, side)) {
						t.Errorf("%s: %s and %s differ in their links", v.Texts[0], a.Network, b.Network)
					}
				}
			}
		}
	}
	if shared == 0 {
		t.Error("no vector has readings that share their links")
	}
}
