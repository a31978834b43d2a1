package diskstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/lists/storetest"
)

func wantOpenError(t *testing.T, dir string, kind fault.Kind, words string, opts ...Option) {
	t.Helper()
	s, err := Open(dir, opts...)
	if err == nil {
		_ = s.Close()
	}
	if !fault.Is(err, kind) || !strings.Contains(fmt.Sprint(err), words) {
		t.Errorf("Open: %v error %v, want %v with %q", fault.KindOf(err), err, kind, words)
	}
}

func TestFolderInUseIsAConflictThatNamesTheWayOut(t *testing.T) {
	dir := t.TempDir()
	s := newStore(t, dir)
	start := time.Now()
	wantOpenError(t, dir, fault.Conflict, "--server")
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("it took %v to say so", d)
	}
	wantOpenError(t, dir, fault.Conflict, "--server", ReadOnly)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	newStore(t, dir)
}

func TestReadersShareAFolderAndChangeNothing(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	wantOpenError(t, filepath.Join(dir, "none"), fault.Unavailable, "no store", ReadOnly)
	if _, err := os.Stat(filepath.Join(dir, "none")); err == nil {
		t.Error("opening for reading made a folder")
	}
	s := newStore(t, dir)
	entries := storetest.Entries(1000, 1)
	storetest.WriteLayer(t, s, "l", entries)
	if err := errors.Join(s.PutBlob(ctx, "b", strings.NewReader("x")), s.Commit(ctx, lists.Change{Key: "head", Value: []byte("x")}), s.Close()); err != nil {
		t.Fatal(err)
	}
	a, b := newStore(t, dir, ReadOnly), newStore(t, dir, ReadOnly)
	storetest.CheckLayer(t, a, "l", entries)
	storetest.CheckLayer(t, b, "l", entries)
	if err := a.Ping(ctx); err != nil {
		t.Errorf("Ping: %v", err)
	}
	_, err := a.CreateLayer(ctx, "m", 1)
	for what, err := range map[string]error{
		"Commit": a.Commit(ctx, lists.Change{Key: "list/a", Value: []byte("x")}), "CreateLayer": err, "DropLayer": a.DropLayer(ctx, "l"),
		"PutBlob": a.PutBlob(ctx, "c", strings.NewReader("x")), "DropBlob": a.DropBlob(ctx, "b"),
	} {
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestLostOrEmptiedDatabaseDoesNotBecomeANewStore(t *testing.T) {
	for what, lose := range map[string]func(string) error{
		"removed": os.Remove,
		"emptied": func(file string) error { return os.Truncate(file, 0) },
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			if err := errors.Join(newStore(t, dir).Close(), lose(filepath.Join(dir, fileDB))); err != nil {
				t.Fatal(err)
			}
			wantOpenError(t, dir, fault.Unavailable, "was in use")
		})
	}
}

// Changes in a file that the next process does not open would be acknowledged, and gone after a restart.
func TestReplacedDatabaseTakesNoChanges(t *testing.T) {
	dir := t.TempDir()
	s := newStore(t, dir)
	file := filepath.Join(dir, fileDB)
	put := func() error { return s.Commit(t.Context(), lists.Put("list/a", 1, lists.AnyRevision)) }
	if err := put(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file, file+".aside"); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"moved", "replaced"} {
		if what == "replaced" {
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for name, err := range map[string]error{"commit": put(), "ping": s.Ping(t.Context())} {
			if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "replaced while it was open") {
				t.Errorf("%s of a file that was %s: %v", name, what, err)
			}
		}
		if _, err := s.Get(t.Context(), "list/a"); err != nil {
			t.Errorf("reading a file that was %s: %v", what, err)
		}
	}
	if err := os.Rename(file+".aside", file); err != nil {
		t.Fatal(err)
	}
	if err := put(); err != nil {
		t.Errorf("after it was put back: %v", err)
	}
}

func TestForeignFilesAreRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantOpenError(t, file, fault.Unavailable, "not a directory")
	if err := os.WriteFile(filepath.Join(dir, fileDB), bytes.Repeat([]byte("no database "), 10_000), 0o600); err != nil {
		t.Fatal(err)
	}
	wantOpenError(t, dir, fault.Unavailable, "does not contain a store")
}

func TestNewerFormatIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := newStore(t, dir)
	err := s.update(context.Background(), func(tx *bbolt.Tx) error { return tx.Bucket(bucketStore).Put(keyFormat, []byte("2")) })
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	wantOpenError(t, dir, fault.Unavailable, "format")
}

