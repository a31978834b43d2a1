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

// bucketMean is the mean number of entries of a bucket. Redis stores a hash of up to 128 fields as a listpack. With 96
// entries on average one bucket in two thousand has more, and takes about 10 KB instead of 4.
const bucketMean = 96

// bucketsFor returns the number of buckets for a number of keys.
func bucketsFor(keys uint64) uint64 { return max(1, (keys+bucketMean-1)/bucketMean) }

// bucketOf returns the bucket of a hash. It scales the hash to the number of buckets, which preserves the order.
func bucketOf(hash, buckets uint64) uint64 {
	b, _ := bits.Mul64(hash, buckets)
	return b
}

// checkBytes is the length of the checksum after the references of an entry.
const checkBytes = 2

// entrySum returns the checksum of an entry. It has two bytes to save memory, and so misses one change in 65,536.
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

// decodeValue verifies the value of an entry and returns its references.
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

// decodeMarker returns the number of entries of a bucket.
func decodeMarker(stored any) (int, error) {
	marker, ok := stored.(string)
	if !ok {
		return 0, errors.New("gone: Redis was flushed or evicts keys")
	}
	n, err := strconv.Atoi(marker)
	if err != nil || n < 0 {
		return 0, errDamaged
	}
	return n, nil
}

// decodeBucket returns the entries of a bucket, in order, and verifies that they are exactly those that were written. fields alternates
// names and values.
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
	// A listpack returns them in order; a hash table, which a large bucket is, does not.
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
