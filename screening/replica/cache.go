package replica

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/lists/filter"
)

// The cache is a store on local disk that belongs to one replica. It has exact copies of what the replica serves: the generation with its
// settings and versions, freshness, API keys and suppressions, the filters of all layers, and the layers that are in memory. A replica
// that starts while the store is unreachable answers from it, and loader.Restore can bring back from it what the store has lost.

// docSaved is the document that says when the store last confirmed what the cache has.
const docSaved = "saved"

// saveEvery is how often docSaved is written while nothing else changes.
const saveEvery = 10 * time.Second

// diskCopy is what a replica has on local disk.
type diskCopy struct {
	store  lists.Store // nil: no cache
	served *ServedFile // nil: not recorded
}

// lastServed returns what the served file says; known is false if it cannot be read.
func (d *diskCopy) lastServed() (last Served, known bool) {
	if d.served == nil {
		return Served{}, true
	}
	return d.served.Read()
}

// cacheState is what the cache has, so that a write can skip what is there already.
type cacheState struct {
	generation int         // 0: not known
	docs       []lists.Doc // of the generation, and others
	resident   int         // layers that were in memory
	others     []lists.Doc // documents that belong to no generation; nil: not read yet
	savedAt    time.Time
}

// Cache returns the store that this replica keeps its copy in; nil for none.
func (r *Replica) Cache() lists.Store { return r.cache.Load().store }

// identifyStore reads the id of the store once, and sets the cache of another store aside. A store is the same one if its id or its
// address is: a new id at the same address means that the store was emptied, and then the cache has what was lost.
func (r *Replica) identifyStore(ctx context.Context) error {
	disk := r.cache.Load()
	if r.storeID != "" || disk.store == nil {
		return nil
	}
	last, known := disk.lastServed()
	sameAddress := last.Store == storeDigest(r.store)
	preferred := ""
	if sameAddress {
		preferred = last.StoreID
	}
	id, err := lists.EnsureStoreID(ctx, r.store, preferred, r.now())
	if err != nil {
		if last.StoreID != "" && !sameAddress {
			return err // the cache may be that of another store
		}
		r.log.Warn("the id of the store could not be read or written yet", "error", err)
		return nil
	}
	if known && last.StoreID != "" && last.StoreID != id && !sameAddress {
		if r.local.SetAside == nil {
			return fault.E(fault.Conflict, "the cache folder belongs to another store (id %s): use another folder", last.StoreID)
		}
		r.log.Error("the cache belongs to another store and is set aside", "its_store_id", last.StoreID, "store_id", id, "store", r.store.Describe())
		store, served, err := r.local.SetAside()
		if err != nil {
			r.log.Error("the cache of another store could not be set aside; nothing is cached until the next start", "error", err)
			_ = r.setServedErr(err)
			store, served = nil, nil
		}
		r.cache.Store(&diskCopy{store, served})
	}
	r.storeID = id
	return nil
}

// lastServed returns the generation that this replica served last, in this process or an earlier one; the zero value for none.
func (r *Replica) lastServed(ctx context.Context) lists.Head {
	if own := r.current.Load().ownSide(); own != nil {
		return own.Generation.Head()
	}
	disk := r.cache.Load()
	if disk.store == nil {
		return lists.Head{}
	}
	last, _ := disk.lastServed()
	head, _, err := lists.Read[lists.Head](ctx, disk.store, lists.DocHead)
	if err != nil && !fault.Is(err, fault.NotFound) {
		r.log.Warn("the cache cannot be read", "error", err)
	}
	if last.Generation >= head.Generation {
		return last.Head
	}
	return head
}

// saveServed writes to disk which generation is served. If the write fails the generation is served all the same, but after a restart
// the replica could return to an older one; Status reports the error.
func (r *Replica) saveServed(head lists.Head, lost bool) {
	disk := r.cache.Load()
	if disk.served == nil {
		return
	}
	last, _ := disk.lastServed()
	next := Served{StoreID: r.storeID, Store: storeDigest(r.store), Head: head, Lost: lost}
	if next.StoreID == "" && last.Store == next.Store {
		next.StoreID = last.StoreID
	}
	err := disk.served.write(next)
	if before := r.setServedErr(err); err != nil && before == nil {
		r.log.Error("the number of the generation served could not be written to disk", "generation", head.Generation, "error", err)
	}
}

func (r *Replica) setServedErr(err error) (before error) {
	r.stateMu.Lock()
	defer r.stateMu.Unlock()
	before, r.servedErr = r.servedErr, err
	return before
}

