package redisstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/lists/storetest"
)

const secret = "s3cret-Pa55"

func unavailable(t *testing.T, what string, err error) {
	t.Helper()
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("%s: %v error %v, want unavailable", what, fault.KindOf(err), err)
	}
	if err != nil && strings.Contains(err.Error(), secret) {
		t.Errorf("%s: the error repeats the password", what)
	}
}

func within(t *testing.T, limit time.Duration, what string, f func()) {
	t.Helper()
	start := time.Now()
	f()
	if d := time.Since(start); d > limit {
		t.Errorf("%s took %v, more than %v", what, d, limit)
	}
}

func lookup(s *Store, keys ...address.Key) ([][]byte, error) {
	var asked []lists.LayerKey
	for _, k := range keys {
		asked = append(asked, lists.LayerKey{Layer: "l", Key: k})
	}
	return s.Lookup(context.Background(), asked)
}

func walkAll(s *Store) (n int, err error) {
	for _, err := range s.Walk(context.Background(), "l") {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// sample fills a store with a layer "l" with an attribution 1, a blob "b" and two documents.
func sample(t *testing.T, s *Store) []lists.Entry {
	t.Helper()
	ctx := context.Background()
	entries := storetest.Entries(5000, 1)
	w, err := s.CreateLayer(ctx, "l", len(entries))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.PutAttribution(1, []byte("record 1")); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := w.Put(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Commit(), s.PutBlob(ctx, "b", bytes.NewReader(make([]byte, 3<<20))),
		s.Commit(ctx, lists.Change{Key: lists.DocHead, Value: []byte("old")}, lists.Change{Key: "list/a", Value: []byte("{}")})); err != nil {
		t.Fatal(err)
	}
	return entries
}

func meta(t *testing.T, s *Store) *layerMeta {
	t.Helper()
	m, err := s.readMeta(context.Background(), "l")
	if err != nil || m == nil {
		t.Fatalf("no layer: %v", err)
	}
	return m
}

// both runs a test on the store that wrote the data and on one that has read nothing yet.
func both(t *testing.T, damage func(t *testing.T, s *Store, entries []lists.Entry), check func(t *testing.T, s *Store, entries []lists.Entry)) {
	t.Helper()
	url := storetest.StartRedis(t)
	s := newStore(t, url, relaxed)
	entries := sample(t, s)
	storetest.CheckLayer(t, s, "l", entries)
	damage(t, s, entries)
	check(t, s, entries)
	check(t, newStore(t, url, relaxed), entries)
}

func TestFlushedRedisIsNotAbsence(t *testing.T) {
	ctx := context.Background()
	both(t, func(t *testing.T, s *Store, _ []lists.Entry) {
		if err := s.client.FlushAll(ctx).Err(); err != nil {
			t.Fatal(err)
		}
	}, func(t *testing.T, s *Store, entries []lists.Entry) {
		_, err := lookup(s, entries[0].Key, "\x02not listed")
		unavailable(t, "Lookup", err)
		_, err = s.Attributions(ctx, "l", []uint32{1})
		unavailable(t, "Attributions", err)
		_, err = walkAll(s)
		unavailable(t, "Walk", err)
	})
}

func TestLostBucketIsNotAbsence(t *testing.T) {
	key := address.Key("\x02not listed")
	var lost uint64
	bucketKey := func(s *Store, m *layerMeta) string { return s.keys.entries(m.Stem, lost) }
	for what, damage := range map[string]func(*Store, *layerMeta) error{
		"deleted":    func(s *Store, m *layerMeta) error { return s.client.Del(t.Context(), bucketKey(s, m)).Err() },
		"wrong type": func(s *Store, m *layerMeta) error { return s.client.Set(t.Context(), bucketKey(s, m), "x", 0).Err() },
		"without its marker": func(s *Store, m *layerMeta) error {
			return s.client.HDel(t.Context(), bucketKey(s, m), fieldMarker).Err()
		},
		"with a wrong marker": func(s *Store, m *layerMeta) error {
			return s.client.HSet(t.Context(), bucketKey(s, m), fieldMarker, "x").Err()
		},
	} {
		t.Run(what, func(t *testing.T) {
			both(t, func(t *testing.T, s *Store, _ []lists.Entry) {
				m := meta(t, s)
				lost = bucketOf(lists.Hash(key), m.Buckets)
				if err := damage(s, m); err != nil {
					t.Fatal(err)
				}
			}, func(t *testing.T, s *Store, entries []lists.Entry) {
				_, err := lookup(s, key)
				unavailable(t, "Lookup of what is not listed", err)
				for _, e := range entries {
					if bucketOf(lists.Hash(e.Key), bucketsFor(5000)) == lost {
						_, err = lookup(s, entries[0].Key, e.Key)
						unavailable(t, "Lookup of what is listed", err)
						break
					}
				}
				_, err = walkAll(s)
				unavailable(t, "Walk", err)
			})
		})
	}
}

// A field too many tells that the bucket is not what was written, just as one too few does.
func TestAddedEntryIsDamage(t *testing.T) {
	both(t, func(t *testing.T, s *Store, entries []lists.Entry) {
		m := meta(t, s)
		key := s.keys.entries(m.Stem, bucketOf(lists.Hash("\x02not listed"), m.Buckets))
		if err := s.client.HSet(t.Context(), key, "\x02another", "x").Err(); err != nil {
			t.Fatal(err)
		}
	}, func(t *testing.T, s *Store, _ []lists.Entry) {
		_, err := lookup(s, "\x02not listed")
		unavailable(t, "Lookup", err)
		_, err = lookup(s, "\x02another")
		unavailable(t, "Lookup of what was added", err)
		_, err = walkAll(s)
		unavailable(t, "Walk", err)
	})
}

// beforeBuckets calls a function before whole buckets are read.
type beforeBuckets func()

func (beforeBuckets) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (beforeBuckets) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (f beforeBuckets) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if len(cmds) > 0 && cmds[0].Name() == "hgetall" {
			f()
		}
		return next(ctx, cmds)
	}
}

