// Package vault moves sealed segments of the journal to an archive, a folder or a bucket with the API of S3, and reads them there.
//
//	journal folder                    Archive                       bucket
//	sealed segment  ──► check every block ──► create ──► read back ──► <writer>/segments/<name>
//	                                            (never overwritten)    <writer>/manifests/<name>-<last>.json   written last: it is verified
//	log of a writer ──► full tiles, seals, versions ───────────────► logs/<writer>/…
//	public keys     ────────────────────────────────────────────────► keys/<hash>.vkey
//
//	DropLocal   reads the object back again; the segment becomes a marker, <name>.archived, which the journal's readers understand
//	Find, Range, ReadFrom   bucket and folder together; segments come through a bounded cache, compared with their manifests
//	Expire      deletes segments after the retention, unless a hold covers them, and leaves <writer>/expired/<name>.json
//	Restore     writes the segments and the log of a writer to a folder, for audit verify
//
// Nothing that Archive does depends on local state: it can be killed at any point, run by several processes at once, and goes on with what the bucket
// does not have yet. A manifest says that its segment was read back and every block of it was valid.
//
// # What is reported
//
// A segment that has a manifest or a marker, but is missing in the bucket, cut off or changed, is reported as *journal.DamageError with the name of the
// object; one that was deleted after the retention as *ExpiredError. Readers continue after both. If the bucket cannot be reached
// they end with fault.Unavailable. A segment in the bucket without a manifest is reported as damage too: it is being archived in this moment by another server, or its manifest
// was removed.
//
// # Cost
//
// Find, Range and Writers list the names of all manifests and segments: 1,000 names in a request of S3, 35 µs each in a folder. Then a segment is fetched
// only if it can have the record, and its manifest with it. Archive and DropLocal each read a segment from the bucket once, entirely.
//
// # Object Lock
//
// Where the bucket has it, segments and manifests are locked until the retention ends, the log and the keys for the retention from now on.
package vault
