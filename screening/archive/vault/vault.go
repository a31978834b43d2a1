package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"interdict/lists/fault"
	"interdict/screening/journal"
)

const (
	// DefaultRetention is the default of Options.Retention, that of 31 CFR 501.601.
	DefaultRetention = 10 * 366 * 24 * time.Hour

	// DefaultCacheBytes is the default of Options.CacheBytes.
	DefaultCacheBytes = 1 << 30

	maxManifests = 100_000 // kept in memory
)

// Options of a Vault.
type Options struct {
	// Dir is the folder of the journal. Empty: there is none, and only the bucket is read.
	Dir string

	// Log returns the folder of a writer's proof log; nil or empty: it has none.
	Log func(writer uuid.UUID) string

	// Keys returns the public keys of the logs, in the form of C2SP signed-note. Nil: there are none.
	Keys func() []string

	// Retention is how long records are kept at least. Zero: DefaultRetention.
	Retention time.Duration

	// Cache is a folder for segments that are fetched; empty: one below that of the system for temporary files. CacheBytes limits its size, except that
	// each reader can have one segment; zero: DefaultCacheBytes.
	Cache      string
	CacheBytes int64

	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// Vault is the archive of a journal. Its methods are safe for concurrent use, and so are several of them for one folder or one bucket, in one process
// or many.
type Vault struct {
	bucket Bucket
	opts   Options
	cache  *cache

	mu        sync.Mutex
	manifests map[string]Manifest             // by segment; they never change
	logs      map[uuid.UUID][sha256.Size]byte // SHA-256 of the newest checkpoint of each log that was archived completely: only saves work
	stored    map[string]bool                 // keys that are in the bucket: only saves work
}

// New returns the archive of a journal in a bucket. It asks the bucket nothing. Close closes the bucket, too.
func New(bucket Bucket, opts Options) (*Vault, error) {
	if opts.Retention == 0 {
		opts.Retention = DefaultRetention
	}
	if opts.CacheBytes == 0 {
		opts.CacheBytes = DefaultCacheBytes
	}
	if opts.Retention < 0 || opts.CacheBytes < 0 {
		return nil, fault.E(fault.Invalid, "open archive: negative retention or cache size")
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	c, err := openCache(opts.Cache, opts.CacheBytes)
	if err != nil {
		return nil, err
	}
	return &Vault{bucket: bucket, opts: opts, cache: c, manifests: map[string]Manifest{}, logs: map[uuid.UUID][sha256.Size]byte{}, stored: map[string]bool{}}, nil
}

// Close removes the cache and closes the bucket. No method may run.
func (v *Vault) Close() error { return errors.Join(v.cache.close(), v.bucket.Close()) }

// Describe returns what the bucket is called in messages, without secrets.
func (v *Vault) Describe() string { return v.bucket.Describe() }

// segments returns the segments in the journal's folder.
func (v *Vault) segments() ([]journal.Segment, error) {
	if v.opts.Dir == "" {
		return nil, nil
	}
	return journal.List(v.opts.Dir)
}

// put stores an object and reads it back. An object that is there already is left as it is: with other bytes it is a fault.Conflict.
func (v *Vault) put(ctx context.Context, name string, data []byte, retain time.Time) (created bool, err error) {
	sum := sha256.Sum256(data)
	if created, err = v.bucket.Create(ctx, name, bytes.NewReader(data), int64(len(data)), sum, retain); err != nil {
		return false, err
	}
	stored, err := readObject(ctx, v.bucket, name)
	if err != nil {
		return false, err
	}
	if !bytes.Equal(stored, data) {
		return false, v.differs(name, created)
	}
	return created, nil
}

func (v *Vault) differs(name string, created bool) error {
	if created {
		return fault.E(fault.Conflict, "store %s: %s gives other bytes back than it got", name, v.Describe())
	}
	return fault.E(fault.Conflict, "store %s: %s has an object of this name with other bytes; it is never overwritten", name, v.Describe())
}

// retainUntil returns until when something is locked whose newest record has a time: it is not trusted if it is in the future.
func (v *Vault) retainUntil(newest time.Time) time.Time {
	now := v.opts.Now()
	if newest.After(now) {
		newest = now
	}
	if until := newest.Add(v.opts.Retention); until.After(now) {
		return until
	}
	return time.Time{}
}

// fetch returns a folder that has only the segment, after comparing it with its manifest. What is wrong with it is a *journal.DamageError, or an
// *ExpiredError.
func (v *Vault) fetch(ctx context.Context, e *entry) (dir string, release func(), err error) {
	if e.bytes == 0 && e.expired {
		return "", nil, v.expiredError(ctx, e)
	}
	m, err := v.manifest(ctx, e)
	if err != nil {
		return "", nil, err
	}
	return v.cache.get(ctx, e.name, m.Bytes, func(path string) error { return v.download(ctx, e, m, path) })
}

func (v *Vault) download(ctx context.Context, e *entry, m Manifest, path string) error {
	r, err := v.bucket.Open(ctx, e.object())
	if fault.Is(err, fault.NotFound) {
		return v.damaged(e, e.object(), "the segment is missing in the bucket")
	}
	if err != nil {
		return err
	}
	defer r.Close()
	sum, err := writeFile(ctx, path, 0o600, io.LimitReader(r, m.Bytes+1))
	if err != nil {
		return unavailable("fetch "+e.name, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return unavailable("fetch "+e.name, err)
	}
	switch {
	case info.Size() < m.Bytes:
		return v.damaged(e, e.object(), "the segment is cut off")
	case hex.EncodeToString(sum) != m.SHA256:
		return v.damaged(e, e.object(), "the segment was changed: its SHA-256 is not that in the manifest")
	}
	return nil
}

// readBack downloads a segment and verifies it: its SHA-256, and every block.
func (v *Vault) readBack(ctx context.Context, e *entry, want journal.Segment) error {
	dir, err := os.MkdirTemp(v.cache.dir, "check-")
	if err != nil {
		return fault.E(fault.Unavailable, "fetch %s: %w", e.name, err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, e.name)
	if err := v.download(ctx, e, manifestOf(want), path); err != nil {
		return err
	}
	got, err := journal.CheckSegment(ctx, dir, e.name)
	if err == nil && got != want {
		err = fault.E(fault.Conflict, "%s: what was read back is not what was stored", e.object())
	}
	return err
}
