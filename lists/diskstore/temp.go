package diskstore

import (
	"os"
	"path/filepath"
	"time"

	"interdict/lists/fault"
)

const (
	tempPrefix = "interdict-store-"
	// tempAge is the age from which a temporary store that no process has open is deleted: its process has ended without Close. A
	// younger one may be about to be opened.
	tempAge = time.Minute
)

// Temp is a temporary store. Close deletes it.
type Temp struct{ *Store }

// OpenTemp creates an empty store in a new folder within dir; "" for the system's folder of temporary files. It first deletes temporary
// stores whose process ended before it closed them.
func OpenTemp(dir string) (*Temp, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	sweepTemp(dir)
	path, err := os.MkdirTemp(dir, tempPrefix+"*")
	if err != nil {
		return nil, fault.TempFile(dir, err)
	}
	s, err := Open(path)
	if err != nil {
		_ = os.RemoveAll(path)
		return nil, err
	}
	return &Temp{s}, nil
}

// Close closes the store and deletes its folder.
func (t *Temp) Close() error {
	err := t.Store.Close()
	if rerr := os.RemoveAll(t.dir); err == nil && rerr != nil {
		err = fault.TempFile(t.dir, rerr)
	}
	return err
}

// sweepTemp deletes the temporary stores in a folder that no process has open. What cannot be deleted, such as that of another user, stays.
func sweepTemp(dir string) {
	left, err := filepath.Glob(filepath.Join(dir, tempPrefix+"*"))
	if err != nil {
		return
	}
	for _, path := range left {
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() || time.Since(info.ModTime()) < tempAge || isOpen(filepath.Join(path, fileDB)) {
			continue
		}
		_ = os.RemoveAll(path)
	}
}
