package proof

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// kept returns what an archive has of a log: a folder with its full tiles, and its seals.
func kept(t *testing.T, from string) (dir string, seals [][]byte) {
	t.Helper()
	dir = t.TempDir()
	for name, data := range folder(t, from) {
		if _, ok := sealSize(name); ok {
			seals = append(seals, []byte(data))
		}
		if strings.HasPrefix(name, "tile/") && !strings.Contains(name, ".p/") {
			if err := writeFile(dir, filepath.Join(dir, name), []byte(data), false); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir, seals
}

func TestARestoredLogIsTheLog(t *testing.T) {
	keys := testKeys(t)
	for _, size := range []int{1, 255, 256, 257, 511, 70_000} {
		records := testRecords(size)
		original := t.TempDir()
		writeLog(t, original, keys, records, 1<<20)
		dir, seals := kept(t, original)
		checkpoint, err := Restore(dir, uint64(size), seals, seals, from(records))
		if err != nil || checkpoint.Size != int64(size) || checkpoint.Origin != testOrigin {
			t.Fatalf("%d records: %+v, %v", size, checkpoint, err)
		}
		want := folder(t, original)
		delete(want, fileLock)
		if diff := cmp.Diff(want, folder(t, dir)); diff != "" {
			t.Errorf("%d records: files (-want +got):\n%s", size, diff)
		}
	}
}

// If only the first records are there, the log ends with the newest checkpoint that covers no others.
func TestALogIsRestoredAsFarAsItsRecords(t *testing.T) {
	keys := testKeys(t)
	records := testRecords(1000)
	original := t.TempDir()
	writeLog(t, original, keys, records, 60) // seals at 300, 600, 900 and 1000
	dir, seals := kept(t, original)
	checkpoint, err := Restore(dir, 700, seals, nil, from(records))
	if err != nil || checkpoint.Size != 600 {
		t.Fatalf("%+v, %v", checkpoint, err)
	}
	remove(t, dir, "tile/0/002") // of records that are not there
	report, err := Verify(t.Context(), dir, from(records[:700])(1), VerifyOptions{VKeys: keys.VKeys()}, seals[0])
	if err != nil || report.Records != 700 || report.Covered != 600 || report.Elsewhere != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	for _, finding := range report.Findings {
		if finding.Place != "checkpoint 1 kept elsewhere" {
			t.Error(finding)
		}
	}
	if checkpoint, err := Restore(t.TempDir(), 299, seals, nil, from(records)); err != nil || checkpoint.Size != 0 {
		t.Errorf("without a checkpoint: %+v, %v", checkpoint, err)
	}
}

func TestARestoredLogDoesNotHideDamage(t *testing.T) {
	keys := testKeys(t)
	records := testRecords(70_000)
	original := t.TempDir()
	writeLog(t, original, keys, records, 1<<20)
	for name, harm := range map[string]func(dir string, records [][]byte){
		"tile/0/005": func(dir string, _ [][]byte) { remove(t, dir, "tile/0/005") },
		"record 17":  func(_ string, records [][]byte) { records[16] = []byte("changed") },
	} {
		changed := append([][]byte{}, records...)
		dir, seals := kept(t, original)
		harm(dir, changed)
		if _, err := Restore(dir, uint64(len(records)), seals, nil, from(changed)); err != nil {
			t.Fatal(err)
		}
		report := verifyLog(t, dir, keys, changed)
		found := false
		for _, finding := range report.Findings {
			found = found || strings.HasPrefix(finding.Place, name)
		}
		if !found {
			t.Errorf("%s: findings %v", name, report.Findings)
		}
	}
}
