package redisstore

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"interdict/lists"
	"interdict/lists/fault"
)

const (
	// batchBytes is the amount of a layer that is sent at once, and so the memory that writing takes.
	batchBytes = 256 << 10
	// dropKeys is the number of keys that are removed at once.
	dropKeys = 1000
	// attributionsPerBucket attributions fit into one listpack if they are short.
	attributionsPerBucket = 128
)

// layerMeta is the record of a layer.
type layerMeta struct {
	Stem     string    `json:"stem"`
	Keys     uint64    `json:"keys"`
	Buckets  uint64    `json:"buckets"`
	Created  time.Time `json:"created"`
	Complete bool      `json:"complete"`
	Dropping bool      `json:"dropping,omitempty"` // DropLayer has begun: keys may be missing

	revision uint64
}

func (m *layerMeta) change(id string) change {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // cannot fail for numbers and strings
	}
	return change{recordLayer + id, b, m.revision}
}

func decodeMeta(r record) (*layerMeta, error) {
	m := &layerMeta{revision: r.revision}
	if err := json.Unmarshal(r.value, m); err != nil || m.Stem == "" || m.Buckets == 0 {
		return nil, fmt.Errorf("record %s is %w", r.name, errDamaged)
	}
	return m, nil
}

// readMeta reads the record of a layer; nil if it does not exist.
func (s *Store) readMeta(ctx context.Context, id string) (*layerMeta, error) {
	c, cancel := s.bulk(ctx)
	defer cancel()
	found, err := s.records(c, recordLayer+id)
	if err != nil || found[0].revision == 0 {
		return nil, err
	}
	return decodeMeta(found[0])
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
		s: s, ctx: ctx, id: id, order: lists.EntryChecker{Expected: keys}, sum: xxhash.New(),
		meta:    layerMeta{Stem: newStem(), Keys: uint64(keys), Buckets: bucketsFor(uint64(keys)), Created: time.Now().UTC()},
		buckets: map[uint32]bool{},
	}
	revision, name, err := s.commit(ctx, false, w.meta.change(id))
	switch {
	case err != nil:
		return nil, w.failed(err)
	case name != "":
		return nil, fault.E(fault.Conflict, "layer %s exists already", id)
	}
	w.meta.revision = revision
	w.begin()
	return w, nil
}

// layerWriter collects the commands that write buckets and sends them in batches. The layer is not readable
// before Commit has marked it complete.
type layerWriter struct {
	s     *Store
	ctx   context.Context
	id    string
	meta  layerMeta
	order lists.EntryChecker
	sum   *xxhash.Digest
	err   error // first error; every later call returns it
	ended bool

	bucket uint64 // the open one
	fields []any  // of the HSET command for it: command, key, marker and its value, entries
	batch  [][]any
	bytes  int

	buckets    map[uint32]bool // attribution buckets written so far
	newBuckets []any
}

var errEnded = fault.E(fault.Conflict, "the layer was committed or aborted already")

func (w *layerWriter) failed(err error) error {
	return w.s.failed(w.ctx, "write layer "+w.id, err)
}

const fieldsHead = 4

func (w *layerWriter) begin() {
	w.fields = append(make([]any, 0, fieldsHead+2*bucketMean+64), "hset", w.s.keys.entries(w.meta.Stem, w.bucket), fieldMarker, nil)
}

// seal ends the open bucket.
func (w *layerWriter) seal() {
	w.fields[fieldsHead-1] = (len(w.fields) - fieldsHead) / 2
	w.batch = append(w.batch, w.fields)
	w.bytes += 64 // overhead of a bucket
}

func (w *layerWriter) Put(e lists.Entry) error {
	if w.ended {
		return errEnded
	}
	if w.err != nil {
		return w.err
	}
	hash, err := w.order.Next(e)
	if err != nil {
		w.err = err
		return err
	}
	if err := w.fillUpTo(bucketOf(hash, w.meta.Buckets)); err != nil {
		return err
	}
	value := appendValue(make([]byte, 0, len(e.Refs)+checkBytes), w.sum, e)
	w.fields = append(w.fields, string(e.Key), value)
	w.bytes += len(e.Key) + len(value)
	return nil
}

