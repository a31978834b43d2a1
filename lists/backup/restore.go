package backup

import (
	"context"
	"fmt"
	"io"
	"slices"

	"interdict/lists"
	"interdict/lists/fault"
)

// docRestoring marks a store into which a backup is being restored.
const docRestoring = "restoring"

// Batches of documents, which a store takes in one step.
const (
	batchDocs  = 256
	batchBytes = 4 << 20
)

// Target is what a backup is restored into.
type Target struct {
	Store  lists.Store // nil: the store of the backup is left out
	Record interface { // nil: the record of the backup is left out
		Put(path string, body io.Reader) error
		Commit() error
		End() error
	}
}

// restore is a restore in progress.
type restore struct {
	ctx   context.Context
	to    Target
	items map[string]*Item
	head  *lists.Doc
	batch []lists.Change
	bytes int
}

// Empty returns fault.Conflict if a store has documents that a restore would mix with. What running servers note about themselves is none, nor
// is what an interrupted restore has left.
func Empty(ctx context.Context, s lists.Store) error {
	docs, err := s.Scan(ctx, "")
	if err != nil {
		return err
	}
	has := func(key string) bool {
		return slices.ContainsFunc(docs, func(d lists.Doc) bool { return d.Key == key })
	}
	if has(docRestoring) && !has(lists.DocHead) { // the last commit of a restore removes the mark and writes the head
		return nil
	}
	for _, d := range docs {
		if !hasPrefix(d.Key, passing) && !hasPrefix(d.Key, alone) && d.Key != lists.DocStoreID {
			return fault.E(fault.Conflict, "the %s is not empty: it has document %s; restore into an empty one", s.Describe(), d.Key)
		}
	}
	return nil
}

// Unfinished returns fault.Conflict if the restore of a backup into a store has begun and not ended: only a restore may go on in it.
func Unfinished(ctx context.Context, s lists.Store) error {
	_, err := s.Get(ctx, docRestoring)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	}
	return fault.E(fault.Conflict, "a restore into the %s was interrupted, and most of the backup is not in it: begin it again with interdict restore FILE", s.Describe())
}

// Restore writes what m, the result of Verify, names into an empty target. in is the same backup again. If it is interrupted, the store has
// no current generation, and the restore can be begun again.
func Restore(ctx context.Context, in io.Reader, m Manifest, to Target) error {
	r := &restore{ctx: ctx, to: to, items: map[string]*Item{}}
	for i := range m.Items {
		r.items[m.Items[i].Path] = &m.Items[i]
	}
	if to.Store != nil {
		if err := Empty(ctx, to.Store); err != nil {
			return err
		}
		if err := r.begin(); err != nil {
			return err
		}
	}
	reading, _, _, err := newReader(ctx, in)
	if err != nil {
		return err
	}
	defer reading.close()
	if _, err := reading.each(r.item); err != nil {
		return err
	}
	if to.Record != nil {
		if err := to.Record.Commit(); err != nil {
			return err
		}
	}
	if to.Store != nil {
		if err := r.end(); err != nil {
			return err
		}
	}
	if to.Record != nil {
		return to.Record.End()
	}
	return nil
}

// begin marks the store, and removes what an interrupted restore has left.
func (r *restore) begin() error {
	if err := r.to.Store.Commit(r.ctx, lists.Change{Key: docRestoring, Value: []byte("{}"), Expect: lists.AnyRevision}); err != nil {
		return err
	}
	docs, err := r.to.Store.Scan(r.ctx, "")
	if err != nil {
		return err
	}
	for _, d := range docs {
		if !hasPrefix(d.Key, passing) {
			if err := r.change(lists.Change{Key: d.Key, Expect: lists.AnyRevision}); err != nil {
				return err
			}
		}
	}
	return r.flush()
}

func (r *restore) item(i *item) error {
	x, ok := r.items[i.path]
	if !ok {
		return nil
	}
	err := r.write(i, x)
	if err == nil {
		_, err = io.Copy(io.Discard, i)
	}
	if err != nil {
		return fault.E(kindOf(err), "restore %s: %w", i.path, err)
	}
	if i.digest() != x.SHA256 {
		return fault.E(fault.Conflict, "restore %s: the file was changed since it was verified", i.path)
	}
	return nil
}

func kindOf(err error) fault.Kind {
	if k := fault.KindOf(err); k != fault.Internal {
		return k
	}
	return fault.Unavailable
}

func (r *restore) write(i *item, x *Item) error {
	if x.Kind == Record {
		if r.to.Record == nil {
			return nil
		}
		return r.to.Record.Put(x.Name, i)
	}
	if r.to.Store == nil {
		return nil
	}
	switch x.Kind {
	case Layer:
		if err := r.to.Store.DropLayer(r.ctx, x.Name); err != nil {
			return err
		}
		return readLayer(r.ctx, i, r.to.Store, x)
	case Blob:
		return r.to.Store.PutBlob(r.ctx, x.Name, i)
	case Documents:
		return readDocuments(i, r.document)
	}
	return fmt.Errorf("unknown kind %q", x.Kind)
}

func (r *restore) document(d lists.Doc) error {
	if d.Key == lists.DocHead {
		r.head = &d
		return nil
	}
	return r.change(lists.Change{Key: d.Key, Value: d.Value, Expect: lists.AnyRevision})
}

func (r *restore) change(c lists.Change) error {
	r.batch = append(r.batch, c)
	if r.bytes += len(c.Value); len(r.batch) < batchDocs && r.bytes < batchBytes {
		return nil
	}
	return r.flush()
}

func (r *restore) flush() error {
	if len(r.batch) == 0 {
		return nil
	}
	err := r.to.Store.Commit(r.ctx, r.batch...)
	r.batch, r.bytes = r.batch[:0], 0
	return err
}

// end makes the restored generation the current one.
func (r *restore) end() error {
	if err := r.flush(); err != nil {
		return err
	}
	last := []lists.Change{{Key: docRestoring, Expect: lists.AnyRevision}}
	if r.head != nil {
		last = append(last, lists.Change{Key: lists.DocHead, Value: r.head.Value, Expect: lists.AnyRevision})
	}
	return r.to.Store.Commit(r.ctx, last...)
}