// TestAnEntryThatComesBackIsFound: a field is gone when it is asked for, and back when its bucket is read to prove that it is absent.
func TestAnEntryThatComesBackIsFound(t *testing.T) {
	url := storetest.StartRedis(t)
	s := newStore(t, url, relaxed)
	entries := sample(t, s)
	bucket, field := s.keys.entries(meta(t, s).Stem, bucketOf(lists.Hash(entries[7].Key), meta(t, s).Buckets)), string(entries[7].Key)
	value := s.client.HGet(t.Context(), bucket, field).Val()
	if err := s.client.HDel(t.Context(), bucket, field).Err(); err != nil || value == "" {
		t.Fatal(value, err)
	}
	other := newStore(t, url, relaxed)
	s.client.AddHook(beforeBuckets(func() {
		if err := other.client.HSet(t.Context(), bucket, field, value).Err(); err != nil {
			t.Error(err)
		}
	}))
	found, err := lookup(s, "\x02not listed", entries[7].Key, entries[7].Key)
	if err != nil || found[0] != nil || !bytes.Equal(found[1], entries[7].Refs) || !bytes.Equal(found[2], entries[7].Refs) {
		t.Errorf("an entry that came back was answered %q (%v)", found, err)
	}
}

func TestLostAttributionIsDamage(t *testing.T) {
	both(t, func(t *testing.T, s *Store, _ []lists.Entry) {
		if n, err := s.client.HDel(t.Context(), s.keys.attributions(meta(t, s).Stem, 0), attributionField(1)).Result(); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}, func(t *testing.T, s *Store, _ []lists.Entry) {
		_, err := s.Attributions(t.Context(), "l", []uint32{1})
		unavailable(t, "Attributions", err)
		var damaged *lists.DamagedError
		if !errors.As(err, &damaged) || damaged.Layer != "l" {
			t.Error(err)
		}
	})
}

func TestLostRecordOfTheTableIsNotAbsence(t *testing.T) {
	ctx := t.Context()
	both(t, func(t *testing.T, s *Store, _ []lists.Entry) {
		for _, record := range []string{recordDoc + "list/a", recordLayer + "l", recordBlob + "b"} {
			if n, err := s.client.HDel(ctx, s.keys.table(), record).Result(); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}
	}, func(t *testing.T, s *Store, _ []lists.Entry) {
		_, err := s.Get(ctx, "list/a")
		unavailable(t, "Get", err)
		_, err = s.OpenBlob(ctx, "b")
		unavailable(t, "OpenBlob", err)
		_, err = s.Scan(ctx, "list/")
		unavailable(t, "Scan", err)
		_, err = walkAll(s)
		unavailable(t, "Walk", err)
	})
}

