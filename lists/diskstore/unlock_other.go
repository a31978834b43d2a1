//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package diskstore

import "os"

// release closes the file of a database that cannot be closed normally. Its lock may remain until the process ends.
func release(f *os.File) error { return f.Close() }
