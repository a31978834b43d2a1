package journal

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"

	"interdict/lists/fault"
)

// salvage copies the records of a broken segment that are not known to be on disk to a new segment,
// which is sealed and synced before it is renamed. If two segments have a record, readers use the
// later one. Records that cannot be read back are lost. salvage
// reports them once, and then counts the broken segment as flushed.
func (j *Journal) salvage(s *segment) error {
	if s.synced == s.used {
		return nil
	}
	in := scanner{src: s.file, mask: s.mask, next: s.first, off: headerBytes, end: int64(s.used)}
	// A page that held the end of what was synced was written again by the sync that failed.
	first, f, found := nextAfter(&in, int64(s.synced&^(pageBytes-1)))
	copied := uint64(0)
	if found {
		var err error
		if copied, err = j.copyAside(&in, f); err != nil {
			return fault.E(fault.Unavailable, "salvage %s: %w", s.path, err)
		}
	}
	s.synced = s.used
	if lost := s.next - first - copied; lost > 0 {
		return fault.E(fault.Unavailable, "salvage %s: %d of the records %d to %d cannot be read back", s.path, lost, first, s.next-1)
	}
	j.log.Warn("journal records salvaged", "file", s.path, "first", first, "last", s.next-1)
	return nil
}

// nextAfter returns the first record that ends after off, and the sequence number that it
// should have. A read error counts as the end of the records.
func nextAfter(in *scanner, off int64) (expected uint64, f frame, found bool) {
	for {
		expected = in.next
		f, _, err := in.scan(context.Background())
		if err != nil {
			return expected, frame{}, false
		}
		if in.off > off {
			return expected, f, true
		}
	}
}

// copyAside writes f and the records after it to a new segment, seals and renames it.
func (j *Journal) copyAside(in *scanner, f frame) (copied uint64, err error) {
	out, err := createSegment(j.dir)
	if err != nil {
		return 0, err
	}
	first := f.sequence
	if copied, err = j.copyInto(out, in, f); err == nil {
		path := filepath.Join(j.dir, segmentName(first, out.salt))
		if err = os.Rename(out.path, path); err == nil {
			out.path = path
			err = syncDir(j.dir)
		}
	}
	if err != nil {
		return 0, errors.Join(err, out.remove())
	}
	return copied, out.release()
}

func (j *Journal) copyInto(out *segment, in *scanner, f frame) (copied uint64, err error) {
	h := header{first: f.sequence, created: j.now(), writer: j.writer, salt: out.salt}
	w := bufio.NewWriterSize(out.file, 256<<10)
	w.Write(h.encode())
	length := int64(headerBytes)
	for ; err == nil; f, _, err = in.scan(context.Background()) {
		var head [frameBytes]byte
		putFrameHead(head[:], out.mask, f, payloadSum(f.payload))
		w.Write(head[:])
		w.Write(f.payload)
		length += f.size()
		copied++
	}
	if err := w.Flush(); err != nil { // returns the error of any Write before
		return 0, err
	}
	return copied, sealFile(out.file, out.mask, seal{length: length, next: in.next, sealed: j.now()})
}
