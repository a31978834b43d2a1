package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"interdict/lists"
	"interdict/lists/diskstore"
	"interdict/lists/fault"
	"interdict/screening/replica"
)

// servedFile is the name of the file of the generation served, in the cache folder.
const servedFile = "served"

// cacheFolder is the folder of a server's cache: an embedded store, and the file of the generation served. What cannot be used is moved to a
// folder beside it and never deleted.
type cacheFolder struct {
	dir    string
	log    *slog.Logger
	store  *diskstore.Store
	served *replica.ServedFile
}

func openCache(dir string, log *slog.Logger) (*cacheFolder, error) {
	f := &cacheFolder{dir: dir, log: log}
	err := f.open()
	if err == nil || fault.Is(err, fault.Conflict) { // in use by another server
		return f, err
	}
	if _, serr := os.Stat(dir); serr != nil {
		return nil, err // it cannot be made or reached
	}
	aside, merr := f.move("damaged")
	if merr != nil {
		return nil, merr
	}
	log.Error("the cache cannot be used and is set aside", "folder", dir, "now", aside, "because", err)
	// The note goes on: a new cache does not undo what was answered from.
	if err := copyFile(filepath.Join(aside, servedFile), filepath.Join(dir, servedFile)); err != nil {
		return nil, err
	}
	return f, f.open()
}

func (f *cacheFolder) open() (err error) {
	if f.store, err = diskstore.Open(f.dir); err != nil {
		return err
	}
	if f.served, err = replica.OpenServed(filepath.Join(f.dir, servedFile)); err != nil {
		f.store.Close()
	}
	return err
}

// move renames the folder.
func (f *cacheFolder) move(why string) (aside string, err error) {
	aside = f.dir + "-" + why + "-" + strconv.FormatInt(time.Now().UnixNano(), 10)
	if err := os.Rename(f.dir, aside); err != nil {
		return "", fault.E(fault.Unavailable, "set the cache folder aside: %w", err)
	}
	return aside, nil
}

// setAside moves away a cache that belongs to another store, and opens a new one.
func (f *cacheFolder) setAside() (lists.Store, *replica.ServedFile, error) {
	f.close()
	aside, err := f.move("of-another-store")
	if err != nil {
		return nil, nil, err
	}
	f.log.Error("the cache folder was moved", "folder", f.dir, "now", aside)
	if err := f.open(); err != nil {
		return nil, nil, err
	}
	return f.store, f.served, nil
}

func (f *cacheFolder) close() {
	if err := f.store.Close(); err != nil {
		f.log.Error("close the cache", "error", err)
	}
	_ = f.served.Close() // every write of it was flushed
}

// copyFile copies a small file if it is there.
func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if os.IsNotExist(err) {
		return nil
	}
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o700)
	}
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		return fault.E(fault.Unavailable, "keep the note of what was served: %w", err)
	}
	return nil
}
