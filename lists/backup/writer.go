package backup

import (
	"archive/tar"
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/zstd"

	"interdict/lists/fault"
)

// writer writes the entries of a backup.
type writer struct {
	out      io.Writer
	zstd     *zstd.Encoder
	tar      *tar.Writer
	manifest Manifest
	attempts map[string]int // of items, by path
	failed   error          // of the file that the backup is written to
	digest   string         // of the manifest
}

func newWriter(out io.Writer, h Header) (*writer, error) {
	enc, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(partBytes))
	if err != nil {
		return nil, err
	}
	w := &writer{out: out, zstd: enc, tar: tar.NewWriter(enc), manifest: Manifest{Header: h}, attempts: map[string]int{}}
	b, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	w.manifest.HeaderSHA256 = hex.EncodeToString(sum[:])
	return w, w.frame(headerName, b)
}

// entry writes an entry into the frame that is open.
func (w *writer) entry(name string, b []byte) error {
	err := w.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(b)), ModTime: w.manifest.Created, Typeflag: tar.TypeReg})
	if err == nil {
		_, err = w.tar.Write(b)
	}
	if err == nil {
		err = w.tar.Flush()
	}
	return w.written(err)
}

// frame writes an entry as a frame of its own, so that damage shows at the entry that has it.
func (w *writer) frame(name string, b []byte) error {
	if err := w.entry(name, b); err != nil {
		return err
	}
	if err := w.zstd.Close(); err != nil {
		return w.written(err)
	}
	w.zstd.Reset(w.out)
	return nil
}

// written gives an error of the file that the backup is written to its kind.
func (w *writer) written(err error) error {
	if err == nil {
		return nil
	}
	w.failed = fault.E(fault.Unavailable, "write the backup: %w", err)
	return w.failed
}

// item writes what copy yields as an item. An item whose copy fails does not belong to the backup.
func (w *writer) item(kind Kind, path, name string, copy func(io.Writer) (keys int, err error)) error {
	w.attempts[path]++
	if n := w.attempts[path]; n > 1 {
		path = fmt.Sprintf("%s~%d", path, n)
	}
	p := &parts{w: w, path: path, sum: sha256.New()}
	buffered := bufio.NewWriterSize(p, partBytes)
	keys, err := copy(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err != nil {
		return err
	}
	if p.n == 0 { // an empty stream has one part
		if err := p.part(nil); err != nil {
			return err
		}
	}
	w.manifest.Items = append(w.manifest.Items, Item{Path: path, Kind: kind, Name: name, Keys: keys, Bytes: p.bytes, SHA256: hex.EncodeToString(p.sum.Sum(nil))})
	return nil
}

// parts writes a stream as entries.
type parts struct {
	w     *writer
	path  string
	n     int
	bytes int64
	sum   hash.Hash
}

func (p *parts) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		n := min(len(rest), partBytes)
		if err := p.part(rest[:n]); err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	return len(b), nil
}

func (p *parts) part(b []byte) error {
	if err := p.w.frame(fmt.Sprintf("%s/%06d", p.path, p.n), b); err != nil {
		return err
	}
	p.n++
	p.bytes += int64(len(b))
	p.sum.Write(b)
	return nil
}

// close writes the manifest, and the end of the archive into the same frame: a file that is cut anywhere is damaged.
func (w *writer) close() error {
	b, err := json.Marshal(w.manifest)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	w.digest = hex.EncodeToString(sum[:])
	if err := w.entry(manifestName, b); err != nil {
		return err
	}
	if err := w.tar.Close(); err != nil {
		return w.written(err)
	}
	return w.written(w.zstd.Close())
}
