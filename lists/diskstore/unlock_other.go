//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package diskstore

import (
	"errors"
	"os"
)

// release closes the file of a database that cannot be closed normally. Its lock may remain until the process ends.
func release(f *os.File) error { return f.Close() }

// isOpen reports whether a process has the database open: the system does not delete an open file. It deletes one that is not.
func isOpen(path string) bool {
	err := os.Remove(path)
	return err != nil && !errors.Is(err, os.ErrNotExist)
}
