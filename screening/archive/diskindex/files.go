package diskindex

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// guard is a file system on which writes to the log, and syncs of folders, report an error instead of returning it: the store would end the
// process. After the report no change counts and nothing is read, so what the store does with its memory then has no effect.
type guard struct {
	vfs.FS
	report func(error)
}

// errLocked is part of every error of locking the folder.
var errLocked = errors.New("the folder cannot be locked")

func (g guard) Lock(name string) (io.Closer, error) {
	c, err := g.FS.Lock(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errLocked, err)
	}
	return c, nil
}

func isLog(name string) bool { return strings.HasSuffix(name, ".log") }

func (g guard) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := g.FS.Create(name, category)
	return g.log(name, f, err)
}

func (g guard) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := g.FS.ReuseForWrite(oldname, newname, category)
	return g.log(newname, f, err)
}

func (g guard) log(name string, f vfs.File, err error) (vfs.File, error) {
	if !isLog(name) {
		return f, err
	}
	if err != nil {
		g.report(err)
		if f, err = vfs.NewMem().Create("log", vfs.WriteCategoryUnspecified); err != nil {
			return nil, err
		}
	}
	return guardedFile{f, g.report}, nil
}

func (g guard) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return guardedFile{f, g.report}, nil
}

// guardedFile reports errors instead of returning them.
type guardedFile struct {
	vfs.File
	report func(error)
}

func (f guardedFile) check(err error) {
	if err != nil {
		f.report(err)
	}
}

func (f guardedFile) Write(b []byte) (int, error) {
	_, err := f.File.Write(b)
	f.check(err)
	return len(b), nil
}

func (f guardedFile) WriteAt(b []byte, offset int64) (int, error) {
	_, err := f.File.WriteAt(b, offset)
	f.check(err)
	return len(b), nil
}

func (f guardedFile) Preallocate(offset, length int64) error {
	f.check(f.File.Preallocate(offset, length))
	return nil
}

func (f guardedFile) Sync() error {
	f.check(f.File.Sync())
	return nil
}

func (f guardedFile) SyncTo(length int64) (bool, error) {
	full, err := f.File.SyncTo(length)
	f.check(err)
	return full || err != nil, nil
}

func (f guardedFile) SyncData() error {
	f.check(f.File.SyncData())
	return nil
}

func (f guardedFile) Close() error {
	f.check(f.File.Close())
	return nil
}
