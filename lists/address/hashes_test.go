package address

import (
	"hash/crc32"
	"testing"

	"pgregory.net/rapid"
)

func TestCRC32(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.SliceOf(rapid.Byte()).Draw(t, "a"), rapid.SliceOf(rapid.Byte()).Draw(t, "b")
		if got, want := crc32Update(crc32Update(0, a), b), crc32.Update(crc32.ChecksumIEEE(a), crc32.IEEETable, b); got != want {
			t.Errorf("%08x, want %08x", got, want)
		}
	})
}

// The check value of CRC-16/XMODEM: the sum of "123456789".
func TestCRC16(t *testing.T) {
	if got := crc16([]byte("123456789")); got != 0x31c3 {
		t.Errorf("%04x, want 31c3", got)
	}
}
