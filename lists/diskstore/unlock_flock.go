//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package diskstore

import (
	"errors"
	"os"
	"syscall"
)

// release frees the lock of a database that cannot be closed in order, then its file. Closing alone
// does not free it: the memory that bbolt has mapped keeps the file open.
func release(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
}
