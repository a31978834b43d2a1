package diskstore

// All names in the directory and in the database are defined here.
//
//	DIR/interdict.db            bbolt
//	    documents               key → revision(8) crc32c(4) value; the sequence of the bucket is the last revision
//	    store                   format → "1", documents → number of documents(8), alive → time of the last Ping
//	    layer/ID                metaKey → layerMeta; upper bound of hashes(8) → block
//	    attributions/ID         number(4) → crc32c(4) record
//	DIR/blobs/NAME              bytes, then trailer
//	DIR/blobs/.new-*            a blob that is being written
const (
	fileDB       = "interdict.db"
	dirBlobs     = "blobs"
	blobTemp     = ".new-*"
	blobTempMark = ".new-"

	layerPrefix = "layer/"
)

var (
	bucketDocuments = []byte("documents")
	bucketStore     = []byte("store")
	keyFormat       = []byte("format")
	keyDocuments    = []byte("documents")
	keyAlive        = []byte("alive")

	// metaKey sorts before the keys of blocks, which are longer.
	metaKey = []byte{0}
)

func bucketLayer(id string) []byte        { return []byte(layerPrefix + id) }
func bucketAttributions(id string) []byte { return []byte("attributions/" + id) }
