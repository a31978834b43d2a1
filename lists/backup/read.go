package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"

	"interdict/lists"
	"interdict/lists/fault"
)

// reader reads the entries of a backup in their order.
type reader struct {
	ctx   context.Context
	zstd  *zstd.Decoder
	tar   *tar.Reader
	entry string // that is being read; the one before while there is none
}

// newReader reads the header.
func newReader(ctx context.Context, in io.Reader) (*reader, Header, []byte, error) {
	var h Header
	dec, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return nil, h, nil, err
	}
	r := &reader{ctx: ctx, zstd: dec, tar: tar.NewReader(dec)}
	head, err := r.tar.Next()
	if err != nil || head.Name != headerName || head.Size > maxHeaderBytes {
		r.close()
		return nil, h, nil, fault.E(fault.Invalid, "it is not a backup of Interdict, or its beginning is damaged")
	}
	r.entry = headerName
	b, err := io.ReadAll(r.tar)
	if err == nil {
		err = json.Unmarshal(b, &h)
	}
	switch {
	case err != nil:
		err = r.damaged(err)
	case h.Format > Format:
		err = fault.E(fault.Conflict, "its format is %d, and this version of interdict reads up to %d: use the version that wrote it (%q) or a later one", h.Format, Format, h.Program)
	case h.Format < 1:
		err = r.damaged(fmt.Errorf("format %d", h.Format))
	default:
		return r, h, b, nil
	}
	r.close()
	return nil, h, nil, err
}

func (r *reader) close() { r.zstd.Close() }

// damaged names the entry at which a backup is damaged.
func (r *reader) damaged(err error) error {
	if r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.E(fault.Conflict, "the backup is truncated: it ends at entry %s", r.entry)
	}
	return fault.E(fault.Conflict, "the backup is damaged at entry %s: %w", r.entry, err)
}

// next goes to the next entry. It returns io.EOF after the last one.
func (r *reader) next() (*tar.Header, error) {
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	h, err := r.tar.Next()
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	if err != nil {
		return nil, r.damaged(fmt.Errorf("after it: %w", err))
	}
	r.entry = h.Name
	if h.Typeflag != tar.TypeReg || h.Size < 0 {
		return nil, r.damaged(errors.New("it is not a file"))
	}
	return h, nil
}

// item is an item that is read: the parts of one path, which follow each other.
type item struct {
	r     *reader
	path  string
	part  int
	next  *tar.Header // the entry after the item; nil at the end of the backup
	ended bool
	sum   hash.Hash
	bytes int64
}

func (i *item) Read(p []byte) (int, error) {
	for !i.ended {
		n, err := i.r.tar.Read(p)
		i.sum.Write(p[:n])
		i.bytes += int64(n)
		if n > 0 {
			return n, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, i.r.damaged(err)
		}
		if err == nil {
			continue
		}
		h, err := i.r.next()
		if errors.Is(err, io.EOF) {
			i.ended, i.next = true, nil
			break
		}
		if err != nil {
			return 0, err
		}
		i.part++
		if h.Name != fmt.Sprintf("%s/%06d", i.path, i.part) {
			i.ended, i.next = true, h
		}
	}
	return 0, io.EOF
}

func (i *item) digest() string { return hex.EncodeToString(i.sum.Sum(nil)) }

// each calls f with each item. What f does not read is read after it.
func (r *reader) each(f func(*item) error) (manifest []byte, err error) {
	h, err := r.next()
	for err == nil {
		if h.Name == manifestName {
			return r.last(h)
		}
		name, part := path.Split(h.Name)
		if part != "000000" || name == "" {
			return nil, r.damaged(errors.New("a part before it is missing"))
		}
		i := &item{r: r, path: strings.TrimSuffix(name, "/"), sum: sha256.New()}
		if err := f(i); err != nil {
			return nil, err
		}
		if _, err := io.Copy(io.Discard, i); err != nil {
			return nil, err
		}
		if h = i.next; h == nil {
			return nil, r.damaged(io.EOF)
		}
	}
	if errors.Is(err, io.EOF) {
		err = r.damaged(err)
	}
	return nil, err
}