// loadFromCache makes the first snapshot from the cache, because the store cannot be read. It is an error if the cache is incomplete,
// may be that of another store, or does not have the generation that was served last.
func (r *Replica) loadFromCache(ctx context.Context) (*Snapshot, error) {
	disk := r.cache.Load()
	last, known := disk.lastServed()
	switch {
	case disk.served == nil: // not recorded
	case !known:
		return nil, fault.E(fault.NotLoaded, "%w: the generation that was served last is not known", errServedDamaged)
	case last.Store != storeDigest(r.store):
		return nil, fault.E(fault.NotLoaded, "it may belong to another store than %s", r.store.Describe())
	case last.Lost:
		return nil, lostError("the store had lost generation %d, which was served together with the store's own generation, and the store cannot be read now",
			last.Generation)
	}
	snap, err := r.readCache(ctx, last.Head)
	if err == nil && r.newest > snap.Generation.Number {
		now := r.now()
		snap.lag = &lag{generation: r.newest, since: now, until: now}
	}
	return snap, err
}

// readCache makes a snapshot from the cache. want is the generation that the cache must have; the zero value for any.
func (r *Replica) readCache(ctx context.Context, want lists.Head) (*Snapshot, error) {
	cache := r.Cache()
	if cache == nil {
		return nil, fault.E(fault.NotLoaded, "no cache folder to start from")
	}
	g, _, err := lists.Current(ctx, cache)
	switch {
	case err != nil:
		return nil, err
	case g.Number == 0:
		return nil, fault.E(fault.NotLoaded, "the cache is empty")
	case want.Generation != 0 && want != g.Head():
		return nil, fault.E(fault.NotLoaded, "generation %d was served last, and the cache has generation %d", want.Generation, g.Number)
	}
	saved, _, err := lists.Read[lists.Fresh](ctx, cache, docSaved)
	if err != nil {
		return nil, err
	}
	fresh, err := readFreshness(ctx, cache)
	if err != nil {
		return nil, err
	}
	next, err := r.build(ctx, cache, g, nil)
	if err != nil {
		return nil, err
	}
	if next.docs, err = r.readGenerationDocs(ctx, cache, g); err != nil {
		return nil, err
	}
	r.loadResident(ctx, cache, next, false)
	next.savedAt = saved.At
	next.setFreshness(fresh)
	return next, nil
}

// SaveCache brings the cache up to date with what is served. Without a cache it does nothing.
func (r *Replica) SaveCache(ctx context.Context) error {
	r.cacheMu.Lock()
	defer r.cacheMu.Unlock()
	return r.writeCache(ctx)
}

// writeCache writes layers and filters first, then all documents in one commit, and then drops what no document names. It reads only
// documents that belong to no generation from the store; the others were read when the generation was loaded.
func (r *Replica) writeCache(ctx context.Context) error {
	snap, cache := r.current.Load().ownSide(), r.Cache()
	if cache == nil || snap == nil || !snap.savedAt.IsZero() {
		return nil
	}
	confirmed, err := r.readOthers(ctx, cache)
	if err != nil {
		return err
	}
	resident, _, _ := snap.resident()
	next := cacheState{generation: snap.Generation.Number, resident: resident, others: r.written.others, savedAt: r.written.savedAt}
	head := lists.Put(lists.DocHead, snap.Generation.Head(), 0)
	next.docs = slices.Concat([]lists.Doc{{Key: lists.DocHead, Value: head.Value}}, snap.docs, next.others)
	unchanged := next.generation == r.written.generation && next.resident == r.written.resident && equalDocs(next.docs, r.written.docs)
	if unchanged && (!confirmed || r.now().Sub(next.savedAt) < saveEvery) {
		return nil
	}
	if !unchanged {
		if err := writeLayers(ctx, cache, snap); err != nil {
			return err
		}
	}
	if confirmed {
		next.savedAt = r.now().UTC()
	}
	if err := replaceDocs(ctx, cache, next); err != nil {
		return err
	}
	r.written = next
	if unchanged {
		return nil
	}
	return dropUnused(ctx, cache, snap)
}

// readOthers reads the documents that belong to no generation from the store, or from the cache after a start without the store.
// confirmed reports whether the store has them.
func (r *Replica) readOthers(ctx context.Context, cache lists.Store) (confirmed bool, err error) {
	if r.written.others == nil {
		if r.written.others, err = readOtherDocs(ctx, cache); err != nil {
			return false, err
		}
	}
	if !r.storeReachable() {
		return false, nil
	}
	docs, err := readOtherDocs(ctx, r.store)
	if err != nil || !hasAllKept(docs, r.written.others) {
		return false, nil //nolint:nilerr // the cache keeps what it has until the store can be read
	}
	r.written.others = docs
	return true, nil
}

