package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"interdict/lists/fault"
)

// fillUp takes all the room that is left in dir, and returns how to give it back.
func fillUp(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
}

func TestFullDiskRefusesAndRecoversByItself(t *testing.T) {
	dir := smallDisk(t, "8m")
	j := mustOpen(t, dir, Options{})
	pad := strings.Repeat("p", 10_000)
	var want []string
	add := func(durable bool) error {
		payload := fmt.Sprint(len(want), pad)
		err := j.Append(Check, testTime, []byte(payload), durable)
		if err == nil {
			want = append(want, payload)
		}
		return err
	}
	for range 3 {
		free := fillUp(t, dir)
		var err error
		for range 1000 { // what has been allocated still takes records
			if err = add(len(want)%10 == 0); err != nil {
				break
			}
		}
		if !fault.Is(err, fault.Unavailable) || !errors.Is(err, unix.ENOSPC) {
			t.Fatalf("after %d records: got %v, want fault.Unavailable for want of room", len(want), err)
		}
		begun := time.Now()
		if err := add(true); !fault.Is(err, fault.Unavailable) || time.Since(begun) > time.Second {
			t.Fatalf("got %v after %s, want a refusal at once", err, time.Since(begun))
		}
		if s := j.Stats(); s.Refused == 0 || !errors.Is(s.LastError, unix.ENOSPC) {
			t.Errorf("stats do not tell: %+v", s)
		}
		free()
		eventually(t, "room again", func() bool { return add(true) == nil })
		if !slices.Equal(want, payloads(t, dir)) {
			t.Fatalf("%d records appended, others read", len(want))
		}
	}
	mustClose(t, j)
	if !slices.Equal(want, payloads(t, dir)) {
		t.Errorf("%d records appended, others read after closing", len(want))
	}
}

func TestOpenOnFullDiskIsRefused(t *testing.T) {
	dir := smallDisk(t, "2m")
	fillUp(t, dir)
	if _, err := Open(dir, Options{}); !fault.Is(err, fault.Unavailable) || !errors.Is(err, unix.ENOSPC) {
		t.Errorf("got %v, want fault.Unavailable for want of room", err)
	}
	if left := files(t, dir); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

func TestOpenOnFailingDiskIsRefused(t *testing.T) {
	dir := t.TempDir()
	if _, err := open(dir, Options{}, failingDisk(t, func() bool { return true })); !fault.Is(err, fault.Unavailable) || !errors.Is(err, errDisk) {
		t.Errorf("got %v, want fault.Unavailable", err)
	}
	if left := files(t, dir); left != nil {
		t.Errorf("left: %v", left)
	}
}

var errDisk = errors.New("the disk failed")

// badDisk fails syncs as told, and checks that no file is synced after it failed.
type badDisk struct {
	t     *testing.T
	fails func() bool
	mu    sync.Mutex
	gone  map[string]bool
}

func (d *badDisk) disk() disk {
	return disk{allocate: allocate, flush: func(f *os.File, mem []byte, from, to int) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.gone[f.Name()] {
			d.t.Errorf("%s is synced again", f.Name())
		}
		if d.fails() {
			if d.gone == nil {
				d.gone = map[string]bool{}
			}
			d.gone[f.Name()] = true
			clear(mem[from&^(pageBytes-1) : to]) // the kernel drops what it could not write
			return errDisk
		}
		return flush(f, mem, from, to)
	}}
}

// failingDisk is a badDisk whose pages stay in memory, as Linux keeps them for a while.
func failingDisk(t *testing.T, fails func() bool) disk {
	bad := (&badDisk{t: t, fails: fails}).disk()
	return disk{allocate: bad.allocate, flush: func(f *os.File, mem []byte, from, to int) error {
		from &^= pageBytes - 1
		kept := append([]byte(nil), mem[from:to]...)
		err := bad.flush(f, mem, from, to)
		copy(mem[from:to], kept)
		return err
	}}
}

