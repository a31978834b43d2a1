//go:build !linux

package buckettest

import "testing"

func smallDisk(t *testing.T, _ string) string {
	t.Skip("needs a small file system of its own to fill it: only on Linux")
	return ""
}
