package edge_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/lists/filter"
	"interdict/screening/edge"
)

// published makes an origin with two lists that has published one generation and a node that serves it. Then a second generation is published.
func published(t *testing.T) (o *origin, n *node, second []string) {
	t.Helper()
	o = newOrigin(t)
	text, _ := rows(1, 0, 40)
	o.activate(t, "sanctions", lists.Replace, text)
	o.publish(t)
	n = o.follow(t, o.folder, nil)
	n.sync(t)
	more, second := rows(2, 0, 5)
	o.advance(time.Second)
	o.activate(t, "own", lists.Replace, more)
	o.publish(t)
	return o, n, second
}

// Whatever a hostile or broken bucket does to the files, a node never serves anything but what was signed. When the files are whole again, it does.
func TestDamagedFilesNeverGoLive(t *testing.T) {
	o, n, second := published(t)
	m := o.manifest(t)
	var fresh edge.Layer // the layer of the second generation
	for _, l := range m.Layers {
		if strings.HasPrefix(l.ID, "own-") {
			fresh = l
		}
	}
	forget := func() { // what other attempts have downloaded
		t.Helper()
		if err := os.RemoveAll(filepath.Join(n.dir, "follow")); err != nil {
			t.Fatal(err)
		}
	}
	first := func() {
		t.Helper()
		if err := n.Refresh(ctx); err != nil || n.Status().Generation != 1 {
			t.Errorf("generation %d is served, %v", n.Status().Generation, err)
		}
		if got := check(n.Screener, evm(1, 3), second[0]); got != "hm" { // the second is not listed in generation 1, whose manifest is valid
			t.Errorf("checks: %s", got)
		}
	}
	first()
	files := map[string]string{"manifest": edge.ManifestName, "documents": edge.ObjectsName + m.Documents.SHA256, "layer": edge.ObjectsName + fresh.SHA256,
		"filter": edge.ObjectsName + fresh.Filter.SHA256}
	for name, file := range files {
		whole := read(t, o.path(file))
		other := read(t, o.path(files[map[string]string{"manifest": "documents", "documents": "layer", "layer": "filter", "filter": "layer"}[name]]))
		var damaged [][]byte
		for _, at := range []int{0, 1, len(whole) / 3, len(whole) / 2, len(whole) - 2} {
			b := bytes.Clone(whole)
			b[at] ^= 1
			damaged = append(damaged, b, whole[:at])
		}
		damaged = append(damaged, other, append(bytes.Clone(whole), 'x'), bytes.Repeat([]byte{'x'}, len(whole)))
		for i, b := range damaged {
			write(t, o.path(file), b)
			forget()
			if err := n.follower.Sync(ctx); err == nil {
				t.Errorf("%s, damage %d: no error", name, i)
			}
		}
		forget()
		if err := os.Remove(o.path(file)); err != nil {
			t.Fatal(err)
		}
		if err := n.follower.Sync(ctx); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s is missing: %v", name, err)
		}
		first()
		write(t, o.path(file), whole)
	}
	n.sync(t)
	if got := check(n.Screener, evm(1, 3), second[0], evm(9, 9)); got != "hhm" || n.Status().Generation != 2 {
		t.Errorf("with whole files: generation %d, %s", n.Status().Generation, got)
	}
}

// forge signs a changed manifest with the right key, as only the origin can.
func forge(t *testing.T, o *origin, change func(text string) string) {
	t.Helper()
	n, err := note.Open(read(t, o.path(edge.ManifestName)), verifiers(t, o.keys.VKeys()))
	if err != nil {
		t.Fatal(err)
	}
	changed := change(n.Text)
	if changed == n.Text {
		t.Fatal("nothing was changed")
	}
	b, err := o.keys.Sign(changed)
	if err != nil {
		t.Fatal(err)
	}
	write(t, o.path(edge.ManifestName), b)
}

func verifiers(t *testing.T, vkeys []string) note.Verifiers {
	t.Helper()
	v, err := note.NewVerifier(vkeys[0])
	if err != nil {
		t.Fatal(err)
	}
	return note.VerifierList(v)
}