func TestFailedSyncMovesRecordsToAnotherFile(t *testing.T) {
	dir := t.TempDir()
	var failing atomic.Bool
	j := mustOpenOn(t, dir, Options{}, failingDisk(t, failing.Load))
	mustAppend(t, j, "synced", true)
	mustAppend(t, j, "waiting", false)
	failing.Store(true)
	mustAppend(t, j, "durable", true) // salvaged, so no error
	failing.Store(false)
	mustAppend(t, j, "after", true)

	want := []string{"synced", "waiting", "durable", "after"}
	if diff := cmp.Diff(want, payloads(t, dir)); diff != "" {
		t.Error(diff)
	}
	if s := j.Stats(); !errors.Is(s.LastError, errDisk) || s.Refused != 0 {
		t.Errorf("stats: %+v", s)
	}
	mustClose(t, j)

	// The sync that failed also wrote the page with the record synced before: it may be gone.
	broken := files(t, dir)
	broken = slices.DeleteFunc(broken, func(path string) bool {
		s, err := inspectPath(path)
		return err != nil || s.seal != nil
	})
	if len(broken) != 1 {
		t.Fatalf("broken segments: %v", broken)
	}
	f, err := os.OpenFile(broken[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, 100), headerBytes); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, payloads(t, dir)); diff != "" {
		t.Error(diff)
	}
	mustClose(t, mustOpen(t, dir, Options{})) // seals the broken segment as well
	if diff := cmp.Diff(want, payloads(t, dir)); diff != "" {
		t.Error(diff)
	}
	verifyAllSealed(t, dir)
}

func verifyAllSealed(t *testing.T, dir string) {
	t.Helper()
	segments, err := list(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range segments {
		if s.seal == nil || s.spare {
			t.Errorf("%s is not sealed", s.path)
		}
	}
}

func TestRecordsLostByTheDiskAreRefusedAndReported(t *testing.T) {
	dir := t.TempDir()
	var failing atomic.Bool
	bad := &badDisk{t: t, fails: failing.Load}
	j := mustOpenOn(t, dir, Options{}, bad.disk())
	long := strings.Repeat("l", pageBytes)
	mustAppend(t, j, long, true)
	mustAppend(t, j, "lost", false)
	failing.Store(true)
	if err := j.Append(Check, testTime, []byte("refused"), true); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want fault.Unavailable", err)
	}
	failing.Store(false)
	eventually(t, "another segment", func() bool { return j.Append(Check, testTime, []byte("after"), true) == nil })
	got, damage := damageOf(t, dir)
	if len(damage) != 1 || damage[0].Missing == 0 {
		t.Errorf("damage: %+v, want the lost records", damage)
	}
	if diff := cmp.Diff("after", got[len(got)-1]); diff != "" {
		t.Error(diff)
	}
}

// The disk fails a sync, and has no room for another file either: nothing is accepted until it
// has, and nothing that was accepted is lost.
func TestFailedSyncOnFullDisk(t *testing.T) {
	dir := smallDisk(t, "6m")
	var failing atomic.Bool
	j := mustOpenOn(t, dir, Options{}, failingDisk(t, failing.Load))
	half := strings.Repeat("h", MinSegmentBytes/2)
	mustAppend(t, j, half, true)
	mustAppend(t, j, "b", false)
	eventually(t, "a spare that could take records", func() bool { j.mu.Lock(); defer j.mu.Unlock(); return j.spare != nil })
	free := fillUp(t, dir)
	failing.Store(true)
	if err := j.Append(Check, testTime, []byte("c"), true); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("got %v, want fault.Unavailable", err)
	}
	failing.Store(false)
	for _, durable := range []bool{true, false} {
		if err := j.Append(Check, testTime, []byte("x"), durable); !fault.Is(err, fault.Unavailable) {
			t.Fatalf("durable %t: got %v, want fault.Unavailable", durable, err)
		}
	}
	free()
	eventually(t, "room again", func() bool { return j.Append(Check, testTime, []byte("d"), true) == nil })
	// c is recorded, though its caller was refused.
	if got := payloads(t, dir); !slices.Equal([]string{half, "b", "c", "d"}, got) {
		t.Errorf("%d records, want 4", len(got))
	}
}

