package diskstore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"strings"

	"interdict/lists"
	"interdict/lists/fault"
)

// The file of a blob holds its bytes, then a trailer: SHA-256 of the bytes(32), their number(8), blobMagic(8).
const (
	blobMagic   = "IDBLOB\x00\x01"
	trailerSize = sha256.Size + 8 + len(blobMagic)
)

// prepareBlobs creates the directory of blobs, and removes the temporary files that a crash left.
func (s *Store) prepareBlobs() error {
	if err := os.MkdirAll(s.path(dirBlobs), 0o700); err != nil {
		return s.failed(err)
	}
	entries, err := os.ReadDir(s.path(dirBlobs))
	if err != nil {
		return s.failed(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), blobTempMark) {
			if err := os.Remove(s.path(dirBlobs, e.Name())); err != nil {
				return s.failed(err)
			}
		}
	}
	return s.failed(syncDir(s.dir))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// changeBlobs returns an error if blobs cannot be changed: the name is invalid, or the store is read-only or closed.
func (s *Store) changeBlobs(ctx context.Context, name string) error {
	if err := lists.CheckBlobName(name); err != nil {
		return err
	}
	if s.readOnly {
		return fault.E(fault.Conflict, "the %s is open for reading only", s.Describe())
	}
	return s.readBlobs(ctx)
}

func (s *Store) readBlobs(ctx context.Context) error {
	if s.closed.Load() {
		return s.failed(fs.ErrClosed)
	}
	return s.failed(ctx.Err())
}

// source reads from the reader given to PutBlob and records its error, to distinguish it from errors of the disk.
type source struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (r *source) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		r.err = err
		return 0, err
	}
	n, err := r.r.Read(b)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// PutBlob stores the bytes of r under a name. An error of r keeps its kind.
func (s *Store) PutBlob(ctx context.Context, name string, r io.Reader) (err error) {
	if err := s.changeBlobs(ctx, name); err != nil {
		return err
	}
	f, err := os.CreateTemp(s.path(dirBlobs), blobTemp)
	if err != nil {
		return s.failed(err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	from := &source{ctx: ctx, r: r}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), from)
	if from.err != nil && ctx.Err() == nil {
		return fmt.Errorf("read the source of blob %s: %w", name, from.err)
	}
	if err != nil {
		return s.failed(err)
	}
	trailer := binary.BigEndian.AppendUint64(sum.Sum(nil), uint64(n))
	if _, err := f.Write(append(trailer, blobMagic...)); err != nil {
		return s.failed(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return s.failed(err)
	}
	if err := os.Rename(f.Name(), s.path(dirBlobs, name)); err != nil {
		return s.failed(err)
	}
	return s.failed(syncDir(s.path(dirBlobs)))
}

// OpenBlob opens a blob and verifies its size. The reader verifies the bytes when it reaches the end.
func (s *Store) OpenBlob(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := lists.CheckBlobName(name); err != nil {
		return nil, err
	}
	if err := s.readBlobs(ctx); err != nil {
		return nil, err
	}
	f, err := os.Open(s.path(dirBlobs, name))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(s.path(dirBlobs)); err != nil {
			return nil, s.failed(err) // the directory is missing: the blob may have existed
		}
		return nil, fault.E(fault.NotFound, "no such blob: %s", name)
	}
	if err != nil {
		return nil, s.failed(err)
	}
	b := &blobReader{s: s, ctx: ctx, name: name, f: f, sum: sha256.New()}
	if err := b.readTrailer(); err != nil {
		_ = f.Close()
		return nil, s.failed(err)
	}
	return b, nil
}

type blobReader struct {
	s    *Store
	ctx  context.Context
	name string
	f    *os.File
	left int64
	want []byte
	sum  hash.Hash
}

func (b *blobReader) readTrailer() error {
	info, err := b.f.Stat()
	if err != nil {
		return err
	}
	size := info.Size() - int64(trailerSize)
	if size < 0 {
		return b.damaged()
	}
	trailer := make([]byte, trailerSize)
	if _, err := b.f.ReadAt(trailer, size); err != nil {
		return err
	}
	if string(trailer[sha256.Size+8:]) != blobMagic || binary.BigEndian.Uint64(trailer[sha256.Size:]) != uint64(size) {
		return b.damaged()
	}
	b.left, b.want = size, trailer[:sha256.Size]
	return nil
}

func (b *blobReader) damaged() error {
	return fmt.Errorf("blob %s is damaged: its size or checksum is wrong", b.name)
}

func (b *blobReader) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, b.s.failed(err)
	}
	if b.left == 0 {
		if string(b.sum.Sum(nil)) != string(b.want) {
			return 0, b.s.failed(b.damaged())
		}
		return 0, io.EOF
	}
	n, err := b.f.Read(p[:min(int64(len(p)), b.left)])
	b.sum.Write(p[:n])
	b.left -= int64(n)
	if err == io.EOF {
		err = b.damaged() // truncated since it was opened
	}
	return n, b.s.failed(err)
}

func (b *blobReader) Close() error { return b.s.failed(b.f.Close()) }

// DropBlob removes a blob.
func (s *Store) DropBlob(ctx context.Context, name string) error {
	if err := s.changeBlobs(ctx, name); err != nil {
		return err
	}
	if err := os.Remove(s.path(dirBlobs, name)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return s.failed(err)
	}
	return s.failed(syncDir(s.path(dirBlobs)))
}

// Blobs returns the names of all blobs.
func (s *Store) Blobs(ctx context.Context) ([]string, error) {
	if err := s.readBlobs(ctx); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(s.path(dirBlobs))
	if err != nil {
		return nil, s.failed(err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), blobTempMark) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