// last reads the manifest, which must be the end of the file.
func (r *reader) last(h *tar.Header) ([]byte, error) {
	if h.Size > maxManifestBytes {
		return nil, r.damaged(fmt.Errorf("it has %d bytes", h.Size))
	}
	b, err := io.ReadAll(r.tar)
	if err != nil {
		return nil, r.damaged(err)
	}
	if h, err := r.next(); !errors.Is(err, io.EOF) {
		if err == nil {
			err = r.damaged(fmt.Errorf("entry %s is after the manifest", h.Name))
		}
		return nil, err
	}
	rest := make([]byte, 1)
	switch n, err := r.zstd.Read(rest); {
	case n > 0:
		return nil, r.damaged(errors.New("there is something after the end of the archive"))
	case !errors.Is(err, io.EOF):
		return nil, r.damaged(err)
	}
	return b, nil
}

// Verify reads a backup completely and compares it with its digests.
func Verify(ctx context.Context, in io.Reader) (Manifest, Summary, error) {
	var m Manifest
	r, h, head, err := newReader(ctx, in)
	if err != nil {
		return m, Summary{}, err
	}
	defer r.close()
	type read struct {
		bytes  int64
		sha256 string
	}
	found := map[string]read{}
	var named map[string]bool
	b, err := r.each(func(i *item) error {
		if i.path == "documents" {
			if named, err = verifyDocuments(i); err != nil {
				return err
			}
		}
		if _, err := io.Copy(io.Discard, i); err != nil {
			return err
		}
		if _, ok := found[i.path]; ok {
			return r.damaged(fmt.Errorf("item %s is there twice", i.path))
		}
		found[i.path] = read{i.bytes, i.digest()}
		return nil
	})
	if err != nil {
		return m, Summary{}, err
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, Summary{}, r.damaged(err)
	}
	sum := sha256.Sum256(head)
	if m.HeaderSHA256 != hex.EncodeToString(sum[:]) || m.Format != h.Format {
		r.entry = headerName
		return m, Summary{}, r.damaged(errors.New("it is not what the manifest says"))
	}
	for i := range m.Items {
		x := &m.Items[i]
		r.entry = x.Path
		got, ok := found[x.Path]
		switch {
		case !ok:
			return m, Summary{}, r.damaged(errors.New("it is missing"))
		case got != (read{x.Bytes, x.SHA256}):
			return m, Summary{}, r.damaged(fmt.Errorf("it has %d bytes with SHA-256 %s instead of %d with %s", got.bytes, got.sha256, x.Bytes, x.SHA256))
		case !x.valid():
			return m, Summary{}, r.damaged(fmt.Errorf("kind %q and name %q are not known", x.Kind, x.Name))
		case x.Kind == Layer:
			delete(named, x.Name)
		}
	}
	for layer := range named {
		r.entry = "documents"
		return m, Summary{}, r.damaged(fmt.Errorf("they name layer %s, which the backup does not have", layer))
	}
	manifest := sha256.Sum256(b)
	return m, m.summary(hex.EncodeToString(manifest[:])), nil
}

// valid reports whether an item can be restored.
func (i *Item) valid() bool {
	switch i.Kind {
	case Documents:
		return i.Name == ""
	case Blob:
		return lists.CheckBlobName(i.Name) == nil
	case Layer:
		return lists.CheckLayerID(i.Name) == nil && i.Keys >= 0
	case Record:
		return cleanPath(i.Name)
	}
	return false
}

// cleanPath reports whether a path is one of a file below a folder.
func cleanPath(p string) bool {
	return p != "" && path.Clean(p) == p && !path.IsAbs(p) && p != "." && p != ".." && !strings.HasPrefix(p, "../") && !strings.ContainsAny(p, "\\\x00:")
}

// verifyDocuments decodes the documents, and returns the layers that they name.
func verifyDocuments(i *item) (map[string]bool, error) {
	var docs []lists.Doc
	err := readDocuments(i, func(d lists.Doc) error {
		if err := lists.CheckDocKey(d.Key); err != nil {
			return err
		}
		if strings.HasPrefix(d.Key, lists.DocAllVersions) || strings.HasPrefix(d.Key, lists.DocGenerations) || d.Key == lists.DocHead {
			docs = append(docs, d)
		}
		return nil
	})
	if err == nil {
		var named map[string]bool
		if named, err = layersOf(docs); err == nil {
			return named, nil
		}
	}
	if fault.Is(err, fault.Conflict) {
		return nil, err
	}
	return nil, i.r.damaged(err)
}