func TestChangedValueIsUnavailable(t *testing.T) {
	for what, change := range map[string]func(string) string{
		"cut":     func(v string) string { return v[:len(v)-1] },
		"cut off": func(v string) string { return v[:1] },
		"emptied": func(string) string { return "" },
		"longer":  func(v string) string { return v + "\x00" },
		"altered": func(v string) string { return "\xff" + v[1:] },
	} {
		t.Run(what, func(t *testing.T) {
			ctx := t.Context()
			both(t, func(t *testing.T, s *Store, entries []lists.Entry) {
				m := meta(t, s)
				for key, field := range map[string]string{
					s.keys.entries(m.Stem, bucketOf(lists.Hash(entries[77].Key), m.Buckets)): string(entries[77].Key),
					s.keys.attributions(m.Stem, 0):                                           attributionField(1),
					s.keys.table():                                                           recordDoc + "list/a",
				} {
					v, err := s.client.HGet(ctx, key, field).Result()
					if err == nil {
						err = s.client.HSet(ctx, key, field, change(v)).Err()
					}
					if err != nil {
						t.Fatal(err)
					}
				}
			}, func(t *testing.T, s *Store, entries []lists.Entry) {
				_, err := lookup(s, entries[77].Key)
				unavailable(t, "Lookup", err)
				_, err = s.Attributions(ctx, "l", []uint32{1})
				unavailable(t, "Attributions", err)
				_, err = walkAll(s)
				unavailable(t, "Walk", err)
				_, err = s.Get(ctx, "list/a")
				unavailable(t, "Get", err)
				_, err = s.Scan(ctx, "list/")
				unavailable(t, "Scan", err)
			})
		})
	}
}

func TestLostTableOrIndexIsNotAbsence(t *testing.T) {
	for what, lost := range map[string]func(keys) string{"table": keys.table, "index": keys.index} {
		for how, damage := range map[string]func(*Store, string) error{
			"evicted": func(s *Store, key string) error { return s.client.Del(context.Background(), key).Err() },
			"of the wrong type": func(s *Store, key string) error {
				return s.client.Set(context.Background(), key, "x", 0).Err()
			},
		} {
			t.Run(what+" "+how, func(t *testing.T) {
				ctx := context.Background()
				both(t, func(t *testing.T, s *Store, _ []lists.Entry) {
					if err := damage(s, lost(s.keys)); err != nil {
						t.Fatal(err)
					}
				}, func(t *testing.T, s *Store, _ []lists.Entry) {
					_, err := s.Scan(ctx, "list/")
					unavailable(t, "Scan", err)
					_, err = s.Layers(ctx)
					unavailable(t, "Layers", err)
					_, err = s.Blobs(ctx)
					unavailable(t, "Blobs", err)
					unavailable(t, "Commit", s.Commit(ctx, lists.Change{Key: "list/b", Value: []byte("x")}))
					if what == "table" {
						_, err = s.Get(ctx, "list/a")
						unavailable(t, "Get", err)
						_, err = s.Get(ctx, "list/none")
						unavailable(t, "Get of what is not there", err)
						_, err = s.OpenBlob(ctx, "b")
						unavailable(t, "OpenBlob", err)
					}
				})
			})
		}
	}
}

func TestTableOfANewerFormatIsLeftAlone(t *testing.T) {
	ctx := context.Background()
	s := newStore(t, storetest.StartRedis(t), relaxed)
	sample(t, s)
	if err := s.client.HSet(ctx, s.keys.table(), fieldMarker, "2:1").Err(); err != nil {
		t.Fatal(err)
	}
	_, err := s.Get(ctx, "list/a")
	unavailable(t, "Get", err)
	_, err = s.Scan(ctx, "")
	unavailable(t, "Scan", err)
	unavailable(t, "Commit", s.Commit(ctx, lists.Change{Key: "list/a", Expect: lists.AnyRevision}))
}

