package vault_test

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"interdict/lists/fault"
	"interdict/screening/archive/vault"
	"interdict/screening/archive/vault/vaulttest"
	"interdict/screening/journal"
	"interdict/screening/journal/proof"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func target(dir string) vaulttest.Target {
	return vaulttest.Target{Address: dir, Path: func(object string) string { return filepath.Join(dir, filepath.FromSlash(object)) }}
}

func later() time.Time { return time.Now().Add(time.Hour) }

// A disk that is full, gone or read-only is unavailable. What is in the folder stays there, and the next attempt continues.
func TestADiskThatRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		disk   func(t *testing.T) string
		refuse func(t *testing.T, disk string) (mend func())
	}{
		"full": {func(t *testing.T) string { return smallDisk(t, "2m") }, func(t *testing.T, disk string) func() {
			must(t, os.WriteFile(filepath.Join(disk, "ballast"), make([]byte, 1500<<10), 0o600))
			return func() { must(t, os.Remove(filepath.Join(disk, "ballast"))) }
		}},
		"gone": {func(t *testing.T) string { return t.TempDir() }, func(t *testing.T, disk string) func() {
			must(t, os.Rename(disk, disk+".gone"))
			return func() { must(t, os.Rename(disk+".gone", disk)) }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			disk := c.disk(t)
			f := vaulttest.NewFolder(t)
			f.WriteRandom(t, 4, 300<<10)
			want := f.All(t)
			v := target(disk).Vault(t, f.Options(t))
			open := target(disk).OpenBucket(t)
			mend := c.refuse(t, disk)
			if r, err := v.Archive(t.Context()); !fault.Is(err, fault.Unavailable) {
				t.Errorf("report %+v, %v", r, err)
			}
			if d, err := v.DropLocal(t.Context(), later(), nil); len(d.Segments) > 0 || err != nil && !fault.Is(err, fault.Unavailable) {
				t.Errorf("dropped %+v, %v", d, err)
			}
			if left, err := filepath.Glob(filepath.Join(disk, ".incoming", "*")); err != nil || left != nil {
				t.Errorf("left %v, %v", left, err)
			}
			mend()
			if _, err := v.Archive(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := v.DropLocal(t.Context(), later(), nil); err != nil {
				t.Error(err)
			}
			vaulttest.Same(t, v, want)
			if name == "gone" {
				defer c.refuse(t, disk)()
				for writer := range want {
					sums, errs := vaulttest.Records(v.ReadFrom(t.Context(), writer, 1))
					if len(sums) > 0 || len(errs) != 1 || !fault.Is(errs[0], fault.Unavailable) || errors.As(errs[0], new(*journal.DamageError)) {
						t.Errorf("%d records, %v", len(sums), errs)
					}
				}
				if _, err := target(disk+".gone").OpenBucket(t).Open(t.Context(), "x"); !fault.Is(err, fault.NotFound) {
					t.Errorf("open of an object that is not there: %v", err)
				}
				if _, err := open.Open(t.Context(), "x"); !fault.Is(err, fault.Unavailable) {
					t.Errorf("open of an object when the disk is not there: %v", err)
				}
			}
		})
	}
}

// The proof log of a writer needs its records until it has them on disk, and the last one until it is closed.
func TestRecordsThatTheProofNeedsAreNotDropped(t *testing.T) {
	f := vaulttest.NewFolder(t)
	writer := f.Write(t, 10, 0)
	log := filepath.Join(f.Logs, writer.String())
	var records [][]byte
	for r, err := range journal.ReadFrom(t.Context(), f.Dir, writer, 1) {
		must(t, err)
		records = append(records, r.Bytes())
	}
	none := func(uint64) iter.Seq2[[]byte, error] { return func(func([]byte, error) bool) {} }
	l, err := proof.Open(log, "exchange.example/"+writer.String(), f.Keys, none, proof.Options{Interval: -1})
	must(t, err)
	v := target(t.TempDir()).Vault(t, f.Options(t))
	kept := func(why string) {
		t.Helper()
		_, err := v.Archive(t.Context())
		must(t, err)
		d, err := v.DropLocal(t.Context(), later(), nil)
		if err != nil || len(d.Segments) > 0 || len(d.Kept) != 1 || !strings.Contains(d.Kept[0].Reason, why) {
			t.Errorf("dropped %+v, %v", d, err)
		}
	}
	kept("does not have its records")
	for i, r := range records[:9] {
		must(t, l.Append(uint64(i+1), r))
	}
	_, err = l.Checkpoint(t.Context())
	must(t, err)
	kept("9 of its 10 records")
	must(t, l.Append(10, records[9]))
	must(t, l.Close())
	if d, err := v.DropLocal(t.Context(), later(), nil); err != nil || len(d.Segments) != 1 {
		t.Errorf("dropped %+v, %v", d, err)
	}
}

