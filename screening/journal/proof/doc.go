// Package proof makes the decision log tamper-evident: a transparency log over the records of one
// writer of the journal, whose signed checkpoints and receipts can be verified offline with a public key.
//
//	records of a writer ──► Append ──► hash tree ──► full tiles       tile/<L>/<N>
//	                                       │    └──► partial tiles    tile/<L>/<N>.p/<W>
//	                                       ▼
//	                          Checkpoint (once a second, and at a seal)
//	                                       │ signed by Keys
//	              ┌────────────────────────┼──────────────────────┐
//	              ▼                        ▼                      ▼
//	  checkpoint, checkpoint.<size>    Published(…)      witnesses: add-checkpoint
//	              │                  kept elsewhere       cosignatures are appended
//	              ▼
//	  Receipt ──► VerifyReceipt        Verify: records, tiles, checkpoints, checkpoints kept elsewhere
//
// # Formats
//
// The formats are those of the C2SP: tlog-tiles (height 8), signed-note, tlog-checkpoint, tlog-proof,
// tlog-cosignature and tlog-witness. The hashes are those of RFC 6962. Record seq of the journal,
// counted from 1, is entry seq-1 of the log. Leaf gives the bytes that are hashed for a record.
// Entry bundles are not stored, because the journal has the records; Export writes them.
//
// # Files of a log
//
//	checkpoint          the newest checkpoint
//	checkpoint.<size>   the checkpoint of each seal
//	synced              a checkpoint whose tiles are all on disk, even after a loss of power
//	cosigned            the newest checkpoint that a witness has signed
//	log.json            origin, sizes of the seals, size of cosigned
//	lock                locked by the process that writes
//	tile/…              hashes, 32 bytes a record
//
// Files are replaced by rename. All but records and checkpoints can be computed again: Open continues
// from synced and reads only the records after it, or all of them where tiles are damaged.
//
// # What it proves
//
// Nobody without the private key can change, remove, insert or reorder records that a checkpoint
// covers. Somebody with the private key can write a different log, but not one that agrees with checkpoints which
// others keep: a store, the logs of other writers, a witness. Records after the newest checkpoint,
// those of the last second, are not yet protected.
//
// Append may only be called with records that are durable: a checkpoint promises that they exist.
package proof