// readOtherDocs reads the documents that belong to no generation: freshness of the lists, and those that people make.
func readOtherDocs(ctx context.Context, store lists.Store) (docs []lists.Doc, err error) {
	for _, prefix := range slices.Concat([]string{lists.DocFresh("")}, lists.DocsKept, lists.DocsDeleted) {
		more, err := store.Scan(ctx, prefix)
		if err != nil {
			return nil, err
		}
		docs = append(docs, more...)
	}
	return docs, nil
}

// hasAllKept reports whether all documents of old that are never deleted are among docs. If not, the store has lost them, and the cache keeps what it has.
func hasAllKept(docs, old []lists.Doc) bool {
	there := make(map[string]bool, len(docs))
	for _, d := range docs {
		there[d.Key] = true
	}
	return !slices.ContainsFunc(old, func(o lists.Doc) bool {
		return !there[o.Key] && slices.ContainsFunc(lists.DocsKept, func(prefix string) bool { return strings.HasPrefix(o.Key, prefix) })
	})
}

// readGenerationDocs reads the documents of a generation from a store.
func (r *Replica) readGenerationDocs(ctx context.Context, store lists.Store, g lists.Generation) ([]lists.Doc, error) {
	docs := []lists.Doc{{Key: lists.DocGeneration(g.Number), Value: lists.Put("", g, 0).Value}}
	for i := range g.Lists {
		for _, key := range []string{lists.DocList(g.Lists[i].List.ID), lists.DocVersion(g.Lists[i].List.ID, g.Lists[i].Version)} {
			d, err := store.Get(ctx, key)
			if fault.Is(err, fault.NotFound) { // no check needs it, but the list cannot be restored from a cache without it
				r.log.Warn("a document of the generation is missing from the store", "document", key)
				continue
			}
			if err != nil {
				return nil, err
			}
			docs = append(docs, d)
		}
	}
	return docs, nil
}

func equalDocs(a, b []lists.Doc) bool {
	return slices.EqualFunc(a, b, func(x, y lists.Doc) bool { return x.Key == y.Key && bytes.Equal(x.Value, y.Value) })
}

// replaceDocs makes the documents of the cache those of a state, in one commit.
func replaceDocs(ctx context.Context, cache lists.Store, next cacheState) error {
	changes := []lists.Change{lists.Put(docSaved, lists.Fresh{At: next.savedAt}, lists.AnyRevision)}
	used := map[string]bool{docSaved: true}
	for _, d := range next.docs {
		used[d.Key] = true
		changes = append(changes, lists.Change{Key: d.Key, Value: d.Value, Expect: lists.AnyRevision})
	}
	old, err := cache.Scan(ctx, "")
	if err != nil {
		return err
	}
	for _, d := range old {
		if !used[d.Key] {
			changes = append(changes, lists.Change{Key: d.Key, Expect: lists.AnyRevision})
		}
	}
	return cache.Commit(ctx, changes...)
}

// writeLayers writes the filters of all layers, and the records of layers that are in memory, unless the cache has them.
func writeLayers(ctx context.Context, cache lists.Store, snap *Snapshot) error {
	layers, err := cache.Layers(ctx)
	if err != nil {
		return err
	}
	blobs, err := cache.Blobs(ctx)
	if err != nil {
		return err
	}
	filters := map[string]bool{}
	for _, b := range blobs {
		filters[b] = true
	}
	for l := range snap.layers() {
		if !filters[lists.BlobFilter(l.ID)] {
			if err := filter.Save(ctx, cache, l.filter); err != nil {
				return err
			}
		}
		if records := l.records.Load(); records != nil {
			_, exists := layers[l.ID]
			if err := writeRecords(ctx, cache, l.ID, records, exists); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeRecords writes a layer, unless the cache has it already and complete.
func writeRecords(ctx context.Context, cache lists.Store, id string, records *records, exists bool) error {
	if exists {
		complete, err := lists.Complete(ctx, cache, id)
		if err != nil || complete {
			return err
		}
		if err := cache.DropLayer(ctx, id); err != nil { // the process that wrote it has ended before the end
			return err
		}
	}
	return records.copyTo(ctx, cache, id)
}

// dropUnused drops the layers and filters of earlier generations.
func dropUnused(ctx context.Context, cache lists.Store, snap *Snapshot) error {
	used := map[string]bool{}
	for l := range snap.layers() {
		used[l.ID] = true
	}
	layers, err := cache.Layers(ctx)
	if err != nil {
		return err
	}
	for id := range layers {
		if !used[id] {
			if err := cache.DropLayer(ctx, id); err != nil {
				return err
			}
		}
	}
	blobs, err := cache.Blobs(ctx)
	if err != nil {
		return err
	}
	for _, b := range blobs {
		if id, ok := strings.CutPrefix(b, lists.BlobFilter("")); ok && !used[id] {
			if err := cache.DropBlob(ctx, b); err != nil {
				return err
			}
		}
	}
	return nil
}
