package redisstore

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/cespare/xxhash/v2"
	"github.com/redis/go-redis/v9"

	"interdict/lists"
	"interdict/lists/address"
)

const (
	// lookupKeys is the number of keys in one pipeline.
	lookupKeys = 4096
	// walkBuckets is the number of buckets that Walk reads at once.
	walkBuckets = 128
)

// Lookup reads the references of many keys with one pipeline to each server, after the records of layers that are not cached. A
// value that is found has a checksum. A second pipeline reads whole buckets to prove absence. A check rarely needs it,
// because it looks up only keys that a filter reports as possibly listed.
func (s *Store) Lookup(ctx context.Context, asked []lists.LayerKey) ([][]byte, error) {
	found := make([][]byte, len(asked))
	for at := 0; at < len(asked); at += lookupKeys {
		end := min(at+lookupKeys, len(asked))
		if err := s.lookup(ctx, asked[at:end], found[at:end]); err != nil {
			for _, a := range asked[at:end] {
				s.complete.Delete(a.Layer) // it may have been dropped and created again
			}
			return nil, s.failed(ctx, "look up addresses", err)
		}
	}
	return found, nil
}

// place names one bucket of one layer.
type place struct {
	layer  string
	bucket uint64
}

func (s *Store) lookup(ctx context.Context, asked []lists.LayerKey, found [][]byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c, cancel := s.quick(ctx, len(asked))
	defer cancel()
	metas, err := s.completeLayers(c, asked)
	if err != nil {
		return err
	}
	pipe := s.client.Pipeline()
	cmds := make([]*redis.SliceCmd, len(asked))
	for i, a := range asked {
		m := metas[a.Layer]
		// The marker is read with the key: if it is missing, the bucket is lost.
		cmds[i] = pipe.HMGet(c, s.keys.entries(m.Stem, bucketOf(lists.Hash(a.Key), m.Buckets)), fieldMarker, string(a.Key))
	}
	if err := run(c, pipe); err != nil {
		return err
	}
	sum := xxhash.New()
	absent := map[place][]int{} // what a bucket does not have, as far as its fields were asked for one by one
	for i, cmd := range cmds {
		at := place{asked[i].Layer, bucketOf(lists.Hash(asked[i].Key), metas[asked[i].Layer].Buckets)}
		if found[i], err = decodeAnswer(sum, asked[i].Key, cmd.Val()); err != nil {
			return at.failed(err)
		}
		if found[i] == nil {
			absent[at] = append(absent[at], i)
		}
	}
	return s.proveAbsence(ctx, metas, absent, asked, found)
}

// proveAbsence reads the buckets that lack a key. It fails unless they have all entries that were written to them, since a single field
// can be deleted or expire. What a whole bucket holds
// counts, even if the key was not found before: the bucket may have been repaired since.
func (s *Store) proveAbsence(ctx context.Context, metas map[string]*layerMeta, absent map[place][]int, asked []lists.LayerKey, found [][]byte) error {
	places := slices.SortedFunc(maps.Keys(absent), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.layer, b.layer), cmp.Compare(a.bucket, b.bucket))
	})
	sum := xxhash.New()
	for chunk := range slices.Chunk(places, walkBuckets) {
		c, cancel := s.quick(ctx, len(chunk)*bucketMean)
		pipe := s.client.Pipeline()
		for _, at := range chunk {
			pipe.Do(c, "hgetall", s.keys.entries(metas[at.layer].Stem, at.bucket))
		}
		replies, err := runSlices(c, pipe)
		cancel()
		if err != nil {
			return err
		}
		for i, at := range chunk {
			entries, err := decodeBucket(sum, at.bucket, metas[at.layer].Buckets, replies[i])
			if err != nil {
				return at.failed(err)
			}
			for _, e := range entries {
				for _, n := range absent[at] {
					if e.Key == asked[n].Key {
						found[n] = e.Refs
					}
				}
			}
		}
	}
	return nil
}

func damaged(layer, reason string) error { return &lists.DamagedError{Layer: layer, Reason: reason} }

func (p place) failed(err error) error {
	return damaged(p.layer, fmt.Sprintf("bucket %d is %s", p.bucket, err))
}

