package edge

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/lists/filter"
)

const (
	// DefaultEvery is how often a follower asks for a new manifest.
	DefaultEvery = 10 * time.Second
	// firstWait and longestWait are the times between two attempts while they fail.
	firstWait   = time.Second
	longestWait = 30 * time.Second
	// dropAfter is how long layers that are not served any more are kept for checks that still read them.
	dropAfter = time.Minute
	// keptGenerations is how many earlier generations are kept as documents, for the history and for look-backs.
	keptGenerations = 32
)

// FollowOptions are what a follower works with.
type FollowOptions struct {
	Store  lists.Store // on local disk; the follower alone changes its lists (Guard)
	Source Source
	VKeys  []string // public keys; the manifest must be signed by one of them
	Dir    string   // of downloads that are not complete; the follower empties it
	Every  time.Duration
	Log    *slog.Logger
	Now    func() time.Time
}

// Follower keeps the lists of a local store equal to those of another server. The lists of a manifest are committed at once, after all of them
// are there and verified; the replica of this server then swaps to them as it does for any commit.
type Follower struct {
	o FollowOptions

	tag    string               // of the manifest that was read last
	unused map[string]time.Time // since when a layer is not used
	swept  time.Time            // when that was looked at last

	mu     sync.Mutex // guards the rest
	err    error      // of the last attempt
	failed float64    // attempts
}

// NewFollower returns a follower that has not read anything yet.
func NewFollower(o FollowOptions) *Follower {
	if o.Every == 0 {
		o.Every = DefaultEvery
	}
	return &Follower{o: o, unused: map[string]time.Time{}}
}

// Status returns how many attempts have failed, and the error of the last attempt.
func (f *Follower) Status() (failed float64, last error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed, f.err
}