func TestFolderThatCannotBeWrittenIsSaidPlainly(t *testing.T) {
	dir := t.TempDir()
	if err := newStore(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, fileDB), dir} {
		if err := os.Chmod(path, 0o500); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	asNobody(t, func() {
		wantOpenError(t, dir, fault.Unavailable, "permission denied")
		wantOpenError(t, filepath.Join(dir, "new"), fault.Unavailable, "permission denied")
	})
}

// asNobody runs f in a thread without root's right to write anywhere, which ends with it.
func asNobody(t *testing.T, f func()) {
	if os.Geteuid() != 0 {
		f()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread is not to be used again
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0); errno != 0 {
			t.Errorf("setfsuid: %v", errno)
			return
		}
		f()
	}()
	<-done
}

func TestFolderIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "data")
	s := newStore(t, dir)
	if err := s.PutBlob(context.Background(), "b", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, s.path(dirBlobs): 0o700, s.path(fileDB): 0o600, s.path(dirBlobs, "b"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode().Perm(), err, want)
		}
	}
}

// TestFullDisk limits the size of files, which fails writes as a full disk does.
func TestFullDiskIsUnavailableAndLeavesTheOldState(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	s := newStore(t, dir)
	entries := storetest.Entries(50_000, 1)
	storetest.WriteLayer(t, s, "l", entries)
	if err := errors.Join(s.Commit(ctx, lists.Change{Key: "head", Value: []byte("old")}), s.PutBlob(ctx, "b", strings.NewReader("old"))); err != nil {
		t.Fatal(err)
	}

	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	info, err := os.Stat(s.path(fileDB))
	if err != nil {
		t.Fatal(err)
	}
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	limit := old
	limit.Cur = uint64(info.Size()) + 1<<20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	lift := func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
			t.Error(err)
		}
	}
	defer lift()

	big := bytes.Repeat([]byte("x"), 8<<20)
	err = s.Commit(ctx, lists.Change{Key: "head", Value: big, Expect: lists.AnyRevision}, lists.Change{Key: "list/a", Value: big})
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("Commit: %v", err)
	}
	if err := s.PutBlob(ctx, "b", io.MultiReader(bytes.NewReader(big), bytes.NewReader(big))); !fault.Is(err, fault.Unavailable) {
		t.Errorf("PutBlob: %v", err)
	}
	more := storetest.Entries(300_000, 2)
	w, err := s.CreateLayer(ctx, "m", len(more))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range more {
		if err = w.Put(e); err != nil {
			break
		}
	}
	if !fault.Is(err, fault.Unavailable) || !fault.Is(w.Commit(), fault.Unavailable) {
		t.Errorf("the layer: %v", err)
	}
	if err := w.Abort(); err != nil {
		t.Errorf("Abort: %v", err)
	}

	check := func(s *Store) {
		t.Helper()
		storetest.CheckLayer(t, s, "l", entries)
		if d, err := s.Get(ctx, "head"); err != nil || string(d.Value) != "old" {
			t.Errorf("head: %.10q, %v", d.Value, err)
		}
		if _, err := s.Get(ctx, "list/a"); !fault.Is(err, fault.NotFound) {
			t.Errorf("half of a commit: %v", err)
		}
		r, err := s.OpenBlob(ctx, "b")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if b, err := io.ReadAll(r); err != nil || string(b) != "old" {
			t.Errorf("blob: %.10q, %v", b, err)
		}
		if files, err := os.ReadDir(s.path(dirBlobs)); err != nil || len(files) != 1 {
			t.Errorf("files of blobs: %v, %v", files, err)
		}
	}
	check(s)
	lift()
	if err := s.Commit(ctx, lists.Change{Key: "list/b", Value: []byte("x")}); err != nil {
		t.Errorf("a commit when there is room again: %v", err)
	}
	storetest.WriteLayer(t, s, "m", more[:20_000])
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = newStore(t, dir)
	check(s)
	storetest.CheckLayer(t, s, "m", more[:20_000])
}

