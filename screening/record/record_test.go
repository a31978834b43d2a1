package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"interdict/lists/fault"
	"interdict/screening/journal"
	"interdict/screening/journal/proof"
)

const segment = journal.MinSegmentBytes

// elsewhere keeps the newest checkpoint of each writer, as a store does.
type elsewhere struct {
	mu     sync.Mutex
	newest map[uuid.UUID]Published
	err    error
}

func (e *elsewhere) publish(_ context.Context, c Published) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.newest == nil {
		e.newest = map[uuid.UUID]Published{}
	}
	if e.err == nil {
		e.newest[c.Writer] = c
	}
	return e.err
}

func (e *elsewhere) all() []Published {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []Published
	for _, c := range e.newest {
		all = append(all, c)
	}
	return all
}

func open(t *testing.T, dir string, o Options) *Record {
	t.Helper()
	o.SegmentBytes = segment
	r, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func fill(t *testing.T, r *Record, n int) []uuid.UUID {
	t.Helper()
	var ids []uuid.UUID
	for range n {
		id := uuid.Must(uuid.NewV7())
		ids = append(ids, id)
		if err := r.AppendBatch([]journal.Entry{{Kind: journal.Check, ID: id, Time: time.Now(), Payload: []byte("decision " + id.String())}}, false); err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

func done(t *testing.T, r *Record) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time: ", what)
		}
	}
}

