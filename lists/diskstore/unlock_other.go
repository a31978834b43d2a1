//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package diskstore

import "os"

// release closes the file of a database that cannot be closed in order. Its lock may stay until the process ends.
func release(f *os.File) error { return f.Close() }
