package proof

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	fileCheckpoint = "checkpoint"
	fileSynced     = "synced"
	fileCosigned   = "cosigned"
	fileState      = "log.json"
	fileLock       = "lock"
	temporary      = ".tmp" // suffix of a file that is not complete
)

// writeFile replaces a file by rename, in a folder at or below root. With durable the file and its name are on disk afterwards. A root that is gone
// stays so: a log that began again in a new folder would hide that the old one is lost.
func writeFile(root, path string, data []byte, durable bool) error {
	err := writeTemporary(path+temporary, data, durable)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeFolder(filepath.Clean(root), filepath.Dir(path)); err != nil {
			return err
		}
		err = writeTemporary(path+temporary, data, durable)
	}
	if err != nil {
		return err
	}
	if err := os.Rename(path+temporary, path); err != nil {
		return err
	}
	if !durable {
		return nil
	}
	return syncPath(filepath.Dir(path))
}

// makeFolder creates dir and what is missing between it and root, which has to be there.
func makeFolder(root, dir string) error {
	if dir == root {
		_, err := os.Stat(root)
		return err
	}
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeFolder(root, filepath.Dir(dir)); err == nil {
			err = os.Mkdir(dir, 0o700)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

func writeTemporary(path string, data []byte, durable bool) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil && durable {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// syncPath writes a file, or the entries of a directory, to disk. A file that was removed since is no error.
func syncPath(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// syncFiles writes files below dir, their directories and those above them to disk. Several at a time, because
// file systems with a journal commit them together.
func syncFiles(dir string, files []string) error {
	if len(files) > 16 {
		if done, err := syncSystem(dir); done || err != nil {
			return err
		}
	}
	if err := syncAll(files); err != nil {
		return err
	}
	seen := map[string]bool{}
	var dirs []string
	for _, path := range files {
		for path != dir && len(path) > len(dir) {
			path = filepath.Dir(path)
			if seen[path] {
				break
			}
			seen[path] = true
			dirs = append(dirs, path)
		}
	}
	return syncAll(dirs)
}

func syncAll(paths []string) error {
	var wait sync.WaitGroup
	var mu sync.Mutex
	var errs error
	next := make(chan string)
	for range min(8, len(paths)) {
		wait.Go(func() {
			for path := range next {
				if err := syncPath(path); err != nil {
					mu.Lock()
					errs = errors.Join(errs, err)
					mu.Unlock()
				}
			}
		})
	}
	for _, path := range paths {
		next <- path
	}
	close(next)
	wait.Wait()
	return errs
}

// readTile reads a tile of a log in dir. The hashes of a partial tile may also stand in a wider one.
func readTile(dir string, t tlog.Tile) ([]byte, error) {
	want := t.W * tlog.HashSize
	data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(tilePath(t))))
	if err == nil && len(data) == want || t.W == tileWidth {
		return data, err
	}
	full := tlog.Tile{H: t.H, L: t.L, N: t.N, W: tileWidth}
	path := filepath.Join(dir, filepath.FromSlash(tilePath(full)))
	if data, err := os.ReadFile(path); err == nil && len(data) >= want {
		return data[:want], nil
	}
	entries, dirErr := os.ReadDir(path + ".p")
	if dirErr != nil {
		return nil, errors.Join(err, dirErr)
	}
	for _, entry := range entries {
		if w, nameErr := strconv.Atoi(entry.Name()); nameErr == nil && w > t.W && w < tileWidth {
			if data, err := os.ReadFile(filepath.Join(path+".p", entry.Name())); err == nil && len(data) >= want {
				return data[:want], nil
			}
		}
	}
	if err == nil {
		err = errors.New(tilePath(t) + " is cut off")
	}
	return nil, err
}
