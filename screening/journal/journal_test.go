package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
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
	"interdict/lists/timing"
)

func TestRecordsComeBackAsAppended(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "journal")
	j := mustOpen(t, dir, Options{})
	ids := []uuid.UUID{idAt(testTime, 1), uuid.New()} // one of version 7 with the time of its record, and a random one
	entries := []Entry{
		{Kind: Check, ID: ids[0], Time: testTime, Payload: []byte(`{"result":"miss"}`)},
		{Kind: Activation, ID: ids[1], Time: testTime.Add(time.Nanosecond), Payload: nil},
		{Kind: 200, Time: testTime.Add(-time.Hour), Payload: []byte("\x00\xff")},
	}
	if err := j.AppendBatch(entries, true); err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", MaxPayloadBytes)
	mustAppend(t, j, big, false)
	mustAppend(t, j, big, false) // does not fit behind the other

	want := []Record{
		{Writer: j.writer, Sequence: 1, Kind: Check, ID: ids[0], Time: testTime, Payload: []byte(`{"result":"miss"}`), OffsetBytes: 128},
		{Writer: j.writer, Sequence: 2, Kind: Activation, ID: ids[1], Time: testTime.Add(time.Nanosecond), OffsetBytes: 175},
		{Writer: j.writer, Sequence: 3, Kind: 200, Time: testTime.Add(-time.Hour), Payload: []byte("\x00\xff"), OffsetBytes: 211},
		{Writer: j.writer, Sequence: 4, Kind: Check, Time: testTime, Payload: []byte(big), OffsetBytes: 233},
		{Writer: j.writer, Sequence: 5, Kind: Check, Time: testTime, Payload: []byte(big), OffsetBytes: 128},
	}
	for _, when := range []string{"while the journal is open", "after it was closed"} {
		got, damage := readAll(t, dir)
		if len(got) != len(want) {
			t.Fatalf("%s: %d records, want %d; damage %v", when, len(got), len(want), damage)
		}
		for i := range got {
			want[i].File = got[min(i, 3)].File
			if i == 4 {
				want[i].File = got[4].File
			}
			if filepath.Ext(got[i].File) == ".zst" { // records of a sealed segment have the offset of their block
				want[i].OffsetBytes = got[i].OffsetBytes
			}
		}
		if got[3].File == got[4].File {
			t.Errorf("%s: both large records are in %s", when, got[3].File)
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(bytes.Equal)); diff != "" || damage != nil {
			t.Errorf("%s: damage %v, records (-want +got):\n%s", when, damage, diff)
		}
		mustClose(t, j)
	}
	verifySealed(t, dir)
	for _, path := range append(files(t, dir), dir) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("%s can be read by others: mode %o", path, mode)
		}
	}
}

// idAt returns a UUIDv7 of a time.
func idAt(at time.Time, n uint64) (id uuid.UUID) {
	binary.BigEndian.PutUint64(id[:], uint64(at.UnixMilli())<<16|0x7000|n>>32&0xfff)
	binary.BigEndian.PutUint64(id[8:], 1<<63|n)
	return id
}

// The active segment is nearly empty, but the record does not fit into it.
func TestLargeRecordGoesToTheNextSegment(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{})
	want := []string{strings.Repeat("a", 10_000), strings.Repeat("b", MaxPayloadBytes), strings.Repeat("c", 10_000)}
	for _, payload := range want {
		mustAppend(t, j, payload, false)
	}
	if !slices.Equal(want, payloads(t, dir)) {
		t.Error("records differ")
	}
}

func TestInvalidRecordsAreRefused(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{})
	for name, entries := range map[string][]Entry{
		"no kind":        {{Kind: Check, Time: testTime}, {Time: testTime}},
		"a byte too big": {{Kind: Check, Time: testTime, Payload: make([]byte, MaxPayloadBytes+1)}},
	} {
		if err := j.AppendBatch(entries, false); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want fault.Invalid", name, err)
		}
	}
	if got := payloads(t, dir); got != nil {
		t.Errorf("%d records were written", len(got))
	}
	for name, opts := range map[string]Options{
		"small segments": {SegmentBytes: MinSegmentBytes - 1},
		"large segments": {SegmentBytes: MaxSegmentBytes + 1},
		"negative age":   {MaxAge: -1},
	} {
		if _, err := Open(t.TempDir(), opts); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want fault.Invalid", name, err)
		}
	}
}

func TestClosedJournalRefuses(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{})
	mustAppend(t, j, "a", false)
	mustClose(t, j)
	mustClose(t, j)
	if err := j.Append(Check, testTime, []byte("b"), false); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want fault.Unavailable", err)
	}
	if diff := cmp.Diff([]string{"a"}, payloads(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestJournalWithoutRecordsLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	mustClose(t, mustOpen(t, dir, Options{}))
	if left := files(t, dir); left != nil {
		t.Errorf("left: %v", left)
	}
}

func TestDirectoryThatCannotBeWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	writeFile(t, path, nil)
	if _, err := Open(path, Options{}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want fault.Unavailable", err)
	}
	for _, err := range Read(context.Background(), filepath.Join(path, "none")) {
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("got %v, want fault.Unavailable", err)
		}
	}
}

