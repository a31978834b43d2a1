package backup_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/backup"
	"interdict/lists/diskstore"
	"interdict/lists/fault"
	"interdict/lists/redisstore"
	"interdict/lists/storetest"
)

var made = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func clock() time.Time { return made }

func disk(t *testing.T) *diskstore.Store {
	t.Helper()
	s, err := diskstore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func commit(t *testing.T, s lists.Store, changes ...lists.Change) {
	t.Helper()
	if err := s.Commit(t.Context(), changes...); err != nil {
		t.Fatal(err)
	}
}

// layer writes a layer of n entries.
func layer(t *testing.T, s lists.Store, id string, n int) {
	t.Helper()
	w, err := s.CreateLayer(t.Context(), id, n)
	if err != nil {
		t.Fatal(err)
	}
	keys := make([]address.Key, n)
	for i := range keys {
		keys[i] = address.Key(fmt.Sprintf("key-%06d", i))
	}
	slices.SortFunc(keys, func(a, b address.Key) int {
		x, y := lists.Hash(a), lists.Hash(b)
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return strings.Compare(string(a), string(b))
	})
	for i, k := range keys {
		number := uint32(i % 7)
		if i < 7 {
			if err := w.PutAttribution(number, fmt.Appendf(nil, "attribution %d of %s", number, id)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Put(lists.Entry{Key: k, Refs: lists.AppendRef(nil, &lists.Ref{Attribution: number, Locator: uint64(i), HasLocator: true})}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

func blob(t *testing.T, s lists.Store, name string, b []byte) {
	t.Helper()
	if err := s.PutBlob(t.Context(), name, bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
}

// activate makes version n of a list with one layer the current generation.
func activate(t *testing.T, s lists.Store, n int, layers ...string) {
	t.Helper()
	var all []lists.Layer
	for _, id := range layers {
		all = append(all, lists.Layer{ID: id, Keys: 1000})
	}
	v := lists.Version{List: "deny", Number: n, State: lists.Activated, Layers: all}
	g := lists.Generation{Number: n, ID: fmt.Sprint("id-", n), Lists: []lists.Active{{Version: n, Layers: all}}}
	commit(t, s, lists.Put(lists.DocVersion("deny", n), v, lists.AnyRevision), lists.Put(lists.DocGeneration(n), g, lists.AnyRevision),
		lists.Put(lists.DocHead, g.Head(), lists.AnyRevision))
}

// filled is a store with documents, layers, and blobs of none to two parts.
func filled(t *testing.T) *diskstore.Store {
	t.Helper()
	s := disk(t)
	layer(t, s, "deny-1", 1000)
	large := make([]byte, 1<<20+12345)
	if _, err := rand.Read(large); err != nil {
		t.Fatal(err)
	}
	blob(t, s, lists.BlobSource("deny", "ab"), large)
	blob(t, s, lists.BlobFilter("deny-1"), []byte("filter"))
	blob(t, s, "case-1-empty", nil)
	activate(t, s, 1, "deny-1")
	cases := make([]lists.Change, 300)
	for i := range cases {
		cases[i] = lists.Put(lists.DocCase(fmt.Sprint("c", i)), map[string]int{"n": i}, 0)
	}
	commit(t, s, cases...)
	commit(t, s, lists.Put(lists.DocSession("secret"), 1, 0), lists.Put(lists.DocLease("task"), 1, 0), lists.Put(lists.DocReplica("r"), 1, 0),
		lists.Put(lists.DocPepper, "pepper", 0), lists.Put(lists.DocUse("k"), 1, 0))
	return s
}

// content is everything in a store.
func content(t *testing.T, s lists.Store) map[string]string {
	t.Helper()
	ctx, out := t.Context(), map[string]string{}
	docs, err := s.Scan(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range docs {
		out["doc "+d.Key] = string(d.Value)
	}
	names, err := s.Blobs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		r, err := s.OpenBlob(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
		out["blob "+name] = string(b)
	}
	layers, err := s.Layers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for id := range layers {
		var b strings.Builder
		err := lists.ReadLayer(ctx, s, id, func(entries []lists.Entry, numbers []uint32, records [][]byte) error {
			fmt.Fprintf(&b, "%q %d %q\n", entries, numbers, records)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		out["layer "+id] = b.String()
	}
	return out
}

// kept is content without what a backup leaves out.
func kept(t *testing.T, s lists.Store) map[string]string {
	t.Helper()
	out := content(t, s)
	for _, key := range []string{lists.DocSession("secret"), lists.DocLease("task"), lists.DocReplica("r")} {
		delete(out, "doc "+key)
	}
	return out
}

var recordFiles = map[string]string{"keys/signing.keys": "secret", "proof/id": "id", "journal-1.log": strings.Repeat("record ", 1000)}

func folder(context.Context) iter.Seq2[backup.RecordFile, error] {
	return func(yield func(backup.RecordFile, error) bool) {
		for _, path := range []string{"keys/signing.keys", "proof/id", "journal-1.log"} {
			if !yield(backup.RecordFile{Path: path, Body: strings.NewReader(recordFiles[path])}, nil) {
				return
			}
		}
	}
}

// restored is a record that is restored into memory.
type restored map[string]string

func (r restored) Put(path string, body io.Reader) error {
	b, err := io.ReadAll(body)
	r[path] = string(b)
	return err
}
func (restored) Commit() error { return nil }
func (restored) End() error    { return nil }

func write(t *testing.T, s lists.Store) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := backup.Write(t.Context(), &b, backup.Source{Store: s, Record: folder, Program: "v1.2.3", Now: clock}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func restore(t *testing.T, b []byte, to lists.Store) {
	t.Helper()
	m, _, err := backup.Verify(t.Context(), bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	record := restored{}
	if err := backup.Restore(t.Context(), bytes.NewReader(b), m, backup.Target{Store: to, Record: record}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(restored(recordFiles), record); d != "" {
		t.Errorf("the record (-was +is): %s", d)
	}
}

func TestEverythingComesBackInEitherKindOfStore(t *testing.T) {
	s := filled(t)
	want := kept(t, s)
	b := write(t, s)
	redis, err := redisstore.Open(t.Context(), storetest.StartRedis(t), redisstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer redis.Close()
	restore(t, b, redis)
	if d := cmp.Diff(want, kept(t, redis)); d != "" {
		t.Errorf("in Redis: %s", d)
	}
	again := disk(t)
	restore(t, write(t, redis), again)
	if d := cmp.Diff(want, kept(t, again)); d != "" {
		t.Errorf("from Redis in the embedded store: %s", d)
	}
	_, sum, err := backup.Verify(t.Context(), bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	sum.Bytes, sum.SHA256, sum.Store = 0, "", ""
	if d := cmp.Diff(backup.Summary{Header: backup.Header{Format: 1, Created: made, Program: "v1.2.3"}, Generation: 1, Documents: 305, Layers: 1, Blobs: 3, Record: 3}, sum); d != "" {
		t.Error(d)
	}
}

// A file that is cut anywhere, or has a byte changed anywhere, is refused before anything is written. A byte of zstd may say the same in another
// way, such as how much memory it needs.
func TestADamagedBackupIsRefused(t *testing.T) {
	b := write(t, filled(t))
	_, whole, err := backup.Verify(t.Context(), bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	step := len(b)/60 + 1
	positions := []int{0, 1, 5, len(b) - 1, len(b) - 2, len(b) - 9}
	for i := step; i < len(b); i += step {
		positions = append(positions, i)
	}
	for _, at := range positions {
		flipped := bytes.Clone(b)
		flipped[at] ^= 0x10
		for what, damaged := range map[string][]byte{"cut": b[:at], "flipped": flipped} {
			_, sum, err := backup.Verify(t.Context(), bytes.NewReader(damaged))
			if err == nil && what == "flipped" && sum == whole {
				continue
			}
			if err == nil || !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Invalid) {
				t.Fatalf("%s at byte %d of %d: %v", what, at, len(b), err)
			}
			if fault.Is(err, fault.Conflict) && !strings.Contains(err.Error(), "entry ") {
				t.Errorf("%s at byte %d: the error does not name the entry: %v", what, at, err)
			}
		}
	}
	if _, _, err := backup.Verify(t.Context(), bytes.NewReader(append(bytes.Clone(b), b...))); err == nil {
		t.Error("two backups in one file are accepted")
	}
}

// altered is a backup with some entries replaced or left out.
func altered(t *testing.T, b []byte, change func(name string, body []byte) []byte) []byte {
	t.Helper()
	in, err := zstd.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out bytes.Buffer
	enc, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	from, to := tar.NewReader(in), tar.NewWriter(enc)
	for {
		h, err := from.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(from)
		if err != nil {
			t.Fatal(err)
		}
		if body = change(h.Name, body); body == nil {
			continue
		}
		h.Size = int64(len(body))
		if err := to.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := to.Write(body); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(to.Close(), enc.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestABackupOfANewerFormatOrWithSomethingElseInItIsRefused(t *testing.T) {
	b := write(t, filled(t))
	manifest := func(f func(*backup.Manifest)) func(string, []byte) []byte {
		return func(name string, body []byte) []byte {
			if name != "manifest.json" {
				return body
			}
			var m backup.Manifest
			if err := json.Unmarshal(body, &m); err != nil {
				t.Fatal(err)
			}
			f(&m)
			body, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			return body
		}
	}
	rename := func(to string) func(*backup.Manifest) {
		return func(m *backup.Manifest) {
			for i := range m.Items {
				if m.Items[i].Name == "proof/id" {
					m.Items[i].Name = to
				}
			}
		}
	}
	for what, x := range map[string]struct {
		change func(string, []byte) []byte
		want   string
	}{
		"a newer format": {func(name string, body []byte) []byte {
			if name == "interdict-backup.json" {
				return bytes.Replace(body, []byte(`"format":1`), []byte(`"format":2`), 1)
			}
			return body
		}, "its format is 2, and this version of interdict reads up to 1"},
		"no manifest": {func(name string, body []byte) []byte {
			if name == "manifest.json" {
				return nil
			}
			return body
		}, "truncated"},
		"no layer": {func(name string, body []byte) []byte {
			if strings.HasPrefix(name, "layers/") {
				return nil
			}
			return body
		}, "entry layers/deny-1: it is missing"},
		"no second part": {func(name string, body []byte) []byte {
			if strings.HasPrefix(name, "blobs/source-") && strings.HasSuffix(name, "/000000") {
				return nil
			}
			return body
		}, "a part before it is missing"},
		"a layer that is not in the manifest": {manifest(func(m *backup.Manifest) {
			m.Items = slices.DeleteFunc(m.Items, func(i backup.Item) bool { return i.Kind == backup.Layer })
		}), "they name layer deny-1"},
		"another source": {func(name string, body []byte) []byte {
			if name == "blobs/source-deny-ab/000000" {
				body[7] ^= 1
			}
			return body
		}, "damaged at entry blobs/source-deny-ab"},
		"a path that leaves the folder": {manifest(rename("../id")), "not known"},
		"an absolute path":              {manifest(rename("/etc/passwd")), "not known"},
		"an unknown kind":               {manifest(func(m *backup.Manifest) { m.Items[0].Kind = "index" }), `kind "index"`},
	} {
		if _, _, err := backup.Verify(t.Context(), bytes.NewReader(altered(t, b, x.change))); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, _, err := backup.Verify(t.Context(), strings.NewReader("something else")); !fault.Is(err, fault.Invalid) {
		t.Errorf("something else: %v", err)
	}
}

func TestOnlyAnEmptyStoreIsRestoredInto(t *testing.T) {
	b := write(t, filled(t))
	m, _, err := backup.Verify(t.Context(), bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	to := disk(t)
	commit(t, to, lists.Put(lists.DocPepper, "other", 0))
	before := content(t, to)
	err = backup.Restore(t.Context(), bytes.NewReader(b), m, backup.Target{Store: to})
	if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "is not empty: it has document pepper") {
		t.Errorf("%v", err)
	}
	if d := cmp.Diff(before, content(t, to)); d != "" {
		t.Errorf("it was changed: %s", d)
	}
	fresh := disk(t) // with what servers note while they wait for a store that was lost
	commit(t, fresh, lists.Put(lists.DocReplica("x"), 1, 0), lists.Put(lists.DocStoreID, "other", 0), lists.Put(lists.DocUse("k"), 2, 0))
	restore(t, b, fresh)
}

// A restore that ends in the middle leaves a store that answers nothing, and can be begun again.
func TestARestoreThatWasInterruptedIsBegunAgain(t *testing.T) {
	s := filled(t)
	b := write(t, s)
	m, _, err := backup.Verify(t.Context(), bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	to := disk(t)
	for _, share := range []int{4, 2} {
		in := io.LimitReader(bytes.NewReader(b), int64(len(b)-len(b)/share))
		if err := backup.Restore(t.Context(), in, m, backup.Target{Store: to}); err == nil {
			t.Fatal("a part of a backup was restored")
		}
		if _, err := to.Get(t.Context(), lists.DocHead); !fault.Is(err, fault.NotFound) {
			t.Fatalf("the store has a current generation: %v", err)
		}
		if err := backup.Unfinished(t.Context(), to); !fault.Is(err, fault.Conflict) {
			t.Fatalf("the store can be worked with: %v", err)
		}
	}
	restore(t, b, to)
	if err := backup.Unfinished(t.Context(), to); err != nil {
		t.Errorf("after the restore: %v", err)
	}
	if d := cmp.Diff(kept(t, s), kept(t, to)); d != "" {
		t.Error(d)
	}
}

// moving is a store whose list is activated anew while it is read: the layer of the old version is dropped.
type moving struct {
	lists.Store
	reads int
	move  func(n int)
}

func (m *moving) Walk(ctx context.Context, id string) iter.Seq2[lists.Entry, error] {
	return func(yield func(lists.Entry, error) bool) {
		n := 0
		for e, err := range m.Store.Walk(ctx, id) {
			if n++; n == 500 {
				m.reads++
				m.move(m.reads)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func TestABackupFollowsAStoreThatChanges(t *testing.T) {
	redis, err := redisstore.Open(t.Context(), storetest.StartRedis(t), redisstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer redis.Close()
	layer(t, redis, "deny-1", 1000)
	activate(t, redis, 1, "deny-1")
	m := &moving{Store: redis}
	m.move = func(n int) {
		if n > 3 {
			return
		}
		id := fmt.Sprint("deny-", n+1)
		layer(t, redis, id, 1000)
		activate(t, redis, n+1, id)
		commit(t, redis, lists.Put(lists.DocVersion("deny", n), lists.Version{List: "deny", Number: n, State: lists.Superseded, Forgotten: true}, lists.AnyRevision))
		if err := redis.DropLayer(t.Context(), fmt.Sprint("deny-", n)); err != nil {
			t.Fatal(err)
		}
	}
	b := write(t, m)
	if m.reads < 4 {
		t.Errorf("the layers were read %d times", m.reads)
	}
	to := disk(t)
	restore(t, b, to)
	if d := cmp.Diff(kept(t, redis), kept(t, to)); d != "" {
		t.Error(d)
	}

	m.move = func(int) {}
	if err := redis.DropLayer(t.Context(), "deny-4"); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Write(t.Context(), io.Discard, backup.Source{Store: m, Now: clock}); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "deny-4") {
		t.Errorf("a store without a layer that it needs: %v", err)
	}
}

func TestAnEncryptedBackupIsReadWithItsSecretOnly(t *testing.T) {
	b := write(t, filled(t))
	whole := func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "backup")
	sum, err := backup.Create(t.Context(), path, backup.Secrets{Recipients: []string{id.Recipient().String()}}, whole)
	if err != nil {
		t.Fatal(err)
	}
	_, read, err := backup.File{Path: path, Secrets: backup.Secrets{Identities: id.String()}}.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(sum, read); d != "" {
		t.Error(d)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for what, s := range map[string]backup.Secrets{"no secret": {}, "another key": {Identities: other.String()}, "a passphrase": {Passphrase: "a passphrase"}} {
		if _, _, err := (backup.File{Path: path, Secrets: s}).Verify(t.Context()); !fault.Is(err, fault.Unauthorized) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, _, err := (backup.File{Path: path, Secrets: backup.Secrets{Identities: "AGE-SECRET-KEY-1WRONG"}}).Verify(t.Context()); !fault.Is(err, fault.Usage) || strings.Contains(err.Error(), "WRONG") {
		t.Errorf("a key with a mistake: %v", err)
	}
	sealed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sealed[len(sealed)/2] ^= 1
	if err := os.WriteFile(path, sealed, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := (backup.File{Path: path, Secrets: backup.Secrets{Identities: id.String()}}).Verify(t.Context()); !fault.Is(err, fault.Conflict) {
		t.Errorf("with a byte changed: %v", err)
	}
}

// What breaks off leaves no file.
func TestABackupThatFailsLeavesNoFile(t *testing.T) {
	b := write(t, filled(t))
	broken := errors.New("the connection broke off")
	for what, f := range map[string]func(io.Writer) error{
		"an error": func(w io.Writer) error {
			_, _ = w.Write(b[:len(b)/2])
			return broken
		},
		"an end without a manifest": func(w io.Writer) error {
			_, err := w.Write(b[:len(b)/2])
			return err
		},
		"something else": func(w io.Writer) error {
			_, err := io.WriteString(w, "<html>")
			return err
		},
	} {
		dir := t.TempDir()
		if _, err := backup.Create(t.Context(), filepath.Join(dir, "backup"), backup.Secrets{}, f); err == nil {
			t.Errorf("%s: no error", what)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: %v is left, %v", what, left, err)
		}
	}
}
