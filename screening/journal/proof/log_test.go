package proof

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists/fault"
)

const testOrigin = "exchange.example/7f6e3a52-0b34-4a3e-9c5a-0d2d7a5d2a11"

func testKeys(t testing.TB) *Keys {
	t.Helper()
	keys, err := OpenKeys(filepath.Join(t.TempDir(), "keys"), "exchange.example", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func testRecord(i int) []byte { return fmt.Appendf(nil, `{"seq":%d,"address":"0x%040x"}`, i, i*7919) }

func testRecords(n int) [][]byte {
	records := make([][]byte, n)
	for i := range records {
		records[i] = testRecord(i + 1)
	}
	return records
}

// from yields records as a journal does.
func from(records [][]byte) func(uint64) iter.Seq2[[]byte, error] {
	return func(seq uint64) iter.Seq2[[]byte, error] {
		return func(yield func([]byte, error) bool) {
			for i := int(seq) - 1; i < len(records); i++ {
				if !yield(records[i], nil) {
					return
				}
			}
		}
	}
}

var byHand = Options{Interval: -1}

func openLog(t testing.TB, dir string, keys Signer, records [][]byte, opts Options) *Log {
	t.Helper()
	l, err := Open(dir, testOrigin, keys, from(records), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// writeLog writes a log of records with a checkpoint after every so many, a seal after every fifth of these, and closes it.
func writeLog(t testing.TB, dir string, keys Signer, records [][]byte, every int) {
	t.Helper()
	l := openLog(t, dir, keys, nil, byHand)
	for i, record := range records {
		appendRecord(t, l, uint64(i+1), record)
		if (i+1)%every == 0 {
			if _, err := l.checkpoint(t.Context(), (i+1)%(5*every) == 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func appendRecord(t testing.TB, l *Log, seq uint64, record []byte) {
	t.Helper()
	if err := l.Append(seq, record); err != nil {
		t.Fatal(err)
	}
}

func verifyLog(t testing.TB, dir string, keys *Keys, records [][]byte, against ...[]byte) Report {
	t.Helper()
	report, err := Verify(t.Context(), dir, from(records)(1), VerifyOptions{Origin: testOrigin, VKeys: keys.VKeys(), Closed: true}, against...)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func wantIntact(t testing.TB, report Report) {
	t.Helper()
	for _, finding := range report.Findings {
		t.Error(finding)
	}
	if report.Records != report.Covered {
		t.Errorf("%d records, %d covered", report.Records, report.Covered)
	}
}

func TestALogIsIntactAtEverySize(t *testing.T) {
	keys := testKeys(t)
	for _, n := range []int{0, 1, 2, 255, 256, 257, 511, 512, 70_000} {
		dir := filepath.Join(t.TempDir(), "log")
		records := testRecords(n)
		writeLog(t, dir, keys, records, max(1, n/17))
		report := verifyLog(t, dir, keys, records)
		wantIntact(t, report)
		if report.Records != uint64(n) || n > 0 && report.Checkpoints < 3 {
			t.Errorf("%d records: %+v", n, report)
		}
	}
}

func TestEveryRecordHasAReceiptThatVerifiesOffline(t *testing.T) {
	keys := testKeys(t)
	dir := t.TempDir()
	records := testRecords(1000)
	records[3] = bytes.Repeat([]byte("x"), MaxEntry)
	records[4] = bytes.Repeat([]byte("x"), MaxEntry+1)
	records[6] = append([]byte{hashedMarker}, make([]byte, 32)...)
	l := openLog(t, dir, keys, nil, byHand)
	for i, record := range records {
		seq := uint64(i + 1)
		appendRecord(t, l, seq, record)
		if _, err := l.Receipt(seq, record); !fault.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "next checkpoint") {
			t.Fatalf("receipt of a record without checkpoint: %v", err)
		}
		if i%3 == 0 {
			if _, err := l.Checkpoint(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, seq := range []uint64{1, seq/2 + 1, seq} {
				checkReceipt(t, l.Receipt, seq, uint64(i+1), records, keys)
			}
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range records {
		checkReceipt(t, func(seq uint64, record []byte) ([]byte, error) { return ReadReceipt(dir, seq, record, keys.VKeys()) }, uint64(i+1), 1000, records, keys)
	}
	for _, seq := range []uint64{0, 1001, 1 << 63} {
		if _, err := ReadReceipt(dir, seq, records[0], keys.VKeys()); !fault.Is(err, fault.NotFound) {
			t.Errorf("receipt of record %d of 1000: %v", seq, err)
		}
	}
}

func checkReceipt(t *testing.T, read func(uint64, []byte) ([]byte, error), seq, size uint64, records [][]byte, keys *Keys) {
	t.Helper()
	receipt, err := read(seq, records[seq-1])
	if err != nil {
		t.Fatal(err)
	}
	info, err := VerifyReceipt(receipt, keys.VKeys())
	if err != nil {
		t.Fatalf("record %d of %d: %v\n%s", seq, size, err, receipt)
	}
	got := []any{info.Origin, info.Seq, uint64(info.Size), len(info.Keys), info.Record}
	if diff := cmp.Diff([]any{testOrigin, seq, size, 1, records[seq-1]}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := read(seq, records[seq%uint64(len(records))]); seq != uint64(len(records)) && !fault.Is(err, fault.Conflict) {
		t.Errorf("record %d has a receipt for the next: %v", seq, err)
	}
}

func TestAReceiptWithAnyByteChangedIsRefused(t *testing.T) {
	keys := testKeys(t)
	dir := t.TempDir()
	records := testRecords(300)
	writeLog(t, dir, keys, records, 100)
	receipt, err := ReadReceipt(dir, 77, records[76], keys.VKeys())
	if err != nil {
		t.Fatal(err)
	}
	for i := range receipt {
		for _, bit := range []byte{1, 4, 32, 128} {
			changed := bytes.Clone(receipt)
			changed[i] ^= bit
			if _, err := VerifyReceipt(changed, keys.VKeys()); !fault.Is(err, fault.Invalid) {
				t.Fatalf("byte %d changed: %v\n%s", i, err, changed)
			}
		}
		if _, err := VerifyReceipt(receipt[:i], keys.VKeys()); !fault.Is(err, fault.Invalid) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
	if _, err := VerifyReceipt(receipt, testKeys(t).VKeys()); !fault.Is(err, fault.Invalid) {
		t.Errorf("a receipt signed with another key: %v", err)
	}
	other, err := OpenKeys(t.TempDir()+"/k", "other.example", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := other.Sign(Checkpoint{testOrigin, 1, rootOf(t, records[:1])}.text())
	if err != nil {
		t.Fatal(err)
	}
	forged = slicesConcat("c2sp.org/tlog-proof@v1\nextra "+base64.StdEncoding.EncodeToString(records[0])+"\nindex 0\n\n", forged)
	if _, err := VerifyReceipt(forged, append(keys.VKeys(), other.VKeys()...)); !fault.Is(err, fault.Invalid) {
		t.Errorf("the key of another deployment vouches for this log: %v", err)
	}
}

func slicesConcat(text string, more []byte) []byte { return append([]byte(text), more...) }

func rootOf(t *testing.T, records [][]byte) [32]byte {
	t.Helper()
	tr := &tree{}
	for _, record := range records {
		if err := tr.add(Leaf(record)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := tr.root()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestCheckpointsAppearByThemselves(t *testing.T) {
	keys := testKeys(t)
	published := make(chan []byte, 10)
	l := openLog(t, t.TempDir(), keys, nil, Options{Interval: time.Millisecond, Published: func(c []byte) { published <- bytes.Clone(c) }})
	appendRecord(t, l, 1, testRecord(1))
	c, err := OpenCheckpoint(<-published, keys.VKeys())
	if err != nil || c.Size != 1 || c.Origin != testOrigin {
		t.Fatalf("%+v, %v", c, err)
	}
	checkReceipt(t, l.Receipt, 1, 1, testRecords(1), keys)
}

func TestOnlyTheNextRecordIsAppended(t *testing.T) {
	l := openLog(t, t.TempDir(), testKeys(t), nil, byHand)
	for _, seq := range []uint64{0, 2} {
		if err := l.Append(seq, nil); err == nil || l.Size() != 0 {
			t.Errorf("record %d is appended first: %v", seq, err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(1, nil); !fault.Is(err, fault.Unavailable) {
		t.Errorf("append after Close: %v", err)
	}
}

func TestOneProcessWritesALog(t *testing.T) {
	dir := t.TempDir()
	keys := testKeys(t)
	openLog(t, dir, keys, nil, byHand)
	if _, err := Open(dir, testOrigin, keys, from(nil), byHand); !fault.Is(err, fault.Conflict) {
		t.Errorf("opened twice: %v", err)
	}
}

func TestOpenReadsOnlyRecordsAfterTheLastSync(t *testing.T) {
	keys := testKeys(t)
	dir := t.TempDir()
	records := testRecords(200_000)
	writeLog(t, dir, keys, records[:190_000], 1000)
	read := 0
	counting := func(seq uint64) iter.Seq2[[]byte, error] {
		return func(yield func([]byte, error) bool) {
			for r, err := range from(records)(seq) {
				read++
				if !yield(r, err) {
					return
				}
			}
		}
	}
	l, err := Open(dir, testOrigin, keys, counting, byHand)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if read != 10_001 || l.Size() != 200_000 || l.Status().Rebuilt != "" {
		t.Errorf("read %d records, size %d, %q", read, l.Size(), l.Status().Rebuilt)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wantIntact(t, verifyLog(t, dir, keys, records))
}

func TestOpenRefusesRecordsThatDoNotFitTheCheckpoint(t *testing.T) {
	keys := testKeys(t)
	dir := t.TempDir()
	records := testRecords(1000)
	writeLog(t, dir, keys, records, 100)
	for _, c := range []struct {
		name    string
		damage  func()
		records [][]byte
	}{
		{"the last record is lost", func() {}, records[:999]},
		{"all records are lost", func() {}, nil},
		{"the last record is another", func() {}, append(slices.Clone(records[:999]), testRecord(5))},
		{"a record was changed, and tiles are to be built again", func() { remove(t, dir, "tile/1/000.p/3") }, append([][]byte{testRecord(5)}, records[1:]...)},
		{"the same from the start", func() { remove(t, dir, fileSynced) }, append([][]byte{testRecord(5)}, records[1:]...)},
	} {
		c.damage()
		before := folder(t, dir)
		if l, err := Open(dir, testOrigin, keys, from(c.records), byHand); !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: %v", c.name, err)
			_ = l.Close()
		}
		if diff := cmp.Diff(before, folder(t, dir)); diff != "" {
			t.Errorf("%s: a log that was refused has changed: %s", c.name, diff)
		}
	}
	// with the right records, everything can be built again
	l := openLog(t, dir, keys, records, byHand)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wantIntact(t, verifyLog(t, dir, keys, records))
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
		t.Fatal(err)
	}
}

// folder returns the files of a folder by path.
func folder(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestAFullDiskStopsAppendsBeforeMemoryGrows(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("root ignores modes: a file in the place of a folder stands for the failing disk")
	}
	keys := testKeys(t)
	dir := t.TempDir()
	l := openLog(t, dir, keys, nil, byHand)
	if err := os.WriteFile(filepath.Join(dir, "tile"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	seq := uint64(1)
	for ; err == nil && seq < 1<<20; seq++ {
		err = l.Append(seq, testRecord(int(seq)))
	}
	if !fault.Is(err, fault.Unavailable) || l.Status().Pending != maxPending || l.Status().LastError == "" {
		t.Fatalf("append %d: %v, %+v", seq, err, l.Status())
	}
	if _, err := l.Checkpoint(context.Background()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a checkpoint without its tiles: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "tile")); err != nil {
		t.Fatal(err)
	}
	seq--
	appendRecord(t, l, seq, testRecord(int(seq)))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wantIntact(t, verifyLog(t, dir, keys, testRecords(int(seq))))
}

func TestARecordThatCannotBeReadStopsOpen(t *testing.T) {
	broken := errors.New("damaged segment")
	_, err := Open(t.TempDir(), testOrigin, testKeys(t), func(uint64) iter.Seq2[[]byte, error] {
		return func(yield func([]byte, error) bool) { yield(nil, broken) }
	}, byHand)
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
