// Package redisstore is the store that many replicas share: Redis 7 or later, as a single server, with Sentinels or as a cluster.
//
//	Commit ── one script: check every revision, write all, publish ──► {P}:table ── Watch ──► replicas
//	layer ─┬─ entries, ordered by hash, cut into buckets ──► P:e:…  hashes of about 96 entries, spread over a cluster
//	       ├─ attributions ──► P:a:…  hashes of 128
//	       └─ last its record, marked complete ──► {P}:table
//	blob ──── chunks of 1 MiB ──► P:b:…, then its record with size and SHA-256 ──► {P}:table
//
// All names are defined in keys.go.
//
// # Lost data never looks absent
//
// Every bucket, also an empty one, has a marker with the number of its entries. A look-up reads the key and the
// marker in one command. If the marker is missing (flushed, evicted, dropped, never written) the result is fault.Unavailable. A value ends with
// a checksum over key and references. If the key is not found, the whole bucket is read and its entries are counted, because a single
// field can be deleted or expire. A check needs this once in a million addresses, after a false positive of a filter. Walk verifies
// every bucket.
//
// Documents and the records of layers and blobs are fields of one hash, which Redis can only lose as a whole. An index must have the same
// names: a record that is not found is looked up in the index, too. After FLUSHALL the store looks like a new one:
// documents are NotFound, and there is no generation to answer from.
//
// # Figures
//
//	go test ./lists/redisstore -run '^$' -bench . (Layer: -benchtime 1x; INTERDICT_LONG=1 for ten million)
//
// Redis 7.0 and the test on two cores of an AMD EPYC; keys of 21 bytes, references with attribution and locator, 700 attributions;
// bytes are all of used_memory:
//
//	               bytes/address   load     Walk     DropLayer   heap of the loader
//	 1,000,000         38.1        0.8 s    0.4 s     0.01 s         1.1 MB
//	10,000,000         38.4        7.6 s    5.3 s     0.11 s         1.0 MB
//
//	Lookup of 1 key 30 µs, of 1,000 in one pipeline 3.6 ms
//
// If a key or its references have more than 64 bytes (hash-max-listpack-value), Redis stores the bucket as a hash table, which takes about
// 150 bytes per address. Few lists have such entries. With hash-max-listpack-entries below 128 this happens to every bucket; Warnings
// reports it.
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
// A commit is as durable as the configuration of Redis makes it. With appendonly and appendfsync always it survives a crash; replication
// is asynchronous, and a failover can lose the newest commits. Revisions are taken from the clock of Redis, so that a revision that was
// lost is never used again.
package redisstore
