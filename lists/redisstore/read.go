package redisstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/cespare/xxhash/v2"
	"github.com/redis/go-redis/v9"

	"interdict/lists"
)

const (
	// lookupKeys is how many keys are asked in one pipeline.
	lookupKeys = 4096
	// walkBuckets is how many buckets Walk reads at once.
	walkBuckets = 128
)

// Lookup reads the references of many keys: one pipeline to each server, after the records of layers that were not seen before.
func (s *Store) Lookup(ctx context.Context, asked []lists.LayerKey) ([][]byte, error) {
	found := make([][]byte, len(asked))
	for at := 0; at < len(asked); at += lookupKeys {
		end := min(at+lookupKeys, len(asked))
		if err := s.lookup(ctx, asked[at:end], found[at:end]); err != nil {
			return nil, s.failed(ctx, "look up addresses", err)
		}
	}
	return found, nil
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
		// The marker is asked for with the key: it alone proves that the bucket is there.
		cmds[i] = pipe.HMGet(c, s.keys.entries(m.Stem, bucketOf(lists.Hash(a.Key), m.Buckets)), fieldMarker, string(a.Key))
	}
	if err := run(c, pipe); err != nil {
		return err
	}
	sum := xxhash.New()
	for i, cmd := range cmds {
		if found[i], err = answer(sum, asked[i], cmd.Val()); err != nil {
			s.complete.Delete(asked[i].Layer) // it may have been dropped and made again
			return err
		}
	}
	return nil
}

// answer reads the marker and the value of one key; nil if the bucket is there and the key is not in it.
func answer(sum *xxhash.Digest, asked lists.LayerKey, got []any) (refs []byte, err error) {
	if len(got) != 2 {
		return nil, errDamaged
	}
	_, err = decodeMarker(got[0])
	if err == nil && got[1] != nil {
		value, _ := got[1].(string)
		refs, err = decodeValue(sum, asked.Key, value)
	}
	if err != nil {
		return nil, fmt.Errorf("layer %s is %w", asked.Layer, err)
	}
	return refs, nil
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
		// HMGET and not HGET, which answers absence with an error.
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
			s.complete.Delete(layer)
			return fmt.Errorf("layer %s lacks attribution %d", layer, number)
		}
		if len(stored) < 4 || binary.BigEndian.Uint32(stored) != sumAttribution(number, stored[4:]) {
			return fmt.Errorf("attribution %d of layer %s is %w", number, layer, errDamaged)
		}
		records[i] = stored[4:]
	}
	return nil
}

// Walk yields all entries of a layer in order, some buckets at a time.
func (s *Store) Walk(ctx context.Context, layer string) iter.Seq2[lists.Entry, error] {
	return func(yield func(lists.Entry, error) bool) {
		end := func(err error) { yield(lists.Entry{}, s.failed(ctx, "read layer "+layer, err)) }
		s.complete.Delete(layer) // a walk is rare: it asks whether the layer is still there
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
				entries, err := decodeBucket(sum, fields)
				if err != nil {
					end(fmt.Errorf("layer %s is %w", layer, err))
					return
				}
				seen += uint64(len(entries))
				if at+uint64(i)+1 == meta.Buckets && seen != meta.Keys {
					end(fmt.Errorf("layer %s has %d entries instead of %d", layer, seen, meta.Keys))
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

// readBuckets reads whole buckets: names and values of fields in turn.
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
	cmds, err := pipe.Exec(c)
	replies := make([][]any, 0, len(cmds))
	for _, cmd := range cmds {
		reply, cmdErr := cmd.(*redis.Cmd).Slice()
		if cmdErr != nil {
			return nil, cmdErr
		}
		replies = append(replies, reply)
	}
	if err != nil {
		return nil, err
	}
	return replies, nil
}
