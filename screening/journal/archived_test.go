package journal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"interdict/lists/fault"
)

// journalOf returns a folder with the sealed segments of one writer: records 1 to 3, 4 to 6 … with ids and times an hour apart.
func journalOf(t *testing.T, segments int) (dir string, ids []uuid.UUID) {
	t.Helper()
	dir = t.TempDir()
	now := testTime
	j := mustOpen(t, dir, Options{Now: func() time.Time { return now }, MaxAge: time.Hour})
	for i := range segments {
		for range 3 {
			id := uuid.Must(uuid.NewV7())
			at := testTime.Add(time.Duration(i) * time.Hour)
			putMillis(&id, at)
			ids = append(ids, id)
			if err := j.AppendBatch([]Entry{{Kind: Check, ID: id, Time: at, Payload: []byte(id.String())}}, true); err != nil {
				t.Fatal(err)
			}
		}
		j.prepare(true)
		eventually(t, "sealing", func() bool { return len(sealedIn(t, dir)) == i+1 })
	}
	mustClose(t, j)
	return dir, ids
}

func putMillis(id *uuid.UUID, at time.Time) {
	ms := uint64(at.UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
}

func sealedIn(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"+sealedSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func mustArchive(t *testing.T, dir, path string) Segment {
	t.Helper()
	s, err := CheckSegment(context.Background(), dir, filepath.Base(path))
	if err == nil {
		err = MarkArchived(dir, s, "s3://bucket/records")
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Previous, s.Archived, s.Archive = [32]byte{}, true, "s3://bucket/records"
	return s
}

// outcome is what readers yield: the numbers of records, and errors.
func outcome(t *testing.T, dir string) (sequences []uint64, archived []Segment, damage []*DamageError) {
	t.Helper()
	for r, err := range Read(context.Background(), dir) {
		var moved *ArchivedError
		var d *DamageError
		switch {
		case errors.As(err, &moved):
			archived = append(archived, moved.Segments...)
		case errors.As(err, &d):
			damage = append(damage, d)
		case err != nil:
			t.Fatal(err)
		default:
			sequences = append(sequences, r.Sequence)
		}
	}
	return sequences, archived, damage
}

func TestArchivedRecordsAreReportedAsArchived(t *testing.T) {
	dir, ids := journalOf(t, 3)
	first := mustArchive(t, dir, sealedIn(t, dir)[0])
	second := mustArchive(t, dir, sealedIn(t, dir)[0])

	sequences, archived, damage := outcome(t, dir)
	if diff := cmp.Diff([]uint64{7, 8, 9}, sequences); diff != "" || damage != nil {
		t.Errorf("records (-want +got):\n%s\ndamage: %v", diff, damage)
	}
	if diff := cmp.Diff([]Segment{first, second}, archived); diff != "" {
		t.Errorf("archived (-want +got):\n%s", diff)
	}
	if first.First != 1 || first.Last != 3 || !first.From.Equal(testTime) || second.First != 4 {
		t.Errorf("marker says %+v", first)
	}

	var moved *ArchivedError
	_, err := Find(context.Background(), dir, ids[1])
	if !errors.As(err, &moved) || !cmp.Equal(moved.Segments, []Segment{first}) || !fault.Is(err, fault.Unavailable) {
		t.Errorf("Find of an archived record: %v", err)
	}
	if r, err := Find(context.Background(), dir, ids[7]); err != nil || r.Sequence != 8 {
		t.Errorf("Find of a local record: %v", err)
	}
	for _, err := range Range(context.Background(), dir, testTime.Add(2*time.Hour), testTime.Add(9*time.Hour)) {
		if err != nil {
			t.Errorf("Range of local records: %v", err)
		}
	}
	writer := first.Writer
	n := 0
	for r, err := range ReadFrom(context.Background(), dir, writer, 5) {
		if n++; n == 1 && (!errors.As(err, &moved) || moved.Segments[0].First != 4) || n > 1 && (err != nil || r.Sequence != uint64(n+5)) {
			t.Errorf("ReadFrom: record %d, %v", r.Sequence, err)
		}
	}
	writers, err := Writers(dir)
	if diff := cmp.Diff([]WriterInfo{{ID: writer, First: 1, Segments: 3, Archived: 2}}, writers); err != nil || diff != "" {
		t.Errorf("writers (-want +got):\n%s%v", diff, err)
	}
	if segments, err := List(dir); err != nil || len(segments) != 3 || !segments[0].Archived || segments[0].Name != first.Name || segments[2].Archived {
		t.Errorf("segments %+v, %v", segments, err)
	}
}

func TestALostSegmentIsNotArchived(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, marker string){
		"the marker is lost":      func(t *testing.T, marker string) { must(t, os.Remove(marker)) },
		"the marker is empty":     func(t *testing.T, marker string) { writeFile(t, marker, nil) },
		"the marker is cut off":   func(t *testing.T, marker string) { must(t, os.Truncate(marker, 80)) },
		"a bit of it is flipped":  func(t *testing.T, marker string) { flip(t, marker, 20) },
		"its checksum is flipped": func(t *testing.T, marker string) { flip(t, marker, -3) },
		"it is of another segment": func(t *testing.T, marker string) {
			must(t, os.Rename(marker, strings.Replace(marker, "0004-", "0005-", 1)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, ids := journalOf(t, 3)
			s := mustArchive(t, dir, sealedIn(t, dir)[1])
			harm(t, filepath.Join(dir, strings.TrimSuffix(s.Name, sealedSuffix)+archivedSuffix))
			_, archived, damage := outcome(t, dir)
			var missing uint64
			for _, d := range damage {
				missing += d.Missing
			}
			if len(archived) > 0 || missing != 3 || damage[0].First != 4 {
				t.Errorf("archived %v, damage %v", archived, damage)
			}
			if _, err := Find(context.Background(), dir, ids[4]); strings.Contains(name, "flip") && !errors.As(err, new(*DamageError)) {
				t.Errorf("Find of a lost record: %v", err)
			}
		})
	}
}

func TestACrashWhileASegmentIsArchivedLosesNothing(t *testing.T) {
	dir, _ := journalOf(t, 2)
	path := sealedIn(t, dir)[0]
	image, err := os.ReadFile(path)
	must(t, err)
	s := mustArchive(t, dir, path)

	writeFile(t, path, image) // as if the crash had come before it was removed
	writeFile(t, filepath.Join(dir, "seal-"+s.Name+".tmp"), []byte("half a marker"))
	if sequences, archived, damage := outcome(t, dir); len(sequences) != 6 || archived != nil || damage != nil {
		t.Errorf("records %v, archived %v, damage %v", sequences, archived, damage)
	}
	mustArchive(t, dir, path)
	if sequences, archived, damage := outcome(t, dir); len(sequences) != 3 || len(archived) != 1 || damage != nil {
		t.Errorf("records %v, archived %v, damage %v", sequences, archived, damage)
	}
}

func TestOnlyTheSegmentThatIsInTheArchiveIsReplaced(t *testing.T) {
	dir, _ := journalOf(t, 1)
	path := sealedIn(t, dir)[0]
	s, err := CheckSegment(context.Background(), dir, filepath.Base(path))
	must(t, err)

	raw := filepath.Join(dir, rawName(s.Writer, int(s.Number), 7))
	writeFile(t, raw, segmentImage(1, 7, "a"))
	if err := MarkArchived(dir, s, "x"); !fault.Is(err, fault.Conflict) {
		t.Errorf("with a raw file: %v", err)
	}
	must(t, os.Remove(raw))
	flip(t, path, -100)
	if err := MarkArchived(dir, s, "x"); !fault.Is(err, fault.Conflict) {
		t.Errorf("changed: %v", err)
	}
	if _, err := CheckSegment(context.Background(), dir, filepath.Base(path)); !errors.As(err, new(*DamageError)) {
		t.Errorf("CheckSegment of a changed segment: %v", err)
	}
	if err := MarkArchived(dir, Segment{Name: "../x"}, "x"); !fault.Is(err, fault.Invalid) {
		t.Errorf("of another file: %v", err)
	}
	if got := sealedIn(t, dir); len(got) != 1 {
		t.Errorf("sealed segments %v", got)
	}
}

// A writer crashed, and its earlier segment was archived by another process: the segment that recovery seals continues its chain.
func TestRecoveryContinuesTheChainOfAnArchivedSegment(t *testing.T) {
	dir, _ := journalOf(t, 1)
	s := mustArchive(t, dir, sealedIn(t, dir)[0])
	raw := func(number uint32, first uint64) {
		h := header{version: 2, number: number, first: first, created: testTime, writer: s.Writer, salt: 77}
		e := Entry{Kind: Check, Time: testTime, Payload: []byte("b"), sum: payloadSum([]byte("b"))}
		writeFile(t, filepath.Join(dir, rawName(s.Writer, int(number), 77)), appendFrame(h.encode(), 77, first, &e))
	}
	raw(9, 4)
	raw(s.Number, s.First) // left by a crash

	mustClose(t, mustOpen(t, dir, Options{}))
	next, err := DescribeSegment(dir, filepath.Base(sealedIn(t, dir)[0]))
	if err != nil || next.Previous != s.SHA256 || next.Last != 4 {
		t.Errorf("the next segment is %+v, %v", next, err)
	}
	if sequences, archived, damage := outcome(t, dir); !cmp.Equal(sequences, []uint64{4}) || len(archived) != 1 || damage != nil {
		t.Errorf("records %v, archived %v, damage %v", sequences, archived, damage)
	}
}

// flip flips a bit; at counts from the end if it is negative.
func flip(t *testing.T, path string, at int) {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	if at < 0 {
		at += len(b)
	}
	b[at] ^= 1
	writeFile(t, path, b)
}
