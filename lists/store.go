// Package lists defines the data types of Interdict and the interface of the store that keeps them.
//
//	List ── versions 1, 2, 3 … ── each a stack of layers (a base, then deltas)
//	Generation n ── the versions that are active together, with the settings of their lists
//
//	Store ┬ documents   small JSON records with revisions; many change in one atomic step
//	      ├ layers      immutable: key → references, number → attribution
//	      └ blobs       immutable bytes: source files, filters
//
// Everything that changes an answer is a document, and one Commit changes all of them together, so that a
// crash leaves the old generation or the new one. Layers and blobs are written before the documents that name them,
// and dropped after the last document that names them was deleted.
package lists

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"interdict/lists/address"
)

// Keys of documents and names of blobs. No other package builds one.
const (
	DocHead     = "head"     // Head
	DocPepper   = "pepper"   // secret key of the HMAC over API keys
	DocStoreID  = "store-id" // StoreID
	DocVerified = "verified" // Verified
	// DocPeople changes with every change of a key or an account, so that rules about all of them hold when several change at once.
	DocPeople = "people"
	// DocWebhookWatch is how far webhooks have been told of what happens to lists.
	DocWebhookWatch = "webhook-watch"
)

// Prefixes of the keys of documents, for Scan and ReadAll.
const (
	DocOtherPeppers    = DocPepper + "/"
	DocLists           = "list/"
	DocAllVersions     = "version/"
	DocGenerations     = "generation/"
	DocRestored        = "lost/"
	DocReplicas        = "replica/"
	DocAllServedByAll  = "served-by-all/"
	DocAllSuppressions = "suppression/"
	DocProposals       = "proposal/"
	DocSessions        = "session/"
	DocWriters         = "writer/"       // of the record; those that may write, or whose last checkpoint no other writer has recorded
	DocEndedWriters    = "ended-writer/" // the others
	DocNotices         = "notice/"
	DocWebhooks        = "webhook/"
	DocHolds           = "hold/"
	DocCases           = "case/"        // that somebody has worked on, up to the record that resolves them
	DocClosedCases     = "closed-case/" // the others
	DocWebhookQueues   = "webhook-queue/"
	DocWaiting         = "delivery/waiting/"
	DocFinished        = "delivery/finished/"
	DocAllTraffic      = "traffic/"
	DocAllDeltas       = "deltas/"
	DocRequests        = "request/"        // with an Idempotency-Key
	DocRequestAnswers  = "request-answer/" // to those
)

// Of documents that belong to no generation and that people make, replicas keep copies, from which a restore puts back those that the store has
// lost.
var (
	// DocsKept are the prefixes of those that are never deleted: a store that has fewer has lost them.
	DocsKept = []string{DocPepper, DocKey(""), DocAccount(""), DocAllSuppressions, DocProposals, DocHolds}
	// DocsDeleted are the prefixes of those that can be deleted.
	DocsDeleted = []string{DocWebhooks, DocCases}
)

// DocOtherPepper is the key of a further pepper: that of keys which a restore put back into a store that had made a pepper of its own.
func DocOtherPepper(pepper []byte) string {
	sum := sha256.Sum256(pepper)
	return DocOtherPeppers + hex.EncodeToString(sum[:8])
}

func DocList(id string) string       { return DocLists + id }
func DocVersions(list string) string { return DocAllVersions + list + "/" }

// DocVersion is the key of one version of a list.
func DocVersion(list string, number int) string {
	return DocVersions(list) + fmt.Sprintf("%08d", number)
}
func DocGeneration(number int) string              { return DocGenerations + fmt.Sprintf("%010d", number) }
func DocLost(id string, number int) string         { return DocRestored + fmt.Sprintf("%010d/%s", number, id) }
func DocSuppressions(list string) string           { return DocAllSuppressions + list + "/" }
func DocSuppression(list, id string) string        { return DocSuppressions(list) + id }
func DocFresh(list string) string                  { return "fresh/" + list }
func DocKey(id string) string                      { return "apikey/" + id }
func DocAccount(id string) string                  { return "account/" + id }
func DocSession(sha256 string) string              { return DocSessions + sha256 }
func DocUse(credential string) string              { return "use/" + credential }
func DocLookBack(index string) string              { return "look-back/" + index }
func DocWriter(id string) string                   { return DocWriters + id }
func DocEndedWriter(id string) string              { return DocEndedWriters + id }
func DocProposal(id string) string                 { return DocProposals + id }
func DocNotice(id string) string                   { return DocNotices + strings.ReplaceAll(id, ".", "-") }
func DocHold(id string) string                     { return DocHolds + id }
func DocWebhook(id string) string                  { return DocWebhooks + id }
func DocWebhookQueue(webhook string) string        { return DocWebhookQueues + webhook }
func DocsWaiting(webhook string) string            { return DocWaiting + webhook + "/" }
func DocsFinished(webhook string) string           { return DocFinished + webhook + "/" }
func DocCase(id string) string                     { return DocCases + id }
func DocClosedCase(id string) string               { return DocClosedCases + id }
func DocReplica(id string) string                  { return DocReplicas + id }
func DocServedByAll(number int) string             { return DocAllServedByAll + fmt.Sprintf("%010d", number) }
func DocRefresh(list string) string                { return "refresh/" + list }
func DocDeltas(list string) string                 { return DocAllDeltas + list }
func DocTraffic(server, day string) string         { return DocAllTraffic + server + "/" + day }
func DocRequest(id string) string                  { return DocRequests + id }
func DocRequestAnswer(id string) string            { return DocRequestAnswers + id }
func DocLease(task string) string                  { return "lease/" + task }
func BlobFilter(layer string) string               { return "filter-" + layer }
func BlobSource(list string, sha256 string) string { return "source-" + list + "-" + sha256 }
func BlobAttachment(caseID, id string) string      { return "case-" + caseID + "-" + id }
func BlobQuarantine(list string, n int) string     { return fmt.Sprintf("quarantine-%s-%d", list, n) }