// fillUpTo seals the buckets before bucket, empty ones too: a missing bucket must not look like an empty one.
func (w *layerWriter) fillUpTo(bucket uint64) error {
	for w.bucket < bucket {
		w.seal()
		w.bucket++
		w.begin()
		if err := w.flushFull(); err != nil {
			return err
		}
	}
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
	bucket := number / attributionsPerBucket
	if !w.buckets[bucket] {
		w.buckets[bucket] = true
		w.newBuckets = append(w.newBuckets, strconv.FormatUint(uint64(bucket), 36))
	}
	value := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(record)), sumAttribution(number, record))
	w.batch = append(w.batch, []any{"hset", w.s.keys.attributions(w.meta.Stem, uint64(bucket)), attributionField(number), append(value, record...)})
	w.bytes += 64 + len(record)
	return w.flushFull()
}

func attributionField(number uint32) string { return strconv.Itoa(int(number % attributionsPerBucket)) }

func sumAttribution(number uint32, record []byte) uint32 {
	return crc32.Update(crc32.Checksum(binary.BigEndian.AppendUint32(nil, number), castagnoli), castagnoli, record)
}

func (w *layerWriter) flushFull() error {
	if w.bytes < batchBytes {
		return nil
	}
	return w.flush()
}

// flush sends the batch.
func (w *layerWriter) flush() error {
	if w.err = w.ctx.Err(); w.err == nil {
		w.err = w.send()
	}
	w.err = w.failed(w.err)
	clear(w.batch)
	w.batch, w.bytes, w.newBuckets = w.batch[:0], 0, w.newBuckets[:0]
	return w.err
}

func (w *layerWriter) send() error {
	c, cancel := w.s.bulk(w.ctx)
	defer cancel()
	// The list of buckets is written first, so that DropLayer finds all buckets after a crash.
	if len(w.newBuckets) > 0 {
		if err := w.s.client.SAdd(c, w.s.keys.attributionBuckets(w.meta.Stem), w.newBuckets...).Err(); err != nil {
			return err
		}
	}
	if len(w.batch) == 0 {
		return nil
	}
	pipe := w.s.client.Pipeline()
	for _, args := range w.batch {
		pipe.Do(c, args...)
	}
	return run(c, pipe)
}

// Commit writes the rest and marks the layer complete.
func (w *layerWriter) Commit() error {
	if w.ended {
		return errEnded
	}
	if w.err == nil {
		w.err = w.order.CheckCount()
	}
	if w.err == nil {
		w.err = w.fillUpTo(w.meta.Buckets - 1)
	}
	if w.err != nil {
		return w.err
	}
	w.seal()
	if err := w.flush(); err != nil {
		return err
	}
	complete := w.meta
	complete.Complete = true
	_, name, err := w.s.commit(w.ctx, false, complete.change(w.id))
	switch {
	case err != nil:
		w.err = w.failed(err)
		return w.err
	case name != "":
		w.err = fault.E(fault.Conflict, "layer %s was dropped while it was written", w.id)
		return w.err
	}
	w.end()
	return nil
}

// Abort drops what was written, even when the context has ended: that may be why.
func (w *layerWriter) Abort() error {
	if w.ended {
		return errEnded
	}
	w.end()
	ctx := context.WithoutCancel(w.ctx)
	meta, err := w.s.readMeta(ctx, w.id)
	if err == nil && meta != nil && meta.Stem == w.meta.Stem {
		err = w.s.drop(ctx, w.id, meta)
	} else if err == nil {
		err = w.s.dropKeys(ctx, &w.meta) // what came after another had dropped the layer
	}
	return w.s.failed(ctx, "drop layer "+w.id, err)
}

func (w *layerWriter) end() {
	w.ended = true
	w.fields, w.batch, w.buckets, w.newBuckets = nil, nil, nil, nil
}

// DropLayer removes a layer, complete or not. Several may do it at once.
func (s *Store) DropLayer(ctx context.Context, id string) error {
	if err := lists.CheckLayerID(id); err != nil {
		return err
	}
	var err error
	for range attempts {
		var meta *layerMeta
		if meta, err = s.readMeta(ctx, id); err == nil && meta != nil {
			err = s.drop(ctx, id, meta)
		}
		if !fault.Is(err, fault.Conflict) {
			break
		}
	}
	return s.failed(ctx, "drop layer "+id, err)
}

