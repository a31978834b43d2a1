package journal

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"
)

// A sealed segment has the records of a raw one in compressed blocks, all numbers little-endian:
//
//	header   headerBytes
//	blocks   each a head and its compressed data
//	index    for each block: its offset, uint64, and a copy of its head
//	trailer  trailerBytes
//
// The head of a block:
//
//	 0  magic     4 bytes
//	 4  checksum  uint32: CRC-32C of the head from 8 on and the data
//	 8  length    uint32: bytes of the data
//	12  raw       uint32: bytes of the data when decompressed
//	16  first     uint64: sequence number of its first record; those of the others follow without a gap
//	24  count     uint32: records
//	28  reserved  4 bytes, zero
//	32  times     2 int64: the earliest and the latest time of a record
//	48  ids       2 uint64: the smallest and the largest first 48 bits of an id; all ones and zero if there is none
//
// A record in a block: kind, one byte; varint of length<<2 | form; varint of the time minus that of the record before; the id and
// the payload as in a frame. The trailer:
//
//	 0  magic     8 bytes
//	 8  index     uint64: its offset
//	16  blocks    uint32
//	20  checksum  uint32: CRC-32C of the index
//	24  next      uint64: the sequence number after the last record
//	32  sealed    int64: Unix nanoseconds
//	40  reserved  20 bytes, zero
//	60  checksum  uint32: CRC-32C of bytes 0 to 59
const (
	blockHeadBytes = 64
	indexBytes     = 8 + blockHeadBytes
	trailerBytes   = 64
	blockRecords   = 4096
	blockBytes     = 1 << 20
	maxBlockBytes  = blockBytes + maxFrameBytes + 16 // of the data, decompressed
)

var (
	blockMagic   = [4]byte{0x89, 'I', 'D', 'B'}
	trailerMagic = [8]byte{0x89, 'I', 'D', 'E', '\r', '\n', 0x1a, '\n'}
)

// Neither starts goroutines for EncodeAll and DecodeAll, which may be called concurrently.
var (
	encoder = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	})
	decoder = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(2*maxBlockBytes))
	})
)

// block is the head of a block and its offset.
type block struct {
	off              int64
	length, raw      uint32
	first            uint64
	count            uint32
	minTime, maxTime int64
	minID, maxID     uint64
}

func (b *block) next() uint64 { return b.first + uint64(b.count) }
func (b *block) bytes() int64 { return blockHeadBytes + int64(b.length) }

// encode returns the head with the checksum of data.
func (b *block) encode(data []byte) []byte {
	h := make([]byte, blockHeadBytes)
	copy(h, blockMagic[:])
	binary.LittleEndian.PutUint32(h[8:], uint32(len(data)))
	binary.LittleEndian.PutUint32(h[12:], b.raw)
	binary.LittleEndian.PutUint64(h[16:], b.first)
	binary.LittleEndian.PutUint32(h[24:], b.count)
	binary.LittleEndian.PutUint64(h[32:], uint64(b.minTime))
	binary.LittleEndian.PutUint64(h[40:], uint64(b.maxTime))
	binary.LittleEndian.PutUint64(h[48:], b.minID)
	binary.LittleEndian.PutUint64(h[56:], b.maxID)
	binary.LittleEndian.PutUint32(h[4:], blockSum(h, data))
	return h
}

func blockSum(head, data []byte) uint32 {
	return crc32.Update(crc32.Checksum(head[8:], castagnoli), castagnoli, data)
}

func decodeBlock(h []byte, off int64) (b block, ok bool) {
	b = block{
		off: off, length: binary.LittleEndian.Uint32(h[8:]), raw: binary.LittleEndian.Uint32(h[12:]),
		first: binary.LittleEndian.Uint64(h[16:]), count: binary.LittleEndian.Uint32(h[24:]),
		minTime: int64(binary.LittleEndian.Uint64(h[32:])), maxTime: int64(binary.LittleEndian.Uint64(h[40:])),
		minID: binary.LittleEndian.Uint64(h[48:]), maxID: binary.LittleEndian.Uint64(h[56:]),
	}
	ok = [4]byte(h) == blockMagic && b.raw <= maxBlockBytes && b.length <= 2*maxBlockBytes && b.count > 0 && b.count <= blockRecords && b.first-1 < 1<<62
	return b, ok
}

// sealWriter writes a sealed segment.
type sealWriter struct {
	w      *bufio.Writer
	off    int64
	raw    []byte // of the block that is being filled
	b      block
	nanos  int64 // time of the last record in raw
	index  []byte
	blocks uint32
	next   uint64
	from   uint64 // milliseconds of the earliest and latest record or id
	to     uint64
	data   []byte
}

