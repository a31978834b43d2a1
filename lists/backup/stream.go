package backup

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// The stream of documents is a sequence of key and value. That of a layer is a sequence of records: 'a', number, attribution; or 'e', key,
// references. Numbers are varints; a string has its length before it.
const (
	attributionRecord = 'a'
	entryRecord       = 'e'
)

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func writeDocuments(w io.Writer, docs []lists.Doc) error {
	var b []byte
	for _, d := range docs {
		b = appendString(appendString(b[:0], d.Key), string(d.Value))
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

func readDocuments(r io.Reader, each func(lists.Doc) error) error {
	in := bufio.NewReader(r)
	for {
		if _, err := in.Peek(1); errors.Is(err, io.EOF) {
			return nil
		}
		key, err := readString(in)
		if err != nil {
			return err
		}
		value, err := readString(in)
		if err != nil {
			return err
		}
		if err := each(lists.Doc{Key: string(key), Value: value}); err != nil {
			return err
		}
	}
}

func readString(in *bufio.Reader) ([]byte, error) {
	n, err := binary.ReadUvarint(in)
	if err != nil {
		return nil, unexpected(err)
	}
	if n > maxRecordBytes {
		return nil, fault.E(fault.Unavailable, "a value of %d bytes is too large", n)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(in, b)
	return b, unexpected(err)
}

// unexpected is err, of a place where a stream must not end.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func writeLayer(ctx context.Context, w io.Writer, from lists.Store, layer string) (keys int, err error) {
	var b []byte
	err = lists.ReadLayer(ctx, from, layer, func(entries []lists.Entry, numbers []uint32, records [][]byte) error {
		for i, n := range numbers {
			b = appendString(binary.AppendUvarint(append(b[:0], attributionRecord), uint64(n)), string(records[i]))
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
		for _, e := range entries {
			b = appendString(appendString(append(b[:0], entryRecord), string(e.Key)), string(e.Refs))
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
		keys += len(entries)
		return nil
	})
	return keys, err
}

// readLayer reads a layer into a store, which must not have it.
func readLayer(ctx context.Context, r io.Reader, to lists.Store, item *Item) error {
	w, err := to.CreateLayer(ctx, item.Name, item.Keys)
	if err != nil {
		return err
	}
	if err = readEntries(bufio.NewReader(r), w); err == nil {
		err = w.Commit()
	}
	if err != nil {
		return errors.Join(err, w.Abort())
	}
	return nil
}

func readEntries(in *bufio.Reader, w lists.LayerWriter) error {
	for {
		kind, err := in.ReadByte()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch kind {
		case attributionRecord:
			n, err := binary.ReadUvarint(in)
			if err != nil || n > 1<<32-1 {
				return errors.Join(errors.New("not the number of an attribution"), unexpected(err))
			}
			record, err := readString(in)
			if err != nil {
				return err
			}
			if err := w.PutAttribution(uint32(n), record); err != nil {
				return err
			}
		case entryRecord:
			key, err := readString(in)
			if err != nil {
				return err
			}
			refs, err := readString(in)
			if err != nil {
				return err
			}
			if err := w.Put(lists.Entry{Key: address.Key(key), Refs: refs}); err != nil {
				return err
			}
		default:
			return fault.E(fault.Unavailable, "a record of the unknown kind %q", kind)
		}
	}
}