// verify returns the findings of a folder.
func verify(t *testing.T, dir string, against ...Published) []string {
	t.Helper()
	var found []string
	sum, err := Folder{Dir: dir}.Verify(t.Context(), against, func(w WriterReport) {
		for _, f := range w.Findings {
			found = append(found, f.String())
		}
		if w.Unfinished {
			found = append(found, "unfinished")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < sum.Findings {
		t.Errorf("%d findings are counted, %d are told", sum.Findings, len(found))
	}
	return found
}

// Every record has a receipt while the server runs and after it has ended, and the folder verifies.
func TestEveryRecordHasAReceipt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var kept elsewhere
	r := open(t, dir, Options{Publish: kept.publish, Tend: true})
	ids := fill(t, r, 1000)
	receipt := func(id uuid.UUID, read func(*journal.Record) ([]byte, error)) error {
		rec, err := r.Find(t.Context(), id)
		if err != nil {
			return err
		}
		signed, err := read(&rec)
		if err != nil {
			return err
		}
		info, err := proof.VerifyReceipt(signed, r.Keys().VKeys())
		if err == nil && cmp.Diff(rec.Bytes(), info.Record) != "" {
			return errors.New("the receipt has another record")
		}
		return err
	}
	eventually(t, "a receipt", func() bool { return receipt(ids[999], r.Receipt) == nil })
	for _, id := range ids {
		if err := receipt(id, r.Receipt); err != nil {
			t.Fatal(err)
		}
	}
	done(t, r)
	for _, id := range ids {
		if err := receipt(id, Folder{Dir: dir}.Receipt); err != nil {
			t.Fatal(err)
		}
	}
	if found := verify(t, dir, kept.all()...); found != nil {
		t.Error(found)
	}
	if c := kept.newest[r.Writer()]; !c.Ended {
		t.Errorf("the last checkpoint was not published: %+v", c)
	}
}

// A deleted writer shows by the checkpoint in the store, and by the one in the journal of a later writer.
func TestADeletedWriterShows(t *testing.T) {
	dir := t.TempDir()
	var kept elsewhere
	first := open(t, dir, Options{Publish: kept.publish})
	fill(t, first, 10)
	done(t, first)
	second := open(t, dir, Options{Publish: kept.publish})
	b, err := json.Marshal(kept.newest[first.Writer()])
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Append(journal.Checkpoint, time.Now(), b, true); err != nil {
		t.Fatal(err)
	}
	done(t, second)
	if found := verify(t, dir, kept.all()...); found != nil {
		t.Fatal(found)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*"+first.Writer().String()+"*"))
	for _, name := range append(names, filepath.Join(dir, "proof", first.Writer().String())) {
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
	}
	for name, against := range map[string][]Published{"store": kept.all(), "journal of another": nil} {
		if found := verify(t, dir, against...); len(found) == 0 || !strings.Contains(found[0], "it is missing") {
			t.Errorf("%s: %q", name, found)
		}
	}
}

// A log that was rolled back together with its segments shows against the checkpoint kept elsewhere.
func TestARollbackShows(t *testing.T) {
	dir, old := t.TempDir(), t.TempDir()
	var kept elsewhere
	r := open(t, dir, Options{Publish: kept.publish})
	fill(t, r, 100)
	eventually(t, "a checkpoint", func() bool { return len(kept.all()) > 0 })
	if err := os.CopyFS(old+"/copy", os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(old+"/copy/keys/signing.keys", 0o600); err != nil {
		t.Fatal(err)
	}
	fill(t, r, 100)
	done(t, r)
	again := open(t, old+"/copy", Options{Tend: true})
	eventually(t, "the log is completed", func() bool { return proof.Ended(again.logDir(r.Writer())) })
	done(t, again)
	if found := verify(t, old+"/copy"); found != nil {
		t.Fatal("without a checkpoint from elsewhere a copy is as good as the original: ", found)
	}
	if found := verify(t, old+"/copy", kept.all()...); len(found) != 1 || !strings.Contains(found[0], "rolled back") {
		t.Error(found)
	}
}

// What a crashed writer has left is completed by the next server.
func TestACrashedWriterIsCompleted(t *testing.T) {
	if dir := os.Getenv("RECORD_CRASH"); dir != "" {
		r := open(t, dir, Options{})
		fill(t, r, 5000)
		fmt.Println(r.Writer())
		os.Exit(0) // without Close
	}
	dir := t.TempDir()
	var crashed []uuid.UUID
	for range 5 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestACrashedWriterIsCompleted$")
		cmd.Env = append(os.Environ(), "RECORD_CRASH="+dir)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		crashed = append(crashed, uuid.MustParse(strings.TrimSpace(string(out))))
	}
	var kept elsewhere
	r := open(t, dir, Options{Publish: kept.publish, Tend: true})
	fill(t, r, 1)
	eventually(t, "completed", func() bool { return len(kept.all()) == 6 })
	for _, id := range crashed {
		if c := kept.newest[id]; !c.Ended {
			t.Errorf("%+v", c)
		}
	}
	if problems := r.Problems(); problems != nil {
		t.Error(problems)
	}
	done(t, r)
	if found := verify(t, dir, kept.all()...); found != nil {
		t.Error(found)
	}
	sum, err := Folder{Dir: dir}.Verify(t.Context(), nil, func(WriterReport) {})
	if err != nil || sum.Records != 25001 || sum.Covered != 25001 {
		t.Errorf("%+v, %v", sum, err)
	}
}

// Keys that are missing, replaced or readable by others stop a start with an error that says what to do.
func TestASigningKeyThatIsNotTheOneBefore(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(keys string) error
		want  string
	}{
		"folder missing":  {os.RemoveAll, "restore it from a backup"},
		"private missing": {func(k string) error { return os.Remove(k + "/signing.keys") }, "is missing"},
		"public missing":  {func(k string) error { return os.Remove(k + "/public.keys") }, "is missing"},
		"open to others":  {func(k string) error { return os.Chmod(k+"/signing.keys", 0o644) }, "chmod 600"},
		"replaced": {func(k string) error {
			if err := os.RemoveAll(k); err != nil {
				return err
			}
			_, err := proof.OpenKeys(k, DefaultName, time.Now)
			return err
		}, "the signing key was replaced"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			r := open(t, dir, Options{})
			fill(t, r, 1)
			done(t, r)
			if err := c.spoil(filepath.Join(dir, "keys")); err != nil {
				t.Fatal(err)
			}
			_, err := Open(dir, Options{SegmentBytes: segment})
			if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), c.want) {
				t.Error(err)
			}
		})
	}
}

// A running server notices that files are gone, and that they are back.
func TestLostFilesAreNoticed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := open(t, dir, Options{})
	fill(t, first, 10)
	done(t, first)
	r := open(t, dir, Options{Tend: true})
	fill(t, r, 1)
	sealed, err := journal.SealedNames(dir)
	if err != nil || len(sealed) != 1 {
		t.Fatal(sealed, err)
	}
	time.Sleep(100 * time.Millisecond) // the first look
	for _, file := range []string{sealed[0], filepath.Join("proof", r.Writer().String())} {
		if err := os.Rename(filepath.Join(dir, file), filepath.Join(dir, "away")); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		eventually(t, file+" is gone", func() bool { return r.Lost() != nil })
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("noticed after %s", took)
		}
		if err := os.Rename(filepath.Join(dir, "away"), filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
		eventually(t, file+" is back", func() bool { return r.Lost() == nil })
	}
}