// Many goroutines append while segments rotate, readers read, and another journal opens in
// the same directory: each sees all that was appended before it began, in order.
func TestRotationUnderConcurrency(t *testing.T) {
	t.Run("small segments", func(t *testing.T) { rotateUnderConcurrency(t, MinSegmentBytes, 5) })
	t.Run("larger segments", func(t *testing.T) { rotateUnderConcurrency(t, 3*MinSegmentBytes, 1) })
}

func rotateUnderConcurrency(t *testing.T, segmentBytes, rotations int) {
	const writers, each = 8, 1500
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{SegmentBytes: segmentBytes})
	pad := strings.Repeat("p", 500)
	var acked [writers]int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				payload := fmt.Sprintf("%d %d %s", w, n, pad)
				if err := j.Append(Check, testTime, []byte(payload), n%97 == 0); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acked[w]++
				mu.Unlock()
			}
		})
	}
	check := func() {
		mu.Lock()
		promised := acked
		mu.Unlock()
		var got [writers]int
		for _, p := range payloads(t, dir) {
			var w, n int
			if _, err := fmt.Sscanf(p, "%d %d ", &w, &n); err != nil || n != got[w] {
				t.Fatalf("writer %d: record %d where %d belongs (%v)", w, n, got[w], err)
			}
			got[w]++
		}
		for w := range got {
			if got[w] < promised[w] {
				t.Errorf("writer %d: %d records were appended, %d are there", w, promised[w], got[w])
			}
		}
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		check()
		mustClose(t, mustOpen(t, dir, Options{}))
	}
	if s := j.Stats(); s.Records != writers*each || s.Rotations < uint64(rotations) || s.Refused != 0 || s.LastError != nil || s.Syncs == 0 {
		t.Errorf("stats: %+v", s)
	}
	mustClose(t, j)
	check()
	verifySealed(t, dir)
}

// With a clock that is moved by hand.
func TestOldSegmentIsRetired(t *testing.T) {
	dir := t.TempDir()
	var mu sync.Mutex
	now := testTime
	move := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); now = now.Add(d) }
	j := mustOpen(t, dir, Options{MaxAge: 20 * time.Millisecond, Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	move(time.Hour)
	time.Sleep(60 * time.Millisecond) // an empty segment does not age
	mustAppend(t, j, "a", false)
	time.Sleep(60 * time.Millisecond)
	mustAppend(t, j, "b", false)
	if n := j.Stats().Rotations; n != 0 {
		t.Fatalf("%d rotations before its time", n)
	}
	move(time.Hour)
	eventually(t, "retirement of the old segment", func() bool { return j.Stats().Rotations == 1 })
	mustAppend(t, j, "c", false)
	records, _ := readAll(t, dir)
	if diff := cmp.Diff([]string{"a", "b", "c"}, payloadsOf(records)); diff != "" {
		t.Fatal(diff)
	}
	if records[0].File != records[1].File || records[1].File == records[2].File {
		t.Errorf("files: %s, %s, %s", records[0].File, records[1].File, records[2].File)
	}
}

func TestStats(t *testing.T) {
	dir := t.TempDir()
	now := testTime
	j := mustOpen(t, dir, Options{Now: func() time.Time { return now }})
	mustAppend(t, j, "12345", false)
	eventually(t, "the record is synced in the background", func() bool { return !j.Stats().LastSync.IsZero() })
	mustAppend(t, j, "123", true)
	var instant timing.Histogram
	instant.Observe(0)
	instant.Observe(0)
	if diff := cmp.Diff(Stats{Records: 2, Bytes: 2*headBytes + 8, Syncs: 2, LastSync: now, Synced: 2, SyncDurations: instant.Counts()}, j.Stats()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	j := mustOpen(t, t.TempDir(), Options{SegmentBytes: DefaultSegmentBytes})
	batch := make([]Entry, 100)
	for i := range batch {
		batch[i] = Entry{Kind: Check, Time: testTime, Payload: benchPayload}
	}
	for name, f := range map[string]func() error{
		"append":  func() error { return j.Append(Check, testTime, benchPayload, false) },
		"durable": func() error { return j.Append(Check, testTime, benchPayload, true) },
		"batch":   func() error { return j.AppendBatch(batch, false) },
	} {
		var err error
		if n := testing.AllocsPerRun(200, func() { err = errors.Join(err, f()) }); n != 0 || err != nil {
			t.Errorf("%s: %v allocations, error %v", name, n, err)
		}
	}
}

func TestReadStopsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{})
	for range 10 {
		mustAppend(t, j, "a", false)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 0
	for _, err := range Read(ctx, dir) {
		if err == nil {
			n++
		} else if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if n == 3 {
			cancel()
		}
	}
	if n != 3 {
		t.Errorf("%d records, want 3", n)
	}
	for _, err := range Read(context.Background(), dir) {
		if err != nil {
			t.Error(err)
		}
		break // must not yield again
	}
}
