package proof

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"interdict/lists/fault"
)

// writeFolder makes a folder have exactly these files.
func writeFolder(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// changeFolder turns the files of a folder into others.
func changeFolder(t testing.TB, dir string, old, files map[string]string) {
	t.Helper()
	for name := range old {
		if _, ok := files[name]; !ok {
			if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, data := range files {
		if was, ok := old[name]; ok && was == data {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A thousand random changes of records and files, one at a time, to a closed log.
func TestVerifyFindsEveryChange(t *testing.T) {
	keys := testKeys(t)
	witness := startWitness(t, keys.VKeys())
	dir := filepath.Join(t.TempDir(), "log")
	records := testRecords(1100)

	// earlier versions of every file, for files that are put back
	var older []map[string]string
	l := openLog(t, dir, keys, nil, Options{Interval: -1, Witnesses: []WitnessClient{witness.client(t)}})
	for i, record := range records {
		appendRecord(t, l, uint64(i+1), record)
		switch {
		case i+1 == 1099: // one more, so that no older version of a file is that of the end
		case i%100 == 99:
			if _, err := l.Seal(t.Context()); err != nil {
				t.Fatal(err)
			}
			waitCosigned(t, l, uint64(i+1))
			older = append(older, folder(t, dir))
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := rotateAndReopen(t, keys, dir, records); err != nil {
		t.Fatal(err)
	}
	intact := folder(t, dir)
	delete(intact, fileLock)
	vkeys := append(keys.VKeys(), witness.vkey)
	opts := VerifyOptions{Origin: testOrigin, VKeys: vkeys, Closed: true}
	verify := func(dir string, records [][]byte) []Finding {
		t.Helper()
		report, err := Verify(t.Context(), dir, from(records)(1), opts)
		if err != nil {
			t.Fatal(err)
		}
		return report.Findings
	}
	if findings := verify(dir, records); len(findings) > 0 {
		t.Fatalf("the log is not intact from the start: %v", findings)
	}

	names := slices.Sorted(maps.Keys(intact))
	for round := range 1000 {
		rnd := rand.New(rand.NewPCG(20261125, uint64(round)))
		changedRecords, files := slices.Clone(records), maps.Clone(intact)
		what := mutate(rnd, &changedRecords, files, names, older)
		if maps.Equal(files, intact) && slices.EqualFunc(changedRecords, records, bytes.Equal) {
			continue
		}
		changeFolder(t, dir, intact, files)
		if findings := verify(dir, changedRecords); len(findings) == 0 {
			t.Errorf("round %d: not found: %s", round, what)
		} else if place := named(what); place != "" && !slices.ContainsFunc(findings, func(f Finding) bool { return strings.Contains(f.String(), place) }) {
			t.Errorf("round %d: %s: the place is not named: %v", round, what, findings)
		}
		changeFolder(t, dir, files, intact)
	}
}

// named returns the place that has to be in a finding.
func named(what string) string {
	_, place, _ := strings.Cut(what, ": ")
	return place
}

// rotateAndReopen adds records after a rotation, so that checkpoints with two signatures of the log are among the files.
func rotateAndReopen(t *testing.T, keys *Keys, dir string, records [][]byte) error {
	t.Helper()
	if err := keys.Rotate(1 << 40); err != nil {
		return err
	}
	l, err := Open(dir, testOrigin, keys, from(records[:len(records)-1]), byHand)
	if !fault.Is(err, fault.Conflict) {
		_ = l.Close()
		return fmt.Errorf("opened with too few records: %w", err)
	}
	return openLogError(dir, keys, records)
}

// mutate changes one thing, and says which; after ": " the place that a finding has to name.
func mutate(rnd *rand.Rand, records *[][]byte, files map[string]string, names []string, older []map[string]string) string {
	r := *records
	i := rnd.IntN(len(r))
	name := names[rnd.IntN(len(names))]
	data := []byte(files[name])
	switch rnd.IntN(13) {
	case 0:
		r[i] = bytes.Clone(r[i])
		r[i][rnd.IntN(len(r[i]))] ^= 1 << rnd.IntN(8)
		return fmt.Sprintf("record changed: record %d:", i+1)
	case 1:
		*records = slices.Delete(r, i, i+1)
		if i == len(r)-1 {
			return "last record removed"
		}
		return "record removed: record "
	case 2:
		*records = slices.Insert(r, i, r[rnd.IntN(len(r))])
		return "record inserted"
	case 3:
		j := rnd.IntN(len(r))
		if i == j {
			return "nothing"
		}
		r[i], r[j] = r[j], r[i]
		return fmt.Sprintf("records swapped: record %d:", min(i, j)+1)
	case 4:
		*records = r[:i]
		return "records cut off"
	case 5:
		*records = append(r, r[i])
		return fmt.Sprintf("record appended: record %d:", len(r)+1)
	case 6, 7, 8:
		data[rnd.IntN(len(data))] ^= 1 << rnd.IntN(8)
		files[name] = string(data)
		if name == fileState {
			return "byte of log.json changed"
		}
		return "byte of file changed: " + name
	case 9:
		delete(files, name)
		return "file removed: " + name
	case 10:
		files[name] = string(data[:rnd.IntN(len(data))])
		return "file cut: " + name
	case 11:
		old, ok := older[rnd.IntN(len(older))][name]
		if !ok {
			old = files[names[rnd.IntN(len(names))]]
		}
		files[name] = old
		return "file replaced by an older one, " + name
	default:
		other := path.Dir(name) + "/" + fmt.Sprintf("%03d", 100+rnd.IntN(100))
		files[path.Clean(other)] = string(data)
		return "file added, " + other
	}
}

func TestALogThatWasRolledBackOrForkedIsFoundWithACheckpointKeptElsewhere(t *testing.T) {
	keys := testKeys(t)
	records := testRecords(700)
	dir := filepath.Join(t.TempDir(), "log")
	writeLog(t, dir, keys, records, 100)
	kept, err := os.ReadFile(filepath.Join(dir, fileCheckpoint))
	if err != nil {
		t.Fatal(err)
	}
	wantIntact(t, verifyLog(t, dir, keys, records, kept))

	short := filepath.Join(t.TempDir(), "short")
	writeLog(t, short, keys, records[:600], 100)
	wantIntact(t, verifyLog(t, short, keys, records[:600]))
	wantFinding(t, verifyLog(t, short, keys, records[:600], kept), "checkpoint 1 kept elsewhere: covers 700 records, but only 600 exist: the log was rolled back")

	forked := slices.Clone(records)
	forked[5] = testRecord(99)
	other := filepath.Join(t.TempDir(), "forked")
	writeLog(t, other, keys, forked, 100)
	wantIntact(t, verifyLog(t, other, keys, forked))
	wantFinding(t, verifyLog(t, other, keys, forked, kept), "checkpoint 1 kept elsewhere: the first 700 records do not have the root that it says: the log was forked")

	// those of other logs do not matter, those that nobody signed do
	foreign, err := keys.Sign(Checkpoint{"exchange.example/other", 5, [32]byte{}}.text())
	if err != nil {
		t.Fatal(err)
	}
	report := verifyLog(t, dir, keys, records, foreign, kept)
	wantIntact(t, report)
	if report.Elsewhere != 1 {
		t.Errorf("%d checkpoints compared", report.Elsewhere)
	}
	if report := verifyLog(t, dir, keys, records, []byte("nonsense")); len(report.Findings) != 1 {
		t.Errorf("nonsense as a checkpoint: %v", report.Findings)
	}
}

func wantFinding(t *testing.T, report Report, want string) {
	t.Helper()
	if len(report.Findings) != 1 || report.Findings[0].String() != want {
		t.Errorf("got %v, want %s", report.Findings, want)
	}
}

// While the log is being written, its files may be newer than the records that were read.
func TestALogCanBeVerifiedWhileItIsWritten(t *testing.T) {
	keys := testKeys(t)
	dir := t.TempDir()
	records := testRecords(20_000)
	l := openLog(t, dir, keys, nil, byHand)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i, record := range records {
			if err := l.Append(uint64(i+1), record); err != nil {
				t.Error(err)
				return
			}
			if i%50 == 0 {
				if _, err := l.checkpoint(t.Context(), i%500 == 0); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		report, err := Verify(t.Context(), dir, from(records)(1), VerifyOptions{Origin: testOrigin, VKeys: keys.VKeys()})
		if err != nil || len(report.Findings) > 0 {
			t.Fatalf("%v %v", err, report.Findings)
		}
	}
}

// The process ends at any point of writing: files are those of some moment, and those not yet on disk are
// older, empty, cut off or missing.
func TestALogIsCompletedAfterACrashAtAnyPoint(t *testing.T) {
	keys := testKeys(t)
	dir := filepath.Join(t.TempDir(), "log")
	records := testRecords(1500)
	l := openLog(t, dir, keys, nil, byHand)
	var moments []map[string]string
	var sizes []int
	var synced map[string]string
	var durable []map[string]string // files that the last sync has written
	for i, record := range records {
		appendRecord(t, l, uint64(i+1), record)
		if i%37 == 0 {
			if _, err := l.checkpoint(t.Context(), i%(37*8) == 0); err != nil {
				t.Fatal(err)
			}
			if i%(37*8) == 0 {
				synced = folder(t, dir)
			}
		}
		if i%29 == 0 {
			moments, sizes, durable = append(moments, folder(t, dir)), append(sizes, i+1), append(durable, synced)
		}
	}
	for round := range 300 {
		rnd := rand.New(rand.NewPCG(7, uint64(round)))
		m := rnd.IntN(len(moments))
		files := maps.Clone(moments[m])
		for name := range files {
			if _, onDisk := durable[m][name]; onDisk || !strings.HasPrefix(name, "tile/") || rnd.IntN(4) > 0 {
				continue
			}
			switch rnd.IntN(4) {
			case 0:
				files[name] = ""
			case 1:
				files[name] = files[name][:rnd.IntN(len(files[name]))]
			case 2:
				delete(files, name)
			case 3:
				files[name+temporary] = files[name][:rnd.IntN(len(files[name]))]
			}
		}
		crashed := filepath.Join(t.TempDir(), "log")
		writeFolder(t, crashed, files)
		have := records[:sizes[m]+rnd.IntN(len(records)-sizes[m]+1)]
		if err := openLogError(crashed, keys, have); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		report := verifyLog(t, crashed, keys, have)
		if len(report.Findings) > 0 {
			t.Fatalf("round %d, %d of %d records: %v", round, sizes[m], len(have), report.Findings)
		}
		if err := os.RemoveAll(crashed); err != nil {
			t.Fatal(err)
		}
	}
}

func openLogError(dir string, keys Signer, records [][]byte) error {
	l, err := Open(dir, testOrigin, keys, from(records), byHand)
	if err != nil {
		return err
	}
	return l.Close()
}

func TestRebuildWritesDamagedTilesAgain(t *testing.T) {
	keys := testKeys(t)
	dir := filepath.Join(t.TempDir(), "log")
	records := testRecords(70_000)
	writeLog(t, dir, keys, records, 30_000)
	before := folder(t, dir)
	for _, name := range []string{"tile/0/000", "tile/0/100", "tile/1/000", "tile/2/000.p/1"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("damage"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	remove(t, dir, "tile/0/101")
	if report := verifyLog(t, dir, keys, records); len(report.Findings) != 5 {
		t.Errorf("findings: %v", report.Findings)
	}
	l := openLog(t, dir, keys, records, Options{Interval: -1, Rebuild: true})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(before, folder(t, dir)) {
		t.Error("the files are not what they were")
	}
	wantIntact(t, verifyLog(t, dir, keys, records))
}