// A journal that is closed while the disk fails says so, and the next Open finds the records.
func TestCloseOnFailingDisk(t *testing.T) {
	dir := smallDisk(t, "6m")
	var failing atomic.Bool
	j, err := open(dir, Options{SegmentBytes: MinSegmentBytes, Logger: testLogger(t)}, failingDisk(t, failing.Load))
	if err != nil {
		t.Fatal(err)
	}
	failing.Store(true)
	mustAppend(t, j, "a", false)
	last, _, err := j.write([]Entry{{Kind: Check, Time: testTime}})
	if err != nil {
		t.Fatal(err)
	}
	free := fillUp(t, dir)
	if err := j.Close(); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want fault.Unavailable", err)
	}
	if err := j.await(last); !errors.Is(err, errClosed) { // an Append that was under way
		t.Errorf("got %v, want %v", err, errClosed)
	}
	free()
	mustClose(t, mustOpen(t, dir, Options{}))
	if diff := cmp.Diff([]string{"a", ""}, payloads(t, dir)); diff != "" {
		t.Error(diff)
	}
	verifyAllSealed(t, dir)
}

// One sync in ten fails, while many append and segments rotate.
func TestManyFailedSyncsLoseNothing(t *testing.T) {
	const writers, each = 6, 400
	dir := t.TempDir()
	var failing atomic.Bool
	j := mustOpenOn(t, dir, Options{}, failingDisk(t, func() bool { return failing.Load() && rand.IntN(10) == 0 }))
	failing.Store(true)
	pad := strings.Repeat("p", 3000)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				if err := j.Append(Check, testTime, fmt.Appendf(nil, "%d %d %s", w, n, pad), w%2 == 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, when := range []string{"open", "closed", "recovered"} {
		var next [writers]int
		for _, p := range payloads(t, dir) {
			var w, n int
			if _, err := fmt.Sscanf(p, "%d %d ", &w, &n); err != nil || n != next[w] {
				t.Fatalf("%s: writer %d: record %d where %d belongs (%v)", when, w, n, next[w], err)
			}
			next[w]++
		}
		for w := range next {
			if next[w] != each {
				t.Errorf("%s: writer %d: %d records, want %d", when, w, next[w], each)
			}
		}
		mustClose(t, j)
		if when == "closed" {
			mustClose(t, mustOpen(t, dir, Options{}))
		}
	}
}

// Somebody cuts the file under the mapping: the next write faults, as it does when a disk
// fails or a copy-on-write file system is full.
func TestFaultingMemoryIsAnErrorNotACrash(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{})
	long := strings.Repeat("l", 3*pageBytes)
	mustAppend(t, j, long, true)
	records, _ := readAll(t, dir)
	if err := os.Truncate(records[0].File, int64(4*pageBytes)); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(Check, testTime, []byte(long), false); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("got %v, want fault.Unavailable", err)
	}
	mustAppend(t, j, "after", true)
	if diff := cmp.Diff([]string{long, "after"}, payloads(t, dir)); diff != "" {
		t.Error("records differ")
	}
}

func TestManyDurableRecordsShareASync(t *testing.T) {
	const writers = 64
	slow := disk{allocate: allocate, flush: func(*os.File, []byte, int, int) error {
		time.Sleep(20 * time.Millisecond)
		return nil
	}}
	j := mustOpenOn(t, t.TempDir(), Options{}, slow)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			if err := j.Append(Check, testTime, []byte("hit"), true); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if s := j.Stats(); s.Records != writers || s.Syncs > 5 {
		t.Errorf("%d records took %d syncs", s.Records, s.Syncs)
	}
}

func TestZeroFilling(t *testing.T) {
	dir := t.TempDir()
	zeroFilled := disk{allocate: zeroFill, flush: flush}
	j := mustOpenOn(t, dir, Options{SegmentBytes: MinSegmentBytes + 1}, zeroFilled)
	mustAppend(t, j, "a", true)
	records, _ := readAll(t, dir)
	if info, err := os.Stat(records[0].File); err != nil || info.Size() != MinSegmentBytes+1 {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
	mustClose(t, j)
	if diff := cmp.Diff([]string{"a"}, payloads(t, dir)); diff != "" {
		t.Error(diff)
	}
}