func TestRevisionsRiseThoughTheClockOfRedisGoesBack(t *testing.T) {
	ctx := context.Background()
	s := newStore(t, storetest.StartRedis(t), relaxed)
	const future = 9_000_000_000_000_000
	if err := s.Commit(ctx, lists.Change{Key: "list/a", Value: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	if err := s.client.HSet(ctx, s.keys.table(), fieldMarker, fmt.Sprintf("%s:%d", format, future)).Err(); err != nil {
		t.Fatal(err)
	}
	for i := range uint64(3) {
		if err := s.Commit(ctx, lists.Change{Key: "list/a", Value: []byte("2"), Expect: lists.AnyRevision}); err != nil {
			t.Fatal(err)
		}
		if d, err := s.Get(ctx, "list/a"); err != nil || d.Revision != future+i+1 {
			t.Fatalf("revision %d, %v", d.Revision, err)
		}
	}
}

func TestRevisionsDoNotComeAgainAfterAFlush(t *testing.T) {
	ctx := context.Background()
	s := newStore(t, storetest.StartRedis(t), relaxed)
	var last uint64
	for range 3 {
		if err := s.Commit(ctx, lists.Change{Key: "list/a", Value: []byte("1")}); err != nil {
			t.Fatal(err)
		}
		d, err := s.Get(ctx, "list/a")
		if err != nil || d.Revision <= last {
			t.Fatalf("revision %d after %d, %v", d.Revision, last, err)
		}
		last = d.Revision
		if err := s.client.FlushAll(ctx).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestForgottenScriptIsSentAgain(t *testing.T) {
	ctx := context.Background()
	s := newStore(t, storetest.StartRedis(t), relaxed)
	for range 3 {
		if err := errors.Join(s.client.ScriptFlush(ctx).Err(), s.Commit(ctx, lists.Change{Key: "list/a", Value: []byte("1"), Expect: lists.AnyRevision})); err != nil {
			t.Fatal(err)
		}
		if docs, err := s.Scan(ctx, ""); err != nil || len(docs) != 1 {
			t.Fatal(docs, err)
		}
	}
}

func TestStoppedRedisIsUnavailableInEverythingAndComesBack(t *testing.T) {
	r := storetest.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	o := Options{Timeout: 500 * time.Millisecond, BulkTimeout: 2 * time.Second}
	s := newStore(t, r.URL(), o)
	entries := sample(t, s)
	r.Kill()
	within(t, 5*time.Second, "everything", func() { storetest.Unreachable(t, s, entries[0].Key) })
	fresh := newStore(t, r.URL(), o)
	within(t, 5*time.Second, "everything", func() { storetest.Unreachable(t, fresh, entries[0].Key) })
	r.Start()
	within(t, 5*time.Second, "coming back", func() {
		for _, err := lookup(s, entries[0].Key); err != nil; _, err = lookup(s, entries[0].Key) {
			time.Sleep(10 * time.Millisecond)
		}
	})
	storetest.CheckLayer(t, newStore(t, r.URL(), relaxed), "l", entries)
}

func TestHangingRedisIsGivenUpInTime(t *testing.T) {
	ctx := context.Background()
	r := storetest.NewRedis(t)
	s := newStore(t, r.URL(), Options{BulkTimeout: 300 * time.Millisecond})
	entries := sample(t, newStore(t, r.URL(), relaxed))
	for _, err := lookup(s, entries[0].Key); err != nil; _, err = lookup(s, entries[0].Key) {
		time.Sleep(10 * time.Millisecond)
	}
	r.Pause()
	// 50 ms are promised. A client left as go-redis makes it would take 3 s and more; the machine of a test may be slow.
	for range 30 {
		within(t, 2*time.Second, "Lookup", func() {
			_, err := lookup(s, entries[0].Key)
			unavailable(t, "Lookup", err)
		})
	}
	within(t, 2*time.Second, "Commit", func() {
		unavailable(t, "Commit", s.Commit(ctx, lists.Change{Key: "list/x", Value: []byte("x")}))
	})
	within(t, 2*time.Second, "Get", func() {
		_, err := s.Get(ctx, "list/a")
		unavailable(t, "Get", err)
	})
	within(t, 2*time.Second, "Ping", func() { unavailable(t, "Ping", s.Ping(ctx)) })
	within(t, 2*time.Second, "an impatient caller", func() {
		short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		_, err := s.Get(short, "list/a")
		unavailable(t, "Get", err)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Get: %v", err)
		}
	})
	r.Resume()
	within(t, 5*time.Second, "coming back", func() {
		for _, err := lookup(s, entries[0].Key); err != nil; _, err = lookup(s, entries[0].Key) {
			time.Sleep(10 * time.Millisecond)
		}
	})
}

func TestLoadingRedisIsUnavailable(t *testing.T) {
	r := storetest.NewRedis(t, "--enable-debug-command", "yes", "--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024")
	s := newStore(t, r.URL(), relaxed)
	entries := sample(t, s)
	r.Must("SAVE")
	r.Kill()
	r.StartLoading()
	if reply, err := r.Do("PING"); err == nil {
		t.Fatalf("it has loaded everything already: %s", reply)
	}
	_, err := lookup(s, entries[0].Key)
	unavailable(t, "Lookup", err)
	_, err = s.Get(context.Background(), "list/none")
	unavailable(t, "Get", err)
}

func TestReadOnlyReplicaAnswersAndRefusesWrites(t *testing.T) {
	ctx := context.Background()
	master := storetest.NewRedis(t)
	entries := sample(t, newStore(t, master.URL(), relaxed))
	s := newStore(t, storetest.NewReplica(t, master).URL(), relaxed)
	storetest.CheckLayer(t, s, "l", entries)
	if d, err := s.Get(ctx, lists.DocHead); err != nil || string(d.Value) != "old" {
		t.Errorf("Get: %v", err)
	}
	if docs, err := s.Scan(ctx, "list/"); err != nil || len(docs) != 1 {
		t.Errorf("Scan: %v", err)
	}
	unavailable(t, "Commit", s.Commit(ctx, lists.Change{Key: "list/x", Value: []byte("x")}))
	_, err := s.CreateLayer(ctx, "m", 1)
	unavailable(t, "CreateLayer", err)
	unavailable(t, "PutBlob", s.PutBlob(ctx, "c", strings.NewReader("x")))
	unavailable(t, "DropLayer", s.DropLayer(ctx, "l"))
	unavailable(t, "Ping", s.Ping(ctx))
}

func TestFullRedisIsUnavailableAndLeavesTheOldState(t *testing.T) {
	ctx := context.Background()
	r := storetest.NewRedis(t)
	s := newStore(t, r.URL(), relaxed)
	entries := sample(t, s)
	more := storetest.Entries(100_000, 2)
	w, err := s.CreateLayer(ctx, "m", len(more))
	if err != nil {
		t.Fatal(err)
	}
	r.Must("CONFIG", "SET", "maxmemory", "1mb") // less than it holds
	for _, e := range more {
		if err = w.Put(e); err != nil {
			break
		}
	}
	unavailable(t, "the layer", err)
	unavailable(t, "Commit of the layer", w.Commit())
	_, err = s.CreateLayer(ctx, "n", 1)
	unavailable(t, "CreateLayer", err)
	unavailable(t, "Commit", s.Commit(ctx, lists.Change{Key: "list/a", Expect: lists.AnyRevision}, lists.Change{Key: lists.DocHead, Value: []byte("new"), Expect: lists.AnyRevision}))
	unavailable(t, "PutBlob", s.PutBlob(ctx, "b", strings.NewReader("new")))
	unavailable(t, "Ping", s.Ping(ctx))
	storetest.CheckLayer(t, s, "l", entries)
	if docs, err := s.Scan(ctx, ""); err != nil || len(docs) != 2 || string(docs[0].Value) != "old" {
		t.Errorf("documents: %v, %v", docs, err)
	}
	r.Must("CONFIG", "SET", "maxmemory", "0")
	if err := w.Abort(); err != nil {
		t.Errorf("Abort: %v", err)
	}
	b, err := s.OpenBlob(ctx, "b")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(b); err != nil || len(got) != 3<<20 {
		t.Errorf("blob: %d bytes, %v", len(got), err)
	}
	storetest.WriteLayer(t, s, "m", more)
	storetest.CheckLayer(t, s, "m", more)
}

func TestEvictingRedisNeverTurnsAListedAddressIntoAbsence(t *testing.T) {
	ctx := context.Background()
	r := storetest.NewRedis(t)
	s := newStore(t, r.URL(), relaxed)
	entries := storetest.Entries(50_000, 1)
	storetest.WriteLayer(t, s, "l", entries)
	r.Must("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
	r.Must("CONFIG", "SET", "maxmemory", strconv.Itoa(int(usedMemory(t, s))-300_000))
	failed, answered := 0, 0
	for i := 0; i < len(entries); i += 50 {
		if i%5000 == 0 {
			s = newStore(t, r.URL(), relaxed)
		}
		found, err := lookup(s, entries[i].Key)
		switch {
		case err != nil:
			unavailable(t, "Lookup", err)
			failed++
		case !bytes.Equal(found[0], entries[i].Refs):
			t.Fatalf("a listed address is %x", found[0])
		default:
			answered++
		}
	}
	t.Logf("%d answered, %d unavailable", answered, failed)
	if failed == 0 {
		t.Error("nothing was evicted")
	}
	_, err := walkAll(s)
	unavailable(t, "Walk", err)
	warnings, err := s.Warnings(ctx)
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "allkeys-random") {
		t.Errorf("warnings %q, %v", warnings, err)
	}
}

func TestWarnings(t *testing.T) {
	r := storetest.NewRedis(t)
	s := newStore(t, r.URL(), relaxed)
	if warnings, err := s.Warnings(t.Context()); err != nil || len(warnings) != 0 {
		t.Errorf("of a server as it should be: %q, %v", warnings, err)
	}
	r.Must("CONFIG", "SET", "hash-max-listpack-entries", "64")
	if warnings, err := s.Warnings(t.Context()); err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "hash-max-listpack-entries 64") {
		t.Errorf("of a server with small listpacks: %q, %v", warnings, err)
	}
}

func TestWrongPasswordIsUnavailableAndNotRepeated(t *testing.T) {
	ctx := context.Background()
	r := storetest.NewRedis(t, "--requirepass", secret+"-of-the-server")
	for what, url := range map[string]string{
		"wrong":              "redis://:" + secret + "@" + r.Addr,
		"none":               "redis://" + r.Addr,
		"of another user":    "redis://" + secret + ":" + secret + "@" + r.Addr,
		"not for a sentinel": "redis+sentinel://:" + secret + "@" + r.Addr + "/main",
		"not for a cluster":  "redis+cluster://:" + secret + "@" + r.Addr,
	} {
		s := newStore(t, url, relaxed)
		_, err := s.Get(ctx, "list/a")
		unavailable(t, what+": Get", err)
		unavailable(t, what+": Ping", s.Ping(ctx))
		_, err = s.Warnings(ctx)
		unavailable(t, what+": Warnings", err)
		if strings.Contains(s.Describe(), secret) {
			t.Errorf("%s: %s", what, s.Describe())
		}
	}
	s := newStore(t, "redis://:"+secret+"@"+r.Addr, Options{Password: secret + "-of-the-server", Timeout: relaxed.Timeout})
	if err := s.Ping(ctx); err != nil {
		t.Errorf("the password of the options: %v", err)
	}
}

func TestServerThatIsNoRedisIsUnavailable(t *testing.T) {
	for what, serve := range map[string]func(net.Conn){
		"silent":  func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"closing": func(c net.Conn) { _ = c.Close() },
		"babble": func(c net.Conn) {
			_, _ = io.WriteString(c, strings.Repeat("HTTP/1.1 400 Bad Request\r\n\r\n", 10))
			_, _ = io.Copy(io.Discard, c)
		},
	} {
		t.Run(what, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			var open []net.Conn
			go func() {
				defer close(done)
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					open = append(open, c)
					go serve(c)
				}
			}()
			t.Cleanup(func() {
				_ = l.Close()
				<-done
				for _, c := range open {
					_ = c.Close()
				}
			})
			s := newStore(t, "redis://"+l.Addr().String(), Options{Timeout: 50 * time.Millisecond, BulkTimeout: 100 * time.Millisecond})
			within(t, 5*time.Second, "everything", func() { storetest.Unreachable(t, s, "\x02k") })
			_ = s.Close()
		})
	}
}