// decodeAnswer decodes the marker and the value of one key. It returns nil if the bucket does not have the key.
func decodeAnswer(sum *xxhash.Digest, key address.Key, got []any) ([]byte, error) {
	if len(got) != 2 {
		return nil, errDamaged
	}
	if _, err := decodeMarker(got[0]); err != nil || got[1] == nil {
		return nil, err
	}
	value, _ := got[1].(string)
	return decodeValue(sum, key, value)
}

// Attributions reads attributions of one layer by their numbers.
func (s *Store) Attributions(ctx context.Context, layer string, numbers []uint32) ([][]byte, error) {
	records := make([][]byte, len(numbers))
	for at := 0; at < len(numbers); at += lookupKeys {
		end := min(at+lookupKeys, len(numbers))
		if err := s.attributions(ctx, layer, numbers[at:end], records[at:end]); err != nil {
			return nil, s.failed(ctx, "read attributions", err)
		}
	}
	return records, nil
}

func (s *Store) attributions(ctx context.Context, layer string, numbers []uint32, records [][]byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c, cancel := s.quick(ctx, len(numbers))
	defer cancel()
	meta, err := s.completeLayer(c, layer)
	if err != nil {
		return err
	}
	pipe := s.client.Pipeline()
	cmds := make([]*redis.SliceCmd, len(numbers))
	for i, n := range numbers {
		// HMGET, because HGET returns absence as an error.
		cmds[i] = pipe.HMGet(c, s.keys.attributions(meta.Stem, uint64(n/attributionsPerBucket)), attributionField(n))
	}
	if err := run(c, pipe); err != nil {
		return err
	}
	for i, number := range numbers {
		var stored []byte
		if got := cmds[i].Val(); len(got) == 1 && got[0] != nil {
			value, _ := got[0].(string)
			stored = []byte(value)
		} else {
			s.complete.Delete(layer) // it may have been dropped and created again
			return damaged(layer, fmt.Sprintf("attribution %d is missing from bucket %d", number, number/attributionsPerBucket))
		}
		if len(stored) < 4 || binary.BigEndian.Uint32(stored) != sumAttribution(number, stored[4:]) {
			return damaged(layer, fmt.Sprintf("attribution %d is %s", number, errDamaged))
		}
		records[i] = stored[4:]
	}
	return nil
}

// Walk yields all entries of a layer in order. It reads walkBuckets buckets at a time.
func (s *Store) Walk(ctx context.Context, layer string) iter.Seq2[lists.Entry, error] {
	return func(yield func(lists.Entry, error) bool) {
		end := func(err error) { yield(lists.Entry{}, s.failed(ctx, "read layer "+layer, err)) }
		s.complete.Delete(layer) // read the record again: the layer may have been dropped
		c, cancel := s.bulk(ctx)
		meta, err := s.completeLayer(c, layer)
		cancel()
		if err != nil {
			end(err)
			return
		}
		sum := xxhash.New()
		var seen uint64
		for at := uint64(0); at < meta.Buckets; at += walkBuckets {
			replies, err := s.readBuckets(ctx, meta, at, min(at+walkBuckets, meta.Buckets))
			if err != nil {
				end(err)
				return
			}
			for i, fields := range replies {
				bucket := at + uint64(i)
				entries, err := decodeBucket(sum, bucket, meta.Buckets, fields)
				if err != nil {
					end(place{layer, bucket}.failed(err))
					return
				}
				seen += uint64(len(entries))
				if bucket+1 == meta.Buckets && seen != meta.Keys {
					end(damaged(layer, fmt.Sprintf("it has %d entries instead of %d", seen, meta.Keys)))
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
}

// readBuckets reads whole buckets. Each result alternates names and values of fields.
func (s *Store) readBuckets(ctx context.Context, meta *layerMeta, from, to uint64) ([][]any, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, cancel := s.bulk(ctx)
	defer cancel()
	pipe := s.client.Pipeline()
	for b := from; b < to; b++ {
		pipe.Do(c, "hgetall", s.keys.entries(meta.Stem, b))
	}
	return runSlices(c, pipe)
}

// runSlices is run for commands that all return lists.
func runSlices(ctx context.Context, pipe redis.Pipeliner) ([][]any, error) {
	cmds, err := pipe.Exec(ctx)
	replies := make([][]any, 0, len(cmds))
	for _, cmd := range cmds {
		reply, cmdErr := cmd.(*redis.Cmd).Slice()
		if cmdErr != nil {
			return nil, cmdErr
		}
		replies = append(replies, reply)
	}
	return replies, err
}
