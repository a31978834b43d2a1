package backup

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"interdict/lists/fault"
)

// partialSuffix is that of a file that is not complete.
const partialSuffix = ".partial"

// Create makes a file of what write writes, which must be a backup: it is verified while it is written. The file has its name
// only when it is complete and on disk; an existing one is not replaced.
func Create(ctx context.Context, path string, s Secrets, write func(io.Writer) error) (sum Summary, err error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = fs.ErrExist
		}
		return sum, fault.E(fault.Conflict, "write the backup %s: %w", path, err)
	}
	if s.Encrypts() {
		if _, err := s.recipients(); err != nil {
			return sum, err
		}
	}
	partial := path + partialSuffix
	f, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return sum, fault.E(fault.Unavailable, "write the backup: %w", err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return sum, fault.E(fault.Conflict, "another backup is being written to %s", partial)
	}
	if err := errors.Join(f.Truncate(0), f.Chmod(0o600)); err != nil { // what a backup that was killed has left
		return sum, fault.E(fault.Unavailable, "write the backup: %w", err)
	}
	if sum, err = fill(ctx, f, s, write); err != nil {
		_ = os.Remove(partial)
		return sum, err
	}
	// A link, because a rename would replace a file that was made meanwhile.
	if err = os.Link(partial, path); err == nil {
		err = os.Remove(partial)
	} else if !errors.Is(err, fs.ErrExist) {
		err = os.Rename(partial, path) // the file system has no links
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return sum, fault.E(fault.Unavailable, "write the backup: %w", err)
	}
	return sum, nil
}

// fill writes and verifies a backup.
func fill(ctx context.Context, f *os.File, s Secrets, write func(io.Writer) error) (Summary, error) {
	sealed, err := s.seal(f)
	if err != nil {
		return Summary{}, fault.E(kindOf(err), "write the backup: %w", err)
	}
	type result struct {
		sum Summary
		err error
	}
	verified := make(chan result, 1)
	pr, pw := io.Pipe()
	go func() {
		_, sum, err := Verify(ctx, pr)
		_ = pr.CloseWithError(err)
		verified <- result{sum, err}
	}()
	err = write(io.MultiWriter(sealed, pw))
	_ = pw.CloseWithError(err)
	read := <-verified
	if err == nil {
		err = read.err
	}
	if err == nil {
		err = errors.Join(sealed.Close(), f.Sync())
	}
	if err != nil {
		return Summary{}, fault.E(kindOf(err), "the backup was not written: %w", err)
	}
	return read.sum, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// File is a backup in a file.
type File struct {
	Path    string
	Secrets Secrets
}

func (f File) read(do func(io.Reader) error) error {
	in, err := os.Open(f.Path)
	if err != nil {
		return fault.E(fault.NotFound, "the backup: %w", err)
	}
	defer in.Close()
	plain, err := f.Secrets.unseal(in)
	if err == nil {
		err = do(plain)
	}
	if err != nil {
		return fault.E(kindOf(err), "%s: %w", f.Path, err)
	}
	return nil
}

// Verify is Verify of the file.
func (f File) Verify(ctx context.Context) (m Manifest, s Summary, err error) {
	err = f.read(func(in io.Reader) (err error) {
		m, s, err = Verify(ctx, in)
		return err
	})
	return m, s, err
}

// Restore is Restore of the file, which m is the manifest of.
func (f File) Restore(ctx context.Context, m Manifest, to Target) error {
	return f.read(func(in io.Reader) error { return Restore(ctx, in, m, to) })
}
