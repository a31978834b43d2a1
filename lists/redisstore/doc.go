// Package redisstore is the store that many replicas share: Redis 7 or later, alone, behind Sentinels or as a Cluster.
//
//	Commit ── one script: check every revision, write all, publish ──► {P}:table ── Watch ──► replicas
//	layer ─┬─ entries, ordered by hash, cut into buckets ──► P:e:…  hashes of about 96 entries, spread over a cluster
//	       ├─ attributions ──► P:a:…  hashes of 128
//	       └─ at last its record says "complete" ──► {P}:table
//	blob ──── chunks of 1 MiB ──► P:b:…, then its record with size and SHA-256 ──► {P}:table
//
// All names are built in keys.go.
//
// # Nothing that is lost looks absent
//
// A bucket carries a marker with the number of its entries, empty buckets too. A look-up asks for the key and the
// marker in one command: without a marker (flushed, evicted, dropped, never written) the answer is fault.Unavailable. A value ends with
// a checksum over key and references. Where the key is not found, the whole bucket is read and its entries are counted, because one field
// may have been deleted or have expired; a check does so once in a million addresses, when a filter was wrong. Walk verifies every
// bucket.
//
// Documents and the records of layers and blobs are one hash, which Redis loses as a whole; an index beside it must have the same names. A
// record that is not found is looked for in the index, too. After FLUSHALL, Redis cannot be told from one that was never used:
// documents are then NotFound, which leaves nothing to answer from.
//
// # Figures
//
//	go test ./lists/redisstore -run '^$' -bench . (Layer: -benchtime 1x; INTERDICT_LONG=1 for ten million)
//
// Redis 7.0 and the test on two cores of an AMD EPYC; keys of 21 bytes, references with attribution and locator, 700 attributions;
// bytes are used_memory, everything included:
//
//	               bytes/address   load     Walk     DropLayer   heap of the loader
//	 1,000,000         38.1        0.8 s    0.4 s     0.01 s         1.1 MB
//	10,000,000         38.4        7.6 s    5.3 s     0.11 s         1.0 MB
//
//	Lookup of 1 key 30 µs, of 1,000 in one pipeline 3.6 ms
//
// A key or its references longer than 64 bytes (hash-max-listpack-value) make a hash table of the bucket, which takes about 150 bytes
// an address: few lists have such. A smaller hash-max-listpack-entries than 128 does that to every bucket; Warnings tells.
//
// # Rights
//
// An ACL user needs (P is the prefix, "interdict" by default)
//
//	~{P}:* ~P:* &{P}:changed -@all +ping +hmget +hget +hset +hdel +hlen +hgetall +zadd +zrem +zcard +zrangebylex
//	+exists +get +set +persist +expire +unlink +sadd +smembers +time +publish +subscribe +eval +evalsha +eval_ro +evalsha_ro
//	+info +config|get (the last two for Warnings), and in a cluster +cluster|slots
//
// # Durability
//
// A commit is as durable as Redis is set up to be: appendonly with appendfsync always survives its death, replication is
// asynchronous and a failover can lose the newest commits. Revisions are drawn from Redis's clock, so that one that was lost is not
// given again to something else.
package redisstore
