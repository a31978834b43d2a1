package journal

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func allocate(f *os.File, size int) error {
	for {
		err := unix.Fallocate(int(f.Fd()), 0, 0, int64(size))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return zeroFill(f, size)
		}
		return err
	}
}

// flush is fdatasync of a range: msync(2) with MS_SYNC writes the pages, the metadata that is
// needed to find them, and the cache of the disk. It also returns an earlier error of writing
// any part of this file.
func flush(_ *os.File, mem []byte, from, to int) error {
	return unix.Msync(mem[from&^(pageBytes-1):to], unix.MS_SYNC)
}

// warm populates pages for later writes. It ignores errors: without it (kernels before 5.14), or on a failing
// disk, the writes fault themselves.
func warm(mem []byte, from, to int) {
	_ = unix.Madvise(mem[from&^(pageBytes-1):to], unix.MADV_POPULATE_WRITE)
}

// push starts writing pages to disk, to make the next flush faster. It ignores errors. First it unmaps the pages,
// all at once: to write a mapped page the kernel interrupts the other processors, 10 µs
// for each page. The contents stay in the page cache.
func push(f *os.File, mem []byte, from, to int) {
	_ = unix.Madvise(mem[from:to], unix.MADV_DONTNEED)
	_ = unix.SyncFileRange(int(f.Fd()), int64(from), int64(to-from), unix.SYNC_FILE_RANGE_WRITE)
}