// After a failed sync the last records of a segment are written to the next one too, which has precedence.
func TestARecordInTwoSegmentsIsReadOnce(t *testing.T) {
	f := vaulttest.NewFolder(t)
	j := f.Open(t)
	f.Append(t, j, vaulttest.Start, 5, 0)
	raw, err := filepath.Glob(filepath.Join(f.Dir, "*-000001-*.log"))
	must(t, err)
	image, err := os.ReadFile(raw[0])
	must(t, err)
	f.Append(t, j, vaulttest.Start.Add(time.Minute), 5, 0)
	must(t, j.Close())
	writer := j.Writer()
	var ids []uuid.UUID
	for r, err := range journal.ReadFrom(t.Context(), f.Dir, writer, 1) {
		must(t, err)
		ids = append(ids, r.ID)
	}
	binary.LittleEndian.PutUint32(image[12:], 2) // its number
	binary.LittleEndian.PutUint32(image[60:], crc32.Checksum(image[:60], crc32.MakeTable(crc32.Castagnoli)))
	must(t, os.WriteFile(strings.Replace(raw[0], "-000001-", "-000002-", 1), image, 0o600))
	must(t, f.Open(t).Close()) // seals it
	want, errs := vaulttest.Records(journal.ReadFrom(t.Context(), f.Dir, writer, 1))
	if len(want) != 5 || errs != nil {
		t.Fatalf("%d records, %v", len(want), errs)
	}
	v := target(t.TempDir()).Vault(t, f.Options(t))
	if r, err := v.Archive(t.Context()); err != nil || r.Segments != 2 {
		t.Fatalf("report %+v, %v", r, err)
	}
	check := func(v *vault.Vault) {
		t.Helper()
		for what, records := range map[string]iter.Seq2[journal.Record, error]{
			"ReadFrom": v.ReadFrom(t.Context(), writer, 1), "Range": v.Range(t.Context(), vaulttest.Start, vaulttest.Start.Add(time.Hour)),
		} {
			if got, errs := vaulttest.Records(records); !slices.Equal(got, want) || errs != nil {
				t.Errorf("%s: %d records, %v", what, len(got), errs)
			}
		}
		if r, err := v.Find(t.Context(), ids[4]); err != nil || r.Sequence != 5 {
			t.Errorf("Find: %v", err)
		}
		if _, err := v.Find(t.Context(), ids[5]); !fault.Is(err, fault.NotFound) {
			t.Errorf("Find of a record that was replaced: %v", err)
		}
	}
	check(v)
	check(target(v.Describe()).Vault(t, vault.Options{Cache: t.TempDir()}))
	if d, err := v.DropLocal(t.Context(), later(), nil); err != nil || len(d.Segments) != 2 {
		t.Errorf("dropped %+v, %v", d, err)
	}
	check(v)
}

func TestAnAddressThatIsWrong(t *testing.T) {
	for address, want := range map[string]string{
		"s3://bucket/x?endpoint=http://127.0.0.1:1&regoin=x": `unknown setting "regoin"`,
		"s3://key:hunter2@bucket/x":                          "settings of their own",
		"s3://bucket/%zz?secret=hunter2":                     "the address is not",
		"s3://bucket/x?endpoint=http://u:hunter2@host":       "endpoint is not",
		"s3://bucket/x?endpoint=ftp://host":                  "endpoint is not",
		"s3://bucket/x?endpoint=http://127.0.0.1:1&lock=yes": "lock is compliance, governance or none",
		"gs://bucket":     "gs is not supported",
		"/does/not/exist": "create the folder, or mount the disk",
		"s3:///x":         "names no bucket",
		"s3://a_/x":       `"a_" cannot be the name of a bucket`,
	} {
		o := vault.BucketOptions{AccessKey: "key", SecretKey: "hunter2"}
		_, err := vault.OpenBucket(context.Background(), address, o)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", address, err)
		}
		if checked := vault.CheckBucket(address, o); checked == nil || checked.Error() != err.Error() {
			t.Errorf("%s: a check says %v, opening says %v", address, checked, err)
		}
	}
	// A check asks no server: nothing listens there.
	if err := vault.CheckBucket("s3://bucket/x?endpoint=http://127.0.0.1:1&lock=governance", vault.BucketOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := vault.OpenBucket(context.Background(), "s3://bucket", vault.BucketOptions{AccessKey: "key"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("half a key: %v", err)
	}
}

func TestWhatAKilledProcessLeftInAFolderIsRemoved(t *testing.T) {
	dir := t.TempDir()
	old, young := filepath.Join(dir, ".incoming", "old"), filepath.Join(dir, ".incoming", "young")
	must(t, os.Mkdir(filepath.Dir(old), 0o700))
	for _, path := range []string{old, young} {
		must(t, os.WriteFile(path, []byte("half"), 0o600))
	}
	must(t, os.Chtimes(old, time.Time{}, time.Now().Add(-25*time.Hour)))
	b := target(dir).OpenBucket(t)
	if _, err := os.Stat(old); err == nil {
		t.Error("the old file is still there")
	}
	if _, err := os.Stat(young); err != nil {
		t.Error("another process may be writing this file")
	}
	for o, err := range b.List(t.Context(), "") {
		t.Errorf("listed %v, %v", o, err)
	}
}

func TestFormat1StaysInTheFolder(t *testing.T) {
	f := vaulttest.NewFolder(t)
	const name = "journal-00000000000000000001-0123456789abcdef.log"
	image, err := os.ReadFile(filepath.Join("..", "..", "journal", "testdata", "1", name))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(f.Dir, name), image, 0o600))
	want := f.All(t)
	v := target(t.TempDir()).Vault(t, f.Options(t))
	r, err := v.Archive(t.Context())
	if err != nil || r.Segments != 0 || !slices.Equal(r.Skipped, []string{name}) {
		t.Errorf("report %+v, %v", r, err)
	}
	if d, err := v.DropLocal(t.Context(), later(), nil); err != nil || d.Segments != nil {
		t.Errorf("dropped %+v, %v", d, err)
	}
	vaulttest.Same(t, v, want)
}
