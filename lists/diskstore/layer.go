package diskstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"strings"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"interdict/lists"
	"interdict/lists/fault"
)

// batchBytes is the size of one transaction of a layer, and so of the memory that writing takes.
const batchBytes = 8 << 20

// layerMeta is the metadata of a layer. Stored form: complete(1) keys(8) created(8, Unix nanoseconds) crc32c(4).
type layerMeta struct {
	complete bool
	keys     uint64
	created  int64
}

const metaBytes = 21

func (m layerMeta) encode(id string) []byte {
	b := make([]byte, 1, metaBytes)
	if m.complete {
		b[0] = 1
	}
	b = binary.BigEndian.AppendUint64(b, m.keys)
	b = binary.BigEndian.AppendUint64(b, uint64(m.created))
	return binary.BigEndian.AppendUint32(b, crc32.Update(idSum(id), castagnoli, b))
}

// readMeta reads the metadata of a layer from its bucket.
func readMeta(b *bbolt.Bucket, id string) (m layerMeta, err error) {
	v := b.Get(metaKey)
	if len(v) != metaBytes || binary.BigEndian.Uint32(v[metaBytes-4:]) != crc32.Update(idSum(id), castagnoli, v[:metaBytes-4]) {
		return m, damaged(id, errDamaged.Error())
	}
	return layerMeta{v[0] == 1, binary.BigEndian.Uint64(v[1:]), int64(binary.BigEndian.Uint64(v[9:]))}, nil
}

// CreateLayer starts a layer. ctx applies to the whole write.
func (s *Store) CreateLayer(ctx context.Context, id string, keys int) (lists.LayerWriter, error) {
	if err := lists.CheckLayerID(id); err != nil {
		return nil, err
	}
	if keys < 0 {
		return nil, fault.E(fault.Invalid, "a layer cannot have %d keys", keys)
	}
	w := &layerWriter{
		s: s, ctx: ctx, id: id, sum: idSum(id), order: lists.EntryChecker{Expected: keys},
		meta: layerMeta{keys: uint64(keys), created: time.Now().UnixNano()},
	}
	err := s.update(ctx, func(tx *bbolt.Tx) error {
		if tx.Bucket(bucketLayer(id)) != nil {
			return fault.E(fault.Conflict, "layer %s exists already", id)
		}
		b, err := tx.CreateBucket(bucketLayer(id))
		if err != nil {
			return err
		}
		if _, err := tx.CreateBucket(bucketAttributions(id)); err != nil {
			return err
		}
		return b.Put(metaKey, w.meta.encode(id))
	})
	if err != nil {
		return nil, err
	}
	w.begin(0)
	return w, nil
}

type pair struct{ key, value []byte }

// layerWriter collects blocks and writes them in batches, one transaction each. They are not
// readable before Commit has marked the layer complete. Every transaction is fsynced: without it a crash of the machine could leave a
// database whose newest tree, which includes the documents, is only partly on disk.
type layerWriter struct {
	s     *Store
	ctx   context.Context
	id    string
	sum   uint32
	meta  layerMeta
	order lists.EntryChecker
	err   error // first error; every later call returns it
	ended bool

	slab         []byte // values of this batch; the last block in it is open
	block        int    // start of the open block in slab
	empty        bool   // the open block has no entry
	blocks       []pair
	attributions []pair

	attributionBytes int
}

var errEnded = fault.E(fault.Conflict, "the layer was committed or aborted already")

// begin starts a block whose first hash is from.
func (w *layerWriter) begin(from uint64) {
	w.block, w.empty = len(w.slab), true
	w.slab = beginBlock(w.slab, from)
}

// seal ends the open block. to is the last hash that it covers.
func (w *layerWriter) seal(to uint64) {
	key := binary.BigEndian.AppendUint64(make([]byte, 0, 8), to)
	block := w.slab[w.block:len(w.slab):len(w.slab)]
	sealBlock(w.sum, key, block)
	w.blocks = append(w.blocks, pair{key, block})
}

func (w *layerWriter) Put(e lists.Entry) error {
	if w.ended {
		return errEnded
	}
	if w.err != nil {
		return w.err
	}
	last := w.order.Hash
	hash, err := w.order.Next(e)
	if err != nil {
		w.err = err
		return err
	}
	// Keys with the same hash must be in the same block, since blocks are found by hash.
	if !w.empty && hash != last && len(w.slab)-w.block+len(e.Key)+len(e.Refs)+3 > blockBytes {
		w.seal(last)
		w.begin(last + 1)
		if err := w.flushFull(); err != nil {
			return err
		}
	}
	w.slab = appendEntry(w.slab, e)
	w.empty = false
	return nil
}

