// Package backup writes all that a store and a record hold into one file, verifies such a file, and restores it into an empty store of
// either kind.
//
//	tar, compressed with zstd, a frame for each entry
//	├─ interdict-backup.json      format, time, program
//	├─ layers/ID/000000 …         entries and attributions, in the order that a store takes them
//	├─ blobs/NAME/000000 …        source files, filters, attachments of cases
//	├─ documents/000000 …         everything else, as it was at one moment
//	├─ record/PATH/000000 …       the files of the folder of the record
//	└─ manifest.json              what belongs to the backup, with digests
//
// # A consistent copy of a store in use
//
// Layers and blobs are written before the documents that name them, and dropped after the last document that names them. So the documents
// are read first, until two readings agree, and then the layers and blobs that they name are copied. If one of them is dropped
// meanwhile, the documents are read again; what has been copied stays valid, because layers never change. The record is copied
// last: it has every change that the documents have, and perhaps later ones.
//
// # Reading
//
// A file is read completely, and compared with its digests, before anything is written. Memory is needed for the documents and a part of
// each stream, whatever the size of the lists.
package backup
