package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
)

// windowBytes is the size of one read of a scanner. The window grows only to hold one larger record.
const windowBytes = 256 << 10

// scanner reads the records of one segment, which can contain arbitrary bytes. The caller sets the first
// group of fields.
type scanner struct {
	src  io.ReaderAt
	v1   bool // format 1
	mask uint32
	next uint64 // sequence number that the next record should have
	off  int64  // offset where it should begin
	end  int64  // end of the segment

	window []byte // bytes of src; the buffer is reused
	at     int64  // offset of the window in src
}

// gap is the damage that a scanner skipped before a record: bytes that are not a record, or not one that belongs
// there, and the missing sequence numbers.
type gap struct {
	from, to int64 // offsets
	first    uint64
	missing  uint64
}

// scan returns the next record, and the gap before it if there is one. The payload is valid
// until the next call. io.EOF: there are no more records, and off is the end of the last one.
// Other errors are those of src and ctx.
func (s *scanner) scan(ctx context.Context) (frame, gap, error) {
	f, ok, err := s.frameAt(s.off)
	if err != nil {
		return frame{}, gap{}, err
	}
	if ok && f.sequence == s.next {
		s.off, s.next = s.off+int64(f.bytes), s.next+1
		return f, gap{}, nil
	}
	if !ok || f.sequence < s.next {
		return s.resume(ctx)
	}
	return s.pass(f, s.off)
}

// resume finds the first record after damage.
func (s *scanner) resume(ctx context.Context) (frame, gap, error) {
	off, err := s.search(ctx, s.off+1)
	if err != nil {
		return frame{}, gap{}, err
	}
	// If the segment is being written, the record may be complete by now.
	s.window = s.window[:0]
	f, ok, err := s.frameAt(s.off)
	if err != nil {
		return frame{}, gap{}, err
	}
	if ok && f.sequence >= s.next {
		return s.pass(f, s.off)
	}
	if f, ok, err = s.frameAt(off); err != nil {
		return frame{}, gap{}, err
	}
	if !ok {
		return frame{}, gap{}, io.EOF // truncated by its writer meanwhile
	}
	return s.pass(f, off)
}

// pass moves the scanner behind f, which begins at off.
func (s *scanner) pass(f frame, off int64) (frame, gap, error) {
	var g gap
	if off != s.off || f.sequence != s.next {
		g = gap{from: s.off, to: off, first: s.next, missing: f.sequence - s.next}
	}
	s.off, s.next = off+int64(f.bytes), f.sequence+1
	return f, g, nil
}

// search returns the offset of the first valid record at from or later with a sequence number of next or later;
// io.EOF if there is none.
func (s *scanner) search(ctx context.Context, from int64) (int64, error) {
	for from+int64(s.headBytes()) <= s.end {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		b, err := s.peek(from, s.headBytes())
		if err != nil {
			return 0, err
		}
		if len(b) < s.headBytes() {
			break // the file ends before s.end
		}
		b = s.window[from-s.at:]
		i, found := s.candidate(b[:min(int64(len(b)), s.end-from)])
		from += int64(i)
		if !found {
			continue
		}
		_, ok, err := s.frameAt(from)
		if err != nil {
			return 0, err
		}
		if ok {
			return from, nil
		}
		from++
	}
	return 0, io.EOF
}

// candidate returns the first index in b, which has at least headBytes, where a record may begin: it has a
// kind, a possible length, and a sequence number of next or not much later. If there is none, it
// returns the first index whose head is not completely in b.
func (s *scanner) candidate(b []byte) (i int, found bool) {
	head := s.headBytes()
	for ; i+head <= len(b); i++ {
		if binary.LittleEndian.Uint64(b[i+7:]) == 0 {
			i += 7 // no kind for any of i to i+7
			continue
		}
		ahead := uint64(binary.LittleEndian.Uint32(b[i+8:]) - uint32(s.next))
		if s.v1 {
			ahead = binary.LittleEndian.Uint64(b[i+8:]) - s.next
		}
		if ahead < 1<<31 && s.frameSize(b[i:]) > 0 {
			return i, true
		}
	}
	return len(b) - head + 1, false
}

func (s *scanner) headBytes() int {
	if s.v1 {
		return frame1Bytes
	}
	return headBytes
}

func (s *scanner) frameSize(head []byte) int {
	if s.v1 {
		return frame1Size(head)
	}
	return frameSize(head)
}

// frameAt reads the record at off; ok is false if there is no valid one.
func (s *scanner) frameAt(off int64) (f frame, ok bool, err error) {
	if off+int64(s.headBytes()) > s.end {
		return frame{}, false, nil
	}
	b, err := s.peek(off, s.headBytes())
	if err != nil || len(b) < s.headBytes() {
		return frame{}, false, err
	}
	size := int64(s.frameSize(b))
	if size == 0 || off+size > s.end {
		return frame{}, false, nil
	}
	b, err = s.peek(off, int(size))
	if err != nil || int64(len(b)) < size {
		return frame{}, false, err
	}
	if s.v1 {
		f, ok = getFrame1(b, s.mask)
	} else {
		f, ok = getFrame(b, s.mask, s.next)
	}
	return f, ok, nil
}

// peek returns n bytes from off, fewer where the file ends. They are valid until the next peek.
func (s *scanner) peek(off int64, n int) ([]byte, error) {
	if off < s.at || off+int64(n) > s.at+int64(len(s.window)) {
		if cap(s.window) < n {
			s.window = make([]byte, 0, max(n, int(min(windowBytes, s.end-off))))
		}
		got, err := s.src.ReadAt(s.window[:cap(s.window)], off)
		if err != nil && !errors.Is(err, io.EOF) {
			s.window = s.window[:0]
			return nil, err
		}
		s.window, s.at = s.window[:got], off
	}
	b := s.window[off-s.at:]
	return b[:min(n, len(b))], nil
}

// lastDirty returns the offset after the last byte from off on that is not zero; off if all
// are.
func lastDirty(src io.ReaderAt, off, end int64) (int64, error) {
	buf := make([]byte, windowBytes)
	last := off
	for at := off; at < end; {
		n, err := src.ReadAt(buf[:min(windowBytes, end-at)], at)
		if b := buf[:n]; !allZero(b) {
			for b[len(b)-1] == 0 {
				b = b[:len(b)-1]
			}
			last = at + int64(len(b))
		}
		at += int64(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
	}
	return last, nil
}