// writeSealed writes records from src, in order, to f and syncs it. It returns what its name must have, and the digest of the file.
func writeSealed(f *os.File, h header, previous [sha256.Size]byte, now time.Time, src func() (frame, error)) (sealed segmentInfo, digest [sha256.Size]byte, err error) {
	sum := sha256.New()
	w := &sealWriter{w: bufio.NewWriterSize(io.MultiWriter(f, sum), 256<<10), off: headerBytes, next: h.first, from: 1<<48 - 1}
	if _, err := w.w.Write(h.encodeSealed(previous)); err != nil {
		return sealed, digest, err
	}
	for {
		r, err := src()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = w.add(r)
		}
		if err != nil {
			return sealed, digest, err
		}
	}
	if err := w.finish(now); err != nil {
		return sealed, digest, err
	}
	return segmentInfo{from: w.from, to: w.to, next: w.next}, [sha256.Size]byte(sum.Sum(nil)), f.Sync()
}

func (w *sealWriter) add(r frame) error {
	if w.b.count > 0 && (w.b.count == blockRecords || len(w.raw)+len(r.payload) > blockBytes || r.sequence != w.next) {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if w.b.count == 0 {
		w.b = block{first: r.sequence, minTime: r.nanos, maxTime: r.nanos, minID: 1<<64 - 1}
		w.nanos = 0
	}
	form := formOf(r.id, r.nanos)
	w.raw = append(w.raw, byte(r.kind))
	w.raw = binary.AppendUvarint(w.raw, uint64(len(r.payload))<<2|uint64(form))
	w.raw = binary.AppendVarint(w.raw, r.nanos-w.nanos)
	w.raw = append(w.raw, r.id[16-idBytes[form]:]...)
	w.raw = append(w.raw, r.payload...)
	w.nanos, w.next = r.nanos, r.sequence+1
	w.b.count++
	w.b.minTime, w.b.maxTime = min(w.b.minTime, r.nanos), max(w.b.maxTime, r.nanos)
	ms := millisOf(r.nanos)
	w.from, w.to = min(w.from, ms), max(w.to, ms)
	if form != noID {
		ms = idMillis(r.id)
		w.b.minID, w.b.maxID = min(w.b.minID, ms), max(w.b.maxID, ms)
		w.from, w.to = min(w.from, ms), max(w.to, ms)
	}
	return nil
}

func (w *sealWriter) flush() error {
	e, err := encoder()
	if err != nil {
		return err
	}
	w.b.raw = uint32(len(w.raw))
	w.data = e.EncodeAll(w.raw, w.data[:0])
	head := w.b.encode(w.data)
	w.index = binary.LittleEndian.AppendUint64(w.index, uint64(w.off))
	w.index = append(w.index, head...)
	w.blocks++
	w.off += int64(len(head) + len(w.data))
	w.raw, w.b = w.raw[:0], block{}
	if _, err := w.w.Write(head); err != nil {
		return err
	}
	_, err = w.w.Write(w.data)
	return err
}

func (w *sealWriter) finish(now time.Time) error {
	if w.b.count > 0 {
		if err := w.flush(); err != nil {
			return err
		}
	}
	t := make([]byte, trailerBytes)
	copy(t, trailerMagic[:])
	binary.LittleEndian.PutUint64(t[8:], uint64(w.off))
	binary.LittleEndian.PutUint32(t[16:], w.blocks)
	binary.LittleEndian.PutUint32(t[20:], crc32.Checksum(w.index, castagnoli))
	binary.LittleEndian.PutUint64(t[24:], w.next)
	binary.LittleEndian.PutUint64(t[32:], uint64(now.UnixNano()))
	binary.LittleEndian.PutUint32(t[60:], crc32.Checksum(t[:60], castagnoli))
	if _, err := w.w.Write(w.index); err != nil {
		return err
	}
	if _, err := w.w.Write(t); err != nil {
		return err
	}
	return w.w.Flush()
}

var errNoIndex = errors.New("the index of the segment is damaged")

// readIndex returns the blocks of a sealed segment and the sequence number after the last record. errNoIndex: they must be
// searched for.
func readIndex(f io.ReaderAt, size int64) (blocks []block, next uint64, err error) {
	t := make([]byte, trailerBytes)
	if size < headerBytes+trailerBytes {
		return nil, 0, errNoIndex
	}
	if _, err := f.ReadAt(t, size-trailerBytes); err != nil {
		return nil, 0, err
	}
	off, n := int64(binary.LittleEndian.Uint64(t[8:])), int64(binary.LittleEndian.Uint32(t[16:]))
	if [8]byte(t) != trailerMagic || crc32.Checksum(t[:60], castagnoli) != binary.LittleEndian.Uint32(t[60:]) ||
		off < headerBytes || off > size || off+n*indexBytes+trailerBytes != size {
		return nil, 0, errNoIndex
	}
	index := make([]byte, n*indexBytes)
	if _, err := f.ReadAt(index, off); err != nil {
		return nil, 0, err
	}
	if crc32.Checksum(index, castagnoli) != binary.LittleEndian.Uint32(t[20:]) {
		return nil, 0, errNoIndex
	}
	blocks = make([]block, 0, n)
	for ; len(index) > 0; index = index[indexBytes:] {
		b, ok := decodeBlock(index[8:], int64(binary.LittleEndian.Uint64(index)))
		if !ok || b.off < headerBytes || b.off+b.bytes() > off {
			return nil, 0, errNoIndex
		}
		blocks = append(blocks, b)
	}
	return blocks, binary.LittleEndian.Uint64(t[24:]), nil
}

// searchBlocks returns the valid blocks of a segment whose index is damaged.
func searchBlocks(f io.ReaderAt, size int64) (blocks []block, err error) {
	head := make([]byte, blockHeadBytes)
	next := uint64(1)
	for off := int64(headerBytes); off+blockHeadBytes <= size; {
		if _, err := f.ReadAt(head, off); err != nil {
			return nil, err
		}
		if b, ok := decodeBlock(head, off); ok && off+b.bytes() <= size && b.first >= next {
			if _, err := readBlock(f, b, nil); err == nil {
				blocks = append(blocks, b)
				off, next = off+b.bytes(), b.next()
				continue
			} else if !errors.Is(err, errBadBlock) {
				return nil, err
			}
		}
		if off, err = searchMagic(f, off+1, size); err != nil {
			return nil, err
		}
	}
	return blocks, nil
}

// searchMagic returns the offset of the next block magic at from or later; size if there is none.
func searchMagic(f io.ReaderAt, from, size int64) (int64, error) {
	buf := make([]byte, windowBytes)
	for from+int64(len(blockMagic)) <= size {
		n, err := f.ReadAt(buf[:min(windowBytes, size-from)], from)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		for i := 0; i+len(blockMagic) <= n; i++ {
			if [4]byte(buf[i:]) == blockMagic {
				return from + int64(i), nil
			}
		}
		if n < len(blockMagic) {
			break
		}
		from += int64(n - len(blockMagic) + 1)
	}
	return size, nil
}

var errBadBlock = errors.New("no valid block")

// readBlock returns the decompressed data of a block, in buf if it is large enough.
func readBlock(f io.ReaderAt, b block, buf []byte) ([]byte, error) {
	unit := make([]byte, b.bytes())
	if _, err := f.ReadAt(unit, b.off); errors.Is(err, io.EOF) {
		return nil, errBadBlock
	} else if err != nil {
		return nil, err
	}
	head, data := unit[:blockHeadBytes], unit[blockHeadBytes:]
	if got, ok := decodeBlock(head, b.off); !ok || got != b || binary.LittleEndian.Uint32(head[4:]) != blockSum(head, data) {
		return nil, errBadBlock
	}
	d, err := decoder()
	if err != nil {
		return nil, err
	}
	raw, err := d.DecodeAll(data, buf[:0])
	if err != nil || len(raw) != int(b.raw) {
		return nil, fmt.Errorf("%w: %w", errBadBlock, err)
	}
	return raw, nil
}

// blockReader decodes the records of a block.
type blockReader struct {
	raw   []byte
	next  uint64
	nanos int64
}

// read returns the next record; ok is false at the end, or if the bytes are invalid.
func (r *blockReader) read() (f frame, ok bool) {
	if len(r.raw) == 0 {
		return f, false
	}
	kind, rest := Kind(r.raw[0]), r.raw[1:]
	word, n := binary.Uvarint(rest)
	form, length := word&3, word>>2
	if n <= 0 || kind == 0 || form > fullID || length > MaxPayloadBytes {
		return f, false
	}
	rest = rest[n:]
	delta, n := binary.Varint(rest)
	id := idBytes[form]
	if n <= 0 || len(rest)-n < id+int(length) {
		return f, false
	}
	rest = rest[n:]
	r.nanos += delta
	f = frame{kind: kind, sequence: r.next, nanos: r.nanos, payload: rest[id : id+int(length) : id+int(length)]}
	if form != noID {
		f.id = completeID(rest[:id], r.nanos)
	} else {
		f.id = uuid.Nil
	}
	r.next++
	r.raw = rest[id+int(length):]
	return f, true
}
