package lists

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"

	"interdict/lists/address"
	"interdict/lists/fault"
)

// A layer file is a layer as bytes. The same layer gives the same bytes on every store.
//
//	layerMagic, then records in the order of Walk:
//	'a' number length attribution    before the first entry that refers to it
//	'e' length key length references
//	'z' number of entries            the end; nothing follows
//
// Numbers and lengths are uvarints.
const layerMagic = "interdict layer 1\n"

// Limits of the parts of a layer file; they bound the memory of its reader.
const (
	maxFileKey  = 255
	maxFilePart = 64 << 20
)

// WriteLayerFile writes a layer as bytes. It needs little memory, whatever the size of the layer. A layer that is damaged is an error.
func WriteLayerFile(ctx context.Context, s Store, layer Layer, w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	b := []byte(layerMagic)
	keys := 0
	err := ReadLayer(ctx, s, layer.ID, func(entries []Entry, numbers []uint32, records [][]byte) error {
		for i, record := range records {
			b = appendPart(binary.AppendUvarint(append(b, 'a'), uint64(numbers[i])), record)
		}
		for i := range entries {
			b = appendPart(appendPart(append(b, 'e'), []byte(entries[i].Key)), entries[i].Refs)
		}
		keys += len(entries)
		_, err := out.Write(b)
		b = b[:0]
		return err
	})
	if err == nil && keys != layer.Keys {
		err = fault.E(fault.Unavailable, "%w", &DamagedError{layer.ID, "it does not have the number of keys that its version names"})
	}
	if err != nil {
		return err
	}
	if _, err := out.Write(binary.AppendUvarint(append(b, 'z'), uint64(keys))); err != nil {
		return err
	}
	return out.Flush()
}

func appendPart(b, part []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(part))), part...)
}

// ReadLayerFile stores a layer from its bytes, all or nothing. It replaces an incomplete copy. accept is called for each key; its error
// refuses the layer. Bytes that are not exactly a whole layer file are fault.Invalid.
func ReadLayerFile(ctx context.Context, r io.Reader, to Store, layer Layer, accept func(address.Key) error) error {
	in := layerReader{r: bufio.NewReaderSize(r, 64<<10)}
	if magic := in.bytes(len(layerMagic)); string(magic) != layerMagic {
		return in.invalid(layer, "another format")
	}
	if err := to.DropLayer(ctx, layer.ID); err != nil {
		return err
	}
	w, err := to.CreateLayer(ctx, layer.ID, layer.Keys)
	if err != nil {
		return err
	}
	err = in.records(ctx, w, layer, accept)
	if err == nil {
		err = w.Commit()
	}
	if err != nil {
		return errors.Join(err, w.Abort())
	}
	return nil
}

// layerReader reads the parts of a layer file. After an error all parts are empty.
type layerReader struct {
	r   *bufio.Reader
	err error
}

func (in *layerReader) records(ctx context.Context, w LayerWriter, layer Layer, accept func(address.Key) error) error {
	for keys := 0; ; {
		tag := in.bytes(1)
		if in.err != nil {
			return in.invalid(layer, "truncated")
		}
		switch tag[0] {
		case 'a':
			number, record := in.uvarint(), in.part(maxFilePart)
			if in.err != nil || number > 1<<32-1 {
				return in.invalid(layer, "an attribution cannot be read")
			}
			if err := w.PutAttribution(uint32(number), record); err != nil {
				return err
			}
		case 'e':
			e := Entry{Key: address.Key(in.part(maxFileKey)), Refs: in.part(maxFilePart)}
			if in.err != nil || e.Key == "" {
				return in.invalid(layer, "an entry cannot be read")
			}
			if keys++; keys%readBatch == 0 && ctx.Err() != nil {
				return fault.E(fault.Unavailable, "store layer %s: %w", layer.ID, ctx.Err())
			}
			if err := accept(e.Key); err != nil {
				return err
			}
			if err := w.Put(e); err != nil {
				return err
			}
		case 'z':
			if n := in.uvarint(); in.err != nil || n != uint64(keys) || keys != layer.Keys {
				return in.invalid(layer, "it does not have the number of keys that its version names")
			}
			if _, err := in.r.ReadByte(); !errors.Is(err, io.EOF) {
				return in.invalid(layer, "something follows its end")
			}
			return nil
		default:
			return in.invalid(layer, "an unknown record")
		}
	}
}

// bytes reads n bytes.
func (in *layerReader) bytes(n int) []byte {
	if in.err != nil {
		return nil
	}
	b := make([]byte, n)
	_, in.err = io.ReadFull(in.r, b)
	return b
}

func (in *layerReader) uvarint() (n uint64) {
	if in.err == nil {
		n, in.err = binary.ReadUvarint(in.r)
	}
	return n
}

// part reads a length and as many bytes.
func (in *layerReader) part(most uint64) []byte {
	n := in.uvarint()
	if in.err == nil && n > most {
		in.err = errors.New("a part is too long")
	}
	return in.bytes(int(min(n, most)))
}

func (in *layerReader) invalid(layer Layer, why string) error {
	if in.err != nil && !errors.Is(in.err, io.EOF) && !errors.Is(in.err, io.ErrUnexpectedEOF) {
		why += ": " + in.err.Error()
	}
	return fault.E(fault.Invalid, "the file of layer %s: %s", layer.ID, why)
}
