// Package diskindex is the embedded implementation of archive.Index: an ordered key-value store (pebble) in a folder, for one process.
//
//	'r' position                  → record          what Find yields, in order of position
//	'a' writer sequence           → time            which records are there already
//	't' period term position      → nothing         the records of a term, in order of position
//	'm' writer                    → mark
//	'i' alert                     → the records that created and resolved the alert
//	'c' position                  → alert           alerts that were created, by position
//	'o' position                  → alert           of these, the open ones
//	'p' position                  → alert           alerts that were resolved but not created, by the position of what resolved them
//
// A position is a time, a writer and a sequence number: 32 bytes whose order is that of archive.Position. A term is the hash of a field
// and its value, 16 bytes. A period is 2^51 nanoseconds, 26 days: new records touch the part of the newest period only, and Drop removes old
// periods as a whole.
//
// A query reads up to 1,024 positions of each of its conditions, takes the condition whose positions reach furthest, and checks the rest on
// the records. It continues from the last of these positions, and holds no resources while the caller looks at a record.
//
// Each Add is one batch and one sync of the write-ahead log: a mark is never on the disk without its entries. Every block has a checksum. When
// the log cannot be written, the index refuses everything until the next start, so Add needs 128 MiB of free disk space, and returns an error before
// the disk is full. Drop removes up to 1,000 records, or a whole period, at a time; Add waits meanwhile.
//
// Memory: a cache of 64 MiB, up to three write buffers of 32 MiB, and about 20 MiB while tables are merged.
package diskindex
