package loader

import (
	"bufio"
	"bytes"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"os"
	"slices"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// record is one reference on its way from a row into a layer.
type record struct {
	hash   uint64
	key    address.Key
	seq    uint64 // number of the row, in the order of the file
	main   bool   // the reference that stands for its row when duplicates are counted
	raw    bool   // the row was quarantined
	digest uint64 // of the attribution's content
	ref    []byte // lists.AppendRef
}

// sorter orders records by (hash, key, seq). It holds up to sortBytes in memory and spills sorted runs to disk.
type sorter struct {
	dir   string
	arena []byte
	index []sortSlot
	runs  []*os.File
	limit int
}

// sortSlot finds a record in the arena; the hash decides nearly every comparison.
type sortSlot struct {
	hash  uint64
	start int
	end   int
}

// sortBytes is how much of a load is sorted in memory at once. A million ordinary rows take about 70 MB.
const sortBytes = 48 << 20

func newSorter(dir string) *sorter { return &sorter{dir: dir, limit: sortBytes} }

func (s *sorter) add(r *record) error {
	start := len(s.arena)
	s.arena = appendRecord(s.arena, r)
	s.index = append(s.index, sortSlot{r.hash, start, len(s.arena)})
	if len(s.arena)+24*len(s.index) >= s.limit {
		return s.spill()
	}
	return nil
}

// appendRecord writes hash(8) key length(1) key seq(8) flags(1) digest(8) ref; its byte order is the sort order up to seq
// among equal keys.
func appendRecord(dst []byte, r *record) []byte {
	dst = binary.BigEndian.AppendUint64(dst, r.hash)
	dst = append(dst, byte(len(r.key)))
	dst = append(dst, r.key...)
	dst = binary.BigEndian.AppendUint64(dst, r.seq)
	var flags byte
	if r.main {
		flags |= 1
	}
	if r.raw {
		flags |= 2
	}
	dst = append(dst, flags)
	dst = binary.BigEndian.AppendUint64(dst, r.digest)
	return append(dst, r.ref...)
}

var errRun = errors.New("a sort run on disk is damaged")

func parseRecord(b []byte) (record, error) {
	if len(b) < 9 || len(b) < 26+int(b[8]) {
		return record{}, errRun
	}
	n := 9 + int(b[8])
	return record{
		hash:   binary.BigEndian.Uint64(b),
		key:    address.Key(b[9:n]),
		seq:    binary.BigEndian.Uint64(b[n:]),
		main:   b[n+8]&1 != 0,
		raw:    b[n+8]&2 != 0,
		digest: binary.BigEndian.Uint64(b[n+9:]),
		ref:    b[n+17:],
	}, nil
}

func compareRecords(a, b []byte) int {
	if c := bytes.Compare(a[:8], b[:8]); c != 0 {
		return c
	}
	ka, kb := a[9:9+int(a[8])], b[9:9+int(b[8])]
	if c := bytes.Compare(ka, kb); c != 0 {
		return c
	}
	return bytes.Compare(a[9+len(ka):][:8], b[9+len(kb):][:8])
}

func (s *sorter) sortArena() {
	slices.SortFunc(s.index, func(a, b sortSlot) int {
		if c := cmp.Compare(a.hash, b.hash); c != 0 {
			return c
		}
		return compareRecords(s.arena[a.start:a.end], s.arena[b.start:b.end])
	})
}

func (s *sorter) spill() error {
	s.sortArena()
	run, err := newRun(s.dir)
	if err != nil {
		return err
	}
	s.runs = append(s.runs, run)
	w := bufio.NewWriterSize(run, 256<<10)
	for _, slot := range s.index {
		if err := writeFrame(w, s.arena[slot.start:slot.end]); err != nil {
			return diskError(err)
		}
	}
	if err := w.Flush(); err != nil {
		return diskError(err)
	}
	s.arena, s.index = s.arena[:0], s.index[:0]
	return nil
}

// newRun makes a temporary file that is gone when it is closed, or the process dies.
func newRun(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "interdict-sort-*")
	if err != nil {
		return nil, diskError(err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, diskError(err)
	}
	return f, nil
}

func diskError(err error) error {
	return fault.E(fault.Unavailable, "temporary file: %w; the folder for temporary files must be writable and have room (TMPDIR names another one)", err)
}

func writeFrame(w *bufio.Writer, b []byte) error {
	var n [binary.MaxVarintLen64]byte
	if _, err := w.Write(n[:binary.PutUvarint(n[:], uint64(len(b)))]); err != nil {
		return err
	}
	_, err := w.Write(b)
	return err
}

func readFrame(r *bufio.Reader, into []byte) ([]byte, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, err // io.EOF: the run is at its end
	}
	if n > 1<<24 {
		return nil, errRun
	}
	into = slices.Grow(into[:0], int(n))[:n]
	if _, err := io.ReadFull(r, into); err != nil {
		return nil, errRun
	}
	return into, nil
}

