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
