package diskstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"

	"interdict/lists"
	"interdict/lists/address"
)

// A layer is a sequence of blocks that together cover all hashes. The key of a block in the database is the last
// hash that it covers, so that one Seek finds the block of any hash. Its value is
//
//	crc32c(4) of the layer's id, the block's key and the rest
//	from(8): the first hash that it covers
//	entries: length of key(1) key length of references(uvarint) references
//
// A block proves absence for the hashes from "from" to its key. Seek returns a block with another range only if the tree is damaged:
// that is an error.
const (
	blockHead = 12
	// blockBytes is the size of a block. Two blocks fill a page of 4096 bytes, which has a header of 16 bytes
	// and, for each block, 16 bytes and a key of 8.
	blockBytes = (4096-16)/2 - 24
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errDamaged = errors.New("a checksum or length is wrong")
)

func idSum(id string) uint32 { return crc32.Checksum([]byte(id), castagnoli) }

// beginBlock appends the header of a block whose first hash is from.
func beginBlock(b []byte, from uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 0), from)
}

func appendEntry(b []byte, e lists.Entry) []byte {
	b = append(b, byte(len(e.Key)))
	b = append(b, e.Key...)
	b = binary.AppendUvarint(b, uint64(len(e.Refs)))
	return append(b, e.Refs...)
}

func sumBlock(idSum uint32, key, block []byte) uint32 {
	return crc32.Update(crc32.Update(idSum, castagnoli, key), castagnoli, block[4:])
}

func sealBlock(idSum uint32, key, block []byte) {
	binary.BigEndian.PutUint32(block, sumBlock(idSum, key, block))
}

// openBlock verifies a block and returns the first hash that it covers and its entries.
func openBlock(idSum uint32, key, block []byte) (from uint64, entries []byte, err error) {
	if len(key) != 8 || len(block) < blockHead || binary.BigEndian.Uint32(block) != sumBlock(idSum, key, block) {
		return 0, nil, errDamaged
	}
	return binary.BigEndian.Uint64(block[4:]), block[blockHead:], nil
}

// cutEntry splits the first entry off b. All results are parts of b.
func cutEntry(b []byte) (key, refs, rest []byte, err error) {
	n := int(b[0])
	if len(b) < 1+n {
		return nil, nil, nil, errDamaged
	}
	key, b = b[1:1+n], b[1+n:]
	size, w := binary.Uvarint(b)
	if w <= 0 || size > uint64(len(b)-w) {
		return nil, nil, nil, errDamaged
	}
	b = b[w:]
	return key, b[:size], b[size:], nil
}

// findEntry returns the references of a key; nil if the block does not have it.
func findEntry(entries []byte, key address.Key) ([]byte, error) {
	for len(entries) > 0 {
		k, refs, rest, err := cutEntry(entries)
		if err != nil {
			return nil, err
		}
		if string(k) == string(key) {
			return refs, nil
		}
		entries = rest
	}
	return nil, nil
}

// listEntries appends copies of the entries of a block to dst.
func listEntries(dst []lists.Entry, entries []byte) ([]lists.Entry, error) {
	refsOf := bytes.Clone(entries)
	keys := string(entries)
	for at := 0; at < len(refsOf); {
		k, refs, rest, err := cutEntry(refsOf[at:])
		if err != nil {
			return dst, err
		}
		dst = append(dst, lists.Entry{Key: address.Key(keys[at+1 : at+1+len(k)]), Refs: refs[:len(refs):len(refs)]})
		at = len(refsOf) - len(rest)
	}
	return dst, nil
}
