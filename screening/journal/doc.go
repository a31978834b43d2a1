// Package journal implements the decision log: every check and every change is one record in an
// append-only log on local disk, written before the answer is sent.
//
//	Append ──► batch ──► write ──► active segment ──► (full, or old) ──► retired ──► sealed segment
//	  │        one caller writes    raw frames         a spare, if                   compressed blocks with an index,
//	  │        for all that wait                       prepared, becomes active      and the SHA-256 of the one before
//	durable? ──► group commit: one fdatasync for all; on failure the last records go to a new file
//	 no │
//	    ▼
//	 answer        keeper (goroutine): syncs every 100 ms, prepares the spare, looks after the files
//	               sealer (goroutine): compresses retired segments
//	               prover (goroutine): hands synced records to Options.Proof
//
//	Open ──► seals the segments of crashed writers, without a torn record at the end
//	Read, ReadFrom, Range, Find ──► records, and damage at its place
//
// # Durability
//
//   - kill -9 or a panic of the process: every record whose Append has returned nil survives: it is in the page cache
//     of the kernel. A record whose Append was running may exist or not.
//   - Loss of power, a crash of the kernel: every record whose Append with durable has
//     returned nil survives, and every record of that journal with a smaller sequence number. The others follow within 100 ms
//     and the time of one sync; with Options.SyncAll there are none.
//   - A full disk, a failing write or sync: Append returns fault.Unavailable, and works again
//     as soon as the disk does. Records that were not synced are still in memory, and are written to another file. Disk space
//     is reserved ahead of the records.
//   - A deleted, replaced or read-only folder or active segment: noticed within two seconds or so. Then Append returns
//     fault.Unavailable until a new segment has the records of the lost one. A deleted folder is not created again.
//   - A disk that loses or changes stored data: readers report a *DamageError and continue
//     after it. Nothing is repaired. If recovery finds damage before a valid record, it keeps the raw file as .damaged.
//
// After an Append that failed its records may exist or not. A reader that follows a live writer can see such a record
// before the write of its batch fails; another record gets its sequence number then. The proof never does: it gets synced
// records only.
//
// # Writers
//
// Each Open creates a writer with its own identity, segments, and sequence numbers 1, 2, 3 …
// across its segments. Several writers can use one directory, in one process or many: the flock on
// a segment shows that its writer is alive, so that recovery leaves it alone. The
// directory must be on a local file system. It is created with mode 0700, its files with 0600.
//
// # Archive
//
// MarkArchived replaces a sealed segment by a marker: its name, sequence numbers, times and SHA-256, and where it was moved to. Readers
// report a marker as *ArchivedError, never as damage; a segment that is missing without a valid marker is damage.
//
// # Cost
//
// A record takes 20 bytes beside its payload, 30 with a UUIDv7 of its time, 36 with any other id, and less once it is
// compressed. An append is a checksum, a copy and a share of a pwrite, without an allocation: one to two microseconds for 350 bytes and
// one caller, less for many. A durable append waits for the disk. Records that are not synced, and 64 KiB before them, are kept in
// memory; if they exceed a segment, appends wait for the disk.
//
// Finding a record by id or time costs reading the names in the directory, and then one block of about a mebibyte, or the
// raw segments.
package journal
