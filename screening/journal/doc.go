// Package journal is the decision log: every check and every change is one record in an
// append-only log on local disk, written before the answer goes out.
//
//	 Append ──► active segment ──► (full, or old) ──► retired ──► sealed file
//	   │        mapped memory       spare becomes      │           cut to its records,
//	   │        of a file           active             │           SHA-256 of the one before
//	   ▼             ▲                                 ▼
//	durable? ──► group commit: one sync for all     sealer (goroutine)
//	 no │            │  who wait; fails? the rest is copied to a new file
//	    ▼            │
//	 answer      preparer (goroutine): allocates and maps the spare, warms memory ahead of
//	             the records, sends what lies behind to disk
//
//	 Open ──► recovers what crashed writers left: cuts torn tails, seals
//	 Read ──► all records of all writers, damage reported where it is
//
// # What survives what
//
//   - kill -9 or a panic of the process: every record whose Append has returned nil. The
//     memory it was copied to belongs to the kernel, which writes it to disk in its own time,
//     after some 30 s at the latest. A record whose Append was under way may be there or not;
//     if it is torn, the next Open cuts it.
//   - Loss of power, a crash of the kernel: every record whose Append with durable has
//     returned nil, and every record of that journal with a smaller sequence number. What came
//     after the last of them may be lost, in whole or in parts.
//   - A full disk, a failing fsync: the journal refuses, with fault.Unavailable, and goes on by
//     itself when it can. What a failed fsync was to bring to disk is copied to another file;
//     what cannot be read back for that is lost, and reported. The caller answers an error,
//     never an unrecorded decision. Room for a segment is allocated before its first record.
//   - A disk that loses or changes what it had stored: Read reports a *DamageError and goes on
//     behind it. Nothing is repaired, and no record is ever deleted.
//
// # Writers
//
// Each Open is a writer of its own, with an identity, segments, and sequence numbers 1, 2, 3 …
// through all of them. Several may work in one directory, in one process or many: the flock on
// a segment says that its writer lives, so that nobody takes it for a crashed one. The
// directory must be on a local file system; it is created with mode 0700, its files with 0600.
//
// # Cost
//
// An append is a checksum, a lock and a copy: no system call, no allocation; about 90 ns for
// 350 bytes as long as the preparer keeps up, which it does at 90,000 records a second.
// Faster than that, the kernel's work for each new page of the file tells, 0.3 to 0.5 µs a
// record. In the background a record costs 0.4 µs of system time and 0.18 µs of SHA-256. A
// durable append waits for the disk; those that wait together share a sync. (Two cores, ext4;
// go test -run - -bench . ./screening/journal)
//
// Appending into the mapping by the caller would save a copy of 10 ns and hold the lock while
// JSON is written, so it is not offered.
package journal
