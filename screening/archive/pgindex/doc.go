// Package pgindex is the implementation of archive.Index in PostgreSQL 13 or newer, for several servers that share one index.
//
// Everything is in the schema interdict of the database that the URL names:
//
//	records_YYYYMM   one row for each record of a month (UTC), with payload; a partition of records
//	terms_YYYYMM     one row for each key, list and kind (other than checks) that a record is found by; a partition of terms
//	alerts           the positions of the records that created and resolved an alert
//	marks            one row for each writer; Add locks it, so that the entries of a writer are added one batch after another
//	version          of this layout
//
// Times are nanoseconds since 1970 in a bigint, since PostgreSQL's own have microseconds only. Texts are bytea: they are compared byte for byte,
// and text cannot hold a zero byte. A term is the first half of a SHA-256; what is found by it is compared with the record again.
//
// Find reads pages. No transaction stays open while its caller works, and no statement looks at more than a bounded number of rows.
package pgindex
