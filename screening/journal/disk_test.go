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

// badDisk fails syncs as told, and checks that no file is synced after it failed. What it could not sync it drops, as a kernel may, unless keeps is
// set.
type badDisk struct {
	t     *testing.T
	fails func() bool
	keeps bool
	mu    sync.Mutex
	gone  map[*os.File]bool
	good  map[*os.File]int64 // synced bytes
}

func (d *badDisk) disk() disk {
	d.gone, d.good = map[*os.File]bool{}, map[*os.File]int64{}
	real := realDisk
	real.sync = func(f *os.File) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.gone[f] {
			d.t.Errorf("%s is synced again", f.Name())
		}
		info, err := f.Stat()
		if err != nil {
			return err
		}
		if d.fails() {
			d.gone[f] = true
			if from := d.good[f] &^ 4095; !d.keeps && from < info.Size() {
				if _, err := f.WriteAt(make([]byte, info.Size()-from), from); err != nil {
					d.t.Error(err)
				}
			}
			return errDisk
		}
		d.good[f] = info.Size()
		return syncData(f)
	}
	return real
}

// failingDisk is a badDisk whose pages stay in memory, as Linux keeps them for a while.
func failingDisk(t *testing.T, fails func() bool) disk {
	return (&badDisk{t: t, fails: fails, keeps: true}).disk()
}

func TestFailedSyncMovesRecordsToAnotherFile(t *testing.T) {
	dir := t.TempDir()
	var failing atomic.Bool
	j := mustOpenOn(t, dir, Options{}, failingDisk(t, func() bool { return failing.Swap(false) }))
	mustAppend(t, j, "synced", true)
	mustAppend(t, j, "waiting", false)
	failing.Store(true)
	mustAppend(t, j, "durable", true) // written to another file, so no error
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
	broken = slices.DeleteFunc(broken, func(path string) bool { return filepath.Ext(path) == ".zst" })
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
	for _, path := range files(t, dir) {
		if ext := filepath.Ext(path); ext != ".zst" && ext != ".damaged" {
			t.Errorf("%s is not sealed", path)
		}
	}
}

// The disk drops what it could not sync: the journal still has the records, and those on the same pages.
func TestRecordsLostByTheDiskAreWrittenAgain(t *testing.T) {
	dir := t.TempDir()
	var failing atomic.Bool
	bad := &badDisk{t: t, fails: failing.Load}
	j := mustOpenOn(t, dir, Options{}, bad.disk())
	want := []string{strings.Repeat("l", 3*4096), "synced", "not synced", "durable", "after"}
	mustAppend(t, j, want[0], true)
	mustAppend(t, j, want[1], true)
	mustAppend(t, j, want[2], false)
	failing.Store(true)
	moved := make(chan error)
	go func() { moved <- j.Append(Check, testTime, []byte(want[3]), true) }()
	eventually(t, "the first failed sync", func() bool { return j.Stats().LastError != nil })
	failing.Store(false)
	if err := <-moved; err != nil && !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	eventually(t, "another segment", func() bool { return j.Append(Check, testTime, []byte(want[4]), true) == nil })
	for _, when := range []string{"open", "closed", "recovered"} {
		if !slices.Equal(want, payloads(t, dir)) {
			t.Errorf("%s: records differ", when)
		}
		mustClose(t, j)
		if when == "closed" {
			mustClose(t, mustOpen(t, dir, Options{}))
		}
	}
	verifyAllSealed(t, dir)
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
	eventually(t, "all is synced", func() bool { j.mu.Lock(); defer j.mu.Unlock(); return j.tail.unsynced() == 0 })
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
	last, _, err := j.write([]Entry{{Kind: Check, Time: testTime}}) // without waiting for the disk
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

// One sync in ten fails, but never two in a row, while many append and segments rotate.
func TestManyFailedSyncsLoseNothing(t *testing.T) {
	const writers, each = 6, 400
	dir := t.TempDir()
	var failing, failed atomic.Bool
	j := mustOpenOn(t, dir, Options{}, failingDisk(t, func() bool {
		failed.Store(!failed.Load() && failing.Load() && rand.IntN(10) == 0)
		return failed.Load()
	}))
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

func TestManyDurableRecordsShareASync(t *testing.T) {
	const writers = 64
	slow := realDisk
	slow.sync = func(*os.File) error {
		time.Sleep(20 * time.Millisecond)
		return nil
	}
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

// The spare was created before the segment that the records moved to, and would be used after it.
func TestSpareIsReplacedAfterAMove(t *testing.T) {
	dir := t.TempDir()
	var failing atomic.Bool
	j := mustOpenOn(t, dir, Options{}, failingDisk(t, func() bool { return failing.Swap(false) }))
	var want []string
	add := func() {
		want = append(want, fmt.Sprint(len(want), strings.Repeat("p", MinSegmentBytes/4)))
		mustAppend(t, j, want[len(want)-1], true)
	}
	for range 3 {
		add()
	}
	eventually(t, "a spare", func() bool { j.mu.Lock(); defer j.mu.Unlock(); return j.spare != nil })
	failing.Store(true)
	want = append(want, "small") // it still fits into the active segment
	mustAppend(t, j, "small", true)
	for range 12 {
		add()
	}
	if !slices.Equal(want, payloads(t, dir)) {
		t.Error("open: records differ")
	}
	mustClose(t, j)
	if !slices.Equal(want, payloads(t, dir)) {
		t.Error("closed: records differ")
	}
}
