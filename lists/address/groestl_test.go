package address

import (
	"encoding/hex"
	"strings"
	"testing"
)

// TestGroestl512 holds the hash against the test vectors of the submission (empty message) and of groestl-hash-js.
func TestGroestl512(t *testing.T) {
	for message, want := range map[string]string{
		"":                               "6d3ad29d279110eef3adbd66de2a0345a77baede1557f5d099fce0c03d6dc2ba8e6d4a6633dfbd66053c20faa87d1a11f39a7fbe4a6c2f009801370308fc4ad8",
		"abc":                            "70e1c68c60df3b655339d67dc291cc3f1dde4ef343f11b23fdd44957693815a75a8339c682fc28322513fd1f283c18e53cff2b264e06bf83a2f0ac8c1f6fbff6",
		strings.Repeat("0123456789", 13): "1cf40f39f4e64dc48f7de7b96387ae57b3ad505d41096b05be28d16d296ce7ba4c9c6a43a013c8113852af330c128808e17505320291a3f9191c490075852b35",
	} {
		if got := groestl512([]byte(message)); hex.EncodeToString(got[:]) != want {
			t.Errorf("Grøstl-512 of %d bytes is %x, want %s", len(message), got, want)
		}
	}
}
