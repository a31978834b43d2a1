package edge

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/screening/archive/vault"
)

// DefaultValid is how long a manifest is valid.
const DefaultValid = 10 * time.Minute

// minKept is how long objects that no manifest names any more are kept at least, for followers that are still reading them.
const minKept = time.Hour

// readEvery is how often the publisher reads an object again, to write it anew if it was damaged.
const readEvery = time.Hour

// PublishOptions are what a publisher works with.
type PublishOptions struct {
	Store  lists.Store
	Bucket vault.Bucket
	Name   string // of the signing keys
	Signer Signer
	Valid  time.Duration // of a manifest; 0 for DefaultValid
	// Scratch is a folder for one temporary file of the size of a layer; "" for that of the system.
	Scratch string
	Log     *slog.Logger
	Now     func() time.Time
}

// Publisher writes the current generation of a store into a bucket: first the objects, then the manifest that names them. It renews the
// manifest before it expires, but only while the store can be read and its generation descends from the one published last.
type Publisher struct {
	o PublishOptions

	running sync.Mutex           // guards the four below, and is held while something is published
	known   bool                 // the manifest in the bucket was read
	unused  map[string]time.Time // since when no manifest names an object, as far as this process has seen
	seen    map[string]time.Time // when an object was written or read again
	damaged bool                 // an object was found to be damaged, and removed

	mu     sync.Mutex // guards the rest
	last   *Manifest  // in the bucket; nil for none
	signed []byte     // its text
	err    error      // of the last attempt
	failed float64    // attempts
}

// NewPublisher returns a publisher that has not published yet.
func NewPublisher(o PublishOptions) *Publisher {
	if o.Valid == 0 {
		o.Valid = DefaultValid
	}
	return &Publisher{o: o, unused: map[string]time.Time{}, seen: map[string]time.Time{}}
}

// Published is the state of a publisher.
type Published struct {
	Manifest *Manifest // in the bucket; nil for none
	Error    error     // of the last attempt
	Failed   float64   // attempts so far
}

// Status returns what is published.
func (p *Publisher) Status() Published {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Published{p.last, p.err, p.failed}
}

// Signed returns the text of the manifest in the bucket, and its manifest; nil before the first one.
func (p *Publisher) Signed() ([]byte, *Manifest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.signed, p.last
}

// Forget makes the next Publish read again what is in the bucket, which another process may have changed.
func (p *Publisher) Forget() {
	p.running.Lock()
	defer p.running.Unlock()
	p.known = false
	clear(p.unused)
	clear(p.seen)
}

// CanTakeOver returns why this publisher could not continue from the manifest in the bucket: it cannot be read, or another key has signed it.
func (p *Publisher) CanTakeOver(ctx context.Context) error {
	p.running.Lock()
	defer p.running.Unlock()
	p.known = false
	return p.readLast(ctx)
}

