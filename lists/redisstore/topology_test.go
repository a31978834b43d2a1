package redisstore

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/lists/storetest"
)

func TestContractOnACluster(t *testing.T) {
	url, nodes := storetest.NewCluster(t, 3)
	storetest.Run(t, kit(url, Options{}))
	s := newStore(t, url, relaxed)
	storetest.WriteLayer(t, s, "l", storetest.Entries(20_000, 1))
	for _, n := range nodes {
		if size := n.Must("DBSIZE"); size == "0" {
			t.Error("a node has no part of the layer")
		}
	}
	if warnings, err := s.Warnings(t.Context()); err != nil || len(warnings) != 0 {
		t.Errorf("warnings %q, %v", warnings, err)
	}
	single := newStore(t, nodes[1].URL(), relaxed)
	for _, err := range []error{single.Ping(t.Context()), func() error { _, err := walkAll(single); return err }()} {
		if err != nil && !strings.Contains(err.Error(), "redis+cluster://") {
			t.Errorf("a node of a cluster asked alone: %v", err)
		}
	}
	nodes[2].Kill()
	found, failed := 0, 0
	short := newStore(t, url, Options{Timeout: time.Second})
	for _, e := range storetest.Entries(20_000, 1)[:200] {
		got, err := lookup(short, e.Key)
		switch {
		case err != nil:
			unavailable(t, "Lookup", err)
			failed++
		case !bytes.Equal(got[0], e.Refs):
			t.Fatalf("a listed address is %x", got[0])
		default:
			found++
		}
	}
	t.Logf("one of three nodes is gone: %d found, %d unavailable", found, failed)
}

