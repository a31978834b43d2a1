//go:build unix

package archive

import (
	"syscall"
	"time"
)

// processors returns what this process has used.
func processors() (usage, bool) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return usage{}, false
	}
	return usage{time.Duration(u.Utime.Nano() + u.Stime.Nano()), int64(u.Nivcsw)}, true //nolint:unconvert // 32 bits on some systems
}
