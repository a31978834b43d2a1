package loader

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader/formats"
)

// Upload is one file as it comes in.
type Upload struct {
	Name string // as the uploader calls it; only its last element is kept
	Body io.Reader
}

// spooled is an upload on local disk, whole and hashed.
type spooled struct {
	name      string
	sha256    string
	sizeBytes int64
	f         *os.File // unlinked: gone when closed
}

// spool copies an upload to a temporary file. A stream that breaks off is an error, never a shorter file.
func (l *Loader) spool(ctx context.Context, u Upload) (*spooled, error) {
	f, err := newRun(l.spoolDir)
	if err != nil {
		return nil, err
	}
	s := &spooled{name: filepath.Base(u.Name), f: f}
	sum := sha256.New()
	body := &faithful{ctx: ctx, r: io.LimitReader(u.Body, MaxUploadBytes+1)}
	if s.sizeBytes, err = io.Copy(io.MultiWriter(f, sum), body); err != nil {
		f.Close()
		if body.err != nil {
			return nil, body.err
		}
		return nil, diskError(err)
	}
	if s.sizeBytes > MaxUploadBytes {
		f.Close()
		return nil, fault.E(fault.TooLarge, "%s: larger than %d GiB", s.name, MaxUploadBytes>>30)
	}
	s.sha256 = hex.EncodeToString(sum.Sum(nil))
	return s, nil
}

// CanSpool returns why no upload can be received now: the folder for temporary files is missing or not writable. nil: one can.
func (l *Loader) CanSpool() error {
	f, err := newRun(l.spoolDir)
	if err != nil {
		return err
	}
	return f.Close()
}

// faithful remembers why reading ended, to tell a broken upload from a full disk.
type faithful struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (f *faithful) Read(p []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		f.err = fault.E(fault.Unavailable, "the upload was given up: %w", err)
		return 0, f.err
	}
	n, err := f.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		kind := fault.KindOf(err)
		if kind == fault.Internal {
			kind = fault.Invalid
		}
		f.err = fault.E(kind, "the upload broke off before its end: %w", err)
		err = f.err
	}
	return n, err
}

func (s *spooled) reader() io.Reader { return io.NewSectionReader(s.f, 0, s.sizeBytes) }

func (s *spooled) file() formats.File {
	return formats.File{Name: s.name, Open: func() (io.ReadCloser, error) { return io.NopCloser(s.reader()), nil }}
}

// keep stores the uploaded bytes, compressed, so that every version can be rebuilt and every answer explained.
func (s *spooled) keep(ctx context.Context, store lists.Store, name string) error {
	pr, pw := io.Pipe()
	go func() {
		z, err := zstd.NewWriter(pw, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
		if err == nil {
			if _, err = io.Copy(z, s.reader()); err == nil {
				err = z.Close()
			}
		}
		pw.CloseWithError(err)
	}()
	err := store.PutBlob(ctx, name, pr)
	pr.CloseWithError(errors.New("the store has ended")) // ends the goroutine when PutBlob gave up early
	return err
}

// Source opens the bytes of an upload as they came in.
func (l *Loader) Source(ctx context.Context, blob string) (io.ReadCloser, error) {
	b, err := l.store.OpenBlob(ctx, blob)
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		b.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{z, closers{func() error { z.Close(); return nil }, b.Close}}, nil
}

type closers []func() error

func (c closers) Close() (err error) {
	for _, f := range c {
		err = errors.Join(err, f())
	}
	return err
}
