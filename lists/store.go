// Package lists holds the nouns of Interdict and the contract of the place where they are kept.
//
//	List ── versions 1, 2, 3 … ── each a stack of layers (a base, then deltas)
//	Generation n ── the versions active together, with their lists' settings
//
//	Store ┬ documents   small JSON records with revisions; many change in one atomic step
//	      ├ layers      immutable: key → references, number → attribution
//	      └ blobs       immutable bytes: source files, filters
//
// Everything that changes an answer is a document, and one Commit moves all of them together, so a
// crash leaves the old generation or the new one. Layers and blobs are written before the documents that name them,
// and dropped after the last document that names them is gone.
package lists

import (
	"context"
	"fmt"
	"io"
	"iter"
	"time"

	"interdict/lists/address"
)

// Keys of documents. Nobody else builds one.
const (
	DocHead    = "head"     // {"generation": n}
	DocPepper  = "pepper"   // secret that API keys are hashed with
	DocStoreID = "store-id" // tells this store from others
)

// Prefixes of the keys of documents, for Scan and ReadAll.
const (
	DocLists           = "list/"
	DocAllVersions     = "version/"
	DocGenerations     = "generation/"
	DocRestored        = "lost/"
	DocReplicas        = "replica/"
	DocAllSuppressions = "suppression/"
)

func DocList(id string) string       { return DocLists + id }
func DocVersions(list string) string { return DocAllVersions + list + "/" }
func DocVersion(list string, number int) string {
	return DocVersions(list) + fmt.Sprintf("%08d", number)
}
func DocGeneration(number int) string              { return DocGenerations + fmt.Sprintf("%010d", number) }
func DocLost(id string, number int) string         { return DocRestored + fmt.Sprintf("%010d/%s", number, id) }
func DocSuppressions(list string) string           { return DocAllSuppressions + list + "/" }
func DocSuppression(list, id string) string        { return DocSuppressions(list) + id }
func DocFresh(list string) string                  { return "fresh/" + list }
func DocKey(id string) string                      { return "apikey/" + id }
func DocReplica(id string) string                  { return DocReplicas + id }
func DocRefresh(list string) string                { return "refresh/" + list }
func DocLease(task string) string                  { return "lease/" + task }
func BlobFilter(layer string) string               { return "filter-" + layer }
func BlobSource(list string, sha256 string) string { return "source-" + list + "-" + sha256 }
func BlobQuarantine(list string, n int) string     { return fmt.Sprintf("quarantine-%s-%d", list, n) }

// Doc is a document: a key (path-like, [a-z0-9/_-], at most 200 bytes), its bytes (at most 8 MB) and its revision,
// a number above zero that is another after every change of this document.
type Doc struct {
	Key      string
	Value    []byte
	Revision uint64
}

// Change is one document's part of a Commit.
type Change struct {
	Key   string
	Value []byte // nil deletes the document
	// Expect is the revision the document must have; 0: it must not exist; AnyRevision: it does not matter.
	Expect uint64
}

// AnyRevision makes a change unconditional.
const AnyRevision = ^uint64(0)

// LayerKey asks for one key of one layer.
type LayerKey struct {
	Layer string
	Key   address.Key
}

// Entry is one key of a layer with its references, in their stored form (AppendRef).
type Entry struct {
	Key  address.Key
	Refs []byte
}

// Store keeps documents, layers and blobs. Every method is safe for concurrent use, honours its
// context and gives fault.Unavailable when the store cannot be reached or fails, and never an
// empty answer instead: absence is fault.NotFound, or a nil element where the method says so.
type Store interface {
	// Get reads a document; fault.NotFound if there is none.
	Get(ctx context.Context, key string) (Doc, error)
	// Scan reads all documents whose key begins with prefix, in the order of their keys.
	Scan(ctx context.Context, prefix string) ([]Doc, error)
	// Commit makes all changes or none; fault.Conflict, naming the key, when a revision is not the expected one.
	// When it returns nil the changes survive a crash of the process (and, on disk, of the machine).
	Commit(ctx context.Context, changes ...Change) error

	// CreateLayer starts a layer. keys is how many entries will come, exactly; id is new ([a-z0-9-], at most 120 bytes).
	CreateLayer(ctx context.Context, id string, keys int) (LayerWriter, error)
	// Lookup reads the references of many keys in as few round trips as the store allows: result i is for asked i, nil if
	// the layer does not have the key. A layer that is not there, or not complete, is fault.Unavailable: it must never look like absence.
	Lookup(ctx context.Context, asked []LayerKey) ([][]byte, error)
	// Attributions reads attributions of one layer by their numbers; one that is missing is fault.Unavailable.
	Attributions(ctx context.Context, layer string, numbers []uint32) ([][]byte, error)
	// Walk yields all entries of a layer, ordered by (Hash(Key), Key), without holding the layer in memory.
	// It ends with an error when the layer is incomplete, or fewer entries are there than were written.
	Walk(ctx context.Context, layer string) iter.Seq2[Entry, error]
	// DropLayer removes a layer, complete or not; no error if there is none.
	DropLayer(ctx context.Context, id string) error
	// Layers lists the ids of all layers, incomplete ones included, with the time of their creation.
	Layers(ctx context.Context) (map[string]time.Time, error)

	// PutBlob stores bytes under a name ([a-z0-9-], at most 200 bytes), whole or not at all, replacing what was there.
	PutBlob(ctx context.Context, name string, r io.Reader) error
	// OpenBlob reads a blob; fault.NotFound if there is none. Truncated or altered bytes end in an error, not in io.EOF.
	OpenBlob(ctx context.Context, name string) (io.ReadCloser, error)
	// DropBlob removes a blob; no error if there is none.
	DropBlob(ctx context.Context, name string) error
	// Blobs lists the names of all blobs.
	Blobs(ctx context.Context) ([]string, error)

	// Watch gives a channel that receives something soon after any process has committed a change of DocHead
	// or of a key under "fresh/". It may miss some: poll as well. It is closed when ctx ends.
	Watch(ctx context.Context) <-chan struct{}
	// Ping tells whether the store can be read and written now.
	Ping(ctx context.Context) error
	// Describe names the store for people, without secrets: "embedded store ./data", "redis 10.0.0.1:6379".
	Describe() string
	Close() error
}

// LayerWriter receives one layer. Entries come ordered by (Hash(Key), Key) and are then complete;
// attributions come in any order, before or between the entries. Exactly one of Commit and Abort ends it.
type LayerWriter interface {
	Put(e Entry) error
	PutAttribution(number uint32, record []byte) error
	// Commit makes the layer complete and durable. It is an error if the number of entries is not the one announced.
	Commit() error
	// Abort drops what was written. It may be called after a failed Commit.
	Abort() error
}