// A byte that changed in the newest segments is a problem at the next start, and a finding of the verification.
func TestAStartReadsTheNewestSegments(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir, Options{})
	fill(t, first, 1000)
	done(t, first)
	sealed, err := journal.SealedNames(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, sealed[0])
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	r := open(t, dir, Options{Tend: true})
	eventually(t, "damage", func() bool { return len(r.Problems()) > 0 })
	if text := r.Problems()[0].Error(); !strings.Contains(text, sealed[0]) {
		t.Error(text)
	}
	done(t, r)
	if found := verify(t, dir); len(found) == 0 || !strings.Contains(found[0], sealed[0]) {
		t.Error(found)
	}
}

// A store that is away for a while gets the newest checkpoint when it is back; a record does not wait for it.
func TestPublishingIsTriedAgain(t *testing.T) {
	t.Parallel()
	kept := elsewhere{err: errors.New("away")}
	r := open(t, t.TempDir(), Options{Publish: kept.publish})
	fill(t, r, 3)
	eventually(t, "a problem", func() bool { return len(r.Problems()) == 1 })
	kept.mu.Lock()
	kept.err = nil
	kept.mu.Unlock()
	eventually(t, "published", func() bool { return len(kept.all()) == 1 && r.Problems() == nil })
}

// A writer whose segments were moved to an archive is no finding; with the archive it is verified.
func TestArchivedRecordsAreNoFinding(t *testing.T) {
	dir, kept := t.TempDir(), t.TempDir()
	r := open(t, dir, Options{})
	fill(t, r, 1000)
	done(t, r)
	if err := os.CopyFS(kept+"/copy", os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	sealed, err := journal.SealedNames(dir)
	if err != nil {
		t.Fatal(err)
	}
	segment, err := journal.CheckSegment(t.Context(), dir, sealed[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := journal.MarkArchived(dir, segment, "there"); err != nil {
		t.Fatal(err)
	}
	verified := func(f Folder) (reports []WriterReport) {
		if _, err := f.Verify(t.Context(), nil, func(w WriterReport) { reports = append(reports, w) }); err != nil {
			t.Fatal(err)
		}
		return reports
	}
	if got := verified(Folder{Dir: dir}); len(got) != 1 || !got[0].Archived || got[0].Findings != nil {
		t.Errorf("%+v", got)
	}
	if got := verified(Folder{Dir: dir, Archive: elsewhereFolder(kept + "/copy")}); len(got) != 1 || got[0].Archived || got[0].Findings != nil || got[0].Covered != 1000 {
		t.Errorf("with the archive: %+v", got)
	}
	again := open(t, dir, Options{Tend: true})
	fill(t, again, 1)
	time.Sleep(100 * time.Millisecond)
	if err := again.Lost(); err != nil {
		t.Error(err)
	}
}

// elsewhereFolder is an archive that is another folder.
type elsewhereFolder string

func (f elsewhereFolder) ReadFrom(ctx context.Context, writer uuid.UUID, sequence uint64) iter.Seq2[journal.Record, error] {
	return journal.ReadFrom(ctx, string(f), writer, sequence)
}

// A record in a folder that is gone is not "no record"; nothing puts an empty folder in its place, where the log would begin again.
func TestALostFolderStaysLost(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "journal")
	r := open(t, dir, Options{Publish: (&elsewhere{}).publish, Tend: true})
	ids := fill(t, r, 10)
	away := dir + "-away"
	if err := os.Rename(dir, away); err != nil {
		t.Fatal(err)
	}
	for range 20 { // the log goes on at least once in this time
		for _, id := range []uuid.UUID{ids[0], uuid.Must(uuid.NewV7())} {
			if _, err := r.Find(t.Context(), id); !fault.Is(err, fault.Unavailable) {
				t.Errorf("find: %v", err)
			}
		}
		fill(t, r, 1)
		time.Sleep(100 * time.Millisecond)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder is there again: %v", err)
	}
	if err := os.Rename(away, dir); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the folder is back", func() bool { _, err := r.Find(t.Context(), ids[0]); return err == nil && r.Lost() == nil })
	done(t, r)
	verify(t, dir)
}
