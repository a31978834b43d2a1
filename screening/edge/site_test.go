package edge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/diskstore"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/screening"
	"interdict/screening/archive/vault"
	"interdict/screening/edge"
	"interdict/screening/journal"
	"interdict/screening/journal/proof"
	"interdict/screening/replica"
)

var (
	ctx   = context.Background()
	quiet = slog.New(slog.DiscardHandler)
)

type nothing struct{}

func (nothing) AppendBatch([]journal.Entry, bool) error { return nil }
func (nothing) Record(lists.Event) error                { return nil }
func (nothing) Checked(*screening.Answer)               {}
func (nothing) Refused(string)                          {}
func (nothing) FilterPositive(bool)                     {}

// clock is a clock that tests move.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

// origin is a server that publishes into a folder.
type origin struct {
	*clock
	dir, folder string
	store       lists.Store
	loader      *loader.Loader
	keys        *proof.Keys
	bucket      vault.Bucket
	publisher   *edge.Publisher
	screener    *screening.Screener
}

func disk(t testing.TB, dir string) lists.Store {
	t.Helper()
	s, err := diskstore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func signer(t testing.TB, name string) *proof.Keys {
	t.Helper()
	k, err := proof.OpenKeys(filepath.Join(t.TempDir(), "keys"), name, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newOrigin(t testing.TB) *origin {
	t.Helper()
	o := &origin{clock: new(clock), dir: t.TempDir(), folder: t.TempDir(), keys: signer(t, "origin.example")}
	o.at.Store(time.Now().UnixNano())
	o.open(t, disk(t, o.dir))
	return o
}

// open works with another store.
func (o *origin) open(t testing.TB, store lists.Store) {
	t.Helper()
	o.store = store
	o.loader = loader.New(store, nothing{}, quiet, t.TempDir(), o.now)
	var err error
	if o.bucket, err = vault.OpenBucket(ctx, o.folder, vault.BucketOptions{Shared: true}); err != nil {
		t.Fatal(err)
	}
	o.publisher = o.newPublisher(nil)
	o.screener = screening.NewReplica(store, replica.Local{}, nothing{}, nothing{}, quiet, o.now)
}

// newPublisher returns a publisher; change may change its options.
func (o *origin) newPublisher(change func(*edge.PublishOptions)) *edge.Publisher {
	options := edge.PublishOptions{Store: o.store, Bucket: o.bucket, Name: "origin.example", Signer: o.keys, Log: quiet, Now: o.now}
	if change != nil {
		change(&options)
	}
	return edge.NewPublisher(options)
}

// activate activates a version of a list.
func (o *origin) activate(t testing.TB, list string, mode lists.Mode, rows string) {
	t.Helper()
	settings := lists.NewList(list, o.now())
	settings.Approvals, settings.Category = 0, lists.Sanctions
	v, err := o.loader.Stage(ctx, list, []loader.Upload{{Name: list + ".ndjson", Body: strings.NewReader(rows)}},
		loader.StageOptions{Format: "ndjson", Mode: mode, By: lists.Person("tester"), Create: settings})
	if err == nil {
		_, err = o.loader.Activate(ctx, list, v.Number, loader.ActivateOptions{By: lists.Person("tester"), Warrant: lists.Warrant{Alone: lists.AloneOperator}, Override: "test"})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (o *origin) publish(t testing.TB) {
	t.Helper()
	if err := o.publisher.Publish(ctx); err != nil {
		t.Fatal(err)
	}
}

// manifest is the one in the folder.
func (o *origin) manifest(t testing.TB) *edge.Manifest {
	t.Helper()
	m, _, err := edge.Open(read(t, o.path(edge.ManifestName)), o.keys.VKeys())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (o *origin) path(name string) string { return filepath.Join(o.folder, filepath.FromSlash(name)) }

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// node is a server that follows.
type node struct {
	dir      string
	store    lists.Store
	follower *edge.Follower
	*screening.Screener
}

// follow makes a node that follows an address.
func (o *origin) follow(t testing.TB, address string, change func(*edge.FollowOptions)) *node {
	t.Helper()
	n := &node{dir: t.TempDir()}
	n.start(t, o, address, change)
	return n
}

// start starts the node, again if it was started before.
func (n *node) start(t testing.TB, o *origin, address string, change func(*edge.FollowOptions)) {
	t.Helper()
	if n.store != nil {
		n.store.Close()
	}
	n.store = disk(t, n.dir)
	source, err := edge.OpenSource(ctx, address, edge.SourceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { source.Close() })
	options := edge.FollowOptions{Store: n.store, Source: source, VKeys: o.keys.VKeys(), Dir: filepath.Join(n.dir, "follow"), Every: 250 * time.Millisecond, Log: quiet, Now: o.now}
	if change != nil {
		change(&options)
	}
	n.follower = edge.NewFollower(options)
	n.Screener = screening.NewReplica(edge.Guard(n.store), replica.Local{}, nothing{}, nothing{}, quiet, o.now)
}

// sync reads what is published and loads it.
func (n *node) sync(t testing.TB) {
	t.Helper()
	if err := n.follower.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	if err := n.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
}

// check checks addresses and returns, for each, h for a hit, m for a miss, or the kind of the error.
func check(s *screening.Screener, addresses ...string) (out string) {
	for _, x := range addresses {
		var a screening.Answer
		switch err := s.Check(ctx, &screening.Request{Address: x, Direction: lists.Withdrawal}, &a); {
		case err != nil:
			out += "(" + fault.KindOf(err).String() + ")"
		case a.Result == screening.Hit:
			out += "h"
		case a.Result == screening.Miss:
			out += "m"
		}
	}
	return out
}

// answer returns the answer to a check without what is different in each: its id and time.
func answer(t testing.TB, s *screening.Screener, address string) string {
	t.Helper()
	var a screening.Answer
	if err := s.Check(ctx, &screening.Request{Address: address, Direction: lists.Withdrawal}, &a); err != nil {
		return err.Error()
	}
	var fields map[string]any
	if err := json.Unmarshal(a.JSON, &fields); err != nil {
		t.Fatal(err)
	}
	delete(fields, "check_id")
	delete(fields, "checked_at")
	b, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// evm is the n-th address of a kind.
func evm(kind, n int) string { return fmt.Sprintf("0x%02x%038x", kind, n) }

// rows are listings of addresses.
func rows(kind, from, n int) (text string, addresses []string) {
	for i := from; i < from+n; i++ {
		addresses = append(addresses, evm(kind, i))
		text += fmt.Sprintf("{\"address\":%q,\"network\":\"ethereum\",\"entity\":{\"id\":\"%d\",\"name\":\"Entity %d\"},\"programs\":[\"P%d\"]}\n", evm(kind, i), i%7, i%7, i%3)
	}
	return text, addresses
}
