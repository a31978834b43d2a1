package filter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/cespare/xxhash/v2"

	"interdict/lists/fault"
)

// The stored form, with little-endian numbers: magic(8), length of the layer id(2), id, keys(8), m(8), k(8),
// the bits in words(8 each), XXH64 of everything before(8). The last byte of magic is the version of this form and of
// the computation of locations: reading a filter of another computation would cause false misses.
const magic = "IDBLOOM\x01"

const (
	maxBitsPerKey = 128 // far more than any rate needs; limits the memory that Read allocates
	maxK          = 128
	maxLayer      = 120
	chunkWords    = 8192
)

// WriteTo writes the stored form. It fails if not every key of the layer was added,
// since that filter would cause false misses.
func (f *Filter) WriteTo(w io.Writer) (int64, error) {
	if f.added != f.keys {
		return 0, fault.E(fault.Internal, "filter of layer %s: %d keys were added instead of %d", f.layer, f.added, f.keys)
	}
	if len(f.layer) > maxLayer {
		return 0, fault.E(fault.Invalid, "filter: the id of the layer has more than %d bytes", maxLayer)
	}
	sum := xxhash.New()
	out := io.MultiWriter(w, sum)
	var written int64
	put := func(b []byte) error {
		n, err := out.Write(b)
		written += int64(n)
		return err
	}
	b := make([]byte, 0, 8*chunkWords)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(f.layer)))
	b = append(b, f.layer...)
	for _, n := range []uint64{uint64(f.keys), f.m, f.k} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	for words := f.words; ; {
		if err := put(b); err != nil {
			return written, err
		}
		if len(words) == 0 {
			break
		}
		n := min(len(words), chunkWords)
		b = b[:0]
		for _, word := range words[:n] {
			b = binary.LittleEndian.AppendUint64(b, word)
		}
		words = words[n:]
	}
	err := put(binary.LittleEndian.AppendUint64(b[:0], sum.Sum64()))
	return written, err
}

// Read reads the filter of a layer with keys keys, up to the end of r. A filter of another layer, number of keys or version, or one
// that is damaged, truncated or followed by other bytes, is
// fault.Unavailable. An error of r keeps its kind.
func Read(r io.Reader, layer string, keys int) (*Filter, error) {
	f, err := read(r, layer, keys)
	if err == nil {
		return f, nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it is truncated")
	}
	kind := fault.Unavailable
	if k := fault.KindOf(err); k != fault.Internal {
		kind = k
	}
	return nil, fault.E(kind, "read the filter of layer %s: %w", layer, err)
}

func read(r io.Reader, layer string, keys int) (*Filter, error) {
	in := summing{r, xxhash.New()}
	var head [len(magic) + 2]byte
	if err := in.full(head[:]); err != nil {
		return nil, err
	}
	if string(head[:len(magic)]) != magic {
		return nil, errors.New("it is not a filter, or one of another version")
	}
	id := make([]byte, binary.LittleEndian.Uint16(head[len(magic):]))
	if len(id) > maxLayer {
		return nil, errors.New("it is damaged")
	}
	if err := in.full(id); err != nil {
		return nil, err
	}
	var numbers [24]byte
	if err := in.full(numbers[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(numbers[0:])
	m := binary.LittleEndian.Uint64(numbers[8:])
	k := binary.LittleEndian.Uint64(numbers[16:])
	switch {
	case string(id) != layer:
		return nil, fmt.Errorf("it belongs to layer %.120q", id)
	case keys < 0 || n != uint64(keys):
		return nil, fmt.Errorf("it is for %d keys instead of %d", n, keys)
	case m == 0 || m%64 != 0 || m > uint64(max(keys, 1))*maxBitsPerKey || k == 0 || k > maxK:
		return nil, fmt.Errorf("it is damaged: %d bits and %d locations for %d keys", m, k, keys)
	}
	words := make([]uint64, m/64)
	chunk := make([]byte, 8*min(len(words), chunkWords))
	for i := 0; i < len(words); i += chunkWords {
		part := words[i:min(i+chunkWords, len(words))]
		if err := in.full(chunk[:8*len(part)]); err != nil {
			return nil, err
		}
		for j := range part {
			part[j] = binary.LittleEndian.Uint64(chunk[8*j:])
		}
	}
	want := in.sum.Sum64()
	var sum [8]byte
	if err := in.full(sum[:]); err != nil {
		return nil, err
	}
	if binary.LittleEndian.Uint64(sum[:]) != want {
		return nil, errors.New("it is damaged: its checksum is wrong")
	}
	// Read on to the end: the reader of a blob verifies its bytes there.
	switch _, err := io.ReadFull(r, sum[:1]); {
	case err == nil:
		return nil, errors.New("it is damaged: other bytes follow it")
	case err != io.EOF:
		return nil, err
	}
	f := wrap(layer, keys, words, k)
	f.added = keys
	return f, nil
}

type summing struct {
	r   io.Reader
	sum hash.Hash64
}

func (s summing) full(b []byte) error {
	if _, err := io.ReadFull(s.r, b); err != nil {
		return err
	}
	s.sum.Write(b)
	return nil
}
