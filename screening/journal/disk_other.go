//go:build unix && !linux

package journal

import (
	"os"

	"golang.org/x/sys/unix"
)

func allocate(f *os.File, size int) error { return zeroFill(f, size) }

func flush(f *os.File, mem []byte, from, to int) error {
	if err := unix.Msync(mem[from&^(pageBytes-1):to], unix.MS_SYNC); err != nil {
		return err
	}
	return f.Sync() // F_FULLFSYNC on macOS, where msync leaves the data in the disk's cache
}

func warm([]byte, int, int) {}

func push(*os.File, []byte, int, int) {}
