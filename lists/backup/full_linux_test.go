package backup_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"interdict/lists/backup"
	"interdict/lists/fault"
)

func TestAFullDiskLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("needs a small file system of its own to fill it: mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := filled(t)
	_, err := backup.Create(t.Context(), filepath.Join(dir, "backup"), backup.Secrets{}, func(w io.Writer) error {
		_, err := backup.Write(t.Context(), w, backup.Source{Store: s, Record: folder, Now: clock})
		return err
	})
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("%v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}
