package screening

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// The cache is a store of its own on local disk, which one replica writes and reads: exact copies of the generation it serves, of the
// settings, versions, ages and keys that belong to it, the filters of all its layers, and the layers that are held in memory. A replica that starts
// while the store is away answers from it; and what the store loses can be put back from it (loader.Restore).

// docSaved says when the cache was last known to be what the store had.
const docSaved = "saved"

// kept is the cache of a replica, and the note of what it has answered from.
type kept struct {
	store  lists.Store // nil: there is no cache
	served *ServedFile // nil: nothing is noted
}

// last returns the note; known is false when it cannot be read.
func (k *kept) last() (now Served, known bool) {
	if k.served == nil {
		return Served{}, true
	}
	return k.served.Read()
}

// Cache is the store that this replica keeps its copy in; nil for none.
func (s *Screener) Cache() lists.Store { return s.cache.Load().store }

// bind makes sure, once, that the cache belongs to the store: by the id of the store, and by its address where the store that is there now
// has another id. A store with a new id at the same address was emptied: what the cache holds is lost, not foreign. The cache of another
// store is set aside.
func (s *Screener) bind(ctx context.Context) error {
	cache := s.cache.Load()
	if s.storeID != "" || cache.store == nil {
		return nil
	}
	last, known := cache.last()
	here := last.Store == addressOf(s.store)
	preferred := ""
	if here {
		preferred = last.StoreID
	}
	id, err := lists.EnsureStoreID(ctx, s.store, preferred, s.now())
	if err != nil {
		if last.StoreID != "" && !here {
			return err // whose cache this is must be known first
		}
		s.log.Warn("the id of the store could not be read or written yet", "error", err)
		return nil
	}
	if known && last.StoreID != "" && last.StoreID != id && !here {
		if s.local.SetAside == nil {
			return fault.E(fault.Conflict, "the cache folder belongs to another store (id %s): use another folder", last.StoreID)
		}
		s.log.Error("the cache belongs to another store and is set aside", "its_store_id", last.StoreID, "store_id", id, "store", s.store.Describe())
		store, served, err := s.local.SetAside()
		if err != nil {
			s.log.Error("the cache of another store could not be set aside; nothing is cached until the next start", "error", err)
			s.setServedErr(err)
			store, served = nil, nil
		}
		s.cache.Store(&kept{store, served})
	}
	s.storeID = id
	return nil
}

// servedBefore is the generation that this replica has answered from last, in this process or an earlier one; the zero value for none.
func (s *Screener) servedBefore(ctx context.Context) lists.Head {
	if own := s.current.Load().own(); own != nil {
		return own.generation.Head()
	}
	cache := s.cache.Load()
	if cache.store == nil {
		return lists.Head{}
	}
	last, _ := cache.last()
	head, _, err := lists.Read[lists.Head](ctx, cache.store, lists.DocHead)
	if err != nil && !fault.Is(err, fault.NotFound) {
		s.log.Warn("the cache cannot be read", "error", err)
	}
	if last.Generation >= head.Generation {
		return last.Head
	}
	return head
}

// noteServed notes on disk which generation is answered from. Without that note a restart could go back to an older one; but what the
// store has is answered from in any case.
func (s *Screener) noteServed(head lists.Head, lost bool) {
	cache := s.cache.Load()
	if cache.served == nil {
		return
	}
	last, _ := cache.last()
	next := Served{StoreID: s.storeID, Store: addressOf(s.store), Head: head, Lost: lost}
	if next.StoreID == "" && last.Store == next.Store {
		next.StoreID = last.StoreID
	}
	err := cache.served.write(next)
	if was := s.setServedErr(err); err != nil && was == nil {
		s.log.Error("it could not be noted which generation is answered from", "generation", head.Generation, "error", err)
	}
}

func (s *Screener) setServedErr(err error) (was error) {
	s.noteMu.Lock()
	defer s.noteMu.Unlock()
	was, s.servedErr = s.servedErr, err
	return was
}

