package proof

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"interdict/lists/fault"
)

// ErrInUse is wrapped by the error of Open while another process writes the log.
var ErrInUse = errors.New("it is being written by another process")

// lockDir holds the lock of a log until the file is closed, or the process ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, fileLock), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fault.E(fault.Unavailable, "lock %s: %w", dir, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fault.E(fault.Conflict, "log %s: %w", dir, ErrInUse)
		}
		return nil, fault.E(fault.Unavailable, "lock %s: %w", dir, err)
	}
	return f, nil
}