func TestWatchComesBackAfterRedisDoes(t *testing.T) {
	ctx := t.Context()
	r := storetest.NewRedis(t)
	s, other := newStore(t, r.URL(), relaxed), newStore(t, r.URL(), relaxed)
	ticks := s.Watch(ctx)
	next := func(what string) {
		t.Helper()
		select {
		case <-ticks:
		case <-time.After(time.Minute):
			t.Fatalf("%s: nothing is said", what)
		}
	}
	drain := func() {
		for {
			select {
			case <-ticks:
			case <-time.After(200 * time.Millisecond):
				return
			}
		}
	}
	head := func() {
		t.Helper()
		for range 100 {
			err := other.Commit(ctx, lists.Change{Key: lists.DocHead, Value: []byte("x"), Expect: lists.AnyRevision})
			if err == nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Fatal("no commit")
	}
	next("at first")
	drain()
	head()
	next("of another process's commit")
	drain()
	r.Restart()
	next("when it is subscribed again")
	drain()
	head()
	next("after the restart")
}

func TestWatchOutlivesAnAbsentRedis(t *testing.T) {
	r := storetest.NewRedis(t)
	r.Kill()
	s := newStore(t, r.URL(), relaxed)
	ticks := s.Watch(t.Context())
	r.Start()
	select {
	case <-ticks:
	case <-time.After(time.Minute):
		t.Fatal("nothing is said when Redis has come")
	}
}

func TestDroppedAndRemadeLayerIsNotMixedUp(t *testing.T) {
	url := storetest.StartRedis(t)
	s, other := newStore(t, url, relaxed), newStore(t, url, relaxed)
	old, now := storetest.Entries(3000, 1), storetest.Entries(3000, 2)
	storetest.WriteLayer(t, s, "l", old)
	storetest.CheckLayer(t, other, "l", old)
	if err := s.DropLayer(t.Context(), "l"); err != nil {
		t.Fatal(err)
	}
	storetest.WriteLayer(t, s, "l", now)
	_, err := lookup(other, old[0].Key)
	unavailable(t, "the first Lookup", err)
	if found, err := lookup(other, now[0].Key); err != nil || !bytes.Equal(found[0], now[0].Refs) {
		t.Errorf("the second Lookup: %x, %v", found, err)
	}
	storetest.CheckLayer(t, other, "l", now)
}

func TestDropThatWasInterruptedLeavesAnIncompleteLayer(t *testing.T) {
	ctx := t.Context()
	url := storetest.StartRedis(t)
	s := newStore(t, url, relaxed)
	entries := sample(t, s)
	list := s.keys.attributionBuckets(meta(t, s).Stem)
	if err := errors.Join(s.client.Rename(ctx, list, "aside").Err(), s.client.Set(ctx, list, "x", 0).Err()); err != nil {
		t.Fatal(err)
	}
	unavailable(t, "DropLayer", s.DropLayer(ctx, "l"))
	for _, s := range []*Store{s, newStore(t, url, relaxed)} {
		_, err := lookup(s, entries[0].Key)
		unavailable(t, "Lookup", err)
		if layers, err := s.Layers(ctx); err != nil || len(layers) != 1 {
			t.Errorf("layers %v, %v", layers, err)
		}
	}
	if err := errors.Join(s.client.Rename(ctx, "aside", list).Err(), s.DropLayer(ctx, "l")); err != nil {
		t.Fatal(err)
	}
	if left, err := s.client.Keys(ctx, "interdict:[ean]:*").Result(); err != nil || len(left) != 0 {
		t.Errorf("left: %q, %v", left, err)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	ctx := t.Context()
	s := newStore(t, storetest.StartRedis(t), relaxed)
	sample(t, s)
	entries := storetest.Entries(3000, 1)
	w, err := s.CreateLayer(ctx, "m", 30_000)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		if err := errors.Join(w.Put(e), w.PutAttribution(uint32(i*100), []byte("x"))); err != nil {
			t.Fatal(err)
		}
	}
	err = errors.Join(w.Abort(), s.DropLayer(ctx, "l"), s.PutBlob(ctx, "b", strings.NewReader("shorter")), s.DropBlob(ctx, "b"),
		s.Commit(ctx, lists.Change{Key: lists.DocHead, Expect: lists.AnyRevision}, lists.Change{Key: "list/a", Expect: lists.AnyRevision}))
	if err != nil {
		t.Fatal(err)
	}
	left, err := s.client.Keys(ctx, "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	left = slices.DeleteFunc(left, func(key string) bool {
		ttl, err := s.client.TTL(ctx, key).Result()
		return err == nil && ttl > 0 && ttl <= replacedTTL // of the blob that was replaced
	})
	if len(left) != 1 || left[0] != s.keys.table() {
		t.Errorf("left: %q", left)
	}
}