// Run follows until ctx ends.
func (f *Follower) Run(ctx context.Context) {
	for failures := 0; ; {
		err := f.Sync(ctx)
		wait := f.o.Every
		if err != nil {
			wait = min(firstWait<<min(failures, 10), longestWait)
			failures++
		} else {
			failures = 0
		}
		// Thousands of followers must not ask in step.
		wait = wait*3/4 + rand.N(wait/2+1) //nolint:gosec // it is no secret
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// Sync reads the manifest and, if it is new, what it names. On an error the lists stay as they are, and expire.
func (f *Follower) Sync(ctx context.Context) error {
	err := f.sync(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil {
		return err
	}
	if err != nil {
		f.failed++
		if f.err == nil || f.err.Error() != err.Error() {
			f.o.Log.Warn("what is followed cannot be read; no misses are reported once the last manifest has expired", "from", f.o.Source.Describe(), "error", err)
		}
	} else if f.err != nil {
		f.o.Log.Info("what is followed can be read again", "from", f.o.Source.Describe())
	}
	f.err = err
	return err
}

func (f *Follower) sync(ctx context.Context) error {
	have, err := f.have(ctx)
	if err != nil {
		return err
	}
	signed, tag, err := f.o.Source.Manifest(ctx, f.tag)
	if err != nil {
		return err
	}
	if signed == nil {
		if have != nil {
			err = have.Usable(f.o.Now())
		}
		return errors.Join(err, f.dropUnused(ctx))
	}
	f.tag = "" // unless all goes well
	m, name, err := Open(signed, f.o.VKeys)
	if err != nil {
		return err
	}
	next := lists.Followed{Origin: name, StoreID: m.StoreID, Generation: m.Generation, ID: m.ID, Created: m.Created, NotAfter: m.NotAfter, Documents: m.Documents.SHA256}
	if err := accept(have, &next, f.o.Now()); err != nil {
		return err
	}
	if have != nil && next.Created.Before(have.Created) { // another server, or a cache, whose manifest of the same lists is a little older
		return errors.Join(have.Usable(f.o.Now()), f.dropUnused(ctx))
	}
	if have != nil && have.Generation == next.Generation && have.Documents == next.Documents {
		if err := f.renew(ctx, m, &next); err != nil {
			return err
		}
	} else if err := f.load(ctx, have, m, &next); err != nil {
		return err
	}
	f.tag = tag
	return f.dropUnused(ctx)
}

// have returns which manifest the local lists come from; nil for none.
func (f *Follower) have(ctx context.Context) (*lists.Followed, error) {
	have, err := lists.ReadFollowed(ctx, f.o.Store)
	if err != nil {
		return nil, err
	}
	head, _, err := lists.Read[lists.Head](ctx, f.o.Store, lists.DocHead)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	switch {
	case have == nil && head.Generation != 0:
		return nil, fault.E(fault.Conflict, "%s has lists of its own: follow with an empty folder", f.o.Store.Describe())
	case have != nil && head != (lists.Head{Generation: have.Generation, ID: have.ID}):
		return nil, fault.E(fault.Conflict, "the lists of %s were changed by another program: move the folder away and start with an empty one", f.o.Store.Describe())
	}
	return have, nil
}

// accept refuses a manifest that is older than the one that was accepted last, of another store, or not valid now.
func accept(have, next *lists.Followed, now time.Time) error {
	if err := next.Usable(now); err != nil {
		return err
	}
	switch {
	case have == nil:
		return nil
	case next.StoreID != have.StoreID || next.Origin != have.Origin:
		return fault.E(fault.Conflict, "the manifest is that of another store (%s %s) than the one that was followed (%s %s): to follow it, start with an empty folder",
			next.Origin, next.StoreID, have.Origin, have.StoreID)
	case next.Generation < have.Generation:
		return fault.E(fault.Conflict, "a manifest of the older generation %d was received; generation %d is served here", next.Generation, have.Generation)
	case next.Generation == have.Generation && next.ID != have.ID:
		return lost(have, next)
	}
	return nil
}

func lost(have, next *lists.Followed) error {
	return fault.E(fault.Lost, "generation %d does not descend from generation %d, which is served here: the server that is followed has lost it (interdict restore there); "+
		"to accept the loss, start with an empty folder", next.Generation, have.Generation)
}

// renew commits a manifest of the same lists: only the times differ.
func (f *Follower) renew(ctx context.Context, m *Manifest, next *lists.Followed) error {
	return f.o.Store.Commit(ctx, append(freshChanges(m), lists.Put(lists.DocFollowed, next, lists.AnyRevision))...)
}

func freshChanges(m *Manifest) (changes []lists.Change) {
	for list, at := range m.Fresh {
		changes = append(changes, lists.Put(lists.DocFresh(list), lists.Fresh{At: at}, lists.AnyRevision))
	}
	return changes
}

// load downloads what the store does not have and commits the lists of a manifest.
func (f *Follower) load(ctx context.Context, have *lists.Followed, m *Manifest, next *lists.Followed) error {
	if err := os.MkdirAll(f.o.Dir, 0o700); err != nil {
		return fault.E(fault.Unavailable, "a folder for downloads: %w", err)
	}
	f.removeOthers(m)
	var raw bytes.Buffer
	if err := f.download(ctx, m.Documents, func(r io.Reader) error {
		_, err := raw.ReadFrom(r)
		return err
	}); err != nil {
		return fault.E(fault.KindOf(err), "documents of generation %d: %w", m.Generation, err)
	}
	docs, g, err := decodeDocuments(raw.Bytes(), m)
	if err != nil {
		return err
	}
	if have != nil && !descends(have, m, &g) {
		return lost(have, next)
	}
	if err := f.layers(ctx, m, &g); err != nil {
		return err
	}
	if err := next.Usable(f.o.Now()); err != nil { // the download took longer than the manifest is valid
		f.o.Log.Warn("the manifest expired while its files were downloaded", "generation", m.Generation)
	}
	if err := f.commit(ctx, m, next, docs); err != nil {
		return err
	}
	_ = os.RemoveAll(f.o.Dir) // best effort: it only takes space
	f.o.Log.Info("generation received", "generation", m.Generation, "from", f.o.Source.Describe(), "layers", len(m.Layers), "not_after", m.NotAfter)
	return nil
}

// descends reports whether a generation includes the changes of the one that is served. A generation names the last ones before it; that it
// descends from an older one is taken from the signature.
func descends(have *lists.Followed, m *Manifest, g *lists.Generation) bool {
	from := lists.Head{Generation: have.Generation, ID: have.ID}
	return from == g.Head() || from.ID == "" || g.Merged == from.ID || slices.Contains(g.Recent, from) || slices.Contains(m.Restored, from) ||
		len(g.Recent) > 0 && g.Recent[len(g.Recent)-1].Generation > from.Generation
}

// layers downloads the layers that the store does not have.
func (f *Follower) layers(ctx context.Context, m *Manifest, g *lists.Generation) error {
	files := map[string]Layer{}
	for _, l := range m.Layers {
		files[l.ID] = l
	}
	for i := range g.Lists {
		for _, l := range g.Lists[i].Layers {
			file, missing := files[l.ID]
			if !missing {
				continue // two lists have it
			}
			delete(files, l.ID)
			if l.Rules > address.Rules {
				return fault.E(fault.Conflict, "layer %s was built under identity rules %d; this program has %d: update it", l.ID, l.Rules, address.Rules)
			}
			if err := f.layer(ctx, l, file); err != nil {
				return fault.E(fault.KindOf(err), "layer %s: %w", l.ID, err)
			}
		}
	}
	return nil
}

// layer downloads one layer and its filter. Every key of the layer must be in the filter: a key that is not would be a false miss.
func (f *Follower) layer(ctx context.Context, l lists.Layer, file Layer) error {
	has, err := lists.Complete(ctx, f.o.Store, l.ID)
	if err != nil {
		return err
	}
	if has { // its filter was stored before it
		return nil
	}
	var bits *filter.Filter
	err = f.download(ctx, file.Filter, func(r io.Reader) (err error) {
		bits, err = filter.Read(r, l.ID, l.Keys)
		return err
	})
	if err != nil {
		return fault.E(fault.KindOf(err), "filter: %w", err)
	}
	if err := filter.Save(ctx, f.o.Store, bits); err != nil {
		return err
	}
	return f.download(ctx, file.Object, func(r io.Reader) error {
		return lists.ReadLayerFile(ctx, r, f.o.Store, l, func(k address.Key) error {
			if !bits.MayContain(lists.Hash(k)) {
				return fault.E(fault.Invalid, "its filter lacks one of its keys")
			}
			return nil
		})
	})
}

// download reads an object into a file, verifies its size and digest, and calls use with its bytes. A download that broke off is continued by the
// next attempt.
func (f *Follower) download(ctx context.Context, o Object, use func(io.Reader) error) error {
	path := filepath.Join(f.o.Dir, o.SHA256)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fault.E(fault.Unavailable, "store a download: %w", err)
	}
	defer file.Close()
	if err := f.fetch(ctx, o, file); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fault.E(fault.Unavailable, "read a download: %w", err)
	}
	if _, err := io.Copy(sum, file); err != nil {
		return fault.E(fault.Unavailable, "read a download: %w", err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != o.SHA256 {
		_ = os.Remove(path) // it is of no use
		return fault.E(fault.Conflict, "object %s from %s has other bytes than the manifest names", o.SHA256, f.o.Source.Describe())
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fault.E(fault.Unavailable, "read a download: %w", err)
	}
	// The bytes are compared again as they are used: the disk is read twice.
	again := sha256.New()
	if err := use(io.TeeReader(file, again)); err != nil {
		return err
	}
	if got := hex.EncodeToString(again.Sum(nil)); got != o.SHA256 {
		return fault.E(fault.Unavailable, "object %s was changed on the local disk while it was read", o.SHA256)
	}
	return nil
}

// fetch completes the file of an object, and never reads more than its size.
func (f *Follower) fetch(ctx context.Context, o Object, file *os.File) error {
	have, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return fault.E(fault.Unavailable, "store a download: %w", err)
	}
	if have == o.Bytes {
		return nil
	}
	if have > o.Bytes {
		have = 0
	}
	body, from, err := f.o.Source.Object(ctx, o.SHA256, have)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := file.Truncate(from); err != nil {
		return fault.E(fault.Unavailable, "store a download: %w", err)
	}
	if _, err := file.Seek(from, io.SeekStart); err != nil {
		return fault.E(fault.Unavailable, "store a download: %w", err)
	}
	n, err := io.Copy(file, io.LimitReader(body, o.Bytes-from+1))
	switch got := from + n; {
	case err != nil:
		return fault.E(fault.Unavailable, "object %s from %s broke off after %d of %d bytes: %w", o.SHA256, f.o.Source.Describe(), got, o.Bytes, err)
	case got < o.Bytes:
		return fault.E(fault.Unavailable, "object %s from %s ends after %d of %d bytes", o.SHA256, f.o.Source.Describe(), got, o.Bytes)
	case got > o.Bytes:
		_ = file.Truncate(0) // it is of no use
		return fault.E(fault.Conflict, "object %s from %s has more bytes than the manifest names", o.SHA256, f.o.Source.Describe())
	}
	return nil
}

// removeOthers removes downloads that the manifest does not name.
func (f *Follower) removeOthers(m *Manifest) {
	used := map[string]bool{m.Documents.SHA256: true}
	for _, l := range m.Layers {
		used[l.SHA256], used[l.Filter.SHA256] = true, true
	}
	entries, _ := os.ReadDir(f.o.Dir) // best effort: they only take space
	for _, e := range entries {
		if !used[e.Name()] {
			_ = os.Remove(filepath.Join(f.o.Dir, e.Name()))
		}
	}
}

// followedPrefixes are the prefixes of the documents that come from the manifest.
var followedPrefixes = []string{lists.DocLists, lists.DocAllVersions, lists.DocAllSuppressions, lists.DocFresh("")}

// commit makes the lists of a manifest those of the store, in one step.
func (f *Follower) commit(ctx context.Context, m *Manifest, next *lists.Followed, docs []document) error {
	changes := append(freshChanges(m), lists.Put(lists.DocFollowed, next, lists.AnyRevision), lists.Put(lists.DocHead, m.head(), lists.AnyRevision))
	for _, d := range docs {
		changes = append(changes, lists.Change{Key: d.Key, Value: d.Value, Expect: lists.AnyRevision})
	}
	put := map[string]bool{}
	for _, c := range changes {
		put[c.Key] = true
	}
	for _, prefix := range followedPrefixes {
		old, err := f.o.Store.Scan(ctx, prefix)
		if err != nil {
			return err
		}
		for _, d := range old {
			if !put[d.Key] {
				changes = append(changes, lists.Change{Key: d.Key, Expect: lists.AnyRevision})
			}
		}
	}
	generations, err := f.o.Store.Scan(ctx, lists.DocGenerations)
	if err != nil {
		return err
	}
	generations = slices.DeleteFunc(generations, func(d lists.Doc) bool { return put[d.Key] })
	for _, d := range generations[:max(0, len(generations)-keptGenerations)] {
		changes = append(changes, lists.Change{Key: d.Key, Expect: lists.AnyRevision})
	}
	return f.o.Store.Commit(ctx, changes...)
}

// dropUnused drops layers and filters that the current generation does not name, once no check can read them any more.
func (f *Follower) dropUnused(ctx context.Context) error {
	if now := f.o.Now(); now.Sub(f.swept) < dropAfter {
		return nil
	}
	g, _, err := lists.Current(ctx, f.o.Store)
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for i := range g.Lists {
		for _, l := range g.Lists[i].Layers {
			used[l.ID] = true
		}
	}
	there, err := f.o.Store.Layers(ctx)
	if err != nil {
		return err
	}
	blobs, err := f.o.Store.Blobs(ctx)
	if err != nil {
		return err
	}
	for _, b := range blobs {
		if id, ok := strings.CutPrefix(b, lists.BlobFilter("")); ok {
			there[id] = time.Time{}
		}
	}
	f.swept = f.o.Now()
	for id := range there {
		since, known := f.unused[id]
		switch {
		case used[id]:
			delete(f.unused, id)
		case !known:
			f.unused[id] = f.swept
		case f.swept.Sub(since) >= dropAfter:
			if err := errors.Join(f.o.Store.DropLayer(ctx, id), f.o.Store.DropBlob(ctx, lists.BlobFilter(id))); err != nil {
				return err
			}
			delete(f.unused, id)
		}
	}
	return nil
}
