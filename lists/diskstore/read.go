package diskstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"iter"
	"math"

	"go.etcd.io/bbolt"

	"interdict/lists"
	"interdict/lists/address"
)

// walkBytes is the amount of a layer that Walk reads in one transaction.
const walkBytes = 256 << 10

// contextEvery is the number of keys after which Lookup checks its context.
const contextEvery = 256

// layerReader reads one complete layer within one transaction.
type layerReader struct {
	id     string
	sum    uint32
	meta   layerMeta
	cursor *bbolt.Cursor
}

func damaged(layer, reason string) error { return &lists.DamagedError{Layer: layer, Reason: reason} }

// openLayer returns a reader of a layer. It fails unless the layer exists and is complete.
func openLayer(tx *bbolt.Tx, id string) (r layerReader, err error) {
	b := tx.Bucket(bucketLayer(id))
	if b == nil {
		return r, damaged(id, "it is missing")
	}
	meta, err := readMeta(b, id)
	if err != nil {
		return r, err
	}
	if !meta.complete {
		return r, damaged(id, "it is not complete")
	}
	return layerReader{id, idSum(id), meta, b.Cursor()}, nil
}

// block returns the block that covers a hash.
func (r *layerReader) block(hash uint64) (from, to uint64, entries []byte, err error) {
	var seek [8]byte
	binary.BigEndian.PutUint64(seek[:], hash)
	key, value := r.cursor.Seek(seek[:])
	from, entries, err = openBlock(r.sum, key, value)
	if err == nil {
		to = binary.BigEndian.Uint64(key)
		if from > hash || hash > to {
			err = errDamaged
		}
	}
	if err != nil {
		err = damaged(r.id, err.Error())
	}
	return from, to, entries, err
}

func (r *layerReader) find(key address.Key) ([]byte, error) {
	_, _, entries, err := r.block(lists.Hash(key))
	if err != nil {
		return nil, err
	}
	refs, err := findEntry(entries, key)
	if err != nil {
		return nil, damaged(r.id, err.Error())
	}
	return bytes.Clone(refs), nil
}

// Lookup reads the references of many keys.
func (s *Store) Lookup(ctx context.Context, asked []lists.LayerKey) ([][]byte, error) {
	found := make([][]byte, len(asked))
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		var open []layerReader
	next:
		for i, a := range asked {
			if i%contextEvery == contextEvery-1 {
				if err := ctx.Err(); err != nil {
					return err
				}
			}
			for j := range open {
				if open[j].id == a.Layer {
					var err error
					if found[i], err = open[j].find(a.Key); err != nil {
						return err
					}
					continue next
				}
			}
			r, err := openLayer(tx, a.Layer)
			if err != nil {
				return err
			}
			open = append(open, r)
			if found[i], err = r.find(a.Key); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func sumAttribution(idSum uint32, key, value []byte) uint32 {
	return crc32.Update(crc32.Update(idSum, castagnoli, key), castagnoli, value[4:])
}

// Attributions reads attributions of one layer by their numbers.
func (s *Store) Attributions(ctx context.Context, layer string, numbers []uint32) ([][]byte, error) {
	records := make([][]byte, len(numbers))
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		if _, err := openLayer(tx, layer); err != nil {
			return err
		}
		b := tx.Bucket(bucketAttributions(layer))
		if b == nil {
			return damaged(layer, "its attributions are missing")
		}
		sum := idSum(layer)
		for i, n := range numbers {
			key := binary.BigEndian.AppendUint32(make([]byte, 0, 4), n)
			value := b.Get(key)
			if value == nil {
				return damaged(layer, fmt.Sprintf("attribution %d is missing", n))
			}
			if len(value) < 4 || binary.BigEndian.Uint32(value) != sumAttribution(sum, key, value) {
				return damaged(layer, fmt.Sprintf("attribution %d: %s", n, errDamaged))
			}
			records[i] = append([]byte{}, value[4:]...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// Walk yields all entries of a layer in order. It holds no transaction while it yields, so that the caller can write another layer:
// a write that makes the file grow waits for all read transactions.
func (s *Store) Walk(ctx context.Context, layer string) iter.Seq2[lists.Entry, error] {
	return func(yield func(lists.Entry, error) bool) {
		var entries []lists.Entry
		var meta layerMeta
		var seen uint64
		for next, more := uint64(0), true; more; {
			entries = entries[:0]
			err := s.view(ctx, func(tx *bbolt.Tx) error {
				r, err := openLayer(tx, layer)
				if err != nil {
					return err
				}
				if seen > 0 && r.meta != meta {
					return fmt.Errorf("layer %s was replaced while it was read: try again", layer)
				}
				meta = r.meta
				for size := 0; more && size < walkBytes; {
					from, to, block, err := r.block(next)
					if err != nil {
						return err
					}
					if from != next {
						return damaged(layer, errDamaged.Error())
					}
					if entries, err = listEntries(entries, block); err != nil {
						return damaged(layer, err.Error())
					}
					size += len(block)
					next, more = to+1, to != math.MaxUint64
				}
				return nil
			})
			if err != nil {
				yield(lists.Entry{}, err)
				return
			}
			seen += uint64(len(entries))
			if !more && seen != meta.keys {
				yield(lists.Entry{}, s.failed(damaged(layer, fmt.Sprintf("it has %d entries instead of %d", seen, meta.keys))))
				return
			}
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}