// Doc is a document: a key (like a path, [a-z0-9/_-], at most 200 bytes), its value (at most 8 MiB) and its revision. A revision is
// greater than zero and differs after every change of the document.
type Doc struct {
	Key      string
	Value    []byte
	Revision uint64
}

// Change is the change of one document in a Commit.
type Change struct {
	Key   string
	Value []byte // nil deletes the document
	// Expect is the revision that the document must have. 0: it must not exist; AnyRevision: no condition.
	Expect uint64
}

// Watched reports whether Watch reports the change: one of DocHead or of a key under "fresh/".
func (c Change) Watched() bool { return c.Key == DocHead || strings.HasPrefix(c.Key, DocFresh("")) }

// AnyRevision makes a change unconditional.
const AnyRevision = ^uint64(0)

// LayerKey names one key of one layer.
type LayerKey struct {
	Layer string
	Key   address.Key
}

// Entry is one key of a layer with its references, in their stored form (AppendRef).
type Entry struct {
	Key  address.Key
	Refs []byte
}

// Store keeps documents, layers and blobs. Every method is safe for concurrent use and honours its
// context. It returns fault.Unavailable when the store cannot be reached or fails, never an
// empty result. Absence is fault.NotFound, or a nil element where the method says so.
type Store interface {
	// Get reads a document. fault.NotFound: it does not exist.
	Get(ctx context.Context, key string) (Doc, error)
	// Scan reads all documents whose key begins with prefix, in order of their keys.
	Scan(ctx context.Context, prefix string) ([]Doc, error)
	// Commit makes all changes or none. fault.Conflict, which names the key: a revision is not the expected one.
	// After it returns nil the changes survive a crash of the process (and, on disk, of the machine).
	Commit(ctx context.Context, changes ...Change) error

	// CreateLayer starts a layer of exactly keys entries. id must be new ([a-z0-9-], at most 120 bytes).
	CreateLayer(ctx context.Context, id string, keys int) (LayerWriter, error)
	// Lookup reads the references of many keys in as few round trips as the store allows. Result i belongs to asked[i]; it is nil if
	// the layer does not have the key. A layer that is missing, incomplete or damaged is an error that wraps *DamagedError: it must
	// never look like absence.
	Lookup(ctx context.Context, asked []LayerKey) ([][]byte, error)
	// Attributions reads attributions of one layer by number. A missing one is an error that wraps *DamagedError.
	Attributions(ctx context.Context, layer string, numbers []uint32) ([][]byte, error)
	// Walk yields all entries of a layer, ordered by (Hash(Key), Key), without holding the layer in memory.
	// It ends with an error that wraps *DamagedError if the layer is incomplete or has lost entries.
	Walk(ctx context.Context, layer string) iter.Seq2[Entry, error]
	// DropLayer removes a layer, complete or not. It is no error if the layer does not exist.
	DropLayer(ctx context.Context, id string) error
	// Layers returns the ids of all layers, incomplete ones included, with the time of their creation.
	Layers(ctx context.Context) (map[string]time.Time, error)

	// PutBlob stores the bytes of r under a name ([a-z0-9-], at most 200 bytes), all or nothing. It replaces an older blob.
	PutBlob(ctx context.Context, name string, r io.Reader) error
	// OpenBlob reads a blob. fault.NotFound: it does not exist. Reading truncated or altered bytes ends with an error, not with io.EOF.
	OpenBlob(ctx context.Context, name string) (io.ReadCloser, error)
	// DropBlob removes a blob. It is no error if the blob does not exist.
	DropBlob(ctx context.Context, name string) error
	// Blobs returns the names of all blobs.
	Blobs(ctx context.Context) ([]string, error)

	// Watch returns a channel that receives a value soon after any process has committed a change of DocHead
	// or of a key under "fresh/". It can miss changes: poll as well. It is closed when ctx ends.
	Watch(ctx context.Context) <-chan struct{}
	// Ping checks that the store can be read and written now.
	Ping(ctx context.Context) error
	// Describe returns a name of the store for messages, without secrets: "embedded store ./data", "redis 10.0.0.1:6379".
	Describe() string
	Close() error
}

// LayerWriter writes one layer. Entries must be put in order of (Hash(Key), Key); attributions in any order, before or
// between the entries. Commit or Abort ends it.
type LayerWriter interface {
	Put(e Entry) error
	PutAttribution(number uint32, record []byte) error
	// Commit makes the layer complete and durable. It fails if the number of entries is not that given to CreateLayer.
	Commit() error
	// Abort removes what was written. It may be called after a failed Commit.
	Abort() error
}