func TestHalfWrittenBlobsAreClearedAway(t *testing.T) {
	dir := t.TempDir()
	s := newStore(t, dir)
	left := s.path(dirBlobs, blobTempMark+"123")
	if err := errors.Join(os.WriteFile(left, []byte("half"), 0o600), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = newStore(t, dir)
	if _, err := os.Stat(left); err == nil {
		t.Error("it is still there")
	}
	if names, err := s.Blobs(context.Background()); err != nil || len(names) != 0 {
		t.Errorf("blobs: %v, %v", names, err)
	}
}

func TestBlobsFolderThatIsGoneIsNotAbsence(t *testing.T) {
	s := newStore(t, t.TempDir())
	if err := os.RemoveAll(s.path(dirBlobs)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.OpenBlob(context.Background(), "b"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("OpenBlob: %v", err)
	}
}

// asks asks a store for all that sample wrote. Every answer must be the right one or fault.Unavailable.
func asks(t *testing.T, what string, s *Store, entries []lists.Entry) {
	t.Helper()
	ctx := context.Background()
	right := func(of string, err error, ok bool) {
		t.Helper()
		if err != nil && !fault.Is(err, fault.Unavailable) || err == nil && !ok {
			t.Errorf("%s: %s: wrong answer, or error %v", what, of, err)
		}
	}
	for i := 0; i < len(entries); i += 37 {
		found, err := s.Lookup(ctx, []lists.LayerKey{{Layer: "l", Key: entries[i].Key}})
		right("Lookup", err, err == nil && bytes.Equal(found[0], entries[i].Refs))
	}
	walks(t, what, s, entries)
	for i := range uint32(50) {
		records, err := s.Attributions(ctx, "l", []uint32{i})
		right("Attributions", err, err == nil && string(records[0]) == fmt.Sprint("record ", i))
		key := lists.DocVersion("a", int(i))
		d, err := s.Get(ctx, key)
		right("Get", err, err == nil && string(d.Value) == strings.Repeat(key, 20))
	}
	docs, err := s.Scan(ctx, "version/")
	right("Scan", err, len(docs) == 50)
}

// walks walks a layer, to all of its entries or to an error.
func walks(t *testing.T, what string, s *Store, entries []lists.Entry) {
	t.Helper()
	n := 0
	var last error
	for e, err := range s.Walk(context.Background(), "l") {
		if last = err; err == nil {
			if n >= len(entries) || e.Key != entries[n].Key || !bytes.Equal(e.Refs, entries[n].Refs) {
				t.Fatalf("%s: Walk: entry %d is wrong", what, n)
			}
			n++
		}
	}
	if last != nil && !fault.Is(last, fault.Unavailable) || last == nil && n != len(entries) {
		t.Errorf("%s: Walk: %d entries of %d, error %v", what, n, len(entries), last)
	}
}

// sample makes a small store and gives its database as bytes.
func sample(t *testing.T, dir string) ([]byte, []lists.Entry) {
	t.Helper()
	ctx := context.Background()
	s := newStore(t, dir)
	entries := storetest.Entries(3000, 1)
	w, err := s.CreateLayer(ctx, "l", len(entries))
	if err != nil {
		t.Fatal(err)
	}
	var changes []lists.Change
	for i := range uint32(50) {
		if err := w.PutAttribution(i, fmt.Append(nil, "record ", i)); err != nil {
			t.Fatal(err)
		}
		key := lists.DocVersion("a", int(i))
		changes = append(changes, lists.Change{Key: key, Value: []byte(strings.Repeat(key, 20))})
	}
	for _, e := range entries {
		if err := w.Put(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Commit(), s.Commit(ctx, changes...)); err != nil {
		t.Fatal(err)
	}
	// Two more commits: when the newest root of the tree is damaged, bbolt takes the one before, as after a crash.
	if err := errors.Join(s.Ping(ctx), s.Ping(ctx)); err != nil {
		t.Fatal(err)
	}
	asks(t, "undamaged", s, entries)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := os.ReadFile(filepath.Join(dir, fileDB))
	if err != nil {
		t.Fatal(err)
	}
	return db, entries
}

func TestDamagedLayerIsNamed(t *testing.T) {
	dir := t.TempDir()
	db, entries := sample(t, dir)
	at := bytes.Index(db, []byte(entries[1500].Key))
	if at < 0 {
		t.Fatal("the key is not in the file")
	}
	db[at] ^= 1
	if err := os.WriteFile(filepath.Join(dir, fileDB), db, 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStore(t, dir)
	err := lists.VerifyLayer(t.Context(), s, lists.Layer{ID: "l", Keys: len(entries)})
	var damaged *lists.DamagedError
	if !errors.As(err, &damaged) || damaged.Layer != "l" || !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
}

func TestDamagedDatabaseNeverGivesAWrongAnswer(t *testing.T) {
	dir := t.TempDir()
	db, entries := sample(t, dir)
	rounds := 300
	if os.Getenv("INTERDICT_LONG") != "" {
		rounds = 5000
	}
	opened := 0
	damaged := func(what string, b []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, fileDB), b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir)
		if err != nil {
			if !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s: Open: %v", what, err)
			}
			return
		}
		opened++
		asks(t, what, s, entries)
		_ = s.Commit(context.Background(), lists.Change{Key: "list/new", Value: []byte("x"), Expect: lists.AnyRevision})
		_ = s.Close()
	}
	r := rand.New(rand.NewPCG(1, 1))
	pages := len(db) / 4096
	for i := range rounds {
		b := slices.Clone(db)
		page := r.IntN(pages) * 4096
		switch i % 5 {
		case 0:
			at := r.IntN(len(b))
			b[at] ^= 1 << r.IntN(8)
			damaged(fmt.Sprintf("round %d: bit at %d", i, at), b)
		case 1: // in the head of a page or its first elements, where it hurts most
			at := page + r.IntN(64)
			b[at] ^= 1 << r.IntN(8)
			damaged(fmt.Sprintf("round %d: bit at %d", i, at), b)
		case 2:
			clear(b[page : page+4096])
			damaged(fmt.Sprintf("round %d: page %d is zero", i, page/4096), b)
		case 3:
			other := r.IntN(pages) * 4096
			copy(b[page:page+4096], b[other:other+4096])
			damaged(fmt.Sprintf("round %d: page %d holds page %d", i, page/4096, other/4096), b)
		case 4:
			damaged(fmt.Sprintf("round %d: cut at %d", i, page), b[:page])
		}
	}
	t.Logf("%d of %d damaged databases opened", opened, rounds)
}

func TestFileCutWhileOpenIsUnavailableNotACrash(t *testing.T) {
	dir := t.TempDir()
	db, entries := sample(t, dir)
	s := newStore(t, dir)
	if err := os.Truncate(s.path(fileDB), 8192); err != nil {
		t.Fatal(err)
	}
	asks(t, "cut", s, entries)
	if err := s.Commit(context.Background(), lists.Change{Key: "list/new", Value: []byte("x")}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Commit: %v", err)
	}
	_ = s.Close()
	if err := os.WriteFile(filepath.Join(dir, fileDB), db, 0o600); err != nil {
		t.Fatal(err)
	}
	asks(t, "restored", newStore(t, dir), entries)
}

func TestDescribe(t *testing.T) {
	for dir, want := range map[string]string{"data": "embedded store ./data", "./data": "embedded store ./data", "/var/lib/x": "embedded store /var/lib/x"} {
		if got := (&Store{dir: dir}).Describe(); got != want {
			t.Errorf("%s: %q", dir, got)
		}
	}
}

func TestBlockOutsideOfItsRangeIsDamage(t *testing.T) {
	// The tree leads a hash to the wrong block: the block is whole, but cannot speak for that hash.
	s := newStore(t, t.TempDir())
	entries := storetest.Entries(3000, 1)
	storetest.WriteLayer(t, s, "l", entries)
	err := s.update(context.Background(), func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketLayer("l"))
		c := b.Cursor()
		key, _ := c.Seek(binary.BigEndian.AppendUint64(nil, lists.Hash(entries[1500].Key)))
		return b.Delete(bytes.Clone(key))
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lookup(context.Background(), []lists.LayerKey{{Layer: "l", Key: entries[1500].Key}}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Lookup: %v", err)
	}
	walks(t, "a block is gone", s, entries)
}

func TestLostDocumentIsDamageNotAbsence(t *testing.T) {
	dir := t.TempDir()
	_, _ = sample(t, dir)
	s := newStore(t, dir)
	err := s.update(context.Background(), func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketDocuments).Delete([]byte(lists.DocVersion("a", 7)))
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	wantOpenError(t, dir, fault.Unavailable, "there are 49 documents instead of 50")
}

func TestWalkThatEndsWithFewerEntriesThanWereWrittenIsAnError(t *testing.T) {
	s := newStore(t, t.TempDir())
	entries := storetest.Entries(100, 1)
	storetest.WriteLayer(t, s, "l", entries)
	err := s.update(context.Background(), func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketLayer("l"))
		m, err := readMeta(b, "l")
		if err != nil {
			return err
		}
		m.keys++
		return b.Put(metaKey, m.encode("l"))
	})
	if err != nil {
		t.Fatal(err)
	}
	var last error
	for _, err := range s.Walk(context.Background(), "l") {
		last = err
	}
	if !fault.Is(last, fault.Unavailable) {
		t.Errorf("Walk: %v", last)
	}
}

