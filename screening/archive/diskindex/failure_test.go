package diskindex

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"interdict/lists/fault"
	"interdict/screening/archive"
)

// TestAFailingDiskDoesNotEndTheProcess lets writes to one kind of file fail from some time on: Add returns an error then, no reader gets a part of
// the records for all of them, and all that was acknowledged is there after the next start.
func TestAFailingDiskDoesNotEndTheProcess(t *testing.T) {
	for _, test := range []struct {
		part  string // of the names of the files that fail
		flush bool   // begins a new log, a table, and its entry in the manifest
	}{{".log", false}, {".log", true}, {".sst", true}, {"MANIFEST", true}} {
		t.Run(fmt.Sprint(test.part, " flush ", test.flush), func(t *testing.T) {
			part := test.part
			dir := t.TempDir()
			var failing atomic.Bool
			files := errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if failing.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.Contains(filepath.Base(op.Path), part) {
					return syscall.ENOSPC
				}
				return nil
			}))
			x, err := open(dir, slog.New(slog.DiscardHandler), files)
			if err != nil {
				t.Fatal(err)
			}
			addUpTo(t, x, 1, 2000)
			failing.Store(true)
			acknowledged := uint64(2000)
			if test.flush {
				if _, err := x.db.AsyncFlush(); err != nil {
					t.Error(err)
				}
			}
			acknowledged, err = addUntilError(x, acknowledged, 5)
			switch {
			case err != nil && !fault.Is(err, fault.Unavailable):
				t.Error(err)
			case part == ".log" && err == nil:
				t.Error("Add returns no error while the log cannot be written")
			case part == ".log":
				if _, err := read(x); !fault.Is(err, fault.Unavailable) {
					t.Errorf("then reading returns %v", err)
				}
			}
			failing.Store(false)
			if err := x.Close(); err != nil {
				t.Log("close:", err)
			}
			n, err := openAndRead(t, dir)
			if err != nil {
				t.Fatal(err)
			}
			if uint64(n) < acknowledged {
				t.Errorf("%d records were acknowledged, %d are there", acknowledged, n)
			}
		})
	}
}

// addUntilError adds up to n batches.
func addUntilError(x archive.Index, last uint64, n int) (acknowledged uint64, err error) {
	for range n {
		if err := x.Add(context.Background(), testEntries(last+1, last+500), archive.Mark{Writer: testWriter, Sequence: last + 500}); err != nil {
			return last, err
		}
		last += 500
	}
	return last, nil
}

type fullDisk struct{ vfs.FS }

func (fullDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: minimumFree - 1}, nil
}

func TestAddNeedsFreeSpace(t *testing.T) {
	x, err := open(t.TempDir(), slog.New(slog.DiscardHandler), fullDisk{vfs.Default})
	if err != nil {
		t.Fatal(err)
	}
	_, err = addUntilError(x, 0, 1)
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "free space") {
		t.Errorf("got %v", err)
	}
	if n, err := read(x); n != 0 || err != nil {
		t.Errorf("then %d records are read: %v", n, err)
	}
	if err := errors.Join(x.Close(), x.Close()); err != nil {
		t.Error(err)
	}
}
