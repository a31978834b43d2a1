// Package diskstore is the embedded store: one directory, one writing process, no server.
//
//	Commit ── one bbolt transaction, fsynced ──► interdict.db
//	layer ─┬─ entries, ordered by hash, packed into blocks of 2 KB ─┐  transactions of 8 MB,
//	       ├─ attributions ────────────────────────────────────────┼► each fsynced ──► interdict.db
//	       └─ last its meta, marked complete ──────────────────────┘
//	blob ──── temporary file, fsync, rename, fsync of the directory ──► blobs/
//
// All names are in names.go.
//
// # Why blocks
//
// With one bbolt entry for each key a layer takes 59 bytes per address, and a million take 1.5 s to write. Blocks
// take 34 bytes and 0.4 s; reading costs half a microsecond more. Each block has a checksum and the range of hashes that it covers:
// bbolt has no checksums, and a damaged page must not make a listed address look absent.
//
//	go test ./lists/diskstore -run '^$' -bench . (Layer and Memory: -benchtime 1x)
//
// Two cores of an AMD EPYC, a million keys of 21 bytes with references: written in 0.4 s, opened in 7 ms, walked in 0.03 s, dropped in
// 2 ms, 34 bytes an address; Lookup of 1 key 2.8 µs, of 1,000 1.1 ms. Ten million entries are written with 45 MB of heap.
//
// # Crashes and damage
//
// Every transaction is fsynced, also those of layers: bbolt overwrites its root in place. After a power cut an unsynced root could be
// on disk without the pages it points to, and every document would be lost. A process that is killed leaves whole transactions, and
// at worst an incomplete layer and a temporary file. The next Open removes the file; Layers lists the layer.
//
// Open verifies the tree of pages and all documents. Blocks, attributions and blobs are verified whenever they are read. Damage is
// fault.Unavailable, also where bbolt panics or the operating system cannot read a page of a truncated file. One kind of damage
// is not detected: if the newest root is damaged, bbolt uses the one before, as after a crash, and so the state before the last commit.
//
// The database file never shrinks. Pages of dropped layers are reused.
package diskstore
