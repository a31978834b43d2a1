package redisstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"

	"interdict/lists"
	"interdict/lists/address"
)

// bucketMean is how many entries a bucket has on average. Redis keeps a hash as a listpack up to 128 fields; with 96
// entries and the marker one bucket in two thousand has more, and takes some 10 KB instead of 4.
const bucketMean = 96

// bucketsFor gives the number of buckets for a number of keys.
func bucketsFor(keys uint64) uint64 { return max(1, (keys+bucketMean-1)/bucketMean) }

// bucketOf gives the bucket of a hash: hashes are scaled to the number of buckets, which keeps their order.
func bucketOf(hash, buckets uint64) uint64 {
	b, _ := bits.Mul64(hash, buckets)
	return b
}

// checkBytes is how long the checksum behind the references of an entry is.
const checkBytes = 2

// entrySum is a checksum over an entry. It finds what was cut off or changed behind our back; two bytes
// an address are what there is room for.
func entrySum(d *xxhash.Digest, key address.Key, refs []byte) uint16 {
	d.Reset()
	_, _ = d.WriteString(string(key))
	_, _ = d.Write(refs)
	return uint16(d.Sum64())
}

func appendValue(dst []byte, d *xxhash.Digest, e lists.Entry) []byte {
	dst = append(dst, e.Refs...)
	return binary.BigEndian.AppendUint16(dst, entrySum(d, e.Key, e.Refs))
}

// decodeValue gives the references of an entry.
func decodeValue(d *xxhash.Digest, key address.Key, stored string) ([]byte, error) {
	n := len(stored) - checkBytes
	if n <= 0 {
		return nil, errDamaged
	}
	value := []byte(stored)
	if binary.BigEndian.Uint16(value[n:]) != entrySum(d, key, value[:n]) {
		return nil, errDamaged
	}
	return value[:n:n], nil
}

// decodeMarker gives the number of entries of a bucket.
func decodeMarker(stored any) (int, error) {
	marker, ok := stored.(string)
	if !ok {
		return 0, errors.New("gone: was Redis flushed, or does it evict keys?")
	}
	n, err := strconv.Atoi(marker)
	if err != nil || n < 0 {
		return 0, errDamaged
	}
	return n, nil
}

// decodeBucket gives the entries of a whole bucket, in order: all that were written to it, and nothing else. fields are names and values
// in turn.
func decodeBucket(d *xxhash.Digest, bucket, buckets uint64, fields []any) ([]lists.Entry, error) {
	var marker any
	entries := make([]lists.Entry, 0, len(fields)/2)
	for i := 0; i+1 < len(fields); i += 2 {
		name, ok := fields[i].(string)
		value, ok2 := fields[i+1].(string)
		if !ok || !ok2 {
			return nil, errDamaged
		}
		if name == fieldMarker {
			marker = value
			continue
		}
		refs, err := decodeValue(d, address.Key(name), value)
		if err != nil {
			return nil, err
		}
		if bucketOf(lists.Hash(address.Key(name)), buckets) != bucket {
			return nil, errors.New("damaged: it has an entry of another bucket")
		}
		entries = append(entries, lists.Entry{Key: address.Key(name), Refs: refs})
	}
	switch n, err := decodeMarker(marker); {
	case err != nil:
		return nil, err
	case n != len(entries):
		return nil, fmt.Errorf("damaged: it has %d entries instead of %d", len(entries), n)
	}
	// A listpack has them in order already; a hash table, which a large bucket is, has not.
	less := func(a, b lists.Entry) int {
		ha, hb := lists.Hash(a.Key), lists.Hash(b.Key)
		switch {
		case ha < hb || ha == hb && a.Key < b.Key:
			return -1
		case ha > hb || a.Key > b.Key:
			return 1
		}
		return 0
	}
	if !slices.IsSortedFunc(entries, less) {
		slices.SortFunc(entries, less)
	}
	return entries, nil
}
