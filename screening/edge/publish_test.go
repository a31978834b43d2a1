package edge_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/screening/edge"
)

// change is a change that one person may make.
func change(name string) loader.ChangeOptions {
	return loader.ChangeOptions{By: lists.Person(name), Reason: "test", Warrant: lists.Warrant{Alone: lists.AloneOperator}}
}

// objects counts the objects in the folder.
func (o *origin) objects(t *testing.T) (n int) {
	t.Helper()
	err := filepath.WalkDir(o.path(edge.ObjectsName), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A manifest is renewed in time, and only while the store says what it says. Old objects stay for those who still read them.
func TestManifestsAreRenewed(t *testing.T) {
	o := newOrigin(t)
	if err := o.publisher.Publish(ctx); !fault.Is(err, fault.NotLoaded) {
		t.Errorf("without a list: %v", err)
	}
	text, _ := rows(1, 0, 10)
	o.activate(t, "sanctions", lists.Replace, text)
	o.publish(t)
	first := o.manifest(t)
	o.advance(2 * time.Minute)
	o.publish(t)
	if m := o.manifest(t); !m.Created.Equal(first.Created) {
		t.Error("renewed although it is young")
	}
	o.advance(time.Minute)
	o.publish(t)
	if m := o.manifest(t); !m.Created.Equal(o.now().Truncate(time.Millisecond)) || m.NotAfter.Sub(m.Created) != 10*time.Minute || m.Generation != 1 {
		t.Errorf("after three minutes: %+v", m)
	}

	// An object that somebody has removed comes back with the next manifest.
	if err := os.Remove(o.path(edge.ObjectsName + first.Layers[0].SHA256)); err != nil {
		t.Fatal(err)
	}
	o.advance(3 * time.Minute)
	o.publish(t)
	o.follow(t, o.folder, nil).sync(t)

	// So does one that was damaged: at once where its size tells, otherwise within an hour, or when the publisher starts again.
	m := o.manifest(t)
	all := []edge.Object{m.Layers[0].Object, m.Layers[0].Filter, m.Documents}
	damage := func(change func([]byte) []byte) {
		for _, x := range all {
			path := o.path(edge.ObjectsName + x.SHA256)
			write(t, path, change(read(t, path)))
		}
	}
	cut := func(b []byte) []byte { return b[:len(b)/2] }
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	for what, next := range map[string]func(){
		"cut":                  func() { damage(cut); o.advance(3 * time.Minute) },
		"another byte":         func() { damage(flip); o.advance(time.Hour) },
		"before a new start":   func() { damage(flip); o.publisher.Forget(); o.advance(3 * time.Minute) },
		"whole, an hour old":   func() { o.advance(time.Hour) },
		"whole, three minutes": func() { o.advance(3 * time.Minute) },
	} {
		next()
		for range 1 + len(all) { // one object is read at a time
			o.publish(t)
		}
		for _, x := range all {
			if sum := sha256.Sum256(read(t, o.path(edge.ObjectsName+x.SHA256))); hex.EncodeToString(sum[:]) != x.SHA256 {
				t.Errorf("%s: object %s is damaged", what, x.SHA256)
			}
		}
		o.follow(t, o.folder, nil).sync(t)
	}

	before := o.objects(t)
	other, _ := rows(2, 0, 10)
	o.activate(t, "sanctions", lists.Replace, other)
	o.publish(t)
	if got := o.objects(t); got != before+3 {
		t.Errorf("%d objects after %d: the old ones must stay", got, before)
	}
	for range 20 {
		o.advance(4 * time.Minute)
		o.publish(t)
	}
	if got := o.objects(t); got != 3 {
		t.Errorf("%d objects an hour later", got)
	}
	o.follow(t, o.folder, nil).sync(t)

	// Without its store a server signs nothing.
	last := o.manifest(t)
	o.store.Close()
	o.advance(9 * time.Minute)
	if err := o.publisher.Publish(ctx); err == nil || !o.manifest(t).Created.Equal(last.Created) {
		t.Errorf("the store is closed: %v", err)
	}
}

// A store that has lost a generation, or is another one, is not published over the one that was.
func TestALossIsNotPublished(t *testing.T) {
	o := newOrigin(t)
	text, _ := rows(1, 0, 10)
	o.activate(t, "sanctions", lists.Replace, text)
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(o.dir)); err != nil {
		t.Fatal(err)
	}
	more, lost := rows(2, 0, 10)
	o.activate(t, "sanctions", lists.Add, more)
	o.publish(t)
	n := o.follow(t, o.folder, nil)
	n.sync(t)
	whole := o.store

	o.open(t, disk(t, copied))
	if err := o.publisher.Publish(ctx); !fault.Is(err, fault.Lost) {
		t.Errorf("an older generation: %v", err)
	}
	third, _ := rows(3, 0, 1)
	o.activate(t, "sanctions", lists.Add, third)
	if err := o.publisher.Publish(ctx); !fault.Is(err, fault.Lost) {
		t.Errorf("another generation of the same number: %v", err)
	}
	if err := os.Remove(o.path(edge.ManifestName)); err != nil {
		t.Fatal(err)
	}
	// One that never published knows by the report of a server that has what was lost.
	report := lists.Replica{ID: "other", Generation: 2, GenerationID: n.Status().Served.ID, Lost: true, Seen: o.now()}
	if err := o.store.Commit(ctx, lists.Put(lists.DocReplica(report.ID), report, lists.AnyRevision)); err != nil {
		t.Fatal(err)
	}
	if err := o.newPublisher(nil).Publish(ctx); !fault.Is(err, fault.Lost) {
		t.Errorf("while another server has it: %v", err)
	}
	o.advance(2 * lists.LostTTL)
	// A follower refuses them too, from a publisher that knows nothing of the loss.
	for range 2 {
		o.publisher = o.newPublisher(nil)
		o.publish(t)
		if err := n.follower.Sync(ctx); !fault.Is(err, fault.Lost) {
			t.Errorf("the follower: %v", err)
		}
		if err := n.Refresh(ctx); err != nil || check(n.Screener, lost[3]) != "h" {
			t.Errorf("a lost address: %v, %s", err, check(n.Screener, lost[3]))
		}
		fourth, _ := rows(4, 0, 1)
		o.activate(t, "sanctions", lists.Add, fourth) // a higher number
	}
	// A restore merges both sides, and the follower goes on.
	if _, err := o.loader.Restore(ctx, whole, lists.Head{Generation: 2, ID: n.Status().Served.ID}, "tester", "test"); err != nil {
		t.Fatal(err)
	}
	o.activate(t, "own", lists.Replace, third)
	o.publish(t)
	n.sync(t)
	if got := check(n.Screener, lost[3], evm(4, 0), evm(9, 9)); got != "hhm" {
		t.Errorf("after the restore: %s", got)
	}

	for name, folder := range map[string]func(){
		"another store": func() { o.open(t, disk(t, t.TempDir())); o.activate(t, "sanctions", lists.Replace, text) },
		"other keys":    func() { o.keys = signer(t, "origin.example"); o.publisher = o.newPublisher(nil) },
	} {
		folder()
		if err := o.publisher.Publish(ctx); !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Passwords of sources stay at the origin.
func TestNoSecretIsPublished(t *testing.T) {
	o := newOrigin(t)
	text, _ := rows(1, 0, 3)
	o.activate(t, "sanctions", lists.Replace, text)
	if _, _, err := o.loader.PutList(ctx, "sanctions", change("ana"), func(l *lists.List, _ bool) error {
		l.Source = &lists.Source{URL: "https://user:hunter2@lists.example/x?token=hunter3", Format: "ndjson"}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	o.publish(t)
	err := filepath.WalkDir(o.folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(string(read(t, path)), "hunter") {
			t.Errorf("%s has a password", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	n := o.follow(t, o.folder, nil)
	n.sync(t)
	if got := check(n.Screener, evm(1, 1)); got != "h" {
		t.Error(got)
	}
}

// A server answers those who ask it for the manifest from files that it makes then.
func TestAServerMakesItsFilesWhenAsked(t *testing.T) {
	o := newOrigin(t)
	dir := filepath.Join(t.TempDir(), "manifest")
	local := edge.NewLocal(dir, edge.PublishOptions{Store: o.store, Name: "origin.example", Signer: o.keys, Log: quiet, Now: o.now})
	if _, err := local.Manifest(ctx); !fault.Is(err, fault.NotLoaded) {
		t.Errorf("nothing is loaded: %v", err)
	}
	text, _ := rows(1, 0, 3)
	o.activate(t, "sanctions", lists.Replace, text)
	signed, err := local.Manifest(ctx)
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := edge.Open(signed, o.keys.VKeys())
	if err != nil {
		t.Fatal(err)
	}
	body, err := local.Object(ctx, m.Documents.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	body.Close()
	for _, name := range []string{strings.Repeat("0", 64), "../manifest", ""} {
		if _, err := local.Object(ctx, name); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
	local.Close()
	o.advance(time.Minute)
	if _, err := local.Manifest(ctx); !fault.Is(err, fault.Unavailable) {
		t.Errorf("it is closed: %v", err)
	}
}
