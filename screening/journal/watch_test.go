package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"interdict/lists/fault"
)

// The folder or the active file goes away under a running journal: it notices within seconds, refuses records while it cannot
// write where a reader looks, and then goes on with all that it acknowledged.
func TestLostFilesAreNoticed(t *testing.T) {
	for name, c := range map[string]struct {
		lose   func(t *testing.T, dir, active string)
		regain func(t *testing.T, dir string) // nil: by itself
	}{
		"the active segment is deleted": {lose: func(t *testing.T, _, active string) { must(t, os.Remove(active)) }},
		"the active segment is replaced": {lose: func(t *testing.T, _, active string) {
			must(t, os.Rename(active, active+".old"))
			writeFile(t, active, nil)
		}},
		"the active segment is read-only": {lose: func(t *testing.T, _, active string) { must(t, os.Chmod(active, 0o400)) }},
		"the folder is deleted": {
			lose:   func(t *testing.T, dir, _ string) { must(t, os.RemoveAll(dir)) },
			regain: func(t *testing.T, dir string) { must(t, os.Mkdir(dir, 0o700)) },
		},
		"the folder is read-only": {
			lose:   func(t *testing.T, dir, _ string) { must(t, os.Chmod(dir, 0o500)) },
			regain: func(t *testing.T, dir string) { must(t, os.Chmod(dir, 0o700)) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "journal")
			j := mustOpen(t, dir, Options{})
			var want []string
			for i := range 100 {
				want = append(want, fmt.Sprint("before ", i))
				mustAppend(t, j, want[i], i == 50)
			}
			j.mu.Lock()
			active := j.active.path
			j.mu.Unlock()
			c.lose(t, dir, active)
			eventually(t, "the loss is noticed", func() bool { return j.Stats().LastError != nil })
			if c.regain != nil {
				for range 3 {
					if err := j.Append(Check, testTime, []byte("refused"), false); !fault.Is(err, fault.Unavailable) {
						t.Errorf("got %v, want fault.Unavailable", err)
					}
				}
				c.regain(t, dir)
			}
			eventually(t, "records are taken again", func() bool { return j.Append(Check, testTime, []byte("after"), true) == nil })
			want = append(want, "after")
			if diff := cmp.Diff(want, payloads(t, dir)); diff != "" {
				t.Errorf("open (-want +got):\n%s", diff)
			}
			mustClose(t, j)
			mustClose(t, mustOpen(t, dir, Options{}))
			if diff := cmp.Diff(want, payloads(t, dir)); diff != "" {
				t.Errorf("closed (-want +got):\n%s", diff)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// proofLog is a proof in memory that fails as told.
type proofLog struct {
	mu      sync.Mutex
	records []string
	sealed  int // records at the last call of Seal
	fail    bool
	block   sync.Mutex
}

func (p *proofLog) Seal() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sealed = len(p.records)
	return nil
}

func (p *proofLog) Append(seq uint64, record []byte) error {
	p.block.Lock() // held by a test to delay the proof
	defer p.block.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail {
		return errors.New("no proof now")
	}
	if seq != uint64(len(p.records))+1 {
		return fmt.Errorf("record %d after %d", seq, len(p.records))
	}
	p.records = append(p.records, string(record))
	return nil
}

// Every record reaches the proof once, in order, in the form in which it is read; also if the proof fails or lags behind.
func TestEveryRecordIsProven(t *testing.T) {
	dir := t.TempDir()
	p := &proofLog{}
	j := mustOpen(t, dir, Options{Proof: func(uuid.UUID) (Appender, error) { return p, nil }})
	pad := string(make([]byte, 2000))
	fill(t, j, 500, pad)
	eventually(t, "the proof", func() bool { return j.Stats().Proven == 500 })
	p.mu.Lock()
	p.fail = true
	p.mu.Unlock()
	more := func(n int) {
		for range n {
			mustAppend(t, j, pad, false)
		}
	}
	more(500)
	eventually(t, "the proof fails", func() bool { return j.Stats().ProofError != nil })
	p.mu.Lock()
	p.fail = false
	p.mu.Unlock()
	eventually(t, "the proof again", func() bool { s := j.Stats(); return s.Proven == 1000 && s.ProofError == nil })
	p.block.Lock()
	more(2 * maxFeedBytes / 2000) // more than wait in memory
	p.block.Unlock()
	mustClose(t, j)
	if p.sealed != len(p.records) {
		t.Errorf("Seal at %d of %d records", p.sealed, len(p.records))
	}
	var want []string
	for r, err := range Read(t.Context(), dir) {
		must(t, err)
		want = append(want, string(r.Bytes()))
	}
	if len(want) != len(p.records) {
		t.Fatalf("%d records, %d are proven", len(want), len(p.records))
	}
	for i := range want {
		if want[i] != p.records[i] {
			t.Fatalf("record %d differs", i+1)
		}
	}
}
