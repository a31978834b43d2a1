package backup

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// Source is what a backup is made of.
type Source struct {
	Store  lists.Store // nil: none
	Record Folder      // nil: none
	// Program is the version of this program.
	Program string
	Now     func() time.Time
}

// Folder yields the files of the record in an order in which a copy of them is consistent, even while they are written. Body of a file is
// valid until the next one is asked for.
type Folder func(ctx context.Context) iter.Seq2[RecordFile, error]

// RecordFile is a file of the record.
type RecordFile struct {
	Path string // in the folder, with slashes
	Body io.Reader
}

// passing are the prefixes of documents that are worth nothing in another store: what processes that run tell each other, and sessions of
// the console. They do not make a store count as used.
var passing = []string{lists.DocLease(""), lists.DocReplicas, lists.DocSessions, docRestoring}

// alone are the prefixes of documents that servers write all the time, and that need not agree with others.
var alone = []string{lists.DocUse(""), lists.DocAllTraffic, lists.DocAllDeltas, lists.DocRefresh(""), lists.DocFresh(""), lists.DocWriters, lists.DocEndedWriters, lists.DocVerified,
	lists.DocWaiting, lists.DocFinished, lists.DocWebhookQueues, lists.DocWebhookWatch, lists.DocNotices}

// Attempts at a copy of what changes meanwhile. A reading of the documents takes milliseconds, and only the first copy takes long.
const (
	readings = 100
	copies   = 20
)

func hasPrefix(key string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(key, p) })
}

// Write writes a backup. The store and the record can be in use.
func Write(ctx context.Context, out io.Writer, from Source) (Summary, error) {
	h := Header{Format: Format, Created: from.Now().UTC(), Program: from.Program, Store: "record only"}
	if from.Store != nil {
		h.Store = from.Store.Describe()
	}
	w, err := newWriter(out, h)
	if err != nil {
		return Summary{}, err
	}
	if from.Store != nil {
		if err := w.store(ctx, from.Store); err != nil {
			return Summary{}, err
		}
	}
	if from.Record != nil {
		for f, err := range from.Record(ctx) {
			if err == nil {
				err = w.item(Record, "record/"+f.Path, f.Path, func(part io.Writer) (int, error) {
					_, err := io.Copy(part, f.Body)
					return 0, err
				})
			}
			if err != nil {
				return Summary{}, err
			}
		}
	}
	if err := w.close(); err != nil {
		return Summary{}, err
	}
	return w.manifest.summary(w.digest), nil
}

// store copies the store.
func (w *writer) store(ctx context.Context, from lists.Store) error {
	done := map[string]bool{}
	var missing error
	for range copies {
		docs, err := readDocs(ctx, from)
		if err != nil {
			return err
		}
		if missing, err = w.named(ctx, from, docs, done); err != nil {
			return err
		}
		if missing == nil {
			return w.documents(docs)
		}
	}
	return fault.E(fault.Unavailable, "what the documents name is not in the store: %w", missing)
}

// named copies what documents name and is not done yet. missing says what could not be read: it may have been dropped meanwhile.
func (w *writer) named(ctx context.Context, from lists.Store, docs []lists.Doc, done map[string]bool) (missing, err error) {
	layers, err := layersOf(docs)
	if err != nil {
		return nil, err
	}
	once := func(kind Kind, path, name string, copy func(io.Writer) (int, error)) error {
		if done[path] {
			return nil
		}
		err := w.item(kind, path, name, copy)
		if done[path] = err == nil; err != nil {
			missing = errors.Join(missing, err)
		}
		return cmp.Or(ctx.Err(), w.failed)
	}
	for _, id := range slices.Sorted(maps.Keys(layers)) {
		if err := once(Layer, "layers/"+id, id, func(part io.Writer) (int, error) { return writeLayer(ctx, part, from, id) }); err != nil {
			return nil, err
		}
	}
	blobs, err := from.Blobs(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range blobs {
		layer, filter := strings.CutPrefix(name, lists.BlobFilter(""))
		if filter && !layers[layer] {
			continue
		}
		before := missing
		if err := once(Blob, "blobs/"+name, name, func(part io.Writer) (int, error) { return writeBlob(ctx, part, from, name) }); err != nil {
			return nil, err
		}
		if filter { // one that is missing is built again
			missing = before
		}
	}
	return missing, nil
}

func writeBlob(ctx context.Context, w io.Writer, from lists.Store, name string) (int, error) {
	r, err := from.OpenBlob(ctx, name)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	_, err = io.Copy(w, r)
	return 0, err
}

func (w *writer) documents(docs []lists.Doc) error {
	for _, d := range docs {
		if d.Key != lists.DocHead {
			continue
		}
		var err error
		if w.manifest.Generation, err = lists.Decode[lists.Head](d); err != nil {
			return err
		}
	}
	return w.item(Documents, "documents", "", func(part io.Writer) (int, error) { return len(docs), writeDocuments(part, docs) })
}

// readDocs reads all documents as they were at one moment. A store that reads them in several steps is read until two readings agree.
func readDocs(ctx context.Context, from lists.Store) ([]lists.Doc, error) {
	watch, err := from.Get(ctx, lists.DocWebhookWatch) // an older one: events are told twice rather than never
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	var before []lists.Doc
	for i := range readings {
		docs, err := from.Scan(ctx, "")
		if err != nil {
			return nil, err
		}
		docs = slices.DeleteFunc(docs, func(d lists.Doc) bool { return hasPrefix(d.Key, passing) })
		if i > 0 && agree(before, docs) {
			if at := slices.IndexFunc(docs, func(d lists.Doc) bool { return d.Key == watch.Key }); at >= 0 && watch.Key != "" {
				docs[at].Value = watch.Value
			}
			return docs, nil
		}
		before = docs
	}
	return nil, fault.E(fault.Unavailable, "the documents of the %s change faster than they can be read: try again", from.Describe())
}

func agree(a, b []lists.Doc) bool {
	return maps.Equal(revisions(a), revisions(b))
}

func revisions(docs []lists.Doc) map[string]uint64 {
	out := make(map[string]uint64, len(docs))
	for _, d := range docs {
		if !hasPrefix(d.Key, alone) {
			out[d.Key] = d.Revision
		}
	}
	return out
}

// layersOf returns the layers that documents name: those of the versions, and of the current generation.
func layersOf(docs []lists.Doc) (map[string]bool, error) {
	layers := map[string]bool{}
	var head lists.Head
	generations := map[string]lists.Doc{}
	for _, d := range docs {
		switch {
		case strings.HasPrefix(d.Key, lists.DocAllVersions):
			v, err := lists.Decode[lists.Version](d)
			if err != nil {
				return nil, err
			}
			for _, l := range v.Layers {
				if v.State != lists.Loading && v.State != lists.Failed {
					layers[l.ID] = true
				}
			}
		case d.Key == lists.DocHead:
			var err error
			if head, err = lists.Decode[lists.Head](d); err != nil {
				return nil, err
			}
		case strings.HasPrefix(d.Key, lists.DocGenerations):
			generations[d.Key] = d
		}
	}
	if head.Generation == 0 {
		return layers, nil
	}
	d, ok := generations[lists.DocGeneration(head.Generation)]
	if !ok {
		return nil, fault.E(fault.Unavailable, "the document of the current generation, %d, is missing", head.Generation)
	}
	g, err := lists.Decode[lists.Generation](d)
	if err != nil {
		return nil, err
	}
	for _, a := range g.Lists {
		for _, l := range a.Layers {
			layers[l.ID] = true
		}
	}
	return layers, nil
}
