package record

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"interdict/lists/fault"
	"interdict/screening/journal"
)

// SnapshotFile is a file of the folder, by its path with slashes. Body is valid until the next one is asked for.
type SnapshotFile struct {
	Path string
	Body io.Reader
}

// Snapshot yields the files of the folder, which can be in use: keys, then checkpoints, then the tiles under them, then segments. So every
// checkpoint covers only records that come after it, as if the server had crashed.
func (f Folder) Snapshot(ctx context.Context) iter.Seq2[SnapshotFile, error] {
	return func(yield func(SnapshotFile, error) bool) {
		paths, err := f.proofFiles()
		if err != nil {
			yield(SnapshotFile{}, err)
			return
		}
		for _, path := range paths {
			file, err := os.Open(filepath.Join(f.Dir, filepath.FromSlash(path)))
			if errors.Is(err, fs.ErrNotExist) {
				continue // a tile that a larger one has replaced
			}
			if err != nil {
				yield(SnapshotFile{}, fault.E(fault.Unavailable, "read record: %w", err))
				return
			}
			more := yield(SnapshotFile{path, file}, nil)
			file.Close()
			if !more {
				return
			}
		}
		for s, err := range journal.Snapshot(ctx, f.Dir) {
			if !yield(SnapshotFile{s.Name, s.Body}, err) || err != nil {
				return
			}
		}
	}
}

// proofFiles returns the paths of the keys and the logs, tiles last.
func (f Folder) proofFiles() ([]string, error) {
	var first, tiles []string
	for _, top := range []string{keysFolder, proofFolder} {
		err := filepath.WalkDir(filepath.Join(f.Dir, top), func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil || !d.Type().IsRegular() || d.Name() == "lock" || strings.HasSuffix(d.Name(), ".tmp") {
				return err
			}
			rel, err := filepath.Rel(f.Dir, path)
			if err != nil {
				return err
			}
			rel = filepath.ToSlash(rel)
			if strings.Contains(rel, "/tile/") {
				tiles = append(tiles, rel)
			} else {
				first = append(first, rel)
			}
			return nil
		})
		if err != nil {
			return nil, fault.E(fault.Unavailable, "read record: %w", err)
		}
	}
	return append(first, tiles...), nil
}

// restoringFolder is where a restore puts files before all of them are there.
const restoringFolder = ".restoring"

// Restore puts the files of a Snapshot into a folder. None of them is visible there until Commit.
type Restore struct {
	dir     string
	resumed bool
	paths   []string
}

// BeginRestore begins to restore a record into a folder, which must not have one. A restore that was interrupted can be begun again.
func BeginRestore(dir string) (*Restore, error) {
	r := &Restore{dir: dir}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.E(fault.Unavailable, "restore record: %w", err)
	}
	other := ""
	for _, e := range entries {
		switch e.Name() {
		case restoringFolder:
			r.resumed = true
		case "lost+found":
		default:
			other = e.Name()
		}
	}
	if other != "" && !r.resumed {
		return nil, fault.E(fault.Conflict, "the folder of the record %s is not empty: it has %s; name another one with --journal or --data, or move it away", dir, other)
	}
	if err := os.RemoveAll(r.staged("")); err != nil {
		return nil, fault.E(fault.Unavailable, "restore record: %w", err)
	}
	if err := os.MkdirAll(r.staged(""), 0o700); err != nil {
		return nil, fault.E(fault.Unavailable, "restore record: %w", err)
	}
	return r, nil
}

func (r *Restore) staged(path string) string {
	return filepath.Join(r.dir, restoringFolder, filepath.FromSlash(path))
}

// Put writes a file.
func (r *Restore) Put(path string, body io.Reader) error {
	if !filepath.IsLocal(filepath.FromSlash(path)) {
		return fault.E(fault.Invalid, "restore record: %q is not a path in the folder", path)
	}
	err := os.MkdirAll(filepath.Dir(r.staged(path)), 0o700)
	if err == nil {
		err = r.write(path, body)
	}
	if err != nil && fault.KindOf(err) == fault.Internal {
		err = fault.E(fault.Unavailable, "restore record: %w", err)
	}
	r.paths = append(r.paths, path)
	return err
}

func (r *Restore) write(path string, body io.Reader) error {
	f, err := os.OpenFile(r.staged(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Commit moves the files to their places.
func (r *Restore) Commit() error {
	if err := r.commit(); err != nil {
		return fault.E(fault.Unavailable, "restore record: %w", err)
	}
	return nil
}

func (r *Restore) commit() error {
	dirs := map[string]bool{r.dir: true}
	for _, path := range r.paths {
		to := filepath.Join(r.dir, filepath.FromSlash(path))
		for dir := filepath.Dir(to); dir != r.dir; dir = filepath.Dir(dir) {
			dirs[dir] = true
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		if err := os.Rename(r.staged(path), to); err != nil {
			return err
		}
	}
	for _, dir := range sortedKeys(dirs) {
		d, err := os.Open(dir)
		if err != nil {
			return err
		}
		if err := errors.Join(d.Sync(), d.Close()); err != nil {
			return err
		}
	}
	return nil
}

// End removes what was put and not committed, and the mark of the restore. Call it after what belongs to the record is restored, too.
func (r *Restore) End() error {
	if err := os.RemoveAll(r.staged("")); err != nil {
		return fault.E(fault.Unavailable, "restore record: %w", err)
	}
	return nil
}