func TestContractThroughSentinelsAndAFailover(t *testing.T) {
	master := storetest.NewRedis(t)
	replica := storetest.NewReplica(t, master)
	url := storetest.NewSentinels(t, 3, master)
	t.Run("contract", func(t *testing.T) { storetest.Run(t, kit(url, Options{})) })

	ctx := t.Context()
	s := newStore(t, url, relaxed)
	entries := sample(t, s)
	ticks := s.Watch(ctx)
	waitOffset(t, master, replica)
	master.Kill()
	start := time.Now()
	for {
		err := s.Commit(ctx, lists.Change{Key: lists.DocHead, Value: []byte("new"), Expect: lists.AnyRevision})
		if err == nil {
			break
		}
		unavailable(t, "Commit", err)
		if time.Since(start) > 30*time.Second {
			t.Fatalf("no failover: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("failover took %v", time.Since(start).Round(10*time.Millisecond))
	storetest.CheckLayer(t, s, "l", entries)
	select {
	case <-ticks:
	case <-time.After(time.Minute):
		t.Error("the watch is lost")
	}
}

// waitOffset waits until a replica has all that its master wrote.
func waitOffset(t *testing.T, master, replica *storetest.Redis) {
	t.Helper()
	offset := func(r *storetest.Redis, name string) string {
		_, rest, _ := strings.Cut(r.Must("INFO", "replication"), name+":")
		digits, _, _ := strings.Cut(rest, "\r")
		return digits
	}
	for range 6000 {
		if offset(master, "master_repl_offset") == offset(replica, "slave_repl_offset") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the replica lags")
}

func TestContractOverTLS(t *testing.T) {
	r := storetest.NewRedisTLS(t)
	s := newStore(t, r.URL(), relaxed)
	storetest.CheckLayer(t, s, "l", sample(t, s))
	stranger := newStore(t, "rediss://"+r.Addr, relaxed)
	unavailable(t, "an unknown authority", stranger.Ping(t.Context()))
	unavailable(t, "no TLS", newStore(t, "redis://"+r.Addr, relaxed).Ping(t.Context()))
}

// acl is the least that a user needs; it stands in the package comment.
const acl = `~{interdict}:* ~interdict:* &{interdict}:changed -@all +ping +hmget +hget +hset +hdel +hlen +hgetall ` +
	`+zadd +zrem +zcard +zrangebylex +exists +get +set +persist +expire +unlink +sadd +smembers +time +publish +subscribe ` +
	`+eval +evalsha +eval_ro +evalsha_ro +info +config|get`

const aclCluster = " +cluster|slots"

func TestUserWithTheLeastRightsIsEnough(t *testing.T) {
	ctx := t.Context()
	r := storetest.NewRedis(t)
	permit(r, "")
	s := newStore(t, "redis://app@"+r.Addr, Options{Password: secret, Timeout: relaxed.Timeout})
	entries := sample(t, s)
	storetest.CheckLayer(t, s, "l", entries)
	ticks := s.Watch(ctx)
	<-ticks
	if err := s.Ping(ctx); err != nil {
		t.Errorf("Ping: %v", err)
	}
	if _, err := s.Scan(ctx, ""); err != nil {
		t.Errorf("Scan: %v", err)
	}
	if warnings, err := s.Warnings(ctx); err != nil || len(warnings) != 0 {
		t.Errorf("Warnings: %q, %v", warnings, err)
	}
	if err := s.Commit(ctx, lists.Change{Key: lists.DocHead, Expect: lists.AnyRevision}); err != nil {
		t.Errorf("Commit: %v", err)
	}
	select {
	case <-ticks:
	case <-time.After(time.Minute):
		t.Error("nothing is said")
	}
	for _, err := range []error{s.DropLayer(ctx, "l"), s.DropBlob(ctx, "b")} {
		if err != nil {
			t.Error(err)
		}
	}

	// A right that is missing stops a commit before its first write.
	r.Must("ACL", "SETUSER", "app", "-zrem")
	unavailable(t, "Commit", s.Commit(ctx, lists.Change{Key: "list/a", Expect: lists.AnyRevision}, lists.Change{Key: "list/b", Value: []byte("x")}))
	r.Must("ACL", "SETUSER", "app", "+zrem")
	if docs, err := s.Scan(ctx, ""); err != nil || len(docs) != 1 || docs[0].Key != "list/a" {
		t.Errorf("documents: %v, %v", docs, err)
	}
	other := newStore(t, "redis://app@"+r.Addr, Options{Password: secret, Prefix: "other"})
	_, err := other.Get(ctx, "list/a")
	unavailable(t, "keys of another prefix", err)

	url, nodes := storetest.NewCluster(t, 2)
	for _, n := range nodes {
		permit(n, aclCluster)
	}
	s = newStore(t, strings.Replace(url, "//", "//app@", 1), Options{Password: secret, Timeout: relaxed.Timeout})
	storetest.CheckLayer(t, s, "l", sample(t, s))
	<-s.Watch(ctx)
	if err := s.Ping(ctx); err != nil {
		t.Errorf("Ping in a cluster: %v", err)
	}
}

func permit(r *storetest.Redis, more string) {
	r.Must(append([]string{"ACL", "SETUSER", "app", "on", ">" + secret}, strings.Fields(acl+more)...)...)
}

func TestDatabasesAndPrefixesAreApart(t *testing.T) {
	ctx := t.Context()
	r := storetest.NewRedis(t)
	a := newStore(t, r.URL(), relaxed)
	entries := sample(t, a)
	for what, url := range map[string]string{"database": r.URL() + "/3", "prefix": r.URL() + "?prefix=other"} {
		b := newStore(t, url, relaxed)
		if _, err := b.Get(ctx, "list/a"); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", what, err)
		}
		if docs, err := b.Scan(ctx, ""); err != nil || len(docs) != 0 {
			t.Errorf("%s: %v, %v", what, docs, err)
		}
		sample(t, b)
	}
	storetest.CheckLayer(t, a, "l", entries)
}

func TestURLs(t *testing.T) {
	for url, want := range map[string]string{
		"redis://10.0.0.1":        "redis 10.0.0.1:6379",
		"redis://10.0.0.1:7000/2": "redis 10.0.0.1:7000 database 2",
		"redis://u:" + secret + "@cache.example:6380/?prefix=x": "redis cache.example:6380 prefix x",
		"rediss://:p%40%2F@[::1]:6380":                          "redis [::1]:6380",
		"redis://[::1]":                                         "redis [::1]:6379",
		"redis+sentinel://a,b:1,[::2]:3/main":                   "redis sentinel a:26379,b:1,[::2]:3 master main",
		"rediss+sentinel://u:p@a/main/4?timeout=20ms":           "redis sentinel a:26379 master main database 4",
		"redis+cluster://a:7000,b,c?pool_size=5":                "redis cluster a:7000,b:6379,c:6379",
		"rediss+cluster://a/0?tls_server_name=cache":            "redis cluster a:6379",
	} {
		got, err := parseURL(url, Options{})
		if err != nil {
			t.Errorf("%s: %v", url, err)
		} else if got.description != want || (got.options.TLS != nil) != strings.HasPrefix(url, "rediss") {
			t.Errorf("%s: %q, TLS %v", url, got.description, got.options.TLS != nil)
		}
	}
	for _, url := range []string{
		"", "10.0.0.1:6379", "http://a", "redis:/a", "redis://", "redis://:6379", "redis://a:b", "redis://a:0", "redis://a:70000", "redis://a,b",
		"redis://a/x", "redis://a/-1", "redis://a/1/2", "redis+sentinel://a", "redis+sentinel://a/", "redis+sentinel://a/main/x",
		"redis+cluster://a/1", "redis+cluster://a,", "redis+other://a", "redis+://a", "redis://::1", "redis://a?nosuch=1", "redis://a?timeout=x",
		"redis://a?timeout=-1s", "redis://a?pool_size=-1", "redis://a?%zz", "redis://a?prefix={x}", "redis://a?tls_server_name=x",
		"rediss://a?tls_ca=/none", "rediss://a?tls_cert=/none", "redis://%zz:" + secret + "@a", "redis://u:" + secret + "%zz@a",
		"redis://u:" + secret + "@a:b", "redis://u:" + secret + "@a?nosuch=1", "http://u:" + secret + "@a", "redis://u:" + secret + "@",
	} {
		s, err := Open(context.Background(), url, Options{})
		if err == nil {
			_ = s.Close()
		}
		if !fault.Is(err, fault.Invalid) || strings.Contains(fmt.Sprint(err), secret) {
			t.Errorf("%s: %v", url, err)
		}
	}
	o, err := parseURL("redis://u:p%40ss%3A@a?timeout=20ms&bulk_timeout=3s&prefix=x", Options{Username: "v", Prefix: "y", BulkTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(o.options.Username, " ", o.options.Password, " ", o.options.Prefix, " ", o.options.Timeout, " ", o.options.BulkTimeout)
	if got != "v p@ss: y 20ms 1s" {
		t.Errorf("options %s", got)
	}
}

func TestErrorsDoNotRepeatWhatRedisRepeats(t *testing.T) {
	// An unknown command is answered with its arguments, which are addresses.
	r := storetest.NewRedis(t, "--rename-command", "HMGET", "gone")
	s := newStore(t, r.URL(), relaxed)
	_, err := s.Get(t.Context(), "list/"+"abcdef")
	unavailable(t, "Get", err)
	if strings.Contains(err.Error(), "args") || strings.Contains(err.Error(), "d:list") {
		t.Errorf("got %v", err)
	}
}
