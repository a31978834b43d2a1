package vault

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"interdict/lists/fault"
)

// incoming is the folder of objects that are not complete.
const incoming = ".incoming"

// abandoned is the age at which an incomplete object is removed: the process that wrote it was killed.
const abandoned = 24 * time.Hour

// folder is a bucket in a folder, which can be on a disk that others use too (NFS). An object is written to a temporary file, synced, and linked to its
// name: link fails if the name exists, also when two machines do it at once.
type folder struct {
	root      string
	dir, file fs.FileMode // permissions
}

func openFolder(root string, shared bool) (*folder, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fault.E(fault.Unavailable, "open bucket: %w", err)
	}
	b := &folder{root, 0o700, 0o600}
	if shared {
		b.dir, b.file = 0o755, 0o644
	}
	entries, err := os.ReadDir(filepath.Join(root, incoming))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.E(fault.Unavailable, "open bucket: %w", err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > abandoned {
			_ = os.Remove(filepath.Join(root, incoming, e.Name())) // it only takes space
		}
	}
	return b, nil
}

func (b *folder) Describe() string { return b.root }
func (b *folder) Close() error     { return nil }

// path returns the path of an object. The caller has checked that name comes from this package.
func (b *folder) path(name string) string { return filepath.Join(b.root, filepath.FromSlash(name)) }

// fail maps an error. If the folder itself is gone, nothing is known of the object.
func (b *folder) fail(verb, name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		if _, rootErr := os.Stat(b.root); rootErr != nil {
			return fault.E(fault.Unavailable, "%s %s: %w", verb, name, rootErr)
		}
		return fault.E(fault.NotFound, "%s: %s is not in %s", verb, name, b.root)
	}
	return fault.E(fault.Unavailable, "%s %s: %w", verb, name, err)
}

func (b *folder) Create(ctx context.Context, name string, body io.ReaderAt, size int64, sum [sha256.Size]byte, _ time.Time) (bool, error) {
	path := b.path(name)
	if _, err := os.Lstat(path); err == nil {
		return false, b.synced(name, path)
	}
	if _, err := os.Stat(b.root); err != nil {
		return false, fault.E(fault.Unavailable, "store %s: %w", name, err)
	}
	temporary := filepath.Join(b.root, incoming, rand.Text())
	for _, dir := range []string{filepath.Dir(temporary), filepath.Dir(path)} {
		if err := b.mkdir(dir); err != nil {
			return false, fault.E(fault.Unavailable, "store %s: %w", name, err)
		}
	}
	defer os.Remove(temporary)
	got, err := writeFile(ctx, temporary, b.file, io.NewSectionReader(body, 0, size))
	if err != nil {
		return false, fault.E(fault.Unavailable, "store %s: %w", name, err)
	}
	if !bytes.Equal(got, sum[:]) {
		return false, fault.E(fault.Conflict, "store %s: it was changed while it was read", name)
	}
	err = os.Link(temporary, path)
	if errors.Is(err, fs.ErrExist) {
		return false, b.synced(name, path)
	}
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		return false, fault.E(fault.Unavailable, "store %s: %w: the file system of the archive must have hard links", name, err)
	}
	if err != nil {
		return false, fault.E(fault.Unavailable, "store %s: %w", name, err)
	}
	return true, b.synced(name, path)
}

func (b *folder) Replace(ctx context.Context, name string, body []byte) error {
	path := b.path(name)
	if _, err := os.Stat(b.root); err != nil {
		return fault.E(fault.Unavailable, "replace %s: %w", name, err)
	}
	temporary := filepath.Join(b.root, incoming, rand.Text())
	for _, dir := range []string{filepath.Dir(temporary), filepath.Dir(path)} {
		if err := b.mkdir(dir); err != nil {
			return fault.E(fault.Unavailable, "replace %s: %w", name, err)
		}
	}
	defer os.Remove(temporary)
	if _, err := writeFile(ctx, temporary, b.file, bytes.NewReader(body)); err != nil {
		return fault.E(fault.Unavailable, "replace %s: %w", name, err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fault.E(fault.Unavailable, "replace %s: %w", name, err)
	}
	return b.synced(name, path)
}

// synced writes the entry of an object to disk; another process may have made it and been killed before it did.
func (b *folder) synced(name, path string) error {
	if err := syncDir(filepath.Dir(path)); err != nil {
		return fault.E(fault.Unavailable, "store %s: %w", name, err)
	}
	return nil
}

// mkdir creates a folder below the root, and those above it.
func (b *folder) mkdir(dir string) error {
	if dir == b.root {
		return nil
	}
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := b.mkdir(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, b.dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func (b *folder) Open(_ context.Context, name string) (io.ReadCloser, error) {
	f, err := os.Open(b.path(name))
	if err != nil {
		return nil, b.fail("read", name, err)
	}
	return f, nil
}

func (b *folder) Stat(_ context.Context, name string) (Object, error) {
	info, err := os.Stat(b.path(name))
	if err != nil {
		return Object{}, b.fail("read", name, err)
	}
	return Object{Name: name, Bytes: info.Size()}, nil
}

func (b *folder) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		if _, err := os.Stat(b.root); err != nil {
			yield(Object{}, fault.E(fault.Unavailable, "list %s: %w", prefix, err))
			return
		}
		top := b.root
		if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
			top = b.path(prefix[:i])
		}
		err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // removed meanwhile, or nothing has the prefix
			}
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(b.root, path)
			if err != nil {
				return err
			}
			name := filepath.ToSlash(rel)
			if d.IsDir() {
				inside := strings.HasPrefix(name+"/", prefix) || strings.HasPrefix(prefix, name+"/")
				if name == incoming || name != "." && !inside {
					return fs.SkipDir
				}
				return nil
			}
			if !strings.HasPrefix(name, prefix) {
				return nil
			}
			info, err := d.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			if !yield(Object{Name: name, Bytes: info.Size()}, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield(Object{}, fault.E(fault.Unavailable, "list %s: %w", prefix, err))
		}
	}
}

func (b *folder) Remove(_ context.Context, name string) error {
	path := b.path(name)
	if err := os.Remove(path); err != nil {
		if err = b.fail("delete", name, err); fault.Is(err, fault.NotFound) {
			return nil
		}
		return err
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return fault.E(fault.Unavailable, "delete %s: %w", name, err)
	}
	return nil
}

// writeFile writes a new file, syncs it and returns the SHA-256 of what was read.
func writeFile(ctx context.Context, path string, mode fs.FileMode, r io.Reader) (sum []byte, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, h), contextReader{ctx, r})
	if err == nil {
		err = f.Sync()
	}
	return h.Sum(nil), errors.Join(err, f.Close())
}

// contextReader ends with the context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}

// syncDir writes the entries of a folder to disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
