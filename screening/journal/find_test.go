package journal

import (
	"bufio"
	"context"
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
)

// fill appends records from a clock that jumps by hours, over several segments, and returns them as they must be read.
func fill(t *testing.T, j *Journal, n int, pad string) []Record {
	t.Helper()
	var want []Record
	at := testTime
	for i := range n {
		switch i % 1000 {
		case 300:
			at = at.Add(7 * time.Hour)
		case 600:
			at = at.Add(-9 * time.Hour)
		}
		at = at.Add(1234567 * time.Nanosecond)
		e := Entry{Kind: Check, ID: idAt(at, uint64(i)), Time: at, Payload: fmt.Appendf(nil, "%d %s", i, pad)}
		if i%10 == 9 {
			e.ID = uuid.Nil
		}
		if err := j.AppendBatch([]Entry{e}, false); err != nil {
			t.Fatal(err)
		}
		want = append(want, Record{Writer: j.writer, Sequence: uint64(i) + 1, Kind: Check, ID: e.ID, Time: at, Payload: e.Payload})
	}
	return want
}

// lines compares records quickly.
func lines(records ...Record) (all []string) {
	for _, r := range records {
		all = append(all, fmt.Sprintf("%s %d %s %s %s %q", r.Writer, r.Sequence, r.Kind, r.ID, r.Time, r.Payload))
	}
	return all
}

// Records are found by id, sequence and time, in sealed segments, in one that waits to be sealed and in the active one, though
// the clock jumps back and forth.
func TestRecordsAreFound(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{})
	want := fill(t, j, 9000, strings.Repeat("p", 600))
	ctx := context.Background()
	for _, when := range []string{"open", "closed"} {
		for i := 0; i < len(want); i += 97 {
			if want[i].ID == uuid.Nil {
				continue
			}
			r, err := Find(ctx, dir, want[i].ID)
			if diff := cmp.Diff(lines(want[i]), lines(r)); diff != "" || err != nil {
				t.Fatalf("%s: %d: %v (-want +got):\n%s", when, i, err, diff)
			}
		}
		for _, id := range []uuid.UUID{uuid.Nil, uuid.New(), idAt(testTime, 1<<40)} {
			if _, err := Find(ctx, dir, id); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: got %v, want fault.NotFound", when, err)
			}
		}
		for _, from := range []uint64{0, 1, 2, 4097, 5000, 8999, 9000, 9001} {
			got := collect(t, ReadFrom(ctx, dir, j.writer, from))
			if diff := cmp.Diff(lines(want[max(from, 1)-1:]...), lines(got...)); diff != "" {
				t.Fatalf("%s: from %d (-want +got):\n%s", when, from, diff)
			}
		}
		for _, d := range [][2]time.Duration{{0, time.Second}, {time.Second, 7 * time.Hour}, {-30 * time.Hour, 0}, {-300 * time.Hour, 300 * time.Hour}, {time.Hour, time.Hour}, {-1 << 62, -1 << 61}} {
			from, to := testTime.Add(d[0]), testTime.Add(d[1])
			var inside []Record
			for _, r := range want {
				if !r.Time.Before(from) && r.Time.Before(to) {
					inside = append(inside, r)
				}
			}
			if diff := cmp.Diff(lines(inside...), lines(collect(t, Range(ctx, dir, from, to))...)); diff != "" {
				t.Fatalf("%s: %s to %s (-want +got):\n%s", when, d[0], d[1], diff)
			}
		}
		mustClose(t, j)
	}
	writers, err := Writers(dir)
	if err != nil || len(writers) != 1 || writers[0].ID != j.writer || writers[0].Open || writers[0].First != 1 || writers[0].Segments < 3 {
		t.Errorf("writers: %+v, %v", writers, err)
	}
}

