//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package diskstore

import (
	"errors"
	"os"
	"syscall"
)

// release releases the lock of a database that cannot be closed normally, and closes its file. Closing alone
// does not release the lock, since the memory map of bbolt keeps the file open.
func release(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
}

// isOpen reports whether a process has the database open for writing. It may report true if that is not known.
func isOpen(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	defer f.Close() // which also releases the lock
	return syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil
}
