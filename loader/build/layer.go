package build

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/uuid"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/lists/filter"
)

// draft collects the entries and attributions of a layer in temporary files: a store must be told the number of entries first.
type draft struct {
	lists.Layer  // with the counts so far
	entries      *frameFile
	attributions *frameFile
	buf          []byte
}

// newDraft starts a layer of a version.
func newDraft(dir string, v *lists.Version) (*draft, error) {
	entries, err := newFrameFile(dir)
	if err != nil {
		return nil, err
	}
	attributions, err := newFrameFile(dir)
	if err != nil {
		entries.close()
		return nil, err
	}
	layer := lists.Layer{ID: v.List + "-" + uuid.Must(uuid.NewV7()).String(), Version: v.Number, File: v.File, SHA256: v.SHA256, Rules: address.Rules}
	return &draft{Layer: layer, entries: entries, attributions: attributions}, nil
}

// attribution adds an attribution and returns its number.
func (d *draft) attribution(record []byte) (number uint32, err error) {
	number = uint32(d.attributions.frames)
	return number, d.attributions.append(record)
}

// put adds an entry; they come in the order of a layer. raw: the key is one of a raw text. An entry without references is left out.
func (d *draft) put(key address.Key, refs []byte, raw bool) error {
	if len(refs) == 0 {
		return nil
	}
	if err := checkRoom(key, refs, 0); err != nil {
		return err
	}
	if raw {
		d.Raw++
	}
	d.Keys++
	d.buf = append(append(append(d.buf[:0], byte(len(key))), key...), refs...)
	return d.entries.append(d.buf)
}

func (d *draft) close() {
	d.entries.close()
	d.attributions.close()
}

// checkRoom returns an error if the references of a key, together with the further bytes of those in the layers below, are more than a layer
// can hold.
func checkRoom(key address.Key, refs []byte, further int) error {
	if len(refs)+further <= lists.MaxRefs {
		return nil
	}
	all, err := lists.DecodeRefs(nil, refs)
	if err != nil {
		return err
	}
	return fault.E(fault.TooLarge, "%s is listed too often: %d or more rows take %d bytes, and one address has room for %d; list it with fewer rows",
		address.Quote(all[0].ListedText(key)), len(all), len(refs)+further, lists.MaxRefs)
}

// write puts a layer and its filter into the store.
func (b *Builder) write(ctx context.Context, d *draft) error {
	w, err := b.Store.CreateLayer(ctx, d.ID, d.Keys)
	if err != nil {
		return err
	}
	fl := filter.New(d.ID, d.Keys, filter.Rate)
	err = func() error {
		number := uint32(0)
		for record, err := range d.attributions.all() {
			if err == nil {
				err = w.PutAttribution(number, record)
			}
			if err != nil {
				return err
			}
			number++
		}
		for entry, err := range d.entries.all() {
			if err != nil {
				return err
			}
			n := 1 + int(entry[0])
			key := address.Key(entry[1:n])
			fl.Add(lists.Hash(key))
			if err := w.Put(lists.Entry{Key: key, Refs: entry[n:]}); err != nil {
				return err
			}
		}
		return w.Commit()
	}()
	if err == nil {
		err = filter.Save(ctx, b.Store, fl)
	}
	if err != nil {
		if aerr := w.Abort(); aerr != nil {
			b.Log.Warn("an unfinished layer was not dropped; it will be dropped later", "layer", d.ID, "error", aerr)
		}
	}
	return err
}

// frameFile is a temporary file of frames: byte strings with their lengths.
type frameFile struct {
	f      *os.File
	w      *bufio.Writer
	frames int
}

const (
	fileBuffer   = 256 << 10
	maxFrame     = 1 << 24
	maxFileBytes = 1 << 62
)

func newFrameFile(dir string) (*frameFile, error) {
	f, err := newTemp(dir)
	if err != nil {
		return nil, err
	}
	return &frameFile{f: f, w: bufio.NewWriterSize(f, fileBuffer)}, nil
}

func (x *frameFile) append(frame []byte) error {
	var n [binary.MaxVarintLen64]byte
	_, err := x.w.Write(n[:binary.PutUvarint(n[:], uint64(len(frame)))])
	if err == nil {
		_, err = x.w.Write(frame)
	}
	if err != nil {
		return diskError(x.f, err)
	}
	x.frames++
	return nil
}

// reader returns a function that reads the next frame into a buffer. After the last frame that was written it returns io.EOF.
func (x *frameFile) reader() (func(buf []byte) ([]byte, error), error) {
	if err := x.w.Flush(); err != nil {
		return nil, diskError(x.f, err)
	}
	r := bufio.NewReaderSize(io.NewSectionReader(x.f, 0, maxFileBytes), fileBuffer)
	left := x.frames
	return func(buf []byte) ([]byte, error) {
		if left == 0 {
			return nil, io.EOF
		}
		left--
		n, err := binary.ReadUvarint(r)
		if err != nil || n > maxFrame {
			return nil, diskError(x.f, errDamaged)
		}
		buf = slices.Grow(buf[:0], int(n))[:n]
		if _, err := io.ReadFull(r, buf); err != nil {
			return nil, diskError(x.f, errDamaged)
		}
		return buf, nil
	}, nil
}

// all yields the frames. A frame is valid until the next one.
func (x *frameFile) all() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		next, err := x.reader()
		var buf []byte
		for {
			if err == nil {
				buf, err = next(buf)
			}
			if err == io.EOF || !yield(buf, err) || err != nil {
				return
			}
		}
	}
}

// diskError is the error of a temporary file.
func diskError(f *os.File, err error) error { return fault.TempFile(filepath.Dir(f.Name()), err) }

func (x *frameFile) close() { _ = x.f.Close() } // it has no name any more: nothing is lost

var errDamaged = fault.E(fault.Unavailable, "a temporary file is damaged")

// newTemp makes a temporary file that is deleted when it is closed, or when the process ends.
func newTemp(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "interdict-*")
	if err != nil {
		return nil, fault.TempFile(dir, err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, fault.TempFile(dir, err)
	}
	return f, nil
}