func collect(t *testing.T, records func(func(Record, error) bool)) (all []Record) {
	t.Helper()
	for r, err := range records {
		if err != nil {
			t.Fatal(err)
		}
		r.Payload = slices.Clone(r.Payload)
		all = append(all, r)
	}
	return all
}

// An index follows a writer while it rotates and seals: every record once, in order.
func TestFollowingALiveWriter(t *testing.T) {
	const n = 30_000
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{})
	var wg sync.WaitGroup
	wg.Go(func() { fill(t, j, n, strings.Repeat("p", 300)) })
	next := uint64(1)
	for next <= n && !t.Failed() {
		for r, err := range ReadFrom(context.Background(), dir, j.writer, next) {
			if err != nil || r.Sequence != next {
				t.Fatalf("got record %d, want %d: %v", r.Sequence, next, err)
			}
			next++
		}
	}
	wg.Wait()
}

// Damage in a sealed segment is reported with the records that are missing, and the others are read.
func TestDamageOfASealedSegment(t *testing.T) {
	source := t.TempDir()
	j := mustOpen(t, source, Options{SegmentBytes: DefaultSegmentBytes})
	want := fill(t, j, 3*blockRecords, "")
	mustClose(t, j)
	path := files(t, source)[0]
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	blocks, _, err := readIndex(f, int64(len(whole)))
	if err != nil || len(blocks) != 3 {
		t.Fatalf("%d blocks, %v", len(blocks), err)
	}
	second := blocks[1]
	for name, c := range map[string]struct {
		hurt    func(b []byte) []byte
		missing uint64
		damage  int
	}{
		"a byte of a block":  {func(b []byte) []byte { b[second.off+second.bytes()/2]++; return b }, blockRecords, 1},
		"a head":             {func(b []byte) []byte { b[second.off+20]++; return b }, blockRecords, 1},
		"the header":         {func(b []byte) []byte { b[20]++; return b }, 0, 1},
		"the index":          {func(b []byte) []byte { b[len(b)-trailerBytes-1]++; return b }, 0, 1},
		"the trailer":        {func(b []byte) []byte { b[len(b)-1]++; return b }, 0, 1},
		"bytes at the end":   {func(b []byte) []byte { return append(b, 1, 2, 3) }, 0, 1},
		"index and a block":  {func(b []byte) []byte { b[second.off+70]++; b[len(b)-1]++; return b }, blockRecords, 2},
		"cut after a block":  {func(b []byte) []byte { return b[:blocks[2].off] }, 0, 1},
		"cut inside a block": {func(b []byte) []byte { return b[:second.off+100] }, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b := c.hurt(slices.Clone(whole))
			writeFile(t, filepath.Join(dir, filepath.Base(path)), b)
			recoverQuietly(t, dir)
			records, damage := readAll(t, dir)
			var missing uint64
			for _, d := range damage {
				missing += d.Missing
			}
			if len(damage) != c.damage || missing != c.missing {
				t.Errorf("damage: %v", damage)
			}
			expected := slices.Clone(want)
			switch {
			case c.missing > 0:
				expected = slices.Delete(expected, blockRecords, 2*blockRecords)
			case name == "cut after a block":
				expected = expected[:2*blockRecords]
			case name == "cut inside a block":
				expected = expected[:blockRecords]
			}
			if diff := cmp.Diff(lines(expected...), lines(records...)); diff != "" {
				t.Errorf("(-want +got):\n%.2000s", diff)
			}
			if _, err := Find(context.Background(), dir, want[blockRecords+1].ID); len(expected) != len(want) && c.missing > 0 && !errors.As(err, new(*DamageError)) {
				t.Errorf("a record in the damaged block: %v, want a *DamageError", err)
			}
		})
	}
}