// recall makes the first snapshot from the cache, because the store cannot be read. A cache that is not whole, that may be of another store,
// or that does not hold what was answered from last, gives none.
func (s *Screener) recall(ctx context.Context) (*snapshot, error) {
	last, known := s.cache.Load().last()
	switch {
	case s.cache.Load().served == nil: // nobody notes anything
	case !known:
		return nil, fault.E(fault.NotLoaded, "%w, so it is not known what was answered from last", errServed)
	case last.Store != addressOf(s.store):
		return nil, fault.E(fault.NotLoaded, "it is not known to be of the store %s", s.store.Describe())
	case last.Lost:
		return nil, lost("generation %d was answered from together with what the store had, and the store cannot be read", last.Generation)
	}
	snap, err := s.fromCache(ctx, last.Head)
	if err == nil && s.newest > snap.generation.Number {
		now := s.now()
		snap.behind = &lag{generation: s.newest, since: now, until: now}
	}
	return snap, err
}

// fromCache makes a snapshot from the cache. want is the generation that the cache must hold; the zero value for any.
func (s *Screener) fromCache(ctx context.Context, want lists.Head) (*snapshot, error) {
	cache := s.cache.Load().store
	if cache == nil {
		return nil, fault.E(fault.NotLoaded, "there is no cache folder to start from")
	}
	g, _, err := lists.Current(ctx, cache)
	switch {
	case err != nil:
		return nil, err
	case g.Number == 0:
		return nil, fault.E(fault.NotLoaded, "the cache is empty")
	case want.Generation != 0 && want != g.Head():
		return nil, fault.E(fault.NotLoaded, "generation %d was answered from last, and the cache holds generation %d", want.Generation, g.Number)
	}
	saved, _, err := lists.Read[lists.Fresh](ctx, cache, docSaved)
	if err != nil {
		return nil, err
	}
	fresh, err := readFresh(ctx, cache)
	if err != nil {
		return nil, err
	}
	next, err := s.build(ctx, cache, g, nil)
	if err != nil {
		return nil, err
	}
	if next.docs, err = s.docsOf(ctx, cache, g); err != nil {
		return nil, err
	}
	s.hold(ctx, cache, next, false)
	next.savedAt = saved.At
	next.age(fresh)
	return next, nil
}

// SaveCache brings the cache up to what is served now. A server without a cache has nothing to do.
func (s *Screener) SaveCache(ctx context.Context) error {
	s.mirroring.Lock()
	defer s.mirroring.Unlock()
	return s.mirror(ctx)
}

// mirror writes first what is large, then all documents in one step, then it drops what nothing names. It needs no store: what the
// generation consists of was read when it was loaded.
func (s *Screener) mirror(ctx context.Context) error {
	snap, cache := s.current.Load().own(), s.Cache()
	if cache == nil || snap == nil || !snap.savedAt.IsZero() {
		return nil
	}
	if s.others == nil { // of the process before this one
		var err error
		if s.others, err = readOthers(ctx, cache); err != nil {
			return err
		}
	}
	others, current := s.others, false
	if s.storeAnswers() {
		// Keys and their secret are never deleted: a store that has fewer has lost them.
		if read, err := readOthers(ctx, s.store); err == nil && holdsKeys(read, s.others) {
			others, current = read, true
		}
	}
	head := lists.Put(lists.DocHead, snap.generation.Head(), 0)
	docs := slices.Concat([]lists.Doc{{Key: lists.DocHead, Value: head.Value}}, snap.docs, others)
	held, _, _ := snap.held()
	same := snap.generation.Number == s.mirroredNumber() && held == s.mirroredHeld && sameDocs(docs, s.mirroredDocs)
	if same && (!current || s.now().Sub(s.savedAt) < 10*time.Second) {
		return nil // that it is still so is not written every second
	}
	if !same {
		if err := s.mirrorLayers(ctx, snap); err != nil {
			return err
		}
	}
	if current {
		s.savedAt = s.now().UTC()
	}
	changes := []lists.Change{lists.Put(docSaved, lists.Fresh{At: s.savedAt}, lists.AnyRevision)}
	named := map[string]bool{docSaved: true}
	for _, d := range docs {
		named[d.Key] = true
		changes = append(changes, lists.Change{Key: d.Key, Value: d.Value, Expect: lists.AnyRevision})
	}
	old, err := cache.Scan(ctx, "")
	if err != nil {
		return err
	}
	for _, d := range old {
		if !named[d.Key] {
			changes = append(changes, lists.Change{Key: d.Key, Expect: lists.AnyRevision})
		}
	}
	if err := cache.Commit(ctx, changes...); err != nil {
		return err
	}
	s.mirrored, s.mirroredDocs, s.mirroredHeld, s.others = snap, docs, held, others
	if same {
		return nil
	}
	return s.tidyCache(ctx, snap)
}

