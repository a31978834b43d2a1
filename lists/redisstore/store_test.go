package redisstore

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"interdict/lists"
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
	o.Timeout, o.BulkTimeout = first(o.Timeout, relaxed.Timeout), first(o.BulkTimeout, relaxed.BulkTimeout)
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