func TestManifestsThatAreRefused(t *testing.T) {
	for name, x := range map[string]struct {
		change func(t *testing.T, o *origin, old []byte)
		kind   fault.Kind
		says   string
	}{
		"an older generation is replayed": {func(t *testing.T, o *origin, old []byte) { write(t, o.path(edge.ManifestName), old) }, fault.Conflict, "older generation 2"},
		"another key": {func(t *testing.T, o *origin, _ []byte) {
			o.keys = signer(t, "origin.example")
			o.publisher = o.newPublisher(nil)
			if err := os.Remove(o.path(edge.ManifestName)); err != nil {
				t.Fatal(err)
			}
			o.publish(t)
		}, fault.Conflict, "not signed by a known key"},
		"it has expired":     {func(_ *testing.T, o *origin, _ []byte) { o.advance(10 * time.Minute) }, fault.Stale, "valid until"},
		"it is not yet made": {func(_ *testing.T, o *origin, _ []byte) { o.advance(-2 * time.Minute) }, fault.Stale, "in the future"},
		"a newer form":       {func(t *testing.T, o *origin, _ []byte) { forge(t, o, strings1("\n1\n", "\n2\n")) }, fault.Invalid, "update it"},
		"an unknown field": {func(t *testing.T, o *origin, _ []byte) {
			forge(t, o, strings1(`"generation"`, `"policy": "strict",`+"\n"+`"generation"`))
		}, fault.Invalid, "unknown field"},
		"a checkpoint of the record": {func(t *testing.T, o *origin, _ []byte) {
			forge(t, o, func(string) string { return "origin.example/0190\n7\nAAAA\n" })
		}, fault.Invalid, "not a manifest"},
		"a layer is left out": {func(t *testing.T, o *origin, _ []byte) {
			m := o.manifest(t)
			forge(t, o, strings1(`"id": "`+m.Layers[0].ID+`"`, `"id": "x"`))
		}, fault.Invalid, "layer x is not part"},
		"a filter that lacks a key of its layer": {func(t *testing.T, o *origin, _ []byte) {
			// The right key signs it: the origin is broken.
			m := o.manifest(t)
			i := slices.IndexFunc(m.Layers, func(l edge.Layer) bool { return strings.HasPrefix(l.ID, "own-") })
			l, keys := m.Layers[i], 3
			f := filter.New(l.ID, keys, filter.Rate)
			for k := range keys {
				f.Add(lists.Hash(address.Key(strings.Repeat("k", k+1))))
			}
			var b bytes.Buffer
			if _, err := f.WriteTo(&b); err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(b.Bytes())
			digest := hex.EncodeToString(sum[:])
			write(t, o.path(edge.ObjectsName+digest), b.Bytes())
			if int64(b.Len()) != l.Filter.Bytes {
				t.Fatalf("%d bytes, not %d", b.Len(), l.Filter.Bytes)
			}
			forge(t, o, strings1(l.Filter.SHA256, digest))
		}, fault.Invalid, "lacks one of its keys"},
	} {
		t.Run(name, func(t *testing.T) {
			o, n, _ := published(t)
			old := read(t, o.path(edge.ManifestName))
			n.sync(t)
			o.advance(time.Second)
			more, _ := rows(3, 0, 3)
			o.activate(t, "own", lists.Replace, more)
			o.publish(t)
			want := n.Status().Generation
			if name == "an older generation is replayed" {
				n.sync(t)
				want = 3
			}
			x.change(t, o, old)
			if err := n.follower.Sync(ctx); !fault.Is(err, x.kind) || !strings.Contains(err.Error(), x.says) {
				t.Errorf("%v", err)
			}
			if err := n.Refresh(ctx); err != nil || n.Status().Generation != want {
				t.Errorf("generation %d is served, %v", n.Status().Generation, err)
			}
		})
	}
}

// strings1 replaces the first of one text by another.
func strings1(old, with string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, with, 1) }
}

// A manifest of the same lists that is a little older, from another server or a cache, extends nothing.
func TestAnOlderManifestOfTheSameListsExtendsNothing(t *testing.T) {
	o, n, _ := published(t)
	old := read(t, o.path(edge.ManifestName))
	o.advance(5 * time.Minute)
	o.publish(t)
	n.sync(t)
	until := n.Status().Followed.NotAfter
	write(t, o.path(edge.ManifestName), old)
	n.sync(t)
	if got := n.Status().Followed.NotAfter; !got.Equal(until) {
		t.Errorf("valid until %s, was %s", got, until)
	}
	o.advance(10 * time.Minute)
	if got := check(n.Screener, evm(1, 1), evm(9, 9)); got != "h(stale)" {
		t.Error(got)
	}
}

// A node that starts again answers from its folder, until the manifest that it has expires. A clock that was set back does not prolong it.
func TestANodeStartsFromItsFolder(t *testing.T) {
	o, n, second := published(t)
	n.sync(t)
	n.start(t, o, t.TempDir(), nil) // what it follows is gone
	if err := n.follower.Sync(ctx); !fault.Is(err, fault.NotFound) {
		t.Errorf("an empty folder: %v", err)
	}
	if err := n.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	if got := check(n.Screener, second[0], evm(9, 9)); got != "hm" {
		t.Errorf("after the start: %s", got)
	}
	o.advance(-2 * time.Minute)
	if got := check(n.Screener, second[0], evm(9, 9)); got != "h(stale)" {
		t.Errorf("the clock was set back: %s", got)
	}
	o.advance(12 * time.Minute)
	if got := check(n.Screener, second[0], evm(9, 9)); got != "h(stale)" || !fault.Is(n.Status().Unready, fault.Stale) {
		t.Errorf("after the manifest has expired: %s, %v", got, n.Status().Unready)
	}
}

