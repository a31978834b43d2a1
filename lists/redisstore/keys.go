package redisstore

import (
	"strconv"

	"interdict/lists"
)

// All names in Redis are defined here. P is the prefix. Braces are a hash tag, which puts all keys that one commit changes
// into one slot of a cluster. The other keys have none, so that a layer is distributed over the nodes.
//
//	{P}:table            hash: record → revision(16 digits) crc32c(8 hex digits) bytes; "" → format:last revision
//	{P}:index            sorted set of the names of all records, in order
//	{P}:alive            string written by Ping
//	{P}:changed          channel of Watch
//	P:e:STEM:BUCKET      hash: "" → number of entries; key of an entry → its references and a checksum(2)
//	P:a:STEM:BUCKET      hash: number of an attribution in the bucket → crc32c(4) record
//	P:n:STEM             set of the attribution buckets of a layer
//	P:b:STEM:CHUNK       string: a chunk of a blob
//	rate:P:KEY           string: the allowance of an API key; the limiter's library puts "rate:" before it
//
// Records are documents ("d:" and their key), layers ("l:" and their id) and blobs ("b:" and their name). A stem is
// a random number that a layer or blob gets when it is created, so that the remains of an older one of the same name are never read.
// Numbers of buckets and chunks are written in base 36.
type keys struct{ prefix string }

const (
	recordDoc   = "d:"
	recordLayer = "l:"
	recordBlob  = "b:"

	fieldMarker = "" // no entry has an empty key

	maxPrefix   = 64
	prefixChars = lists.NameChars + "_."
)

func newKeys(prefix string) (keys, error) {
	if err := lists.CheckName("key prefix", prefix, prefixChars, maxPrefix); err != nil {
		return keys{}, err
	}
	return keys{prefix}, nil
}

func (k keys) tagged(name string) string { return "{" + k.prefix + "}:" + name }
func (k keys) table() string             { return k.tagged("table") }
func (k keys) index() string             { return k.tagged("index") }
func (k keys) alive() string             { return k.tagged("alive") }
func (k keys) changed() string           { return k.tagged("changed") }

func (k keys) rate(name string) string { return k.prefix + ":" + name }

func (k keys) numbered(kind, stem string, n uint64) string {
	return k.prefix + kind + stem + ":" + strconv.FormatUint(n, 36)
}

func (k keys) entries(stem string, bucket uint64) string      { return k.numbered(":e:", stem, bucket) }
func (k keys) attributions(stem string, bucket uint64) string { return k.numbered(":a:", stem, bucket) }
func (k keys) attributionBuckets(stem string) string          { return k.prefix + ":n:" + stem }
func (k keys) chunk(stem string, n uint64) string             { return k.numbered(":b:", stem, n) }

// checkPrefix reports whether documents with this prefix can exist.
func checkPrefix(prefix string) bool {
	return prefix == "" || lists.CheckName("", prefix, lists.DocKeyChars, lists.MaxDocKey) == nil
}
