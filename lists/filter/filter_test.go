package filter

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"interdict/lists/fault"
)

func built(layer string, keys int, rate float64) *Filter {
	f := New(layer, keys, rate)
	for i := range uint64(keys) {
		f.Add(key(i))
	}
	return f
}

func stored(t testing.TB, f *Filter) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := f.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("WriteTo: %d bytes told, %d written, %v", n, b.Len(), err)
	}
	return b.Bytes()
}

func TestNoFalseNegatives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hashes := rapid.SliceOf(rapid.Uint64()).Draw(t, "hashes")
		f := New("l", len(hashes), rapid.SampledFrom([]float64{0.5, 1e-3, Rate, 1e-9}).Draw(t, "rate"))
		for _, h := range hashes {
			f.Add(h)
		}
		var b bytes.Buffer
		if _, err := f.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		again, err := Read(&b, "l", len(hashes))
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hashes {
			if !f.MayContain(h) || !again.MayContain(h) {
				t.Fatalf("member %#x is denied", h)
			}
		}
	})
}

func TestRateHoldsAtEverySize(t *testing.T) {
	for _, c := range []struct {
		keys, asked int
		rate        float64
		most        int // the expected number and four standard deviations
	}{
		{1, 1_000_000, 1e-4, 140},
		{10, 1_000_000, 1e-4, 140},
		{1000, 1_000_000, 1e-4, 140},
		{100_000, 1_000_000, 1e-4, 140},
		{1000, 10_000_000, 1e-6, 23}, // where double hashing has 60
	} {
		f := built("l", c.keys, c.rate)
		wrong := 0
		for i := range uint64(c.asked) {
			if f.MayContain(key(1<<40 + i)) {
				wrong++
			}
		}
		if wrong > c.most {
			t.Errorf("%d keys at %v: %d false positives of %d", c.keys, c.rate, wrong, c.asked)
		}
	}
}

func TestEmptyFilterContainsNothing(t *testing.T) {
	f, err := Read(bytes.NewReader(stored(t, New("l", 0, Rate))), "l", 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(1000) {
		if f.MayContain(key(i)) {
			t.Fatal("an empty filter says maybe")
		}
	}
}

func TestUnfinishedFilterIsNotWritten(t *testing.T) {
	f := New("l", 2, Rate)
	f.Add(1)
	if _, err := f.WriteTo(io.Discard); err == nil {
		t.Fatal("a filter that lacks a key was written")
	}
}

func TestDamagedFilterIsRefused(t *testing.T) {
	whole := stored(t, built("ofac-1", 300, Rate))
	if _, err := Read(bytes.NewReader(whole), "ofac-1", 300); err != nil {
		t.Fatal(err)
	}
	refused := func(what string, b []byte, layer string, keys int) {
		t.Helper()
		f, err := Read(bytes.NewReader(b), layer, keys)
		if err == nil || f != nil || !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: filter %v, error %v", what, f != nil, err)
		}
	}
	refused("another layer", whole, "ofac-2", 300)
	refused("other size", whole, "ofac-1", 301)
	refused("negative size", whole, "ofac-1", -1)
	refused("longer", append(slices.Clone(whole), 0), "ofac-1", 300)
	for n := range whole {
		refused("cut short", whole[:n], "ofac-1", 300)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range whole {
		b := slices.Clone(whole)
		b[i] ^= 1 << r.IntN(8)
		refused("one bit flipped", b, "ofac-1", 300)
	}
}

func TestReadKeepsTheKindOfAReadersError(t *testing.T) {
	gone := fault.E(fault.NotFound, "gone")
	_, err := Read(iotest.ErrReader(gone), "l", 1)
	if !fault.Is(err, fault.NotFound) || !errors.Is(err, gone) {
		t.Fatalf("got %v", err)
	}
}

func TestErrorAtTheEndOfTheStreamIsReturned(t *testing.T) {
	whole := stored(t, built("l", 300, Rate))
	damaged := fault.E(fault.Unavailable, "the blob is altered")
	_, err := Read(io.MultiReader(bytes.NewReader(whole), iotest.ErrReader(damaged)), "l", 300)
	if !errors.Is(err, damaged) {
		t.Fatalf("got %v", err)
	}
}

func TestMayContainDoesNotAllocate(t *testing.T) {
	f := built("l", 1000, Rate)
	if n := testing.AllocsPerRun(100, func() { f.MayContain(42) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(stored(f, built("l", 3, Rate)))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = Read(bytes.NewReader(b), "l", 3)
	})
}
