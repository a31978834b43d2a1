package proof

import "crypto/sha256"

// MaxEntry is the length in bytes up to which a record is itself the entry of the log. Entries of tlog-tiles
// end at 65,535 bytes.
const MaxEntry = 60_000

// hashedMarker starts an entry that has the SHA-256 of a record instead of the record. No UTF-8 text starts with it.
const hashedMarker = 0xFF

// Leaf returns the entry of the log for a record: the record itself, or 0xFF and its SHA-256 if
// the record is longer than MaxEntry bytes. A record that looks like such an entry, 33 bytes of
// which the first is 0xFF, is hashed too, so that different records have different entries.
func Leaf(record []byte) []byte {
	if len(record) <= MaxEntry && (len(record) != 1+sha256.Size || record[0] != hashedMarker) {
		return record
	}
	sum := sha256.Sum256(record)
	return append([]byte{hashedMarker}, sum[:]...)
}