// The lists of a node change in no other way: not through its loader, and not while its server does not run.
func TestListsOfANodeAreTheFollowedOnes(t *testing.T) {
	o, n, _ := published(t)
	n.sync(t)
	edged := &origin{clock: o.clock, folder: t.TempDir(), keys: o.keys}
	guarded, err := edge.GuardFollowed(ctx, n.store)
	if err != nil {
		t.Fatal(err)
	}
	edged.open(t, guarded)
	for what, err := range map[string]error{
		"retire": func() error { _, err := edged.loader.Retire(ctx, "own", change("ana")); return err }(),
		"settings": func() error {
			_, _, err := edged.loader.PutList(ctx, "own", change("ana"), func(l *lists.List, _ bool) error { l.Name = "other"; return nil })
			return err
		}(),
		"suppression": func() error {
			_, err := edged.loader.ProposeSuppression(ctx, "own", evm(2, 1), "ethereum", o.now().Add(time.Hour), change("ana"))
			return err
		}(),
		"publish": edged.publisher.Publish(ctx),
	} {
		if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "the lists") || !strings.Contains(err.Error(), "origin.example") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := guarded.CreateLayer(ctx, "x", 1); !fault.Is(err, fault.Conflict) {
		t.Errorf("a layer: %v", err)
	}
	if err := guarded.Commit(ctx, lists.Put(lists.DocKey("k1"), lists.Key{ID: "k1"}, 0)); err != nil {
		t.Errorf("a key: %v", err)
	}
	// Another program changes the lists in the folder.
	if err := n.store.Commit(ctx, lists.Put(lists.DocHead, lists.Head{Generation: 9}, lists.AnyRevision)); err != nil {
		t.Fatal(err)
	}
	if err := n.follower.Sync(ctx); !fault.Is(err, fault.Conflict) {
		t.Errorf("changed lists: %v", err)
	}
	// A store with lists of its own follows nobody.
	source, err := edge.OpenSource(ctx, o.folder, edge.SourceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := edge.NewFollower(edge.FollowOptions{Store: o.store, Source: source, Log: quiet, Now: o.now}).Sync(ctx); !fault.Is(err, fault.Conflict) {
		t.Errorf("a store with lists of its own: %v", err)
	}
}

// A download that breaks off goes on where it ended. Redirects are refused if a key would be sent, and no error has the key.
func TestDownloadsOverHTTP(t *testing.T) {
	o, n, second := published(t)
	var ranges []string
	cut := true
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			ranges = append(ranges, r.Header.Get("Range"))
		}
		if cut && strings.HasPrefix(r.URL.Path, "/cdn/v1/objects/") {
			cut = false
			w.Header().Set("Content-Length", "1000000")
			_, _ = w.Write(read(t, o.path(strings.TrimPrefix(r.URL.Path, "/cdn/")))[:50])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		http.StripPrefix("/cdn/", http.FileServer(http.Dir(o.folder))).ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	n.start(t, o, web.URL+"/cdn", nil)
	if err := n.follower.Sync(ctx); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "broke off after 50 of") {
		t.Errorf("a download that breaks off: %v", err)
	}
	n.sync(t)
	if len(ranges) != 1 || ranges[0] != "bytes=50-" || check(n.Screener, second[0]) != "h" {
		t.Errorf("ranges %q", ranges)
	}

	const token = "secret-secret-secret"
	for name, handler := range map[string]http.HandlerFunc{
		"a redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, web.URL, http.StatusFound) },
		"a refusal": func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, r.Header.Get("Authorization"), http.StatusForbidden)
		},
		"an endless manifest": func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		},
		"silence": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"a 304 to a question without condition": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotModified)
		},
	} {
		server := httptest.NewServer(handler)
		source, err := edge.OpenSource(ctx, server.URL, edge.SourceOptions{Token: token, Stall: 200 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		limited, cancel := context.WithTimeout(ctx, time.Minute)
		_, _, err = source.Manifest(limited, "")
		if err == nil || limited.Err() != nil || strings.Contains(err.Error(), token) {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
		source.Close()
		server.CloseClientConnections()
		server.Close()
	}
	for _, address := range []string{"ftp://x", "http://user:hunter2@x", "https://x?key=hunter2", "https://", t.TempDir() + "/none"} {
		if _, err := edge.OpenSource(ctx, address, edge.SourceOptions{}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestIsDigest(t *testing.T) {
	whole := hex.EncodeToString(make([]byte, 32))
	for text, want := range map[string]bool{whole: true, whole[1:]: false, strings.Repeat("A", 64): false, "../manifest": false, "": false} {
		if edge.IsDigest(text) != want {
			t.Error(text)
		}
	}
}
