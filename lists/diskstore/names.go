package diskstore

// Every name in the data folder and in the database is built here.
//
//	DIR/interdict.db            bbolt
//	    documents               key → revision(8) crc32c(4) value; its sequence is the last revision
//	    store                   format → "1", documents → how many there are(8), alive → time of the last Ping
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

	// metaKey is shorter than every block's key, and sorts before them.
	metaKey = []byte{0}
)

func bucketLayer(id string) []byte        { return []byte(layerPrefix + id) }
func bucketAttributions(id string) []byte { return []byte("attributions/" + id) }