func TestUploadThatWasKilledGoesAwayByItself(t *testing.T) {
	ctx := t.Context()
	s := newStore(t, storetest.StartRedis(t), relaxed)
	m := &blobMeta{Stem: newStem()}
	if err := s.upload(ctx, m, bytes.NewReader(make([]byte, 3<<20))); err != nil {
		t.Fatal(err)
	}
	for i := range m.chunks() {
		if ttl, err := s.client.TTL(ctx, s.keys.chunk(m.Stem, i)).Result(); err != nil || ttl <= 0 || ttl > uploadTTL {
			t.Errorf("chunk %d stays %v, %v", i, ttl, err)
		}
	}
	if err := s.publish(ctx, "b", m); err != nil {
		t.Fatal(err)
	}
	for i := range m.chunks() {
		if ttl, err := s.client.TTL(ctx, s.keys.chunk(m.Stem, i)).Result(); err != nil || ttl != -1 {
			t.Errorf("chunk %d of a blob goes away in %v, %v", i, ttl, err)
		}
	}
}

func TestLostChunkIsNotTheEnd(t *testing.T) {
	ctx := t.Context()
	s := newStore(t, storetest.StartRedis(t), relaxed)
	sample(t, s)
	m, _, err := s.findBlob(ctx, "b")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.client.Del(ctx, s.keys.chunk(m.Stem, 1)).Err(); err != nil {
		t.Fatal(err)
	}
	r, err := s.OpenBlob(ctx, "b")
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, r)
	unavailable(t, fmt.Sprintf("after %d bytes", n), err)
}

