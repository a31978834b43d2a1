package archive_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/google/uuid"

	"interdict/lists/fault"
	"interdict/screening/archive"
	"interdict/screening/journal"
)

// stuck is a source whose records cannot be read for a while.
type stuck struct {
	archive.Folder
	broken bool
}

func (s *stuck) ReadFrom(ctx context.Context, writer uuid.UUID, sequence uint64) iter.Seq2[journal.Record, error] {
	if s.broken {
		return func(yield func(journal.Record, error) bool) {
			yield(journal.Record{}, fault.E(fault.Unavailable, "the test broke the disk"))
		}
	}
	return s.Folder.ReadFrom(ctx, writer, sequence)
}

// A server's clock jumps ahead and back, also while its records cannot be indexed. No answer claims to be complete up to a time after that of a record
// which the index does not have: not on this server, and not on another one, whose clock is right.
func TestCoverageIsTrueWhenTheClockJumps(t *testing.T) {
	dir, index := t.TempDir(), openIndex(t)
	j := openJournal(t, dir)
	right := time.Now()       // of the other server
	ahead := time.Duration(0) // how far this server is ahead of it
	source := &stuck{Folder: archive.Folder(dir)}
	x := indexerOf(index, dir)
	x.Source, x.Now = source, func() time.Time { return right.Add(ahead) }
	var times []time.Time // of the records, by their sequence number
	record := func(ago time.Duration) {
		t.Helper()
		at := x.Now().Add(-ago)
		if err := j.Append(journal.ListChange, at, []byte(`{"action":"settings","outcome":"done","by":"ann"}`), true); err != nil {
			t.Fatal(err)
		}
		times = append(times, at)
	}
	covered := func(now time.Time) time.Time {
		t.Helper()
		marks, err := index.Marks(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		until := archive.Cover(now, marks, []uuid.UUID{j.Writer()}).Until
		indexed := 0
		if len(marks) > 0 {
			indexed = int(marks[0].Sequence)
		}
		for i := indexed; i < len(times); i++ {
			if times[i].Before(until) {
				t.Errorf("complete until %s, but record %d of %s is not indexed", until, i+1, times[i])
			}
		}
		return until
	}
	for _, step := range []struct {
		what         string
		passes, jump time.Duration
		broken       bool
	}{
		{"the clock is right", time.Minute, 0, false},
		{"it goes on", time.Minute, 0, false},
		{"it jumps ahead", time.Second, time.Hour, false},
		{"it jumps back", time.Second, -time.Hour, false},
		{"it goes on", time.Minute, 0, false},
		{"it jumps back, and the disk is broken", time.Second, -time.Hour, true},
		{"the disk stays broken", 30 * time.Minute, 0, true},
		{"the disk works again", time.Minute, 0, false},
		{"the clock is corrected", time.Second, time.Hour, false},
	} {
		right, ahead, source.broken = right.Add(step.passes), ahead+step.jump, step.broken
		record(9 * time.Second) // a check that took long
		record(0)
		here := covered(x.Now())
		if latest := x.Now().Add(-10 * time.Second); here.After(latest) {
			t.Errorf("%s: complete until %s, and checks since %s may still come", step.what, here, latest)
		}
		err := x.Once(t.Context())
		if (err != nil) != step.broken {
			t.Fatalf("%s: %v", step.what, err)
		}
		here = covered(x.Now())
		covered(right)
		if !step.broken && x.Now().Sub(here) > 11*time.Second {
			t.Errorf("%s: the index has everything, and is said to be complete until %s at %s", step.what, here, x.Now())
		}
		record(9 * time.Second)
		covered(x.Now())
		covered(right)
	}
}
