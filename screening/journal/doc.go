// Package journal implements the decision log: every check and every change is one record in an
// append-only log on local disk, written before the answer is sent.
//
//	 Append ──► active segment ──► (full, or old) ──► retired ──► sealed file
//	   │        mapped memory       spare becomes      │           truncated to its records,
//	   │        of a file           active             │           with the SHA-256 of the one before
//	   ▼             ▲                                 ▼
//	durable? ──► group commit: one sync for all     sealer (goroutine)
//	 no │            │  callers; on failure the rest is copied to a new file
//	    ▼            │
//	 answer      preparer (goroutine): allocates and maps the spare, warms memory ahead of
//	             the records, writes memory behind them
//
//	 Open ──► recovers segments of crashed writers: truncates torn tails, seals
//	 Read ──► all records of all writers, and damage at its place
//
// # Durability
//
//   - kill -9 or a panic of the process: every record whose Append has returned nil survives. The
//     record is in the page cache of the kernel, which writes it to disk
//     within about 30 s. A record whose Append was running may exist or not;
//     if it is torn, the next Open removes it.
//   - Loss of power, a crash of the kernel: every record whose Append with durable has
//     returned nil survives, and every record of that journal with a smaller sequence number. Later
//     records can be lost completely or partly.
//   - A full disk, a failing fsync: Append returns fault.Unavailable, and works again
//     as soon as the disk does. Records of a failed fsync are copied to another file;
//     records that cannot be read back are lost, and reported. The caller answers with an error,
//     never with an unrecorded decision. Disk space for a segment is allocated before its first record.
//   - A disk that loses or changes stored data: Read reports a *DamageError and continues
//     after it. Nothing is repaired, and no record is ever deleted.
//
// # Writers
//
// Each Open creates a writer with its own identity, segments, and sequence numbers 1, 2, 3 …
// across its segments. Several writers can use one directory, in one process or many: the flock on
// a segment shows that its writer is alive, so that recovery leaves it alone. The
// directory must be on a local file system. It is created with mode 0700, its files with 0600.
//
// # Cost
//
// An append is a checksum, a lock and a copy: no system call, no allocation; about 90 ns for
// 350 bytes while the preparer keeps up, which it does at 90,000 records per second.
// At higher rates page faults add 0.3 to 0.5 µs per
// record. In the background a record costs 0.4 µs of system time and 0.18 µs of SHA-256. A
// durable append waits for the disk; concurrent ones share a sync. (Two cores, ext4;
// go test -run - -bench . ./screening/journal)
//
// Letting callers write into the mapping would save a copy of 10 ns, but would hold the lock while
// they encode JSON.
package journal