func TestStatsTellWhatIsWrongWithRedis(t *testing.T) {
	ctx := context.Background()
	r := storetest.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	s := newStore(t, r.URL(), Options{Timeout: 500 * time.Millisecond, BulkTimeout: time.Second})
	type failures struct{ Timeouts, Network, Replies bool }
	since := func(before Stats) failures {
		now := s.Stats()
		if now.Durations.Count <= before.Durations.Count {
			t.Errorf("%d round trips were measured, %d before", now.Durations.Count, before.Durations.Count)
		}
		return failures{now.Timeouts > before.Timeouts, now.Network > before.Network, now.Replies > before.Replies}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string, want failures, do func()) {
		t.Helper()
		before := s.Stats()
		do()
		if got := since(before); got != want {
			t.Errorf("%s: %+v, not %+v", what, got, want)
		}
	}
	check("a store that works", failures{}, func() {
		sample(t, s) // also documents that are missing, and scripts that Redis does not have yet
		if _, err := s.Get(ctx, "list/none"); err == nil {
			t.Error("there is a document that nobody wrote")
		}
	})
	check("a user who may not write", failures{Replies: true}, func() {
		must(s.client.Do(ctx, "ACL", "SETUSER", "default", "-set").Err())
		unavailable(t, "Ping", s.Ping(ctx))
		must(s.client.Do(ctx, "ACL", "SETUSER", "default", "+set").Err())
	})
	check("a caller who gives up", failures{}, func() {
		gone, cancel := context.WithCancel(ctx)
		cancel()
		must(s.Ping(ctx))
		_, err := s.Get(gone, "list/a")
		unavailable(t, "Get", err)
	})
	r.Pause()
	check("a server that hangs", failures{Timeouts: true}, func() { unavailable(t, "Ping", s.Ping(ctx)) })
	r.Resume()
	r.Kill()
	check("a server that is gone", failures{Network: true}, func() { unavailable(t, "Ping", s.Ping(ctx)) })
}