// all yields the records in order, as often as it is asked. A record's bytes are valid until the next one.
func (s *sorter) all() iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		s.sortArena()
		merge := make(mergeHeap, 0, len(s.runs)+1)
		if len(s.index) > 0 {
			next := 0
			merge = append(merge, &mergeSource{next: func([]byte) ([]byte, error) {
				if next == len(s.index) {
					return nil, io.EOF
				}
				slot := s.index[next]
				next++
				return s.arena[slot.start:slot.end], nil
			}})
		}
		for _, run := range s.runs {
			r := bufio.NewReaderSize(io.NewSectionReader(run, 0, 1<<62), 256<<10)
			merge = append(merge, &mergeSource{next: func(into []byte) ([]byte, error) { return readFrame(r, into) }})
		}
		for _, m := range merge {
			if err := m.advance(); err != nil { // no source is empty
				yield(record{}, diskError(err))
				return
			}
		}
		heap.Init(&merge)
		for len(merge) > 0 {
			r, err := parseRecord(merge[0].head)
			if !yield(r, err) || err != nil {
				return
			}
			switch err := merge[0].advance(); {
			case err == io.EOF:
				heap.Pop(&merge)
			case err != nil:
				yield(record{}, diskError(err))
				return
			default:
				heap.Fix(&merge, 0)
			}
		}
	}
}

// grouped yields the records of each key together.
func (s *sorter) grouped() groups {
	return func(yield func(joined, error) bool) {
		var g joined
		var refs []lists.Ref
		for r, err := range s.all() {
			if err == nil {
				refs, err = lists.DecodeRefs(refs[:0], r.ref)
			}
			if err != nil {
				yield(g, err)
				return
			}
			if g.key != r.key && g.key != "" {
				if !yield(g, nil) {
					return
				}
				g.rows = nil
			}
			g.key = r.key
			g.rows = append(g.rows, incoming{refs[0], r.seq, r.main, r.raw, r.digest})
		}
		if g.key != "" {
			yield(g, nil)
		}
	}
}

func (s *sorter) close() {
	for _, f := range s.runs {
		f.Close()
	}
}

type mergeSource struct {
	head []byte
	next func(into []byte) ([]byte, error)
}

func (m *mergeSource) advance() (err error) {
	m.head, err = m.next(m.head)
	return err
}

type mergeHeap []*mergeSource

func (h mergeHeap) Len() int           { return len(h) }
func (h mergeHeap) Less(i, j int) bool { return compareRecords(h[i].head, h[j].head) < 0 }
func (h mergeHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *mergeHeap) Push(x any)        { *h = append(*h, x.(*mergeSource)) }
func (h *mergeHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// entryFile keeps the entries of the layer to be, in order, until their number is known.
type entryFile struct {
	f     *os.File
	w     *bufio.Writer
	keys  int
	frame []byte
}

func newEntryFile(dir string) (*entryFile, error) {
	f, err := newRun(dir)
	if err != nil {
		return nil, err
	}
	return &entryFile{f: f, w: bufio.NewWriterSize(f, 256<<10)}, nil
}

func (e *entryFile) put(key address.Key, refs []byte) error {
	e.keys++
	e.frame = append(append(append(e.frame[:0], byte(len(key))), key...), refs...)
	if err := writeFrame(e.w, e.frame); err != nil {
		return diskError(err)
	}
	return nil
}

func (e *entryFile) each(yield func(lists.Entry) error) error {
	if err := e.w.Flush(); err != nil {
		return diskError(err)
	}
	r := bufio.NewReaderSize(io.NewSectionReader(e.f, 0, 1<<62), 256<<10)
	for range e.keys {
		b, err := readFrame(r, e.frame)
		if err != nil {
			return diskError(err)
		}
		e.frame = b
		n := 1 + int(b[0])
		if err := yield(lists.Entry{Key: address.Key(b[1:n]), Refs: b[n:]}); err != nil {
			return err
		}
	}
	return nil
}

func (e *entryFile) close() { _ = e.f.Close() } // unlinked: nothing is lost