// A crash of sealing leaves every record once, wherever it comes.
func TestCrashWhileSealing(t *testing.T) {
	texts := []string{"one", "two", "three"}
	raw := segmentImage(1, 5, texts...)
	sealedDir := t.TempDir()
	writeFile(t, filepath.Join(sealedDir, segmentName(1, 5)), raw)
	recoverQuietly(t, sealedDir)
	sealedPath := files(t, sealedDir)[0]
	sealed, err := os.ReadFile(sealedPath)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(sealedPath)
	temporary := "seal-" + testWriter.String() + "-000001-00000005.tmp"
	for what, left := range map[string]map[string][]byte{
		"before":               {segmentName(1, 5): raw},
		"an empty file":        {segmentName(1, 5): raw, temporary: nil},
		"half a file":          {segmentName(1, 5): raw, temporary: sealed[:len(sealed)/2]},
		"the whole file":       {segmentName(1, 5): raw, temporary: sealed},
		"renamed":              {segmentName(1, 5): raw, name: sealed},
		"renamed, but damaged": {segmentName(1, 5): raw, name: sealed[:len(sealed)-1]},
		"removed":              {name: sealed},
	} {
		dir := t.TempDir()
		for name, b := range left {
			writeFile(t, filepath.Join(dir, name), b)
		}
		for _, when := range []string{"crashed", "recovered", "recovered again"} {
			got, _ := readAll(t, dir)
			if diff := cmp.Diff(texts, payloadsOf(got)); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", what, when, diff)
			}
			recoverQuietly(t, dir)
		}
		if got := files(t, dir); len(got) != 1 || filepath.Base(got[0]) != name {
			t.Errorf("%s: left %v", what, got)
		}
	}
}

// Ten thousand segments are opened, listed and searched in a time that a caller can wait.
func TestTenThousandSegments(t *testing.T) {
	dir := t.TempDir()
	const n = 10_000
	e := func(i int) Entry {
		at := testTime.Add(time.Duration(i) * time.Minute)
		return Entry{Kind: Check, ID: idAt(at, uint64(i)), Time: at, Payload: fmt.Append(nil, i)}
	}
	h := header{version: 2, created: testTime, writer: testWriter, salt: 1}
	for i := range n {
		h.number, h.first = uint32(i)+1, uint64(i)+1
		f, err := os.Create(filepath.Join(dir, "new"))
		if err != nil {
			t.Fatal(err)
		}
		entry := e(i)
		next := []frame{{kind: Check, sequence: h.first, nanos: entry.Time.UnixNano(), id: entry.ID, payload: entry.Payload}}
		w := &sealWriter{w: bufio.NewWriter(f), off: headerBytes, next: h.first, from: 1<<48 - 1}
		w.w.Write(h.encodeSealed([32]byte{}))
		if err := errors.Join(w.add(next[0]), w.finish(testTime), f.Close()); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(f.Name(), filepath.Join(dir, sealedName(h, w.from, w.to))); err != nil {
			t.Fatal(err)
		}
	}
	timed := func(what string, do func()) {
		begun := time.Now()
		do()
		t.Logf("%s: %s", what, time.Since(begun))
	}
	ctx := context.Background()
	var j *Journal
	timed("open", func() { j = mustOpen(t, dir, Options{}) })
	timed("find 10", func() {
		for i := 0; i < n; i += n / 10 {
			if r, err := Find(ctx, dir, e(i).ID); err != nil || string(r.Payload) != fmt.Sprint(i) {
				t.Errorf("%d: %q, %v", i, r.Payload, err)
			}
		}
	})
	timed("tail", func() {
		if got := collect(t, ReadFrom(ctx, dir, testWriter, n-1)); len(got) != 2 {
			t.Errorf("%d records, want 2", len(got))
		}
	})
	timed("range", func() {
		if got := collect(t, Range(ctx, dir, testTime.Add(time.Hour), testTime.Add(2*time.Hour))); len(got) != 60 {
			t.Errorf("%d records, want 60", len(got))
		}
	})
	timed("read all", func() {
		if got := payloads(t, dir); len(got) != n {
			t.Errorf("%d records, want %d", len(got), n)
		}
	})
	mustClose(t, j)
}
