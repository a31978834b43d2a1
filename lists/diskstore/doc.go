// Package diskstore is the embedded store: one folder, one writing process, no server.
//
//	Commit ── one bbolt transaction, fsynced ──► interdict.db
//	layer ─┬─ entries, ordered by hash, packed into blocks of 2 KB ─┐  transactions of 8 MB,
//	       ├─ attributions ────────────────────────────────────────┼► each fsynced ──► interdict.db
//	       └─ at last its meta says "complete" ────────────────────┘
//	blob ──── temporary file, fsync, rename, fsync of the folder ──► blobs/
//
// All names are in names.go.
//
// # Why blocks
//
// One bbolt entry for each key of a layer takes 59 bytes an address and 1.5 s a million to write. Blocks
// take 34 bytes and 0.4 s, for half a microsecond more to read, and each can carry a checksum and the range of hashes it speaks for:
// bbolt has no checksums, and a damaged page must not make a listed address look absent.
//
//	go test ./lists/diskstore -run '^$' -bench . (Layer and Memory: -benchtime 1x)
//
// Two cores of an AMD EPYC, a million keys of 21 bytes with references: written in 0.4 s, opened in 7 ms, walked in 0.03 s, dropped in
// 2 ms, 34 bytes an address; Lookup of 1 key 2.8 µs, of 1,000 1.1 ms. Ten million entries are written with 45 MB of heap.
//
// # Crashes and damage
//
// Every transaction is fsynced, those of a layer too: bbolt overwrites its root in place, and an unsynced one could survive a power cut
// without the pages it points to, taking every document with it. A process that is killed leaves whole transactions, and
// at worst an incomplete layer and a temporary file; the next Open removes the file, the layer is listed by Layers.
//
// Open verifies the tree of pages and all documents; blocks, attributions and blobs are verified whenever they are read. Damage is
// fault.Unavailable, also where bbolt panics over it or the operating system refuses a page of a file that was cut short. Only one
// is not seen: if the newest root is damaged, bbolt takes the one before, as after a crash, which is the state before the last commit.
//
// The database file never shrinks; pages of dropped layers are used again.
package diskstore
