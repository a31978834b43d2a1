// Package vaulttest has the tests that a bucket of the archive passes, and the archive in it: against a folder, and against a real S3 server.
package vaulttest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"interdict/lists/fault"
	"interdict/screening/archive/vault"
	"interdict/screening/journal"
	"interdict/screening/journal/proof"
)

// Target is a bucket that is empty.
type Target struct {
	Address string
	Options vault.BucketOptions
	Path    func(object string) string // of the file that has the bytes of an object, to be damaged
	Locks   bool                       // the bucket has Object Lock
}

// Run runs all tests, each with a bucket of its own.
func Run(t *testing.T, open func(t *testing.T) Target) {
	for name, test := range map[string]func(t *testing.T, target Target){
		"an object is created once":                          createOnce,
		"an object is replaced":                              replaceObject,
		"all records are found after they were dropped":      roundTrip,
		"a writer that is alive":                             liveWriter,
		"damage in the bucket is named":                      damage,
		"other bytes are never overwritten":                  conflict,
		"damaged segments are not archived":                  damagedHere,
		"two archives at once":                               twoAtOnce,
		"of many that create an object one does":             oneCreates,
		"a segment that nothing knows of is missed":          gap,
		"records of other servers are read":                  otherServers,
		"records are deleted after the retention":            expire,
		"nothing is lost when the archive is killed":         killed,
		"the cache is bounded":                               boundedCache,
		"a segment that is missing in the bucket comes back": heals,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// OpenBucket opens the bucket until the end of the test.
func (target Target) OpenBucket(t testing.TB) vault.Bucket {
	t.Helper()
	b, err := vault.OpenBucket(context.Background(), target.Address, target.Options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// Folder is a journal with its proof logs.
type Folder struct {
	Dir  string
	Logs string
	Keys *proof.Keys
}

// NewFolder returns a folder for a journal, which is empty.
func NewFolder(t testing.TB) Folder {
	t.Helper()
	dir := t.TempDir()
	keys, err := proof.OpenKeys(filepath.Join(dir, "keys"), "exchange.example", time.Now)
	must(t, err)
	f := Folder{Dir: filepath.Join(dir, "journal"), Logs: filepath.Join(dir, "proof"), Keys: keys}
	must(t, os.MkdirAll(f.Dir, 0o700))
	return f
}

// Options returns the options of a vault for the folder.
func (f Folder) Options(t testing.TB) vault.Options {
	return vault.Options{
		Dir: f.Dir, Cache: t.TempDir(), Keys: f.Keys.VKeys,
		Log: func(writer uuid.UUID) string {
			dir := filepath.Join(f.Logs, writer.String())
			if _, err := os.Stat(dir); err != nil {
				return ""
			}
			return dir
		},
	}
}

// Vault opens the archive of the folder until the end of the test.
func (target Target) Vault(t testing.TB, opts vault.Options) *vault.Vault {
	t.Helper()
	b, err := vault.OpenBucket(context.Background(), target.Address, target.Options)
	must(t, err)
	v, err := vault.New(b, opts)
	must(t, err)
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return v
}

// Start is the time of the first record of Write. The others follow by the second.
var Start = time.Date(2025, 11, 19, 16, 20, 7, 113_000_000, time.UTC)

// Write writes records with a new writer: n small ones, and then large ones, two of which fill a segment.
func (f Folder) Write(t testing.TB, n, large int) (writer uuid.UUID) {
	t.Helper()
	j := f.Open(t)
	f.Append(t, j, Start, n, large)
	must(t, j.Close())
	return j.Writer()
}

// Open opens a journal with small segments. The caller closes it.
func (f Folder) Open(t testing.TB) *journal.Journal {
	t.Helper()
	j, err := journal.Open(f.Dir, journal.Options{SegmentBytes: journal.MinSegmentBytes})
	must(t, err)
	return j
}

// Append appends records as Write does.
func (f Folder) Append(t testing.TB, j *journal.Journal, at time.Time, n, large int) {
	t.Helper()
	for i := range n + large {
		id := uuid.Must(uuid.NewV7())
		at := at.Add(time.Duration(i) * time.Second)
		ms := at.UnixMilli()
		for k := range 6 {
			id[k] = byte(ms >> (40 - 8*k)) //nolint:gosec // the bytes of a UUIDv7
		}
		payload := fmt.Appendf(nil, `{"check_id":%q,"n":%d}`, id, i)
		if i >= n {
			payload = append(payload, bytes.Repeat([]byte{byte('a' + i%26)}, 500<<10)...)
		}
		must(t, j.AppendBatch([]journal.Entry{{Kind: journal.Check, ID: id, Time: at, Payload: payload}}, i == n+large-1))
	}
}

// WriteRandom writes records that cannot be compressed, with a new writer.
func (f Folder) WriteRandom(t testing.TB, n, size int) {
	t.Helper()
	j := f.Open(t)
	for range n {
		payload := make([]byte, size)
		rand.Read(payload) // never fails
		must(t, j.Append(journal.Check, Start, payload, true))
	}
	must(t, j.Close())
}

// Prove writes the proof log of a writer that is closed.
func (f Folder) Prove(t testing.TB, writer uuid.UUID) {
	t.Helper()
	l, err := proof.Open(filepath.Join(f.Logs, writer.String()), "exchange.example/"+writer.String(), f.Keys, func(from uint64) iter.Seq2[[]byte, error] {
		return vault.Canonical(journal.ReadFrom(context.Background(), f.Dir, writer, from))
	}, proof.Options{Interval: -1})
	must(t, err)
	must(t, l.Close())
}

// Sum is what has to stay of a record, wherever it is.
type Sum [sha256.Size]byte

// Records returns the digests of the canonical forms of records, and the errors in between.
func Records(records iter.Seq2[journal.Record, error]) (sums []Sum, errs []error) {
	for r, err := range records {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		sums = append(sums, sha256.Sum256(r.Bytes()))
	}
	return sums, errs
}

// All returns the records in the folder, which has to be complete, by writer.
func (f Folder) All(t testing.TB) map[uuid.UUID][]Sum {
	t.Helper()
	all := map[uuid.UUID][]Sum{}
	for r, err := range journal.Read(context.Background(), f.Dir) {
		must(t, err)
		all[r.Writer] = append(all[r.Writer], sha256.Sum256(r.Bytes()))
	}
	return all
}

// Same fails if the vault does not have exactly these records.
func Same(t testing.TB, v *vault.Vault, want map[uuid.UUID][]Sum) {
	t.Helper()
	for writer, sums := range want {
		got, errs := Records(v.ReadFrom(context.Background(), writer, 1))
		if len(errs) > 0 || !slices.Equal(got, sums) {
			t.Errorf("writer %s: %d records, want %d; errors %v", writer, len(got), len(sums), errs)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func archive(t testing.TB, v *vault.Vault) vault.Report {
	t.Helper()
	r, err := v.Archive(context.Background())
	must(t, err)
	return r
}

// tomorrow is later than all records that tests write.
var tomorrow = time.Now().Add(24 * time.Hour)

func drop(t testing.TB, v *vault.Vault) vault.Dropped {
	t.Helper()
	d, err := v.DropLocal(context.Background(), tomorrow, nil)
	must(t, err)
	return d
}

// replaceObject replaces an object, and creates one.
func replaceObject(t *testing.T, target Target) {
	b := target.OpenBucket(t)
	for _, text := range []string{"first", "the second one is longer", ""} {
		if err := b.Replace(t.Context(), "v1/state", []byte(text)); err != nil {
			t.Fatal(err)
		}
		r, err := b.Open(t.Context(), "v1/state")
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || string(got) != text {
			t.Errorf("%q, %v instead of %q", got, err, text)
		}
	}
}

func createOnce(t *testing.T, target Target) {
	b := target.OpenBucket(t)
	ctx := context.Background()
	put := func(name, body, summed string) (bool, error) {
		return b.Create(ctx, name, strings.NewReader(body), int64(len(body)), sha256.Sum256([]byte(summed)), time.Time{})
	}
	if _, err := b.Stat(ctx, "a/b"); !fault.Is(err, fault.NotFound) {
		t.Errorf("Stat of nothing: %v", err)
	}
	if _, err := put("a/b", "other bytes", "bytes"); !fault.Is(err, fault.Conflict) {
		t.Errorf("Create with a wrong digest: %v", err)
	}
	if _, err := b.Open(ctx, "a/b"); !fault.Is(err, fault.NotFound) {
		t.Errorf("Open of nothing: %v", err)
	}
	for i, body := range []string{"bytes", "bytes", "other"} {
		if created, err := put("a/b", body, body); err != nil || created != (i == 0) {
			t.Errorf("Create %d: %v, %v", i, created, err)
		}
	}
	if created, err := put("a/empty", "", ""); err != nil || !created {
		t.Errorf("Create of nothing: %v, %v", created, err)
	}
	if got, err := os.ReadFile(target.Path("a/b")); err != nil || string(got) != "bytes" {
		t.Errorf("stored %q, %v", got, err)
	}
	if _, err := put("ab/c", "bytes", "bytes"); err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int64{}
	for o, err := range b.List(ctx, "a/") {
		must(t, err)
		sizes[o.Name] = o.Bytes
	}
	if diff := cmp.Diff(map[string]int64{"a/b": 5, "a/empty": 0}, sizes); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	for range 2 {
		if err := b.Remove(ctx, "a/b"); err != nil {
			t.Errorf("Remove: %v", err)
		}
	}
	if _, err := b.Stat(ctx, "a/b"); !fault.Is(err, fault.NotFound) {
		t.Errorf("Stat of what was removed: %v", err)
	}
}

func oneCreates(t *testing.T, target Target) {
	b := target.OpenBucket(t)
	for round := range 5 {
		name := fmt.Sprintf("round/%d", round)
		winners := make(chan string, 8)
		var wait sync.WaitGroup
		for i := range 8 {
			wait.Go(func() {
				body := strings.Repeat(fmt.Sprint(i), 1<<16)
				created, err := b.Create(context.Background(), name, strings.NewReader(body), int64(len(body)), sha256.Sum256([]byte(body)), time.Time{})
				if err != nil && !fault.Is(err, fault.Unavailable) { // S3 may refuse one of two requests for the same object
					t.Error(err)
				}
				if created {
					winners <- body
				}
			})
		}
		wait.Wait()
		close(winners)
		body := <-winners
		if got, err := os.ReadFile(target.Path(name)); err != nil || string(got) != body || len(winners) > 0 {
			t.Errorf("%d more created the object; it has %d bytes, %v", len(winners), len(got), err)
		}
	}
}

// gap removes all traces of a segment between two others.
func gap(t *testing.T, target Target) {
	f := NewFolder(t)
	writer := f.Write(t, 0, 8)
	archive(t, target.Vault(t, f.Options(t)))
	b := target.OpenBucket(t)
	for _, part := range []string{"/segments/", "/manifests/"} {
		must(t, os.Remove(target.Path(objects(t, b, writer.String()+part)[1])))
	}
	v := target.Vault(t, vault.Options{Cache: t.TempDir()}) // without the folder
	sums, errs := Records(v.ReadFrom(context.Background(), writer, 1))
	var d *journal.DamageError
	if len(sums) != 6 || len(errs) != 1 || !errors.As(errs[0], &d) || d.First != 3 || d.Missing != 2 || !strings.Contains(d.Reason, target.Address[:5]) {
		t.Errorf("%d records, %v", len(sums), errs)
	}
}

func roundTrip(t *testing.T, target Target) {
	f := NewFolder(t)
	first, second := f.Write(t, 700, 6), f.Write(t, 3, 0)
	f.Prove(t, first)
	f.Prove(t, second)
	want := f.All(t)
	ids := idsOf(t, f.Dir)
	v := target.Vault(t, f.Options(t))
	ctx := context.Background()

	r := archive(t, v)
	if r.Segments < 4 || r.Present != 0 || r.LogFiles < 2+1+2+2+2 || r.Skipped != nil {
		t.Errorf("report %+v", r)
	}
	Same(t, v, want)
	if again := archive(t, v); again.Segments != 0 || again.Present != r.Segments || again.LogFiles != 0 {
		t.Errorf("second report %+v", again)
	}
	if again := archive(t, target.Vault(t, f.Options(t))); again.Segments != 0 || again.LogFiles != 0 {
		t.Errorf("report of another process %+v", again)
	}
	if d := drop(t, v); len(d.Segments) != r.Segments || d.Kept != nil {
		t.Errorf("dropped %+v", d)
	}
	sums, errs := Records(journal.Read(ctx, f.Dir))
	if len(sums) != 0 || len(errs) != r.Segments || !errors.As(errors.Join(errs...), new(*journal.ArchivedError)) {
		t.Errorf("the folder has %d records, %v", len(sums), errs)
	}
	Same(t, v, want)
	for _, id := range []uuid.UUID{ids[0], ids[500], ids[len(ids)-1]} {
		if r, err := v.Find(ctx, id); err != nil || r.ID != id {
			t.Errorf("Find: %v", err)
		}
		if _, err := journal.Find(ctx, f.Dir, id); !errors.As(err, new(*journal.ArchivedError)) {
			t.Errorf("journal.Find: %v", err)
		}
	}
	if _, err := v.Find(ctx, uuid.Must(uuid.NewV7())); !fault.Is(err, fault.NotFound) {
		t.Errorf("Find of nothing: %v", err)
	}
	sums, errs = Records(v.Range(ctx, Start.Add(100*time.Second), Start.Add(200*time.Second)))
	if len(errs) > 0 || !slices.Equal(sums, want[first][100:200]) {
		t.Errorf("Range: %d records, %v", len(sums), errs)
	}
	if sums, errs = Records(v.ReadFrom(ctx, first, 650)); len(errs) > 0 || !slices.Equal(sums, want[first][649:]) {
		t.Errorf("ReadFrom: %d records, %v", len(sums), errs)
	}
	writers, err := v.Writers(ctx)
	if err != nil || len(writers) != 2 || writers[0].ID != first || writers[0].Local != 0 || writers[0].Segments+writers[1].Segments != r.Segments {
		t.Errorf("writers %+v, %v", writers, err)
	}
	for writer, sums := range want {
		restored(t, v, writer, sums)
	}
}

// restored restores a writer, and verifies its log with the keys from the bucket.
func restored(t *testing.T, v *vault.Vault, writer uuid.UUID, want []Sum) {
	t.Helper()
	ctx := context.Background()
	r, err := v.Restore(ctx, writer, filepath.Join(t.TempDir(), "new"))
	must(t, err)
	sums, errs := Records(journal.Read(ctx, r.Journal))
	if len(errs) > 0 || !slices.Equal(sums, want) || r.Last != uint64(len(want)) {
		t.Errorf("restored %d records of %d, %v", len(sums), len(want), errs)
	}
	report, err := proof.Verify(ctx, r.Log, vault.Canonical(journal.ReadFrom(ctx, r.Journal, writer, 1)), proof.VerifyOptions{VKeys: r.Keys, Closed: true}, r.Checkpoints...)
	if err != nil || len(report.Findings) > 0 || report.Covered != uint64(len(want)) || report.Elsewhere < 2 {
		t.Errorf("report %+v, %v", report, err)
	}
}

func idsOf(t testing.TB, dir string) (ids []uuid.UUID) {
	t.Helper()
	for r, err := range journal.Read(context.Background(), dir) {
		must(t, err)
		ids = append(ids, r.ID)
	}
	return ids
}

func liveWriter(t *testing.T, target Target) {
	f := NewFolder(t)
	j := f.Open(t)
	closed := false
	defer func() {
		if !closed {
			must(t, j.Close())
		}
	}()
	f.Append(t, j, Start, 10, 5)
	sealed := func(n int) {
		eventually(t, "sealing", func() bool {
			segments, err := journal.List(f.Dir)
			must(t, err)
			count := 0
			for _, s := range segments {
				if s.Sealed && !s.Raw {
					count++
				}
			}
			return count >= n
		})
	}
	sealed(2)
	opts := f.Options(t)
	v := target.Vault(t, opts)
	r := archive(t, v)
	if r.Segments < 2 || r.Waiting == 0 {
		t.Errorf("report %+v", r)
	}
	want := f.All(t)
	if d := drop(t, v); len(d.Segments) != r.Segments {
		t.Errorf("dropped %+v", d)
	}
	Same(t, v, want)
	f.Append(t, j, Start.Add(time.Hour), 10, 2)
	// the proof of these begins with records that are in the bucket
	log := filepath.Join(f.Logs, j.Writer().String())
	l, err := proof.Open(log, "exchange.example/"+j.Writer().String(), f.Keys, func(from uint64) iter.Seq2[[]byte, error] {
		return vault.Canonical(v.ReadFrom(context.Background(), j.Writer(), from))
	}, proof.Options{Interval: -1})
	must(t, err)
	_, err = l.Checkpoint(context.Background())
	must(t, err)
	covered := l.Size()
	sealed(3)
	must(t, l.Close())
	archive(t, v)
	d := drop(t, v)
	must(t, j.Close())
	closed = true
	archive(t, v)

	all, errs := Records(v.ReadFrom(context.Background(), j.Writer(), 1))
	if len(errs) > 0 || len(all) != 27 || covered != 27 {
		t.Errorf("%d records, %v; dropped %+v", len(all), errs, d)
	}
	restored(t, v, j.Writer(), all)
}

func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still waiting: %s", what)
		}
	}
}

// objects returns the names of the segments and manifests in the bucket.
func objects(t testing.TB, b vault.Bucket, part string) (names []string) {
	t.Helper()
	for o, err := range b.List(context.Background(), "") {
		must(t, err)
		if strings.Contains(o.Name, part) {
			names = append(names, o.Name)
		}
	}
	slices.Sort(names)
	return names
}

func damage(t *testing.T, target Target) {
	for name, c := range map[string]struct {
		part string
		harm func(t *testing.T, path string)
		want string
	}{
		"cut off":          {"/segments/", func(t *testing.T, path string) { must(t, os.Truncate(path, 300)) }, "cut off"},
		"flipped":          {"/segments/", func(t *testing.T, path string) { flip(t, path, 200) }, "changed"},
		"longer":           {"/segments/", func(t *testing.T, path string) { lengthen(t, path) }, "changed"},
		"deleted":          {"/segments/", func(t *testing.T, path string) { must(t, os.Remove(path)) }, "missing in the bucket"},
		"manifest flipped": {"/manifests/", func(t *testing.T, path string) { flip(t, path, 30) }, "manifest"},
		"manifest deleted": {"/manifests/", func(t *testing.T, path string) { must(t, os.Remove(path)) }, "manifest"},
		"both deleted": {"/segments/", func(t *testing.T, path string) {
			must(t, os.RemoveAll(filepath.Dir(path)))
			must(t, os.RemoveAll(filepath.Join(filepath.Dir(filepath.Dir(path)), "manifests")))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := NewFolder(t)
			ctx := context.Background()
			harm := func(writer uuid.UUID) (segment string) {
				b := target.OpenBucket(t)
				segment = objects(t, b, writer.String()+"/segments/")[0]
				c.harm(t, target.Path(objects(t, b, writer.String()+c.part)[0]))
				return strings.TrimSuffix(filepath.Base(segment), ".zst")
			}

			// the only good copy is not dropped
			kept := f.Write(t, 20, 0)
			want := f.All(t)
			archive(t, target.Vault(t, f.Options(t)))
			harm(kept)
			v := target.Vault(t, f.Options(t))
			if d, err := v.DropLocal(ctx, tomorrow, nil); len(d.Segments) > 0 || err == nil && len(d.Kept) != 1 {
				t.Errorf("dropped %+v, %v", d, err)
			}
			Same(t, v, want)

			// and if a segment was dropped, its loss is reported
			f = NewFolder(t)
			lost := f.Write(t, 20, 0)
			ids := idsOf(t, f.Dir)
			v = target.Vault(t, f.Options(t))
			archive(t, v)
			drop(t, v)
			segment := harm(lost)
			v = target.Vault(t, f.Options(t))
			for what, errs := range map[string][]error{
				"ReadFrom": second(Records(v.ReadFrom(ctx, lost, 1))),
				"Range":    second(Records(v.Range(ctx, Start, Start.Add(time.Minute)))),
				"Find":     {second(v.Find(ctx, ids[3]))},
			} {
				err := errors.Join(errs...)
				if !errors.As(err, new(*journal.DamageError)) || !strings.Contains(err.Error(), segment) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: %v", what, err)
				}
			}
			if _, err := v.Restore(ctx, lost, filepath.Join(t.TempDir(), "new")); err == nil {
				t.Error("restored without an error")
			}
		})
	}
}

func second[T any, E any](_ T, e E) E { return e }

func flip(t *testing.T, path string, at int) {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	b[at] ^= 1
	overwrite(t, path, b)
}

func lengthen(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	overwrite(t, path, append(b, 0))
}

// overwrite keeps the file's attributes, where some servers have their own data.
func overwrite(t *testing.T, path string, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	must(t, err)
	_, err = f.Write(b)
	must(t, errors.Join(err, f.Close()))
}

func conflict(t *testing.T, target Target) {
	f := NewFolder(t)
	f.Write(t, 10, 6)
	segments, err := journal.List(f.Dir)
	must(t, err)
	b := target.OpenBucket(t)
	object := segments[1].Writer.String() + "/segments/" + segments[1].Name
	if _, err := b.Create(context.Background(), object, strings.NewReader("other"), 5, sha256.Sum256([]byte("other")), time.Time{}); err != nil {
		t.Fatal(err)
	}
	want := f.All(t)
	v := target.Vault(t, f.Options(t))
	r, err := v.Archive(context.Background())
	if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), segments[1].Name) || r.Segments != len(segments)-1 {
		t.Errorf("report %+v, %v", r, err)
	}
	if got, err := os.ReadFile(target.Path(object)); err != nil || string(got) != "other" {
		t.Errorf("stored %q, %v", got, err)
	}
	d := drop(t, v)
	if len(d.Segments) != len(segments)-1 || len(d.Kept) != 1 || d.Kept[0].Segment != segments[1].Name {
		t.Errorf("dropped %+v", d)
	}
	Same(t, v, want)
}

func damagedHere(t *testing.T, target Target) {
	f := NewFolder(t)
	f.Write(t, 10, 4)
	segments, err := journal.List(f.Dir)
	must(t, err)
	flip(t, filepath.Join(f.Dir, segments[0].Name), 300)
	v := target.Vault(t, f.Options(t))
	r, err := v.Archive(context.Background())
	var d *journal.DamageError
	if !errors.As(err, &d) || !strings.Contains(d.File, segments[0].Name) || r.Segments != len(segments)-1 {
		t.Errorf("report %+v, %v", r, err)
	}
	if got := objects(t, target.OpenBucket(t), segments[0].Name); got != nil {
		t.Errorf("stored %v", got)
	}
	if dropped := drop(t, v); len(dropped.Kept) != 1 {
		t.Errorf("dropped %+v", dropped)
	}
}

func twoAtOnce(t *testing.T, target Target) {
	f := NewFolder(t)
	for range 3 {
		f.Prove(t, f.Write(t, 300, 4))
	}
	want := f.All(t)
	vaults := []*vault.Vault{target.Vault(t, f.Options(t)), target.Vault(t, f.Options(t)), target.Vault(t, f.Options(t))}
	done := make(chan error)
	for i, v := range vaults {
		go func() {
			if i == 2 { // one reads meanwhile
				for range 3 {
					for writer, sums := range want {
						got, errs := Records(v.ReadFrom(context.Background(), writer, 1))
						if len(errs) > 0 || !slices.Equal(got, sums) {
							done <- fmt.Errorf("a reader got %d of %d records: %w", len(got), len(sums), errors.Join(errs...))
							return
						}
					}
				}
				done <- nil
				return
			}
			_, err := v.Archive(context.Background())
			if err == nil {
				_, err = v.DropLocal(context.Background(), tomorrow, nil)
			}
			done <- err
		}()
	}
	for range vaults {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	Same(t, vaults[0], want)
	if sums, _ := Records(journal.Read(context.Background(), f.Dir)); len(sums) > 0 {
		t.Errorf("%d records are still in the folder", len(sums))
	}
}

// otherServers have folders of their own and use the same bucket.
func otherServers(t *testing.T, target Target) {
	f, g := NewFolder(t), NewFolder(t)
	mine := f.Write(t, 5, 0)
	theirs := g.Write(t, 300, 4)
	g.Prove(t, theirs)
	want := g.All(t)[theirs]
	ids := idsOf(t, g.Dir)
	archive(t, target.Vault(t, g.Options(t)))
	v := target.Vault(t, f.Options(t))
	ctx := context.Background()
	got, errs := Records(v.ReadFrom(ctx, theirs, 1))
	if len(errs) > 0 || !slices.Equal(got, want) {
		t.Errorf("%d records, %v", len(got), errs)
	}
	if _, err := v.Find(ctx, ids[len(ids)-1]); err != nil {
		t.Errorf("Find: %v", err)
	}
	got, errs = Records(v.Range(ctx, Start, Start.Add(time.Hour)))
	if len(errs) > 0 || len(got) != len(want)+5 {
		t.Errorf("Range: %d records, %v", len(got), errs)
	}
	writers, err := v.Writers(ctx)
	if err != nil || len(writers) != 2 || writers[0].ID != mine || writers[0].Local != 1 || writers[1].Local != 0 {
		t.Errorf("writers %+v, %v", writers, err)
	}
	restored(t, target.Vault(t, vault.Options{Cache: t.TempDir()}), theirs, want)
}

func expire(t *testing.T, target Target) {
	f := NewFolder(t)
	old := f.Write(t, 10, 0)
	ids := idsOf(t, f.Dir)
	young := f.Open(t)
	f.Append(t, young, time.Now(), 10, 0)
	must(t, young.Close())
	want := f.All(t)
	opts := f.Options(t)
	opts.Retention = 1000 * time.Hour
	v := target.Vault(t, opts)
	archive(t, v)
	ctx := context.Background()

	if _, err := v.Expire(ctx, time.Now().Add(-time.Hour), nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("Expire of records that are too young: %v", err)
	}
	keeps := func(why string, holds ...vault.Hold) {
		t.Helper()
		d, err := v.Expire(ctx, time.Time{}, holding(holds...))
		if err != nil || len(d.Segments) > 0 || len(d.Kept) != 1 || !strings.Contains(d.Kept[0].Reason, why) {
			t.Errorf("expired %+v, %v", d, err)
		}
	}
	keeps("still in")
	hold := vault.Hold{ID: "case-17", Reason: "subpoena", By: "legal", At: time.Now(), From: Start.Add(5 * time.Second), To: Start.Add(6 * time.Second)}
	if d, err := v.DropLocal(ctx, tomorrow, holding(hold)); err != nil || len(d.Segments) != 1 || len(d.Kept) != 1 || d.Kept[0].Reason != "hold case-17" {
		t.Errorf("dropped %+v, %v", d, err)
	}
	unreadable := func(context.Context) ([]vault.Hold, error) {
		return nil, fault.E(fault.Unavailable, "the store is away")
	}
	if d, err := v.DropLocal(ctx, tomorrow, unreadable); !fault.Is(err, fault.Unavailable) || len(d.Segments) > 0 {
		t.Errorf("dropped without reading the holds: %+v, %v", d, err)
	}
	drop(t, v)
	keeps("hold case-17", hold)
	keeps("hold all", vault.Hold{ID: "all"})
	Same(t, v, want)

	asked := 0
	meanwhile := func(context.Context) ([]vault.Hold, error) {
		if asked++; asked == 1 {
			return nil, nil
		}
		return []vault.Hold{hold}, nil
	}
	if d, err := v.Expire(ctx, time.Time{}, meanwhile); err != nil || len(d.Segments) > 0 || len(d.Kept) != 1 {
		t.Errorf("a hold that is placed while segments are deleted: %+v, %v", d, err)
	}
	if d, err := v.Expire(ctx, time.Time{}, unreadable); !fault.Is(err, fault.Unavailable) || len(d.Segments) > 0 {
		t.Errorf("holds that cannot be read: %+v, %v", d, err)
	}
	Same(t, v, want)

	d, err := v.Expire(ctx, time.Time{}, holding(vault.Hold{ID: "later", From: Start.Add(time.Hour)}))
	if err != nil || len(d.Segments) != 1 || d.Kept != nil {
		t.Fatalf("expired %+v, %v", d, err)
	}
	var expired *vault.ExpiredError
	_, errs := Records(v.ReadFrom(ctx, old, 1))
	if len(errs) != 1 || !errors.As(errs[0], &expired) || expired.First != 1 || expired.Last != 10 {
		t.Errorf("ReadFrom: %v", errs)
	}
	if _, err := v.Find(ctx, ids[3]); !errors.As(err, &expired) || !fault.Is(err, fault.NotFound) {
		t.Errorf("Find: %v", err)
	}
	delete(want, old)
	Same(t, v, want)
	if r := archive(t, v); r.Segments != 0 {
		t.Errorf("report %+v", r)
	}
	// what says that it was deleted is not believed if the records are not that old
	opts.Retention = 100_000 * time.Hour
	_, errs = Records(target.Vault(t, opts).ReadFrom(ctx, old, 1))
	if len(errs) != 1 || !errors.As(errs[0], new(*journal.DamageError)) {
		t.Errorf("ReadFrom with a longer retention: %v", errs)
	}
}

func boundedCache(t *testing.T, target Target) {
	f := NewFolder(t)
	writer := f.Write(t, 0, 12)
	want := f.All(t)
	opts := f.Options(t)
	opts.CacheBytes = 1
	v := target.Vault(t, opts)
	archive(t, v)
	drop(t, v)
	for r, err := range v.ReadFrom(context.Background(), writer, 1) {
		must(t, err)
		if files, err := filepath.Glob(filepath.Join(opts.Cache, "*", "*", "*.zst")); err != nil || len(files) != 1 {
			t.Fatalf("at record %d the cache has %v, %v", r.Sequence, files, err)
		}
	}
	Same(t, v, want)
	// a cache that a killed process has left
	left := filepath.Join(opts.Cache, "cache-left")
	must(t, os.MkdirAll(filepath.Join(left, "x"), 0o700))
	target.Vault(t, opts)
	if _, err := os.Stat(left); err == nil {
		t.Error("the cache of another process is still there")
	}
}

// A segment that was deleted from the bucket, of which the folder still has a copy, is sent again.
func heals(t *testing.T, target Target) {
	f := NewFolder(t)
	writer := f.Write(t, 10, 0)
	want := f.All(t)
	v := target.Vault(t, f.Options(t))
	archive(t, v)
	must(t, os.Remove(target.Path(objects(t, target.OpenBucket(t), writer.String()+"/segments/")[0])))
	if r := archive(t, v); r.Segments != 1 {
		t.Errorf("report %+v", r)
	}
	drop(t, v)
	Same(t, v, want)
}

// holding are holds that are in force all the time.
func holding(holds ...vault.Hold) vault.Holds {
	return func(context.Context) ([]vault.Hold, error) { return holds, nil }
}
