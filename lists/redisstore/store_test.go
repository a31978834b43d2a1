package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/storetest"
)

func open(url string) (lists.Store, error) {
	return Open(context.Background(), url, Options{})
}

func TestMain(m *testing.M) {
	storetest.Helper(open)
	goleak.VerifyTestMain(m)
}

func newStore(t testing.TB, url string, o Options) *Store {
	t.Helper()
	s, err := Open(context.Background(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

var prefixes atomic.Int32

// kit gives every test keys of its own on one server.
func kit(url string, o Options) storetest.Kit {
	// The machine of a test is shared, and may stand still for a while.
	o.Timeout, o.BulkTimeout = cmp.Or(o.Timeout, relaxed.Timeout), cmp.Or(o.BulkTimeout, relaxed.BulkTimeout)
	return storetest.Kit{
		Open: func(t *testing.T) lists.Store {
			o := o
			o.Prefix = fmt.Sprintf("test%d", prefixes.Add(1))
			return newStore(t, url, o)
		},
		Reopen: func(t *testing.T, s lists.Store) lists.Store {
			o := o
			o.Prefix = s.(*Store).keys.prefix
			return newStore(t, url, o)
		},
		CutBlob: func(t *testing.T, s lists.Store, name string) {
			changeChunk(t, s.(*Store), name, func(b string) string { return b[:len(b)-1] })
		},
		AlterBlob: func(t *testing.T, s lists.Store, name string) {
			changeChunk(t, s.(*Store), name, func(b string) string { return strings.Repeat("?", len(b)) })
		},
		LoseEntry: loseEntry,
	}
}

// loseEntry holds the ways in which an entry of a layer can be lost.
var loseEntry = map[string]func(t *testing.T, s lists.Store, layer string, key address.Key){
	"its field is deleted": inBucket(func(t *testing.T, s *Store, bucket, field string) error {
		return s.client.HDel(t.Context(), bucket, field).Err()
	}),
	"its field has expired": inBucket(func(t *testing.T, s *Store, bucket, field string) error {
		err := s.client.HPExpire(t.Context(), bucket, time.Millisecond, field).Err()
		if err != nil && strings.Contains(err.Error(), "unknown command") {
			t.Skip("HPEXPIRE needs Redis 7.4")
		}
		time.Sleep(2 * time.Millisecond)
		return err
	}),
	"its field has another name": inBucket(func(t *testing.T, s *Store, bucket, field string) error {
		value := s.client.HGet(t.Context(), bucket, field).Val()
		return errors.Join(s.client.HDel(t.Context(), bucket, field).Err(), s.client.HSet(t.Context(), bucket, field+"x", value).Err())
	}),
	"its field is replaced by one of another bucket": inBucket(func(t *testing.T, s *Store, bucket, field string) error {
		other := bucket[:strings.LastIndex(bucket, ":")+1] + "0"
		if other == bucket {
			other = other[:len(other)-1] + "1"
		}
		for name, value := range s.client.HGetAll(t.Context(), other).Val() {
			if name != fieldMarker {
				return errors.Join(s.client.HDel(t.Context(), bucket, field).Err(), s.client.HSet(t.Context(), bucket, name, value).Err())
			}
		}
		return fmt.Errorf("%s has no entry", other)
	}),
	"its value is empty": inBucket(func(t *testing.T, s *Store, bucket, field string) error {
		return s.client.HSet(t.Context(), bucket, field, "").Err()
	}),
	"its bucket is deleted": inBucket(func(t *testing.T, s *Store, bucket, _ string) error {
		return s.client.Del(t.Context(), bucket).Err()
	}),
	"its bucket has only the marker": inBucket(func(t *testing.T, s *Store, bucket, _ string) error {
		marker := s.client.HGet(t.Context(), bucket, fieldMarker).Val()
		return errors.Join(s.client.Del(t.Context(), bucket).Err(), s.client.HSet(t.Context(), bucket, fieldMarker, marker).Err())
	}),
}

func inBucket(damage func(t *testing.T, s *Store, bucket, field string) error) func(*testing.T, lists.Store, string, address.Key) {
	return func(t *testing.T, store lists.Store, layer string, key address.Key) {
		t.Helper()
		s := store.(*Store)
		m, err := s.readMeta(t.Context(), layer)
		if err != nil || m == nil {
			t.Fatalf("no layer: %v", err)
		}
		if err := damage(t, s, s.keys.entries(m.Stem, bucketOf(lists.Hash(key), m.Buckets)), string(key)); err != nil {
			t.Fatal(err)
		}
	}
}

// changeChunk changes the last chunk of a blob.
func changeChunk(t *testing.T, s *Store, name string, change func(string) string) {
	t.Helper()
	ctx := context.Background()
	m, revision, err := s.findBlob(ctx, name)
	if err != nil || revision == 0 {
		t.Fatalf("no blob: %v", err)
	}
	key := s.keys.chunk(m.Stem, m.chunks()-1)
	if err := s.client.Set(ctx, key, change(s.client.Get(ctx, key).Val()), 0).Err(); err != nil {
		t.Fatal(err)
	}
}

func TestContract(t *testing.T) {
	storetest.Run(t, kit(storetest.StartRedis(t), Options{}))
}

// relaxed is for tests that are not about time.
var relaxed = Options{Timeout: 5e9, BulkTimeout: 30e9}

func TestKilledAtAnyPointItHoldsWhatItPromised(t *testing.T) {
	r := storetest.NewRedis(t)
	storetest.Crash(t, r.URL()+"?timeout=5s", open, nil)
}

func TestKilledTogetherWithRedisItHoldsWhatItPromised(t *testing.T) {
	r := storetest.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	storetest.Crash(t, r.URL()+"?timeout=5s", open, r.Restart)
}
