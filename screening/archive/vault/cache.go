package vault

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"interdict/lists/fault"
)

// cache keeps segments that were fetched, each in a folder of its own, which the journal's readers read. It belongs to one Vault: its folder is locked, and
// those of processes that were killed are removed.
type cache struct {
	dir   string
	limit int64
	lock  *os.File

	mu    sync.Mutex
	bytes int64
	clock int64
	items map[string]*cached
}

type cached struct {
	ready chan struct{} // closed when err and bytes are known
	err   error
	bytes int64
	users int
	used  int64
}

func openCache(parent string, limit int64) (*cache, error) {
	if parent == "" {
		parent = filepath.Join(os.TempDir(), "interdict-archive")
	}
	fail := func(err error) (*cache, error) {
		return nil, fault.E(fault.Unavailable, "open cache of the archive: %w", err)
	}
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return fail(err)
	}
	entries, err := os.ReadDir(parent)
	if err != nil {
		return fail(err)
	}
	for _, e := range entries {
		path := filepath.Join(parent, e.Name())
		if f, err := os.Open(path); err == nil {
			if e.IsDir() && unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
				_ = os.RemoveAll(path) // it only takes space
			}
			f.Close()
		}
	}
	for {
		dir, err := os.MkdirTemp(parent, "cache-")
		if err != nil {
			return fail(err)
		}
		lock, err := os.Open(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process removed it before it was locked
		}
		if err != nil {
			return fail(err)
		}
		if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			lock.Close()
			continue
		}
		if _, err := os.Stat(dir); err != nil {
			lock.Close()
			continue
		}
		return &cache{dir: dir, limit: limit, lock: lock, items: map[string]*cached{}}, nil
	}
}

func (c *cache) close() error { return errors.Join(os.RemoveAll(c.dir), c.lock.Close()) }

// get returns the folder with a segment, which fetch writes to a path if it is not there yet. The caller calls release when it has read it.
func (c *cache) get(ctx context.Context, name string, size int64, fetch func(path string) error) (dir string, release func(), err error) {
	dir = filepath.Join(c.dir, name)
	for {
		c.mu.Lock()
		item := c.items[name]
		if item == nil {
			break
		}
		item.users++
		c.mu.Unlock()
		release := func() { c.release(item) }
		select {
		case <-item.ready:
		case <-ctx.Done():
			release()
			return "", nil, fault.E(fault.Unavailable, "fetch %s: %w", name, ctx.Err())
		}
		if item.err == nil {
			return dir, release, nil
		}
		release() // the other reader's attempt failed, perhaps because its caller gave up
	}
	item := &cached{ready: make(chan struct{}), users: 1, bytes: size}
	c.items[name] = item
	c.bytes += size
	c.makeRoom()
	c.mu.Unlock()

	err = os.MkdirAll(dir, 0o700)
	if err == nil {
		err = fetch(filepath.Join(dir, name))
	}
	if err != nil {
		err = unavailable("fetch "+name, err)
		c.mu.Lock()
		_ = os.RemoveAll(dir)
		delete(c.items, name)
		c.bytes -= size
		c.mu.Unlock()
	}
	item.err = err
	close(item.ready)
	if err != nil {
		return "", nil, err
	}
	return dir, func() { c.release(item) }, nil
}

func (c *cache) release(item *cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock++
	item.users--
	item.used = c.clock
	c.makeRoom()
}

// makeRoom removes the segments that were not used for longest, but none that is being read. The caller holds mu.
func (c *cache) makeRoom() {
	for c.bytes > c.limit {
		oldest := ""
		for name, item := range c.items {
			if item.users == 0 && (oldest == "" || item.used < c.items[oldest].used) {
				oldest = name
			}
		}
		if oldest == "" {
			return
		}
		c.remove(oldest, c.items[oldest])
	}
}

func (c *cache) remove(name string, item *cached) {
	_ = os.RemoveAll(filepath.Join(c.dir, name)) // what stays is removed by close
	delete(c.items, name)
	c.bytes -= item.bytes
}
