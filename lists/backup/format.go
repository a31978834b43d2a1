package backup

import (
	"time"

	"interdict/lists"
)

// Format is the format that Write writes. A file of a newer one is refused.
const Format = 1

const (
	headerName   = "interdict-backup.json"
	manifestName = "manifest.json"

	// partBytes is the size of an entry of the archive, except of the last one of an item.
	partBytes = 1 << 20
	// maxHeaderBytes and maxManifestBytes bound what is read into memory.
	maxHeaderBytes   = 64 << 10
	maxManifestBytes = 256 << 20
	// maxRecordBytes bounds a key, a value or a reference in the stream of an item.
	maxRecordBytes = 16 << 20
)

// Header is the first entry.
type Header struct {
	Format  int       `json:"format"`
	Created time.Time `json:"created"`
	Program string    `json:"program"` // version of the program that wrote it
	Store   string    `json:"store"`   // what it is a backup of
}

// Kind is what an item holds.
type Kind string

// Kinds of items.
const (
	Documents Kind = "documents"
	Layer     Kind = "layer"
	Blob      Kind = "blob"
	Record    Kind = "record" // a file in the folder of the record
)

// Item is a stream that is cut into parts: the entries PATH/000000, PATH/000001 ….
type Item struct {
	Path   string `json:"path"`
	Kind   Kind   `json:"kind"`
	Name   string `json:"name"`           // of the layer or the blob; path of the file
	Keys   int    `json:"keys,omitempty"` // entries of a layer, or documents
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Manifest is the last entry: what belongs to the backup. Entries that no item names are the beginnings of items that were dropped from the
// store while they were copied.
type Manifest struct {
	Header
	Generation   lists.Head `json:"head"` // the current generation; the zero value if there is none
	HeaderSHA256 string     `json:"header_sha256"`
	Items        []Item     `json:"items"`
}

// Summary is what a backup holds.
type Summary struct {
	Header
	Generation int    `json:"generation"`
	Documents  int    `json:"documents"`
	Layers     int    `json:"layers"`
	Blobs      int    `json:"blobs"`
	Record     int    `json:"record_files"`
	Bytes      int64  `json:"bytes"`  // before compression
	SHA256     string `json:"sha256"` // of the manifest, which has the digests of everything else
}

func (m *Manifest) count(kind Kind) (n int) {
	for i := range m.Items {
		if m.Items[i].Kind == kind {
			n++
		}
	}
	return n
}

func (m *Manifest) summary(sha256 string) Summary {
	s := Summary{Header: m.Header, Generation: m.Generation.Generation, Layers: m.count(Layer), Blobs: m.count(Blob), Record: m.count(Record), SHA256: sha256}
	for i := range m.Items {
		s.Bytes += m.Items[i].Bytes
		if m.Items[i].Kind == Documents {
			s.Documents = m.Items[i].Keys
		}
	}
	return s
}