// drop marks a layer incomplete, removes its keys, and then its record. If it is interrupted,
// the layer is whole, or it is listed, not readable, and can be dropped again.
func (s *Store) drop(ctx context.Context, id string, meta *layerMeta) error {
	s.complete.Delete(id)
	marked := *meta
	if !meta.Dropping {
		marked.Complete, marked.Dropping = false, true
		var err error
		if marked.revision, err = s.change(ctx, marked.change(id)); err != nil {
			return err
		}
	}
	if err := s.dropKeys(ctx, meta); err != nil {
		return err
	}
	_, err := s.change(ctx, change{recordLayer + id, nil, marked.revision})
	return err
}

// change commits a change of one layer's record.
func (s *Store) change(ctx context.Context, c change) (revision uint64, err error) {
	revision, name, err := s.commit(ctx, false, c)
	if err == nil && name != "" {
		err = conflict("layer", strings.TrimPrefix(name, recordLayer))
	}
	return revision, err
}

// dropKeys removes the buckets of a layer.
func (s *Store) dropKeys(ctx context.Context, meta *layerMeta) error {
	var names []string
	unlink := func() error {
		c, cancel := s.bulk(ctx)
		defer cancel()
		if err := ctx.Err(); err != nil {
			return err
		}
		pipe := s.client.Pipeline()
		for _, name := range names {
			pipe.Unlink(c, name)
		}
		names = names[:0]
		return run(c, pipe)
	}
	list := s.keys.attributionBuckets(meta.Stem)
	c, cancel := s.bulk(ctx)
	defer cancel()
	attributions, err := s.client.SMembers(c, list).Result()
	if err != nil {
		return err
	}
	for _, b := range attributions {
		bucket, err := strconv.ParseUint(b, 36, 64)
		if err != nil {
			return errDamaged
		}
		if names = append(names, s.keys.attributions(meta.Stem, bucket)); len(names) == dropKeys {
			if err := unlink(); err != nil {
				return err
			}
		}
	}
	for bucket := range meta.Buckets {
		if names = append(names, s.keys.entries(meta.Stem, bucket)); len(names) == dropKeys {
			if err := unlink(); err != nil {
				return err
			}
		}
	}
	names = append(names, list)
	return unlink()
}

// Layers returns the ids of all layers with the time of their creation.
func (s *Store) Layers(ctx context.Context) (map[string]time.Time, error) {
	layers := map[string]time.Time{}
	found, err := s.scan(ctx, recordLayer)
	for _, r := range found {
		var meta *layerMeta
		if meta, err = decodeMeta(r); err != nil {
			break
		}
		layers[strings.TrimPrefix(r.name, recordLayer)] = meta.Created
	}
	if err != nil {
		return nil, s.failed(ctx, "list layers", err)
	}
	return layers, nil
}

// completeLayers returns the records of layers. It fails unless all of them are complete. Records are cached: a complete layer
// does not change, and reading the buckets of a dropped layer is an error.
func (s *Store) completeLayers(ctx context.Context, asked []lists.LayerKey) (map[string]*layerMeta, error) {
	metas := map[string]*layerMeta{}
	var names []string
	for i := range asked {
		id := asked[i].Layer
		if _, ok := metas[id]; ok {
			continue
		}
		metas[id] = nil
		if m, ok := s.complete.Load(id); ok {
			metas[id] = m.(*layerMeta)
		} else {
			names = append(names, recordLayer+id)
		}
	}
	if len(names) == 0 {
		return metas, nil
	}
	found, err := s.records(ctx, names...)
	if err != nil {
		return nil, err
	}
	for _, r := range found {
		id := strings.TrimPrefix(r.name, recordLayer)
		if r.revision == 0 {
			return nil, damaged(id, "it is missing")
		}
		meta, err := decodeMeta(r)
		if err != nil {
			return nil, err
		}
		if !meta.Complete {
			return nil, damaged(id, "it is not complete")
		}
		s.complete.Store(id, meta)
		metas[id] = meta
	}
	return metas, nil
}

func (s *Store) completeLayer(ctx context.Context, id string) (*layerMeta, error) {
	metas, err := s.completeLayers(ctx, []lists.LayerKey{{Layer: id}})
	return metas[id], err
}