// docsOf reads the documents that belong to a generation from a store.
func (s *Screener) docsOf(ctx context.Context, store lists.Store, g lists.Generation) ([]lists.Doc, error) {
	docs := []lists.Doc{{Key: lists.DocGeneration(g.Number), Value: lists.Put("", g, 0).Value}}
	for i := range g.Lists {
		for _, key := range []string{lists.DocList(g.Lists[i].List.ID), lists.DocVersion(g.Lists[i].List.ID, g.Lists[i].Version)} {
			d, err := store.Get(ctx, key)
			if fault.Is(err, fault.NotFound) { // answers do not need it; a cache without it cannot give the list back
				s.log.Warn("a document of the generation is missing from the store", "document", key)
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

// readOthers reads the documents that belong to no generation: how fresh lists are, keys and their secret, exceptions.
func readOthers(ctx context.Context, store lists.Store) (docs []lists.Doc, err error) {
	for _, prefix := range []string{lists.DocFresh(""), lists.DocKey(""), lists.DocPepper, lists.DocAllSuppressions} {
		more, err := store.Scan(ctx, prefix)
		if err != nil {
			return nil, err
		}
		docs = append(docs, more...)
	}
	return docs, nil
}

// holdsKeys tells whether all keys of old, and their secret, are among docs.
func holdsKeys(docs, old []lists.Doc) bool {
	return !slices.ContainsFunc(old, func(o lists.Doc) bool {
		return (o.Key == lists.DocPepper || strings.HasPrefix(o.Key, lists.DocKey(""))) &&
			!slices.ContainsFunc(docs, func(d lists.Doc) bool { return d.Key == o.Key })
	})
}

func (s *Screener) mirroredNumber() int {
	if s.mirrored == nil {
		return 0
	}
	return s.mirrored.generation.Number
}

func sameDocs(a, b []lists.Doc) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Key != b[i].Key || !bytes.Equal(a[i].Value, b[i].Value) {
			return false
		}
	}
	return true
}

func (s *Screener) mirrorLayers(ctx context.Context, snap *snapshot) error {
	cache := s.Cache()
	have, err := cache.Layers(ctx)
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
	for _, k := range snap.stacks {
		for _, l := range k.layers {
			if name := lists.BlobFilter(l.ID); !filters[name] {
				pr, pw := io.Pipe()
				go func() {
					_, err := l.filter.WriteTo(pw)
					pw.CloseWithError(err)
				}()
				err := cache.PutBlob(ctx, name, pr)
				pr.CloseWithError(io.ErrClosedPipe)
				if err != nil {
					return err
				}
			}
			r := l.records.Load()
			if r == nil {
				continue
			}
			if _, there := have[l.ID]; there {
				if whole, err := lists.Complete(ctx, cache, l.ID); err != nil {
					return err
				} else if whole {
					continue
				}
				if err := cache.DropLayer(ctx, l.ID); err != nil { // the process that wrote it has ended in the middle
					return err
				}
			}
			if err := r.copyTo(ctx, cache, l.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// tidyCache drops layers and filters of generations that have passed.
func (s *Screener) tidyCache(ctx context.Context, snap *snapshot) error {
	cache := s.Cache()
	named := map[string]bool{}
	for _, k := range snap.stacks {
		for _, l := range k.layers {
			named[l.ID] = true
		}
	}
	layers, err := cache.Layers(ctx)
	if err != nil {
		return err
	}
	for id := range layers {
		if !named[id] {
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
		if id, ok := strings.CutPrefix(b, lists.BlobFilter("")); ok && !named[id] {
			if err := cache.DropBlob(ctx, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep reads layers into memory and mirrors what is served, beside Follow, until ctx ends.
func (s *Screener) keep(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if snap := s.current.Load(); snap != nil && s.local.ResidentBytes > 0 && s.storeAnswers() {
			s.hold(ctx, s.store, snap, false)
		}
		if err := s.SaveCache(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("the cache could not be brought up to date", "error", err)
		}
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			if err := s.SaveCache(last); err != nil {
				s.log.Debug("the cache could not be brought up to date", "error", err)
			}
			return
		case <-s.swapped:
		case <-tick.C:
		}
	}
}

// storeAnswers tells whether the last round of asking the store succeeded.
func (s *Screener) storeAnswers() bool {
	s.noteMu.Lock()
	defer s.noteMu.Unlock()
	return s.refreshErr == nil
}
