package pgindex_test

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"interdict/screening/archive/pgtest"
)

// TestTheDiskOfTheServerIsFull holds that a batch which has no room is not there in part, and succeeds when there is room again.
func TestTheDiskOfTheServerIsFull(t *testing.T) {
	server := pgtest.Start(t)
	dir := server.Folder("small")
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=32m"); err != nil {
		t.Skipf("needs a small file system of its own to fill it: mount: %v", err)
	}
	t.Cleanup(func() {
		server.Kill()
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil { // its processes may not have ended yet
			t.Error(err)
		}
	})
	server.Own(dir)
	server.Exec("postgres", "CREATE TABLESPACE small LOCATION '"+dir+"'", "CREATE DATABASE full_disk TABLESPACE small")
	x := open(t, server.URL("full_disk"))
	if err := x.Add(t.Context(), checks(writerID(1), 1, 1000), mark(writerID(1), 1000)); err != nil {
		t.Fatal(err)
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil {
		t.Fatal(err)
	}
	filler := dir + "/filler"
	if err := os.WriteFile(filler, make([]byte, disk.Bavail*uint64(disk.Bsize)), 0o600); err != nil {
		t.Fatal(err)
	}
	batch := checks(writerID(1), 1001, 6000)
	err := x.Add(t.Context(), batch, mark(writerID(1), 6000))
	unavailable(t, "Add", operations(x)["Add"])
	if err == nil || !strings.Contains(err.Error(), "its disk is full") {
		t.Errorf("got %v, want that the disk is full", err)
	}
	hasEach(t, x, writerID(1), 1000)
	if got := stored(t, x, writerID(1)); got != 1000 {
		t.Errorf("the mark is %d, want 1000", got)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := x.Add(t.Context(), batch, mark(writerID(1), 6000)); err != nil {
		t.Fatal(err)
	}
	hasEach(t, x, writerID(1), 6000)
}
