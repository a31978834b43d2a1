package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader/formats"
)

// MaxUploadBytes is the largest size of an uploaded file, as it is received.
const MaxUploadBytes = 8 << 30

// Upload is one file as it is received.
type Upload struct {
	Name string // given by the uploader; only its last element is kept
	Body io.Reader
}

// Files are uploaded files on local disk: complete and hashed. They belong together.
type Files struct{ files []*spooled }

// spooled is one uploaded file on local disk.
type spooled struct {
	name      string
	sha256    string
	sizeBytes int64
	f         *os.File // deleted when it is closed
}

// Receive copies an upload to local disk. It consists of one file, or of two that belong together (an OFAC main table and its comments). An
// error of the sequence keeps its kind.
func (b *Builder) Receive(ctx context.Context, uploads iter.Seq2[Upload, error]) (*Files, error) {
	r := &Files{}
	for u, err := range uploads {
		var f *spooled
		if err == nil && len(r.files) == 2 {
			err = fault.E(fault.Invalid, "more than two files were given: give one, or two that belong together")
		}
		if err == nil {
			f, err = spool(ctx, b.Dir, u)
		}
		if err != nil {
			r.Close()
			return nil, err
		}
		r.files = append(r.files, f)
	}
	if len(r.files) == 0 {
		return nil, fault.E(fault.Invalid, "no file was given")
	}
	return r, nil
}

// Reopen copies the stored bytes of a version's upload to local disk again.
func (b *Builder) Reopen(ctx context.Context, v *lists.Version) (*Files, error) {
	names := strings.Split(v.File, NameSeparator)
	return b.Receive(ctx, func(yield func(Upload, error) bool) {
		for i, source := range v.Sources {
			name := v.File
			if len(names) == len(v.Sources) {
				name = names[i]
			}
			r, err := OpenSource(ctx, b.Store, source)
			if err != nil {
				yield(Upload{}, err)
				return
			}
			more := yield(Upload{Name: name, Body: r}, nil)
			r.Close()
			if !more {
				return
			}
		}
	})
}

// SHA256 returns the digests of the files.
func (r *Files) SHA256() []string {
	all := make([]string, len(r.files))
	for i, f := range r.files {
		all[i] = f.sha256
	}
	return all
}

// NameSeparator stands between the names of files that belong together.
const NameSeparator = " + "

// JoinedName returns the names of the files.
func (r *Files) JoinedName() string {
	all := make([]string, len(r.files))
	for i, f := range r.files {
		all[i] = f.name
	}
	return strings.Join(all, NameSeparator)
}

// SizeBytes returns the size of all files together.
func (r *Files) SizeBytes() (n int64) {
	for _, f := range r.files {
		n += f.sizeBytes
	}
	return n
}

// Name renames a single file.
func (r *Files) Name(name string) {
	if len(r.files) == 1 && name != "" {
		r.files[0].name = fileName(name)
	}
}

// maxFileName is the longest name of a file that is kept, in bytes; file systems allow 255.
const maxFileName = 255

// Close deletes the files from local disk.
func (r *Files) Close() {
	for _, f := range r.files {
		f.f.Close()
	}
	r.files = nil
}

func (r *Files) readers() []formats.File {
	out := make([]formats.File, len(r.files))
	for i, f := range r.files {
		out[i] = formats.File{Name: f.name, Open: func() (io.ReadCloser, error) { return io.NopCloser(f.reader()), nil }}
	}
	return out
}

// fileName returns the last element of a path. A key or seed in it becomes a digest; the ending stays, by which some formats are told.
func fileName(path string) string {
	path = lists.PlainText(path)
	clean := address.Recordable(path)
	name, ending := filepath.Base(clean), filepath.Ext(path)
	if clean != path && !strings.HasSuffix(name, ending) && len(ending) <= 5 && strings.Trim(ending, ".abcdefghijklmnopqrstuvwxyz0123456789") == "" {
		name += ending
	}
	return lists.Truncate(name, maxFileName)
}

// spool copies an upload to a temporary file. A stream that breaks off is an error, never a shorter file.
func spool(ctx context.Context, dir string, u Upload) (*spooled, error) {
	f, err := newTemp(dir)
	if err != nil {
		return nil, err
	}
	s := &spooled{name: fileName(u.Name), f: f}
	sum := sha256.New()
	body := &uploadReader{ctx: ctx, r: io.LimitReader(u.Body, MaxUploadBytes+1)}
	if s.sizeBytes, err = io.Copy(io.MultiWriter(f, sum), body); err != nil {
		f.Close()
		if body.err != nil {
			return nil, body.err
		}
		return nil, diskError(f, err)
	}
	if s.sizeBytes > MaxUploadBytes {
		f.Close()
		return nil, fault.E(fault.TooLarge, "%s: larger than %d GiB", s.name, MaxUploadBytes>>30)
	}
	s.sha256 = hex.EncodeToString(sum.Sum(nil))
	return s, nil
}

// CanSpool returns an error if no upload can be received now, because the folder for temporary files is missing or not writable.
func (b *Builder) CanSpool() error {
	f, err := newTemp(b.Dir)
	if err != nil {
		return err
	}
	return f.Close()
}

// uploadReader remembers the error that ended reading, so that a broken upload is not taken for a full disk.
type uploadReader struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (u *uploadReader) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		u.err = fault.E(fault.Unavailable, "the upload was cancelled: %w", err)
		return 0, u.err
	}
	n, err := u.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		switch fault.KindOf(err) {
		case fault.Internal, fault.Invalid:
			err = fault.E(fault.Invalid, "the upload broke off before its end: %w", err)
		}
		u.err = err
	}
	return n, err
}

func (s *spooled) reader() io.Reader { return io.NewSectionReader(s.f, 0, s.sizeBytes) }

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
	pr.CloseWithError(errors.New("the store stopped reading")) // ends the goroutine if PutBlob returned early
	return err
}

// OpenSource opens the stored bytes of an upload. Reading ends with an error if they are not the uploaded ones.
func OpenSource(ctx context.Context, store lists.Store, name string) (io.ReadCloser, error) {
	blob, err := store.OpenBlob(ctx, name)
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewReader(blob, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		blob.Close()
		return nil, err
	}
	return &sourceReader{name: name, blob: blob, z: z, sum: sha256.New()}, nil
}

// sourceReader compares the bytes it has read with the digest in the name of the blob (lists.BlobSource).
type sourceReader struct {
	name string
	blob io.Closer
	z    *zstd.Decoder
	sum  hash.Hash
}

func (s *sourceReader) Read(p []byte) (int, error) {
	n, err := s.z.Read(p)
	s.sum.Write(p[:n])
	if err == io.EOF {
		if got := hex.EncodeToString(s.sum.Sum(nil)); !strings.HasSuffix(s.name, "-"+got) {
			return n, fault.E(fault.Unavailable, "the stored bytes of %s are not the uploaded ones: their SHA-256 is %s", s.name, got)
		}
	}
	return n, err
}

func (s *sourceReader) Close() error {
	s.z.Close()
	return s.blob.Close()
}
