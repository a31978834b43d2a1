package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/screening/archive"
	"interdict/screening/journal"
)

// holdsAway is a store whose holds cannot be read.
type holdsAway struct{ lists.Store }

func (s holdsAway) Scan(ctx context.Context, prefix string) ([]lists.Doc, error) {
	if prefix == lists.DocHolds {
		return nil, fault.E(fault.Unavailable, "the test took the holds away")
	}
	return s.Store.Scan(ctx, prefix)
}

// Records are past the retention, and are due to leave the local disk, the bucket and the index.
func TestNothingThatIsHeldIsDeleted(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	f := storeFlags{Data: t.TempDir()}
	f.RecordName = "test"
	open := func() *opened {
		t.Helper()
		o, err := f.open(t.Context(), log)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	o := open()
	old := time.Date(2010, 6, 1, 12, 0, 0, 0, time.UTC)
	if err := o.journal.Append(journal.ListChange, old, lists.JSON(lists.Event{Action: "settings", Outcome: "done", At: old, List: "l"}), true); err != nil {
		t.Fatal(err)
	}
	o.close()
	o = open() // the segment of the writer before is sealed
	defer o.close()

	flags := &archiveFlags{Archive: t.TempDir(), bucketFlags: bucketFlags{Bucket: t.TempDir()}, Retention: 10}
	k := &keeper{flags: flags, opened: o, log: log}
	var err error
	if k.index, err = flags.openIndex(t.Context(), f.Data, log); err != nil {
		t.Fatal(err)
	}
	if k.vault, err = flags.openVault(t.Context(), o.journal); err != nil {
		t.Fatal(err)
	}
	defer k.close()
	indexer := &archive.Indexer{Index: k.index, Source: k.source(), Node: "here", Log: log, Now: time.Now}
	if err := indexer.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	move := func(store lists.Store, setting ...string) error {
		t.Helper()
		flags.Holds = setting
		if k.holds, err = flags.holds(store); err != nil {
			t.Fatal(err)
		}
		return k.moveOnce(t.Context())
	}
	// kept says where the old record is.
	kept := func() string {
		t.Helper()
		var at []string
		for name, pattern := range map[string]string{"disk": filepath.Join(f.Data, "journal", "*.zst"), "bucket": filepath.Join(flags.Bucket, "*", "segments", "*")} {
			files, err := filepath.Glob(pattern)
			if err != nil {
				t.Fatal(err)
			}
			if len(files) > 0 {
				at = append(at, name)
			}
		}
		for _, err := range k.index.Find(t.Context(), archive.Query{To: old.Add(time.Hour)}) {
			if err != nil {
				t.Fatal(err)
			}
			at = append(at, "index")
		}
		return strings.Join(slices.Sorted(slices.Values(at)), " ")
	}
	const everywhere = "bucket disk index"

	hold := lists.Hold{ID: "h1", From: &old, Reason: "subpoena"}
	place := func() {
		t.Helper()
		if err := o.store.Commit(t.Context(), lists.Put(lists.DocHold(hold.ID), hold, lists.AnyRevision)); err != nil {
			t.Fatal(err)
		}
	}
	place()
	if err := move(o.store); err != nil || kept() != everywhere {
		t.Errorf("with a hold in the store: %q, %v", kept(), err)
	}
	hold.Ended = &lists.Approval{By: "ben", At: time.Now()}
	place()
	if err := move(o.store, "2010-06-01/2010-06-01"); err != nil || kept() != everywhere {
		t.Errorf("with a hold of the settings that ends on the day of the record: %q, %v", kept(), err)
	}
	if err := move(holdsAway{o.store}); !fault.Is(err, fault.Unavailable) || kept() != everywhere {
		t.Errorf("when the holds cannot be read: %q, %v", kept(), err)
	}
	if err := move(o.store, "2010-06-02/"); err != nil || kept() != "" {
		t.Errorf("after the hold, with one of later times: %q, %v", kept(), err)
	}
}
