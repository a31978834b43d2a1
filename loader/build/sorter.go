package build

import (
	"bytes"
	"cmp"
	"container/heap"
	"encoding/binary"
	"io"
	"iter"
	"slices"

	"interdict/lists"
	"interdict/lists/address"
)

// record is one reference on its way from a row into a layer.
type record struct {
	hash   uint64
	key    address.Key
	seq    uint64 // number of the row, in the order of the file
	main   bool   // the one reference by which its row is counted
	raw    bool   // the row was quarantined
	digest uint64 // of the attribution's content
	ref    []byte // lists.AppendRef
}

// sorter orders records by (hash, key, seq). It holds up to sortBytes in memory and spills sorted runs to disk.
type sorter struct {
	dir   string
	arena []byte
	index []sortSlot
	runs  []*frameFile
	limit int
}

// sortSlot is the place of a record in the arena. The hash decides nearly every comparison.
type sortSlot struct {
	hash  uint64
	start int
	end   int
}

// sortBytes is how many bytes of records are sorted in memory. A million ordinary rows take about 70 MB.
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

func parseRecord(b []byte) (record, error) {
	if len(b) < 9 || len(b) < 26+int(b[8]) {
		return record{}, errDamaged
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
	run, err := newFrameFile(s.dir)
	if err != nil {
		return err
	}
	s.runs = append(s.runs, run)
	for _, slot := range s.index {
		if err := run.append(s.arena[slot.start:slot.end]); err != nil {
			return err
		}
	}
	s.arena, s.index = s.arena[:0], s.index[:0]
	return nil
}

// all yields the records in order; it can be called again. The bytes of a record are valid until the next one.
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
			next, err := run.reader()
			if err != nil {
				yield(record{}, err)
				return
			}
			merge = append(merge, &mergeSource{next: next})
		}
		for _, m := range merge {
			if err := m.advance(); err != nil { // no source is empty
				yield(record{}, err)
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
				yield(record{}, err)
				return
			default:
				heap.Fix(&merge, 0)
			}
		}
	}
}

// groups yields the records of each key together.
func (s *sorter) groups() keyGroups {
	return func(yield func(keyGroup, error) bool) {
		var g keyGroup
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
			g.rows = append(g.rows, newRef{refs[0], r.seq, r.main, r.raw, r.digest})
		}
		if g.key != "" {
			yield(g, nil)
		}
	}
}

func (s *sorter) close() {
	for _, f := range s.runs {
		f.close()
	}
}

type mergeSource struct {
	head []byte
	next func(buf []byte) ([]byte, error)
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
