package storetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// told waits for a watch to say something.
func told(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case _, ok := <-c:
		if !ok {
			t.Fatalf("%s: the watch has ended", what)
		}
	case <-time.After(time.Minute):
		t.Fatalf("%s: the watch says nothing", what)
	}
}

// quiet takes what a watch still says, until it has been silent for a while.
func quiet(c <-chan struct{}) {
	for {
		select {
		case <-c:
		case <-time.After(100 * time.Millisecond):
			return
		}
	}
}

func ended(t *testing.T, c <-chan struct{}) {
	t.Helper()
	timeout := time.After(time.Minute)
	for {
		select {
		case _, ok := <-c:
			if !ok {
				return
			}
		case <-timeout:
			t.Fatal("the watch does not end")
		}
	}
}

func (k Kit) watch(t *testing.T) {
	t.Run("it tells of the head and of freshness, to all", func(t *testing.T) {
		s := k.Open(t)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		a, b := s.Watch(ctx), s.Watch(ctx)
		quiet(a)
		quiet(b)
		for _, key := range []string{lists.DocHead, lists.DocFresh("ofac-sdn"), lists.DocHead} {
			commit(t, s, lists.Change{Key: "list/a", Value: []byte("x"), Expect: lists.AnyRevision},
				lists.Change{Key: key, Value: []byte("x"), Expect: lists.AnyRevision})
			told(t, key, a)
			told(t, key, b)
		}
		commit(t, s, lists.Change{Key: lists.DocHead, Expect: lists.AnyRevision})
		told(t, "deletion", a)
		quiet(a)
		commit(t, s, lists.Change{Key: "list/a", Value: []byte("y"), Expect: lists.AnyRevision})
		select {
		case <-a:
			t.Error("it tells of a list")
		case <-time.After(100 * time.Millisecond):
		}
		cancel()
		ended(t, a)
		ended(t, b)
	})

	t.Run("nobody has to listen", func(t *testing.T) {
		s := k.Open(t)
		c := s.Watch(t.Context())
		for range 300 {
			commit(t, s, lists.Change{Key: lists.DocHead, Value: []byte("x"), Expect: lists.AnyRevision})
		}
		told(t, "afterwards", c)
	})

	t.Run("closing the store ends it", func(t *testing.T) {
		s := k.Open(t)
		c := s.Watch(context.Background())
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		ended(t, c)
		ended(t, s.Watch(context.Background()))
	})

	t.Run("a context that has ended already", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		ended(t, k.Open(t).Watch(ctx))
	})
}

func (k Kit) ends(t *testing.T) {
	t.Run("it answers and says what it is", func(t *testing.T) {
		s := k.Open(t)
		if err := s.Ping(context.Background()); err != nil {
			t.Errorf("Ping: %v", err)
		}
		if s.Describe() == "" {
			t.Error("it has no description")
		}
	})

	t.Run("a closed store is Unavailable in everything", func(t *testing.T) {
		s := k.Open(t)
		entries := Entries(10, 1)
		WriteLayer(t, s, "l", entries)
		putBlob(t, s, "b", []byte("x"))
		put(t, s, "list/a", "x")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		Unreachable(t, s, entries[0].Key)
		_ = s.Close() // a second time does no harm
	})
}

// Unreachable demands that a store, which holds a layer "l" and a blob "b", answers fault.Unavailable to everything.
func Unreachable(t *testing.T, s lists.Store, key address.Key) {
	t.Helper()
	ctx := context.Background()
	_, err := s.Get(ctx, "list/a")
	wantKind(t, "Get", err, fault.Unavailable)
	_, err = s.Get(ctx, "list/none")
	wantKind(t, "Get of what is not there", err, fault.Unavailable)
	_, err = s.Scan(ctx, "list/")
	wantKind(t, "Scan", err, fault.Unavailable)
	wantKind(t, "Commit", s.Commit(ctx, lists.Change{Key: "list/b", Value: []byte("x")}), fault.Unavailable)
	_, err = s.CreateLayer(ctx, "m", 1)
	wantKind(t, "CreateLayer", err, fault.Unavailable)
	_, err = s.Lookup(ctx, []lists.LayerKey{{Layer: "l", Key: key}})
	wantKind(t, "Lookup", err, fault.Unavailable)
	_, err = s.Attributions(ctx, "l", []uint32{1})
	wantKind(t, "Attributions", err, fault.Unavailable)
	_, err = walk(ctx, s, "l")
	wantKind(t, "Walk", err, fault.Unavailable)
	wantKind(t, "DropLayer", s.DropLayer(ctx, "l"), fault.Unavailable)
	_, err = s.Layers(ctx)
	wantKind(t, "Layers", err, fault.Unavailable)
	wantKind(t, "PutBlob", s.PutBlob(ctx, "c", strings.NewReader("x")), fault.Unavailable)
	_, err = readBlob(s, "b")
	wantKind(t, "OpenBlob", err, fault.Unavailable)
	_, err = s.OpenBlob(ctx, "none")
	wantKind(t, "OpenBlob of what is not there", err, fault.Unavailable)
	wantKind(t, "DropBlob", s.DropBlob(ctx, "b"), fault.Unavailable)
	_, err = s.Blobs(ctx)
	wantKind(t, "Blobs", err, fault.Unavailable)
	wantKind(t, "Ping", s.Ping(ctx), fault.Unavailable)
}