// Run publishes until ctx ends: soon after every change, and before a manifest expires.
func (p *Publisher) Run(ctx context.Context) {
	changed := p.o.Store.Watch(ctx)
	tick := time.NewTicker(min(p.o.Valid/20+time.Millisecond, 5*time.Second))
	defer tick.Stop()
	for {
		before := p.Status().Error
		if err := p.Publish(ctx); err != nil && ctx.Err() == nil && (before == nil || before.Error() != err.Error()) {
			p.o.Log.Warn("the lists were not published; followers report no misses once the last manifest has expired", "bucket", p.o.Bucket.Describe(), "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case _, ok := <-changed:
			if !ok {
				changed = nil
			}
		case <-tick.C:
		}
	}
}

// Publish writes a manifest if the generation, its documents or how fresh its lists are has changed, or a quarter of the validity of the last one
// has passed.
func (p *Publisher) Publish(ctx context.Context) error {
	p.running.Lock()
	defer p.running.Unlock()
	err := p.publish(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err = err; err != nil {
		p.failed++
	}
	return err
}

// content is what the store has at one moment.
type content struct {
	manifest  Manifest // without layers
	documents []byte
	layers    []lists.Layer
	list      lists.Generation
}

func (p *Publisher) publish(ctx context.Context) error {
	if err := p.readLast(ctx); err != nil {
		return err
	}
	last := p.Status().Manifest
	var made map[string]Layer // layers whose objects are in the bucket
	for {
		c, err := p.read(ctx)
		if err != nil {
			return err
		}
		if err := p.follows(ctx, &c, last); err != nil {
			return err
		}
		if last != nil && c.manifest.same(last) && c.manifest.Created.Sub(last.Created) < p.o.Valid/4 {
			if made == nil {
				p.readAgain(ctx, last)
			}
			if !p.damaged {
				return nil
			}
		}
		if made != nil && complete(&c, made) { // the store was read after the objects were written
			return p.write(ctx, &c, made)
		}
		if made, err = p.upload(ctx, &c, last); err != nil {
			return err
		}
	}
}

// same reports whether two manifests differ in their times only.
func (m *Manifest) same(o *Manifest) bool {
	return m.StoreID == o.StoreID && m.head() == o.head() && m.Documents == o.Documents && maps.EqualFunc(m.Fresh, o.Fresh, time.Time.Equal) &&
		slices.Equal(m.Restored, o.Restored)
}

// complete reports whether all objects of a content but its documents are in the bucket.
func complete(c *content, made map[string]Layer) bool {
	return !slices.ContainsFunc(c.layers, func(l lists.Layer) bool { return made[l.ID].ID == "" })
}

// read reads the current generation with everything that an answer depends on.
func (p *Publisher) read(ctx context.Context) (c content, err error) {
	store := p.o.Store
	created := p.o.Now().UTC().Truncate(time.Millisecond) // before the store confirms the generation
	id, err := lists.EnsureStoreID(ctx, store, "", created)
	if err != nil {
		return c, err
	}
	g, revision, err := lists.Current(ctx, store)
	if err != nil {
		return c, err
	}
	if g.Number == 0 {
		return c, fault.E(fault.NotLoaded, "nothing has been activated yet")
	}
	followed, err := lists.ReadFollowed(ctx, store)
	if err != nil {
		return c, err
	}
	if followed != nil {
		return c, fault.E(fault.Conflict, "the lists are those of %s: only that server publishes them", followed.Origin)
	}
	c.list = g
	c.manifest = Manifest{StoreID: id, Generation: g.Number, ID: g.ID, Created: created, NotAfter: created.Add(p.o.Valid), Fresh: map[string]time.Time{}}
	docs := []document{{lists.DocGeneration(g.Number), lists.JSON(withoutSecrets(g))}}
	seen := map[string]bool{}
	for i := range g.Lists {
		a := &g.Lists[i]
		for _, key := range generationKeys(a) {
			d, err := store.Get(ctx, key)
			if fault.Is(err, fault.NotFound) { // no check needs it
				continue
			}
			if err != nil {
				return c, err
			}
			if key == lists.DocList(a.List.ID) {
				settings, err := lists.Decode[lists.List](d)
				if err != nil {
					return c, err
				}
				d.Value = lists.JSON(sourceRedacted(settings))
			}
			docs = append(docs, document{d.Key, d.Value})
		}
		fresh, _, err := lists.Read[lists.Fresh](ctx, store, lists.DocFresh(a.List.ID))
		if err != nil && !fault.Is(err, fault.NotFound) {
			return c, err
		}
		if err == nil {
			c.manifest.Fresh[a.List.ID] = fresh.At
		}
		for _, l := range a.Layers {
			if !seen[l.ID] {
				seen[l.ID] = true
				c.layers = append(c.layers, l)
			}
		}
	}
	restored, err := lists.ReadAll[lists.Generation](ctx, store, lists.DocRestored)
	if err != nil {
		return c, err
	}
	for i := range restored {
		c.manifest.Restored = append(append(c.manifest.Restored, restored[i].Head()), restored[i].Recent...)
	}
	if c.documents, err = encodeDocuments(docs); err != nil {
		return c, err
	}
	c.manifest.Documents = objectOf(c.documents)
	// A list is marked as fresh in the commit that activates its new version: a head that moved meanwhile could be fresher than the lists read.
	head, err := store.Get(ctx, lists.DocHead)
	if err == nil && head.Revision != revision {
		err = fault.E(fault.Unavailable, "the store has changed while it was read")
	}
	return c, err
}

// withoutSecrets returns a generation without the passwords in the addresses of sources. Followers fetch nothing from these.
func withoutSecrets(g lists.Generation) lists.Generation {
	g.Lists = slices.Clone(g.Lists)
	for i := range g.Lists {
		g.Lists[i].List = sourceRedacted(g.Lists[i].List)
	}
	return g
}

func sourceRedacted(l lists.List) lists.List {
	if l.Source != nil {
		source := l.Source.Redacted()
		l.Source = &source
	}
	return l
}

func objectOf(b []byte) Object {
	sum := sha256.Sum256(b)
	return Object{hex.EncodeToString(sum[:]), int64(len(b))}
}

// follows refuses a generation that does not descend from the one published last, or from one that a replica serves: the store has lost listings.
func (p *Publisher) follows(ctx context.Context, c *content, last *Manifest) error {
	other, err := lists.ServesLost(ctx, p.o.Store, p.o.Now(), &c.list)
	switch {
	case err != nil:
		return err
	case other != nil:
		return fault.E(fault.Lost, "replica %s serves generation %d, which the store has lost: followers would miss what it lists (interdict restore --server URL of that replica)", other.ID, other.Generation)
	case last == nil:
		return nil
	case last.StoreID != c.manifest.StoreID:
		return fault.E(fault.Conflict, "%s has the manifest of another store (%s, not %s): publish elsewhere, or remove %s there if that store is gone", p.o.Bucket.Describe(),
			last.StoreID, c.manifest.StoreID, ManifestName)
	case c.manifest.Created.Before(last.Created):
		return fault.E(fault.Unavailable, "the last manifest was signed at %s, which is in the future here: correct the clock of this machine", last.Created.Format(time.RFC3339))
	}
	descends, err := lists.Descends(ctx, p.o.Store, &c.list, last.head())
	if err == nil && !descends {
		err = fault.E(fault.Lost, "generation %d of the store does not descend from generation %d, which was published: the store has lost it (interdict restore)",
			c.manifest.Generation, last.Generation)
	}
	return err
}

// readLast reads the manifest that is in the bucket.
func (p *Publisher) readLast(ctx context.Context) error {
	if p.known {
		return nil
	}
	signed, err := readAll(ctx, p.o.Bucket, ManifestName, maxManifest)
	var last *Manifest
	switch {
	case fault.Is(err, fault.NotFound):
	case err != nil:
		return err
	default:
		if last, _, err = Open(signed, p.o.Signer.VKeys()); err != nil {
			return fault.E(fault.Conflict, "%s in %s is not signed with the key of this server: %w: give all servers of the store the same --record-key, publish elsewhere, or remove it", ManifestName, p.o.Bucket.Describe(), err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last, p.signed, p.known = last, signed, true
	return nil
}

func readAll(ctx context.Context, b vault.Bucket, name string, most int64) ([]byte, error) {
	r, err := b.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readLimited(r, name, most)
}

func readLimited(r io.Reader, name string, most int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(b)) > most {
		err = errors.New("it is too large")
	}
	if err != nil {
		return nil, fault.E(fault.Unavailable, "read %s: %w", name, err)
	}
	return b, nil
}

// upload stores the objects that the bucket does not have. Those of earlier manifests are found by the id of their layer.
func (p *Publisher) upload(ctx context.Context, c *content, last *Manifest) (map[string]Layer, error) {
	there := map[string]int64{}
	for o, err := range p.o.Bucket.List(ctx, ObjectsName) {
		if err != nil {
			return nil, err
		}
		there[o.Name] = o.Bytes
	}
	has := func(o Object) bool { size, ok := there[o.name()]; return ok && size == o.Bytes }
	made := map[string]Layer{}
	if last != nil {
		for _, l := range last.Layers {
			if has(l.Object) && has(l.Filter) {
				made[l.ID] = l
			}
		}
	}
	for _, l := range c.layers {
		if made[l.ID].ID != "" {
			continue
		}
		layer, err := p.create(ctx, func(w io.Writer) error { return lists.WriteLayerFile(ctx, p.o.Store, l, w) })
		if err != nil {
			return nil, fault.E(fault.KindOf(err), "publish layer %s: %w", l.ID, err)
		}
		filter, err := p.create(ctx, func(w io.Writer) error { return p.copyBlob(ctx, lists.BlobFilter(l.ID), w) })
		if err != nil {
			return nil, fault.E(fault.KindOf(err), "publish the filter of layer %s: %w", l.ID, err)
		}
		made[l.ID] = Layer{l.ID, layer, filter}
	}
	return made, nil
}

func (p *Publisher) copyBlob(ctx context.Context, name string, w io.Writer) error {
	r, err := p.o.Store.OpenBlob(ctx, name)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(w, r)
	return err
}

// create stores what write gives as an object.
func (p *Publisher) create(ctx context.Context, write func(io.Writer) error) (o Object, err error) {
	f, err := os.CreateTemp(p.o.Scratch, "interdict-publish-*")
	if err != nil {
		return o, fault.E(fault.Unavailable, "a temporary file: %w", err)
	}
	defer func() { _ = f.Close(); _ = os.Remove(f.Name()) }()
	sum := sha256.New()
	if err := write(io.MultiWriter(f, sum)); err != nil {
		return o, err
	}
	if o.Bytes, err = f.Seek(0, io.SeekEnd); err != nil {
		return o, fault.E(fault.Unavailable, "a temporary file: %w", err)
	}
	digest := [sha256.Size]byte(sum.Sum(nil))
	o.SHA256 = hex.EncodeToString(digest[:])
	return o, p.put(ctx, o, f, digest)
}

// put stores an object, and replaces one of the same name and another size: it was damaged.
func (p *Publisher) put(ctx context.Context, o Object, body io.ReaderAt, digest [sha256.Size]byte) error {
	created, err := p.o.Bucket.Create(ctx, o.name(), body, o.Bytes, digest, time.Time{})
	if err != nil {
		return err
	}
	if !created {
		held, err := p.o.Bucket.Stat(ctx, o.name())
		if err != nil || held.Bytes == o.Bytes {
			return err
		}
		if err := p.o.Bucket.Remove(ctx, o.name()); err != nil {
			return err
		}
		if _, err := p.o.Bucket.Create(ctx, o.name(), body, o.Bytes, digest, time.Time{}); err != nil {
			return err
		}
	}
	p.seen[o.name()] = p.o.Now()
	return nil
}

// readAgain reads one object that was not read for readEvery. If it was damaged, no follower can use it: it is removed, and written anew.
func (p *Publisher) readAgain(ctx context.Context, m *Manifest) {
	all := []Object{m.Documents}
	for _, l := range m.Layers {
		all = append(all, l.Object, l.Filter)
	}
	now := p.o.Now()
	i := slices.IndexFunc(all, func(o Object) bool { return now.Sub(p.seen[o.name()]) >= readEvery })
	if i < 0 {
		return
	}
	o := all[i]
	p.seen[o.name()] = now
	sum, err := p.digest(ctx, o)
	if err == nil && sum != o.SHA256 {
		p.o.Log.Warn("a published object is damaged; it is written anew", "bucket", p.o.Bucket.Describe(), "object", o.name())
		if err = p.o.Bucket.Remove(ctx, o.name()); err == nil {
			p.damaged = true
		}
	}
	if err != nil && ctx.Err() == nil {
		p.o.Log.Warn("a published object could not be read again", "bucket", p.o.Bucket.Describe(), "object", o.name(), "error", err)
	}
}

// digest returns the SHA-256 of what the bucket has for an object; "" if there is nothing.
func (p *Publisher) digest(ctx context.Context, o Object) (string, error) {
	r, err := p.o.Bucket.Open(ctx, o.name())
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer r.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, io.LimitReader(r, o.Bytes+1)); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// write stores the documents and then the manifest, and removes old objects.
func (p *Publisher) write(ctx context.Context, c *content, made map[string]Layer) error {
	m := c.manifest
	for _, l := range c.layers {
		m.Layers = append(m.Layers, made[l.ID])
	}
	if err := p.put(ctx, m.Documents, bytes.NewReader(c.documents), sha256.Sum256(c.documents)); err != nil {
		return err
	}
	signed, err := m.sign(p.o.Name, p.o.Signer)
	if err != nil {
		return err
	}
	if len(signed) > maxManifest {
		return fault.E(fault.TooLarge, "the manifest has %d bytes; followers read %d", len(signed), maxManifest)
	}
	if err := p.o.Bucket.Replace(ctx, ManifestName, signed); err != nil {
		return err
	}
	p.mu.Lock()
	before := p.last
	p.last, p.signed = &m, signed
	p.mu.Unlock()
	p.damaged = false
	if before == nil || before.head() != m.head() {
		p.o.Log.Info("generation published", "generation", m.Generation, "bucket", p.o.Bucket.Describe(), "not_after", m.NotAfter)
	}
	if err := p.clean(ctx, &m); err != nil {
		p.o.Log.Warn("old objects were not removed; the next manifest tries again", "bucket", p.o.Bucket.Describe(), "error", err)
	}
	return nil
}

// clean removes objects that no manifest of the last hour, or of twice the validity, has named.
func (p *Publisher) clean(ctx context.Context, m *Manifest) error {
	used := map[string]bool{m.Documents.name(): true}
	for _, l := range m.Layers {
		used[l.name()], used[l.Filter.name()] = true, true
	}
	now := p.o.Now()
	there := map[string]bool{}
	for o, err := range p.o.Bucket.List(ctx, ObjectsName) {
		if err != nil {
			return err
		}
		if there[o.Name] = true; used[o.Name] || !IsDigest(strings.TrimPrefix(o.Name, ObjectsName)) {
			delete(p.unused, o.Name)
			continue
		}
		if _, known := p.unused[o.Name]; !known {
			p.unused[o.Name] = now
		}
	}
	for name, since := range p.unused {
		if there[name] && now.Sub(since) < max(minKept, 2*p.o.Valid) {
			continue
		}
		if err := p.o.Bucket.Remove(ctx, name); err != nil {
			return err
		}
		delete(p.unused, name)
		delete(p.seen, name)
	}
	return nil
}