func TestBlobCutWhileItIsReadIsNotTheEnd(t *testing.T) {
	ctx := context.Background()
	s := newStore(t, t.TempDir())
	if err := s.PutBlob(ctx, "b", bytes.NewReader(make([]byte, 100_000))); err != nil {
		t.Fatal(err)
	}
	r, err := s.OpenBlob(ctx, "b")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := os.Truncate(s.path(dirBlobs, "b"), 50_000); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, r); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%d bytes, then %v", n, err)
	}
}

func TestDatabaseCutShortSaysSo(t *testing.T) {
	dir := t.TempDir()
	db, _ := sample(t, dir)
	for _, opts := range [][]Option{nil, {ReadOnly}} {
		refused := 0
		for size := len(db) - 4096; size >= 2*4096; size -= 4096 {
			if err := os.WriteFile(filepath.Join(dir, fileDB), db[:size], 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := Open(dir, opts...)
			if err == nil {
				_ = s.Close() // bbolt makes its file longer than it needs
				continue
			}
			refused++
			if !fault.Is(err, fault.Unavailable) || opts != nil && !strings.Contains(err.Error(), "truncated") {
				t.Errorf("cut to %d bytes: %v", size, err)
			}
		}
		if refused < 10 {
			t.Errorf("%d files were refused", refused)
		}
	}
}

// TestPagesThatMakeNoTreeAreFound damages single pages in ways that would send bbolt in circles, or let it write
// over pages in use.
func TestPagesThatMakeNoTreeAreFound(t *testing.T) {
	dir := t.TempDir()
	db, _ := sample(t, dir)
	pagesOf := func(kind uint16) (pages []int) {
		for at := 2 * 4096; at < len(db); at += 4096 {
			if order64.Uint16(db[at+8:]) == kind && order64.Uint64(db[at:]) == uint64(at/4096) {
				pages = append(pages, at)
			}
		}
		return pages
	}
	for what, damage := range map[string]func(b []byte, at int){
		"it points to itself":         func(b []byte, at int) { order64.PutUint64(b[at+pageHead+8:], uint64(at/4096)) },
		"two point to one":            func(b []byte, at int) { copy(b[at+pageHead+8:at+pageHead+16], b[at+pageHead+24:]) },
		"it points out of the file":   func(b []byte, at int) { order64.PutUint64(b[at+pageHead+8:], 1<<40) },
		"it points to a root":         func(b []byte, at int) { order64.PutUint64(b[at+pageHead+8:], 1) },
		"its key lies out of it":      func(b []byte, at int) { order64.PutUint32(b[at+pageHead:], 1<<30) },
		"it is empty":                 func(b []byte, at int) { order64.PutUint16(b[at+10:], 0) },
		"it has too many elements":    func(b []byte, at int) { order64.PutUint16(b[at+10:], 5000) },
		"it is of no kind":            func(b []byte, at int) { order64.PutUint16(b[at+8:], 3) },
		"its overflow is beyond all":  func(b []byte, at int) { order64.PutUint32(b[at+12:], 1<<20) },
		"it says to be another":       func(b []byte, at int) { order64.PutUint64(b[at:], 2) },
		"it says to be a leaf's kind": func(b []byte, at int) { order64.PutUint16(b[at+8:], pageLeaf) },
	} {
		found := 0
		for _, at := range pagesOf(pageBranch) {
			b := slices.Clone(db)
			damage(b, at)
			if err := os.WriteFile(filepath.Join(dir, fileDB), b, 0o600); err != nil {
				t.Fatal(err)
			}
			if s, err := Open(dir); err == nil {
				_ = s.Close() // a page that is free holds what it held
			} else if found++; !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if found == 0 {
			t.Errorf("%s: not found", what)
		}
	}
	// The list of free pages names one that is in use.
	lists := pagesOf(pageFreelist)
	found := 0
	for _, at := range lists {
		for _, used := range pagesOf(pageBranch) {
			b := slices.Clone(db)
			order64.PutUint16(b[at+10:], 1)
			order64.PutUint64(b[at+pageHead:], uint64(used/4096))
			if err := verifyNewest(b); err != nil {
				found++
			}
		}
	}
	if found == 0 {
		t.Error("a page that is free and in use: not found")
	}
}

// verifyNewest verifies a database from its newest root.
func verifyNewest(db []byte) error {
	txid := max(order64.Uint64(db[pageHead+48:]), order64.Uint64(db[4096+pageHead+48:]))
	return verifyFile(bytes.NewReader(db), 4096, txid)
}