func (w *layerWriter) PutAttribution(number uint32, record []byte) error {
	switch {
	case w.ended:
		return errEnded
	case w.err != nil:
		return w.err
	case len(record) > lists.MaxAttribution:
		w.err = fault.E(fault.Invalid, "attribution %d has %d bytes; the limit is %d", number, len(record), lists.MaxAttribution)
		return w.err
	}
	key := binary.BigEndian.AppendUint32(make([]byte, 0, 4), number)
	value := make([]byte, 4, 4+len(record))
	value = append(value, record...)
	binary.BigEndian.PutUint32(value, sumAttribution(w.sum, key, value))
	w.attributions = append(w.attributions, pair{key, value})
	w.attributionBytes += len(value)
	return w.flushFull()
}

func (w *layerWriter) flushFull() error {
	if w.block+w.attributionBytes < batchBytes {
		return nil
	}
	w.err = w.flush(w.meta)
	return w.err
}

// flush writes the sealed blocks, the attributions and the metadata.
func (w *layerWriter) flush(meta layerMeta) error {
	err := w.s.update(w.ctx, func(tx *bbolt.Tx) error {
		b, err := ownLayer(tx, w.id, w.meta)
		if err != nil {
			return err
		}
		if b == nil {
			return fault.E(fault.Conflict, "layer %s was dropped while it was written", w.id)
		}
		b.FillPercent = 1 // blocks come in order, so pages need no free space
		if err := putAll(b, w.blocks); err != nil {
			return err
		}
		if err := putAll(tx.Bucket(bucketAttributions(w.id)), w.attributions); err != nil {
			return err
		}
		if meta == w.meta {
			return nil
		}
		return b.Put(metaKey, meta.encode(w.id))
	})
	if err != nil {
		return err
	}
	w.slab = w.slab[:copy(w.slab, w.slab[w.block:])]
	w.block, w.blocks = 0, w.blocks[:0]
	w.attributions, w.attributionBytes = w.attributions[:0], 0
	return nil
}

func putAll(b *bbolt.Bucket, pairs []pair) error {
	for _, p := range pairs {
		if err := b.Put(p.key, p.value); err != nil {
			return err
		}
	}
	return nil
}

// ownLayer returns the bucket of a layer; nil if it was dropped, or replaced by another of the same id.
func ownLayer(tx *bbolt.Tx, id string, meta layerMeta) (*bbolt.Bucket, error) {
	b := tx.Bucket(bucketLayer(id))
	if b == nil {
		return nil, nil
	}
	stored, err := readMeta(b, id)
	if err != nil || stored.created != meta.created {
		return nil, err
	}
	return b, nil
}

// Commit writes the last batch and marks the layer complete.
func (w *layerWriter) Commit() error {
	if w.ended {
		return errEnded
	}
	if w.err == nil {
		w.err = w.order.CheckCount()
	}
	if w.err != nil {
		return w.err
	}
	w.seal(math.MaxUint64)
	w.block = len(w.slab)
	complete := w.meta
	complete.complete = true
	if w.err = w.flush(complete); w.err != nil {
		return w.err
	}
	w.end()
	return nil
}

// Abort removes what was written, also if the context has ended.
func (w *layerWriter) Abort() error {
	if w.ended {
		return errEnded
	}
	w.end()
	return w.s.update(context.WithoutCancel(w.ctx), func(tx *bbolt.Tx) error {
		b, err := ownLayer(tx, w.id, w.meta)
		if err != nil || b == nil {
			return err
		}
		return dropLayer(tx, w.id)
	})
}

func (w *layerWriter) end() {
	w.ended = true
	w.slab, w.blocks, w.attributions = nil, nil, nil
}

// DropLayer removes a layer, complete or not. Its pages are reused; the file does not shrink.
func (s *Store) DropLayer(ctx context.Context, id string) error {
	if err := lists.CheckLayerID(id); err != nil {
		return err
	}
	return s.update(ctx, func(tx *bbolt.Tx) error { return dropLayer(tx, id) })
}

func dropLayer(tx *bbolt.Tx, id string) error {
	for _, name := range [][]byte{bucketLayer(id), bucketAttributions(id)} {
		if err := tx.DeleteBucket(name); err != nil && !errors.Is(err, berrors.ErrBucketNotFound) {
			return err
		}
	}
	return nil
}

// Layers returns the ids of all layers with the time of their creation.
func (s *Store) Layers(ctx context.Context) (map[string]time.Time, error) {
	layers := map[string]time.Time{}
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		c := tx.Cursor()
		for k, _ := c.Seek([]byte(layerPrefix)); bytes.HasPrefix(k, []byte(layerPrefix)); k, _ = c.Next() {
			id := strings.TrimPrefix(string(k), layerPrefix)
			meta, err := readMeta(tx.Bucket(k), id)
			if err != nil {
				return err
			}
			layers[id] = time.Unix(0, meta.created)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return layers, nil
}
